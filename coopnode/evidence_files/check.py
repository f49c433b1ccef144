"""Checks the files of this folder with nothing but Python's standard library: python3 check.py

It checks the fingerprint and the place in the log. The two signatures need a tool for Ed25519: see README.
"""

import base64
import hashlib
import json
import pathlib
import sys

here = pathlib.Path(__file__).parent
facts = json.loads((here / "facts.json").read_text("utf-8"))
good = True


def say(right: bool, text: str) -> None:
    global good
    good = good and right
    print(("ok    " if right else "WRONG ") + text)


def item(data: bytes, at: int) -> tuple[bytes, int]:
    """One CBOR byte string at a place: its bytes with their head, and what follows."""
    size = data[at] & 31
    head = 1 if size < 24 else 2 if size == 24 else 3
    if size >= 24:
        size = int.from_bytes(data[at + 1 : at + head], "big")
    return data[at : at + head + size], at + head + size


def same(data: bytes, signed: bytes, signature: bytes) -> bool:
    header, at = item(data, 2)
    payload, at = item(data, at + 1)
    last, at = item(data, at)
    return (
        signed == b"\x84\x6aSignature1" + header + b"\x40" + payload
        and last.endswith(signature)
        and at == len(data)
    )


statement = here / "statement.cose"
leaf = bytes.fromhex(facts["leaf_hash"])
if statement.exists():
    data, signed = statement.read_bytes(), (here / "signed.bin").read_bytes()
    digest = hashlib.sha256(signed).hexdigest()
    say(digest == facts["document_digest"], f"fingerprint of the document: {digest}")
    # statement.cose: 18([header, {}, payload, signature]); signed.bin: ["Signature1", header, b"", payload]
    say(same(data, signed, (here / "signature.bin").read_bytes()), "signed.bin is what statement.cose signs")
    say(hashlib.sha256(b"\x00" + data).digest() == leaf, "the leaf of the log is this statement")
else:
    print("      the statement itself is for those entitled; its place is checked")

proof = here / "document.tlog-proof"
if not proof.exists():
    print("      the log had not published this entry yet when the file was made")
    sys.exit(0 if good else 1)
head, note = proof.read_text("utf-8").split("\n\n", 1)
lines = head.split("\n")
index = int(lines[1].removeprefix("index "))
path = [base64.b64decode(line) for line in lines[2:]]
origin, size, root = note.split("\n")[:3]
say(origin == facts["log"]["origin"], f"log: {origin}")
say(index == facts["index"], f"number in the log: {index}")


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


# RFC 9162, 2.1.3.2
first, last, made, right = index, int(size) - 1, leaf, index < int(size)
for sibling in path:
    if last == 0:
        right = False
        break
    if first & 1 or first == last:
        made = node(sibling, made)
        while not first & 1 and first:
            first, last = first >> 1, last >> 1
    else:
        made = node(made, sibling)
    first, last = first >> 1, last >> 1
say(
    right and last == 0 and made == base64.b64decode(root),
    f"the path leads to the signed root of {size} entries",
)
sys.exit(0 if good else 1)
