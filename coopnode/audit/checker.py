"""One process that checks signatures: run as a program, and started by `checkers`.

On the wire: length u32, then for each signature key (32), length u32, signature (64) and message; the answer
is one byte for each. Nothing is imported here that is not needed, for the log waits while this starts.
"""

import sys

from protocol import signatures


def work() -> None:
    """Until standard input ends."""
    signatures.self_check()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(4):
        body = source.read(int.from_bytes(head, "big"))
        sink.write(bytes(_verdicts(body)))
        sink.flush()


def _verdicts(body: bytes) -> list[bool]:
    found: list[bool] = []
    at, size = 0, len(body)
    while at < size:
        start = at + 36
        end = start + int.from_bytes(body[at + 32 : start], "big")
        found.append(signatures.verify_signed(body[at : at + 32], body[start:end]))
        at = end
    return found


if __name__ == "__main__":
    work()
