"""The house of a test: everything in it that may be looked at or ordered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.caches import FEEDS, cache_of
from custom_components.nightlatch.coordinator import FeedCoordinator
from custom_components.nightlatch.locks.lock import ManagedLock
from custom_components.nightlatch.runtime import Runtime
from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers.event import async_track_state_change_event
from tests.rig.link import Link, LinkModel
from tests.rig.lock import Mode, VirtualLock
from tests.rig.proxy import EsphomeProxy
from tests.rig.scene import make_lock, publish
from tests.rig.vendor import Vendor

from .flows import add_feed, add_lock, until

FRONT_DOOR = "C0:11:22:33:44:55"
BACK_DOOR = "C0:11:22:33:44:99"
UPDATE = "update.front_door_firmware"
BACK_UPDATE = "update.back_door_firmware"
EVENT = "event.front_door_firmware_event"
PROBLEM = "binary_sensor.front_door_update_problem"
OUTCOME = "sensor.front_door_last_installation"
TROUBLE = "binary_sensor.kestrel_locks_trouble"
STATUS = "sensor.kestrel_locks_status"


@dataclass(kw_only=True)
class House:
    """Everything that a test may look at or order."""

    hass: HomeAssistant
    proxy: EsphomeProxy
    vendor: Vendor
    entry: MockConfigEntry
    locks: dict[str, VirtualLock] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)

    # What Nightlatch has made of it.

    @property
    def runtime(self) -> Runtime:
        """What runs now; another one after a reload."""
        runtime: Runtime = self.entry.runtime_data
        return runtime

    @property
    def feed(self) -> FeedCoordinator:
        """The only feed."""
        (feed,) = self.runtime.feeds.values()
        return feed

    def managed(self, address: str = FRONT_DOOR) -> ManagedLock:
        """Return what Nightlatch knows of a lock."""
        return next(
            lock for lock in self.runtime.locks.values() if lock.kind.key == address
        )

    def subentry(self, title: str) -> ConfigSubentry:
        """Return the subentry of a lock or a feed."""
        subentries: dict[str, ConfigSubentry] = self.entry.subentries
        return next(
            subentry for subentry in subentries.values() if subentry.title == title
        )

    def state(self, entity_id: str = UPDATE) -> State:
        """Return the state of an entity."""
        state = self.hass.states.get(entity_id)
        assert state is not None, entity_id
        return state

    def cache(self, title: str) -> Path:
        """Return where the metadata of a feed are cached."""
        caches = cache_of(self.hass, FEEDS)
        (cache,) = caches.glob(f"{self.subentry(title).subentry_id}-*")
        return cache

    def kept(self, hass_storage: Mapping[str, Any]) -> dict[str, Any]:
        """Return what Nightlatch keeps on disk."""
        data: dict[str, Any] = hass_storage[f"nightlatch.{self.entry.entry_id}"]["data"]
        return data

    def states_of(self, door: str) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """Return the states of all entities of a lock, such as ``back_door``."""
        return {
            state.entity_id: (state.state, state.attributes)
            for state in self.hass.states.async_all()
            if state.entity_id.partition(".")[2].startswith(door)
        }

    def record(self, entity_id: str) -> list[State]:
        """Return a list to which the states of an entity will be added as they come."""
        states: list[State] = []

        @callback
        def changed(event: Event[EventStateChangedData]) -> None:
            if (state := event.data["new_state"]) is not None:
                states.append(state)

        async_track_state_change_event(self.hass, entity_id, changed)
        return states

    def heard(self, address: str) -> bool:
        """Return whether Home Assistant hears a device that can be connected to."""
        return bluetooth.async_address_present(self.hass, address, connectable=True)

    # What people, locks and the vendor do.

    async def add_feed(self) -> None:
        """Add the vendor's feed."""
        await add_feed(
            self.hass, self.entry, url=self.vendor.url, root=self.vendor.root
        )

    async def put_up_lock(self, address: str, **options: Any) -> VirtualLock:
        """Hang a lock into a door, within the proxy's reach."""
        lock = make_lock(self.vendor, address, **options)
        # It has begun to start, which takes seconds that nothing here is about.
        lock.cut_power()
        lock.application_start = lock.bootloader_start = lock.activation_time = 0.02
        lock.restore_power()
        self.locks[address] = lock
        self.links[address] = self.proxy.add(lock, LinkModel(supervision_timeout=0.2))
        await until(lambda: self.heard(address))
        return lock

    async def add_lock(self, address: str, name: str, **links: str) -> VirtualLock:
        """Hang a lock into a door and add it; return when it has been read."""
        lock = await self.put_up_lock(address)
        await self.add_lock_already_up(address, name, **links)
        return lock

    async def add_lock_already_up(self, address: str, name: str, **links: str) -> None:
        """Add a lock that hangs in a door already."""
        await add_lock(self.hass, self.entry, address=address, name=name, **links)
        await until(
            lambda: (
                f"update.{name.lower().replace(' ', '_')}_firmware"
                in self.hass.states.async_entity_ids("update")
            )
        )

    async def settle(self) -> None:
        """Wait until Nightlatch does nothing in the background any more."""
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def check(self) -> None:
        """Let Nightlatch ask the feed."""
        await self.feed.async_refresh()
        await self.hass.async_block_till_done()

    async def release(self, version: str, **fields: Any) -> str:
        """Let the vendor release a version, and Nightlatch see it."""
        path = publish(self.vendor, version, **fields)
        await self.check()
        return path

    async def install(self, *entity_ids: str) -> None:
        """Press *Install*, and wait for the end."""
        await self.hass.services.async_call(
            "update",
            "install",
            {"entity_id": list(entity_ids or (UPDATE,))},
            blocking=True,
        )

    async def remove(self, title: str) -> None:
        """Remove a lock or a feed."""
        self.hass.config_entries.async_remove_subentry(
            self.entry, self.subentry(title).subentry_id
        )
        await self.settle()

    async def reload(self) -> None:
        """Reload Nightlatch, as a restart of Home Assistant does."""
        connects = {link: link.counters.connects for link in self._links_in_use()}
        assert await self.hass.config_entries.async_reload(self.entry.entry_id)
        # Each lock is asked once, as soon as it is heard.
        await until(
            lambda: all(
                link.counters.connects > before for link, before in connects.items()
            )
        )
        await self.settle()

    def _links_in_use(self) -> list[Link]:
        """Return the links to the locks that answer."""
        return [
            self.links[lock.kind.key]
            for lock in self.runtime.locks.values()
            if self.locks[lock.kind.key].mode is Mode.APPLICATION
        ]
