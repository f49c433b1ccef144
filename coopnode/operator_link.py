"""A link to the operator's page, made on the machine: who may read the node's keys may look at its condition
(ADR 10). Nothing is stored; a link ends by itself.

A link lives ten minutes and is exchanged for a visit of twelve hours, because addresses stand in histories
and in the logs of proxies.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, Literal

from coopnode.keystore import Keystore

SECONDS: Final = {"link": 600, "visit": 12 * 3600}


def make(keys: Keystore, purpose: Literal["link", "visit"], now: int) -> str:
    until = now + SECONDS[purpose]
    return f"{until}.{_tag(keys, purpose, until)}"


def valid(keys: Keystore, purpose: Literal["link", "visit"], token: str, now: int) -> bool:
    until, _, tag = token.partition(".")
    if not (until.isascii() and until.isdigit() and len(until) <= 12 and tag.isascii()):
        return False
    return now < int(until) and hmac.compare_digest(tag, _tag(keys, purpose, int(until)))


def _tag(keys: Keystore, purpose: str, until: int) -> str:
    said = f"coopnode/operator/0 {purpose} {until}".encode()
    return hmac.new(keys.session, said, hashlib.sha256).hexdigest()
