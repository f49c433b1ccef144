"""Keys of what the application carries (aiohttp `AppKey`)."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from coopnode.app import Node

NODE: Final = web.AppKey("node", Node)
