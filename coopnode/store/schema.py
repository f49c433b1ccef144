"""The tables of the main database.

`metadata` are facts: made and changed by migrations only. `projections` is for the read models of slices:
they hold no fact that is not in the log or the vault, are made by `coopnode.projections` and may be dropped
and replayed at any time.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, LargeBinary, MetaData, Table

from coopnode.store.types import Integer, Text

metadata: Final = MetaData()
projections: Final = MetaData()

#: The log. `idx` grows without gaps from 0; `raw` are the exact bytes (SPEC §4.2). `digest` is not unique:
#: two signatures of one document are two entries. `iss` is indexed, by type, because names, consents and «my
#: documents» begin with it, and a secretary signs a hundred thousand; no other: each costs a random page for
#: every row (20 µs of 57 in a log of 400,000). Slices index what they list.
entries = Table(
    "entries",
    metadata,
    Column("idx", Integer, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("entry_digest", LargeBinary(32), nullable=False),
    Column("type", Text, nullable=False),
    Column("iss", Text, nullable=False),
    Column("sub", Text, nullable=False),
    Column("tick", Integer, nullable=False),
    Column("iat", Integer, nullable=False),
    Column("exp", Integer, nullable=False),
    Column("cti", LargeBinary(16), nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Index("entries_digest", "digest"),
    Index("entries_iss", "iss", "type", "idx"),
)

#: Hashes of the tree as tlog-tiles cut it: (level, number) → 32 · width bytes. Rewritten while a tile is
#: partial.
tree = Table(
    "tree",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("hashes", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

#: The state (SPEC §9.2): `value` is the canonical CBOR of a record.
state = Table(
    "state",
    metadata,
    Column("domain", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

#: Private records (P20): ciphertext under a key of its own, which stands in `vault-keys.db` (P21).
private_records = Table(
    "private_records",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("idx", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("box", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

#: Public texts by SHA-256: charters, agreements, rules.
blobs = Table(
    "blobs",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("added_at", Integer, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
)

#: News to tell after a commit (`coopnode.outbox`). A row without `receiver` says what happened, in the log's
#: transaction; working it off makes a row for each receiver and channel, with the id of the first as `news`.
#: None holds an address or a text. A row ends with `done_at` and `outcome`, or with `failed_at` when it was
#: given up. Rows of the channel `inbox` are the inbox of a person, `read_at` is when they opened one.
#: `device`: which one a push goes to. `bundled`: goes out together with others of its receiver, once a day.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("idx", Integer, nullable=False),
    Column("receiver", Text),
    Column("audience", Text),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("due_at", Integer, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("done_at", Integer),
    Column("failed_at", Integer),
    Column("problem", Text),
    Column("news", Integer),
    Column("channel", Text),
    Column("device", Integer),
    Column("bundled", Integer, nullable=False, server_default="0"),
    Column("outcome", Text),
    Column("read_at", Integer),
    Index("outbox_due", "done_at", "failed_at", "due_at"),
    Index("outbox_idx", "idx"),
    Index("outbox_inbox", "receiver", "channel", "id"),
    Index("outbox_news", "news", "id"),
)

#: When and how a person wants to hear of news. `body` is CBOR (`coopnode.notifications.settings`).
notification_settings = Table(
    "notification_settings",
    metadata,
    Column("account", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("updated_at", Integer, nullable=False),
)

#: Browsers that are woken by their push service. `endpoint` is the digest of its address; address and keys
#: are in `box`, encrypted under the session key. `session` is the browser's when it last said so, `kid` the
#: signing key by which that session was signed in: a device ends with either.
push_devices = Table(
    "push_devices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("endpoint", LargeBinary(32), nullable=False),
    Column("box", LargeBinary, nullable=False),
    Column("session", LargeBinary(32), nullable=False),
    Column("kid", LargeBinary(32)),
    Column("created_at", Integer, nullable=False),
    Column("reached_at", Integer),
    Index("push_devices_account", "account"),
    Index("push_devices_endpoint", "endpoint", unique=True),
    Index("push_devices_session", "session"),
)

#: Addresses by which calendars ask for a person's dates. The address is made of `nonce` and a secret of the
#: node; `digest` finds it again.
calendar_feeds = Table(
    "calendar_feeds",
    metadata,
    Column("account", Text, primary_key=True),
    Column("nonce", LargeBinary(16), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("created_at", Integer, nullable=False),
    Index("calendar_feeds_digest", "digest", unique=True),
)

#: One-time permissions for strangers: to found the cooperative, to open an account (P14). Only the digest
#: of the token is kept.
tickets = Table(
    "tickets",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
    Column("used_at", Integer),
    Column("used_by", Text),
    Index("tickets_used", "kind", "used_at"),
)

#: Codes sent by e-mail. `address` is a keyed digest, never the address itself.
email_codes = Table(
    "email_codes",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("address", LargeBinary(32), nullable=False),
    Column("code", LargeBinary(32), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("accepted_at", Integer),
    Index("email_codes_address", "address", "created_at"),
)

#: Sessions of the site. `digest` of the cookie's token; `account` once signed in.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("account", Text),
    Column("kid", LargeBinary(32)),
    Column("created_at", Integer, nullable=False),
    Column("seen_at", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
    Column("locale", Text),
    Column("data", LargeBinary, nullable=False),
    Index("sessions_account", "account"),
    Index("sessions_expires", "expires_at"),
)

#: Login keys of devices: statements of the home node only (P7). `kid` is the signing key that brought one;
#: it ends with that key.
login_keys = Table(
    "login_keys",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("account", Text, nullable=False),
    Column("kid", LargeBinary(32), nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("ended_at", Integer),
    Index("login_keys_account", "account"),
)

#: A new device that asks to join an account (P8): `code` and `secret` are digests, `pub` and `proof` public.
device_requests = Table(
    "device_requests",
    metadata,
    Column("code", LargeBinary(32), primary_key=True),
    Column("secret", LargeBinary(32), nullable=False),
    Column("pub", LargeBinary(32), nullable=False),
    Column("account", Text),
    Column("number", Integer),
    Column("prev", LargeBinary(32)),
    Column("proof", LargeBinary(64)),
    Column("created_at", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
    Index("device_requests_secret", "secret"),
    Index("device_requests_expires", "expires_at"),
)

#: What the site asks the signing origin to show and sign (P28). `token` in clear only in the person's
#: browser; `body` is CBOR.
signing_requests = Table(
    "signing_requests",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("session", LargeBinary(32)),
    Column("account", Text),
    Column("ticket", LargeBinary(32)),
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("return_to", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
    Column("entry_digest", LargeBinary(32)),
    Column("idx", Integer),
    Index("signing_requests_expires", "expires_at"),
)

#: Unfinished forms. `box` is encrypted under the session key: drafts hold personal data.
drafts = Table(
    "drafts",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("box", LargeBinary, nullable=False),
    Column("updated_at", Integer, nullable=False),
    Index("drafts_owner", "owner", "form"),
)

#: Which version of which projection stands in the database and up to where it has been brought.
projection_versions = Table(
    "projection_versions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    sqlite_with_rowid=False,
)

#: The blind index of private fields (ADR 11): which record answers a keyed word. One row of `search_records`
#: for each record in it, with whom it is about and its terms one after another, so that they can be deleted
#: without the record; one of `search_terms` for each term. Filled by `coopnode.search.people` from log and
#: vault, in no copy of the database (`SECRET_FROM_COPIES`).
search_records = Table(
    "search_records",
    projections,
    Column("idx", Integer, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("terms", LargeBinary, nullable=False),
    Index("search_records_subject", "subject"),
)
search_terms = Table(
    "search_terms",
    projections,
    Column("term", LargeBinary(8), primary_key=True),
    Column("idx", Integer, primary_key=True),
    sqlite_with_rowid=False,
)
#: Name of its version among `projection_versions`.
BLIND_INDEX: Final = "search.records"

#: What a copy of the database does not keep: words of a record that is erased later would stay in it, under a
#: key that lives on.
SECRET_FROM_COPIES: Final = (search_records.name, search_terms.name)
