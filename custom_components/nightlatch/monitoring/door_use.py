"""Learning when doors are used, and what quiet hours that speaks for.

Only where the owner has said so. What is kept is which half hours of the week had
somebody at the door, and nothing of whom.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_STATE_CHANGED, Platform
from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util

from ..adapters.believed_clock import BelievedClock
from ..adapters.door_events import async_recorded, is_use, watched_spans
from ..adapters.door_use_file import DoorUseFile
from ..adapters.entities import is_silent
from ..const import CONF_QUIET_HOURS, DOMAIN
from ..core.moments import is_set
from ..core.schedule.door_use import (
    WEEKS,
    DoorUse,
    HalfHour,
    half_hour_of,
    half_hours_between,
)
from ..core.schedule.own_hours import others_of, propose_own
from ..core.schedule.proposal import Proposal, propose, rates_of_week, risk_of
from ..core.schedule.quiet_hours import QuietHours
from ..faults import Faults
from ..household_settings import HouseholdSettings
from ..locks.lock import ManagedLock
from ..locks.registry import Changes, LockRegistry
from ..planning.planner import Planner

_LOGGER = logging.getLogger(__name__)

USUAL: Final = timedelta(minutes=20)
"""How long an installation takes where nothing is on offer to tell."""
_WORTH: Final = 0.6
"""Other hours are suggested only where at most so many installations are met in them."""
_WEEKS_AHEAD: Final = WEEKS // 4
"""So many weeks may pass by a clock that is not believed yet, and no more by all of them."""


WEEK: Final = "door_use"
"""What the unique id of the picture of the week ends with."""


@dataclass(frozen=True, slots=True)
class WeekOfUse:
    """The week as it can be drawn."""

    rates: tuple[tuple[float | None, ...], ...]
    """By day and half hour, 0 to 1; None where it was never watched."""
    observed_days: int
    hours: QuietHours
    """The quiet hours that hold."""
    suggested: QuietHours | None
    """Those that are suggested, if any are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is weighed; it is weighed again when any of it is another one."""

    today: date
    hours: QuietHours
    expected: timedelta
    allowed: QuietHours
    """Within which others may be suggested."""
    locks: tuple[str, ...]
    """For which the hours of the household hold."""
    own: tuple[tuple[str, QuietHours], ...]
    """Which have hours of their own."""
    fillings: int
    """How often something was taken over from the recorder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """What came of it, for the household or for one lock."""

    hours: QuietHours
    """Those that hold."""
    proposal: Proposal
    risk: float | None
    """Of the hours that hold; None where any other hours are worth it."""
    rates: tuple[tuple[float | None, ...], ...]
    observed_days: int

    def suggestion(self, refused: QuietHours | None) -> Proposal | None:
        """Return hours that would be clearly better; None for none.

        What somebody has refused is not suggested again until it is mostly another time.
        """
        proposal = self.proposal
        if proposal.risk is None or proposal.hours == self.hours:
            return None
        if self.risk is not None and proposal.risk > self.risk * _WORTH:
            return None
        if refused is not None and is_alike(refused, proposal.hours):
            return None
        return proposal

    def week(self, suggestion: Proposal | None, hours: QuietHours) -> WeekOfUse:
        """Return it as it is drawn, with the hours that hold by now."""
        return WeekOfUse(
            rates=self.rates,
            observed_days=self.observed_days,
            hours=hours,
            suggested=suggestion.hours if suggestion is not None else None,
        )


def _weigh(
    uses: Mapping[str, DoorUse], asked: _Asked
) -> tuple[_Weighed, dict[str, _Weighed]]:
    """Look at what was seen; too much of it for the loop."""
    now = {lock_id: use.at(asked.today) for lock_id, use in uses.items()}
    of_locks = {
        lock_id: _weigh_one(now[lock_id], hours, asked) for lock_id, hours in asked.own
    }
    shared = [now[lock_id] for lock_id in asked.locks]
    for lock_id, others in zip(asked.locks, others_of(shared), strict=True):
        use = now[lock_id]
        own = propose_own(use, others, asked.hours, asked.expected, asked.allowed)
        if own is not None:
            of_locks[lock_id] = _weighed(use, asked.hours, own, None)
    return _weigh_one(_joined(shared, asked.today), asked.hours, asked), of_locks


