"""The nginx of `deploy/`, as it is but for ports and paths, in front of a real node with TLS."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from coopnode import testing
from coopnode.cli.node import all_projections

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-enough-length"


def certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "coop.example")])
    names = [x509.DNSName("coop.example"), x509.DNSName("sign.coop.example")]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "privkey.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


class Site:
    def __init__(self, session: aiohttp.ClientSession, port: int, node_port: int) -> None:
        self.session, self.port, self.node_port = session, port, node_port

    async def ask(self, path: str, host: str = "coop.example", method: str = "GET", **more: Any) -> Any:
        headers = {"Host": host, **more.pop("headers", {})}
        url = f"https://127.0.0.1:{self.port}{path}"
        return await self.session.request(
            method, url, headers=headers, server_hostname=host, allow_redirects=False, **more
        )


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert nginx is not None, "apt-get install nginx-light"
    made = await testing.cooperative(
        tmp_path / "data", projections=all_projections(), public_url="https://coop.example",
        signing_url="https://sign.coop.example",
    )  # fmt: skip
    await made.node.stop()
    certificate(tmp_path)
    plain, secure = free_ports(2)
    environment = {
        **os.environ,
        "COOPNODE_WEB_PROCESSES": "1",
        "COOPNODE_TRUSTED_PROXIES": '["127.0.0.1"]',
        "COOPNODE_METRICS_TOKEN": TOKEN,
        "COOPNODE_PUBLIC_URL": "https://coop.example",
        "COOPNODE_SIGNING_URL": "https://sign.coop.example",
    }
    node = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "coopnode", "run", "--data", str(tmp_path / "data"), "--json"),
        *("--port", "0", "--signing-port", "0"),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=environment,
    )
    assert node.stdout is not None
    said = json.loads(await asyncio.wait_for(node.stdout.readline(), 60))
    text = (ROOT / "deploy" / "proxy" / "nginx.conf").read_text("utf-8")
    for old, new in (
        ("listen [::]:80;", ""),
        ("listen [::]:443 ssl http2;", ""),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{secure} ssl http2;"),
        ("/etc/letsencrypt/live/coop.example", str(tmp_path)),
        ("/var/log/nginx", str(tmp_path)),
        ("127.0.0.1:8470", f"127.0.0.1:{said['port']}"),
        ("127.0.0.1:8471", f"127.0.0.1:{said['signing_port']}"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    folders = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr warn; events {{}} http {{\n{folders}{text}\n}}\n"
    )
    proxy = await asyncio.create_subprocess_exec(
        nginx, "-p", str(tmp_path), "-c", "nginx.conf", "-e", "stderr"
    )
    context = ssl.create_default_context(cafile=tmp_path / "fullchain.pem")
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            made_site = Site(session, secure, said["port"])
            async with asyncio.timeout(20):
                while True:
                    try:
                        await made_site.ask("/livez")
                        break
                    except aiohttp.ClientConnectionError:
                        await asyncio.sleep(0.1)
            yield made_site
    finally:
        for process in (proxy, node):
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 60)


@pytest.mark.long
async def test_a_node_behind_the_proxy(site: Site, tmp_path: Path) -> None:
    page = await site.ask("/")
    assert page.status == 200 and "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert len(page.headers.getall("Strict-Transport-Security")) == 1
    assert len(page.headers.getall("Content-Security-Policy")) == 1
    away = await site.ask("/now")
    assert (away.status, away.headers["Location"]) == (303, "/sign-in?to=/now")
    entry = await site.ask(
        "/entries", method="POST", data=b"nothing", headers={"Content-Type": "application/cose"}
    )
    assert entry.status == 400 and (await entry.json(content_type=None))["code"] == "malformed"
    big = await site.ask("/entries", method="POST", data=bytes(41 * 2**20))
    assert big.status == 413
    # the second name is the signing origin and nothing else
    keys = await site.ask("/", "sign.coop.example")
    assert keys.status == 200 and "Подпись" in await keys.text()
    told = await site.ask("/config.json", "sign.coop.example")
    assert await told.json() == {"main": "https://coop.example"}
    assert (await site.ask("/now", "sign.coop.example")).status == 404
    # a form of our own page
    own = {"Origin": "https://coop.example", "Sec-Fetch-Site": "same-origin"}
    language = {"locale": "en", "back": "/"}
    chosen = await site.ask("/me/language", method="POST", data=language, headers=own)
    assert chosen.status == 303 and "Secure" in chosen.headers["Set-Cookie"]
    assert (await site.ask("/livez")).status == 200
    log = (tmp_path / "coopnode.log").read_text()
    assert " GET /now 303 " in log and "?" not in log


@pytest.mark.long
async def test_what_is_for_the_machine_stays_on_it(site: Site) -> None:
    token = {"Authorization": f"Bearer {TOKEN}"}
    for path in ("/metrics", "/readyz", "/readyz/serve"):
        assert (await site.ask(path, headers=token)).status == 404, path
    inside = f"http://127.0.0.1:{site.node_port}/metrics"
    async with site.session.get(inside) as answer:
        assert answer.status == 403, "whoever comes through a proxy comes from this machine too"
    async with site.session.get(inside, headers=token) as answer:
        assert answer.status == 200


@pytest.mark.long
async def test_nobody_chooses_the_address_they_are_rationed_by(site: Site) -> None:
    """Wrong signatures drain the bucket of one address, whatever a stranger says in X-Forwarded-For."""
    statuses = []
    for number in range(80):
        forwarded = {"X-Forwarded-For": f"203.0.113.{number}"}
        answer = await site.ask(f"/entries/{'0' * 64}", headers=forwarded)
        statuses.append(answer.status)
    assert statuses[0] == 404 and statuses[-1] == 429
