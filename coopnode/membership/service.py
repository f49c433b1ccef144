"""Commands of joining: keep what an applicant has written, send codes, and say what is to be signed next.

Nothing here signs and nothing here changes state: each answer is a list of documents for the signing page
(P28). The checks repeat what the contract will judge, so that a person reads the reason before signing; the
contract alone decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from coopnode import consents, places, printing
from coopnode.app import Node
from coopnode.mail import Mailer, MailError
from coopnode.membership import erasure, queries
from coopnode.membership.attachments import LARGEST, MEDIA_TYPES, Copies, Copy, media_type
from coopnode.membership.certificates import MemberCard, certificate_of
from coopnode.membership.codes import Codes, Verdict
from coopnode.membership.drafts import Draft, DraftBox
from coopnode.membership.letters import send_code
from coopnode.membership.people import Names, Viewer, particulars
from coopnode.membership.queries import ApplicationLine, TextInForce
from coopnode.signing import SELF, Item, Shown
from coopnode.store.sql import Connection
from protocol import registry
from protocol.contract import State, View
from protocol.contracts import membership
from protocol.contracts.membership import Former
from protocol.encoding import Value
from protocol.registry import StateFacts
from protocol.wording import Locale

T = TypeVar("T")

DAY: Final = 86_400


class NotPossible(Exception):
    """The document would be refused; `code` is the contract's, nothing was asked or changed."""

    def __init__(self, code: str, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts or {}


@dataclass(frozen=True, slots=True)
class ConsentOffer:
    purpose: str
    text: TextInForce
    required: bool
    given: bool


@dataclass(frozen=True, slots=True)
class Status:
    """An applicant's own page."""

    line: ApplicationLine
    steps: tuple[queries.Step, ...]
    next: tuple[str, ...]
    #: why it was returned or refused
    reason: str | None
    house: queries.House
    name: str
    paper: queries.Paper | None
    rules: queries.Rules
    published: bool
    copies: tuple[Copy, ...] = ()


class Membership:
    """One for a node."""

    def __init__(self, node: Node, mailer: Mailer | None = None) -> None:
        self.node = node
        self.names = Names(node.vault)
        self._mailer = mailer
        self._drafts = DraftBox(node.keys.session)
        self._codes = Codes(node.keys.session)
        self.copies = Copies(node.keys.session, node.vault)

    # -- an application being written ----------------------------------------------------------------

    async def draft(self, owner: str) -> Draft:
        return await self.node.database.read(lambda connection: self._drafts.load(connection, owner))

    async def save(self, owner: str, draft: Draft) -> None:
        now = self.node.clock.peek()
        await self.node.database.write(lambda connection: self._drafts.save(connection, owner, draft, now))

    async def drop(self, owner: str) -> None:
        await self.node.database.write(lambda connection: self._drafts.drop(connection, owner))

    # -- the address ---------------------------------------------------------------------------------

    async def send_code(self, owner: str, draft: Draft, address: str, locale: Locale) -> None:
        """Answers alike whether a letter went out or the address has had enough of them (no enumeration).

        Raises:
            MailError: the mail server did not take the letter.
        """
        now = self.node.clock.peek()
        code = await self.node.database.write(lambda connection: self._codes.issue(connection, address, now))
        if draft.email != address:
            draft.confirmed_at, draft.ticket = 0, ""
        draft.email = address
        if code is not None:
            draft.code = code.id
        await self.save(owner, draft)
        if code is not None:
            name = (await self.node.database.read(lambda _: queries.house(self.node.state))) or None
            await send_code(
                self._mailer or Mailer.of(self.node.config),
                address,
                code.digits,
                house=name.name if name else "",
                locale=locale,
                now=now,
            )

    async def check_code(self, owner: str, draft: Draft, digits: str) -> Verdict:
        """With the right code the draft receives a ticket for one new account."""
        now = self.node.clock.peek()
        verdict: Verdict = await self.node.database.write(
            lambda connection: self._codes.check(connection, draft.code, draft.email, digits, now)
        )
        if verdict == "accepted":
            draft.confirmed_at = now
            draft.ticket = await self.node.issue_ticket(lifetime=7 * DAY)
            await self.save(owner, draft)
        return verdict

    async def prefilled(self, draft: Draft, account: str) -> Draft:
        """Somebody known here types nothing twice: what they said before stands in the form."""
        found = await self.read(
            lambda connection: dict(particulars(connection, self.node.vault, account, ("self",)))
        )
        for name in ("name", "birth_date", "address", "phone", "email", "document", "inn", "ogrn"):
            if not getattr(draft, name) and isinstance(found.get(name), str):
                setattr(draft, name, found[name])
        return draft

    async def drop_signed(self, owner: str, found: ApplicationLine) -> None:
        """A draft whose application stands in the log has served; one returned for completion is kept."""
        draft = await self.draft(owner)
        if "check" in draft.done and found.status in queries.OPEN:
            draft.done.discard("check")
            draft.code, draft.ticket = b"", ""
            await self.save(owner, draft)

    # -- copies of documents -------------------------------------------------------------------------

    def attachments_in(self, connection: Connection, application: str) -> list[Copy]:
        return self.copies.of(connection, application)

    async def attach(self, found: ApplicationLine, account: str, name: str, data: bytes) -> str | None:
        """Code of what is wrong with the file, or None when it is kept, encrypted."""
        if found.applicant != account or found.status not in ("applied", "identified"):
            return "wrong_status"
        kind = media_type(data)
        if kind is None:
            return "file_kind"
        if len(data) > LARGEST:
            return "file_large"
        safe = "".join(c for c in name if c.isalnum() or c in " ._-()")[:80] or f"copy{MEDIA_TYPES[kind]}"
        now = self.node.clock.peek()
        kept = await self.node.database.write(
            lambda connection: self.copies.add(connection, found.id, safe, data, kind, now)
        )
        return None if kept else "file_many"

    async def detach(self, found: ApplicationLine, account: str, digest: bytes) -> None:
        if found.applicant == account:
            now = self.node.clock.peek()
            await self.node.database.write(
                lambda connection: self.copies.remove(connection, found.id, digest, now)
            )

    async def copy(self, found: ApplicationLine, viewer: Viewer, digest: bytes) -> tuple[Copy, bytes] | None:
        """For the applicant, and for secretary and chair, who check the identity."""
        if found.applicant != viewer.account and viewer.roles.isdisjoint(("secretary", "chair")):
            return None
        return await self.read(lambda connection: self.copies.open(connection, found.id, digest))

    # -- what is signed ------------------------------------------------------------------------------

    async def application(self, draft: Draft, account: str | None) -> list[Item]:
        """Everything an applicant signs in one sitting, without what is signed already.

        Raises NotPossible.
        """
        now = self.node.clock.peek()
        return await self.node.database.read(
            lambda _: self._application(self.node.state, draft, account, now)
        )

    def _application(self, state: State, draft: Draft, account: str | None, now: int) -> list[Item]:
        own = self._cooperative()
        known = queries.standing(state, account) if account else None
        if known is not None and known.member is not None:
            raise NotPossible("already_member")
        if known is not None and known.application is not None:
            raise NotPossible("application_open")
        wanted: list[Item] = []
        if known is None or not known.has_account:
            wanted.append(Item("account.genesis/1", None, SELF, SELF, home=own))
        for text in queries.texts(state, account):
            if text.required and not text.signed:
                wanted.append(self._sign_text(text, own))
        for offer in self._offers(state, account):
            if not offer.given and (offer.required or offer.purpose in draft.consents):
                wanted.append(self._consent(state, offer, own, now))
        return [*wanted, self._apply(state, draft, own)]

    def _sign_text(self, text: TextInForce, own: str) -> Item:
        adopted = self.node.store.find_document(text.digest)
        payload: dict[str, Value] = {"agreement": text.digest, "kind": text.kind, "edition": text.edition}
        shown = Shown(text.title, text.blob, adopted[1] if adopted else None)
        return Item("agreement.sign/1", payload, SELF, own, texts=(shown,))

    def _consent(self, state: State, offer: ConsentOffer, own: str, now: int) -> Item:
        years = StateFacts(state).parameter("consent.term_years")
        payload: dict[str, Value] = {
            "purpose": offer.purpose,
            "operator": own,
            "fields": list(consents.FIELDS[offer.purpose]),
            "text": offer.text.blob,
            "until": now + years * 365 * DAY,
        }
        shown = Shown(offer.text.title, offer.text.blob)
        return Item("consent.give/1", payload, SELF, own, texts=(shown,))

    def _apply(self, state: State, draft: Draft, own: str) -> Item:
        found = queries.rules(state)
        if found.charter is None:
            raise NotPossible("not_constituted")
        fees = found.fees[draft.kind or "person"]
        payload: dict[str, Value] = {
            "person": draft.kind or "person",
            "charter": found.charter,
            "entrance": {"amount": fees.entrance, "currency": fees.currency},
            "share": {"amount": fees.share, "currency": fees.currency},
            "pack": StateFacts(state).pack_digest(),
        }
        return _item("membership.apply/1", payload, SELF, own, draft.particulars())

    async def offers(self, account: str | None) -> list[ConsentOffer]:
        return await self.node.database.read(lambda _: self._offers(self.node.state, account))

    def _offers(self, state: State, account: str | None) -> list[ConsentOffer]:
        known = {text.kind: text for text in queries.texts(state, account)}
        given = queries.standing(state, account).consents if account else frozenset()
        return [
            ConsentOffer(purpose, known[kind], purpose == consents.REQUIRED, purpose in given)
            for purpose, kind in consents.TEXTS.items()
            if kind in known
        ]

    async def withdrawal(self, found: ApplicationLine, account: str) -> Item:
        if found.applicant != account:
            raise NotPossible("not_yours")
        self._stage(found, *queries.OPEN)
        return _item("membership.withdraw/1", {"re": [found.digest]}, found.id, self._cooperative())

    async def consent_withdrawal(self, digest: bytes, account: str) -> Item:
        held = await self.node.database.read(
            lambda connection: queries.consents_of(connection, self.node.state, account)
        )
        mine = next((item for item in held if item.digest == digest), None)
        if mine is None:
            raise NotPossible("unknown_consent")
        if mine.status != "given":
            raise NotPossible("consent_ended", {"status": mine.status})
        return _item("consent.withdraw/1", {"re": [digest]}, SELF, self._cooperative())

    async def consent_giving(self, purpose: str, account: str) -> Item:
        """One optional consent, given later."""
        now = self.node.clock.peek()
        offers = await self.offers(account)
        offer = next((item for item in offers if item.purpose == purpose and not item.given), None)
        if offer is None:
            raise NotPossible("not_allowed")
        own = self._cooperative()
        return await self.node.database.read(lambda _: self._consent(self.node.state, offer, own, now))

    async def text_signing(self, kind: str, account: str) -> Item:
        """A text in force that this person has not signed in its edition."""
        found = next((text for text in await self.texts(account) if text.kind == kind), None)
        if found is None or not found.required:
            raise NotPossible("unknown_agreement")
        if found.signed:
            raise NotPossible("already_signed")
        own = self._cooperative()
        return await self.read(lambda _: self._sign_text(found, own))

    # -- the desk ------------------------------------------------------------------------------------

    async def identification(
        self, found: ApplicationLine, viewer: Viewer, method: str, level: int, details: str
    ) -> Item:
        offices = (await self.rules()).identify_roles
        self._may(found, viewer, offices, "applied")
        payload: dict[str, Value] = {"re": [found.digest], "method": method, "level": level}
        private = {"details": details} if details else {}
        return _item("membership.identify/1", payload, found.id, self._cooperative(), private)

    async def completion(self, found: ApplicationLine, viewer: Viewer) -> Item:
        self._may(found, viewer, ("secretary",), "identified")
        return _item("membership.complete/1", {"re": [found.digest]}, found.id, self._cooperative())

    async def return_(self, found: ApplicationLine, viewer: Viewer, reason: str) -> Item:
        self._may(found, viewer, ("secretary",), "applied", "identified")
        payload: dict[str, Value] = {"re": [found.digest]}
        return _item("membership.incomplete/1", payload, found.id, self._cooperative(), {"reason": reason})

    async def payment(
        self,
        found: ApplicationLine,
        viewer: Viewer,
        amounts: tuple[int, int],
        received_at: int,
        reference: str,
    ) -> Item:
        self._may(found, viewer, ("accountant",), "admitted")
        for name, given, due in zip(
            ("entrance", "share"), amounts, (found.entrance, found.share), strict=True
        ):
            if given != due:
                raise NotPossible("amount_mismatch", {"field": name, "amount": due})
        if received_at > self.node.clock.peek():
            raise NotPossible("received_in_future")
        payload: dict[str, Value] = {
            "re": [found.digest],
            "entrance": {"amount": amounts[0], "currency": found.currency},
            "share": {"amount": amounts[1], "currency": found.currency},
            "received_at": received_at,
        }
        private = {"reference": reference} if reference else {}
        return _item("membership.payment/1", payload, found.id, self._cooperative(), private)

    async def ended(self, viewer: Viewer) -> list[erasure.EndedCase]:
        """What came to nothing and is still kept, for secretary and chair."""
        now = self.node.clock.peek()
        return await self.read(
            lambda connection: erasure.ended(connection, self.node.state, self.names, viewer, now)
        )

    async def erasable(self, viewer: Viewer) -> int:
        """How many documents of what came to nothing may be erased now."""
        now = self.node.clock.peek()
        return await self.read(lambda connection: erasure.erasable(connection, self.node.state, viewer, now))

    async def erasing(self, viewer: Viewer) -> list[Item]:
        """Everything of it that may be erased now."""
        if viewer.roles.isdisjoint(("secretary", "chair")):
            raise NotPossible("not_allowed")
        return list(erasure.items(await self.ended(viewer), self._cooperative()))

    def _may(self, found: ApplicationLine, viewer: Viewer, offices: Iterable[str], *statuses: str) -> None:
        if viewer.roles.isdisjoint(offices):
            raise NotPossible("not_allowed")
        if found.applicant == viewer.account:
            raise NotPossible("own_application")
        self._stage(found, *statuses)

    def _stage(self, found: ApplicationLine, *statuses: str) -> None:
        if found.status not in statuses:
            raise NotPossible("wrong_status", {"status": found.status})

    # -- looking -------------------------------------------------------------------------------------

    async def read(self, query: Callable[[Connection], T]) -> T:
        """All questions of one page in one hop."""
        return await self.node.database.read(query)

    async def texts(self, account: str | None) -> list[TextInForce]:
        return await self.read(lambda _: queries.texts(self.node.state, account))

    async def status(self, account: str) -> Status | None:
        """The person's newest application with everything its page shows; None when there is none."""

        def query(connection: Connection) -> Status | None:
            lines = queries.applications_of(connection, account)
            house = queries.house(self.node.state)
            return self._status(connection, lines[0], account, house) if lines and house else None

        return await self.read(query)

    async def member(self, account: str) -> MemberCard | None:
        return await self.read(lambda connection: self._member(connection, account))

    def _member(self, connection: Connection, account: str) -> MemberCard | None:
        state = self.node.state
        found = queries.standing(state, account).member
        house = queries.house(state)
        if found is None or house is None:
            return None
        viewer = Viewer.of(state, account)
        lines = queries.applications_of(connection, account)
        line = next((item for item in lines if item.status == "member"), None)
        steps = queries.history(connection, line.id, self.names, viewer) if line else []
        name = self.names.of_accounts(connection, [account], viewer)[account] or ""
        roles = tuple(sorted(viewer.roles))
        return MemberCard(account, name, found, house, roles, line, tuple(steps), self.published(found.index))

    async def former(self, account: str) -> Former | None:
        """The last membership of the account that ended."""
        return await self.read(
            lambda _: View(self.node.state, membership.DOMAIN).get("former", account, Former)
        )

    async def certificate(self, account: str, locale: Locale) -> tuple[int, bytes] | None:
        """(member's number, PDF); None for whoever is not a member."""
        made = await self.read(lambda connection: self._certificate(connection, account, locale))
        if made is None:
            return None
        return made.number, await asyncio.to_thread(printing.pdf, made, locale)

    def _certificate(
        self, connection: Connection, account: str, locale: Locale
    ) -> printing.Certificate | None:
        found = self._member(connection, account)
        if found is None:
            return None
        viewer = Viewer.of(self.node.state, account)
        decided = found.line.decision if found.line else None
        basis = queries.attested(connection, self.node.vault, decided or found.member.basis, viewer)
        if basis is None:
            return None
        signer = self.names.of_accounts(connection, [basis.by], viewer)[basis.by]
        return certificate_of(
            found, basis, signer, self.node.clock.peek(), locale, places.of(self.node.state)
        )

    def _status(
        self, connection: Connection, line: ApplicationLine, account: str, house: queries.House
    ) -> Status:
        state, vault = self.node.state, self.node.vault
        viewer = Viewer.of(state, account)
        steps = queries.history(connection, line.id, self.names, viewer)
        reason: str | None = None
        if line.status == "incomplete":
            reason = queries.reason_of(connection, vault, steps[-1].digest, "reason", viewer, account)
        elif line.status == "refused" and line.decision is not None:
            reason = queries.reason_of(connection, vault, line.decision, "reason", viewer, account)
        own = queries.paper(connection, vault, line.digest, viewer, account)
        name = next((str(item.value) for item in own.fields if item.name == "name"), "") if own else ""
        return Status(
            line,
            tuple(steps),
            queries.acts_next(state, line.status),
            reason,
            house,
            name,
            own,
            queries.rules(state),
            self.published(line.idx),
            tuple(self.copies.of(connection, line.id)),
        )

    async def rules(self) -> queries.Rules:
        return await self.node.database.read(lambda _: queries.rules(self.node.state))

    async def viewer(self, account: str | None) -> Viewer:
        return await self.node.database.read(lambda _: Viewer.of(self.node.state, account))

    def published(self, index: int) -> bool:
        """Whether a signed head of the log covers the entry, so that anybody can check it."""
        return index < self.node.publisher.published

    def _cooperative(self) -> str:
        own = self.node.cooperative
        if own is None:
            raise NotPossible("not_founded")
        return own


def _item(
    type: str, payload: dict[str, Value], sub: str, aud: str, private: Mapping[str, str] | None = None
) -> Item:
    fields = tuple(item.name for item in registry.TYPES[type].private)
    return Item(
        type, payload, sub, aud, private=dict(private or {}) if fields else None, private_fields=fields
    )


__all__ = [
    "ConsentOffer",
    "MailError",
    "Membership",
    "NotPossible",
]
