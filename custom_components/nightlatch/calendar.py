"""The calendar: what was installed, and what will be."""

from datetime import datetime, timedelta
from typing import override

from homeassistant.components.calendar import CalendarEntity, CalendarEvent
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .core.records.outcome_record import OutcomeRecord
from .entity import HouseholdEntity
from .household import Household, NightlatchConfigEntry
from .locks import ManagedLock
from .release_notes import async_label

PARALLEL_UPDATES = 0

# A calendar shows nothing shorter.
_SHORTEST = timedelta(minutes=1)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the household's calendar."""
    async_add_entities([InstallationCalendar(entry.runtime_data)])


class InstallationCalendar(HouseholdEntity, CalendarEntity):
    """Planned and past installations; read only."""

    _attr_translation_key = "installations"

    def __init__(self, household: Household) -> None:
        """Take the household."""
        super().__init__(household, "installations")

    @property
    @override
    def event(self) -> CalendarEvent | None:
        """Return what is planned next."""
        planned = [
            event
            for lock in self._household.locks.values()
            if (event := _planned(lock))
        ]
        return min(planned, key=lambda event: event.start, default=None)

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        """Return what lies in a span of time, oldest first."""
        locks = self._household.locks.values()
        events = [planned for lock in locks if (planned := _planned(lock))]
        events += [
            await _past(hass, lock, outcome)
            for lock in locks
            for outcome in lock.record.history
        ]
        return sorted(
            (
                event
                for event in events
                if event.start_datetime_local < end_date
                and event.end_datetime_local > start_date
            ),
            key=lambda event: event.start_datetime_local,
        )


def _planned(lock: ManagedLock) -> CalendarEvent | None:
    plan = lock.plan
    if plan.release is None or plan.starts_at is None:
        return None
    now = dt_util.utcnow()
    start = plan.starts_at
    if start <= now:
        # It may start at any moment. If it were said to start now, it would start a
        # little later whenever Home Assistant looks, which looks again when it starts.
        start = now.replace(second=0, microsecond=0)
    return CalendarEvent(
        start=start,
        end=start + max(plan.expected, _SHORTEST),
        summary=f"{lock.name}: {plan.release.version.text}",
        uid=f"{lock.subentry_id}-planned",
    )


async def _past(
    hass: HomeAssistant, lock: ManagedLock, outcome: OutcomeRecord
) -> CalendarEvent:
    kind = await async_label(hass, "outcome", outcome.kind)
    return CalendarEvent(
        start=outcome.started,
        end=max(outcome.ended, outcome.started + _SHORTEST),
        summary=f"{lock.name}: {outcome.to_version}, {kind}",
        description=outcome.message,
        uid=outcome.attempt,
    )
