"""The logs of whole flows hold nobody: no name, e-mail, address, token, nor the text of an error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_logs_of_everything_people_do_name_nobody(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.web.logged_flow", str(tmp_path / "data")],
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    # Controls: requests were logged, errors with their place, and what libraries say.
    requests = [line for line in lines if line["event"] == "request"]
    assert len(requests) > 500 and {"id", "method", "route", "status", "ms"} <= set(requests[0])
    (failed,) = [line for line in lines if line["event"] == "failed"]
    assert failed["error"] == "ValueError" and "web/sessions.py" in " ".join(failed["at"])
    libraries = {line["library"] for line in lines if "library" in line}
    assert {"aiohttp.server", "asyncio"} <= libraries
    secrets = json.loads(done.stdout)
    assert len(secrets) > 30
    found = {word for word in secrets for line in done.stderr.splitlines() if word.lower() in line.lower()}
    assert found == set()
