"""Drafts → what the signing origin is asked to sign. Pure: ids, time and keys come as arguments.

An item is one document. Successive items of one request may not name each other's digests, because these
contain salts and nonces of the
signer's device; what names an earlier document is asked for in the next request (SPEC §7.1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from coopnode.founding.drafts import Basis, Draft
from coopnode.founding.queries import Invitation, TextLine, VoteCount
from coopnode.keystore import Keystore
from coopnode.places import Place
from coopnode.signing import SELF, Invite, Item, Shown
from protocol import documents, encoding, methodology, signatures
from protocol.acts import PERSON
from protocol.encoding import Value
from protocol.identifiers import identifier
from protocol.keys import ED25519

DAY: Final = 86_400

__all__ = ["SELF", "Invite", "Item", "Shown", "Text"]


@dataclass(frozen=True)
class Text:
    """A text as it will be kept: bytes by their digest."""

    kind: str
    title: str
    data: bytes

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.data).digest()


# --- the first sitting: the cooperative and its log -----------------------------------------------


def genesis_map(
    draft: Draft, pack: methodology.Pack, keys: Keystore, urls: tuple[str, str], nonce: bytes
) -> dict[str, Value]:
    """The map whose digest is the cooperative's id. `urls` are main and signing origin."""
    registration: dict[str, Value] = {
        name: value for name, value in (("inn", draft.inn), ("ogrn", draft.ogrn)) if value
    }
    visibility = methodology.value(pack, draft.parameters, "log.visibility")
    found: dict[str, Value] = {
        "name": draft.name,
        "kind": draft.kind,
        "country": draft.country,
        "public_url": urls[0],
        "signing_url": urls[1],
        "log_key": {"alg": ED25519, "pub": keys.log_pub, "scope": "log"},
        "node_key": {"alg": ED25519, "pub": keys.node_pub, "scope": "node"},
        "founders": [draft.key],
        "visibility": visibility,
        "pack": methodology.digest(methodology.encode(pack)),
        "nonce": nonce,
    }
    if registration:
        found["registration"] = registration
    return found


def cooperative_id(genesis: bytes) -> str:
    return identifier(hashlib.sha256(genesis).digest())


def constitution(
    draft: Draft, pack: methodology.Pack, keys: Keystore, texts: Sequence[Text], charter: Text
) -> list[Item]:
    """Genesis, pack, the founder's account, charter, and the texts people will sign."""
    own = cooperative_id(draft.genesis)
    proofs: list[Value] = [
        signatures.sign(seed, documents.possession(pub, own, 0))
        for seed, pub in ((keys.log, keys.log_pub), (keys.node, keys.node_pub))
    ]
    genesis = encoding.decode(draft.genesis)
    data = methodology.encode(pack)
    items = [
        Item("cooperative.genesis/1", {"genesis": genesis, "proofs": proofs}, own, own),
        Item("cooperative.pack/1", {"name": pack.name, "version": pack.version, "bytes": data}, own, own),
        Item("account.genesis/1", None, SELF, SELF, home=own),
        charter_item(draft, charter, own),
    ]
    items += [agreement_item(text, 1, own) for text in texts]
    return items


def charter_item(draft: Draft, charter: Text, own: str) -> Item:
    payload: dict[str, Value] = {
        "title": charter.title,
        "blob": charter.digest,
        "parameters": dict(draft.parameters),
        "basis": basis_map(draft.charter_basis)
        if draft.kind == "existing"
        else {"organ": "founding_meeting"},
    }
    return Item("cooperative.charter/1", payload, own, own, texts=(Shown(charter.title, charter.digest),))


def agreement_item(text: Text, edition: int, own: str) -> Item:
    payload: dict[str, Value] = {
        "kind": text.kind,
        "edition": edition,
        "title": text.title,
        "blob": text.digest,
    }
    return Item("cooperative.agreement/1", payload, own, own, texts=(Shown(text.title, text.digest),))


def basis_map(basis: Basis) -> dict[str, Value]:
    found: dict[str, Value] = {"organ": basis.organ}
    if basis.number:
        found["number"] = basis.number
    if basis.date:
        found["date"] = basis.date
    if basis.digest:
        found["minutes"] = basis.digest
    return found


# --- signing texts, giving consents ---------------------------------------------------------------


def sign_text(line: TextLine, own: str, statement: bytes | None) -> Item:
    payload: dict[str, Value] = {"agreement": line.digest, "kind": line.kind, "edition": line.edition}
    return Item("agreement.sign/1", payload, SELF, own, texts=(Shown(line.title, line.blob, statement),))


def give_consent(purpose: str, fields: Sequence[str], text: TextLine, own: str, until: int | None) -> Item:
    payload: dict[str, Value] = {
        "purpose": purpose,
        "operator": own,
        "fields": list(fields),
        "text": text.blob,
    }
    if until is not None:
        payload["until"] = until
    return Item("consent.give/1", payload, SELF, own, texts=(Shown(text.title, text.blob),))


