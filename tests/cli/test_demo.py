"""`coopnode run --demo`, run for real."""

from __future__ import annotations

from pathlib import Path
from urllib.request import urlopen

import pytest

from coopnode import testing
from coopnode.app import initialise
from coopnode.demo import cast
from coopnode.demo.place import PASSPHRASE
from tests.cli.test_cli import coopnode, json_of, running


def test_a_real_nodes_directory_is_refused(tmp_path: Path) -> None:
    real = tmp_path / "real"
    initialise(testing.config(real))
    before = sorted(path.name for path in real.rglob("*"))
    for more in ((), ("--anew",)):
        refused = json_of("run", "--demo", *more, "--data", real, status=2)
        assert refused["code"] == "demo" and "left alone" in refused["problem"]
    assert sorted(path.name for path in real.rglob("*")) == before
    assert "--anew goes with --demo" in coopnode("run", "--anew", "--data", real, status=2).stderr


def test_it_does_not_leave_this_machine(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    for name, value in (("PUBLIC_URL", "https://coop.example"), ("HOST", "0.0.0.0")):
        refused = coopnode("run", "--demo", "--data", data, status=2, **{f"COOPNODE_{name}": value})
        assert "the configuration is wrong: a demo stays on this machine" in refused.stderr
    assert not data.exists()


@pytest.mark.long
def test_made_once_run_and_audited(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    found = []
    for more in ((), (), ("--anew",)):
        with running(data, "--demo", *more) as ready:
            site = f"http://localhost:{ready['port']}"
            with urlopen(f"{site}/demo") as page:
                assert cast.PEOPLE[cast.CHAIR].name in page.read().decode()
            with urlopen(f"{site}/demo/keys/{cast.CHAIR}") as copy:
                (tmp_path / "copy.txt").write_bytes(copy.read())
        audited = json_of("audit", data)
        assert audited["ok"], audited
        shown = json_of("key", "show", tmp_path / "copy.txt", COOPNODE_PASSPHRASE=PASSPHRASE)
        assert shown["home"] == audited["cooperative"]
        found.append(audited["cooperative"])
    assert found[0] == found[1] != found[2], "kept, then made anew"
    assert "No contradiction found" in coopnode("verify", "--data", data).stdout
