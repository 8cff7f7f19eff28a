"""The calendar: what was installed, and what will be."""

from datetime import datetime, timedelta
from typing import override

from homeassistant.components.calendar import CalendarEntity, CalendarEvent
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .core.moments import bounded, shifted
from .core.records.outcome_record import OutcomeRecord
from .core.schedule.plan import Plan
from .entity import LocksEntity
from .locks.lock import ManagedLock
from .locks.per_lock import PerLock
from .locks.registry import Changes
from .runtime import NightlatchConfigEntry, Runtime
from .translation import async_label

PARALLEL_UPDATES = 0

# A calendar shows nothing shorter.
_SHORTEST = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the household's calendar."""
    async_add_entities([InstallationCalendar(entry.runtime_data)])


class InstallationCalendar(LocksEntity, CalendarEntity):
    """Planned and past installations; read only."""

    _attr_translation_key = "installations"
    _key = "installations"
    _next: CalendarEvent | None = None

    def __init__(self, runtime: Runtime) -> None:
        """Take the household."""
        super().__init__(runtime)
        self._plans = PerLock(runtime.locks, runtime.faults, "calendar", self._plan_of)

    @override
    async def async_added_to_hass(self) -> None:
        """Know of the time too: what it has changed is shown with what is new next."""
        await super().async_added_to_hass()
        passed = self._plans.async_minute_passed
        self.async_on_remove(self.runtime.locks.async_on_minute(passed))

    @property
    @override
    def event(self) -> CalendarEvent | None:
        """Return what is planned next, as of the state that is written."""
        return self._next

    @callback
    @override
    def _look(self, news: Changes | None) -> None:
        """Take over what is planned next."""
        planned = self._planned(news)
        self._next = min(planned, key=lambda event: event.start, default=None)

    def _planned(self, news: Changes | None) -> list[CalendarEvent]:
        """Return what is planned, of each lock of which it can be said."""
        plans = self._plans.look(news)
        return [event for event in plans.values() if event is not None]

    def _plan_of(self, lock: ManagedLock) -> CalendarEvent | None:
        return _planned(lock, self.runtime.planner.plan(lock))

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        """Return what lies in a span of time, oldest first."""
        events = self._planned(None)
        for lock in tuple(self.runtime.locks.values()):
            with self.runtime.faults.apart("calendar_history", lock):
                for outcome in lock.record.history:
                    events.append(await _past(hass, lock, outcome))
        return sorted(
            (
                event
                for event in events
                if event.start_datetime_local < end_date
                and event.end_datetime_local > start_date
            ),
            key=lambda event: event.start_datetime_local,
        )


def _planned(lock: ManagedLock, plan: Plan) -> CalendarEvent | None:
    if plan.release is None or plan.starts_at is None:
        return None
    start = bounded(plan.starts_at)
    end = shifted(start, max(plan.expected, _SHORTEST))
    if plan.due_since is not None:
        # It may start at any moment. If it were said to start now, it would be said anew
        # each minute, and Home Assistant looks again at each start and end besides.
        start = bounded(plan.due_since)
        end = plan.window_end or _next_hour(end)
    return CalendarEvent(
        start=start,
        end=end,
        summary=f"{lock.name}: {plan.release.version.text}",
        uid=f"{lock.subentry_id}-planned",
    )


def _next_hour(moment: datetime) -> datetime:
    return shifted(moment.replace(minute=0, second=0, microsecond=0), _HOUR)


async def _past(
    hass: HomeAssistant, lock: ManagedLock, outcome: OutcomeRecord
) -> CalendarEvent:
    kind = await async_label(hass, "outcome", outcome.kind)
    return CalendarEvent(
        start=bounded(outcome.started),
        end=max(bounded(outcome.ended), shifted(outcome.started, _SHORTEST)),
        summary=f"{lock.name}: {outcome.to_version}, {kind}",
        description=outcome.message,
        uid=outcome.attempt,
    )
