"""Installing through another integration: told once, watched, and proven."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import override

import pytest

from custom_components.nightlatch.core.errors import (
    DelegateError,
    DelegateProblem,
    InstallationProblem,
)
from custom_components.nightlatch.core.guard.source import (
    Completion,
    Delegate,
    SourceKind,
    SourceReading,
    source_kind,
)
from custom_components.nightlatch.core.installation.delegated import (
    AWAY_TIMEOUT,
    DEADLINES,
    IDLE_TIMEOUT,
    REPORT_TIMEOUT,
    STALL_TIMEOUT,
    START_TIMEOUT,
    DelegatedInstallation,
)
from custom_components.nightlatch.core.installation.journal import JournalEntry
from custom_components.nightlatch.core.installation.machine import Job, Outcome
from custom_components.nightlatch.core.installation.states import State
from custom_components.nightlatch.core.model import (
    LockIdentity,
    OutcomeKind,
    Release,
    Transport,
)
from custom_components.nightlatch.core.preflight.rules import run_checks
from custom_components.nightlatch.core.preflight.situation import (
    Bolt,
    FeedState,
    HouseState,
    RadioState,
    Situation,
    Surroundings,
)
from custom_components.nightlatch.core.records.decisions import Decisions
from custom_components.nightlatch.core.schedule.policy import LockPolicy
from custom_components.nightlatch.core.versions import Version, VersionScheme
from tests.rig.virtual_time import run_virtual

from .bench import MemoryJournal, new_entry

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
OLD, NEW = "1.4", "1.5"
IDENTITY = LockIdentity(
    model="U-BOLT", hardware_revision=None, firmware_version=OLD, battery=90
)
RELEASE = Release(
    vendor="Ultraloq",
    model="U-BOLT",
    hardware_revisions=(),
    version=Version.parse(VersionScheme.DOTTED, NEW),
    transport=Transport.ZWAVE,
)
REST = SourceReading(
    available=True, installed=OLD, offered=NEW, can_install=True, takes_version=True
)
RETURNS = source_kind("zwave_js", "x")
REPORTS = replace(RETURNS, completion=Completion.REPORTS)


@dataclass
class DeskDelegate(Delegate):
    """A source that does what a test wants."""

    how: SourceKind = RETURNS
    now: SourceReading = REST
    aborts: bool = False
    seconds: float = 1200.0
    becomes: str | None = NEW
    """What it says afterwards that the lock runs."""
    refuses: bool = False
    raises: Exception | None = None
    """What the call raises once everything was sent."""
    hangs: bool = False
    """Whether it says that it is at work, and nothing ever comes."""
    begins: bool = True
    coarse: bool = False
    """Whether it tells no progress but the beginning."""
    ends: bool = True
    vanishes: bool = False
    falls_back: bool = False
    """Whether it tells the new version before the restart, and the old one after."""
    device: bool = False
    """Whether the registry says what the source says."""
    device_follows: bool = True
    build: str | None = None
    """What the registry says afterwards, where that is a number of its own."""
    answers: list[str | None] | None = None
    """What the lock says when it is asked itself; None for a lock that is silent."""
    times_asked: int = 0
    asked: list[str | None] = field(default_factory=list)
    aborted: int = 0
    running: asyncio.Task[None] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    @override
    def kind(self) -> SourceKind:
        return self.how

    @property
    @override
    def can_abort(self) -> bool:
        return self.aborts

    @override
    def reading(self) -> SourceReading:
        return self.now

    @override
    async def changed(self, timeout: float) -> None:
        self._news.clear()
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            pass

    def say(self, **fields: object) -> None:
        """Say something new."""
        self.now = replace(self.now, **fields)  # type: ignore[arg-type]
        self._news.set()

    @override
    async def install(self, version: str | None) -> None:
        self.asked.append(version)
        if self.refuses:
            raise DelegateError(DelegateProblem.REFUSED, problem="Battery low")
        if self.hangs:
            self.say(in_progress=True)
            await asyncio.Event().wait()
        if not self.begins:
            return
        self.running = asyncio.ensure_future(self._install())
        if self.how.completion is Completion.RETURNS:
            await asyncio.shield(self.running)

    async def _install(self) -> None:
        for percentage in range(0, 100, 10):
            told = 0.0 if self.coarse else float(percentage)
            self.say(in_progress=True, percentage=told)
            await asyncio.sleep(self.seconds / 10)
        if self.raises is not None:
            self.say(in_progress=False, percentage=None)
            raise self.raises
        if not self.ends:
            await asyncio.Event().wait()
        if self.falls_back:
            self.say(in_progress=False, percentage=None, installed=NEW)
            await asyncio.sleep(20)
        self.say(available=False, in_progress=False, percentage=None)
        if self.vanishes:
            return
        await asyncio.sleep(30)
        runs = OLD if self.falls_back or self.becomes is None else self.becomes
        self.say(available=True, installed=runs)
        if self.device and self.device_follows:
            await asyncio.sleep(60)
            self.say(device_version=runs)
        if self.build is not None:
            await asyncio.sleep(60)
            self.say(device_version=self.build)

    @property
    @override
    def can_ask(self) -> bool:
        return self.answers is not None

    @override
    async def ask(self) -> None:
        assert self.answers
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.times_asked += 1
        if answer is None:
            raise DelegateError(DelegateProblem.REFUSED, problem="no answer")
        self.say(installed=answer)

    @override
    async def abort(self) -> None:
        self.aborted += 1
        if self.running is not None:
            self.running.cancel()
        self.say(in_progress=False, percentage=None)


@dataclass
class DeskHouse:
    """The house around it."""

    seen: Surroundings = field(default_factory=Surroundings)
    moved: list[bool] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    """When the settings of the lock were looked at."""

    async def checks(
        self, identity: LockIdentity, *, stranded: bool
    ) -> tuple[object, ...]:
        """Ask all rules."""
        return run_checks(
            Situation(
                now=NOW,
                identity=identity,
                identity_at=NOW,
                release=RELEASE,
                floor=None,
                policy=LockPolicy(has_door_sensor=False, second_entry=True),
                decisions=Decisions(),
                soak_days=0,
                unattended=False,
                surroundings=self.seen,
                radio=RadioState(heard=True),
                house=HouseState(),
                feed=FeedState(checked_at=NOW, expires_at=NOW + timedelta(days=1)),
                expected=timedelta(minutes=30),
            )
        )

    def surroundings(self) -> Surroundings:
        """Return what is seen."""
        return self.seen

    async def move_bolt(self, locked: bool) -> None:
        """Move it at once."""
        self.moved.append(locked)
        bolt = Bolt.LOCKED if locked else Bolt.UNLOCKED
        self.seen = replace(self.seen, bolt=bolt)

    async def remember_settings(self, attempt: str) -> None:
        """Look at the settings before."""
        self.settings.append("before")

    async def compare_settings(self, attempt: str) -> None:
        """Look at the settings after."""
        self.settings.append("after")


@dataclass
class Desk:
    """Everything for one installation."""

    delegate: DeskDelegate = field(default_factory=DeskDelegate)
    house: DeskHouse = field(default_factory=DeskHouse)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    reports: list[tuple[State, float | None]] = field(default_factory=list)

    def prepare(self, entry: JournalEntry | None = None) -> DelegatedInstallation:
        """Return an installation."""
        started = asyncio.get_running_loop().time()
        return DelegatedInstallation(
            Job(
                name="Side door",
                identity=IDENTITY,
                release=RELEASE,
                house=self.house,  # type: ignore[arg-type]
                policy=LockPolicy(has_door_sensor=False, second_entry=True),
                journal=self.journal,
                entry=entry or new_entry(RELEASE),
                report=lambda state, done: self.reports.append((state, done)),
            ),
            delegate=self.delegate,
            clock=lambda: (
                NOW + timedelta(seconds=asyncio.get_running_loop().time() - started)
            ),
        )

    async def install(self, entry: JournalEntry | None = None) -> Outcome:
        """Run it to its end."""
        try:
            return await self.prepare(entry).run()
        finally:
            if self.delegate.running is not None:
                self.delegate.running.cancel()


def install(desk: Desk, entry: JournalEntry | None = None) -> Outcome:
    """Run an installation in virtual time."""
    return run_virtual(desk.install(entry))


each_way = pytest.mark.parametrize(
    "how", [RETURNS, REPORTS], ids=["returns", "reports"]
)


@each_way
def test_it_is_told_once_and_proven(how: SourceKind) -> None:
    """With the version that was approved."""
    desk = Desk(
        DeskDelegate(how=how, device=True, now=replace(REST, device_version=OLD))
    )
    outcome = install(desk)
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.running is not None
    assert outcome.running.firmware_version == NEW
    assert desk.delegate.asked == [NEW]
    assert any(percentage for _, percentage in desk.reports)


def test_a_version_is_named_only_where_it_is_understood() -> None:
    """Others install what they offer, which was looked at just before."""
    desk = Desk(DeskDelegate(now=replace(REST, takes_version=False)))
    assert install(desk).kind is OutcomeKind.SUCCEEDED
    assert desk.delegate.asked == [None]


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (replace(REST, offered="1.6"), DelegateProblem.OTHER_OFFER),
        (replace(REST, offered=None), DelegateProblem.NO_OFFER),
        (SourceReading(available=False), DelegateProblem.NOT_AVAILABLE),
    ],
)
def test_only_what_was_approved_is_installed(
    now: SourceReading, reason: DelegateProblem
) -> None:
    """It may have changed since."""
    desk = Desk(DeskDelegate(now=now))
    outcome = install(desk)
    assert outcome.kind is OutcomeKind.POSTPONED
    assert outcome.error is not None
    assert outcome.error.reason is reason
    assert desk.delegate.asked == []


@each_way
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"becomes": None}, DelegateProblem.OTHER_VERSION),
        ({"falls_back": True}, DelegateProblem.OTHER_VERSION),
        ({"refuses": True}, DelegateProblem.REFUSED),
        ({"ends": False}, DelegateProblem.STUCK),
        (
            {
                "device": True,
                "device_follows": False,
                "now": replace(REST, device_version=OLD),
            },
            DelegateProblem.NOT_CONFIRMED,
        ),
    ],
    ids=["lie", "fallback", "refusal", "stuck", "optimist"],
)
def test_what_goes_wrong_is_a_failure(
    how: SourceKind, source: dict[str, object], reason: DelegateProblem
) -> None:
    """Whatever the source says of it."""
    desk = Desk(DeskDelegate(how=how, **source))  # type: ignore[arg-type]
    outcome = install(desk)
    assert outcome.kind in {OutcomeKind.FAILED, OutcomeKind.NEEDS_HAND}
    assert outcome.error is not None
    assert outcome.error.reason is reason
    # What was not begun may be tried again, as what never reached the lock.
    assert outcome.touched is not ("refuses" in source)


def test_one_that_never_begins_is_not_waited_for_all_night() -> None:
    """It sleeps, or the request was lost."""
    outcome = install(Desk(DeskDelegate(how=REPORTS, begins=False)))
    assert outcome.error is not None
    assert outcome.error.reason is DelegateProblem.NEVER_STARTED


def test_a_lock_that_does_not_come_back_needs_a_hand() -> None:
    """Nobody knows what it runs."""
    outcome = install(Desk(DeskDelegate(vanishes=True)))
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.error is not None
    assert outcome.error.reason is DelegateProblem.DID_NOT_COME_BACK


def test_the_bolt_must_be_where_it_was() -> None:
    """As for every lock."""
    desk = Desk(
        house=DeskHouse(
            Surroundings(bolt=Bolt.LOCKED, bolt_since=NOW - timedelta(days=1))
        )
    )

    async def jam() -> Outcome:
        running = asyncio.ensure_future(desk.install())
        await asyncio.sleep(1330)
        desk.house.seen = replace(desk.house.seen, bolt=Bolt.JAMMED)
        return await running

    outcome = run_virtual(jam())
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.error is not None
    assert outcome.error.reason is InstallationProblem.BOLT_JAMMED


# What has begun.


def test_what_breaks_off_at_the_end_has_touched_the_lock() -> None:
    """It is not sent again and again by itself: that was no refusal."""
    problem = "Target node did not process the update file"
    desk = Desk(
        DeskDelegate(raises=DelegateError(DelegateProblem.REFUSED, problem=problem))
    )
    outcome = install(desk)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is DelegateProblem.BROKE_OFF
    assert outcome.error.details == {"problem": problem}
    assert outcome.touched


@pytest.mark.parametrize(
    ("how", "touched"),
    [
        (source_kind("mqtt", "x", zigbee2mqtt=True, answers=True), True),
        (RETURNS, False),
    ],
    ids=["zigbee2mqtt", "zwave_js"],
)
def test_what_breaks_off_before_any_progress(how: SourceKind, touched: bool) -> None:
    """One says that it is at work once the lock was told of its image, others before."""
    refusal = DelegateError(DelegateProblem.REFUSED, problem="ABORT")
    desk = Desk(DeskDelegate(how=how, coarse=True, raises=refusal, seconds=20.0))
    outcome = install(desk)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is (
        DelegateProblem.BROKE_OFF if touched else DelegateProblem.REFUSED
    )
    assert outcome.touched is touched


@pytest.mark.parametrize(
    ("domain", "seconds", "touched"),
    [
        ("matter", 20.0, False),
        ("matter", 300.0, True),
        ("tuya", 300.0, True),
        ("zha", 300.0, False),
    ],
)
def test_who_tells_no_progress_has_begun_after_a_while(
    domain: str, seconds: float, touched: bool
) -> None:
    """Nobody can say that nothing went to the lock; others would have told."""
    refusal = DelegateError(DelegateProblem.REFUSED, problem="it went wrong")
    how = replace(source_kind(domain, "x"), completion=Completion.RETURNS)
    desk = Desk(DeskDelegate(how=how, coarse=True, raises=refusal, seconds=seconds))
    outcome = install(desk)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.touched is touched


def test_what_is_refused_later_was_begun_before() -> None:
    """Home Assistant was restarted in between, and nobody has seen all of it."""
    desk = Desk()

    async def anew() -> Outcome:
        running = asyncio.ensure_future(desk.prepare().run())
        await asyncio.sleep(300)
        running.cancel()
        await asyncio.wait((running,))
        assert desk.delegate.running is not None
        desk.delegate.running.cancel()
        desk.delegate.say(in_progress=False, percentage=None)
        desk.delegate.refuses = True
        return await desk.install(desk.journal.entry)

    outcome = run_virtual(anew())
    assert outcome.error is not None
    assert outcome.error.reason is DelegateProblem.BROKE_OFF
    assert outcome.touched


# What never ends.


def test_what_fails_in_its_first_second_and_never_ends_is_no_blocked_house() -> None:
    """Some wait for an end that is not told; nothing was touched."""
    desk = Desk(DeskDelegate(hangs=True))

    async def timed() -> tuple[Outcome, float]:
        outcome = await desk.install()
        return outcome, asyncio.get_running_loop().time()

    outcome, seconds = run_virtual(timed())
    assert outcome.error is not None
    assert outcome.error.reason is DelegateProblem.NEVER_STARTED
    assert not outcome.touched
    assert seconds < START_TIMEOUT + 300


def test_no_progress_for_minutes_is_an_end() -> None:
    """The call of a lock that went silent halfway need not return."""
    desk = Desk(DeskDelegate(ends=False))

    async def timed() -> tuple[Outcome, float]:
        outcome = await desk.install()
        return outcome, asyncio.get_running_loop().time()

    outcome, seconds = run_virtual(timed())
    assert outcome.error is not None
    assert outcome.error.reason is DelegateProblem.STUCK
    assert outcome.touched
    assert seconds < desk.delegate.seconds + STALL_TIMEOUT + 300


def test_who_tells_no_progress_is_given_its_time() -> None:
    """Not all Matter locks say how far they are."""
    desk = Desk(
        DeskDelegate(how=replace(RETURNS, tells_progress=False), hangs=True),
    )

    async def late() -> Outcome:
        running = asyncio.ensure_future(desk.prepare().run())
        await asyncio.sleep(START_TIMEOUT + STALL_TIMEOUT + 60)
        assert not running.done()
        return await running

    outcome = run_virtual(late())
    assert outcome.error is not None
    assert outcome.error.reason is DelegateProblem.STUCK


@pytest.mark.parametrize("arrives", [False, True])
def test_a_source_that_was_reloaded_is_not_waited_for(arrives: bool) -> None:
    """Its call never returns, and it says that it is idle; the lock may go on."""
    desk = Desk(DeskDelegate(ends=False))

    async def reload() -> tuple[Outcome, float]:
        loop = asyncio.get_running_loop()
        running = asyncio.ensure_future(desk.prepare().run())
        await asyncio.sleep(1190)
        desk.delegate.say(in_progress=False, percentage=None)
        if arrives:
            desk.delegate.say(installed=NEW)
        return await running, loop.time()

    outcome, seconds = run_virtual(reload())
    assert seconds < 1190 + IDLE_TIMEOUT + 300
    if arrives:
        assert outcome.kind is OutcomeKind.SUCCEEDED
        return
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is DelegateProblem.LOST_SIGHT


@each_way
def test_a_call_that_is_cut_off_is_no_end(how: SourceKind) -> None:
    """Some cancel it when they are reloaded; the lock goes on alone."""
    desk = Desk(DeskDelegate(how=how))

    async def cut_off() -> Outcome:
        async def install(version: str | None) -> None:
            desk.delegate.say(in_progress=True, percentage=10.0)
            await asyncio.sleep(60)
            desk.delegate.say(in_progress=False, percentage=None)
            asyncio.get_running_loop().call_later(
                60, lambda: desk.delegate.say(installed=NEW)
            )
            raise asyncio.CancelledError

        desk.delegate.install = install  # type: ignore[method-assign]
        return await desk.install()

    outcome = run_virtual(cut_off())
    assert outcome.kind is OutcomeKind.SUCCEEDED


def test_the_deadline_of_somebody_else_is_not_ours() -> None:
    """It is an error as any other, and nothing is stuck."""
    outcome = install(Desk(DeskDelegate(raises=TimeoutError())))
    assert outcome.error is not None
    assert outcome.error.reason is InstallationProblem.UNEXPECTED


# The lock's own word.


def test_what_a_bridge_says_of_its_image_is_no_proof() -> None:
    """A lock that fell back says so only when it is asked."""
    desk = Desk(DeskDelegate(answers=[OLD]))
    outcome = install(desk)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is DelegateProblem.OTHER_VERSION
    assert outcome.running is not None
    assert outcome.running.firmware_version == OLD
    assert desk.delegate.times_asked == 1


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("17.4.0", "17.7.0", None),
        ("17.4.0", "17.4.0", DelegateProblem.NOT_CONFIRMED),
        ("17.4.0", None, DelegateProblem.NOT_CONFIRMED),
        (None, None, DelegateProblem.NOT_TOLD),
        (None, "17.7.0", None),
    ],
)
def test_where_nobody_can_ask_the_lock_its_build_must_be_another(
    before: str | None, after: str | None, reason: DelegateProblem | None
) -> None:
    """The version is that of the image; the build id is what the lock says."""
    how = source_kind("mqtt", "x", zigbee2mqtt=True)
    now = replace(REST, device_version=before)
    outcome = install(Desk(DeskDelegate(how=how, now=now, build=after)))
    if reason is None:
        assert outcome.kind is OutcomeKind.SUCCEEDED
        return
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.error is not None
    assert outcome.error.reason is reason


def test_a_lock_that_is_late_is_asked_again() -> None:
    """It restarts, and hears nothing meanwhile."""
    desk = Desk(DeskDelegate(answers=[None, None, NEW]))
    assert install(desk).kind is OutcomeKind.SUCCEEDED
    assert desk.delegate.times_asked == 3


def test_a_lock_that_cannot_be_asked_needs_a_hand() -> None:
    """Nobody knows what it runs, whatever its integration says."""
    outcome = install(Desk(DeskDelegate(answers=[None])))
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.running is None
    assert outcome.error is not None
    assert outcome.error.reason is DelegateProblem.NOT_ASKED


# The door, however it ended.


@pytest.mark.parametrize(
    ("bolt", "reason"),
    [
        (Bolt.UNLOCKED, InstallationProblem.BOLT_ELSEWHERE),
        (Bolt.JAMMED, InstallationProblem.BOLT_JAMMED),
        (Bolt.UNKNOWN, InstallationProblem.LOCK_UNAVAILABLE),
        (Bolt.LOCKED, None),
    ],
)
@pytest.mark.parametrize(
    "source",
    [
        {"becomes": None},
        {"raises": DelegateError(DelegateProblem.REFUSED, problem="gone")},
        {"ends": False},
    ],
    ids=["lie", "break", "stuck"],
)
def test_the_door_is_looked_at_after_a_failure(
    source: dict[str, object], bolt: Bolt, reason: InstallationProblem | None
) -> None:
    """It may have been left open by what has failed."""
    desk = Desk(
        DeskDelegate(**source),  # type: ignore[arg-type]
        house=DeskHouse(
            Surroundings(bolt=Bolt.LOCKED, bolt_since=NOW - timedelta(days=1))
        ),
    )

    async def move() -> Outcome:
        running = asyncio.ensure_future(desk.install())
        await asyncio.sleep(1190)
        desk.house.seen = replace(desk.house.seen, bolt=bolt)
        return await running

    outcome = run_virtual(move())
    assert outcome.error is not None
    assert outcome.error.reason in DelegateProblem
    assert (outcome.door.reason if outcome.door else None) is reason
    assert outcome.kind is (OutcomeKind.NEEDS_HAND if reason else OutcomeKind.FAILED)
    assert desk.house.moved == []


def test_the_door_is_looked_at_after_a_cancel() -> None:
    """The person who has cancelled need not stand there."""
    desk = Desk(
        DeskDelegate(how=REPORTS, aborts=True),
        house=DeskHouse(
            Surroundings(bolt=Bolt.LOCKED, bolt_since=NOW - timedelta(days=1))
        ),
    )

    async def cancel() -> Outcome:
        installation = desk.prepare()
        running = asyncio.ensure_future(installation.run())
        await asyncio.sleep(300)
        desk.house.seen = replace(desk.house.seen, bolt=Bolt.UNLOCKED)
        assert installation.cancel()
        return await running

    outcome = run_virtual(cancel())
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.error is not None
    assert outcome.error.reason is InstallationProblem.CANCELLED
    assert outcome.door is not None
    assert outcome.door.details == {"before": "locked", "now": "unlocked"}


# Stopping.


def test_at_the_end_of_the_quiet_hours_it_is_aborted() -> None:
    """Where that harms nothing; the lock keeps what it has."""
    desk = Desk(DeskDelegate(how=REPORTS, aborts=True))
    entry = replace(new_entry(RELEASE), window_end=NOW + timedelta(minutes=10))
    outcome = install(desk, entry)
    assert outcome.kind is OutcomeKind.CANCELLED
    assert outcome.error is not None
    assert outcome.error.reason is InstallationProblem.WINDOW_ENDED
    assert desk.delegate.aborted == 1


def test_what_cannot_be_aborted_goes_on_and_is_told() -> None:
    """Half a firmware is worse than a late one."""
    desk = Desk()
    entry = replace(new_entry(RELEASE), window_end=NOW + timedelta(minutes=10))

    async def late() -> tuple[Outcome, bool]:
        installation = desk.prepare(entry)
        return await installation.run(), installation.overruns

    outcome, overruns = run_virtual(late())
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert overruns


def test_what_is_nearly_done_is_not_aborted() -> None:
    """It is over sooner than it is stopped."""
    desk = Desk(DeskDelegate(how=REPORTS, aborts=True, ends=False))

    async def nearly() -> bool:
        entry = replace(new_entry(RELEASE), window_end=NOW + timedelta(minutes=19))
        installation = desk.prepare(entry)
        running = asyncio.ensure_future(installation.run())
        await asyncio.sleep(18.5 * 60)
        desk.delegate.say(percentage=97.0)
        await asyncio.sleep(120)
        overruns = installation.overruns
        running.cancel()
        await asyncio.wait((running,))
        return overruns

    assert run_virtual(nearly())
    assert desk.delegate.aborted == 0


@pytest.mark.parametrize("aborts", [True, False])
def test_cancelling_needs_a_source_that_lets(aborts: bool) -> None:
    """Else it would only look as if."""
    desk = Desk(DeskDelegate(how=REPORTS, aborts=aborts))

    async def cancel() -> tuple[bool, Outcome]:
        installation = desk.prepare()
        running = asyncio.ensure_future(installation.run())
        await asyncio.sleep(300)
        cancelled = installation.cancel()
        return cancelled, await running

    cancelled, outcome = run_virtual(cancel())
    assert cancelled is aborts
    assert outcome.kind is (OutcomeKind.CANCELLED if aborts else OutcomeKind.SUCCEEDED)


def test_a_stop_of_home_assistant_does_not_abort() -> None:
    """The lock goes on alone, and it is gone on with."""
    desk = Desk(DeskDelegate(how=REPORTS, aborts=True))

    async def stop() -> Outcome:
        running = asyncio.ensure_future(desk.prepare().run())
        await asyncio.sleep(300)
        running.cancel()
        await asyncio.wait((running,))
        assert desk.delegate.aborted == 0
        entry = desk.journal.entry
        assert entry is not None
        assert entry.touched
        await asyncio.sleep(60)
        return await desk.install(entry)

    outcome = run_virtual(stop())
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert desk.delegate.asked == [NEW]


def test_a_source_that_is_reloaded_meanwhile_is_a_failure() -> None:
    """What it was asked for is cancelled with it, and that is no wish of ours."""
    desk = Desk()

    async def reload() -> Outcome:
        running = asyncio.ensure_future(desk.prepare().run())
        await asyncio.sleep(300)
        assert desk.delegate.running is not None
        desk.delegate.running.cancel()
        desk.delegate.say(in_progress=False, percentage=None)
        return await running

    outcome = run_virtual(reload())
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is DelegateProblem.LOST_SIGHT


@each_way
def test_a_source_that_stays_away_is_not_waited_for_all_night(how: SourceKind) -> None:
    """Half an hour is for a broker that is updated; other locks wait meanwhile."""
    # Without a percentage nothing else ends it sooner.
    desk = Desk(DeskDelegate(how=replace(how, tells_progress=False), ends=False))

    async def go_away() -> tuple[Outcome, float]:
        loop = asyncio.get_running_loop()
        running = asyncio.ensure_future(desk.prepare().run())
        await asyncio.sleep(1190)
        desk.delegate.say(available=False)
        return await running, loop.time()

    outcome, seconds = run_virtual(go_away())
    assert seconds < 1190 + AWAY_TIMEOUT + REPORT_TIMEOUT + 300
    # Nobody can see what it runs.
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.error is not None
    assert outcome.error.reason is DelegateProblem.LOST_SIGHT


# Cuts.


@each_way
def test_a_restart_at_every_minute(how: SourceKind) -> None:
    """It ends proven, or honestly; the lock is never told twice while it is at it."""
    ends: Counter[str] = Counter()
    for minute in range(24):
        desk = Desk(DeskDelegate(how=how))

        async def cut(desk: Desk = desk, minute: int = minute) -> Outcome | None:
            running = asyncio.ensure_future(desk.prepare().run())
            await asyncio.sleep(60 * minute + 1)
            running.cancel()
            await asyncio.wait((running,))
            await asyncio.sleep(30)
            entry = desk.journal.entry
            return await desk.install(entry) if entry else None

        outcome = run_virtual(cut())
        assert outcome is not None
        ends[outcome.kind] += 1
        assert len(desk.delegate.asked) == 1
    assert ends == {OutcomeKind.SUCCEEDED: 24}


def test_every_deadline_is_longer_than_what_is_expected() -> None:
    """Or it would end what goes well."""
    sent_here = {Transport.NORDIC_DFU, Transport.SMP}
    assert set(DEADLINES) == set(Transport) - {*sent_here, Transport.BY_HAND}
    assert all(seconds > REPORT_TIMEOUT for seconds in DEADLINES.values())
