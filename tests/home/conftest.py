"""A home with a vendor's feed and locks, reached through a Bluetooth proxy."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN
from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant, State
from tests.rig.fixtures import ProxiedHome, bare_host, proxied_home, proxy  # noqa: F401
from tests.rig.link import Link, LinkModel
from tests.rig.lock import VirtualLock
from tests.rig.proxy import EsphomeProxy
from tests.rig.scene import MODELS, VENDOR, make_lock, publish
from tests.rig.vendor import Vendor

from .flows import add_feed, add_lock, until

FRONT_DOOR = "C0:11:22:33:44:55"
BACK_DOOR = "C0:11:22:33:44:99"
UPDATE = "update.front_door_firmware"
EVENT = "event.front_door_firmware"


@pytest.fixture(autouse=True)
def loopback_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let feeds be served on this machine without TLS."""
    monkeypatch.setattr(
        "custom_components.nightlatch.coordinator.ALLOW_LOOPBACK_HTTP", True
    )


@pytest.fixture
async def vendor(socket_enabled: None) -> AsyncGenerator[Vendor]:
    """Run a vendor that has released nothing newer than what the locks run."""
    vendor = Vendor(name=VENDOR, models=MODELS)
    publish(vendor, "1.0.0")
    await vendor.start()
    yield vendor
    await vendor.stop()


@dataclass(kw_only=True)
class House:
    """Everything that a test may look at or order."""

    hass: HomeAssistant
    proxy: EsphomeProxy
    vendor: Vendor
    entry: MockConfigEntry
    locks: dict[str, VirtualLock] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)

    def heard(self, address: str) -> bool:
        """Return whether Home Assistant hears a device that can be connected to."""
        return bluetooth.async_address_present(self.hass, address, connectable=True)

    async def put_up_lock(
        self, address: str, model: LinkModel | None = None, **options: Any
    ) -> VirtualLock:
        """Hang a lock into a door, within the proxy's reach."""
        lock = make_lock(self.vendor, address, **options)
        self.locks[address] = lock
        self.links[address] = self.proxy.add(lock, model)
        await until(lambda: self.heard(address))
        return lock

    async def check(self) -> None:
        """Let Nightlatch ask the feed."""
        for feed in self.entry.runtime_data.feeds.values():
            await feed.async_refresh()
        await self.hass.async_block_till_done()

    async def release(self, version: str, **fields: Any) -> str:
        """Let the vendor release a version, and Nightlatch see it."""
        path = publish(self.vendor, version, **fields)
        await self.check()
        return path

    async def install(self, entity_id: str = UPDATE) -> None:
        """Press *Install*, and wait for the end."""
        await self.hass.services.async_call(
            "update", "install", {"entity_id": entity_id}, blocking=True
        )

    def state(self, entity_id: str = UPDATE) -> State:
        """Return the state of an entity."""
        state = self.hass.states.get(entity_id)
        assert state is not None, entity_id
        return state


@pytest.fixture
async def empty_house(proxied_home: ProxiedHome, vendor: Vendor) -> House:  # noqa: F811
    """Set up Nightlatch, without feeds and locks."""
    entry = MockConfigEntry(domain=DOMAIN, title="Nightlatch")
    entry.add_to_hass(proxied_home.hass)
    assert await proxied_home.hass.config_entries.async_setup(entry.entry_id)
    return House(
        hass=proxied_home.hass, proxy=proxied_home.proxy, vendor=vendor, entry=entry
    )


@pytest.fixture
async def house(empty_house: House) -> House:
    """Add the vendor's feed, and a lock in the front door that runs 1.0.0."""
    await add_feed(
        empty_house.hass,
        empty_house.entry,
        url=empty_house.vendor.url,
        root=empty_house.vendor.root,
    )
    await empty_house.put_up_lock(FRONT_DOOR)
    await add_lock(
        empty_house.hass, empty_house.entry, address=FRONT_DOOR, name="Front door"
    )
    return empty_house
