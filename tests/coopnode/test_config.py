"""Settings: which addresses belong together."""

from __future__ import annotations

import pytest

from coopnode.config import belong_together


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