# --- an existing cooperative: its council ---------------------------------------------------------


def appoint(draft: Draft, own: str, labels: Sequence[str], place: Place) -> Item:
    """The council elected on paper, each seat with an invitation (the page makes the keys)."""
    seats: list[Value] = []
    for number, seat in enumerate(draft.seats, 1):
        row: dict[str, Value] = {"seat": number, "roles": list(seat.roles), "voting": seat.voting}
        if seat.number is not None:
            row["member"] = {"number": seat.number, "since": day_seconds(seat.since, place)}
        seats.append(row)
    payload: dict[str, Value] = {
        "basis": basis_map(draft.council_basis),
        "seats": seats,
        "until": day_seconds(draft.until, place) + DAY - 1,
    }
    places = tuple(Invite(("seats", place, "invitation"), label) for place, label in enumerate(labels))
    return Item("council.appoint/1", payload, own, own, invitations=places)


def reinvite(seat: int, label: str, own: str) -> Item:
    return Item("council.reinvite/1", {"seat": seat}, own, own, invitations=(Invite(("invitation",), label),))


def enrol(
    number: int,
    since: str,
    person: str,
    name: str,
    label: str,
    own: str,
    place: Place,
    *,
    paid: Mapping[str, Value] | None = None,
    to: Mapping[str, str] | None = None,
) -> Item:
    """A member of the register kept on paper. `paid`: amounts with the opening they rest on; `to`: where the
    letter with the invitation goes, for the page that makes it."""
    payload: dict[str, Value] = {"number": number, "since": day_seconds(since, place), "person": person}
    return enrolment({**payload, **(paid or {})}, name, label, to or {}, own)


def enrolment(payload: Mapping[str, Value], name: str, label: str, to: Mapping[str, str], own: str) -> Item:
    return Item(
        "membership.enrol/1",
        payload,
        own,
        own,
        private={"name": name},
        private_fields=("name",),
        invitations=(Invite(("invitation",), label, to),),
    )


def void(enrolment: bytes, reason: str, own: str) -> Item:
    """An enrolment made by mistake, before anybody has confirmed it."""
    return Item(
        "membership.void/1",
        {"re": [enrolment]},
        own,
        own,
        private={"reason": reason},
        private_fields=("reason",),
    )


# --- a new cooperative: its founding meeting ------------------------------------------------------


def convene(charter: bytes, labels: Sequence[str], closes: int, own: str) -> Item:
    payload: dict[str, Value] = {
        "charter": charter,
        "invitations": [bytes(32)] * len(labels),
        "closes": closes,
    }
    places = tuple(Invite(("invitations", place), label) for place, label in enumerate(labels))
    return Item("founding.convene/1", payload, own, own, invitations=places)


def open_meeting(convened: bytes, candidates: Sequence[str], seats: int, closes: int, own: str) -> Item:
    payload: dict[str, Value] = {
        "re": [convened],
        "candidates": list(candidates),
        "seats": seats,
        "closes": closes,
    }
    return Item("founding.open/1", payload, own, own)


def ballot(
    vote: VoteCount, charter: str, council: Sequence[str], chair: str | None, sequence: int, own: str
) -> Item:
    payload: dict[str, Value] = {"re": [vote.opened], "charter": charter, "sequence": sequence}
    if council:
        payload["council"] = list(council)
    if chair:
        payload["chair"] = chair
    return Item("founding.ballot/1", payload, own, own)


def minutes(vote: VoteCount, role: str, own: str) -> Item:
    assert vote.result is not None and vote.chair is not None
    payload: dict[str, Value] = {
        "re": [vote.opened],
        "role": role,
        "result": vote.result,
        "council": list(vote.council),
        "chair": vote.chair,
    }
    return Item("founding.minutes/1", payload, own, own, seen=True)


# --- accepting ------------------------------------------------------------------------------------


def accept(invitation: Invitation, person: Mapping[str, str], own: str) -> Item:
    """council.accept, membership.accept or founding.join; the page adds the proof by the invitation's key."""
    re: list[Value] = [invitation.digest]
    common: dict[str, Any] = {
        "private": dict(person),
        "private_fields": tuple(field.name for field in PERSON),
        "proof": (invitation.digest, invitation.index, invitation.kid),
    }
    if invitation.kind == "seat":
        assert invitation.seat is not None
        return Item("council.accept/1", {"re": re, "seat": invitation.seat}, own, own, **common)
    if invitation.kind == "member":
        return Item("membership.accept/1", {"re": re}, SELF, own, **common)
    return Item("founding.join/1", {"re": re, "invitation": invitation.kid}, own, own, **common)


def day_seconds(day: str, place: Place) -> int:
    """Beginning of a day written `2026-05-18`, by the clock of the cooperative."""
    return place.seconds(date.fromisoformat(day))
