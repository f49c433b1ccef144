"""Prints the registry as the browser wants it: `.venv/bin/python -m tools.registry_json`."""

from __future__ import annotations

import json
import sys

from protocol import registry, wording

if __name__ == "__main__":
    json.dump(
        wording.registry_json(registry.TYPES.values()), sys.stdout, ensure_ascii=False, separators=(",", ":")
    )
