"""Noticing that another lock is behind the entities of one: what was decided ends."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from ..adapters.audit_file import AuditFile
from ..const import CONF_CONSENT, CONF_MODE
from ..core.guard.stranger import told_as
from ..core.schedule.policy import Mode
from ..faults import Faults
from ..following import ending_all
from ..household_settings import HouseholdSettings
from ..locks.lock import ManagedLock
from ..locks.registry import Changes, LockRegistry


class Replacements:
    """Ends what people have decided about a lock that is another one by now.

    Nothing is installed on it before a person has confirmed it: its plan says so.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        *,
        settings: HouseholdSettings,
        locks: LockRegistry,
        faults: Faults,
        audit: AuditFile,
    ) -> None:
        """Take the locks; ``async_start`` begins."""
        self._hass = hass
        self._entry = entry
        self._settings = settings
        self._locks = locks
        self._faults = faults
        self._audit = audit
        self._at_work: set[str] = set()

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Follow devices and locks from now on; return what ends that."""
        for lock_id in self._locks:
            self._look(lock_id)
        return ending_all(
            self._hass.bus.async_listen(
                dr.EVENT_DEVICE_REGISTRY_UPDATED, self._registry_changed
            ),
            self._locks.async_subscribe(self._changed),
        )

    @callback
    def _registry_changed(
        self, event: Event[dr.EventDeviceRegistryUpdatedData]
    ) -> None:
        if event.data["action"] != "update":
            return
        for lock in tuple(self._locks.values()):
            if lock.kind.device_id == event.data["device_id"]:
                with self._faults.apart("device", lock):
                    lock.async_changed()

    @callback
    def _changed(self, changes: Changes) -> None:
        for lock_id in changes.locks:
            self._look(lock_id)

    @callback
    def _look(self, lock_id: str) -> None:
        lock = self._locks[lock_id]
        with self._faults.apart("device", lock):
            if (
                lock.kind.stranger is not None
                and lock_id not in self._at_work
                and (lock.decided.holds_for_this_lock or lock.policy.consent)
            ):
                self._at_work.add(lock_id)
                self._entry.async_create_background_task(
                    self._hass, self._async_end(lock), f"another device: {lock.name}"
                )

    async def _async_end(self, lock: ManagedLock) -> None:
        """End what was decided about the lock that it was."""
        try:
            stranger = lock.kind.stranger
            if lock.policy.consent is not None:
                self._settings.async_set_lock_data(
                    lock.subentry_id, **{CONF_MODE: Mode.ASK, CONF_CONSENT: None}
                )
            await lock.decided.async_end_all()
            await self._audit.async_append(
                "other_device",
                lock=lock.subentry_id,
                was=told_as(lock.record.identity),
                now=told_as(stranger) if stranger else None,
            )
        finally:
            self._at_work.discard(lock.subentry_id)
