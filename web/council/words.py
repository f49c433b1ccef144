"""Sentences of the council in the reader's language: what a matter is called and where its vote stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from coopnode.council.queries import Caution, Law, MatterLine, MatterPage, Step, Tally
from coopnode.membership.queries import Paper
from protocol import wording
from protocol.decisions import Counts
from web import i18n
from web.i18n import gettext, ngettext


@dataclass(frozen=True)
class Words:
    """Given to the templates as `words`; every method takes values and gives one plain text."""

    request: web.Request

    def _(self, words: str, **values: Any) -> str:
        return gettext(self.request, words, **values)

    @property
    def locale(self) -> wording.Locale:
        return i18n.locale_of(self.request)

    # -- what it is called -----------------------------------------------------------------------------

    def title(self, line: MatterLine) -> str:
        if line.kind == "admission":
            if line.name:
                return self._("Admit %(name)s as a member?", name=line.name)
            return self._("Admit the applicant as a member?")
        if line.kind == "exit":
            return self._("%(name)s asks to leave", name=self.person(line.name, line.subject))
        return line.title or self._("Matter No. %(number)s", number=i18n.number(line.idx, self.locale))

    def subject(self, line: MatterLine) -> str:
        """As a decision is called, not as a question."""
        if line.kind == "admission":
            return self._("Admission: %(name)s", name=self.person(line.name, line.subject))
        if line.kind == "exit":
            return self._("Leaving: %(name)s", name=self.person(line.name, line.subject))
        return self.title(line)

    def paper(self, paper: Paper) -> str:
        title = wording.title(paper.type, self.locale)
        if paper.type == "consent.give/1" and "purpose" in paper.public:
            purpose = paper.public["purpose"]
            return f"{title}: {wording.values(paper.type, 'purpose', self.locale).get(purpose, purpose)}"
        if paper.type in ("agreement.sign/1", "cooperative.agreement/1") and "kind" in paper.public:
            return f"{title}: {wording.agreement(paper.public['kind'], self.locale)}"
        return title

    def before(self, page: MatterPage) -> int:
        """How many texts and consents the applicant signed first."""
        return sum(item.type in ("agreement.sign/1", "consent.give/1") for item in page.papers)

    def applicant(self, person: str) -> str:
        return wording.values("membership.apply/1", "person", self.locale)[person]

    def method(self, method: str) -> str:
        return wording.values("membership.identify/1", "method", self.locale)[method]

    def follows(self, line: MatterLine) -> str:
        """What the chair's signature does."""
        carried = (line.outcome or line.tally.lead) == "adopted"
        if line.kind == "admission":
            if carried:
                return self._(
                    "The applicant is admitted and asked to pay the fees; membership begins with payment."
                )
            return self._("The applicant is refused and reads your reason.")
        if line.kind == "exit":
            if carried:
                return self._(
                    "Membership ends with your signature; the share is returned as the charter says."
                )
            return self._("The member stays one and reads your reason. A refusal can be contested in court.")
        if line.kind == "petition":
            if carried:
                return self._("The decision is the council's answer; the member reads it at once.")
            return self._("The petition is refused and the member reads your reason.")
        if line.kind == "officer" and carried:
            return self._("The offices change at once.")
        return self._("The decision takes effect at once and is numbered.")

    def kind(self, line: MatterLine) -> str:
        return wording.values("council.propose/1", "kind", self.locale)[line.kind]

    def chip(self, line: MatterLine) -> str:
        """A verb in the past or a deadline, never a code."""
        if line.status == "open" and line.tally.settled:
            return self._("voted, the chair's signature is awaited")
        if line.status == "open":
            return self._("voting until %(time)s", time=self.moment(line.closes))
        if line.status == "decided" and line.sign_by is not None:
            return self._("to be signed by %(time)s", time=self.moment(line.sign_by))
        return wording.state("matter", line.chip, self.locale)

    def warm(self, line: MatterLine) -> bool:
        return line.status in ("open", "decided")

    def person(self, name: str | None, account: str | None) -> str:
        if name:
            return name
        return f"{account[:4]} {account[4:8]} …" if account else self._("nobody yet")

    def choice(self, choice: str) -> str:
        return wording.values("council.vote/1", "choice", self.locale)[choice]

    def roles(self, roles: tuple[str, ...]) -> str:
        shown = [role for role in roles if role != "member"] or ["council"]
        return ", ".join(wording.role(role, self.locale) for role in shown)

    def moment(self, seconds: int) -> str:
        return i18n.moment(seconds, self.locale)

    def left(self, seconds: int) -> str:
        return i18n.until(seconds, i18n.now_of(self.request), self.locale)

    # -- the count -------------------------------------------------------------------------------------

    def explain(self, line: MatterLine) -> str:
        """«Проголосовали 3 из 5. Для решения нужно 4, включая председателя. Сейчас за 3, против 0.»"""
        tally, counts = line.tally, line.tally.counts
        values = {"voted": tally.voted, "size": tally.size, "needed": tally.needed}
        parts = [self._("%(voted)s of %(size)s have voted.", **values)]
        if tally.chair_needed:
            parts.append(self._("A decision needs %(needed)s, the chair among them.", **values))
        else:
            parts.append(self._("A decision needs %(needed)s.", **values))
        now = {"for_": counts.for_, "against": counts.against, "abstain": counts.abstain}
        if not line.live:
            return f"{parts[0]} {self.counts(counts)}"
        if counts.abstain:
            parts.append(self._("Now for %(for_)s, against %(against)s, abstained %(abstain)s.", **now))
        else:
            parts.append(self._("Now for %(for_)s, against %(against)s.", **now))
        return " ".join(parts)

    def counts(self, counts: Counts) -> str:
        values = {"for_": counts.for_, "against": counts.against, "abstain": counts.abstain}
        return self._("For %(for_)s, against %(against)s, abstained %(abstain)s.", **values)

    def standing(self, line: MatterLine) -> str:
        """What the count means now."""
        tally = line.tally
        if not line.live:
            return ""
        if not tally.quorate:
            return self._missing(tally)
        if line.status == "decided" or tally.settled:
            if tally.lead == "adopted":
                return self._("The matter is carried. It takes effect when the chair signs.")
            return self._("The matter is not carried. The chair signs the refusal.")
        if tally.tie:
            return self._("The votes are equal: the chair's vote decides.")
        if tally.lead == "adopted":
            return self._("There is a quorum, and the votes for prevail. Votes to come can still change it.")
        return self._("There is a quorum, but no majority for it yet.")

    def _missing(self, tally: Tally) -> str:
        if tally.missing:
            return ngettext(
                self.request,
                "%(num)s more vote is needed for a quorum.",
                "%(num)s more votes are needed for a quorum.",
                tally.missing,
            )
        return self._(
            "Enough have voted, but the chair's own vote is missing: without it there is no quorum."
        )

    def outcome(self, line: MatterLine) -> str:
        lead = line.outcome or line.tally.lead
        return wording.values("council.approve/1", "outcome", self.locale)[lead]

    # -- rules -----------------------------------------------------------------------------------------

    def laws(self, items: Iterable[Law], pack: str = "") -> str:
        """The rules of a vote as one sentence, then where they stand: charter, law, rule set."""
        found = list(items)
        text = "; ".join(self._rule(item) for item in found)
        sources = [self._("charter")] if any(item.by_charter for item in found) else []
        sources += dict.fromkeys(wording.law(item.law, self.locale) for item in found if item.law)
        sources += [self._("rule set %(pack)s", pack=pack)] if pack else []
        basis = ", ".join(sources)
        return text[:1].upper() + text[1:] + "." + (f" {basis[:1].upper()}{basis[1:]}." if basis else "")

    def _rule(self, item: Law) -> str:
        value = item.value
        if item.key == "council.quorum":
            return self._("quorum: at least %(part)s of the council's seats", part=fraction(value))
        if item.key == "council.majority":
            if list(value) == [1, 2]:
                return self._("majority: more than half")
            return self._("majority: at least %(part)s", part=fraction(value))
        if item.key == "council.tie":
            if value == "chair":
                return self._("when votes are equal the chair's vote decides")
            return self._("when votes are equal the matter is not carried")
        if item.key == "council.vote_days":
            return self._n("voting lasts %(num)s day", "voting lasts %(num)s days", value)
        return self._n("the chair has %(num)s day to sign", "the chair has %(num)s days to sign", value)

    def _n(self, one: str, many: str, count: int) -> str:
        return ngettext(self.request, one, many, count)

    def caution(self, item: Caution) -> tuple[str, str]:
        """(what was found and what follows, what to do)."""
        values = dict(item.facts)
        if item.code == "few_seats":
            return (
                self._("The council has %(size)s seats, the rules expect at least %(least)s.", **values)
                + " "
                + self._("A decision of so small a council can be contested."),
                self._("Have the general meeting elect a full council, and repeat important decisions then."),
            )
        if item.code == "vacant_seats":
            return (
                self._("%(filled)s of %(size)s seats are filled; quorum is counted of all.", **values),
                self._("Invite people to the vacant seats, or have the general meeting elect them."),
            )
        if item.code == "term_over":
            return (
                self._("The council's term ended on %(day)s.", day=i18n.day(values["until"], self.locale))
                + " "
                + self._("Its decisions can be contested for that alone."),
                self._("Call a general meeting to elect the council; decide only what cannot wait."),
            )
        if item.code == "key_suspected":
            return (
                self._("A key that voted here was called into question after the vote had closed."),
                self._("Return the matter with this reason, so that the council votes again."),
            )
        title = wording.parameter(item.key, self.locale)[0]
        limit = {"limit": "", "line": fraction(item.facts["line"]), "law": item.facts.get("law", "")}
        found = wording.finding("code", item.code, self.locale).format(**limit)
        follows = wording.finding("consequence", "council_contestable", self.locale).format(**limit)
        remedy = wording.finding("remedy", "raise_to_line", self.locale).format(**limit)
        return f"{title}: {found} {follows}", remedy

    # -- history ---------------------------------------------------------------------------------------

    def step(self, item: Step) -> str:
        who = self.person(item.name, item.by)
        if item.event == "opened":
            return self._("The matter was opened by %(who)s", who=who)
        if item.event == "returned":
            return self._("Returned by %(who)s; round %(round)s opened", who=who, round=item.round + 1)
        if item.event == "approved":
            done = wording.state("matter", item.outcome or "approved", self.locale)
            return self._("Signed by the chair, %(who)s: %(outcome)s", who=who, outcome=done)
        return wording.state("matter", item.event, self.locale).capitalize()

    def end(self, page: MatterPage) -> str:
        """Why there is nothing more to do, and what can be done instead."""
        line = page.line
        if line.status == "cancelled":
            return self._withdrawn(line.kind)
        why = {
            "lapsed": self._("The chair did not sign in time."),
            "expired": self._("Too few voted in time."),
        }.get(line.status)
        return f"{why} {self._undecided(line.kind)}" if why else ""

    def _withdrawn(self, kind: str) -> str:
        if kind == "exit":
            return self._("The member took the request to leave back and stays a member; nothing is decided.")
        if kind == "petition":
            return self._("The member took the petition back; there is nothing to decide.")
        return self._("The application was withdrawn or its time ran out; there is nothing to decide.")

    def _undecided(self, kind: str) -> str:
        """What follows when a matter ends without a decision (SPEC §8.3.1)."""
        if kind == "exit":
            return self._(
                "Membership ended with the term without a decision; "
                "the share is returned as the charter says."
            )
        if kind == "petition":
            return self._(
                "The petition is undecided: the member may ask anew, bring it before the general meeting, "
                "or go to court."
            )
        return self._("Whoever wants it decided proposes it anew.")

    def sign_by(self, line: MatterLine) -> str:
        """To the chair; an exit that nobody signs ends membership all the same."""
        time = self.moment(line.sign_by or line.closes)
        if line.kind == "exit":
            return self._("Sign by %(time)s, otherwise membership ends without a decision.", time=time)
        return self._("Sign by %(time)s, otherwise the decision lapses.", time=time)

    def unsigned(self, line: MatterLine) -> str:
        """The same to the others."""
        time = self.moment(line.sign_by or line.closes)
        if line.kind == "exit":
            return self._(
                "The decision takes effect when the chair signs it, by %(time)s. Not signed by then, "
                "membership ends without it.",
                time=time,
            )
        return self._(
            "The decision takes effect when the chair signs it, by %(time)s. Not signed by then, it lapses.",
            time=time,
        )


def fraction(value: Any) -> str:
    part, whole = value
    known = {(1, 2): "½", (1, 3): "⅓", (2, 3): "⅔", (1, 4): "¼", (3, 4): "¾"}
    return known.get((part, whole), f"{part}/{whole}")
