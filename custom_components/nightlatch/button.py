"""The button that asks feed and lock at once."""

from typing import override

from homeassistant.components.button import ButtonEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import LockEntity, async_add_lock_entities
from .rights import Deed
from .runtime import NightlatchConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the button of every lock."""
    await async_add_lock_entities(
        entry, async_add_entities, lambda runtime, lock: [CheckNowButton(runtime, lock)]
    )


class CheckNowButton(LockEntity, ButtonEntity):
    """Asks the feed what is on offer, and the lock what it runs."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "check_now"
    _key = "check_now"

    @override
    async def async_press(self) -> None:
        """Ask both; a person who asks is told what went wrong."""
        await self.async_check_right(Deed.CHECK, self._lock)
        await self.runtime.reader.async_check_now(self._lock)
