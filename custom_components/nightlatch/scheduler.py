"""What happens by itself: telling people in the evening, installing at night."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
import logging

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_utc_time_change
from homeassistant.util import dt as dt_util

from .adapters.believed_clock import BelievedClock
from .adapters.situation import is_started
from .adapters.storage import HouseholdStore, unsaved_for_now
from .coordinator import FeedCoordinator
from .core.model import Origin, Release
from .core.moments import ClockWatch, shifted
from .core.schedule.duration import most_minutes
from .core.schedule.night import night_of, notice_of
from .core.schedule.plan import Plan
from .events import Happening
from .faults import Faults
from .following import ending_all
from .household_settings import HouseholdSettings
from .indexes import PublicIndexes
from .install.installer import Installations
from .install.recovery import Recovering
from .issues.issues import Issues
from .locks.lock import ManagedLock
from .locks.registry import LockRegistry
from .members import Members
from .monitoring.ends_reports import EndsReports
from .monitoring.presence import note_presence
from .monitoring.reach import ReachLog
from .monitoring.rest import Marks, Rests
from .monitoring.weekly import WeeklyAssessment
from .notifications.notices import Notices
from .planning.planner import Planner
from .turns import few_a_turn
from .vault.audit_retention import AuditRetention
from .vault.upkeep import VaultUpkeep

_LOGGER = logging.getLogger(__name__)

# What is planned for the day and the night after the notice is told in it.
_AHEAD = timedelta(hours=24)


class Scheduler:
    """Looks every minute whether there is something to tell or to start.

    Looking anew is what makes it right after a restart, a change of the clock, a door
    that was shut late, or an owner who changed the quiet hours: nothing was computed
    beforehand that could be wrong now.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        *,
        store: HouseholdStore,
        settings: HouseholdSettings,
        feeds: Members[FeedCoordinator],
        locks: LockRegistry,
        faults: Faults,
        planner: Planner,
        installations: Installations,
        notices: Notices,
        indexes: PublicIndexes,
        upkeep: VaultUpkeep,
        audit_retention: AuditRetention,
        believed_clock: BelievedClock,
        recovering: Recovering,
        issues: Issues,
        weekly: WeeklyAssessment,
        rests: Rests,
        ends_reports: EndsReports,
    ) -> None:
        """Take everybody who does something by itself; ``async_start`` begins."""
        self._hass = hass
        self._entry = entry
        self._store = store
        self._settings = settings
        self._feeds = feeds
        self._locks = locks
        self._faults = faults
        self._planner = planner
        self._installations = installations
        self._notices = notices
        self._indexes = indexes
        self._upkeep = upkeep
        self._audit_retention = audit_retention
        self._believed_clock = believed_clock
        self._recovering = recovering
        self._issues = issues
        self._reach = ReachLog()
        self._weekly = weekly
        self.rests = rests
        self._ends_reports = ends_reports
        self._looking = asyncio.Lock()
        self._clock = ClockWatch(dt_util.utcnow(), hass.loop.time())

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Look every minute from now on; return what ends that."""
        return ending_all(
            self.rests.async_start(),
            async_track_utc_time_change(self._hass, self.async_look, second=0),
        )

    async def async_look(self, now: datetime) -> None:
        """Tell and start what is due."""
        if self._looking.locked() or not is_started(self._hass):
            return
        async with self._looking:
            await self._async_look(now)

    async def _async_look(self, now: datetime) -> None:
        """Do each step, and each lock, apart: what fails stops nothing else."""
        settings, apart = self._settings, self._faults.apart
        if self._clock.was_put_ahead(now, self._hass.loop.time()):
            for feed in self._feeds.values():
                feed.async_clock_put_right()
        with apart("clock"):
            await self._believed_clock.async_look(now)
        disturbed = self.rests.async_disturbed(now)
        noted: list[ManagedLock] = []
        async for lock, _ in _with_pauses(self._locks, disturbed):
            with apart("clock", lock):
                if lock.put_right(now):
                    noted.append(lock)
            with apart("presence", lock):
                if note_presence(lock, now):
                    noted.append(lock)
                self._reach.look(lock)
        # In one write, however many locks it is about.
        await asyncio.gather(*map(self._async_keep, dict.fromkeys(noted)))
        night = night_of(now, settings.zone)
        notice = notice_of(night, settings.policy.notice_at, settings.zone)
        if now >= notice and self._store.announced_night != night:
            with apart("evening_notice"):
                with unsaved_for_now("That the night was announced"):
                    await self._store.async_set_announced(night)
                await self._async_announce(self._planned(now, shifted(notice, _AHEAD)))
        with apart("weekly"):
            await self._weekly.async_look(now)
        with apart("digest"):
            await self._notices.async_tell_digest(now)
        if self._locks.is_closing:
            return
        async for lock, _ in _with_pauses(self._locks, disturbed):
            self._start_due(lock, now)
            with apart("look", lock):
                lock.kind.look(now)
        with apart("reports"):
            self._ends_reports.async_look(now)
        with apart("public_indexes"):
            self._indexes.async_look()
        with apart("vault"):
            self._upkeep.async_look(now)
        with apart("audit_log"):
            await self._audit_retention.async_look(now)
        if self._locks.is_closing:
            return
        with apart("recovery"):
            self._recovering.async_look()
        with apart("repairs"):
            # What other integrations tell of a lock may have settled one.
            self._issues.async_sync_household()
        async for lock, marks in _with_pauses(self._locks, disturbed):
            self._issues.async_sync_lock(lock)
            lock.async_minute_passed()
            with apart("rest", lock):
                self.rests.async_looked_at(lock, marks, now)
        self._locks.async_minute(frozenset(lock.subentry_id for lock, _ in disturbed))

    async def _async_keep(self, lock: ManagedLock) -> None:
        with self._faults.apart("record", lock):
            await lock.async_keep_gathered()

    async def _async_announce(
        self, planned: Sequence[tuple[ManagedLock, Plan]]
    ) -> None:
        """Tell people once an evening what the night will bring."""
        # What people could not be told of is not installed.
        told = await self._notices.async_announce(planned)
        # Of a whole night at once: it is written together.
        await asyncio.gather(
            *(self._async_note_announced(lock, plan) for lock, plan in told)
        )

    async def _async_note_announced(self, lock: ManagedLock, plan: Plan) -> None:
        with self._faults.apart("evening_notice", lock):
            assert plan.release is not None
            assert plan.starts_at is not None
            await lock.decided.async_note_announced(plan.release)
            self._tell_announced(lock, plan, plan.release, plan.starts_at)

    @callback
    def _tell_announced(
        self, lock: ManagedLock, plan: Plan, release: Release, starts_at: datetime
    ) -> None:
        lock.async_tell(
            Happening.ANNOUNCED,
            version=release.version.text,
            installed_version=lock.record.identity.firmware_version,
            starts_at=starts_at.isoformat(),
            minutes=str(most_minutes(plan.expected)),
        )

    def _planned(
        self, now: datetime, until: datetime
    ) -> Sequence[tuple[ManagedLock, Plan]]:
        """Return what would be installed before a moment, one after the other."""
        plans: list[tuple[ManagedLock, Plan, datetime]] = []
        for lock in self._locks.values():
            with self._faults.apart("plan", lock):
                plan = self._planner.plan_at(lock, now, announced=True)
                if plan.starts_at is not None:
                    plans.append((lock, plan, plan.starts_at))
        planned: list[tuple[ManagedLock, Plan]] = []
        free_from = now
        for lock, plan, starts_at in sorted(plans, key=_turn):
            begins = max(starts_at, free_from)
            if begins < until:
                # Its own hour is what people are told, and after whom: what comes before
                # it may take less time than is expected, or not be done at all.
                planned.append((lock, plan))
                free_from = shifted(begins, plan.expected)
        return planned

    @callback
    def _start_due(self, lock: ManagedLock, now: datetime) -> None:
        with self._faults.apart("plan", lock):
            plan = self._planner.plan_at(lock, now)
            if (
                plan.starts_at is not None
                and plan.starts_at <= now
                and plan.waiting is None
                and self._installations.of(lock).may_start_by_itself(now)
            ):
                self._entry.async_create_background_task(
                    self._hass,
                    self._async_install(lock),
                    f"installation on {lock.name}",
                )

    async def _async_install(self, lock: ManagedLock) -> None:
        release = lock.release
        asked_for = (
            release is not None and lock.decisions.chosen_time(release.key) is not None
        )
        with self._faults.apart("installation", lock):
            try:
                await self._installations.of(lock).async_install(
                    Origin.PERSON if asked_for else Origin.SCHEDULE
                )
            except HomeAssistantError as err:
                # Everybody concerned has been told by the installation itself.
                _LOGGER.debug("%s: %s", lock.name, err)


async def _with_pauses(
    locks: LockRegistry, disturbed: Sequence[tuple[ManagedLock, Marks]]
) -> AsyncIterator[tuple[ManagedLock, Marks]]:
    """Return locks, those that are still there, a few in each turn of the loop."""
    async for lock, marks in few_a_turn(disturbed):
        if locks.get(lock.subentry_id) is lock and not locks.is_closing:
            yield lock, marks


def _turn(planned: tuple[ManagedLock, Plan, datetime]) -> tuple[datetime, bool, int]:
    """Return what orders a night, as the queue will."""
    lock, _, starts_at = planned
    return starts_at, not lock.offer_closes_hole, lock.policy.importance