def _weigh_one(use: DoorUse, hours: QuietHours, asked: _Asked) -> _Weighed:
    proposal = propose(use, asked.expected, asked.allowed)
    return _weighed(use, hours, proposal, risk_of(use, hours, asked.expected))


def _weighed(
    use: DoorUse, hours: QuietHours, proposal: Proposal, risk: float | None
) -> _Weighed:
    return _Weighed(
        hours=hours,
        proposal=proposal,
        risk=risk,
        rates=rates_of_week(use),
        observed_days=use.observed_days,
    )


def _joined(uses: Iterable[DoorUse], today: date) -> DoorUse:
    joined = DoorUse().at(today)
    for use in uses:
        joined = joined.joined(use.at(today))
    return joined


class DoorUseWatch:
    """Watches the doors of all locks, and suggests when they are left alone."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        *,
        settings: HouseholdSettings,
        locks: LockRegistry,
        planner: Planner,
        faults: Faults,
        clock: BelievedClock,
    ) -> None:
        """Take the locks; ``async_start`` begins."""
        self._hass = hass
        self._entry = entry
        self._settings = settings
        self._locks = locks
        self._planner = planner
        self._faults = faults
        self._clock = clock
        self._file = DoorUseFile(hass, entry.entry_id)
        self._uses: dict[str, DoorUse] = {}
        self._is_kept = False
        """Whether anything may be on disk."""
        self._refused: dict[str | None, QuietHours] = {}
        """What people do not want, by the lock that it was for; None for all of them."""
        self._running: HalfHour | None = None
        """The half hour that is under way."""
        self._blind: set[str] = set()
        """The locks that were not watched all through it."""
        self._filling: set[str] = set()
        self._fillings = 0
        self._asked: _Asked | None = None
        self._weighed: _Weighed | None = None
        self._of_locks: dict[str, _Weighed] = {}
        """What came of it for locks that have hours of their own, or should have."""

    async def async_start(self) -> None:
        """Read what is kept, and watch from now on."""
        kept = await self._file.async_load()
        self._is_kept = bool(kept)
        with self._faults.apart("door_use"):
            self._uses = {
                lock_id: DoorUse.from_dict(raw)
                for lock_id, raw in kept.get("locks", {}).items()
                if lock_id in self._entry.subentries
            }
            if (refused := kept.get("refused")) is not None:
                self._refused[None] = QuietHours.from_dict(refused)
            # Earlier versions suggested nothing for one lock.
            for lock_id, refused in kept.get("refused_locks", {}).items():
                if lock_id in self._entry.subentries:
                    self._refused[lock_id] = QuietHours.from_dict(refused)
            if self._settings.learns and kept.get("locks", {}).keys() - self._uses:
                self._forget_those_that_are_gone()
        entry = self._entry
        entry.async_on_unload(
            self._hass.bus.async_listen(EVENT_STATE_CHANGED, self._changed)
        )
        entry.async_on_unload(self._locks.async_on_minute(self._minute))
        entry.async_on_unload(self._locks.async_subscribe(self._settings_changed))
        entry.async_on_unload(self._async_stop)
        self._weigh_what_is_new()

    async def _async_stop(self) -> None:
        if self._settings.learns:
            await self._file.async_write(self._to_dict())
        else:
            await self._async_forget()

    async def _async_forget(self) -> None:
        """Delete it; what cannot be deleted is tried again in a minute."""
        self._is_kept = False
        try:
            await self._file.async_remove()
        except OSError as err:
            self._is_kept = True
            _LOGGER.warning("When doors were used could not be deleted: %s", err)

    @callback
    def _forget_those_that_are_gone(self) -> None:
        """Keep nothing on disk either of a lock that was removed."""
        self._entry.async_create_background_task(
            self._hass,
            self._file.async_write(self._to_dict()),
            "forget when the doors of removed locks were used",
        )

    # What was seen.

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        entity_id = event.data["entity_id"]
        if not self._settings.learns:
            return
        for lock in tuple(self._locks.values()):
            if entity_id not in _doors(lock):
                continue
            with self._faults.apart("door_use", lock):
                if is_use(
                    event.data["old_state"], event.data["new_state"]
                ) and not _is_ours(lock):
                    self._note(lock, used=[self._now()])

    @callback
    def _minute(self, _: frozenset[str] = frozenset()) -> None:
        """Look whether a half hour is over, and which doors were watched all through."""
        if not self._settings.learns:
            if self._uses or self._is_kept:
                # Whoever does not want it learned does not want it kept.
                self._uses, self._refused, self._of_locks = {}, {}, {}
                self._asked = self._weighed = None
                self._entry.async_create_background_task(
                    self._hass, self._async_forget(), "forget when doors were used"
                )
            self._running = None
            return
        if not is_set(dt_util.utcnow()):
            return
        now = self._now()
        locks = tuple(self._locks.values())
        if gone := self._uses.keys() - self._locks.keys():
            for lock_id in gone:
                del self._uses[lock_id]
                self._refused.pop(lock_id, None)
                self._of_locks.pop(lock_id, None)
            self._forget_those_that_are_gone()
        if self._running is not None and now != self._running:
            for lock in locks:
                if lock.subentry_id not in self._blind:
                    self._note(lock, watched=[self._running])
            self._blind = set()
        elif self._running is None:
            # It has begun some time ago.
            self._blind = set(self._locks)
        self._running = now
        for lock in locks:
            if _is_blind(self._hass, lock):
                self._blind.add(lock.subentry_id)
            if (
                lock.subentry_id not in self._uses
                and lock.subentry_id not in self._filling
            ):
                self._filling.add(lock.subentry_id)
                self._entry.async_create_background_task(
                    self._hass, self._async_fill(lock), f"history of {lock.name}"
                )
        self._weigh_what_is_new()

    @callback
    def _note(
        self,
        lock: ManagedLock,
        *,
        watched: list[HalfHour] | None = None,
        used: list[HalfHour] | None = None,
    ) -> None:
        if not is_set(dt_util.utcnow()):
            # As of such a day all that is known would not have come yet.
            return
        known = self._uses.get(lock.subentry_id)
        use = (known or DoorUse()).at(self._now().day)
        if known is not None and not self._may_pass(known, use):
            return
        self._uses[lock.subentry_id] = use.noting(watched or (), used or ())
        self._write_soon()

    def _may_pass(self, known: DoorUse, use: DoorUse) -> bool:
        """Return whether so many weeks may have passed since something was noted.

        One that passes takes the oldest one away, and cannot be taken back.
        """
        now = dt_util.utcnow()
        if use.week == known.week or self._clock.is_believed(now):
            return True
        if use.week < known.week or (believed := self._clock.believed(now)) is None:
            return False
        as_believed = known.at(half_hour_of(believed, self._settings.zone).day)
        return use.week <= as_believed.week + _WEEKS_AHEAD

    @callback
    def _write_soon(self) -> None:
        self._is_kept = True
        self._file.async_write_soon(self._to_dict)

    async def _async_fill(self, lock: ManagedLock) -> None:
        """Take over, once, what the recorder has seen of a door."""
        now = dt_util.utcnow()
        try:
            recorded = await async_recorded(self._hass, _doors(lock), now)
        finally:
            self._filling.discard(lock.subentry_id)
        if lock.is_closed or not self._settings.learns:
            return
        # Also where nothing was recorded, or it cannot be made use of: it is asked once.
        watched, used = set[HalfHour](), list[HalfHour]()
        with self._faults.apart("door_use", lock):
            ours = [(each.started, each.ended) for each in lock.record.history]
            watched, used = await self._hass.async_add_executor_job(
                _seen_of, recorded, ours, now, self._settings.zone
            )
        self._note(lock, watched=sorted(watched), used=used)
        self._fillings += 1
        self._weigh_what_is_new()

    def _now(self) -> HalfHour:
        return half_hour_of(dt_util.utcnow(), self._settings.zone)

    def _today(self) -> date:
        """Return as of which day what was seen counts."""
        now = dt_util.utcnow()
        return half_hour_of(self._clock.believed(now) or now, self._settings.zone).day

    def _to_dict(self) -> dict[str, Any]:
        refused = self._refused
        return {
            "locks": {lock_id: use.to_dict() for lock_id, use in self._uses.items()},
            "refused": refused[None].to_dict() if None in refused else None,
            "refused_locks": {
                lock_id: hours.to_dict()
                for lock_id, hours in refused.items()
                if lock_id is not None
            },
        }

    # What that speaks for.

    @property
    def use(self) -> DoorUse:
        """What is known of the doors for which the hours of the household hold."""
        return _joined(
            (self._uses[each] for each in self._of_household()), self._today()
        )

    def _of_household(self) -> tuple[str, ...]:
        """Return of which locks something is kept that have no hours of their own."""
        return tuple(
            lock_id
            for lock_id, lock in sorted(self._locks.items())
            if lock_id in self._uses and lock.policy.quiet_hours is None
        )

    def _with_their_own(self) -> tuple[tuple[str, QuietHours], ...]:
        """Return of which locks something is kept that have, and their hours."""
        return tuple(
            (lock_id, hours)
            for lock_id, lock in sorted(self._locks.items())
            if lock_id in self._uses and (hours := lock.policy.quiet_hours) is not None
        )

    @callback
    def _settings_changed(self, changes: Changes) -> None:
        if changes.settings:
            self._weigh_what_is_new()

    @callback
    def _weigh_what_is_new(self) -> None:
        """Weigh what was seen: once a day, and when something else is new.

        Not for each of many locks whose past is taken over: then once for all of them.
        """
        if not self._settings.learns or self._filling:
            return
        asked = _Asked(
            today=self._today(),
            hours=self._settings.policy.quiet_hours,
            expected=self.expected,
            allowed=self._settings.learn_within,
            locks=self._of_household(),
            own=self._with_their_own(),
            fillings=self._fillings,
        )
        if asked != self._asked:
            self._asked = asked
            self._entry.async_create_task(
                self._hass, self._async_weigh(asked), "weigh when doors are used"
            )

    async def _async_weigh(self, asked: _Asked) -> None:
        uses = {
            lock_id: self._uses[lock_id] for lock_id in (*asked.locks, *dict(asked.own))
        }
        household, of_locks = await self._hass.async_add_executor_job(
            _weigh, uses, asked
        )
        # Another one may have been asked for meanwhile, or none.
        if asked == self._asked:
            self._weighed, self._of_locks = household, of_locks
            self._locks.async_changed()

    @property
    def week(self) -> WeekOfUse | None:
        """The week of the household, for whoever draws it; None while there is none."""
        if (weighed := self._weighed) is None or not self._settings.learns:
            return None
        return weighed.week(self.suggestion, self._settings.policy.quiet_hours)

    def week_of(self, lock: ManagedLock) -> WeekOfUse | None:
        """Return the week of a lock with hours of its own, or that should have some."""
        weighed = self._of_locks.get(lock.subentry_id)
        if weighed is None or not self._settings.learns:
            return None
        suggestion, own = self.suggestion_of(lock), lock.policy.quiet_hours
        if suggestion is None and own is None:
            return None
        return weighed.week(suggestion, own or self._settings.policy.quiet_hours)

    @property
    def is_known(self) -> bool:
        """Whether it is certain by now of which locks there is anything to be drawn."""
        return not self._settings.learns or self._weighed is not None

    def picture_of(self, lock_id: str) -> str | None:
        """Return the entity that is the picture of a lock's week, if there is one."""
        return er.async_get(self._hass).async_get_entity_id(
            Platform.IMAGE, DOMAIN, f"{lock_id}_{WEEK}"
        )

    @property
    def picture(self) -> str | None:
        """The entity that is the picture of the week, if there is one."""
        return er.async_get(self._hass).async_get_entity_id(
            Platform.IMAGE, DOMAIN, f"{self._entry.entry_id}_{WEEK}"
        )

    @property
    def suggestion(self) -> Proposal | None:
        """Hours for the household that would be clearly better; None for none."""
        weighed, hours = self._weighed, self._settings.policy.quiet_hours
        if weighed is None or not self._settings.learns or weighed.hours != hours:
            return None
        return weighed.suggestion(self._refused.get(None))

    def suggestion_of(self, lock: ManagedLock) -> Proposal | None:
        """Return hours of its own that would be clearly better; None for none.

        Where a lock has none yet, those of the household come first.
        """
        weighed = self._of_locks.get(lock.subentry_id)
        own = lock.policy.quiet_hours
        hours = own or self._settings.policy.quiet_hours
        if weighed is None or not self._settings.learns or weighed.hours != hours:
            return None
        if own is None and self.suggestion is not None:
            return None
        return weighed.suggestion(self._refused.get(lock.subentry_id))

    @property
    def expected(self) -> timedelta:
        """How long the longest installation takes that is on offer."""
        offered = (
            self._planner.expected(lock, lock.release)
            for lock in self._locks.values()
            if lock.release is not None
        )
        return max(offered, default=USUAL)

    @callback
    def async_accept(self, hours: QuietHours, lock_id: str | None = None) -> None:
        """Set hours that a person has read and wants, as their forms do.

        For the household, or for one lock alone.
        """
        if lock_id is None:
            self._settings.async_set_option(CONF_QUIET_HOURS, hours.to_dict())
        else:
            self._settings.async_set_lock_data(
                lock_id, **{CONF_QUIET_HOURS: hours.to_dict()}
            )

    @callback
    def async_refuse(self, hours: QuietHours, lock_id: str | None = None) -> None:
        """Keep that a person does not want them."""
        self._refused[lock_id] = hours
        self._write_soon()
        self._locks.async_changed()


