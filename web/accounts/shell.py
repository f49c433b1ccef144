"""What the pages and the API of this slice share."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from coopnode.accounts.service import Accounts
from coopnode.admission import Buckets

ACCOUNTS: Final = web.AppKey("accounts", Accounts)
#: Finding accounts, asking for devices: by network address, as are reading key histories and asking what
#: became of a device. Typing codes: by account.
FINDS: Final = web.AppKey("accounts_finds", Buckets)
READS: Final = web.AppKey("accounts_reads", Buckets)
CODES: Final = web.AppKey("accounts_codes", Buckets)


def setup(app: web.Application, service: Accounts) -> None:
    app[ACCOUNTS] = service
    app[FINDS] = Buckets(20.0, 60 / 3600)
    app[READS] = Buckets(service.node.config.limits.lookups_burst, service.node.config.limits.lookups_rate)
    app[CODES] = Buckets(10.0, 20 / 3600)
