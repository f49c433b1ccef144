"""The wheel holds everything that the checkout holds, and runs away from it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.mark.long
def test_the_wheel_holds_what_the_packages_hold(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    packages = ["protocol", "coopnode", "web"]
    kept = subprocess.check_output(["git", "ls-files", *packages], cwd=ROOT, text=True).splitlines()
    assert [name for name in kept if name not in held] == []
    built = {f"web/static/build/{path.name}" for path in (ROOT / "web/static/build").iterdir()}
    assert built <= held and "web/static/build/manifest.json" in built
    stray = [name for name in held if name.split("/")[0] not in packages and ".dist-info/" not in name]
    assert stray == []


@pytest.mark.long
def test_a_node_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """Away from the checkout, with the assets, catalogues, migrations and texts of the wheel."""
    program = tmp_path / "program"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(program), str(wheel)], check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "coopnode", "run", "--json", "--port=0", "--signing-port=0"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(program), "COOPNODE_WEB_PROCESSES": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())

        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

        def get(path: str) -> bytes:
            with opener.open(f"http://127.0.0.1:{said['port']}{path}", timeout=20) as answer:
                found: bytes = answer.read()
            return found

        assert json.loads(get("/readyz"))["writing"]
        assert get("/static/build/app.css") == (ROOT / "web/static/build/app.css").read_bytes()
        link = f"/found?token={said['founding'].partition('token=')[2]}"
        assert "кооператив" in get(link).decode()
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for pid in (str(process.pid), child):
            mapped = Path(f"/proc/{pid}/environ").read_text()
            assert f"PYTHONPATH={program}" in mapped
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
