"""Sentences about the robot in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from coopnode.robot.queries import Overview, Review, Simulation
from protocol import wording
from web import i18n
from web.forms import N_
from web.i18n import gettext, ngettext

_DOUBTS: Final = {
    "unreadable": N_("the particulars are not there to be read"),
    "same_person": N_("somebody with this name and day of birth is in the register or has applied"),
    "same_contact": N_("somebody else gave the same telephone or e-mail"),
    "refused_before": N_("an earlier application was refused or returned"),
    "young": N_("the applicant is under eighteen"),
    "by_video": N_("the identity was checked by video"),
    "in_a_hurry": N_("applied and checked within five minutes"),
    "person": N_("another kind of applicant"),
    "level": N_("the identity is checked less strictly than the terms ask"),
    "sum": N_("the fees are above the limit"),
}


@dataclass(frozen=True)
class Words:
    """Given to the templates as `words`."""

    request: web.Request

    def _(self, words: str, **values: Any) -> str:
        return gettext(self.request, words, **values)

    @property
    def locale(self) -> wording.Locale:
        return i18n.locale_of(self.request)

    def usual_title(self) -> str:
        return self._("On leaving admissions to the council's robot")

    def usual_text(self) -> str:
        return self._(
            "Let the council's robot admit applicants on the terms of this document: send checked "
            "applications on to the council, vote for them and approve the decision with keys that council "
            "members lend it. Members answer for what is signed with their keys. Each month the council goes "
            "through what the robot did."
        )

    # -- terms -----------------------------------------------------------------------------------------

    def persons(self, persons: Iterable[str]) -> str:
        known = wording.values("council.propose/1", "automation.persons", self.locale)
        return ", ".join(known[each] for each in persons)

    def act(self, act: str) -> str:
        return wording.values("council.delegate/1", "acts", self.locale)[act]

    def acts(self, acts: Iterable[str]) -> str:
        return "; ".join(self.act(each) for each in acts)

    def level(self, level: int) -> str:
        if level == 2:
            return self._("confirmed by a second cooperative, a notary or a qualified signature")
        return self._("checked by an officer of the cooperative")

    def standing(self, found: Overview) -> str:
        """What the robot does now, in one sentence."""
        if found.automation is None:
            return self._("The robot is off: the council has not decided to leave anything to it.")
        if found.automation.stopped_at is not None:
            return self._("The robot was stopped. It works again only after a new decision of the council.")
        if not found.active:
            return self._("The council's decision about the robot has run out.")
        if found.complete:
            return self._("The robot works: an ordinary application is decided without a person.")
        if not found.lenders:
            return self._("The council has decided, but nobody has lent the robot a key yet.")
        return self._(
            "The robot helps: %(votes)s of %(needed)s votes needed for a quorum are lent to it, people do "
            "the rest.",
            votes=found.votes,
            needed=found.needed,
        )

    # -- review and simulation -------------------------------------------------------------------------

    def doubt(self, code: str) -> str:
        return self._(_DOUBTS[code])

    def doubts(self, codes: Iterable[str]) -> str:
        return "; ".join(self.doubt(code) for code in codes)

    def reviewed(self, found: Review) -> str:
        """«За месяц через робота прошло 14 заявлений; на 2 вы бы посмотрели сами.»"""
        count = len(found.done)
        if not count:
            return self._("The robot did nothing this month.")
        text = ngettext(
            self.request,
            "The robot dealt with %(num)s application.",
            "The robot dealt with %(num)s applications.",
            count,
        )
        if found.looked:
            text += " " + ngettext(
                self.request,
                "You would have looked at %(num)s of them yourself.",
                "You would have looked at %(num)s of them yourself.",
                found.looked,
            )
        return text

    def tried(self, found: Simulation) -> str:
        if not found.all:
            return self._(
                "There were no checked applications in the last %(days)s days: nothing to try the terms on.",
                days=found.days,
            )
        return self._(
            "Of %(all)s applications of the last %(days)s days the robot would have decided %(passed)s; "
            "%(left)s would have waited for people.",
            all=found.all,
            days=found.days,
            passed=found.passed,
            left=found.all - found.passed,
        )

    def looked(self, found: Simulation) -> str:
        return ngettext(
            self.request,
            "%(num)s of them you might have looked at yourself.",
            "%(num)s of them you might have looked at yourself.",
            found.looked,
        )
