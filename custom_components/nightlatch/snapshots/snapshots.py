"""How locks were set before something was done to them, and what is different since.

Before an installation it is written down how a lock is set, as far as that can be seen.
Some minutes after a proven end it is looked at again, in the background: other
integrations find a lock again only after a while. What is different then waits for a
person, who restores it or keeps it.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
import logging
from uuid import uuid4

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.helpers.event import (
    async_track_state_change_event,
    async_track_time_interval,
)
from homeassistant.util import dt as dt_util

from ..adapters.asking import async_ask
from ..adapters.lock_settings import entity_of, read_settings
from ..adapters.snapshot_file import SnapshotFiles
from ..core.records.settings_record import SettingsRecord
from ..core.records.snapshot import (
    Difference,
    Occasion,
    Reading,
    Setting,
    Snapshot,
    compare,
    unseen,
)
from ..core.schedule.queue import Queue
from ..events import Happening
from ..issue import Issue
from ..locks.lock import ManagedLock
from ..locks.registry import LockRegistry
from ..texts.settings import told_difference, told_lines
from .restore import Restored, async_restore, check_free

_LOGGER = logging.getLogger(__name__)

# Seconds for which all that was known before must be known again, and stay the same.
SETTLED_AFTER = 45.0
COMPARE_WITHIN = 900.0
"""Seconds, after which what is still unknown counts as that."""
# Not everything tells when it changes.
_LOOK_AGAIN = timedelta(minutes=5)


class LockSnapshots:
    """The snapshots of one lock, and what has to be decided about them."""

    def __init__(
        self,
        lock: ManagedLock,
        files: SnapshotFiles,
        record: SettingsRecord,
        *,
        entry: ConfigEntry,
        queue: Queue,
    ) -> None:
        """Take what is kept of a lock; ``async_start`` goes on with it."""
        self._lock = lock
        self._entry = entry
        self._queue = queue
        self._files = files
        self._record = record
        self._writing = asyncio.Lock()
        self._comparing: asyncio.Task[None] | None = None
        self._restoring = False
        self._unwatch: list[CALLBACK_TYPE] = []

    @callback
    def async_start(self) -> None:
        """Go on with what was under way when Home Assistant stopped."""
        if self._record.pending is not None:
            self._compare_soon()
        self._watch()

    @callback
    def async_stop(self) -> None:
        """Look at nothing any more."""
        self._stop_comparing()
        self._stop_watching()

    # What is known.

    @property
    def all(self) -> tuple[Snapshot, ...]:
        """Return the snapshots, oldest first."""
        return self._record.snapshots

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Return what is not as it was, and what nobody has agreed to."""
        return self._record.differences

    @property
    def may_be_restored(self) -> bool:
        """Return whether anything of what is different can be set back at all."""
        return any(each.before.fixed is None for each in self.differences)

    @property
    def issue(self) -> Issue | None:
        """Return what a person has to decide, if anything."""
        if not self.differences:
            return None
        lock = self._lock
        return Issue(
            key="settings_differ",
            placeholders={"lock": lock.name, "changes": self.told},
            data={"settings_of": lock.subentry_id},
        )

    @property
    def told(self) -> str:
        """Return what is not as it was, in words."""
        hass = self._lock.hass
        return told_lines(
            hass, [told_difference(hass, each) for each in self.differences]
        )

    def find(self, snapshot_id: str | None) -> Snapshot:
        """Return a snapshot, the newest where none is named; raise what people are told."""
        snapshot = self._record.snapshot(snapshot_id)
        if snapshot is None:
            if snapshot_id is None:
                raise self._lock.error("snapshot_none")
            raise self._lock.error("snapshot_unknown", snapshot=snapshot_id[:40])
        return snapshot

    # Before and after an installation.

    async def async_remember(self, attempt: str) -> None:
        """Keep how the lock is set before an installation; once for each."""
        if self._record.taken_before(attempt) is not None:
            return
        if self._record.pending is not None:
            # It had no time to settle after the last one: what is seen counts.
            self._stop_comparing()
            self._record = self._record.compared(self.read(), settled=False)
        await self._async_take(attempt, Occasion.INSTALLATION)

    async def async_compare(self, attempt: str) -> None:
        """Look what an installation has changed, as soon as the lock has settled."""
        record = self._record.comparing(attempt)
        snapshot = record.to_compare
        if snapshot is None or all(each.value is None for each in snapshot.settings):
            return
        self._record = record
        await self._async_save()
        self._compare_soon()

    async def _async_take(self, attempt: str, occasion: Occasion) -> None:
        reading = self.read()
        self._record = self._record.remembering(
            Snapshot(
                id=uuid4().hex[:8],
                attempt=attempt,
                occasion=occasion,
                taken_at=dt_util.utcnow(),
                version=self._lock.record.identity.firmware_version,
                settings=reading.settings,
                left_out=reading.left_out,
                # Nothing is ever measured by how it was before a restore.
                compared=occasion is Occasion.RESTORE,
            )
        )
        await self._async_save()

    @callback
    def _compare_soon(self) -> None:
        self._stop_comparing()
        self._comparing = self._entry.async_create_background_task(
            self._lock.hass, self._async_compare(), f"settings of {self._lock.name}"
        )

    @callback
    def _stop_comparing(self) -> None:
        if self._comparing is not None:
            self._comparing.cancel()
            self._comparing = None

    async def _async_compare(self) -> None:
        snapshot = self._record.to_compare
        now = await self._async_settle(snapshot.settings if snapshot else ())
        before = {each.before.key for each in self.differences}
        self._comparing = None
        self._record = self._record.compared(now)
        await self._async_changed()
        if new := [each for each in self.differences if each.before.key not in before]:
            hass, lock = self._lock.hass, self._lock
            lock.async_tell(
                Happening.SETTINGS_DIFFER,
                version=lock.record.identity.firmware_version,
                message=told_lines(hass, [told_difference(hass, each) for each in new]),
            )

    async def _async_settle(self, before: Sequence[Setting]) -> Reading:
        """Wait until the lock is seen again as before, and return how it is set."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + COMPARE_WITHIN
        asked = False
        last: Reading | None = None
        while True:
            await asyncio.sleep(SETTLED_AFTER)
            if self._lock.progress is not None:
                last = None
                continue
            now, late = self.read(), loop.time() >= deadline
            if asked and (late or now == last):
                return now
            last = None
            if late or not unseen(before, now):
                if asked:
                    last = now
                else:
                    # Some show what they knew before the lock was restarted.
                    await async_ask(self._lock.hass, before)
                    asked = True

    # What a person decides.

    async def async_keep(self) -> None:
        """Agree to how the lock is set now."""
        self._record = self._record.kept()
        await self._async_changed()

    async def async_restore_differences(self) -> Restored:
        """Set back what is not as it was; raise what people are told."""
        return await self._async_follow([each.before for each in self.differences])

    async def async_restore(self, snapshot_id: str | None) -> Restored:
        """Set the lock back to a snapshot; raise what people are told."""
        snapshot = self.find(snapshot_id)
        return await self._async_follow(
            [each.before for each in compare(snapshot.settings, self.read())]
        )

    async def _async_follow(self, wanted: Sequence[Setting]) -> Restored:
        """Set back as a task of its own: it goes on when nobody waits any more."""
        lock = self._lock
        if self._restoring:
            raise lock.error("settings_busy")
        check_free(lock, self._queue)
        if not wanted:
            return Restored()
        self._restoring = True
        task = self._entry.async_create_background_task(
            lock.hass,
            self._async_restore(wanted),
            f"restoring the settings of {lock.name}",
        )
        # Where nobody waits any more, nobody has to be told what went wrong.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait((task,))
        if task.cancelled():
            raise lock.error("settings_interrupted")
        return task.result()

    async def _async_restore(self, wanted: Sequence[Setting]) -> Restored:
        try:
            await self._async_take(uuid4().hex, Occasion.RESTORE)
            restored = await async_restore(self._lock, self._queue, wanted, self.read)
            failed = {
                each.setting.key: (each.why_not, each.detail)
                for each in restored.not_set
            }
            self._record = self._record.looked_at(self.read()).tried(failed)
            await self._async_changed()
            return restored
        finally:
            self._restoring = False

    # Looking after what is different.

    def read(self) -> Reading:
        """Return how the lock is set now."""
        lock = self._lock
        anchors = [lock.links.lock_entity, lock.kind.anchor]
        return read_settings(lock.hass, filter(None, anchors))

    @callback
    def _watch(self) -> None:
        """Notice when somebody puts right what is different."""
        self._stop_watching()
        if not self.differences:
            return
        hass = self._lock.hass

        @callback
        def look(_: Event[EventStateChangedData] | datetime) -> None:
            self._entry.async_create_background_task(
                hass, self._async_look(), f"look at the settings of {self._lock.name}"
            )

        entity_ids = [
            entry.entity_id
            for each in self.differences
            if (entry := entity_of(hass, each.before.key)) is not None
        ]
        self._unwatch = [
            async_track_state_change_event(hass, entity_ids, look),
            async_track_time_interval(hass, look, _LOOK_AGAIN),
        ]

    @callback
    def _stop_watching(self) -> None:
        for each in self._unwatch:
            each()
        self._unwatch = []

    async def _async_look(self) -> None:
        if self._lock.progress is not None:
            return
        record = self._record.looked_at(self.read())
        if record != self._record:
            self._record = record
            await self._async_changed()

    async def _async_changed(self) -> None:
        """Write down what is different, and tell everybody who listens."""
        self._watch()
        self._lock.async_changed()
        await self._async_save()

    async def _async_save(self) -> None:
        """Write it down; a disk that refuses costs the comparison after a restart."""
        async with self._writing:
            try:
                await self._files.async_write(self._lock.subentry_id, self._record)
            except OSError as err:
                _LOGGER.warning(
                    "%s: how it is set could not be written down, so after a restart it"
                    " cannot be compared: %s",
                    self._lock.name,
                    err,
                )


class Snapshots:
    """The snapshots of all locks of the household."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        locks: LockRegistry,
        queue: Queue,
    ) -> None:
        """Prepare; ``async_start`` reads what is kept."""
        self._entry = entry
        self._registry = locks
        self._queue = queue
        self._files = SnapshotFiles(hass, entry.entry_id)
        self._records: dict[str, SettingsRecord] = {}
        self._locks: dict[str, LockSnapshots] = {}

    async def async_start(self) -> Callable[[], None]:
        """Read what is kept and go on with it; return what ends that."""
        self._records = await self._files.async_load()
        for lock_id in self._records.keys() - self._entry.subentries.keys():
            # It was removed while nobody was here.
            await self.async_forget(lock_id)
        self._registry.async_on_added(self._take)

        @callback
        def stop() -> None:
            for each in self._locks.values():
                each.async_stop()

        return stop

    def of(self, lock: ManagedLock) -> LockSnapshots:
        """Return the snapshots of a lock."""
        return self._locks[lock.subentry_id]

    async def async_forget(self, lock_id: str) -> None:
        """Forget a lock that was removed."""
        if (gone := self._locks.pop(lock_id, None)) is not None:
            gone.async_stop()
        try:
            await self._files.async_forget(lock_id)
        except OSError as err:
            _LOGGER.warning("How a removed lock was set was not deleted: %s", err)

    @callback
    def _take(self, lock: ManagedLock) -> None:
        snapshots = self._locks[lock.subentry_id] = LockSnapshots(
            lock,
            self._files,
            self._records.pop(lock.subentry_id, SettingsRecord()),
            entry=self._entry,
            queue=self._queue,
        )
        snapshots.async_start()
