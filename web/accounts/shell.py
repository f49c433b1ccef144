"""What the pages and the API of this slice share."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from coopnode.accounts.service import Accounts
from coopnode.admission import Buckets

ACCOUNTS: Final = web.AppKey("accounts", Accounts)
#: Finding accounts, asking for devices: by network address. Typing codes: by account.
FINDS: Final = web.AppKey("accounts_finds", Buckets)
CODES: Final = web.AppKey("accounts_codes", Buckets)


def setup(app: web.Application, service: Accounts) -> None:
    app[ACCOUNTS] = service
    app[FINDS] = Buckets(20.0, 60 / 3600)
    app[CODES] = Buckets(10.0, 20 / 3600)
