"""A house whose lock is updated by Zigbee2MQTT, through Home Assistant's own MQTT."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.kinds.guarded import GuardedKind
from custom_components.nightlatch.locks.lock import ManagedLock
from custom_components.nightlatch.runtime import Runtime
from homeassistant.core import HomeAssistant, State
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from tests.rig.mosquitto import running_broker
from tests.rig.scene import lock_form
from tests.rig.zigbee2mqtt import Zigbee2MqttBridge, ZigbeeLock

from .flows import start_flow, submit, until

SOURCE = "update.side_door"
LOCK = "lock.side_door"
UPDATE = "update.side_door_guarded_firmware"
HOLD = "sensor.side_door_hold_not_a_lock"
OLD, NEW = 285_474_816, 285_671_424


def make_zigbee_lock(**options: Any) -> ZigbeeLock:
    """Return a lock for which there is something new."""
    return ZigbeeLock(
        **{
            "friendly_name": "Side door",
            "ieee_address": "0x588e81fffe123456",
            "installed_version": OLD,
            "latest_version": NEW,
            **options,
        }
    )


@dataclass(kw_only=True)
class ZigbeeHouse:
    """Everything that a test may look at or order."""

    hass: HomeAssistant
    bridge: Zigbee2MqttBridge
    entry: MockConfigEntry
    mqtt: MockConfigEntry
    lock: ZigbeeLock

    @property
    def runtime(self) -> Runtime:
        """What runs now."""
        runtime: Runtime = self.entry.runtime_data
        return runtime

    @property
    def managed(self) -> ManagedLock:
        """What Nightlatch knows of the lock."""
        (lock,) = self.runtime.locks.values()
        return lock

    @property
    def kind(self) -> GuardedKind:
        """How it is guarded."""
        kind = self.managed.kind
        assert isinstance(kind, GuardedKind)
        return kind

    def state(self, entity_id: str = UPDATE) -> State:
        """Return the state of an entity."""
        state = self.hass.states.get(entity_id)
        assert state is not None, (entity_id, self.hass.states.async_entity_ids())
        return state

    async def until_state(self, entity_id: str, wanted: str) -> None:
        """Wait for a state."""
        await until(
            lambda: (
                (state := self.hass.states.get(entity_id)) is not None
                and state.state == wanted
            )
        )

    async def add_lock(self, **answers: Any) -> None:
        """Add the lock as a person does: pick it, and accept what is proposed."""
        device_id = er.async_get(self.hass).entities[LOCK].device_id
        result = await start_flow(self.hass, self.entry, "lock")
        result = await submit(self.hass, result, locks=[f"device:{device_id}"])
        assert result["step_id"] == "guarded", result
        form = lock_form("Side door", second_entry=True, **answers)
        form |= {
            "update_entity": SOURCE,
            "lock_entity": LOCK,
            "battery_entity": "sensor.side_door_battery",
        }
        form["door"] |= {
            "door_entity": "binary_sensor.side_door_contact",
            "no_door_sensor": False,
        }
        result = await submit(self.hass, result, **form)
        assert result["type"] is FlowResultType.CREATE_ENTRY, result
        await until(lambda: self.hass.states.get(UPDATE) is not None)

    async def install(self) -> None:
        """Press Install at Nightlatch's entity."""
        await self.hass.services.async_call(
            "update", "install", {"entity_id": UPDATE}, blocking=True
        )


@pytest.fixture
async def zigbee_home(
    hass: HomeAssistant,
    socket_enabled: None,
    enable_custom_integrations: None,
    bare_host: None,
) -> AsyncGenerator[ZigbeeHouse]:
    """Run a broker, a bridge with a lock, MQTT and Nightlatch; nothing is added yet."""
    # MQTT reads it, whether or not it says anything of MQTT.
    Path(hass.config.path("configuration.yaml")).touch()  # noqa: ASYNC240
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "bluetooth", {})
    async with (
        running_broker() as broker,
        Zigbee2MqttBridge(host=broker.host, port=broker.port) as bridge,
    ):
        lock = bridge.add(make_zigbee_lock())
        mqtt = MockConfigEntry(
            domain="mqtt", data={"broker": broker.host, "port": broker.port}, version=2
        )
        mqtt.add_to_hass(hass)
        assert await hass.config_entries.async_setup(mqtt.entry_id)
        entry = MockConfigEntry(domain=DOMAIN, title="Nightlatch")
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await until(lambda: hass.states.get(SOURCE) is not None)
        await until(lambda: hass.states.get(SOURCE).state == "on")  # type: ignore[union-attr]
        yield ZigbeeHouse(hass=hass, bridge=bridge, entry=entry, mqtt=mqtt, lock=lock)
        if hass.config_entries.async_get_entry(entry.entry_id) is not None:
            await hass.config_entries.async_unload(entry.entry_id)
        await hass.config_entries.async_unload(mqtt.entry_id)


@pytest.fixture
async def zigbee_house(zigbee_home: ZigbeeHouse) -> ZigbeeHouse:
    """Add the lock to Nightlatch, and wait until it is held."""
    await zigbee_home.add_lock()
    await zigbee_home.until_state(HOLD, "held")
    return zigbee_home
