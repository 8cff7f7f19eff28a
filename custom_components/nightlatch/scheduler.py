"""What happens by itself: telling people in the evening, installing at night."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
import logging
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_utc_time_change

from .adapters.storage import unsaved_for_now
from .core.model import Origin
from .core.schedule.night import night_of, notice_of
from .core.schedule.plan import Plan
from .happenings import Happening
from .issues import async_sync_issues
from .locks import ManagedLock
from .situations import plan_of

if TYPE_CHECKING:
    from .household import Household

_LOGGER = logging.getLogger(__name__)

# What is planned for the day and the night after the notice is told in it.
_AHEAD = timedelta(hours=24)


class Scheduler:
    """Looks every minute whether there is something to tell or to start.

    Looking anew is what makes it right after a restart, a change of the clock, a door
    that was shut late, or an owner who changed the quiet hours: nothing was computed
    beforehand that could be wrong now.
    """

    def __init__(self, hass: HomeAssistant, household: Household) -> None:
        """Prepare; ``async_start`` begins."""
        self._hass = hass
        self._household = household
        self._looking = asyncio.Lock()

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Look every minute from now on; return what ends that."""
        return async_track_utc_time_change(self._hass, self.async_look, second=0)

    async def async_look(self, now: datetime) -> None:
        """Tell and start what is due."""
        if self._looking.locked() or not self._hass.is_running:
            return
        async with self._looking:
            await self._async_announce(now)
            await self._household.notices.async_tell_digest(now)
            self._start_due(now)
            for lock in self._household.locks.values():
                lock.kind.look(now)
            self._household.public_indexes.async_look()
            self._household.vault.upkeep.async_look(now)
            self._household.recovering.async_look()
            # What other integrations tell of a lock may have settled one.
            async_sync_issues(self._household)

    async def _async_announce(self, now: datetime) -> None:
        """Tell people once an evening what the night will bring."""
        household = self._household
        night = night_of(now, household.zone)
        notice = notice_of(night, household.policy.notice_at, household.zone)
        if now < notice or household.store.announced_night == night:
            return
        with unsaved_for_now("That the night was announced"):
            await household.store.async_set_announced(night)
        planned = self._planned(now, notice + _AHEAD)
        for lock, plan in planned:
            assert plan.release is not None
            assert plan.starts_at is not None
            await lock.async_note_announced(plan.release)
            lock.async_tell(
                Happening.ANNOUNCED,
                version=plan.release.version.text,
                installed_version=lock.record.identity.firmware_version,
                starts_at=plan.starts_at.isoformat(),
                minutes=str(-(-plan.expected.total_seconds() // 60)),
            )
        await household.notices.async_announce(planned)

    def _planned(
        self, now: datetime, until: datetime
    ) -> Sequence[tuple[ManagedLock, Plan]]:
        """Return what would be installed before a moment, one after the other."""
        plans = [
            (lock, plan, plan.starts_at)
            for lock in self._household.locks.values()
            if (plan := plan_of(lock, now, announced=True)).starts_at is not None
        ]
        planned: list[tuple[ManagedLock, Plan]] = []
        free_from = now
        for lock, plan, starts_at in sorted(
            plans, key=lambda each: (each[2], each[0].policy.importance)
        ):
            begins = max(starts_at, free_from)
            if begins < until:
                planned.append((lock, replace(plan, starts_at=begins)))
                free_from = begins + plan.expected
        return planned

    @callback
    def _start_due(self, now: datetime) -> None:
        for lock in self._household.locks.values():
            plan = plan_of(lock, now)
            if (
                plan.starts_at is not None
                and plan.starts_at <= now
                and plan.waiting is None
                and lock.installer.may_start_by_itself(now)
            ):
                self._household.async_create_task(
                    self._async_install(lock), f"installation on {lock.name}"
                )

    async def _async_install(self, lock: ManagedLock) -> None:
        asked_for = lock.decisions.scheduled_at is not None
        try:
            await lock.async_install(
                origin=Origin.PERSON if asked_for else Origin.SCHEDULE
            )
        except HomeAssistantError as err:
            # Everybody concerned has been told by the installation itself.
            _LOGGER.debug("%s: %s", lock.name, err)
