"""A node between SQLite and PostgreSQL, and its commands on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from coopnode import config
from tests.cli.nodes import Made, furnish
from tests.cli.test_cli import ROOT, coopnode, json_of, running
from tests.postgresql import Cluster

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return furnish(tmp_path_factory.mktemp("node") / "data")


@pytest.fixture
def node(original: Made, tmp_path: Path) -> Made:
    shutil.copytree(original.data, tmp_path / "data")
    return Made(tmp_path / "data", original.id, original.founder, original.size)


@pytest.fixture
def moved(node: Made, cluster: Cluster) -> Made:
    json_of("migrate-database", "--to", cluster.database(empty=True), "--data", node.data)
    return node


def execute(node: Made, sql: str) -> None:
    url = config.database_of(node.data)
    assert url is not None
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql)


def test_there_and_back(node: Made, cluster: Cluster) -> None:
    url = cluster.database(empty=True)
    (node.data / "coopnode.toml").write_text("# ours\nport = 8470\n")
    there = json_of("migrate-database", "--to", url, "--data", node.data)
    assert there["entries"] == node.size and there["rows"] > node.size
    assert config.database_of(node.data) == url
    assert "# ours" in (node.data / "coopnode.toml").read_text()
    assert not (node.data / "coopnode.db").exists() and Path(there["old"]).exists()
    with running(node.data) as ready:
        assert ready["reading_only"] is None
        said = coopnode("migrate-database", "--yes", "--to", "sqlite", "--data", node.data, status=2).stderr
        assert "in use by another coopnode process" in said
    assert json_of("verify", "--data", node.data)["ok"]
    assert "already" in json_of("migrate-database", "--to", url, "--data", node.data, status=2)["problem"]
    back = json_of("migrate-database", "--to", "sqlite", "--data", node.data)
    assert config.database_of(node.data) is None
    assert json_of("verify", "--data", node.data)["ok"]
    assert back["entries"] >= there["entries"]
    with running(node.data) as ready:
        assert ready["reading_only"] is None
    coopnode("migrate-database", "--to", "sqlite", "--data", node.data, status=2)  # nobody can answer


def test_numbers_go_on_after_those_that_came_along(moved: Made) -> None:
    execute(moved, "INSERT INTO outbox (kind, idx, body, created_at, due_at) VALUES ('a', 1, '', 1, 1)")


def test_the_planner_knows_what_came(moved: Made) -> None:
    url = config.database_of(moved.data)
    assert url is not None
    with psycopg.connect(url) as connection:
        known = "SELECT reltuples FROM pg_class WHERE relname = 'entries'"
        assert connection.execute(known).fetchone() == (moved.size,)


@pytest.mark.parametrize(
    ("point", "back"),
    [
        ("move.copied", False),
        pytest.param("move.compared", False, marks=pytest.mark.long),
        pytest.param("move.copied", True, marks=pytest.mark.long),
        pytest.param("move.compared", True, marks=pytest.mark.long),
    ],
)
def test_a_death_on_the_way_leaves_the_old_one_in_force(
    node: Made, cluster: Cluster, point: str, back: bool
) -> None:
    to = cluster.database(empty=True)
    if back:
        json_of("migrate-database", "--to", to, "--data", node.data)
        to = "sqlite"
    before = config.database_of(node.data)
    command = [sys.executable, "-m", "coopnode", "migrate-database", "--to", to, "--data", str(node.data)]
    environment = {**os.environ, "COOPNODE_FAULT": f"{point}:kill"}
    died = subprocess.run([*command, "--yes"], cwd=ROOT, env=environment, capture_output=True)
    assert died.returncode == -9
    assert config.database_of(node.data) == before
    assert json_of("verify", "--data", node.data)["ok"]
    assert json_of("migrate-database", "--to", to, "--data", node.data)["entries"] == node.size
    assert config.database_of(node.data) == (None if back else to)
    assert json_of("verify", "--data", node.data)["ok"]


def test_what_cannot_be_moved(node: Made, moved: Made, cluster: Cluster, tmp_path: Path) -> None:
    url = config.database_of(moved.data)
    assert url is not None
    other = tmp_path / "other"
    furnish(other)
    found = json_of("migrate-database", "--to", url, "--data", other, status=2)
    assert "not empty" in found["problem"] and config.database_of(other) is None
    assert (
        "holds no node"
        in json_of("migrate-database", "--to", url, "--data", tmp_path / "x", status=2)["problem"]
    )
    found = json_of("migrate-database", "--to", "mysql://x/y", "--data", other, status=2)
    assert "postgresql://" in found["problem"]
    nowhere = "postgresql://127.0.0.1:1/none?connect_timeout=2"
    assert (
        "cannot be reached"
        in json_of("migrate-database", "--to", nowhere, "--data", other, status=2)["problem"]
    )
    empty = cluster.database(empty=True)
    found = json_of("migrate-database", "--to", empty, "--data", other, status=2, COOPNODE_DATABASE_URL=url)
    assert "COOPNODE_DATABASE_URL" in found["problem"]
    assert json_of("verify", "--data", other)["ok"]


# -- the other commands on PostgreSQL ---------------------------------------------------------------------


def test_verify_and_rebuild(moved: Made) -> None:
    execute(moved, "DELETE FROM state WHERE domain = 'council'")
    assert "state_missing" in coopnode("verify", "--data", moved.data, status=1).stdout
    assert json_of("rebuild", "--data", moved.data)["entries"] == moved.size
    assert json_of("verify", "--data", moved.data)["ok"]
    execute(
        moved,
        "UPDATE council_decisions SET number = number + 1; UPDATE accounts_recoveries SET since_idx = 0",
    )
    assert "projection_mismatch" in coopnode("verify", "--data", moved.data, status=1).stdout
    execute(moved, "UPDATE entries SET raw = '\\x00' WHERE idx = 9")
    assert json_of("rebuild", "--data", moved.data, status=1)["problem"]["index"] == 9
    assert coopnode("letters", "--data", moved.data).stdout.startswith("0 waiting")


def test_a_backup_of_one_is_restored_into_the_other(moved: Made, cluster: Cluster, tmp_path: Path) -> None:
    """Also while the node runs."""
    with running(moved.data):
        made = json_of("backup", tmp_path / "b.backup", "--data", moved.data)
    assert made["entries"] >= moved.size
    restored = tmp_path / "restored"
    json_of("restore", made["backup"], "--data", restored, "--head", moved.data / "head/head.db")
    assert config.database_of(restored) is None, "a restored node stands on its own file"
    assert json_of("verify", "--data", restored)["ok"]
    done = json_of("migrate-database", "--to", cluster.database(empty=True), "--data", restored)
    assert done["entries"] == made["entries"]
    assert json_of("verify", "--data", restored)["ok"]
    with running(restored) as ready:
        assert ready["reading_only"] is None
    assert json_of("export", tmp_path / "copy", "--data", restored)["ok"]
    assert json_of("audit", tmp_path / "copy")["ok"]


def test_the_address_may_stand_in_the_environment(moved: Made) -> None:
    url = config.database_of(moved.data)
    assert url is not None
    config.remove(moved.data, "database_url")
    assert json_of("verify", "--data", moved.data, COOPNODE_DATABASE_URL=url)["ok"]
    shown = coopnode("config", "--data", moved.data, COOPNODE_DATABASE_URL="postgresql://a:geheim@h/n").stdout
    assert "database_url = **********" in shown
    assert "geheim" not in shown
    coopnode("verify", "--data", moved.data, status=2)
