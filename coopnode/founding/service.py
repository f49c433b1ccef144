"""Commands of founding: keeps the founder's draft, stores texts, and says what is to be signed next.

Nothing here signs or logs: the founder's browser does (P28). What has been logged decides what comes next,
so a sitting that was
interrupted goes on where it stopped.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from pydantic import SecretStr

from coopnode import admission, config, consents, places, scans
from coopnode.app import Node
from coopnode.founding import items, queries
from coopnode.founding.drafts import Draft, DraftBox, PersonDraft, Seat
from coopnode.founding.items import Item, Text
from coopnode.founding.queries import Find, Invitation
from coopnode.mail import Mailer, MailError, trial
from coopnode.membership.attachments import media_type
from coopnode.private_records import values as private_values
from coopnode.store.schema import blobs, entries
from coopnode.store.sql import Connection, select, upsert
from protocol import documents, encoding, methodology, registry
from protocol.contract import State
from protocol.contracts.cooperative import Charter
from protocol.decisions import Cast
from protocol.documents import Statement
from protocol.errors import StatementError

MEDIA_TYPE = "text/plain"
MAX_MINUTES = scans.LARGEST

Permission = Literal["open", "used", "none"]


@dataclass(frozen=True)
class Standing:
    """What the pages of founding begin with."""

    stage: queries.Stage
    cooperative: str | None
    name: str
    kind: str
    founder: str | None


class Founding:
    """One per application."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._drafts = DraftBox(node.keys.session)

    # -- who may -----------------------------------------------------------------------------------

    async def permission(self, token: str) -> tuple[Permission, bytes]:
        """Whether a token founds, and its digest: the digest owns the draft."""
        digest = admission.token_digest(token)
        return await self.permission_of(digest), digest

    async def permission_of(self, digest: bytes) -> Permission:
        now = self.node.clock.peek()

        def query(connection: Connection) -> str | None:
            return admission.refusal(connection, digest, admission.FOUNDING, now, 2**31)

        code = await self.node.database.read(query)
        return "open" if code is None else "used" if code == "ticket_used" else "none"

    # -- what stands -------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self.node.state

    def find(self, digest: bytes) -> Statement | None:
        """The first statement with this document digest, typed. For the calling thread."""
        return find_in(self.node)(digest)

    async def standing(self) -> Standing:
        def query(_: Connection) -> Standing:
            state = self.node.state
            found = queries.cooperative_in(state)
            if found is None:
                return Standing("empty", None, "", "", None)
            return Standing(
                queries.stage(state), self.node.cooperative, found.name, found.kind, found.founder
            )

        return await self.node.database.read(query)

    # -- the draft ---------------------------------------------------------------------------------

    async def draft(self, owner: bytes) -> Draft:
        return await self.node.database.read(lambda connection: self._drafts.load(connection, owner, Draft))

    async def save(self, owner: bytes, draft: Draft) -> None:
        now = self.node.clock.peek()
        await self.node.database.write(lambda connection: self._drafts.save(connection, owner, draft, now))

    async def person(self, owner: bytes) -> PersonDraft:
        """What somebody invited has typed so far; the owner is a secret of their browser."""
        return await self.node.database.read(
            lambda connection: self._drafts.load(connection, owner, PersonDraft)
        )

    async def save_person(self, owner: bytes, draft: PersonDraft) -> None:
        now = self.node.clock.peek()
        await self.node.database.write(lambda connection: self._drafts.save(connection, owner, draft, now))

    async def drop(self, owner: bytes) -> None:
        await self.node.database.write(lambda connection: self._drafts.drop(connection, owner))

    async def keep_texts(self, texts: Iterable[Text]) -> None:
        """Texts are in the store before a statement names them; the node refuses a text it does not hold."""
        now = self.node.clock.peek()
        rows = [
            {
                "digest": text.digest,
                "media_type": MEDIA_TYPE,
                "size": len(text.data),
                "added_at": now,
                "bytes": text.data,
            }
            for text in texts
        ]

        def change(connection: Connection) -> None:
            for row in rows:
                connection.execute(upsert(blobs).values(row).on_conflict_do_nothing())

        await self.node.database.write(change)

    async def keep_minutes(self, data: bytes) -> bytes:
        """Scanned minutes go into the vault, encrypted; their digest in the document finds them again."""
        return await self.node.database.write(
            lambda connection: scans.keep(connection, self.node.vault, data)
        )

    async def minutes_scan(self, appointment: bytes, account: str) -> tuple[str, bytes] | None:
        """(media type, file) behind the digest that an appointment names, for members and holders of offices
        only, however open the log is: paper minutes name people. None for others, and when none was kept.
        """

        def query(connection: Connection) -> bytes | None:
            known, found = queries.facts(self.node.state), self.find(appointment)
            if found is None or found.type != "council.appoint/1":
                return None
            digest = found.payload["basis"].get("minutes")
            if digest is None or not (known.is_member(account) or known.roles(account)):
                return None
            return scans.find(connection, self.node.vault, digest)

        data = await self.node.database.read(query)
        return (media_type(data) or "application/octet-stream", data) if data is not None else None

    # -- sittings ----------------------------------------------------------------------------------

    async def constitution(self, owner: bytes, draft: Draft, texts: list[Text]) -> list[Item]:
        """What of the first sitting is still to be signed. The genesis is made when it is first asked for."""
        pack = methodology.load(draft.pack)
        charter = next(text for text in texts if text.kind == "charter")
        await self.keep_texts(texts)
        if self.node.cooperative is None:
            urls = (self.node.config.public_url, self.node.config.signing_url)
            genesis = items.genesis_map(draft, pack, self.node.keys, urls, secrets.token_bytes(16))
            draft = msgspec.structs.replace(draft, genesis=encoding.encode(genesis))
            draft.cooperative = items.cooperative_id(draft.genesis)
            await self.save(owner, draft)
        wanted = items.constitution(draft, pack, self.node.keys, texts, charter)
        return await self.node.database.read(lambda _: self._missing(wanted))

    def _missing(self, wanted: list[Item]) -> list[Item]:
        state = self.node.state
        found = queries.cooperative_in(state)
        if found is None:
            return wanted
        known = queries.facts(state)
        done = {"cooperative.genesis/1"}
        if self.node.engine.head.size > 1:
            done.add("cooperative.pack/1")
        if queries.knows_account(state, found.founder):
            done.add("account.genesis/1")
        if queries.charter_in(state) is not None:
            done.add("cooperative.charter/1")
        return [
            item
            for item in wanted
            if item.type not in done
            and not (
                item.type == "cooperative.agreement/1"
                and item.payload is not None
                and known.edition(str(item.payload["kind"])) is not None
            )
        ]

    async def gathering(self, draft: Draft, labels: list[str]) -> list[Item]:
        """Second sitting: the founder signs the texts and invites the council (existing) or the founders
        (new).
        """
        now = self.node.clock.peek()

        def query(_: Connection) -> list[Item]:
            state = self.node.state
            found = queries.cooperative_in(state)
            charter = queries.charter_in(state)
            assert found is not None and charter is not None and self.node.cooperative is not None
            own = self.node.cooperative
            wanted = self._texts_to_sign(state, found.founder, own)
            if found.kind == "existing":
                return [*wanted, items.appoint(draft, own, labels, places.of(self.state))]
            closes = now + draft.closes_days * items.DAY
            return [*wanted, items.convene(charter.digest, labels, closes, own)]

        return await self.node.database.read(query)

    def _texts_to_sign(self, state: State, account: str | None, own: str) -> list[Item]:
        find = self.node.store.find_document
        found = []
        for line in queries.unsigned(state, account):
            adopted = find(line.digest)
            found.append(items.sign_text(line, own, adopted[1] if adopted else None))
        return found

    async def acceptance(
        self, invitation: Invitation, account: str | None, person: Mapping[str, str], purposes: Iterable[str]
    ) -> list[Item]:
        """Everything somebody invited signs in one sitting; `account` None for whoever has none here yet."""
        now = self.node.clock.peek()

        def query(_: Connection) -> list[Item]:
            state = self.node.state
            own = self.node.cooperative
            assert own is not None
            wanted: list[Item] = []
            if account is None:
                wanted.append(Item("account.genesis/1", None, items.SELF, items.SELF, home=own))
            wanted += self._texts_to_sign(state, account, own)
            texts = {line.kind: line for line in queries.texts(state)}
            years = queries.facts(state).parameter("consent.term_years")
            for purpose in purposes:
                text = texts.get(consents.TEXTS[purpose])
                if text is not None and not queries.has_consent(state, account, purpose):
                    until = now + years * 365 * items.DAY
                    wanted.append(items.give_consent(purpose, consents.FIELDS[purpose], text, own, until))
            return [*wanted, items.accept(invitation, person, own)]

        return await self.node.database.read(query)

    async def open_meeting(self, candidates: Iterable[str], seats: int, days: int) -> list[Item]:
        """The founder opens the vote of those who have joined."""
        now = self.node.clock.peek()
        found = await self.meeting()
        assert found is not None and self.node.cooperative is not None
        closes = now + days * items.DAY - 600
        return [items.open_meeting(found.convene, list(candidates), seats, closes, self.node.cooperative)]

    async def ballot(
        self, account: str, charter: str, council: Iterable[str], chair: str | None
    ) -> list[Item]:
        found = await self.meeting()
        assert found is not None and found.vote is not None and self.node.cooperative is not None
        vote = found.vote
        highest = await self.node.database.read(
            lambda _: queries.highest_sequence(self.node.state, vote.id, account)
        )
        return [items.ballot(vote, charter, list(council), chair, highest + 1, self.node.cooperative)]

    async def minutes(self, role: str) -> list[Item]:
        found = await self.meeting()
        assert found is not None and found.vote is not None and self.node.cooperative is not None
        return [items.minutes(found.vote, role, self.node.cooperative)]

    async def reinvite(self, seat: int, label: str) -> list[Item]:
        assert self.node.cooperative is not None
        return [items.reinvite(seat, label, self.node.cooperative)]

    async def enrol(self, number: int, since: str, person: str, name: str, label: str) -> list[Item]:
        """One line of the register kept on paper."""
        own = self.node.cooperative
        assert own is not None
        place = await self.node.database.read(lambda _: places.of(self.state))
        return [items.enrol(number, since, person, name, label, own, place)]

    async def void(self, enrolment: bytes, reason: str) -> list[Item]:
        own = self.node.cooperative
        assert own is not None
        return [items.void(enrolment, reason, own)]

    async def publish_text(self, kind: str, title: str, body: str) -> list[Item]:
        """A new edition of a text people sign."""
        own = self.node.cooperative
        assert own is not None
        text = Text(kind, title, body.encode())
        await self.keep_texts([text])
        held = {line.kind: line.edition for line in await self.texts()}
        return [items.agreement_item(text, held.get(kind, 0) + 1, own)]

    # -- the node's own settings, before anything is founded ---

    def addresses_differ(self, values: Mapping[str, str]) -> bool:
        config = self.node.config
        return (values["public_url"], values["signing_url"]) != (config.public_url, config.signing_url)

    def addresses_fixed(self, values: Mapping[str, str]) -> list[str]:
        """Those among them that the environment sets otherwise: they would come back at the next start."""
        held = self.node.config
        names = ("public_url", "signing_url")
        return [
            name for name in names if config.from_environment(name) and values[name] != getattr(held, name)
        ]

    def set_addresses(self, values: Mapping[str, str]) -> str | None:
        """Into the configuration file and at once into the running node. Gives the founder's link at the new
        address: cookies do not go along. Only before anything is founded.
        """
        chosen = {name: values[name] for name in ("public_url", "signing_url")}
        config.write(self.node.config.data, dict(chosen))
        self.node.configure(chosen)
        token = self.node.founding_token
        return f"{chosen['public_url']}/found?token={token}" if token else None

    def set_mail(self, values: Mapping[str, str]) -> None:
        """Into the configuration file and at once into the running node."""
        before = self.node.config.smtp
        if values["way"] == "folder":
            smtp = config.Smtp()
        else:
            secret = values["password"]
            smtp = config.Smtp(
                host=values["host"],
                port=int(values["port"] or 587),
                user=values["user"] or None,
                password=SecretStr(secret) if secret else before.password,
                sender=values["sender"],
                starttls=before.starttls,
                authority=before.authority,
            )
        written: dict[str, str | int | bool] = {
            "smtp.host": smtp.host or "",
            "smtp.port": smtp.port,
            "smtp.user": smtp.user or "",
            "smtp.password": smtp.password.get_secret_value() if smtp.password else "",
            "smtp.sender": smtp.sender,
        }
        config.write(self.node.config.data, written)
        self.node.configure({"smtp": smtp.plain()})

    async def test_letter(self, to: str) -> str | None:
        """Sends one letter to try the settings; gives what went wrong, as a message id."""
        try:
            await Mailer.of(self.node.config).send(trial(to), now=self.node.clock.peek())
        except MailError:
            return "The letter could not be sent. Check server, name and password."
        return None

    # -- looking -----------------------------------------------------------------------------------

    async def invitation(self, digest: bytes, index: int) -> Invitation | None:
        return await self.node.database.read(
            lambda _: queries.invitation(self.node.state, self.find, digest, index)
        )

    async def place_of(self, kid: bytes) -> tuple[bytes, int] | None:
        """Digest and place of the invitation with this public key."""
        return await self.node.database.read(lambda _: queries.place_of(self.node.state, self.find, kid))

    async def seats(self) -> queries.Seats | None:
        return await self.node.database.read(lambda _: queries.seats(self.node.state, self.find))

    async def meeting(self) -> queries.Gathering | None:
        return await self.node.database.read(lambda _: queries.gathering(self.node.state, self.find))

    async def ballots(self, vote: str) -> dict[str, Cast]:
        """Counting ballots of the founding vote, which is open."""
        return await self.node.database.read(lambda _: queries.ballot_lines(self.node.state, vote))

    async def charter(self) -> Charter | None:
        return await self.node.database.read(lambda _: queries.charter_in(self.node.state))

    async def account_ticket(self) -> bytes:
        """A permission for one new account, for whoever was invited."""
        return admission.token_digest(await self.node.issue_ticket(items.DAY))

    async def offices(self, account: str) -> frozenset[str]:
        """Offices held now; `founder` too until the cooperative is constituted."""

        def query(_: Connection) -> frozenset[str]:
            state = self.node.state
            found = queries.cooperative_in(state)
            if found is None:
                return frozenset()
            known = queries.facts(state)
            provisional = not known.constituted() and found.founder == account
            return known.roles(account) | ({"founder"} if provisional else frozenset())

        return await self.node.database.read(query)

    async def open_enrolments(self) -> list[queries.EnrolmentLine]:
        return await self.node.database.read(lambda _: queries.open_enrolments(self.node.state))

    async def texts(self) -> list[queries.TextLine]:
        return await self.node.database.read(lambda _: queries.texts(self.node.state))

    async def blob(self, digest: bytes) -> bytes | None:
        def query(connection: Connection) -> bytes | None:
            row = connection.execute(select(blobs.c.bytes).where(blobs.c.digest == digest)).one_or_none()
            return bytes(row.bytes) if row else None

        return await self.node.database.read(query)

    async def names(self, accounts: Iterable[str], roles: Iterable[str]) -> dict[str, str]:
        """Names by account, as they gave them when they joined, for a reader in these roles."""
        wanted, held = list(dict.fromkeys(accounts)), list(roles)
        return await self.node.database.read(lambda connection: names_in(connection, self.node, wanted, held))

    async def parameter(self, key: str) -> Any:
        return await self.node.database.read(lambda _: queries.facts(self.node.state).parameter(key))


_JOINING = ("council.accept/1", "membership.accept/1", "founding.join/1", "membership.apply/1")


def names_in(
    connection: Connection, node: Node, accounts: Iterable[str], roles: Iterable[str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for account in accounts:
        query = (
            select(entries.c.digest, entries.c.type)
            .where(entries.c.iss == account, entries.c.type.in_(_JOINING))
            .order_by(entries.c.idx.desc())
        )
        for row in connection.execute(query):
            opened = private_values(connection, node.vault, row.digest, row.type, list(roles))
            if opened and opened.get("name"):
                found[account] = str(opened["name"])
                break
    return found


def find_in(node: Node) -> Find:
    def find(digest: bytes) -> Statement | None:
        row = node.store.find_document(digest)
        if row is None:
            return None
        try:
            return registry.typed(documents.parse(row[1]))
        except StatementError:
            return None

    return find


def default_seats() -> list[Seat]:
    """A council of three: what the wizard begins with."""
    return [
        Seat(["chair", "member"], mine=True),
        Seat(["secretary", "member"]),
        Seat(["accountant"], voting=False),
    ]
