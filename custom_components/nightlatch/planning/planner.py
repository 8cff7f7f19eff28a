"""What is planned for a lock, and what stands against it: asked of all the house."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Final, Required, TypedDict, Unpack
from weakref import WeakKeyDictionary

from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_loaded_integration
from homeassistant.util import dt as dt_util

from ..adapters.entities import read_surroundings
from ..adapters.situation import is_started, read_house
from ..const import DOMAIN
from ..core.model import LockIdentity, Origin, OutcomeKind, Purpose, Release, Source
from ..core.preflight.base import Check, Family, Reason
from ..core.preflight.rehearsal import FAMILIES, RULES
from ..core.preflight.risk import Risk, summarise
from ..core.preflight.rules import run_checks
from ..core.preflight.situation import FeedState, HouseState, Situation
from ..core.records.decisions import Decisions
from ..core.records.outcome_record import OutcomeRecord
from ..core.schedule.duration import expected_duration
from ..core.schedule.lasting import stands_until
from ..core.schedule.night import night_of, noon_of
from ..core.schedule.plan import Plan, Planning, Tonight, make_plan
from ..core.schedule.policy import Importance, soak_days_for
from ..core.schedule.queue import Queue
from ..core.schedule.retries import retry
from ..core.select import is_for_hardware
from ..core.versions import Version, VersionScheme, is_same_version
from ..household_settings import HouseholdSettings
from ..locks.lock import ManagedLock
from ..locks.registry import LockRegistry
from ..vault.store import HouseholdVault

# What the lock and its feed will tell themselves, when the turn has come.
_TOLD_LATER = {Family.IDENTITY, Family.PATH, Family.TRUST}
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallRequest:
    """What an installation is for, and where its artifact comes from."""

    purpose: Purpose = Purpose.UPDATE
    source: Source = Source.FEED


def next_errand(lock: ManagedLock) -> InstallRequest:
    """Return what the next installation on a lock would be for."""
    if (choice := lock.decisions.choice) is None:
        return InstallRequest()
    return InstallRequest(purpose=choice.purpose, source=choice.source)


def _proven_before(now: datetime, lock: ManagedLock) -> FeedState:
    """Return what stands in for the feed: what is in the vault was proven then.

    Only whether its vendor has halted it since is for the feed to say, where there is one.
    """
    return FeedState(
        checked_at=now,
        expires_at=now + timedelta(minutes=1),
        unheard=lock.feed.trouble if lock.feed else None,
    )


def environment_of(lock: ManagedLock) -> str:
    """Return what could matter for another try on a lock."""
    version = async_get_loaded_integration(lock.hass, DOMAIN).manifest["version"]
    return f"{version}/{lock.record.identity.firmware_version}"


class Asking(TypedDict, total=False):
    """What the rules are asked about, beside a lock and a release."""

    unattended: Required[bool]
    identity: LockIdentity
    """What the lock has told just now, after the feed has; without it, what both told
    last counts."""
    stranded: bool
    """Whether an installation that runs has to get it out of its bootloader."""
    window_end: datetime | None
    errand: InstallRequest | None
    """What an installation is for that runs; without it, what the next one would be
    for."""


@dataclass(frozen=True, slots=True)
class _Tonight:
    """What has happened since the last noon, on all locks."""

    failed: str | None
    """The name of a lock on which it went wrong."""
    entry_doors: tuple[tuple[str, str], ...]
    """Id and name of each entry door that was touched."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A plan, what it was made from, and until when it stands."""

    planning: Planning
    plan: Plan
    until: datetime

    def would_be_made_of(self, now: Planning) -> bool:
        """Return whether it would be made again."""
        before = self.planning
        return before.now <= now.now < self.until and self._is_of_the_same(now)

    def is_of_minute(self, now: Planning) -> bool:
        """Return whether it was made of the same, in the same minute."""
        return _minute_of(self.planning) == _minute_of(now) and self._is_of_the_same(
            now
        )

    def _is_of_the_same(self, now: Planning) -> bool:
        # The moment itself is not compared.
        return self.planning == now


