"""Files people send: judged by their first bytes, kept as they are, never unpacked, never believed."""

from __future__ import annotations

import gzip
import io
import re
import resource
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, FormData

from coopnode.membership.attachments import LARGEST, MOST
from tests.web.hostile_kit import World, guarded, made_world

PDF, JPEG, PNG = b"%PDF-1.7\n", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"
SCRIPT = b"<script>alert(1)</script><?php system('id') ?>"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with made_world(tmp_path) as made:
        yield made


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("word/document.xml", data)
    return buffer.getvalue()


async def sent(
    world: World, client: Any, data: bytes, name: str = "copy.pdf", kind: str = "application/pdf"
) -> ClientResponse:
    form = FormData()
    form.add_field("copy", data, filename=name, content_type=kind)
    headers = {"Origin": world.origin}
    answer: ClientResponse = await client.post(
        "/join/copies", data=form, headers=headers, allow_redirects=False
    )
    guarded(answer, name)
    return answer


async def links(client: Any) -> list[str]:
    page = await (await client.get("/join/status")).text()
    return sorted(set(re.findall(r'href="(/desk/applications/\d+/copies/[0-9a-f]+)"', page)))


REFUSED = {
    "html": b"<!doctype html>" + SCRIPT,
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "zip": zipped(SCRIPT),
    "zip-bomb": zipped(bytes(20_000_000)),
    "gzip-bomb": gzip.compress(bytes(20_000_000)),
    "gif": b"GIF89a/*" + SCRIPT,
    "program": b"\x7fELF" + bytes(200),
    "windows-program": b"MZ" + bytes(200),
    "text-before-pdf": b"\n" + PDF + SCRIPT,
    "nothing": b"",
    "first-bytes-only": b"\xff\xd8",
}


async def test_what_is_no_picture_and_no_pdf_is_refused(world: World) -> None:
    """Whatever name and type it claims."""
    client = await world.browser(world.applicant)
    for kind, data in REFUSED.items():
        for name, claimed in (("passport.jpg", "image/jpeg"), ("passport.pdf", "application/pdf")):
            answer = await sent(world, client, data, name, claimed)
            assert answer.status == 422, (kind, answer.status)
    assert await links(client) == []
    assert not list((world.society.node.config.data / "attachments").iterdir())


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PDF + SCRIPT + zipped(SCRIPT), "application/pdf"),
        (JPEG + SCRIPT, "image/jpeg"),
        (PNG + SCRIPT + PDF, "image/png"),
    ],
    ids=["pdf-html-zip", "jpeg-html", "png-html-pdf"],
)
async def test_a_file_of_two_kinds_is_only_its_first(world: World, data: bytes, kind: str) -> None:
    client = await world.browser(world.applicant)
    assert (await sent(world, client, data, "x.html", "text/html")).status == 303
    (link,) = await links(client)
    for person in (world.applicant, world.society.officers["secretary"]):
        answer = await (await world.browser(person)).get(link)
        assert answer.status == 200 and await answer.read() == data
        assert answer.content_type == kind
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert re.fullmatch(r'inline; filename="copy\.(pdf|jpg|png)"', answer.headers["Content-Disposition"])
    kept = list((world.society.node.config.data / "attachments").iterdir())
    assert [len(path.read_bytes()) - len(data) for path in kept] == [28], "as it came, and encrypted"


NAMES = (
    "../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "photo\u202egpj.exe.pdf",
    'a".pdf; filename=b.html',
    "a" * 3000 + ".pdf",
    "<script>alert(1)</script>.pdf",
    "C:\\con.pdf",
    "",
)


def others(data: Path) -> set[Path]:
    """Files beside the attachments and the published log, in the directory and next to it."""
    return {path for path in data.parent.rglob("*") if not {"attachments", "log"} & set(path.parts)}


async def test_names_of_files_lead_nowhere(world: World) -> None:
    client = await world.browser(world.applicant)
    data = world.society.node.config.data
    before = others(data)
    for name in NAMES:
        answer = await sent(world, client, PDF + name.encode(), name)
        assert answer.status in (303, 422), (name, answer.status)
        for link in await links(client):
            shown = await client.get(link)
            assert "Set-Cookie" not in shown.headers
            digest = link.rpartition("/")[2]
            await world.post(client, f"/join/copies/{digest}/remove")
    page = await (await client.get("/join/status")).text()
    assert "\u202e" not in page and "<script>alert" not in page
    assert others(data) == before
    assert all(re.fullmatch("[0-9a-f]{64}", path.name) for path in (data / "attachments").iterdir())


async def test_files_are_few_and_not_large(world: World) -> None:
    client = await world.browser(world.applicant)
    assert (await sent(world, client, PDF + bytes(LARGEST))).status in (413, 422)
    assert (await sent(world, client, PDF + bytes(LARGEST + 2**20))).status == 413
    for number in range(MOST):
        assert (await sent(world, client, PDF + bytes([number]))).status == 303
    assert (await sent(world, client, PDF + b"one more")).status == 422
    assert len(await links(client)) == MOST


async def test_a_part_of_multipart_without_end(world: World) -> None:
    """Lines that never end, before the first part and in its head, and names that break their header."""
    client = await world.browser(world.applicant)
    headers = {"Origin": world.origin, "Content-Type": "multipart/form-data; boundary=x"}
    for body in (
        bytes(300_000),
        b"--x\r\n" + b"a" * 300_000,
        b"--x\r\nContent-Disposition: form-data; name=copy; filename="
        + b"a" * 300_000
        + b"\r\n\r\nb\r\n--x--",
        b'--x\r\nContent-Disposition: form-data; name="copy"; filename="a\rSet-Cookie: b"\r\n\r\nb\r\n--x--',
        b"--x\r\nContent-Disposition: form-data\r\n\r\nb\r\n--x--\r\n",
        b"--x\r\n" * 100_000,
    ):
        answer = await client.post("/join/copies", data=body, headers=headers, allow_redirects=False)
        assert 400 <= answer.status < 500, (body[:80], answer.status)
        assert "Set-Cookie" not in answer.headers
        guarded(answer, body[:80])


@pytest.mark.long
async def test_bodies_that_grow_when_unpacked(world: World) -> None:
    """A gigabyte of zeros in a megabyte, by a body that says it is compressed."""
    client, stranger = await world.browser(world.applicant), await world.browser()
    bomb = gzip.compress(bytes(2**24), 9) * 64
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    headers = {"Origin": world.origin, "Content-Encoding": "gzip"}
    cases = (
        ("/join/copies", "multipart/form-data; boundary=x"),
        ("/join/email", "application/x-www-form-urlencoded"),
        ("/entries", "application/cose"),
        ("/entries", "multipart/form-data; boundary=x"),
        ("/api/v1/accounts/find", "application/json"),
    )
    for path, kind in cases:
        who = stranger if path == "/join/email" else client
        given = {**headers, "Content-Type": kind}
        answer = await who.post(path, data=bomb, headers=given, allow_redirects=False)
        assert 400 <= answer.status < 500, (path, answer.status)
        guarded(answer, path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200_000, f"{grown} kB for bodies of one megabyte"
