"""Pages while statements keep coming: 100 requests a second beside 500 statements a second."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.benchmarks import processes
from tests.benchmarks.accepting import Prepared
from tests.benchmarks.figures import Figures
from tests.benchmarks.load import pack
from tests.benchmarks.processes import Server

GROUP = "pages"
#: Those that answer 200 are measured: the benchmark is as old as the pages.
PAGES = (
    ("profile of the cooperative", "/"),
    ("look-up of a document", "/verify"),
    ("sign-in", "/sign-in"),
    ("checkpoint", "/checkpoint"),
)
_PAGES_A_SECOND, _STATEMENTS_A_SECOND = 100, 500


def run(figures: Figures, folder: Path, prepared: Prepared, *, quick: bool) -> None:
    seconds = 1.0 if quick else 3.0
    statements = folder / "beside"
    with processes.node(prepared.data) as server, ThreadPoolExecutor(1) as beside:
        pages = [(name, path) for name, path in PAGES if _status(server, path) == 200]
        pack(statements, prepared.consents(int(len(pages) * (seconds + 2) * _STATEMENTS_A_SECOND)))
        skip = 0
        for name, path in pages:
            wanted = (
                "--file",
                statements,
                "--skip",
                skip,
                "--seconds",
                seconds + 1,
                "--rate",
                _STATEMENTS_A_SECOND,
            )
            posting = beside.submit(processes.load, server, "/entries", *wanted)
            found = processes.load(
                server, path, "--seconds", seconds, "--rate", _PAGES_A_SECOND, "--connections", 16
            )
            posted = posting.result()
            skip += posted["sent"]
            if set(found["statuses"]) != {"200"} or set(posted["statuses"]) != {"200"}:
                raise RuntimeError(f"{path} answered {found['statuses']}, /entries {posted['statuses']}")
            note = f"p50 {found['p50'] * 1e3:.1f} ms; committed p99 {posted['p99'] * 1e3:.0f} ms"
            figures.time(GROUP, f"p99 of {name}, {path}", found["p99"], "allowed", 0.1, 1.0, note=note)


def _status(server: Server, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", path, headers={"Accept": "text/html"})
        return connection.getresponse().status
    finally:
        connection.close()
