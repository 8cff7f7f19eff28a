"""A home with Z-Wave locks, through Home Assistant's own zwave_js."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.installation import confirmation, delegated
from custom_components.nightlatch.locks.lock import ManagedLock
from custom_components.nightlatch.runtime import Runtime
from custom_components.nightlatch.snapshots import snapshots
from homeassistant.core import HomeAssistant, State
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from tests.home.flows import start_flow, submit
from tests.rig.fixtures import bare_host  # noqa: F401
from tests.rig.scene import lock_form

from .rig import ZwaveNetwork, running_network

PATIENCE = 240.0
"""Seconds. An interview takes half a minute, and several on a machine that is busy."""
TIMEOUT = 900
"""Seconds for a whole test."""


@dataclass(kw_only=True)
class Door:
    """A door with a lock: its entities."""

    lock: str
    source: str
    update: str


@dataclass(kw_only=True)
class ZwaveHouse:
    """Everything that a test may look at or order."""

    hass: HomeAssistant
    network: ZwaveNetwork
    entry: MockConfigEntry
    zwave: MockConfigEntry
    doors: list[Door] = field(default_factory=list)

    @property
    def lock(self) -> str:
        """The lock's own entity, where there is one lock."""
        (door,) = self.doors
        return door.lock

    @property
    def source(self) -> str:
        """The other integration's update entity, where there is one lock."""
        (door,) = self.doors
        return door.source

    @property
    def managed(self) -> ManagedLock:
        """What Nightlatch knows of the lock, where there is one."""
        (door,) = self.doors
        return self.managed_at(door)

    def managed_at(self, door: Door) -> ManagedLock:
        """Return what Nightlatch knows of the lock of a door."""
        return next(lock for lock in self.locks if lock.links.lock_entity == door.lock)

    @property
    def locks(self) -> list[ManagedLock]:
        """What Nightlatch knows of all locks."""
        runtime: Runtime = self.entry.runtime_data
        return list(runtime.locks.values())

    def happened(self, event: str) -> list[dict[str, Any]]:
        """Return what the locks have told of one kind."""
        return [each for each in self.network.events if each["event"] == event]

    def state(self, entity_id: str) -> State:
        """Return the state of an entity."""
        state = self.hass.states.get(entity_id)
        assert state is not None, entity_id
        return state

    async def until_state(self, entity_id: str, *wanted: str) -> None:
        """Wait for a state."""
        async with asyncio.timeout(PATIENCE):
            while (  # noqa: ASYNC110  there is no event for it
                state := self.hass.states.get(entity_id)
            ) is None or state.state not in wanted:
                await asyncio.sleep(0.05)

    async def install(self, door: Door | None = None) -> None:
        """Press Install at Nightlatch's entity."""
        if door is None:
            (door,) = self.doors
        await self.hass.services.async_call(
            "update", "install", {"entity_id": door.update}, blocking=True
        )


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for seconds where a house would wait for minutes."""
    monkeypatch.setattr(confirmation, "PAUSE", 0.1)
    monkeypatch.setattr(delegated, "SETTLE_TIME", 1.0)
    monkeypatch.setattr(delegated, "REPORT_TIMEOUT", 45.0)
    monkeypatch.setattr(snapshots, "SETTLED_AFTER", 2.0)
    monkeypatch.setattr(snapshots, "COMPARE_WITHIN", 90.0)


@pytest.fixture
async def zwave_house(
    hass: HomeAssistant,
    socket_enabled: None,
    enable_custom_integrations: None,
    bare_host: None,  # noqa: F811
) -> AsyncGenerator[ZwaveHouse]:
    """Run a house with one lock."""
    async with _running_house(hass, locks=1) as house:
        yield house


@pytest.fixture
async def two_zwave_doors(
    hass: HomeAssistant,
    socket_enabled: None,
    enable_custom_integrations: None,
    bare_host: None,  # noqa: F811
) -> AsyncGenerator[ZwaveHouse]:
    """Run a house with two locks."""
    async with _running_house(hass, locks=2) as house:
        yield house


@asynccontextmanager
async def _running_house(hass: HomeAssistant, locks: int) -> AsyncGenerator[ZwaveHouse]:
    """Run the network, zwave_js and Nightlatch; guard the locks."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "bluetooth", {})
    async with running_network(locks) as network:
        zwave = MockConfigEntry(
            domain="zwave_js",
            data={
                "url": network.url,
                "use_addon": False,
                "integration_created_addon": False,
            },
        )
        zwave.add_to_hass(hass)
        entry = MockConfigEntry(domain=DOMAIN, title="Nightlatch")
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(zwave.entry_id)
        assert await hass.config_entries.async_setup(entry.entry_id)
        house = ZwaveHouse(hass=hass, network=network, entry=entry, zwave=zwave)
        try:
            async with asyncio.timeout(PATIENCE * locks):
                while len(found := hass.states.async_entity_ids("lock")) < locks:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            for number, lock in enumerate(sorted(found)):
                await _guard(house, lock, ("Side door", "Back door")[number])
            yield house
        finally:
            await hass.config_entries.async_unload(entry.entry_id)
            await hass.config_entries.async_unload(zwave.entry_id)


async def _guard(house: ZwaveHouse, lock: str, name: str) -> None:
    """Wait until there is something new for a lock, and guard it."""
    hass, source = house.hass, ""
    device_id = er.async_get(hass).entities[lock].device_id
    async with asyncio.timeout(PATIENCE):
        while not source:
            await asyncio.sleep(0.1)
            source = next(
                (
                    each.entity_id
                    for each in er.async_entries_for_device(
                        er.async_get(hass), device_id or ""
                    )
                    if each.domain == "update"
                ),
                "",
            )
    await house.until_state(lock, "locked", "unlocked")
    async with asyncio.timeout(PATIENCE):
        # It asks by itself only once a day.
        while house.state(source).state != "on":
            await hass.services.async_call(
                "homeassistant", "update_entity", {"entity_id": source}, True
            )
            await asyncio.sleep(0.2)
    battery = next(
        each.entity_id
        for each in er.async_entries_for_device(er.async_get(hass), device_id or "")
        if each.original_device_class == "battery" and each.domain == "sensor"
    )
    result = await start_flow(hass, house.entry, "lock")
    result = await submit(hass, result, locks=[f"device:{device_id}"])
    form = lock_form(
        name,
        update_entity=source,
        lock_entity=lock,
        battery_entity=battery,
    )
    result = await submit(hass, result, **form)
    assert result["type"] is FlowResultType.CREATE_ENTRY, result
    door = Door(lock=lock, source=source, update="")
    async with asyncio.timeout(PATIENCE):
        while not door.update:
            await asyncio.sleep(0.05)
            known = {each.links.lock_entity for each in house.locks}
            if lock in known:
                door.update = house.managed_at(door).update_entity_id or ""
    await house.until_state(door.update, "on")
    house.doors.append(door)
