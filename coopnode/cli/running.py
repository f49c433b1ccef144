"""The processes behind `coopnode run`, and their end without loss.

One process writes the log and runs what is due. With `web_processes` above 0 others serve pages, read the
database and pass statements on to it (`coopnode.channel`); they hold the listening sockets that it opened,
and leave when it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import importlib
import json
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import structlog
import typer

from coopnode.cli import output

if TYPE_CHECKING:
    from aiohttp import web

    from coopnode.app import Leader, Node
    from coopnode.config import Config

log = structlog.get_logger()

#: By name: pages sit above this package and are put on top of it only here.
_PROGRAM: Final = ("web.app", "web.server")
#: Open files that are enough for everything.
_FILES: Final = 65_536
#: How long a process that serves pages may take to finish its requests.
_GRACE: Final = 10.0
#: One that ends this soon after its start, this often in a row, will not do better the next time.
_SHORT_LIFE: Final = 10.0
_SHORT_LIVES: Final = 3
#: How often a node that stands by looks whether it is needed.
_LOOK_SECONDS: Final = 1.0


def serve(config: Config, overrides: dict[str, Any], as_json: bool, *, standby: bool = False) -> None:
    """Runs until SIGINT or SIGTERM. Ends the program with a sentence when it cannot start."""
    from coopnode import logs

    logs.configure(config.log_level)
    _open_files()
    try:
        _runner()(_serve(config, overrides, as_json, standby))
    except _Taken as taken:
        held = _held(config)
        output.fail(held or str(taken), as_json=as_json, code="not_started" if held else "port_taken")
    except PermissionError as error:
        output.fail(f"{error.filename or config.data} cannot be used: {error.strerror}", as_json=as_json)
    except Exception as error:
        if not isinstance(error, _foreseen()):
            raise
        output.fail(str(error), as_json=as_json, code="not_started")


def _held(config: Config) -> str | None:
    """That another process runs this very node: it then holds the port too, and another port is no help."""
    from coopnode.app import LOCK, InUse, lock_data

    if not (config.data / LOCK).exists():
        return None
    try:
        lock_data(config.data).close()
    except InUse as error:
        return str(error)
    return None


def _open_files() -> None:
    """As many as this system lets us have: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _foreseen() -> tuple[type[Exception], ...]:
    """What says in words why a node cannot be opened."""
    from coopnode.app import NodeError
    from coopnode.store.database import StoreError
    from protocol.errors import ProtocolError

    return NodeError, StoreError, ProtocolError


def serve_pages(config: Config, channel: int, public: Sequence[int], signing: Sequence[int]) -> None:
    """A process beside the writing one; `channel` and the listening sockets are numbers of open files."""
    from coopnode import logs

    logs.configure(config.log_level)
    _runner()(_serve_pages(config, channel, public, signing))


def _runner() -> Any:
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.run
    return asyncio.run


class _Taken(Exception):
    pass


# -- the process that writes the log ----------------------------------------------------------------------


async def _serve(config: Config, overrides: dict[str, Any], as_json: bool, standby: bool) -> None:
    stop = _stop_signal()
    if standby and not await _stand_by(config, stop, as_json):
        return
    public = await _bind_soon(config.host, config.port, "--port", patient=standby)
    signing = await _bind_soon(config.host, config.signing_port, "--signing-port", patient=standby)
    pages = [Pages(config, overrides, public, signing, stop) for _ in range(config.web_processes)]
    runners: list[web.AppRunner] = []
    async with contextlib.AsyncExitStack() as ending:
        for each in pages:
            ending.push_async_callback(each.stop)
            await each.start()  # they load their program while this one loads its own and opens the node
        from coopnode import __version__
        from coopnode.app import Node, NodeError
        from coopnode.assets import AssetsNotice
        from coopnode.cli.node import all_projections
        from coopnode.jobs import scheduler

        node = Node.open(config, projections=all_projections())
        ending.push_async_callback(node.stop)
        if standby and node.standing.doubt is not None:
            raise NodeError(f"this node cannot take over: {node.standing.doubt}")
        notice = AssetsNotice(node, __version__, importlib.import_module("web.signing_origin").digests())
        node.watch.wanted_processes = len(pages)
        work = scheduler(node)
        await node.start()
        for job in (notice, work):
            job.start()
            ending.push_async_callback(job.stop)
        if pages:
            # Before the node: requests are answered to the end.
            ending.push_async_callback(_stop_all, pages)
            await asyncio.gather(*(each.lead(node) for each in pages))
        else:
            runners = await _runners(node)
            for runner in runners:
                ending.push_async_callback(runner.cleanup)
            await _listen(runners, public, signing)
        _spare_the_collector()
        if not stop.is_set():
            _announce(node, config, [sockets[0].getsockname()[1] for sockets in (public, signing)], as_json)
        await stop.wait()
    if any(each.failed for each in pages):
        raise NodeError("the processes that serve pages end as soon as they start; the lines above say why")


