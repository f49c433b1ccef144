"""All that slices tell."""

from __future__ import annotations

from typing import Final

from coopnode.accounts import letters as accounts
from coopnode.council import letters as council
from coopnode.importing import letters as importing
from coopnode.membership import letters as membership
from coopnode.membership import request_letters as requests
from coopnode.outbox import Kind
from coopnode.robot import letters as robot

KINDS: Final[tuple[Kind, ...]] = (
    membership.KIND,
    requests.KIND,
    council.KIND,
    accounts.KIND,
    importing.KIND,
    robot.KIND,
)
BY_NAME: Final = {kind.name: kind for kind in KINDS}
