"""Makes a demo: an empty directory, a cooperative founded as the wizard would, then `story`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from coopnode.app import Blob, Leader, Node
from coopnode.config import Config, Limits
from coopnode.demo import cast, place
from coopnode.demo.office import DAY, Office
from coopnode.demo.place import Demo, DemoError
from coopnode.demo.story import Story, start_of
from coopnode.founding import items, texts
from coopnode.founding.drafts import Basis, Draft
from coopnode.projections import Projection
from coopnode.testing import FixedClock
from protocol import documents, encoding, methodology, signatures
from protocol.encoding import Value

Progress = Callable[[int, int], None]

_PACK: Final = "ru-consumer-1"
_ASSEMBLY: Final = Basis(organ="general_meeting", number="7")
#: Hours after midnight on day 0 at which the log begins.
_MORNING: Final = 9 * 3600
#: Two months go by in seconds: what is rationed by the clock would stand in the way.
_PLENTY: Final = Limits(account_burst=1e9, account_rate=1e9, stranger_burst=1e9, stranger_rate=1e9)


async def make(config: Config, projections: Sequence[Projection], now: int, progress: Progress) -> Demo:
    """A finished demo in `config.data`, whose present is `now` (seconds since 1970).

    Raises:
        DemoError: something else than a demo is there already.
    """
    place.prepare(config)
    clock = FixedClock(time=start_of(now) + _MORNING)
    writing = config.model_copy(update={"limits": _PLENTY, "checkpoint_seconds": 0.05})
    node = Node.open(writing, clock=clock, projections=projections)
    try:
        if node.engine.head.size:
            raise DemoError("the database holds a log already: a demo needs one of its own")
        await node.start()
        office = Office(node, clock)
        await found(office, config)
        await Story(office, now).tell(progress)
    finally:
        await node.stop()
    residents = {key: office.resident(key) for key in office.people}
    demo = Demo(office.own, now, residents)
    place.finish(config, demo)
    return demo


async def found(office: Office, config: Config) -> None:
    """Genesis, charter and texts as the wizard proposes them, and a council that has taken its seats."""
    node, seed = office.node, secrets.token_bytes(32)
    today = datetime.fromtimestamp(office.now, UTC).date()
    basis = Basis(_ASSEMBLY.organ, _ASSEMBLY.number, today.isoformat())
    draft = Draft(
        kind="existing",
        pack=_PACK,
        name=cast.COOPERATIVE,
        address=cast.ADDRESS,
        contact=cast.CONTACT,
        purpose=cast.PURPOSE,
        responsible=cast.RESPONSIBLE,
        charter_basis=basis,
        key=signatures.public_key(seed),
    )
    await _genesis(office, draft, seed, (config.public_url, config.signing_url))
    proposed = texts.proposed(draft, methodology.load(_PACK), config.public_url, today)
    charter = next(text for text in proposed if text.kind == "charter")
    blob = Blob(charter.digest, "text/markdown", charter.data)
    fields: dict[str, Any] = dict(items.charter_item(draft, charter, office.own).payload or {})
    office.charter = await office.sign(
        cast.CHAIR, "cooperative.charter/1", fields, sub=office.own, blobs=[blob]
    )
    for text in proposed:
        await office.publish(cast.CHAIR, text.kind, text.title, text.data)
    await _seat_council(office, node, items.basis_map(basis))


async def _genesis(office: Office, draft: Draft, seed: bytes, urls: tuple[str, str]) -> None:
    node, pack = office.node, methodology.load(_PACK)
    genesis = items.genesis_map(draft, pack, node.keys, urls, secrets.token_bytes(16))
    office.own = own = items.cooperative_id(encoding.encode(genesis))
    office.holder(cast.CHAIR, own, seed)
    proofs: list[Value] = [
        signatures.sign(secret, documents.possession(pub, own, 0))
        for secret, pub in ((node.keys.log, node.keys.log_pub), (node.keys.node, node.keys.node_pub))
    ]
    fields: dict[str, Value] = {"genesis": genesis, "proofs": proofs}
    token = node.founding_token
    await office.sign(cast.CHAIR, "cooperative.genesis/1", fields, sub=own, ticket=token)
    content: dict[str, Value] = {
        "bytes": methodology.encode(pack),
        "name": pack.name,
        "version": pack.version,
    }
    await office.sign(cast.CHAIR, "cooperative.pack/1", content, sub=own)
    await office.account(cast.CHAIR)


async def _seat_council(office: Office, node: Leader, basis: dict[str, Value]) -> None:
    invitations = {key: secrets.token_bytes(32) for key in cast.COUNCIL}
    seats = [
        _seat(number, key, invitations[key], roles)
        for number, (key, roles) in enumerate(cast.COUNCIL.items(), 1)
    ]
    fields: dict[str, Value] = {"basis": basis, "seats": seats, "until": office.now + 1700 * DAY}
    appointed = await office.sign(cast.CHAIR, "council.appoint/1", fields, sub=office.own)
    for number, key in enumerate(cast.COUNCIL, 1):
        if key != cast.CHAIR:
            await office.account(key)
        await office.agree(key)
        proof = office.people[key].first.proof_for(invitations[key], appointed)
        accept: dict[str, Value] = {"re": [appointed], "seat": number, "proof": proof}
        values = dict(cast.PEOPLE[key].particulars)
        await office.sign(key, "council.accept/1", accept, sub=office.own, values=values)
    assert node.facts.constituted()


def _seat(number: int, key: str, invitation: bytes, roles: Sequence[str]) -> Value:
    character = cast.PEOPLE[key]
    since = datetime.fromisoformat(character.since).replace(tzinfo=UTC)
    member: dict[str, Value] = {"number": character.number or number, "since": int(since.timestamp())}
    return {
        "seat": number,
        "roles": list[Value](roles),
        "voting": True,
        "invitation": signatures.public_key(invitation),
        "member": member,
    }
