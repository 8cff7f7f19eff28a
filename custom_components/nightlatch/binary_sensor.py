"""Binary sensors: is a lock being updated, is something wrong with that, or a feed."""

from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
)
from homeassistant.const import STATE_ON, EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import FeedCoordinator
from .entity import (
    FeedEntity,
    LockEntity,
    async_add_feed_entities,
    async_add_lock_entities,
)
from .monitoring.being_updated import is_being_updated
from .monitoring.health import needs_attention
from .runtime import NightlatchConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the binary sensors of every lock and feed."""
    await async_add_lock_entities(
        entry,
        async_add_entities,
        lambda runtime, lock: [
            UpdateProblem(runtime, lock),
            BeingUpdated(runtime, lock),
        ],
    )
    async_add_feed_entities(entry, async_add_entities, lambda feed: [FeedTrouble(feed)])


class UpdateProblem(LockEntity, BinarySensorEntity):
    """On while a person should look at the lock."""

    _attr_device_class = BinarySensorDeviceClass.PROBLEM
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "update_problem"
    _key = "update_problem"

    @property
    @override
    def is_on(self) -> bool:
        """Return whether something is wrong."""
        return needs_attention(self._lock)


class BeingUpdated(LockEntity, BinarySensorEntity):
    """On while the lock may behave strangely because of an update."""

    _attr_device_class = BinarySensorDeviceClass.RUNNING
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "being_updated"
    _key = "being_updated"

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the lock, and how far an installation is."""
        await super().async_added_to_hass()
        self.async_on_remove(self._lock.async_subscribe_progress(self._progressed))

    @callback
    def _progressed(self) -> None:
        """Tell it once: there is a call for each percent."""
        shown = self.hass.states.get(self.entity_id)
        if shown is None or (shown.state == STATE_ON) is not self.is_on:
            self.async_write_ha_state()

    @property
    @override
    def is_on(self) -> bool:
        """Return whether it may behave strangely."""
        return is_being_updated(self._lock)


class FeedTrouble(FeedEntity, BinarySensorEntity):
    """On while the feed cannot be relied upon."""

    _attr_device_class = BinarySensorDeviceClass.PROBLEM
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "feed_trouble"

    def __init__(self, feed: FeedCoordinator) -> None:
        """Take the feed."""
        super().__init__(feed, "feed_trouble")

    @property
    @override
    def is_on(self) -> bool | None:
        """Return whether something is wrong; None before the first check is over."""
        if not self.coordinator.last_update_success or self.coordinator.trouble:
            return True
        return None if self.coordinator.data is None else False
