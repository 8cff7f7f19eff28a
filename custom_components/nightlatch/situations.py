"""What the rules and the plan of a lock depend on, gathered from all over the house."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Required, TypedDict, Unpack

from homeassistant.const import STATE_ON
from homeassistant.loader import async_get_loaded_integration
from homeassistant.util import dt as dt_util

from .adapters.entities import read_surroundings
from .adapters.situation import read_house
from .const import DOMAIN
from .core.model import LockIdentity, Origin, OutcomeKind, Purpose, Release, Source
from .core.preflight.base import Check, Family
from .core.preflight.risk import Risk, summarise
from .core.preflight.rules import run_checks
from .core.preflight.situation import FeedState, HouseState, Situation
from .core.records.decisions import Decisions
from .core.schedule.duration import expected_duration
from .core.schedule.night import night_of, noon_of
from .core.schedule.plan import Plan, Planning, Tonight, make_plan
from .core.schedule.policy import Importance
from .core.schedule.retries import retry
from .core.select import is_for_hardware
from .core.versions import is_same_version

if TYPE_CHECKING:
    from .locks import ManagedLock

# What the lock and its feed will tell themselves, when the turn has come.
_TOLD_LATER = {Family.IDENTITY, Family.PATH, Family.TRUST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What an installation is for, and where its artifact comes from."""

    purpose: Purpose = Purpose.UPDATE
    source: Source = Source.FEED


def next_errand(lock: ManagedLock) -> Errand:
    """Return what the next installation on a lock would be for."""
    if (choice := lock.decisions.choice) is None:
        return Errand()
    return Errand(purpose=choice.purpose, source=choice.source)


def _proven_before(now: datetime) -> FeedState:
    """Return what stands in for the feed: what is in the vault was proven then."""
    return FeedState(checked_at=now, expires_at=now + timedelta(minutes=1))


def environment_of(lock: ManagedLock) -> str:
    """Return what could matter for another try on a lock."""
    version = async_get_loaded_integration(lock.hass, DOMAIN).version
    return f"{version}/{lock.record.identity.firmware_version}"


def plan_of(lock: ManagedLock, now: datetime, *, announced: bool | None = None) -> Plan:
    """Return when a lock's release would be installed, and what it waits for.

    ``announced`` tells to take for granted that people were told, or were not.
    """
    household, release = lock.household, lock.release
    decisions = _decisions(lock, release)
    sha256 = release.key if release else ""
    return make_plan(
        Planning(
            now=now,
            zone=household.zone,
            release=release,
            expected=expected_of(lock, release) if release else timedelta(),
            policy=lock.policy,
            household=household.policy,
            decisions=decisions,
            retry=retry(lock.record.history, sha256, environment_of(lock), now),
            tonight=_tonight(lock, now),
            announced=(
                decisions.announced == sha256 if announced is None else announced
            ),
        )
    )


def _decisions(lock: ManagedLock, release: Release | None) -> Decisions:
    """Return what people have decided, also where they did it elsewhere."""
    if release is not None and lock.kind.skipped_by_person(release):
        return replace(lock.decisions, skipped=release.version.text)
    return lock.decisions


def _tonight(lock: ManagedLock, now: datetime) -> Tonight:
    """Return what has happened on other locks since the last noon."""
    household = lock.household
    noon = noon_of(night_of(now, household.zone), household.zone)
    failed = entry_door = None
    for other in household.locks.values():
        # What is dated after now has ended, whatever the clock said. And all of them are
        # looked at: one that a clock has dated long ago may be newer than those before.
        tonight = [
            outcome
            for outcome in other.record.history
            if outcome.ended >= noon and outcome.origin is not Origin.EXTERNAL
        ]
        if any(outcome.is_bad_news for outcome in tonight):
            failed = other.name
        if (
            other is not lock
            and other.policy.importance is Importance.ENTRY
            and any(outcome.touched for outcome in tonight)
        ):
            entry_door = other.name
    return Tonight(failed=failed, entry_door=entry_door, gate_open=_gate_is_open(lock))


