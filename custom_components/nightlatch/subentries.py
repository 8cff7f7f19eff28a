"""Keeping the feeds and locks in step with the subentries of the config entry."""

import asyncio
from collections.abc import Mapping
import logging

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .adapters.audit_file import AuditFile
from .adapters.journal import JournalFile
from .adapters.storage import HouseholdStore, unsaved_for_now
from .const import DOMAIN, SUBENTRY_FEED, SUBENTRY_LOCK
from .coordinator import FeedCoordinator
from .core.installation.journal import JournalEntry
from .faults import Faults
from .household_settings import HouseholdSettings
from .indexes import PublicIndexes
from .install.installer import Installations
from .locks.lock import LockServices, ManagedLock
from .locks.registry import Changes, LockRegistry
from .members import Members
from .monitoring.letting_go import LettingGo
from .monitoring.reader import Reader
from .snapshots.snapshots import Snapshots
from .turns import FEW
from .vault.service import VaultService

_LOGGER = logging.getLogger(__name__)


class Subentries:
    """Takes the feeds and locks of the config entry, and lets them go.

    They come and go without a reload: what is gone is closed, what is new is announced
    to the platforms, and everything else is left alone.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        *,
        store: HouseholdStore,
        journal: JournalFile,
        audit: AuditFile,
        settings: HouseholdSettings,
        faults: Faults,
        feeds: Members[FeedCoordinator],
        locks: LockRegistry,
        lock_services: LockServices,
        vault_service: VaultService,
        snapshots: Snapshots,
        installations: Installations,
        reader: Reader,
        letting_go: LettingGo,
        indexes: PublicIndexes,
    ) -> None:
        """Take what looks after feeds and locks; ``async_sync`` takes these."""
        self._hass = hass
        self._entry = entry
        self._store = store
        self._journal = journal
        self._audit = audit
        self._settings = settings
        self._faults = faults
        self._feeds = feeds
        self._locks = locks
        self._lock_services = lock_services
        self._vault_service = vault_service
        self._snapshots = snapshots
        self._installations = installations
        self._reader = reader
        self._letting_go = letting_go
        self._indexes = indexes
        self._turn = asyncio.Lock()
        self._closed = False
        self._halts: Mapping[str, frozenset[tuple[str, str]]] = {}
        """What was halted when the locks chose last."""
        self._unsubscribe: dict[str, list[CALLBACK_TYPE]] = {}

    async def async_start(self, unfinished: JournalEntry | None) -> CALLBACK_TYPE:
        """Take all of them; return what ends following them.

        ``unfinished`` is what was cut off when Home Assistant stopped.
        """
        self._halts = self._store.trust.halts
        await self.async_sync()
        lock = self._locks.get(unfinished.lock_id) if unfinished is not None else None
        if lock is not None:
            lock.cut_off = unfinished
        return self._locks.async_subscribe(self._changed)

    async def async_end_unfinished(self, unfinished: JournalEntry) -> None:
        """Finish what was under way when Home Assistant stopped."""
        lock = self._locks.get(unfinished.lock_id)
        if lock is None:
            await self._async_forget_journal(unfinished.lock_id)
        else:
            lock.cut_off = None
            await self._installations.of(lock).async_go_on(unfinished)

    async def async_sync(self) -> None:
        """Bring everything in step with what the owner has set."""
        async with self._turn:
            if not self._closed:
                self._settings.async_configure()
                self._vault_service.async_configure(self._settings.vault)
                await self._async_sync()
                self._locks.async_changed(settings=True)
                self._indexes.async_look()

    async def _async_sync(self) -> None:
        subentries = self._entry.subentries
        for subentry_id in self._locks.keys() - subentries.keys():
            kind = self._locks[subentry_id].kind
            self._letting_go.async_end(self._locks[subentry_id])
            await self._async_drop_lock(subentry_id)
            self._locks.async_forget(subentry_id)
            self._faults.forget(subentry_id)
            await kind.async_removed()
            await self._async_forget_journal(subentry_id)
            with unsaved_for_now("That a lock was removed"):
                await self._store.async_remove_lock(subentry_id)
            await self._snapshots.async_forget(subentry_id)
        for subentry_id, feed in tuple(self._feeds.items()):
            subentry = subentries.get(subentry_id)
            if subentry is None:
                await self._async_drop_feed(subentry_id)
                await feed.feed.forget()
                self._store.async_note_reported(subentry_id, None)
                with unsaved_for_now("That a feed was removed"):
                    await self._store.async_saved()
            elif feed.source != dict(subentry.data):
                await feed.async_replace(subentry)
                self._check(feed)
        for subentry in subentries.values():
            if subentry.subentry_type == SUBENTRY_FEED:
                with self._faults.apart(f"setup of {subentry.title}"):
                    self._take_feed(subentry)
        taken = 0
        for subentry in subentries.values():
            if subentry.subentry_type == SUBENTRY_LOCK:
                with self._faults.apart(f"setup of {subentry.title}"):
                    self._take_lock(subentry)
                taken += 1
                if taken % FEW == 0:
                    # The house goes on meanwhile.
                    await asyncio.sleep(0)

    async def _async_forget_journal(self, lock_id: str) -> None:
        """Delete the journal of a lock that is gone; after a start it is tried again."""
        try:
            await self._journal.async_forget(lock_id=lock_id)
        except OSError as err:
            _LOGGER.warning("The journal of a removed lock was not deleted: %s", err)

    async def async_close(self) -> None:
        """Stop everything that they do, and wait for its end."""
        async with self._turn:
            self._closed = True
            self._locks.async_begin_closing()
            self._letting_go.async_close()
            for lock in tuple(self._locks.values()):
                with self._faults.apart("end", lock):
                    await self._async_drop_lock(lock.subentry_id)
            await self._vault_service.async_close()
            for subentry_id in self._feeds:
                await self._async_drop_feed(subentry_id)
            await self._store.async_close()
            # Last: what the others end with stands in it.
            await self._audit.async_close()
            self._locks.async_close()

    # Feeds.

    @callback
    def _take_feed(self, subentry: ConfigSubentry) -> None:
        if (known := self._feeds.get(subentry.subentry_id)) is not None:
            known.title = known.name = subentry.title
            if (device := self._device_of(known.subentry_id)) is not None:
                dr.async_get(self._hass).async_update_device(
                    device.id, name=known.title
                )
            return
        feed = FeedCoordinator(self._hass, self._entry, subentry, self._store)
        self._feeds.async_add(subentry.subentry_id, feed)
        self._unsubscribe[subentry.subentry_id] = [
            feed.async_add_listener(lambda: self._feed_checked(feed.subentry_id))
        ]
        self._feeds.async_tell_added(feed)
        self._check(feed)

    @callback
    def _check(self, feed: FeedCoordinator) -> None:
        """Ask a feed in the background: a slow one must not hold up the house."""
        self._entry.async_create_background_task(
            self._hass, feed.async_refresh(), f"check of feed {feed.title}"
        )

    @callback
    def _feed_checked(self, feed_id: str) -> None:
        """Let the locks of a feed choose anew; all of them where it halts other things.

        A maker's halt is one for a keeper's locks too, and for what was chosen out of the
        vault: they must not find out at the next check of their own feed.
        """
        before, self._halts = self._halts, self._store.trust.halts
        self._locks.async_select(feed_id if self._halts == before else None)
        self._locks.async_changed()

    async def _async_drop_feed(self, subentry_id: str) -> None:
        self._unsubscribe_from(subentry_id)
        await self._feeds.async_drop(subentry_id).async_shutdown()

    # Locks.

    @callback
    def _take_lock(self, subentry: ConfigSubentry) -> None:
        if (lock := self._locks.get(subentry.subentry_id)) is not None:
            lock.configure(subentry)
            lock.async_select()
            return
        lock = ManagedLock(self._lock_services, subentry)
        self._locks.async_add(subentry.subentry_id, lock)
        lock.async_select()
        self._locks.async_tell_added(lock)
        if not lock.to_be_asked:
            # It has just told what it runs, to the flow that has added it.
            self._entry.async_create_background_task(
                self._hass,
                lock.async_learn(lock.record.identity),
                f"record of {lock.name}",
            )
        self._unsubscribe[subentry.subentry_id] = [self._reader.async_watch(lock)]

    @callback
    def _changed(self, changes: Changes) -> None:
        """Tell the device registry what has become known of locks."""
        for lock_id in changes.locks:
            if (device := self._device_of(lock_id)) is not None:
                lock = self._locks[lock_id]
                dr.async_get(self._hass).async_update_device(
                    device.id,
                    name=lock.name,
                    model=lock.model_name,
                    sw_version=lock.record.identity.firmware_version,
                )

    async def _async_drop_lock(self, subentry_id: str) -> None:
        self._unsubscribe_from(subentry_id)
        lock = self._locks.async_drop(subentry_id)
        await self._installations.async_drop(lock)
        lock.is_closed = True

    # Both.

    def _device_of(self, subentry_id: str) -> dr.DeviceEntry | None:
        """Return the device of our own that a lock or a feed is, if it is one."""
        return dr.async_get(self._hass).async_get_device_by_identifier(
            (DOMAIN, subentry_id), self._entry.entry_id
        )

    @callback
    def _unsubscribe_from(self, subentry_id: str) -> None:
        for unsubscribe in self._unsubscribe.pop(subentry_id, []):
            unsubscribe()