async def _stand_by(config: Config, stop: asyncio.Event, as_json: bool) -> bool:
    """Until nobody writes the log of this node. False when it is told to stop before."""
    from coopnode.app import is_free

    told = False
    while not await asyncio.to_thread(is_free, config):
        if not told:
            told = True
            text = "Standing by: another process writes this log."
            typer.echo(json.dumps({"standby": True}) if as_json else text)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
        if stop.is_set():
            return False
    return True


async def _bind_soon(host: str, port: int, option: str, *, patient: bool) -> list[socket.socket]:
    """`patient`: the processes of the node that ended may still hold the port for a moment."""
    end = asyncio.get_running_loop().time() + _GRACE
    while True:
        try:
            return _bind(host, port, option)
        except _Taken:
            if not patient or asyncio.get_running_loop().time() > end:
                raise
        await asyncio.sleep(_LOOK_SECONDS / 4)


async def _stop_all(pages: Sequence[Pages]) -> None:
    await asyncio.gather(*(each.stop() for each in pages))


class Pages:
    """One process that serves pages, started again when it ends by itself."""

    def __init__(
        self,
        config: Config,
        overrides: dict[str, Any],
        public: list[socket.socket],
        signing: list[socket.socket],
        stop: asyncio.Event,
    ) -> None:
        self._stop = stop
        self._sockets = [*public, *signing]
        given = [
            f"--{name.replace('_', '-')}={value}" for name, value in overrides.items() if value is not None
        ]
        self._command = [
            *(sys.executable, "-m", "coopnode", "serve-pages", f"--data={config.data}", *given),
            *(f"--public={each.fileno()}" for each in public),
            *(f"--signing={each.fileno()}" for each in signing),
        ]
        self._node: asyncio.Future[Leader] = asyncio.get_running_loop().create_future()
        self._started, self._ready = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.failed = False

    async def start(self) -> None:
        """Returns when the process is there. It waits for `lead`."""
        self._task = asyncio.create_task(self._keep(), name="pages")
        await self._started.wait()

    async def lead(self, node: Leader) -> None:
        """Returns when the process answers requests, or never will."""
        self._node.set_result(node)
        await self._ready.wait()

    async def stop(self) -> None:
        """Lets it finish its requests, for a time."""
        self._stop.set()
        self._node.cancel()
        if self._task is not None:
            await self._task

    async def _keep(self) -> None:
        loop, short = asyncio.get_running_loop(), 0
        while not self._stop.is_set():
            began = loop.time()
            try:
                await self._live()
            except OSError as error:
                log.error("a process for pages could not be started", error=str(error))
            if self._stop.is_set():
                break
            log.error("a process for pages has ended; another is started")
            short = short + 1 if loop.time() - began < _SHORT_LIFE else 0
            if short >= _SHORT_LIVES:
                self.failed = True
                self._stop.set()
        self._started.set()
        self._ready.set()

    async def _live(self) -> None:
        from coopnode.channel import pair

        ours, theirs = pair()
        with ours:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    f"--channel={theirs.fileno()}",
                    pass_fds=[theirs.fileno(), *(each.fileno() for each in self._sockets)],
                    stdin=asyncio.subprocess.DEVNULL,
                )
            self._started.set()
            speaking = asyncio.create_task(self._speak(ours))
            try:
                await self._ended(process)
            finally:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)

    async def _speak(self, end: socket.socket) -> None:
        from coopnode.channel import Hub

        hub = Hub(await asyncio.shield(self._node))
        await hub.open(end)
        try:
            await hub.ready.wait()
            self._ready.set()
            await asyncio.Event().wait()
        finally:
            hub.close()

    async def _ended(self, process: asyncio.subprocess.Process) -> None:
        """Until it has ended; after a request to stop it gets its time and no more."""
        ended = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            process.terminate()
            await asyncio.wait((ended,), timeout=_GRACE)
        if not ended.done():
            process.kill()
        await ended


