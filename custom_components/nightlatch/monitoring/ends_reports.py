"""Telling vendors how installations of their releases ended, where the owner wants that."""

from dataclasses import replace
from datetime import datetime, timedelta
import logging
import random

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..adapters.report_sender import async_send_report
from ..adapters.storage import HouseholdStore, unsaved_for_now
from ..coordinator import FeedCoordinator
from ..core.moments import shifted
from ..core.records.ends_report import Reported, report_of, to_tell
from ..core.records.outcome_record import OutcomeRecord
from ..core.schedule.night import night_of, noon_of
from ..household_settings import HouseholdSettings
from ..locks.registry import LockRegistry
from ..members import Members

_LOGGER = logging.getLogger(__name__)

# Not all homes at once, and no home always at the same hour.
_WITHIN = timedelta(hours=20)
# So far ahead of now nothing was told: the clock was wrong then.
_ASTRAY = timedelta(days=1)


class EndsReports:
    """At most one request a night for each feed, and none where nothing has ended."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        *,
        store: HouseholdStore,
        settings: HouseholdSettings,
        feeds: Members[FeedCoordinator],
        locks: LockRegistry,
    ) -> None:
        """Take whose ends are told, and to whom."""
        self._hass = hass
        self._entry = entry
        self._store = store
        self._settings = settings
        self._feeds = feeds
        self._locks = locks
        self._pause = random.random() * _WITHIN

    @callback
    def async_look(self, now: datetime) -> None:
        """Begin what is due; nobody waits for it."""
        night = night_of(now, self._settings.zone)
        for feed_id in self._store.reported_feeds - self._feeds.keys():
            self._keep(feed_id, None)
        for feed in self._feeds.values():
            known = self._store.reported(feed.subentry_id)
            if not feed.may_report:
                if known is not None:
                    self._keep(feed.subentry_id, None)
                continue
            if (address := feed.reports_to) is None:
                continue
            if known is None or known.address != address:
                # Only what ends from now on: nobody has agreed to more.
                self._keep(feed.subentry_id, Reported(address=address, until=now))
                continue
            if known.until > now + _ASTRAY:
                self._keep(feed.subentry_id, replace(known, until=now))
                continue
            due = shifted(noon_of(night, self._settings.zone), self._pause)
            if known.night == night or now < due:
                continue
            ends = self._ends(feed, known.until, now)
            if not ends:
                continue
            # Before it is sent: whatever comes of it, it is one request a night.
            until = max(end.ended for end in ends)
            tried = known.tried(night, until, taken=False)
            self._store.async_note_reported(feed.subentry_id, tried)
            self._entry.async_create_background_task(
                self._hass,
                self._async_send(
                    feed, ends, tried, known.tried(night, until, taken=True)
                ),
                f"report to {feed.title}",
            )
            self._pause = random.random() * _WITHIN

    def _ends(
        self, feed: FeedCoordinator, after: datetime, now: datetime
    ) -> list[OutcomeRecord]:
        releases = {each.key for each in feed.data.releases} if feed.data else set()
        return [
            end
            for lock in self._locks.values()
            if lock.feed_id == feed.subentry_id
            for end in to_tell(lock.record.history, releases, after=after, now=now)
        ]

    async def _async_send(
        self,
        feed: FeedCoordinator,
        ends: list[OutcomeRecord],
        tried: Reported,
        taken: Reported,
    ) -> None:
        try:
            await self._store.async_saved()
        except OSError as err:
            # After each restart it would be sent once more.
            _LOGGER.debug("%s is told nothing tonight: %s", feed.title, err)
            return
        problem = await async_send_report(self._hass, tried.address, report_of(ends))
        if problem is None:
            # Unless the owner has said no meanwhile, or has agreed to another address.
            if self._store.reported(feed.subentry_id) == tried:
                self._store.async_note_reported(feed.subentry_id, taken)
            _LOGGER.info(
                "%s was told how %s installations ended", feed.title, len(ends)
            )
        else:
            _LOGGER.info(
                "%s was not told how %s installations ended: %s",
                feed.title,
                len(ends),
                problem,
            )
        with unsaved_for_now("What a vendor was told"):
            await self._store.async_saved()

    @callback
    def _keep(self, feed_id: str, reported: Reported | None) -> None:
        self._store.async_note_reported(feed_id, reported)

        async def save() -> None:
            with unsaved_for_now("What a vendor was told"):
                await self._store.async_saved()

        self._entry.async_create_background_task(
            self._hass, save(), f"what {feed_id} was told"
        )
