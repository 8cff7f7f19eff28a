"""Which locks are at rest: nothing is new about them, and the time changes nothing yet.

The look of each minute leaves them alone. Whatever is under way, silent, wrong, held or
soon due is looked at each minute, as is every lock of which something was told since, or
what it rests on in the house is not the very same.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import is_
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, State, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from ..core.schedule.night import night_of, noon_of
from ..faults import Faults
from ..following import ending_all
from ..household_settings import HouseholdSettings
from ..locks.lock import ManagedLock
from ..locks.registry import LockRegistry
from ..planning.planner import Planner
from .health import needs_attention
from .letting_go import LettingGo
from .presence import may_be_new_from

_LONGEST: Final = timedelta(minutes=30)
"""Whatever was overlooked here is seen by then."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Marks:
    """What a rest depends on: as long as all of it is the same, nothing is new."""

    of_house: tuple[object, ...]
    of_lock: tuple[object, ...]
    entity_ids: tuple[str, ...]
    """What it is linked to: the same as long as the house and the lock are."""
    states: tuple[State | None, ...]


@dataclass(frozen=True, slots=True)
class _Rest:
    """A lock at rest: what that rests on, since when and until when it holds."""

    marks: Marks
    since: datetime
    until: datetime


class Rests:
    """Knows which locks need no look."""

    def __init__(
        self,
        hass: HomeAssistant,
        *,
        settings: HouseholdSettings,
        locks: LockRegistry,
        faults: Faults,
        planner: Planner,
        letting_go: LettingGo,
    ) -> None:
        """Take what tells whether anything goes on; ``async_start`` begins."""
        self._hass = hass
        self._settings = settings
        self._locks = locks
        self._faults = faults
        self._planner = planner
        self._letting_go = letting_go
        self._rests: dict[str, _Rest] = {}
        self._registered = 0
        """Counts what is new in the registries."""
        self._of_house: tuple[object, ...] = ()
        """What all rests depended on when the locks were looked through last."""

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Follow the registries from now on; return what ends that."""
        return ending_all(
            self._hass.bus.async_listen(
                dr.EVENT_DEVICE_REGISTRY_UPDATED, self._registry_changed
            ),
            self._hass.bus.async_listen(
                er.EVENT_ENTITY_REGISTRY_UPDATED, self._registry_changed
            ),
        )

    @callback
    def _registry_changed(self, _: Event[Any]) -> None:
        self._registered += 1

    @callback
    def async_disturbed(self, now: datetime) -> list[tuple[ManagedLock, Marks]]:
        """Return the locks that are to be looked at, and what they rest on now.

        A rest ends with that: a look that is cut off is made up for by the next one.
        """
        of_house = self._marks_of_house()
        if _are_same(self._of_house, of_house):
            # The very same object, with which each rest is compared.
            of_house = self._of_house
        self._of_house = of_house
        found: list[tuple[ManagedLock, Marks]] = []
        rests = self._rests
        for lock_id, lock in self._locks.items():
            rest = rests.get(lock_id)
            if (
                rest is None
                or not rest.since <= now < rest.until
                or not self._stands(rest.marks, lock, of_house)
            ):
                rests.pop(lock_id, None)
                found.append((lock, self._marks(lock, of_house)))
        for lock_id in rests.keys() - self._locks.keys():
            del rests[lock_id]
        return found

    @callback
    def async_looked_at(self, lock: ManagedLock, marks: Marks, now: datetime) -> None:
        """Let a lock rest, where nothing goes on with it.

        ``marks`` are those from before the look: what is new since disturbs it.
        """
        if lock.subentry_id not in self._locks or not self._may_rest(lock):
            return
        until = min(
            self._planner.stands_until(lock, now),
            may_be_new_from(lock, now),
            _next_day(now),
            self._next_noon(now),
            now + _LONGEST,
        )
        if until > now:
            self._rests[lock.subentry_id] = _Rest(marks, now, until)

    def _may_rest(self, lock: ManagedLock) -> bool:
        """Return whether only what is told of a lock, or its plan, changes anything."""
        kind, record = lock.kind, lock.record
        return (
            kind.may_rest
            # What a feed said expires, and is heard of late.
            and lock.feed is None
            and lock.progress is None
            and lock.cut_off is None
            and lock.let_go_until is None
            and not lock.held
            and lock.unsaved is None
            and record.held is None
            and record.unsettled is None
            and not record.silent_since
            and self._letting_go.of(lock) is None
            and self._faults.of(lock) is None
            and kind.source_error is None
            and not needs_attention(lock)
        )

    def _next_noon(self, now: datetime) -> datetime:
        zone = self._settings.zone
        return noon_of(night_of(now, zone) + _DAY, zone)

    def _marks_of_house(self) -> tuple[object, ...]:
        states = self._hass.states
        return (
            self._locks.household_revision,
            self._locks.past_revision,
            self._registered,
            self._faults.revision,
            self._hass.config.language,
            self._settings.zone,
            *(
                states.get(entity_id) if entity_id else None
                for entity_id in (
                    self._settings.gate_entity,
                    self._settings.hold_entity,
                )
            ),
        )

    def _marks(self, lock: ManagedLock, of_house: tuple[object, ...]) -> Marks:
        links = lock.links
        linked = (links.lock_entity, links.door_entity, links.battery_entity)
        entity_ids = (*filter(None, linked), *lock.kind.rests_on)
        return Marks(
            of_house,
            _of_lock(lock),
            entity_ids,
            tuple(map(self._hass.states.get, entity_ids)),
        )

    def _stands(
        self, marks: Marks, lock: ManagedLock, of_house: tuple[object, ...]
    ) -> bool:
        """Return whether all is the very same; nobody looks for what it is linked to.

        Each minute, for each lock: what it is linked to is new only with the house's
        registries, or with what the owner has set for it.
        """
        return (
            marks.of_house is of_house
            and _are_same(marks.of_lock, _of_lock(lock))
            and all(
                map(
                    is_,
                    marks.states,
                    map(self._hass.states.get, marks.entity_ids),
                    strict=True,
                )
            )
        )


def _of_lock(lock: ManagedLock) -> tuple[object, ...]:
    return lock.revision, lock.decisions, lock.release, lock.known, lock.rehearsal


def _are_same(before: tuple[object, ...], now: tuple[object, ...]) -> bool:
    """Return whether all are the very same objects, or numbers and texts as before."""
    return len(before) == len(now) and all(
        old is new or (isinstance(old, int | str) and old == new)
        for old, new in zip(before, now, strict=True)
    )


def _next_day(now: datetime) -> datetime:
    """Return when the next day begins in UTC, by which support ends."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + _DAY