class _View:
    """What depends on all locks; good until something is new in what was installed."""

    def __init__(self, locks: LockRegistry, now: datetime, zone: tzinfo) -> None:
        """Go through the histories once."""
        night = night_of(now, zone)
        noon = noon_of(night, zone)
        self._revision = locks.past_revision
        self._zone = zone
        self._noon = noon
        self._next_noon = noon_of(night + _DAY, zone)
        self.seconds: dict[str, list[float]] = {}
        """How long installations took, by the model of the lock."""
        failed: str | None = None
        entry_doors: list[tuple[str, str]] = []
        for lock in locks.values():
            history, model = lock.record.history, lock.record.identity.model
            self.seconds.setdefault(model, []).extend(
                outcome.seconds
                for outcome in history
                if outcome.kind is OutcomeKind.SUCCEEDED
                and outcome.origin is not Origin.EXTERNAL
            )
            # What is dated after now has ended, whatever the clock said. And all of them
            # are looked at: one that a clock has dated long ago may be newer than those
            # before.
            tonight = [each for each in history if _is_of_tonight(each, noon)]
            if any(outcome.is_bad_news for outcome in tonight):
                failed = lock.name
            if lock.policy.importance is Importance.ENTRY and any(
                outcome.touched for outcome in tonight
            ):
                entry_doors.append((lock.subentry_id, lock.name))
        self.tonight = _Tonight(failed, tuple(entry_doors))

    def stands(self, locks: LockRegistry, now: datetime, zone: tzinfo) -> bool:
        """Return whether that is all as it was, and the same night."""
        return (
            self._revision == locks.past_revision
            and self._zone is zone
            and self._noon <= now < self._next_noon
        )

    def entry_door_but(self, lock: ManagedLock) -> str | None:
        """Return an entry door that was touched tonight, other than this lock."""
        others = (
            name
            for lock_id, name in reversed(self.tonight.entry_doors)
            if lock_id != lock.subentry_id
        )
        return next(others, None)


def _is_of_tonight(outcome: OutcomeRecord, noon: datetime) -> bool:
    return outcome.ended >= noon and outcome.origin is not Origin.EXTERNAL


