"""Methodology packs: law and practice of one country and one form, as versioned data (SPEC §7.3, design §6).

A pack holds no code. Its bytes are logged when a cooperative adopts it, so an audit needs no copy of ours; a
matter keeps the digest of the pack it opened under. The linter compares a charter with the pack before anyone
signs it.
"""

from protocol.methodology.linter import Finding, check_charter
from protocol.methodology.needed import unfit
from protocol.methodology.packs import (
    MAX_PACK,
    Local,
    Pack,
    PackError,
    available,
    decode,
    digest,
    encode,
    load,
    local,
    unconfirmed,
    value,
)
from protocol.methodology.parameters import Parameter

__all__ = [
    "MAX_PACK",
    "Finding",
    "Local",
    "Pack",
    "PackError",
    "Parameter",
    "available",
    "check_charter",
    "decode",
    "digest",
    "encode",
    "load",
    "local",
    "unconfirmed",
    "unfit",
    "value",
]
