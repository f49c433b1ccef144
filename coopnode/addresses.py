"""The node's own addresses as the world sees them: whether they lead here, and how long their certificates
last. Only asked of addresses with TLS that are not this machine's own.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from typing import Final
from urllib.parse import urlsplit

from coopnode.app import Leader
from coopnode.condition import Address, Side, is_local, named
from coopnode.config import Config

_SECONDS: Final = 10.0
#: What each of the two answers to strangers.
_PATHS: Final[dict[Side, str]] = {"public": "/livez", "signing": "/config.json"}


async def look(node: Leader) -> None:
    """A job: the answer stands in the node's condition."""
    node.watch.addresses = await addresses(node.config, int(time.time()))


async def addresses(config: Config, now: int, *, authority: ssl.SSLContext | None = None) -> list[Address]:
    found: list[Address] = []
    for name, url in named(config):
        until, problem = None, None
        if url.startswith("https:") and not is_local(url):
            until, problem = await _ask(url + _PATHS[name], authority)
        found.append(Address(name, url, now, until, problem))
    return found


async def _ask(url: str, authority: ssl.SSLContext | None) -> tuple[int | None, str | None]:
    """(end of the certificate, what is wrong)"""
    parts = urlsplit(url)
    host = parts.hostname or ""
    until: int | None = None
    try:
        async with asyncio.timeout(_SECONDS):
            context = authority or ssl.create_default_context()
            reader, writer = await asyncio.open_connection(host, parts.port or 443, ssl=context)
            try:
                until = int(ssl.cert_time_to_seconds(writer.get_extra_info("peercert")["notAfter"]))
                asked = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
                writer.write(asked.encode())
                answer = (await reader.readline()).split()
            finally:
                writer.close()
    except ssl.SSLCertVerificationError as error:
        return None, error.verify_message
    except socket.gaierror:
        return None, "the name is not found"
    except (OSError, TimeoutError) as error:
        return until, f"no answer ({type(error).__name__})"
    if answer[1:2] != [b"200"]:
        return until, f"the answer is {answer[1].decode('ascii', 'replace') if answer[1:] else 'no HTTP'}"
    return until, None
