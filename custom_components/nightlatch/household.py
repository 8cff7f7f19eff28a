"""The household: owns the feeds and the locks, and keeps them in step with the entry."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, tzinfo
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util

from .adapters.bluetooth import HomeAssistantRadio
from .adapters.journal import JournalFile
from .adapters.storage import HouseholdStore, unsaved_for_now
from .auditing import Auditing
from .const import (
    DOMAIN,
    EVENT_NIGHTLATCH,
    IDENTITY_INTERVAL,
    SUBENTRY_FEED,
    SUBENTRY_LOCK,
)
from .coordinator import FeedCoordinator
from .core.errors import NightlatchError
from .core.installation.journal import JournalEntry
from .core.schedule.queue import Queue
from .core.vendor_facts import Fact, VendorFacts, facts_for, read_facts
from .discovering import Discovering
from .faults import Faults
from .following import async_follow
from .happenings import Happening
from .issues import async_sync_issues
from .locks import ManagedLock
from .notices import Notices
from .public_indexes import PublicIndexes
from .recovering import Recovering
from .scheduler import Scheduler
from .settings import parse_gate, parse_household_policy, parse_indexes, parse_people
from .snapshots import Snapshots
from .vaulting import HouseholdVault

_LOGGER = logging.getLogger(__name__)

# Seconds. "Update all" asks for one lock after the other, in whatever order.
GATHERING = 0.1

type NightlatchConfigEntry = ConfigEntry[Household]

type HouseholdHappeningCallback = Callable[
    [ManagedLock, Happening, dict[str, str]], None
]


@callback
def async_get_household(hass: HomeAssistant) -> Household | None:
    """Return what runs; None while Nightlatch is not loaded. There is one at most."""
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        household: Household = entry.runtime_data
        return household
    return None


class Household:
    """All feeds and locks of the config entry.

    Subentries come and go without a reload: what is gone is closed, what is new is
    announced to the platforms, and everything else is left alone.
    """

    def __init__(self, hass: HomeAssistant, entry: NightlatchConfigEntry) -> None:
        """Prepare the household; ``async_start`` brings it to life."""
        self.hass = hass
        self.entry = entry
        self.store = HouseholdStore(hass, entry.entry_id)
        self.store.async_on_problem(self.async_changed)
        self.journal = JournalFile(hass, entry.entry_id)
        self.radio = HomeAssistantRadio(hass)
        self.faults = Faults()
        self._facts: tuple[Fact, ...] = ()
        self.queue = Queue(GATHERING)
        self.scheduler = Scheduler(hass, self)
        self.notices = Notices(hass, self)
        self.public_indexes = PublicIndexes(self)
        self.recovering = Recovering(self)
        self.snapshots = Snapshots(self)
        self.audit = Auditing(hass, self)
        self.vault = HouseholdVault(hass, self)
        self.unfinished: JournalEntry | None = None
        """What was cut off when Home Assistant stopped, until it is gone on with."""
        self.feeds: dict[str, FeedCoordinator] = {}
        self.locks: dict[str, ManagedLock] = {}
        self._configure()
        self._changed: set[Callable[[], None]] = set()
        self._happened: set[HouseholdHappeningCallback] = set()
        self._sync_lock = asyncio.Lock()
        self._closed = False
        self._unsubscribe: dict[str, list[CALLBACK_TYPE]] = {}
        self._feed_added: list[Callable[[FeedCoordinator], None]] = []
        self._lock_added: list[Callable[[ManagedLock], None]] = []

    @callback
    def _configure(self) -> None:
        """Take over what the owner has set for all locks."""
        self.policy = parse_household_policy(self.entry.options)
        self.people = parse_people(self.entry.options)
        self.indexes = parse_indexes(self.entry.options)
        self.gate_entity = parse_gate(self.entry.options)

    @callback
    def async_set_option(self, key: str, value: Any) -> None:
        """Change one of the options, as the options flow does."""
        self.hass.config_entries.async_update_entry(
            self.entry, options={**self.entry.options, key: value}
        )

    @callback
    def async_set_lock_data(self, lock: ManagedLock, **data: Any) -> None:
        """Change what the owner has set for a lock, as its flow does; None removes."""
        subentry = self.entry.subentries[lock.subentry_id]
        merged = {**subentry.data, **data}
        self.hass.config_entries.async_update_subentry(
            self.entry,
            subentry,
            data={key: value for key, value in merged.items() if value is not None},
        )

    def facts_of(self, lock: ManagedLock) -> VendorFacts:
        """Return what the maker of a lock says of its updates."""
        identity = lock.record.identity
        return facts_for(
            self._facts,
            identity.manufacturer,
            (identity.model, *lock.kind.other_names),
            lock.kind.integration,
        )

    async def async_audit(self, event: str, **details: Any) -> None:
        """Write into the audit log what was decided or done; raises nothing.

        Users are named by their ids, locks by their subentries'; no secrets.
        """
        await self.audit.async_append(event, **details)

    @property
    def zone(self) -> tzinfo:
        """The time zone of the house."""
        return dt_util.get_default_time_zone()

    async def async_start(self) -> None:
        """Load what is kept and take over all subentries; raise ``ValueError``."""
        await self.store.async_load(expected=bool(self.entry.subentries))
        self.unfinished = unfinished = await self.journal.async_load()
        self._facts = await self.hass.async_add_executor_job(read_facts)
        await self.audit.async_start()
        await self.vault.async_start()
        self.entry.async_on_unload(await self.snapshots.async_start())
        await self.async_sync()
        for unsubscribe in (
            async_track_time_interval(self.hass, self._read_all, IDENTITY_INTERVAL),
            self.scheduler.async_start(),
            self.notices.async_start(),
            async_follow(self),
            Discovering(self).async_start(),
        ):
            self.entry.async_on_unload(unsubscribe)
        if unfinished is not None:

            @callback
            def go_on(_: HomeAssistant) -> None:
                self._async_go_on(unfinished)

            self.entry.async_on_unload(async_at_started(self.hass, go_on))

        @callback
        def recover(_: HomeAssistant) -> None:
            self.entry.async_on_unload(self.recovering.async_start())

        # After what was under way: its journal must not be written over.
        self.entry.async_on_unload(async_at_started(self.hass, recover))

    @callback
    def _async_go_on(self, unfinished: JournalEntry) -> None:
        """Finish what was under way when Home Assistant stopped."""
        self.async_create_task(
            self._async_end(unfinished),
            f"end of the installation on {unfinished.name}",
        )

    async def _async_end(self, unfinished: JournalEntry) -> None:
        # What was being installed may be kept there.
        await self.vault.async_opened()
        self.unfinished = None
        lock = self.locks.get(unfinished.lock_id)
        if lock is None:
            await self._async_forget_journal(unfinished.lock_id)
        else:
            await lock.installer.async_go_on(unfinished)

    async def async_sync(self) -> None:
        """Bring everything in step with what the owner has set."""
        async with self._sync_lock:
            if not self._closed:
                self._configure()
                self.vault.async_configure()
                await self._async_sync()
                self.async_changed()
                self.public_indexes.async_look()

    async def _async_sync(self) -> None:
        subentries = self.entry.subentries
        for subentry_id in self.locks.keys() - subentries.keys():
            kind = self.locks[subentry_id].kind
            await self._async_drop_lock(subentry_id)
            self.faults.forget(subentry_id)
            await kind.async_removed()
            await self._async_forget_journal(subentry_id)
            with unsaved_for_now("That a lock was removed"):
                await self.store.async_remove_lock(subentry_id)
            await self.snapshots.async_forget(subentry_id)
        for subentry_id, feed in tuple(self.feeds.items()):
            subentry = subentries.get(subentry_id)
            if subentry is None:
                await self._async_drop_feed(subentry_id)
                await feed.feed.forget()
            elif feed.source != dict(subentry.data):
                await feed.async_replace(subentry)
                self._check(feed)
        for subentry in subentries.values():
            if subentry.subentry_type == SUBENTRY_FEED:
                with self.faults.apart(f"setup of {subentry.title}"):
                    self._take_feed(subentry)
        for subentry in subentries.values():
            if subentry.subentry_type == SUBENTRY_LOCK:
                with self.faults.apart(f"setup of {subentry.title}"):
                    self._take_lock(subentry)

    async def _async_forget_journal(self, lock_id: str) -> None:
        """Delete the journal of a lock that is gone; after a start it is tried again."""
        try:
            await self.journal.async_forget(lock_id=lock_id)
        except OSError as err:
            _LOGGER.warning("The journal of a removed lock was not deleted: %s", err)

    async def async_close(self) -> None:
        """Stop everything and wait for its end."""
        async with self._sync_lock:
            self._closed = True
            for lock in tuple(self.locks.values()):
                with self.faults.apart("end", lock):
                    await self._async_drop_lock(lock.subentry_id)
            await self.vault.async_close()
            for subentry_id in tuple(self.feeds):
                await self._async_drop_feed(subentry_id)
            await self.store.async_close()

    @callback
    def async_create_task[ResultT](
        self, coroutine: Coroutine[Any, Any, ResultT], name: str
    ) -> asyncio.Task[ResultT]:
        """Run something that must not outlive the entry."""
        return self.entry.async_create_background_task(self.hass, coroutine, name)

    @callback
    def async_on_feed(self, added: Callable[[FeedCoordinator], None]) -> None:
        """Call for every feed there is, and for each that is added."""
        for feed in self.feeds.values():
            added(feed)
        self._feed_added.append(added)

    @callback
    def async_on_lock(self, added: Callable[[ManagedLock], None]) -> None:
        """Call for every lock there is, and for each that is added."""
        for lock in self.locks.values():
            added(lock)
        self._lock_added.append(added)

    # What others listen to.

    @callback
    def async_subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call back whenever the settings have changed, or what is planned."""
        self._changed.add(changed)
        return lambda: self._changed.discard(changed)

    @callback
    def async_changed(self) -> None:
        """Tell everybody who listens that something about the household is new."""
        with self.faults.apart("repairs"):
            async_sync_issues(self)
        self.faults.call_each("listeners", self._changed)

    @callback
    def async_on_happening(
        self, happened: HouseholdHappeningCallback
    ) -> Callable[[], None]:
        """Call back whenever something has happened to any lock."""
        self._happened.add(happened)
        return lambda: self._happened.discard(happened)

    @callback
    def async_happened(
        self, lock: ManagedLock, happening: Happening, details: dict[str, str]
    ) -> None:
        """Tell everybody, in the house and on the bus, what has happened to a lock."""
        self.faults.call_each(
            "notices", self._happened, lock, happening, details, lock=lock
        )
        self.hass.bus.async_fire(
            EVENT_NIGHTLATCH,
            {
                "type": str(happening),
                "device_id": lock.device_id,
                "entity_id": lock.update_entity_id,
                "name": lock.name,
                **details,
            },
        )

    @callback
    def _take_feed(self, subentry: ConfigSubentry) -> None:
        if (known := self.feeds.get(subentry.subentry_id)) is not None:
            known.title = known.name = subentry.title
            self._update_device(known.subentry_id, known.title)
            return
        feed = FeedCoordinator(self.hass, self.entry, subentry, self.store)
        self.feeds[subentry.subentry_id] = feed
        self._unsubscribe[subentry.subentry_id] = [
            feed.async_add_listener(lambda: self._feed_checked(feed.subentry_id))
        ]
        for added in self._feed_added:
            added(feed)
        self._check(feed)

    @callback
    def _check(self, feed: FeedCoordinator) -> None:
        """Ask a feed in the background: a slow one must not hold up the house."""
        self.async_create_task(feed.async_refresh(), f"check of feed {feed.title}")

    @callback
    def _feed_checked(self, feed_id: str) -> None:
        for lock in self.locks.values():
            if lock.feed_id == feed_id:
                with self.faults.apart("selection", lock):
                    lock.async_select()
        self.async_changed()

    @callback
    def _take_lock(self, subentry: ConfigSubentry) -> None:
        if (lock := self.locks.get(subentry.subentry_id)) is not None:
            lock.configure(subentry)
            lock.async_select()
            return
        lock = ManagedLock(self.hass, self, subentry)
        self.locks[subentry.subentry_id] = lock
        lock.async_select()
        for added in self._lock_added:
            added(lock)
        if not lock.to_be_asked:
            # It has just told what it runs, to the flow that has added it.
            self.async_create_task(
                lock.async_learn(lock.record.identity), f"record of {lock.name}"
            )
        self._unsubscribe[subentry.subentry_id] = [
            lock.kind.watch(),
            lock.async_subscribe(lambda: self._lock_changed(lock)),
        ]

    @callback
    def _lock_changed(self, lock: ManagedLock) -> None:
        self._update_device(lock.subentry_id, lock.name)
        self.async_changed()

    @callback
    def _update_device(self, subentry_id: str, name: str) -> None:
        """Tell the device registry what has become known of a lock or a feed."""
        registry = dr.async_get(self.hass)
        device = registry.async_get_device_by_identifier(
            (DOMAIN, subentry_id), self.entry.entry_id
        )
        if device is None:
            return
        registry.async_update_device(device.id, name=name)
        if (lock := self.locks.get(subentry_id)) is not None:
            registry.async_update_device(
                device.id,
                model=lock.model_name,
                sw_version=lock.record.identity.firmware_version,
            )

    async def _async_drop_lock(self, subentry_id: str) -> None:
        self._unsubscribe_from(subentry_id)
        await self.locks.pop(subentry_id).async_close()

    async def _async_drop_feed(self, subentry_id: str) -> None:
        self._unsubscribe_from(subentry_id)
        await self.feeds.pop(subentry_id).async_shutdown()

    @callback
    def _unsubscribe_from(self, subentry_id: str) -> None:
        for unsubscribe in self._unsubscribe.pop(subentry_id, []):
            unsubscribe()

    @callback
    def _read_all(self, _: datetime) -> None:
        """Ask every lock once a day what it runs."""
        for lock in self.locks.values():
            self.async_create_task(self.async_read(lock), f"reading of {lock.name}")

    async def async_read(self, lock: ManagedLock) -> None:
        """Ask a lock what it runs; one that does not answer is asked another time."""
        with self.faults.apart("reading", lock):
            try:
                await lock.async_read()
            except NightlatchError as err:
                _LOGGER.debug("%s did not say what it runs: %s", lock.name, err)
