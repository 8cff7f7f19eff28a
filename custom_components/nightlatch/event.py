"""The event entity of a lock: what has happened to it."""

from typing import override

from homeassistant.components.event import EventEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import LockEntity, async_add_lock_entities
from .events import Happening
from .locks.lock import ManagedLock
from .runtime import NightlatchConfigEntry, Runtime

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the event entity of every lock."""
    await async_add_lock_entities(
        entry, async_add_entities, lambda runtime, lock: [FirmwareEvent(runtime, lock)]
    )


class FirmwareEvent(LockEntity, EventEntity):
    """What has happened to the firmware of a lock."""

    _attr_translation_key = "firmware"
    _attr_event_types = list(Happening)

    def __init__(self, runtime: Runtime, lock: ManagedLock) -> None:
        """Take the lock."""
        super().__init__(runtime, lock, "event")

    @override
    async def async_added_to_hass(self) -> None:
        """Follow what happens to the lock."""
        await super().async_added_to_hass()
        self.async_on_remove(self._lock.async_subscribe_happenings(self._happened))

    @callback
    def _happened(self, happening: Happening, details: dict[str, str]) -> None:
        self._trigger_event(happening, details)
        self.async_write_ha_state()
