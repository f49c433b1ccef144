"""A real PostgreSQL server for one run of the tests, and a database of its own for each data directory.

The server keeps its files in memory where there is such a place, so that its syncs, which stay switched on as
the node asks, cost nothing.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import psycopg

from coopnode import config
from coopnode.store.database import open_database
from tools.dev import find_postgresql

USER = "coopnode"
_TEMPLATE = "furnished"
_MEMORY = Path("/dev/shm")
_START_SECONDS = 30


class Cluster:
    """Started when it is made. It speaks on a socket in its own folder only."""

    def __init__(self, place: Path | None = None, **settings: str) -> None:
        """In `place`, else in memory."""
        programs = find_postgresql()
        if programs is None:
            raise RuntimeError("PostgreSQL is missing; on Debian: apt install postgresql")
        self._programs, self._settings = programs, settings
        if place is None and os.access(_MEMORY, os.W_OK):
            place = _MEMORY
        self._folder = Path(tempfile.mkdtemp(prefix="coopnode-pg-", dir=place))
        self._numbers = count(1)
        self._made: list[str] = []
        self._furnished = False
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        made = ["initdb", "--pgdata=data", f"--username={USER}", "--auth=trust", "--encoding=UTF8"]
        self._run([*made, "--locale=C.UTF-8", "--no-sync"])
        self.start()

    def start(self, **more: str) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "max_connections": "300",
            "shared_buffers": "64MB",
            "autovacuum": "off",
            **self._settings,
            **more,
        }
        given = [f"-c{name}={value}" for name, value in settings.items()]
        with (self._folder / "server.log").open("ab") as file:
            self._process = subprocess.Popen(
                self._command(["postgres", "-D", "data", *given]),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self._folder / "server.log").read_text()) from None
                time.sleep(0.05)

    def stop(self, *, kill: bool = False) -> None:
        """`kill`: as when the power goes; what was committed is there after `start`."""
        if self._process is not None:
            # SIGINT: connections are ended, not waited for. SIGQUIT: nothing is written any more.
            self._process.send_signal(3 if kill else 2)
            self._process.wait(_START_SECONDS)
            self._process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """Of the server, while it runs."""
        assert self._process is not None
        return self._process.pid

    def url(self, name: str) -> str:
        return f"postgresql://{USER}@/{name}?host={self._folder}"

    def furnish(self, data: Path) -> None:
        """Gives the data directory a database, unless its configuration names one."""
        if config.database_of(data) is None:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            config.write(data, {"database_url": self.database()})

    def database(self, *, empty: bool = False) -> str:
        """The address of a new database, with tables unless `empty`."""
        if not self._furnished:
            self.execute(f"CREATE DATABASE {_TEMPLATE}")
            open_database(self._folder, self.url(_TEMPLATE)).close()
            self._furnished = True
        name = f"node{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else _TEMPLATE}")
        self._made.append(name)
        return self.url(name)

    def forget(self) -> None:
        """Drops what was made for a test."""
        for name in self._made:
            self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._made.clear()

    def execute(self, sql: str, name: str = "postgres") -> None:
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(sql)

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            self._command(command), cwd=self._folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if done.returncode:
            raise RuntimeError(done.stdout.decode())

    def _command(self, command: list[str]) -> list[str]:
        """The server never runs as root, and ends with the process that started it."""
        rights = ["setpriv", "--pdeathsig=INT"] if shutil.which("setpriv") else []
        if os.geteuid() == 0:
            rights += ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
        return [*rights, str(self._programs / command[0]), *command[1:]]
