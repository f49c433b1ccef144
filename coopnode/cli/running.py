"""The process behind `coopnode run`: two listening ports, one node, and an end without loss."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import importlib
import json
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from coopnode.cli import output

if TYPE_CHECKING:
    from aiohttp import web

    from coopnode.app import Node
    from coopnode.config import Config


def serve(config: Config, overrides: dict[str, Any], as_json: bool) -> None:
    """Runs until SIGINT or SIGTERM. Ends the program with a sentence when it cannot start."""
    from coopnode import logs
    from coopnode.app import NodeError
    from coopnode.store.database import StoreError
    from protocol.errors import ProtocolError

    logs.configure(config.log_level)
    try:
        _runner()(_serve(config, as_json))
    except (NodeError, StoreError, ProtocolError) as error:
        output.fail(str(error), as_json=as_json, code="not_started")
    except _Taken as taken:
        output.fail(str(taken), as_json=as_json, code="port_taken")
    except PermissionError as error:
        output.fail(f"{error.filename or config.data} cannot be used: {error.strerror}", as_json=as_json)


def _runner() -> Any:
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.run
    return asyncio.run


class _Taken(Exception):
    pass


@dataclass(frozen=True)
class _Listener:
    app: web.Application
    port: int
    option: str


async def _serve(config: Config, as_json: bool) -> None:
    from aiohttp import web

    from coopnode import __version__
    from coopnode.app import Node
    from coopnode.assets import AssetsNotice
    from coopnode.cli.node import all_projections

    node = Node.open(config, projections=all_projections())
    notice = AssetsNotice(node, __version__, importlib.import_module("web.signing_origin").digests())
    runners: list[web.AppRunner] = []
    try:
        ports: list[int] = []
        for listener in _listeners(node, config):
            runner = web.AppRunner(listener.app, access_log=None, handler_cancellation=True)
            runners.append(runner)
            await runner.setup()
            ports.append(await _listen(web.TCPSite(runner, config.host, listener.port), listener, config))
        stop = _stop_signal()
        await node.start()
        notice.start()
        _spare_the_collector()
        _announce(node, config, ports, as_json)
        await stop.wait()
    finally:
        for runner in runners:
            await runner.cleanup()
        await notice.stop()
        await node.stop()


def _spare_the_collector() -> None:
    """What is loaded by now stays for good, and requests leave few cycles behind: walking all of it every 700
    new objects costs a tenth of the processor time under load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _listeners(node: Node, config: Config) -> list[_Listener]:
    # By name: pages sit above this package and are put on top of it only here.
    public = importlib.import_module("web.app")
    found = [_Listener(public.create_app(node), config.port, "--port")]
    make = getattr(public, "create_signing_app", None)
    if make is not None:
        found.append(_Listener(make(node), config.signing_port, "--signing-port"))
    return found


async def _listen(site: web.TCPSite, listener: _Listener, config: Config) -> int:
    try:
        await site.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _Taken(
                f"port {listener.port} of {config.host} is taken by another program; "
                f"choose one with {listener.option}"
            ) from error
        if error.errno in (errno.EACCES, errno.EADDRNOTAVAIL):
            raise _Taken(
                f"{config.host}:{listener.port} cannot be listened on: {error.strerror}; "
                f"see --host and {listener.option}"
            ) from error
        raise
    server: Any = site._server
    return int(server.sockets[0].getsockname()[1])


def _announce(node: Node, config: Config, ports: list[int], as_json: bool) -> None:
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


def _stop_signal() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM. In place before anybody is told that the node is ready."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