class Planner:
    """Tells when a lock's release would be installed, and what stands against it.

    What it computes from all locks is kept until something changes. A plan is made anew
    when what it depends on is not as it was, or when the moment has come until which it
    stands; what stands until nothing is known of, at the end of a minute, which is as
    finely as anything here is planned.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        *,
        settings: HouseholdSettings,
        locks: LockRegistry,
        queue: Queue,
        vault: HouseholdVault,
    ) -> None:
        """Take what a plan depends on."""
        self._hass = hass
        self._settings = settings
        self._locks = locks
        self._queue = queue
        self._vault = vault
        self._seen: _View | None = None
        self._made: WeakKeyDictionary[ManagedLock, _Made] = WeakKeyDictionary()

    # What is planned.

    def plan(self, lock: ManagedLock) -> Plan:
        """Return when a lock's release would be installed, and what it waits for."""
        return self._standing(lock, dt_util.utcnow(), to_the_minute=True).plan

    def stands_until(self, lock: ManagedLock, now: datetime) -> datetime:
        """Return until when the plan of a lock stands, if only the time passes."""
        return self._standing(lock, now).until

    def _standing(
        self, lock: ManagedLock, now: datetime, *, to_the_minute: bool = False
    ) -> _Made:
        """Return the plan that stands at a moment, made anew where there is none."""
        planning = self._planning(lock, now)
        known = self._made.get(lock)
        if known is not None and (
            known.would_be_made_of(planning)
            or (to_the_minute and known.is_of_minute(planning))
        ):
            return known
        plan = make_plan(planning)
        made = _Made(planning, plan, stands_until(planning, plan))
        self._made[lock] = made
        return made

    def plan_at(
        self, lock: ManagedLock, now: datetime, *, announced: bool | None = None
    ) -> Plan:
        """Return what holds at a moment.

        ``announced`` tells to take for granted that people were told, or were not.
        """
        if announced is None:
            return self._standing(lock, now).plan
        return make_plan(replace(self._planning(lock, now), announced=announced))

    def _planning(self, lock: ManagedLock, now: datetime) -> Planning:
        release = lock.release
        decisions = _decisions(lock, release)
        sha256 = release.key if release else ""
        return Planning(
            now=now,
            zone=self._settings.zone,
            release=release,
            expected=self.expected(lock, release) if release else timedelta(),
            policy=lock.policy,
            household=self._settings.policy,
            decisions=decisions,
            retry=retry(
                tuple(lock.record.own_history)[::-1], sha256, environment_of(lock), now
            ),
            tonight=self._tonight(lock, now),
            announced=decisions.announced == sha256,
            source=error.reason if (error := lock.kind.source_error) else None,
            closes=lock.closes,
            let_go_until=lock.let_go_until,
            let_out=release is None or lock.is_let_out(release),
        )

    def _view(self, now: datetime) -> _View:
        locks, zone = self._locks, self._settings.zone
        view = self._seen
        if view is None or not view.stands(locks, now, zone):
            view = self._seen = _View(locks, now, zone)
        return view

    def _tonight(self, lock: ManagedLock, now: datetime) -> Tonight:
        """Return what has happened on other locks since the last noon."""
        view = self._view(now)
        return Tonight(
            failed=view.tonight.failed,
            entry_door=view.entry_door_but(lock),
            gate_open=self._gate_is_open(),
            held_by=self._held_by(),
        )

    def _gate_is_open(self) -> bool:
        """Return whether what must be on is."""
        entity_id = self._settings.gate_entity
        return entity_id is None or self._hass.states.is_state(entity_id, STATE_ON)

    def _held_by(self) -> str | None:
        """Return the name of what must not be on, unless it is off.

        One that says nothing may as well be on.
        """
        entity_id = self._settings.hold_entity
        if entity_id is None or self._hass.states.is_state(entity_id, STATE_OFF):
            return None
        state = self._hass.states.get(entity_id)
        return state.name if state is not None else entity_id

    def expected(self, lock: ManagedLock, release: Release) -> timedelta:
        """Return how long an installation on a lock will take, with the settling."""
        view = self._view(dt_util.utcnow())
        model = lock.record.identity.model
        return expected_duration(release, view.seconds.get(model, ()))

    # What stands against it.

    def checks(
        self, lock: ManagedLock, release: Release, **asking: Unpack[Asking]
    ) -> tuple[Check, ...]:
        """Ask all rules of preflight."""
        return run_checks(self._situation(lock, release, asking))

    def checks_of_offer(
        self, lock: ManagedLock, *, unattended: bool = False
    ) -> tuple[Check, ...]:
        """Ask all rules, with what is known now; the lock is not asked."""
        if lock.release is None:
            return ()
        return self.checks(lock, lock.release, unattended=unattended)

    def checks_as_planned(self, lock: ManagedLock) -> tuple[Check, ...]:
        """Ask all rules, as they are asked of what the plan of a lock begins."""
        plan = self.plan(lock)
        if plan.release is None:
            return ()
        chosen = lock.decisions.chosen_time(plan.release.key)
        return self.checks_of_offer(
            lock, unattended=plan.starts_at is not None and chosen is None
        )

    def checks_beforehand(
        self, lock: ManagedLock, release: Release
    ) -> tuple[Check, ...]:
        """Ask the rules that can be answered without the lock; for what runs by itself.

        The others are asked when the lock has told what it is, what it runs and how full
        its battery is. So a door that stands open all night does not cost a connection
        every minute.
        """
        later = set(_TOLD_LATER)
        if lock.links.battery_entity is None:
            later.add(Family.POWER)
        return tuple(
            check
            for check in self.checks(lock, release, unattended=True)
            if check.family not in later and check.rule != "one_at_a_time"
        )

    def checks_of_way(
        self, lock: ManagedLock, identity: LockIdentity | None
    ) -> tuple[Check, ...]:
        """Ask what there is to ask of the way to a lock, as by night.

        ``identity`` is what it has told just now. Where nothing is on offer it is asked as
        for what it runs: the way is the same.
        """
        asking: Asking = {"unattended": True}
        if identity is not None:
            asking["identity"] = identity
        return tuple(
            check
            for check in self.checks(lock, self._asked_about(lock), **asking)
            if _is_of_way(check)
        )

    def checks_of_case(
        self, lock: ManagedLock, identity: LockIdentity | None
    ) -> tuple[Check, ...]:
        """Ask what there is to ask where something is wrong: the way, and all else.

        Of what is on offer, where Nightlatch could install it now; without it, only
        whether the lock is still what it was.
        """
        asking: Asking = {"unattended": False}
        if identity is not None:
            asking["identity"] = identity
        offered = lock.release is not None and not lock.kind.by_hand
        others = (
            check
            for check in self.checks(lock, self._asked_about(lock), **asking)
            if not _is_of_way(check)
            and (offered or check.reason is Reason.OTHER_MODEL)
            # Where it waits is known better, and told.
            and check.reason is not Reason.IN_BOOTLOADER
        )
        return (*self.checks_of_way(lock, identity), *others)

    def _asked_about(self, lock: ManagedLock) -> Release:
        return lock.release or self._running_release(lock) or _like(lock)

    def risk(self, lock: ManagedLock, release: Release) -> Risk:
        """Return what an installation on a lock means for the household."""
        return summarise(release, self._situation(lock, release, {"unattended": False}))

    def _situation(
        self, lock: ManagedLock, release: Release, asking: Asking
    ) -> Situation:
        now = dt_util.utcnow()
        release = lock.as_told(release)
        identity = asking.get("identity")
        errand = asking.get("errand") or next_errand(lock)
        return Situation(
            now=now,
            identity=identity or lock.record.identity,
            identity_at=now if identity else lock.record.read_at,
            asked_at=(
                (now if identity else lock.record.read_at)
                if lock.kind.sends_firmware
                else None
            ),
            release=release,
            floor=lock.floor,
            policy=lock.policy,
            decisions=_decisions(lock, release),
            soak_days=soak_days_for(lock.policy, self._settings.policy),
            # What people have chosen is let out to nobody else.
            let_out=errand.source is not Source.FEED or lock.is_let_out(release),
            unattended=asking["unattended"],
            surroundings=read_surroundings(
                self._hass,
                lock_entity=lock.links.lock_entity,
                battery_entity=lock.links.battery_entity,
                door_entity=lock.links.door_entity,
                heard=lock.record.heard_at,
            ),
            radio=lock.kind.radio(),
            house=self._house(lock, now),
            feed=(
                lock.kind.feed_state(release, just_asked=identity is not None)
                if errand.source is Source.FEED
                else _proven_before(now, lock)
            ),
            expected=self.expected(lock, release),
            window_end=asking.get("window_end"),
            purpose=errand.purpose,
            running_release=self._running_release(lock),
            battery_history=lock.record.batteries,
            # Who has just told what it is runs its application.
            in_bootloader=lock.in_bootloader and identity is None,
            stranded=asking.get("stranded", False),
            source=lock.kind.source(),
            stranger=lock.kind.stranger is not None,
            let_go_until=lock.let_go_until,
            needs_presence=lock.facts.needs_presence,
            closes=lock.closes,
        )

    def _running_release(self, lock: ManagedLock) -> Release | None:
        """Return what a lock runs, if it is kept, or will be before it is replaced."""
        vault, runs = self._vault, lock.record.identity
        if (kept := vault.running(lock)) is not None:
            return kept.release
        if vault.problem is not None:
            return None
        offered = (
            release
            for release in lock.kind.on_offer()
            if release.payload is not None
            and release.keeper is None
            and release.model == runs.model
            and is_same_version(release.version.text, runs.firmware_version)
            and is_for_hardware(release, runs)
        )
        return next(offered, None)

    def _house(self, lock: ManagedLock, now: datetime) -> HouseState:
        running = self._queue.running
        backup_running, stopping = read_house(self._hass)
        return HouseState(
            backup_running=backup_running,
            stopping=stopping,
            starting=not stopping and not is_started(self._hass),
            unsaved=lock.unsaved,
            installing=(
                running.name
                if running is not None and running.key != lock.subentry_id
                else None
            ),
            entry_door_tonight=(
                None
                if self._settings.policy.two_entry_doors
                else self._view(now).entry_door_but(lock)
            ),
        )


def _is_of_way(check: Check) -> bool:
    return check.family in FAMILIES or check.rule in RULES


def _like(lock: ManagedLock) -> Release:
    """Return what stands for a release where none is known."""
    identity = lock.record.identity
    return Release(
        vendor=identity.manufacturer or "",
        model=identity.model,
        hardware_revisions=(),
        version=Version(VersionScheme.DOTTED, identity.firmware_version, ()),
    )


def _minute_of(planning: Planning) -> datetime:
    return planning.now.replace(second=0, microsecond=0)


def _decisions(lock: ManagedLock, release: Release | None) -> Decisions:
    """Return what people have decided, also where they did it elsewhere."""
    if release is not None and lock.kind.skipped_by_person(release):
        return replace(lock.decisions, skipped=release.version.text)
    return lock.decisions
