"""What `deploy/` hands to an administrator: units, guide, board, containers."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from coopnode import metrics
from coopnode.condition import TROUBLES
from coopnode.testing import cooperative

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = (
    *("coopnode.service", "coopnode-backup.service", "coopnode-backup.timer"),
    *("coopnode-increment.service", "coopnode-increment.timer"),
)
#: Of 10; systemd calls up to 2 safe or good. A change that opens something has to say so here.
MOST_EXPOSED = {"coopnode.service": 1.3, "coopnode-backup.service": 1.0, "coopnode-increment.service": 1.0}


@pytest.mark.long
@pytest.mark.parametrize("name", UNITS)
def test_units_are_well_formed(name: str, tmp_path: Path) -> None:
    """The program is not installed here: its path is one that exists, everything else is as it will run."""
    for unit in UNITS:
        text = (DEPLOY / "systemd" / unit).read_text("utf-8")
        (tmp_path / unit).write_text(text.replace("/opt/coopnode/current/bin/coopnode", "/bin/true"), "utf-8")
    verified = ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)]
    done = subprocess.run(verified, text=True, capture_output=True)
    said = [line for line in done.stderr.splitlines() if name in line]
    assert (done.returncode, said) == (0, []), done.stderr


@pytest.mark.long
@pytest.mark.parametrize("name", MOST_EXPOSED)
def test_units_are_hardened(name: str) -> None:
    looked = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(DEPLOY / "systemd" / name)]
    done = subprocess.run(looked, text=True, capture_output=True)
    found = re.search(r"Overall exposure level for \S+ (\d+\.\d+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= MOST_EXPOSED[name], done.stdout


@pytest.mark.parametrize("name", ["README.md", "README.ru.md"])
def test_the_guide_has_a_line_for_every_trouble(name: str) -> None:
    text = (DEPLOY / name).read_text("utf-8")
    assert [code for code in TROUBLES if f"`{code}`" not in text] == []


def test_both_guides_give_the_same_commands() -> None:
    def commands(name: str) -> list[str]:
        blocks = re.findall(r"```sh\n(.*?)```", (DEPLOY / name).read_text("utf-8"), re.DOTALL)
        lines = [line for block in blocks for line in block.splitlines() if line]
        return [line.replace("ваше.имя", "your.name") for line in lines if line != "coopnode --version"]

    assert commands("README.md") == commands("README.ru.md")


def test_guides_name_files_that_exist() -> None:
    for name in ("README.md", "README.ru.md"):
        text = (DEPLOY / name).read_text("utf-8")
        for target in re.findall(r"\]\(([^)]+)\)", text):
            assert (DEPLOY / target).exists(), (name, target)


async def test_the_board_and_the_alarms_ask_for_figures_that_exist(tmp_path: Path) -> None:
    made = await cooperative(tmp_path / "data")
    found = await made.node.watch.condition()
    text = metrics.text(found).decode()
    await made.node.stop()
    # what is there only once it has happened
    there = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) | {
        "coopnode_backup_age_seconds",
        "coopnode_checkpoint_age_seconds",
    }
    board = json.loads((DEPLOY / "monitoring" / "grafana.json").read_text("utf-8"))
    asked = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    asked += (DEPLOY / "monitoring" / "prometheus.yml").read_text("utf-8")
    names = {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"coopnode_\w+", asked)}
    assert len(names) > 15 and names <= there, names - there


def test_images_of_containers_are_pinned() -> None:
    folder = DEPLOY / "container"
    text = (folder / "Containerfile").read_text("utf-8") + (folder / "compose.yaml").read_text("utf-8")
    images = re.findall(r"(?:^FROM|image:) (\S+)", text, re.MULTILINE)
    assert len(images) == 4
    for image in images:
        assert re.search(r":\d+\.\d+", image), image
    wanted = set(re.findall(r"\$\{(\w+)\}", text))
    given = set(re.findall(r"^(\w+)=", (folder / "env.example").read_text("utf-8"), re.MULTILINE))
    assert wanted == given
