"""Hatchling's hooks: dependencies come from locks/run.in, and no wheel leaves without the browser files."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface


class Dependencies(MetadataHookInterface):
    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "locks" / "run.in").read_text("utf-8")
        lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
        metadata["dependencies"] = [line for line in lines if line]


class BrowserFiles(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        from_sdist = (root / "PKG-INFO").exists() and (root / "web/static/build/manifest.json").exists()
        if from_sdist or version == "editable":
            return
        sys.path.insert(0, self.root)
        from tools.assets import build

        build()
