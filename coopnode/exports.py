"""A copy of the published log in a folder of its own (C2SP tlog-tiles), for audits by others."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from coopnode.audit.sources import Directory, SourceError, read_checkpoint, read_tile
from coopnode.config import database_of
from coopnode.store import fsck
from coopnode.store.database import StoreError
from protocol import checkpoints, documents, tiles
from protocol.errors import ProtocolError
from protocol.notes import parse_note
from protocol.tiles import Tile


class ExportError(Exception):
    """The folder cannot be written, or there is nothing to export."""


@dataclass(frozen=True, slots=True)
class Exported:
    entries: int
    blobs: int


def export(data: Path, target: Path, progress: Callable[[int, int], None]) -> Exported:
    """Raises ExportError. The checkpoint is written last: a folder without one is an unfinished copy."""
    if target.exists() and any(target.iterdir()):
        raise ExportError(f"{target} is not empty")
    source = Directory(data)
    try:
        note = read_checkpoint(source)
        size = checkpoints.parse(parse_note(note)[0]).size
        target.mkdir(parents=True, exist_ok=True)
        wanted = tiles.tiles_for(size)
        for place, tile in enumerate(wanted):
            _write(target / tile.path, read_tile(source, tile))
            if tile.level == 0:
                bundle = Tile("entries", tile.index, tile.width)
                data_of = read_tile(source, bundle)
                _write(target / bundle.path, data_of)
                if tile.index == 0:
                    _pack(target, tiles.decode_bundle(data_of, tile.width))
            progress(place + 1, len(wanted))
        blobs = _blobs(data, target)
        _write(target / "checkpoint", note)
    except (SourceError, StoreError, ProtocolError) as error:
        raise ExportError(str(error)) from error
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise ExportError(f"{error.filename} cannot be written: {error.strerror}") from error
    return Exported(size, blobs)


def _pack(target: Path, entries: list[bytes]) -> None:
    if len(entries) > 1:
        pack = documents.parse(entries[1]).payload.get("bytes")
        if isinstance(pack, bytes):
            _write(target / "pack.cbor", pack)


def _blobs(data: Path, target: Path) -> int:
    count = 0
    with fsck.snapshot(data, database_of(data)) as snapshot:
        for blob in snapshot.blobs():
            _write(target / "blobs" / hashlib.sha256(blob.bytes).hexdigest(), blob.bytes)
            count += 1
    return count


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
