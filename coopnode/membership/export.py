"""What is kept about a person, as a file they can take away: readable JSON beside the exact bytes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from coopnode.membership import queries
from coopnode.membership.queries import House, Paper
from protocol import encoding
from protocol.wording import Locale, said, title

_README: Final = {
    "ru": """Здесь всё, что кооператив «{house}» хранит о вас на этом узле. Выгружено {when}.

data.json — то же самое для чтения глазами и программами.
statements/ — документы журнала, точно те байты, которые были подписаны (COSE_Sign1, RFC 9052).
records/ — закрытые части этих документов с солями (CBOR, RFC 8949). Храните их бережно: по ним можно
доказать каждое поле отдельно.

Документы остаются в журнале навсегда: в них номера, выбор, суммы и отпечатки, но нет имён и адресов. Закрытые
части можно стереть, журнал от этого не портится.
""",
    "en": """This is everything the cooperative "{house}" keeps about you on this node. Exported {when}.

data.json: the same for reading, by eye or by program.
statements/: documents of the log, exactly the bytes that were signed (COSE_Sign1, RFC 9052).
records/: the private parts of these documents with their salts (CBOR, RFC 8949). Keep them with care: they
prove every field by itself.

The documents stay in the log for good: they hold ids, choices, amounts and fingerprints, no names or
addresses. The private parts can be erased; the log stays valid.
""",
}


def archive(
    house: House,
    account: str,
    records: list[tuple[Paper, bytes, Mapping[str, Any] | None]],
    consents: list[queries.ConsentLine],
    sessions: Sequence[Mapping[str, Any]],
    locale: Locale,
    now: int,
) -> bytes:
    """A zip with fixed dates: the same content gives the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:

        def put(name: str, data: bytes) -> None:
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)

        when = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC"
        put("README.txt", said(_README, locale).format(house=house.name, when=when).encode())
        data = {
            "cooperative": house.name,
            "account": account,
            "exported_at": now,
            "documents": [_document(paper, locale) for paper, _, _ in records],
            "consents": [_plain(_consent(item)) for item in consents],
            "sessions": [dict(item) for item in sessions],
        }
        put("data.json", json.dumps(data, ensure_ascii=False, indent=2).encode())
        for paper, raw, record in records:
            name = f"{paper.idx:08d}-{paper.type.replace('/', '-')}"
            put(f"statements/{name}.cbor", raw)
            if record is not None:
                put(f"records/{name}.cbor", encoding.encode(dict(record), limit=2**24))
    return out.getvalue()


def _document(paper: Paper, locale: Locale) -> dict[str, Any]:
    return {
        "index": paper.idx,
        "type": paper.type,
        "title": title(paper.type, locale),
        "digest": paper.digest.hex(),
        "at": paper.at,
        "signed_by": paper.by,
        "public": _plain(dict(paper.public)),
        "private": {field.name: _plain(field.value) for field in paper.fields},
        "private_part": paper.private,
    }


def _consent(item: queries.ConsentLine) -> dict[str, Any]:
    return {
        "digest": item.digest,
        "purpose": item.purpose,
        "operator": item.operator,
        "fields": list(item.fields),
        "text": item.text,
        "given_at": item.given_at,
        "until": item.until,
        "status": item.status,
    }


def _plain(value: Any) -> Any:
    """Bytes as hexadecimal: JSON has none."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
