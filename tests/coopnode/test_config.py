"""Settings: which addresses belong together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coopnode import config
from coopnode.config import belong_together


def test_changes_made_at_once_are_all_written(tmp_path: Path) -> None:
    """By processes that serve pages; each opens the folder anew, so that threads exclude each other too."""
    names = [f"limits.{name}" for name in ("batch", "in_flight", "blob", "attachment")]
    for _ in range(20):
        (tmp_path / config.FILE).unlink(missing_ok=True)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: config.write(tmp_path, {name: 4096}), names))
        found = config.load(tmp_path).limits
        assert {found.batch, found.in_flight, found.blob, found.attachment} == {4096}


@pytest.mark.parametrize(
    ("public", "signing"),
    [
        ("https://coop.example", "https://sign.coop.example"),
        ("https://coop.example", "https://coop.example:8471"),
        ("https://coop.example:443", "https://coop.example:8471"),
        ("https://www.coop.example", "https://sign.coop.example"),
        ("https://node.coop.example", "https://sign.coop.example"),
        ("http://localhost:8470", "http://localhost:8471"),
        ("http://127.0.0.1:8470", "http://127.0.0.1:8471"),
        ("http://[::1]:8470", "http://[::1]:8471"),
    ],
)
def test_keys_may_live_beside_the_site(public: str, signing: str) -> None:
    assert belong_together(public, signing)


@pytest.mark.parametrize(
    ("public", "signing"),
    [
        ("https://coop.example", "https://coop.example"),
        ("https://coop.example", "https://coop.example:443"),
        ("https://coop.example", "http://coop.example:8471"),
        ("https://coop.example", "https://keys.example"),
        ("https://coop.example", "https://coop.example:99999"),
        ("https://coop.example", "https://notcoop.example"),
        ("https://sign.coop.example", "https://coop.example"),
        ("http://localhost:8470", "http://127.0.0.1:8471"),
        ("http://10.0.0.1:8470", "http://11.0.0.1:8471"),
    ],
)
def test_keys_may_not_live_elsewhere(public: str, signing: str) -> None:
    assert not belong_together(public, signing)