def _seen_of(
    recorded: Mapping[str, Sequence[State]],
    ours: Sequence[tuple[datetime, datetime]],
    now: datetime,
    zone: tzinfo,
) -> tuple[set[HalfHour], list[HalfHour]]:
    """Return in which half hours all entities of a door were watched, and it was used.

    ``ours`` is when we were at it ourselves.
    """
    watched = [
        {
            half_hour
            for begin, end in watched_spans(states, now)
            for half_hour in half_hours_between(begin, end, zone)
        }
        for states in recorded.values()
    ]
    used = [
        half_hour_of(state.last_changed, zone)
        for states in recorded.values()
        for before, state in pairwise(states)
        if is_use(before, state)
        and not any(begin <= state.last_changed <= end for begin, end in ours)
    ]
    return set.intersection(*watched) if watched else set(), used


def is_alike(one: QuietHours, other: QuietHours) -> bool:
    """Return whether some hours are mostly others."""
    ours, theirs = _half_hours(one), _half_hours(other)
    return len(ours & theirs) * 2 >= max(len(ours), len(theirs))


def _half_hours(hours: QuietHours) -> set[int]:
    begin = hours.start.hour * 2 + hours.start.minute // 30
    end = hours.end.hour * 2 + hours.end.minute // 30
    if end <= begin:
        end += 48
    return {day * 48 + each for day in hours.weekdays for each in range(begin, end)}


def _doors(lock: ManagedLock) -> tuple[str, ...]:
    links = (lock.links.lock_entity, lock.links.door_entity)
    return tuple(each for each in links if each is not None)


def _is_ours(lock: ManagedLock) -> bool:
    """Return whether it may have been us who moved the bolt."""
    return lock.progress is not None or lock.is_cut_off


def _is_blind(hass: HomeAssistant, lock: ManagedLock) -> bool:
    """Return whether nobody would see now that a door is used."""
    doors = _doors(lock)
    return not doors or any(is_silent(hass, each) for each in doors)
