"""The buttons that ask feed and lock at once, and that let go of it."""

from typing import override

from homeassistant.components.button import ButtonEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import LockEntity, async_add_lock_entities
from .locks.lock import ManagedLock
from .rights import Deed
from .runtime import NightlatchConfigEntry, Runtime

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the button of every lock."""
    await async_add_lock_entities(entry, async_add_entities, _buttons_of)


def _buttons_of(runtime: Runtime, lock: ManagedLock) -> list[LockEntity]:
    buttons: list[LockEntity] = [CheckNowButton(runtime, lock)]
    if lock.kind.bluetooth_address is not None:
        buttons.append(LetGoButton(runtime, lock))
    return buttons


class LetGoButton(LockEntity, ButtonEntity):
    """Lets the maker's app have the lock for a while."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "let_go"
    _key = "let_go"

    @override
    async def async_press(self) -> None:
        """Let go; a repair says what that came to, until when."""
        asked_by = self.asked_by
        await self.async_check_right(Deed.LET_GO, self._lock)
        await self.runtime.letting_go.async_let_go(self._lock, asked_by)


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
