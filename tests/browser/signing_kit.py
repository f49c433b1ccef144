"""The two origins of a signing page for tests: a main site that keeps a real log in memory, and the signing origin with its policy.

The main site records every byte it receives, so that a test can look for what must never arrive.
"""

# ruff: noqa: E501 (programs for the page stand in long strings)
from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from protocol import checkpoints, commitments, documents, encoding, merkle, promises, signatures
from protocol.identifiers import identifier, origin
from protocol.notes import NoteSigner

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = Path(__file__).parent / "fixtures"
COOPERATIVE = identifier(hashlib.sha256(b"a cooperative of the tests").digest())
COOPERATIVE_NAME = "Потребительское общество «Росток»"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_b64u(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def build(entry: Path, target: Path) -> None:
    """As tools/assets.py does it, without minifying; esbuild's own program, so no Node.js is needed."""
    (program,) = (ROOT / "node_modules" / "@esbuild").glob("*/bin/esbuild")
    subprocess.run(
        [
            program,
            entry,
            "--bundle",
            "--format=esm",
            "--target=es2022",
            "--charset=utf8",
            "--log-level=error",
            f"--outfile={target}",
        ],
        check=True,
        cwd=ROOT,
        env={**os.environ, "NODE_PATH": str(ROOT / "node_modules")},
    )


def policy(main: str) -> str:
    """The policy the signing origin is served with. `'self'` in connect-src is for config.json and registry.json."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self' {main}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def parts(body: bytes, content_type: str) -> dict[str, tuple[str, bytes]]:
    """Fields of a multipart body as (content type, bytes). By hand, because the middleware has read the stream to record it."""
    boundary = b"--" + content_type.partition("boundary=")[2].encode()
    found = {}
    for part in body.split(boundary)[1:-1]:
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]+)"', head)
        kind = re.search(rb"Content-Type: (\S+)", head)
        assert name
        found[name[1].decode()] = (kind[1].decode() if kind else "", data.removesuffix(b"\r\n"))
    return found


class FakeMain:
    """The main site. `requests` by token; `refuse` (code, status) answers the next entries with a problem; `down` answers none."""

    def __init__(self) -> None:
        self.node_seed = hashlib.sha256(b"node").digest()
        self.log_seed = hashlib.sha256(b"log").digest()
        self.origin = origin(COOPERATIVE, 0)
        self.entries: list[bytes] = [b"genesis", b"pack", b"tick"]
        self.records: dict[int, bytes] = {}
        self.requests: dict[str, dict[str, Any]] = {}
        self.blobs: dict[str, bytes] = {}
        self.done: dict[str, dict[str, Any]] = {}
        self.traffic: list[bytes] = []
        self.refuse: tuple[str, int] | None = None
        self.down = False
        self.received: list[bytes] = []
        self.false_promise = False
        self.refuse_logins = 0
        self.url = self.signing_url = ""

    # what tests say
    def ask(
        self,
        items: list[dict[str, Any]],
        *,
        purpose: str = "sign",
        account: str | None = None,
        challenge: bytes | None = None,
    ) -> str:
        token = secrets.token_urlsafe(12)
        self.requests[token] = {
            "cooperative": {"id": COOPERATIVE, "name": COOPERATIVE_NAME},
            "locale": "ru",
            "zone": "Europe/Moscow",
            "return": f"/signed/{token}",
            "cancel": "/cancelled",
            "purpose": purpose,
            "account": account,
            "challenge": b64u(challenge) if challenge else None,
            "items": items,
            "log": {
                "origin": self.origin,
                "vkey": str(NoteSigner(self.origin, self.log_seed).key),
                "node_key": b64u(signatures.public_key(self.node_seed)),
                "checkpoint": "/checkpoint",
                "consistency": "/api/v1/log/consistency",
            },
        }
        return token

    def link(self, token: str, language: str = "ru", main: str | None = None) -> str:
        from urllib.parse import quote

        return f"{self.signing_url}/#r={token}&m={quote(main or self.url, safe='')}&l={language}"

    def text(self, title: str, text: str) -> dict[str, str]:
        data = text.encode()
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return {"title": title, "url": f"/blobs/{digest}", "sha256": digest}

    def hashes(self) -> list[bytes]:
        return [merkle.leaf_hash(entry) for entry in self.entries]

    def checkpoint(self) -> bytes:
        head = checkpoints.Checkpoint(self.origin, len(self.entries), merkle.root(self.hashes()))
        return checkpoints.sign_checkpoint(head, self.log_seed)

    # what the page asks
    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._record])
        app.router.add_get("/api/v1/signing/{token}", self._request)
        app.router.add_post("/api/v1/signing/{token}/done", self._done)
        app.router.add_post("/entries", self._entries)
        app.router.add_get("/checkpoint", self._head)
        app.router.add_get("/api/v1/log/consistency", self._consistency)
        app.router.add_get("/blobs/{digest}", self._blob)
        app.router.add_get("/verify/{digest}", self._verify_page)
        app.router.add_static("/build", self.files)
        app.router.add_get("/{tail:.*}", self._page)
        return app

    files = Path()

    @web.middleware
    async def _record(self, request: web.Request, handler: Any) -> web.StreamResponse:
        body = await request.read()
        head = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        self.traffic.append(f"{request.method} {request.raw_path}\n{head}\n\n".encode() + body)
        if self.down and request.path == "/entries":
            assert request.transport
            request.transport.close()
            raise ConnectionResetError
        if request.method == "OPTIONS":
            response: web.StreamResponse = web.Response(status=204)
        else:
            response = await handler(request)
        if request.headers.get("Origin") == self.signing_url:
            response.headers["Access-Control-Allow-Origin"] = self.signing_url
            response.headers["Access-Control-Allow-Headers"] = "content-type"
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        return response

    async def _head(self, request: web.Request) -> web.Response:
        return web.Response(body=self.checkpoint(), content_type="text/plain")

    async def _request(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        found = self.requests.get(token)
        if found and token in self.done:
            found = {**found, "items": [], "finished": True}
        return web.json_response(found) if found else self._problem("not_found", 404)

    async def _done(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        if self.refuse_logins:
            self.refuse_logins -= 1
            return self._problem("login_refused", 403)
        self.done[token] = await request.json()
        return web.json_response({"return": self.requests[token]["return"]})

    async def _entries(self, request: web.Request) -> web.Response:
        form = parts(await request.read(), request.headers["Content-Type"])
        (kind, statement), (private_kind, private) = form["statement"], form.get("private", ("", None))
        assert kind == "application/cose" and private_kind in ("", "application/cbor")
        assert form["signing"][1].decode() in self.requests
        self.received.append(statement)
        if statement not in self.entries:
            if self.refuse:
                (code, status), self.refuse = self.refuse, None
                return self._problem(code, status)
            parsed = documents.parse(statement)
            assert signatures.verify(parsed.kid, parsed.sig_structure, parsed.signature)
            assert ("private" in parsed.payload) == (private is not None)
            if private is not None:
                record = encoding.decode(private)
                names = self._private_names(parsed.type)
                assert commitments.root(parsed.type, names, record) == parsed.payload["private"]
                self.records[len(self.entries)] = private
            self.entries.append(statement)
        index = self.entries.index(statement)
        header = documents.message_header(documents.COMMITTED, signatures.public_key(self.node_seed))
        # As if another statement had been committed together with this one.
        leaves = [
            bytes(32) if self.false_promise else merkle.leaf_hash(statement),
            merkle.leaf_hash(b"other"),
        ]
        root, paths = merkle.inclusion_paths(leaves)
        tick = 1_700_000_000
        payload = promises.payload(promises.Promise(self.origin, index, len(leaves), root, tick, tick + 60))
        signature = signatures.sign(self.node_seed, documents.sig_structure(header, payload))
        return web.json_response(
            {
                "index": index,
                "committed": b64u(documents.assemble(header, payload, signature)),
                "path": b64u(paths[0]),
            }
        )

    @staticmethod
    def _private_names(type: str) -> list[str]:
        registry = json.loads((FIXTURES / "registry.json").read_text("utf-8"))
        return [field["name"] for field in registry["types"][type]["fields"] if field["private"]]

    async def _consistency(self, request: web.Request) -> web.Response:
        old, new = int(request.query["from"]), int(request.query["to"])
        path = merkle.consistency_path(merkle.subtrees(self.hashes()[:new]), old, new)
        return web.json_response({"path": [base64.b64encode(item).decode() for item in path]})

    async def _blob(self, request: web.Request) -> web.Response:
        return web.Response(body=self.blobs[request.match_info["digest"]], content_type="text/plain")

    async def _verify_page(self, request: web.Request) -> web.Response:
        lines = "".join(
            f'<li data-check="{name}" data-ok="да" data-bad="нет"><span data-words>…</span></li>'
            for name in ("fingerprint", "signature", "checkpoint", "inclusion")
        )
        return web.Response(
            content_type="text/html",
            charset="utf-8",
            text='<!doctype html><html lang="ru"><title>Проверка</title>'
            f'<section data-verify data-evidence="/evidence.json" data-fingerprint="{request.match_info["digest"]}"><ul>{lines}</ul>'
            '<p data-result data-ok="подлинный" data-bad="не сходится" data-unavailable="недоступно"></p></section>'
            '<script type="module" src="/build/verify.js"></script></html>',
        )

    async def _page(self, request: web.Request) -> web.Response:
        if request.path == "/evidence.json":
            return web.json_response(self.evidence)
        return web.Response(text=f"main: {request.path}", content_type="text/html")

    evidence: Any = None

    @staticmethod
    def _problem(code: str, status: int) -> web.Response:
        return web.json_response(
            {"type": "about:blank", "title": code, "code": code},
            status=status,
            content_type="application/problem+json",
        )


def signing_app(main: FakeMain, files: Path) -> web.Application:
    """Static files only, one policy, no cookies."""

    @web.middleware
    async def guarded(request: web.Request, handler: Any) -> web.StreamResponse:
        response = await handler(request)
        response.headers["Content-Security-Policy"] = policy(main.url)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response  # type: ignore[no-any-return]

    async def page(request: web.Request) -> web.FileResponse:
        return web.FileResponse(ROOT / "web" / "signing" / "index.html")

    async def config(request: web.Request) -> web.Response:
        return web.json_response({"main": main.url})

    app = web.Application(middlewares=[guarded])
    app.router.add_get("/", page)
    app.router.add_get("/config.json", config)
    app.router.add_static("/build", files)
    return app


@contextmanager
def origins(files: Path) -> Iterator[FakeMain]:
    """Both origins, serving from a thread; `files` are the built assets."""
    (files / "registry.json").write_bytes((FIXTURES / "registry.json").read_bytes())
    main = FakeMain()
    main.files = files
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def serve(app: web.Application) -> tuple[web.AppRunner, str]:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"

    def here(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    first, main.url = here(serve(main.app()))
    second, main.signing_url = here(serve(signing_app(main, files)))
    try:
        yield main
    finally:
        here(first.cleanup())
        here(second.cleanup())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Violations(list[str]):
    """What a console said that it must not: policy violations and errors nobody caught."""

    def watch(self, context: BrowserContext) -> BrowserContext:
        context.on("page", self._watch_page)
        return context

    def _watch_page(self, page: Page) -> None:
        page.on("console", lambda message: self._judge(message.text))
        page.on("pageerror", lambda error: self.append(f"pageerror: {error}"))

    def _judge(self, text: str) -> None:
        if any(
            word in text for word in ("Content Security Policy", "violates", "TrustedHTML", "TrustedScript")
        ):
            self.append(text)


# --- items of requests -------------------------------------------------------------------------------------------------------------------


def genesis_item() -> dict[str, Any]:
    return {
        "type": "account.genesis/1",
        "home": COOPERATIVE,
        "sub": "self",
        "aud": "self",
        "private": None,
        "private_fields": None,
        "seen": False,
        "texts": [],
    }


def item(
    type: str,
    fields: dict[str, Any],
    *,
    private: dict[str, Any] | None = None,
    private_fields: list[str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    return {
        "type": type,
        "payload": b64u(encoding.encode({"type": type, **fields})),
        "sub": "self",
        "aud": COOPERATIVE,
        "private": private,
        "private_fields": private_fields,
        "seen": False,
        "texts": [],
        **more,
    }


AGREEMENT_TEXT = "Соглашение о простой электронной подписи\n\n1. Стороны признают подпись ключом равной собственноручной.\n2. Ключ хранит пайщик.\n3. Каждый документ получает отпечаток и место в журнале.\n"


def agreement_item(main: FakeMain) -> dict[str, Any]:
    text = main.text("Соглашение о простой электронной подписи", AGREEMENT_TEXT)
    return item(
        "agreement.sign/1",
        {"agreement": bytes.fromhex(text["sha256"]), "kind": "signature", "edition": "2026-1"},
        texts=[text],
    )


def application_item() -> dict[str, Any]:
    return item(
        "membership.apply/1",
        {
            "person": "person",
            "charter": bytes(range(32)),
            "entrance": {"amount": 50_000, "currency": "RUB"},
            "share": {"amount": 120_050, "currency": "RUB"},
        },
        private={
            "name": "Иванова Мария Сергеевна",
            "birth_date": "1984-05-17",
            "phone": "+7 900 000-00-00",
            "inn": None,
        },
        private_fields=["name", "birth_date", "phone", "inn"],
        consequence="Секретарь свяжется с вами, чтобы удостоверить личность.",
    )


def approval_item(**more: Any) -> dict[str, Any]:
    return item(
        "council.approve/1",
        {"outcome": "adopted"},
        private={"reason": "Замечаний нет."},
        private_fields=["reason"],
        seen=True,
        **more,
    )
