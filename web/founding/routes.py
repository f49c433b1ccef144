"""Routes of founding, invitations and the desk of the council: `setup` registers them."""

from __future__ import annotations

from aiohttp import web

from coopnode.founding.service import Founding
from web.founding import desk, invitations, meeting, scans, wizard
from web.founding.shell import FOUNDING
from web.founding.tasks import tasks
from web.keys import NODE, TASKS


def setup(app: web.Application) -> None:
    app[FOUNDING] = Founding(app[NODE])
    app[TASKS].append(tasks)
    meeting.setup(app)  # before the wizard, whose last route takes every step
    wizard.setup(app)
    invitations.setup(app)
    desk.setup(app)
    scans.setup(app)
