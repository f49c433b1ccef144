"""The texts a cooperative begins with: ours with its name and rules filled in, or what the founder pasted
instead.
"""

from __future__ import annotations

from datetime import date

from babel import dates

from coopnode import texts
from coopnode.founding.drafts import Draft
from coopnode.founding.items import Text
from protocol import wording
from protocol.methodology import Pack

_PENDING = {"ru": "будет присвоен при регистрации", "en": "to be assigned on registration"}
_NOBODY = {"ru": "не поручается", "en": "nobody"}
_CHAIR = {"ru": "председатель совета", "en": "the chair of the council"}


def proposed(draft: Draft, pack: Pack, site: str, today: date) -> list[Text]:
    """All texts of the founding in the order they are read. The charter is both what the founding adopts
    and what members sign.
    """
    values = _values(draft, pack, site, today)
    order = [*pack.agreements, *(kind for kind in texts.KINDS if kind not in pack.agreements)]
    found = []
    for kind in order:
        body = draft.texts.get(kind) or ours(kind, draft, pack, values)
        if body is not None:
            found.append(Text(kind, _title(kind, draft), body.encode()))
    return found


def ours(kind: str, draft: Draft, pack: Pack, values: dict[str, str]) -> str | None:
    """Our text of this kind; None when we have none for the pack's kind."""
    if kind not in texts.KINDS:
        return None
    return texts.text(kind, draft.language, values, pack)


def default(kind: str, draft: Draft, pack: Pack, site: str, today: date) -> str:
    """Our text as it would stand without the founder's changes."""
    return ours(kind, draft, pack, _values(draft, pack, site, today)) or ""


def _title(kind: str, draft: Draft) -> str:
    words = wording.agreement(kind, draft.language)
    return words[:1].upper() + words[1:]


def _values(draft: Draft, pack: Pack, site: str, today: date) -> dict[str, str]:
    pending, nobody, chair = (wording.said(words, draft.language) for words in (_PENDING, _NOBODY, _CHAIR))
    day = (
        f"{today:%d.%m.%Y}"
        if draft.language == "ru"
        else dates.format_date(today, "dd MMMM y", draft.language)
    )
    return texts.rules(pack, draft.parameters, draft.language) | {
        "cooperative": draft.name,
        "inn": draft.inn or pending,
        "ogrn": draft.ogrn or pending,
        "address": draft.address,
        "contact": draft.contact,
        "purpose": draft.purpose,
        "responsible": draft.responsible or chair,
        "processors": draft.processors or nobody,
        "site": site,
        "edition": f"1, {day}",
    }
