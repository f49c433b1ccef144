"""Pictures as rows of grey, for the program that reads QR codes: PNG as `typst` and `segno` write it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import zxingcpp

__all__ = ["codes"]

#: Samples of a pixel by colour type: grey, colour, colour and transparency.
_SAMPLES = {0: 1, 2: 3, 6: 4}


def codes(png: bytes) -> list[str]:
    """What the QR codes of a picture say to a program that shares nothing with the one that wrote them."""
    return [found.text for found in zxingcpp.read_barcodes(_grey(png))]


def _grey(png: bytes) -> memoryview:
    """The first sample of each pixel, 0 to 255. Eight bits each, or one bit and grey; not interlaced."""
    chunks = list(_chunks(png))
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    assert not interlaced and (depth, colour) in {(8, 0), (8, 2), (8, 6), (1, 0)}
    data = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    samples, length = _SAMPLES[colour], (width * depth * _SAMPLES[colour] + 7) // 8
    above, rows = bytes(length), bytearray()
    for at in range(0, len(data), length + 1):
        line = data[at + 1 : at + 1 + length]
        # A filter looks at the same sample of the pixels beside it: one can be had without the rest.
        above = _row(data[at], line[::samples], above)
        if depth == 8:
            rows += above
        else:
            rows += bytes(255 * (above[x // 8] >> 7 - x % 8 & 1) for x in range(width))
    return memoryview(rows).cast("B", (height, width))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, bytes)."""
    at = 8
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += size + 12


def _row(filter: int, line: bytes, above: bytes) -> bytes:
    """Undoes a filter (PNG, 9.2)."""
    made, left, corner = bytearray(), 0, 0
    for sample, up in zip(line, above, strict=False):
        guess = (0, left, up, (left + up) // 2, _paeth(left, up, corner))[filter]
        left, corner = (sample + guess) & 255, up
        made.append(left)
    return bytes(made)


def _paeth(left: int, up: int, corner: int) -> int:
    found = left + up - corner
    return min((left, up, corner), key=lambda each: abs(found - each))