# -- a process that serves pages --------------------------------------------------------------------------


async def _serve_pages(config: Config, channel: int, public: Sequence[int], signing: Sequence[int]) -> None:
    from coopnode.app import Node
    from coopnode.channel import Follower

    stop = _stop_signal()
    for name in _PROGRAM:  # while the other process opens the node
        importlib.import_module(name)
    follower = Follower()
    await follower.open(socket.socket(fileno=channel))
    if follower.left.is_set():
        return
    node = Node.follow(config, follower)
    node.config_listeners.append(follower.configure)
    follower.configured = node.follow_config
    sys.setswitchinterval(0.0005)
    runners = await _runners(node)
    try:
        sockets = [[socket.socket(fileno=number) for number in numbers] for numbers in (public, signing)]
        await _listen(runners, *sockets)
        _spare_the_collector()
        follower.ready()
        asked, left = asyncio.create_task(stop.wait()), asyncio.create_task(follower.left.wait())
        await asyncio.wait((asked, left), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for runner in runners:
            await runner.cleanup()
        follower.close()
        node.close()


# -- what both do -----------------------------------------------------------------------------------------


async def _runners(node: Node) -> list[web.AppRunner]:
    """The applications of the public and of the signing origin, started."""
    pages, server = map(importlib.import_module, _PROGRAM)
    found: list[web.AppRunner] = []
    for app in (pages.create_app(node), pages.create_signing_app(node)):
        runner = server.create_runner(app, handler_cancellation=True)
        found.append(runner)
        await runner.setup()
    return found


async def _listen(
    runners: list[web.AppRunner], public: list[socket.socket], signing: list[socket.socket]
) -> None:
    from aiohttp import web

    for runner, sockets in zip(runners, (public, signing), strict=True):
        for each in sockets:
            await web.SockSite(runner, each).start()


def _bind(host: str, port: int, option: str) -> list[socket.socket]:
    """One listening socket for each address of `host`. Raises _Taken with a sentence."""
    bound: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(found):
            if bound and port == 0:
                break  # every address would get a port of its own
            bound.append(socket.create_server(address[:2], family=family, backlog=512))
            bound[-1].setblocking(False)
    except OSError as error:
        for each in bound:
            each.close()
        if error.errno == errno.EADDRINUSE:
            raise _Taken(
                f"port {port} of {host} is taken by another program; choose one with {option}"
            ) from error
        raise _Taken(
            f"{host}:{port} cannot be listened on: {error.strerror}; see --host and {option}"
        ) from error
    return bound


def _spare_the_collector() -> None:
    """What is loaded by now stays for good, and requests leave few cycles behind: walking all of it every 700
    new objects costs a tenth of the processor time under load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _announce(node: Leader, config: Config, ports: list[int], as_json: bool) -> None:
    url = config.public_url
    token = node.founding_token
    founding = f"{url}/found?token={token}" if token else None
    if as_json:
        ready = {"ready": True, "url": url, "founding": founding, "port": ports[0], "signing_port": ports[-1]}
        typer.echo(json.dumps({**ready, "reading_only": node.standing.doubt}))
    elif node.standing.doubt:
        typer.echo(f"Reading only: {node.standing.doubt}\n{url}")
    elif founding:
        typer.echo(f"Open this address to found your cooperative:\n\n    {founding}\n")
    else:
        typer.echo(url)
        _announce_demo(config)


def _announce_demo(config: Config) -> None:
    from coopnode.demo import place

    found = place.load(config)
    if found is not None:
        from coopnode.cli.demo import announcement

        typer.echo(announcement(found, config.public_url, output.language(None)))


def _stop_signal() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM. In place before anybody is told that the node is ready."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
