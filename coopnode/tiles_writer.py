"""The log as files under `data/log`: what anybody may fetch (C2SP tlog-tiles, SPEC §9.1, P15).

Everything here is a copy of rows of the database and may be made again, except the checkpoint: it carries a
signature, so it comes last, after all it promises is on disk.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from coopnode import faults
from coopnode.store.vault import sync_folder
from protocol import tiles
from protocol.tiles import TILE_WIDTH, ReadTile, Tile

CHECKPOINT = "checkpoint"

ReadEntries = Callable[[int, int], list[bytes]]


class LogFiles:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def checkpoint(self) -> bytes | None:
        try:
            return (self.folder / CHECKPOINT).read_bytes()
        except FileNotFoundError:
            return None

    def read(self, tile: Tile) -> bytes | None:
        """A tile or bundle; a partial one that was dropped is cut from the full one."""
        try:
            return (self.folder / tile.path).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, old_size: int, size: int, read_tile: ReadTile, read_entries: ReadEntries) -> int:
        """Every tile and bundle that differs between the two sizes, synced when this returns; answers how
        many files."""
        files: list[tuple[Path, bytes]] = []
        for tile in tiles.new_tiles(old_size, size):
            files.append((self.folder / tile.path, read_tile(tile)))
            if tile.level == 0:
                bundle = Tile("entries", tile.index, tile.width)
                entries = read_entries(tile.start, tile.start + tile.width)
                files.append((self.folder / bundle.path, tiles.encode_bundle(entries)))
        self._write_synced(files)
        return len(files)

    def drop_partials(self, old_size: int, size: int) -> None:
        """Partial tiles whose full tile is published (the checkpoint over it is out)."""
        for tile in tiles.new_tiles(old_size, size):
            if tile.width == TILE_WIDTH:
                levels: tuple[tiles.Level, ...] = (
                    (tile.level, "entries") if tile.level == 0 else (tile.level,)
                )
                for level in levels:
                    partials = self.folder / (tiles.tile_path(level, tile.index) + ".p")
                    if partials.exists():
                        shutil.rmtree(partials, ignore_errors=True)

    def write_checkpoint(self, note: bytes) -> None:
        path = self.folder / CHECKPOINT
        temporary = path.with_suffix(".new")
        with open(temporary, "wb") as file:
            file.write(note)
            file.flush()
            faults.point("checkpoint.written")
            os.fsync(file.fileno())
        faults.point("checkpoint.synced")
        os.rename(temporary, path)
        faults.point("checkpoint.renamed")
        sync_folder(self.folder)

    def _write_synced(self, files: list[tuple[Path, bytes]]) -> None:
        folders: set[Path] = set()
        for path, data in files:
            folders |= self._make_folder(path.parent)
            with open(path.with_name(path.name + ".new"), "wb") as file:
                file.write(data)
                file.flush()
                faults.point("tiles.written")
                os.fsync(file.fileno())
        faults.point("tiles.synced")
        for path, _ in files:
            os.rename(path.with_name(path.name + ".new"), path)
        faults.point("tiles.renamed")
        for folder in folders:
            sync_folder(folder)
        faults.point("tiles.folder_synced")

    def _make_folder(self, folder: Path) -> set[Path]:
        """The folder and those above it that are new: each has to be synced for the name of the next to
        last."""
        made = {folder}
        while not folder.exists():
            made.add(folder.parent)
            folder = folder.parent
        for path in sorted(made, key=lambda item: len(item.parts)):
            path.mkdir(exist_ok=True)
        return made
