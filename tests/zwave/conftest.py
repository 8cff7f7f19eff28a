"""A home with a Z-Wave lock, through Home Assistant's own zwave_js."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

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

PATIENCE = 60.0


@dataclass(kw_only=True)
class ZwaveHouse:
    """Everything that a test may look at or order."""

    hass: HomeAssistant
    network: ZwaveNetwork
    entry: MockConfigEntry
    lock: str
    source: str
    update: str = ""

    @property
    def managed(self) -> ManagedLock:
        """What Nightlatch knows of the lock."""
        runtime: Runtime = self.entry.runtime_data
        (lock,) = runtime.locks.values()
        return lock

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

    async def install(self) -> None:
        """Press Install at Nightlatch's entity."""
        await self.hass.services.async_call(
            "update", "install", {"entity_id": self.update}, blocking=True
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
    """Run the network, zwave_js and Nightlatch; guard the lock."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "bluetooth", {})
    async with running_network() as network:
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
        house = ZwaveHouse(hass=hass, network=network, entry=entry, lock="", source="")
        try:
            await _set_up(house)
            yield house
        finally:
            await hass.config_entries.async_unload(entry.entry_id)
            await hass.config_entries.async_unload(zwave.entry_id)


async def _set_up(house: ZwaveHouse) -> None:
    """Wait until the lock is there, and guard it."""
    hass = house.hass
    async with asyncio.timeout(PATIENCE):
        while not (locks := hass.states.async_entity_ids("lock")):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        (house.lock,) = locks
        device_id = er.async_get(hass).entities[house.lock].device_id
        while not house.source:
            await asyncio.sleep(0.1)
            house.source = next(
                (
                    each.entity_id
                    for each in er.async_entries_for_device(
                        er.async_get(hass), device_id or ""
                    )
                    if each.domain == "update"
                ),
                "",
            )
    await house.until_state(house.lock, "locked", "unlocked")
    async with asyncio.timeout(PATIENCE):
        # It asks by itself only once a day.
        while house.state(house.source).state != "on":
            await hass.services.async_call(
                "homeassistant", "update_entity", {"entity_id": house.source}, True
            )
            await asyncio.sleep(0.2)
    battery = next(
        each.entity_id
        for each in er.async_entries_for_device(er.async_get(hass), device_id or "")
        if each.original_device_class == "battery" and each.domain == "sensor"
    )
    result = await start_flow(hass, house.entry, "lock")
    result = await submit(hass, result, address=f"device:{device_id}")
    form = lock_form(
        "Side door",
        update_entity=house.source,
        lock_entity=house.lock,
        battery_entity=battery,
    )
    result = await submit(hass, result, **form)
    assert result["type"] is FlowResultType.CREATE_ENTRY, result
    async with asyncio.timeout(PATIENCE):
        while house.entry.runtime_data.locks == {} or (  # noqa: ASYNC110
            house.managed.update_entity_id is None
        ):
            await asyncio.sleep(0.05)
    house.update = house.managed.update_entity_id or ""
    await house.until_state(house.update, "on")
