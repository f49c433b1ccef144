"""Keys the robot signs with: made for one person under one decision, from the node's own secret, so that
nothing has to be kept and a restored node goes on.

The node can make such a key for anybody; it is worth nothing until that person has signed
`council.delegate/1` for it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from protocol import documents, encoding, signatures
from protocol.contract import View
from protocol.contracts.council import Delegation

#: Delegations of one person under one decision.
_TURNS: Final = 256


def _seed(secret: bytes, account: str, approval: bytes, turn: int) -> bytes:
    about = encoding.encode(["coopnode/robot/0", account, approval, turn])
    return hmac.new(secret, about, hashlib.sha256).digest()


def fresh(secret: bytes, view: View, account: str, approval: bytes) -> tuple[bytes, bytes]:
    """(public key, proof for `council.delegate/1`) of a key that was never lent. `view` is the council's."""
    for turn in range(_TURNS):
        seed = _seed(secret, account, approval, turn)
        kid = signatures.public_key(seed)
        if view.get("delegation", kid.hex(), Delegation) is None:
            return kid, signatures.sign(seed, documents.possession(kid, account, 0, approval))
    raise RuntimeError(f"{_TURNS} delegations of one person under one decision")


def find(secret: bytes, account: str, approval: bytes, kid: bytes) -> bytes | None:
    """The seed behind a lent key; None when another node made it."""
    for turn in range(_TURNS):
        seed = _seed(secret, account, approval, turn)
        if signatures.public_key(seed) == kid:
            return seed
    return None
