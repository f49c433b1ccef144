"""`coopnode run --demo`: the demo is there before the node starts, and the terminal says how to come in."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coopnode.cli import output

if TYPE_CHECKING:
    from coopnode.cli.output import Language
    from coopnode.config import Config
    from coopnode.demo.place import Demo

FOLDER: Final = Path("data-demo")
_DAY: Final = 86_400
#: After so many days most terms have passed.
_OLD: Final = 3


def prepare(config: Config, *, anew: bool, as_json: bool) -> None:
    """Makes the demo unless it is there. Ends the program with a sentence when it cannot be."""
    from coopnode import logs
    from coopnode.app import NodeError
    from coopnode.cli.node import all_projections
    from coopnode.demo import making, place
    from coopnode.store.database import StoreError

    if place.is_finished(config.data) and not anew:
        return
    logs.configure("error")
    try:
        if place.is_demo(config.data):
            place.discard(config)
        with output.progress("Making the cooperative", as_json=as_json) as progress:
            asyncio.run(making.make(config, all_projections(), int(time.time()), progress))
    except (NodeError, StoreError) as error:
        output.fail(str(error), as_json=as_json, code="demo")


def announcement(demo: Demo, url: str, language: Language) -> str:
    """Where to come in, and as whom."""
    from coopnode.demo import cast
    from coopnode.demo.place import PASSPHRASE

    width = max(len(cast.PEOPLE[role.key].name) for role in cast.ROLES)
    roles = [f"    {cast.PEOPLE[role.key].name:{width}}  {role.title[language]}" for role in cast.ROLES]
    days = int(time.time() - demo.made_at) // _DAY
    words = _WORDS[language]
    lines = [
        words["open"],
        f"\n    {url}/demo\n",
        words["roles"],
        *roles,
        "",
        words["keys"].format(PASSPHRASE),
    ]
    if days >= _OLD:
        lines.append(words["old"].format(days))
    return "\n".join(lines)


_WORDS: Final = {
    "en": {
        "open": "A demo: people and documents are invented. Come in from this machine:",
        "roles": "You can be, among others:",
        "keys": "Each has a copy of their key on that page; the passphrase of all copies: {}",
        "old": "This demo is {} days old and its terms have passed. Make one of today: --demo --anew",
    },
    "ru": {
        "open": "Учебный кооператив: люди и документы вымышлены. Вход с этого компьютера:",
        "roles": "Можно войти, например, как:",
        "keys": "Там же копии их ключей; парольная фраза всех копий: {}",
        "old": "Учебному кооперативу дней: {}, сроки в нём истекли. Создать заново: --demo --anew",
    },
}
