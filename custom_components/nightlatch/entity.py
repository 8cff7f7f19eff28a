"""What all entities of Nightlatch have in common."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, override

from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import (
    AddConfigEntryEntitiesCallback,
    async_get_platforms,
)
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN
from .coordinator import FeedCoordinator
from .locks.lock import ManagedLock
from .locks.registry import Changes
from .redraw import Redraw, pause_for
from .rights import Deed, async_check_right
from .runtime import NightlatchConfigEntry, Runtime

_REMOVED_IN_A_TURN: Final = 32


async def async_add_lock_entities(
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    entities_of: Callable[[Runtime, ManagedLock], Iterable[Entity]],
) -> None:
    """Add the entities of every lock, also of those that come later."""
    runtime = entry.runtime_data

    def add(lock: ManagedLock) -> None:
        async_add_entities(
            entities_of(runtime, lock), config_subentry_id=lock.subentry_id
        )

    await runtime.locks.async_each_added(add)


@callback
def async_add_feed_entities(
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    entities_of: Callable[[FeedCoordinator], Iterable[Entity]],
) -> None:
    """Add the entities of every feed, also of those that come later."""

    def add(feed: FeedCoordinator) -> None:
        async_add_entities(entities_of(feed), config_subentry_id=feed.subentry_id)

    entry.runtime_data.feeds.async_on_added(add)


async def async_remove_entities(
    hass: HomeAssistant, entry: NightlatchConfigEntry
) -> None:
    """Remove all entities, some in one turn of the loop; Home Assistant does all at once."""
    removed = 0
    for platform in tuple(async_get_platforms(hass, DOMAIN)):
        if platform.config_entry is not entry:
            continue
        platform.async_unsub_polling()
        for entity in tuple(platform.entities.values()):
            with entry.runtime_data.faults.apart("end"):
                await entity.async_remove()
            removed += 1
            if removed % _REMOVED_IN_A_TURN == 0:
                await asyncio.sleep(0)


class AskedEntity(Entity):
    """An entity that people can ask for something, through Home Assistant's services."""

    @property
    def asked_by(self) -> str | None:
        """Return the user that asks; None for an automation.

        To be read before anything is awaited: Home Assistant sets the context when it
        calls the entity, and forgets it after a while.
        """
        return self._context.user_id if self._context is not None else None

    async def async_check_right(
        self, deed: Deed, lock: ManagedLock | None = None
    ) -> User | None:
        """Return who asks; refuse who may not do that."""
        return await async_check_right(self.hass, deed, self.asked_by, lock)


class LockEntity(AskedEntity):
    """An entity of a lock."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    _key: str
    """What its unique id ends with, where all of its class have the same."""

    def __init__(
        self, runtime: Runtime, lock: ManagedLock, key: str | None = None
    ) -> None:
        """Attach the entity to the lock's device."""
        self.runtime = runtime
        self._lock = lock
        self._attr_unique_id = f"{lock.subentry_id}_{key or self._key}"
        if (device := lock.kind.device) is not None:
            self.device_entry = device
        else:
            self._attr_device_info = lock.kind.device_info

    @property
    def managed_lock(self) -> ManagedLock:
        """Return the lock, for the actions."""
        return self._lock

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the lock."""
        await super().async_added_to_hass()
        self.async_on_remove(self._lock.async_subscribe(self._lock_changed))

    @callback
    def _lock_changed(self) -> None:
        self.async_write_ha_state()


class FeedEntity(CoordinatorEntity[FeedCoordinator]):
    """An entity of a feed."""

    _attr_has_entity_name = True

    def __init__(self, feed: FeedCoordinator, key: str) -> None:
        """Attach the entity to the feed's device."""
        super().__init__(feed)
        self._attr_unique_id = f"{feed.subentry_id}_{key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, feed.subentry_id)},
            entry_type=DeviceEntryType.SERVICE,
            name=feed.title,
        )

    @property
    @override
    def available(self) -> bool:
        """Return whether anything is known: its trouble is what these entities tell."""
        feed = self.coordinator
        return (
            feed.data is not None
            or feed.trouble is not None
            or not feed.last_update_success
        )


class HouseholdEntity(AskedEntity):
    """An entity of the household."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    _key: str
    """What its unique id ends with, where there is one of its class."""

    def __init__(self, runtime: Runtime, key: str | None = None) -> None:
        """Attach the entity to the household's device."""
        self.runtime = runtime
        entry = runtime.entry
        self._attr_unique_id = f"{entry.entry_id}_{key or self._key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, entry.entry_id)},
            entry_type=DeviceEntryType.SERVICE,
            name=entry.title,
        )

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the household."""
        await super().async_added_to_hass()
        self.async_on_remove(self.runtime.locks.async_subscribe(self._changed))

    @callback
    def _changed(self, changes: Changes) -> None:
        if changes.settings:
            self.async_write_ha_state()


class LocksEntity(HouseholdEntity):
    """An entity of the household that shows all locks."""

    _redraw: Redraw
    _news: Changes | None = None
    """What is new since the state was written; None for anything."""

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the locks, and draw them no more often than there are many."""
        await super().async_added_to_hass()
        locks = self.runtime.locks
        self._redraw = Redraw(self.hass, self._draw, lambda: pause_for(len(locks)))
        self.async_on_remove(self._redraw.async_close)

    @callback
    def _draw(self) -> None:
        with self.runtime.faults.apart(self._key):
            self.async_write_ha_state()

    @callback
    @override
    def _changed(self, changes: Changes) -> None:
        known = self._news
        self._news = changes if known is None else known.joined(changes)
        self._redraw.async_note()

    @callback
    @override
    def _async_write_ha_state(self) -> None:
        """Look once at what is new: Home Assistant asks for it several times."""
        news, self._news = self._news, None
        self._look(news)
        super()._async_write_ha_state()

    def _look(self, news: Changes | None) -> None:
        """Take over what is to be shown; ``news`` is what is new, None for anything."""
        raise NotImplementedError