def _gate_is_open(lock: ManagedLock) -> bool:
    gate = lock.household.gate_entity
    if gate is None:
        return True
    state = lock.household.hass.states.get(gate)
    return state is not None and state.state == STATE_ON


def expected_of(lock: ManagedLock, release: Release) -> timedelta:
    """Return how long an installation on a lock will take, with the settling."""
    history = [
        outcome.seconds
        for other in lock.household.locks.values()
        if other.record.identity.model == lock.record.identity.model
        for outcome in other.record.history
        if outcome.kind is OutcomeKind.SUCCEEDED
        and outcome.origin is not Origin.EXTERNAL
    ]
    return expected_duration(release, history)


class Asking(TypedDict, total=False):
    """What the rules are asked about, beside a lock and a release."""

    unattended: Required[bool]
    identity: LockIdentity
    """What the lock has told just now, after the feed has; without it, what both told
    last counts."""
    stranded: bool
    """Whether an installation that runs has to get it out of its bootloader."""
    window_end: datetime | None
    errand: Errand | None
    """What an installation is for that runs; without it, what the next one would be
    for."""


def checks_of(
    lock: ManagedLock, release: Release, **asking: Unpack[Asking]
) -> tuple[Check, ...]:
    """Ask all rules of preflight."""
    return run_checks(_situation(lock, release, asking))


def risk_of(lock: ManagedLock, release: Release) -> Risk:
    """Return what an installation on a lock means for the household."""
    return summarise(release, _situation(lock, release, {"unattended": False}))


def _situation(lock: ManagedLock, release: Release, asking: Asking) -> Situation:
    now = dt_util.utcnow()
    identity = asking.get("identity")
    errand = asking.get("errand") or next_errand(lock)
    return Situation(
        now=now,
        identity=identity or lock.record.identity,
        identity_at=now if identity else lock.record.read_at,
        release=release,
        floor=lock.floor,
        policy=lock.policy,
        decisions=_decisions(lock, release),
        soak_days=lock.household.policy.soak_days,
        unattended=asking["unattended"],
        surroundings=read_surroundings(
            lock.household.hass,
            lock_entity=lock.links.lock_entity,
            battery_entity=lock.links.battery_entity,
            door_entity=lock.links.door_entity,
        ),
        radio=lock.kind.radio(),
        house=_house(lock, now),
        feed=(
            lock.kind.feed_state(release, just_asked=identity is not None)
            if errand.source is Source.FEED
            else _proven_before(now)
        ),
        expected=expected_of(lock, release),
        window_end=asking.get("window_end"),
        purpose=errand.purpose,
        running_release=_running_release(lock),
        battery_history=lock.record.batteries,
        # Who has just told what it is runs its application.
        in_bootloader=lock.in_bootloader and identity is None,
        stranded=asking.get("stranded", False),
        source=lock.kind.source(),
        needs_presence=lock.facts.needs_presence,
    )


def _running_release(lock: ManagedLock) -> Release | None:
    """Return what a lock runs, if it is kept, or will be before it is replaced."""
    vault, runs = lock.household.vault, lock.record.identity
    if (kept := vault.running(lock)) is not None:
        return kept.release
    if vault.problem is not None:
        return None
    offered = (
        release
        for release in lock.kind.on_offer()
        if release.payload is not None
        and release.model == runs.model
        and is_same_version(release.version.text, runs.firmware_version)
        and is_for_hardware(release, runs)
    )
    return next(offered, None)


def _house(lock: ManagedLock, now: datetime) -> HouseState:
    household = lock.household
    running = household.queue.running
    backup_running, stopping = read_house(household.hass)
    return HouseState(
        backup_running=backup_running,
        stopping=stopping,
        unsaved=lock.unsaved,
        installing=(
            running.name
            if running is not None and running.key != lock.subentry_id
            else None
        ),
        entry_door_tonight=(
            None if household.policy.two_entry_doors else _tonight(lock, now).entry_door
        ),
    )


def checks_beforehand(lock: ManagedLock, release: Release) -> tuple[Check, ...]:
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
        for check in checks_of(lock, release, unattended=True)
        if check.family not in later and check.rule != "one_at_a_time"
    )
