"""Two months of the demo, day by day: what is done on which day, in the order people did it.

Day 0 is sixty-one days ago; the last acts are of yesterday and of ten minutes ago, so that terms lie ahead:
three days to vote, five for the chair's signature, fourteen to pay, thirty for the council's answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from coopnode.demo import cast
from coopnode.demo.cast import ACCOUNTANT, CHAIR, COUNCIL, ONE, REGISTER, SECRETARY, TWO
from coopnode.demo.office import DAY, Office
from coopnode.demo.papers import paper, words
from protocol.contracts.council.statements import AutomationTerms

#: The last whole day of the story; what is of today comes after it.
LAST: Final = 60
_MOSCOW: Final = 3 * 3600
#: How long before the present the last application arrives.
_JUST_NOW: Final = 600
#: Seconds from a matter's opening to what somebody says about it, and from that to the answer.
_THINKING: Final = 1500
#: Chosen so that the robot leaves these two applications to people: their telephones are other people's.
_SHARED: Final = {"filatov": "vershinin", "titova": "lapin"}

Act = Callable[[], Awaitable[object]]


def start_of(now: int) -> int:
    """Midnight of day 0 in Moscow, in seconds since 1970."""
    local = now + _MOSCOW
    return local - local % DAY - (LAST + 1) * DAY - _MOSCOW


class Story:
    """What happens after the founding. `tell` does all of it; `now` is the present."""

    def __init__(self, office: Office, now: int) -> None:
        self.office, self._now = office, now
        self._start = start_of(now)
        self._plan: list[tuple[float, Act]] = []
        self._matters: dict[str, str] = {}
        self._enrolled: dict[str, tuple[bytes, bytes]] = {}
        self._kept: dict[str, bytes] = {}
        for strand in (
            self._register,
            self._applications,
            self._robot,
            self._decisions,
            self._table_of_today,
            self._requests,
            self._keys_and_texts,
        ):
            strand()
        self._plan.sort(key=lambda planned: planned[0])

    async def tell(self, progress: Callable[[int, int], None]) -> None:
        office = self.office
        for done, (day, act) in enumerate(self._plan, 1):
            # Acts of one day may take longer than planned; time does not go back.
            office.clock.time = max(office.clock.time, self._start + day * DAY)
            await act()
            if done == len(self._plan) or int(self._plan[done][0]) > int(day):
                await office.work()
            progress(done, len(self._plan))
        office.clock.time = max(office.clock.time, self._now - _JUST_NOW)
        await office.apply("shirokova")
        await office.work()

    def _on(self, day: int, hour: float, act: Act) -> None:
        """`hour` by Moscow's clocks."""
        self._plan.append((day + hour / 24, act))

    # -- the register ----------------------------------------------------------------------------------

    def _register(self) -> None:
        """The paper register goes in on the second day; members come with the keys of their letters."""
        self._on(1, 10, self._enrol_all)
        coming = [key for key in REGISTER if key not in COUNCIL and key not in cast.INVITED]
        for place, key in enumerate(coming):
            self._on(3 + place * 22 // len(coming), 18 + place % 4, partial(self._come, key))

    async def _enrol_all(self) -> None:
        for key in REGISTER:
            if key in COUNCIL:
                continue
            since = datetime.fromisoformat(cast.PEOPLE[key].since).replace(tzinfo=UTC)
            self._enrolled[key] = await self.office.enrol(key, int(since.timestamp()))

    async def _come(self, key: str) -> None:
        await self.office.come_in(key, *self._enrolled[key])
        if cast.PEOPLE[key].place % 3:
            self._kept[f"contacts of {key}"] = await self.office.consent(key, "contacts")

    # -- applications ----------------------------------------------------------------------------------

    def _applications(self) -> None:
        office = self.office
        for day, key in ((8, "vetrova"), (12, "gromov"), (18, "demidova")):
            self._on(day, 12, partial(office.apply, key))
            self._on(day + 1, 11, partial(office.identify, key))
            self._on(day + 2, 16, partial(office.admit, key))
            self._on(day + 5, 14, partial(self._pay, key))
        self._on(15, 13, lambda: office.apply("makarova"))
        self._on(16, 11, lambda: office.identify("makarova"))
        self._on(17, 16, lambda: office.admit("makarova"))  # and never pays
        self._on(5, 20, lambda: office.apply("strelkov"))  # and never comes with a passport
        self._on(21, 9, lambda: office.apply("platonov"))
        self._on(22, 11, lambda: office.identify("platonov"))
        self._on(24, 16, self._refuse)
        self._on(28, 19, lambda: office.apply("nechaev"))
        self._on(33, 9, lambda: office.withdraw("nechaev"))
        self._on(52, 21, lambda: office.apply("osipova"))
        reason = {"reason": words("incomplete")}
        self._on(53, 10, lambda: office.about(SECRETARY, "osipova", "membership.incomplete/1", reason))
        self._on(58, 20, lambda: office.apply("osipova", again=True))
        self._on(60, 19, lambda: office.apply("ushakova"))

    async def _refuse(self) -> None:
        matter = await self.office.complete("platonov")
        await self.office.comment(matter, ACCOUNTANT, words("debt"))
        await self.office.vote(matter, *COUNCIL, choice="against")
        await self.office.approve(matter, words("refused"))

    async def _pay(self, key: str) -> None:
        await self.office.pay(key, f"Платёжное поручение № {100 + cast.PEOPLE[key].place}")

    # -- the robot -------------------------------------------------------------------------------------

    def _robot(self) -> None:
        """The council decides, everybody lends a key, ordinary applications need no hand any more."""
        office = self.office
        self._on(38, 10, self._propose_robot)
        self._on(39, 17, self._adopt_robot)
        self._on(40, 10, self._lend_all)
        robot = (("ershov", 42, "in_person"), ("kalinina", 44, "in_person"), ("litvinov", 49, "video"))
        for key, day, method in robot:
            self._on(day, 19, partial(office.apply, key))
            self._on(day + 1, 11, partial(self._verify, key, method))
            self._on(day + 5, 14, partial(self._pay, key))
        self._on(54, 19, lambda: office.apply("rusakova"))
        self._on(55, 11, lambda: self._verify("rusakova"))  # admitted by the robot; the fees are to come
        for day, key in ((56, "filatov"), (57, "titova")):
            self._on(day, 20, partial(self._apply_with_shared_telephone, key))
            self._on(day + 1, 12, partial(office.identify, key))
        self._on(60, 12, self._pass_titova)

    async def _verify(self, key: str, method: str = "in_person") -> None:
        """The robot acts as soon as the secretary has verified the identity."""
        await self.office.identify(key, method)
        await self.office.work()

    async def _propose_robot(self) -> None:
        terms = AutomationTerms(
            kinds=("admission",),
            persons=("person",),
            level=1,
            per_day=5,
            until=self._now + 120 * DAY,
            chair=True,
            max_sum=100_000,
        )
        self._matters["robot"] = await self.office.propose_robot(SECRETARY, terms, paper("robot"))
        await self._say("robot")

    async def _adopt_robot(self) -> None:
        await self.office.vote(self._matters["robot"], *COUNCIL)
        await self.office.approve(self._matters["robot"])

    async def _lend_all(self) -> None:
        until = self._now + 90 * DAY
        await self.office.lend(CHAIR, ("vote", "approve"), until)
        await self.office.lend(SECRETARY, ("complete", "vote"), until)
        for key in (ACCOUNTANT, ONE, TWO):
            await self.office.lend(key, ("vote",), until)

    async def _apply_with_shared_telephone(self, key: str) -> None:
        phone = cast.PEOPLE[_SHARED[key]].particulars["phone"]
        await self.office.apply(key, phone=phone)

    async def _pass_titova(self) -> None:
        self._matters["titova"] = await self.office.complete("titova")
        await self.office.comment(self._matters["titova"], SECRETARY, words("shared_telephone"))
        await self.office.vote(self._matters["titova"], SECRETARY)

    # -- what was decided ------------------------------------------------------------------------------

    def _decisions(self) -> None:
        self._matter(20, "board", SECRETARY)
        self._votes(21, "board", "for", *COUNCIL)  # the chair did not sign in time
        self._matter(30, "scales", ONE)
        self._votes(31, "scales", "against", CHAIR, SECRETARY, ACCOUNTANT, TWO)
        self._votes(31, "scales", "for", ONE)
        self._on(32, 10, lambda: self.office.approve(self._matters["scales"], words("scales_reason")))
        self._matter(35, "rota", TWO)
        self._votes(36, "rota", "for", *COUNCIL)
        self._on(37, 10, lambda: self.office.approve(self._matters["rota"]))
        self._matter(41, "fair", TWO)
        self._votes(42, "fair", "for", TWO, ONE)  # no quorum
        self._on(45, 9, self._officer)
        self._votes(46, "officer", "for", *COUNCIL)
        self._on(47, 9, lambda: self.office.approve(self._matters["officer"]))

    async def _officer(self) -> None:
        subject = self.office.people[TWO].id
        more = {"kind": "officer", "subject": subject, "roles": ("secretary",)}
        self._matters["officer"] = await self.office.propose(CHAIR, paper("officer"), **more)
        await self._say("officer")

    # -- what is on the table today --------------------------------------------------------------------

    def _table_of_today(self) -> None:
        """Decided and waiting for the chair; in its second round; open with votes and without."""
        self._matter(56, "seeds", SECRETARY)
        self._votes(57, "seeds", "for", *COUNCIL)
        self._matter(57, "roof", ONE)
        self._votes(58, "roof", "for", CHAIR, SECRETARY, ONE, TWO)
        self._votes(58, "roof", "abstain", ACCOUNTANT)
        self._matter(57, "lease", ACCOUNTANT)
        self._votes(58, "lease", "for", CHAIR, ACCOUNTANT, SECRETARY)
        self._votes(59, "lease", "against", ONE, TWO)
        self._on(60, 9, lambda: self.office.send_back(self._matters["lease"], words("lease_returned")))
        self._on(60, 18, lambda: self.office.comment(self._matters["lease"], CHAIR, words("lease_again")))
        self._votes(60, "lease", "for", ACCOUNTANT, hour=20)
        self._matter(59, "tractor", ACCOUNTANT, hour=16)
        self._votes(60, "tractor", "for", SECRETARY, ACCOUNTANT, ONE)
        self._matter(60, "fuel", ONE)
        self._votes(60, "fuel", "for", ONE, SECRETARY)
        self._matter(60, "fire", SECRETARY, hour=15)

    # -- what members ask ------------------------------------------------------------------------------

    def _requests(self) -> None:
        self._on(30, 20, lambda: self._petition("road", "maslova"))
        self._votes(33, "road", "for", *COUNCIL)
        self._on(34, 10, lambda: self.office.approve(self._matters["road"], words("road_answer")))
        self._on(56, 20, lambda: self._petition("hours", "vershinin"))
        self._votes(58, "hours", "for", TWO)
        self._on(55, 21, self._leave)
        self._votes(57, "exit", "for", SECRETARY, ONE)

    async def _petition(self, name: str, who: str) -> None:
        self._matters[name] = await self.office.petition(who, paper(name))
        await self._say(name)

    async def _leave(self) -> None:
        self._matters["exit"] = await self.office.leave(
            "nazarov", words("leave_reason"), words("leave_payout")
        )

    # -- keys, texts, consents -------------------------------------------------------------------------

    def _keys_and_texts(self) -> None:
        office = self.office
        self._on(26, 20, self._second_device)
        self._on(37, 8, lambda: office.revoke("karaseva", self._kept["lost"]))
        self._on(27, 20, lambda: office.add_device("lapin"))
        self._on(60, 21, lambda: office.recover("savin"))
        self._on(47, 12, self._second_edition)
        for day, key in enumerate(
            ("ryabinina", "zhdanova", "sobol", "ageev", "emelina", "zimina", "uvarov"), 48
        ):
            self._on(day, 21, partial(office.sign_text, key, "privacy"))
        self._on(50, 9, self._withdraw_consent)

    async def _second_device(self) -> None:
        self._kept["lost"] = await self.office.add_device("karaseva")

    async def _second_edition(self) -> None:
        body = self.office.bodies["privacy"] + words("privacy_added").encode()
        await self.office.publish(SECRETARY, "privacy", words("privacy_title"), body)
        await self.office.sign_text(SECRETARY, "privacy")

    async def _withdraw_consent(self) -> None:
        given = self._kept["contacts of tikhonova"]
        await self.office.sign("tikhonova", "consent.withdraw/1", {"re": [given]})

    # -- parts of the strands --------------------------------------------------------------------------

    def _matter(self, day: int, name: str, by: str, hour: float = 10) -> None:
        async def act() -> None:
            self._matters[name] = await self.office.propose(by, paper(name))
            await self._say(name)

        self._on(day, hour, act)

    async def _say(self, name: str) -> None:
        for who, said in paper(name).comments:
            self.office.clock.move(_THINKING)
            await self.office.comment(self._matters[name], who, said)

    def _votes(self, day: int, name: str, choice: str, *who: str, hour: float = 17) -> None:
        self._on(day, hour, lambda: self.office.vote(self._matters[name], *who, choice=choice))
