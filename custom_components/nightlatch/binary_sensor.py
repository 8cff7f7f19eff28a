"""Binary sensors: is something wrong with a lock's updates, or with a feed."""

from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import FeedCoordinator
from .entity import (
    FeedEntity,
    LockEntity,
    async_add_feed_entities,
    async_add_lock_entities,
)
from .monitoring.health import needs_attention
from .runtime import NightlatchConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the binary sensors of every lock and feed."""
    async_add_lock_entities(
        entry, async_add_entities, lambda runtime, lock: [UpdateProblem(runtime, lock)]
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
