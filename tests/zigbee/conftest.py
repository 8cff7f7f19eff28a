"""A home with a Zigbee lock on the real Zigbee2MQTT, through Home Assistant's own mqtt."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any, Self

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.adapters import zigbee2mqtt
from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.installation import confirmation, delegated
from custom_components.nightlatch.locks.lock import ManagedLock
from custom_components.nightlatch.runtime import Runtime
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from tests.home.flows import PATIENCE, start_flow, submit, until
from tests.rig.fixtures import bare_host  # noqa: F401
from tests.rig.mosquitto import Broker, running_broker
from tests.rig.mqtt_peer import MqttPeer
from tests.rig.scene import lock_form

from .rig import BASE_TOPIC, IEEE, NAME, NEW, RealBridge, running_bridge

SOURCE = "update.side_door"
LOCK = "lock.side_door"
BATTERY = "sensor.side_door_battery"
UPDATE = "update.side_door_guarded_firmware"
HOLD = "sensor.side_door_hold_not_a_lock"
_REQUESTS = f"{BASE_TOPIC}/bridge/request/device/ota_update/"
_RESPONSES = f"{BASE_TOPIC}/bridge/response/device/ota_update/"


class Listener:
    """Another program at the broker, which hears everything."""

    def __init__(self, broker: Broker) -> None:
        """Know the broker."""
        self._peer = MqttPeer(host=broker.host, port=broker.port, received=self._hear)
        self.heard: list[tuple[str, Any]] = []
        """What was published on updates and states, oldest first."""

    async def __aenter__(self) -> Self:
        """Hear everything from now on."""
        topics = (f"{BASE_TOPIC}/{NAME}", f"{_REQUESTS}#", f"{_RESPONSES}#")
        await self._peer.open(topics, will=(f"{BASE_TOPIC}/listener", "gone"))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave."""
        await self._peer.close()

    def _hear(self, topic: str, text: str) -> None:
        self.heard.append((topic, json.loads(text)))

    def ask(self, verb: str) -> None:
        """Ask for something that has to do with the lock's updates."""
        self._peer.publish_json(f"{_REQUESTS}{verb}", {"id": IEEE}, retain=False)


@dataclass(kw_only=True)
class RealZigbeeHouse:
    """Everything that a test may look at or order."""

    hass: HomeAssistant
    bridge: RealBridge
    entry: MockConfigEntry
    listener: Listener

    @property
    def managed(self) -> ManagedLock:
        """What Nightlatch knows of the lock."""
        runtime: Runtime = self.entry.runtime_data
        (lock,) = runtime.locks.values()
        return lock

    def state(self, entity_id: str = UPDATE) -> State:
        """Return the state of an entity."""
        state = self.hass.states.get(entity_id)
        assert state is not None, (entity_id, self.hass.states.async_entity_ids())
        return state

    def told(self, attribute: str) -> Any:
        """Return what the entity of Zigbee2MQTT says."""
        return self.state(SOURCE).attributes[attribute]

    def asked(self) -> list[str]:
        """Return what Zigbee2MQTT was asked for, oldest first."""
        return [
            topic.removeprefix(_REQUESTS)
            for topic, _ in self.listener.heard
            if topic.startswith(_REQUESTS)
        ]

    def answers(self, verb: str) -> list[dict[str, Any]]:
        """Return what Zigbee2MQTT has answered."""
        return [
            told
            for topic, told in self.listener.heard
            if topic == f"{_RESPONSES}{verb}"
        ]

    def updates(self) -> list[dict[str, Any]]:
        """Return what Zigbee2MQTT has told of the lock's firmware."""
        return [
            told["update"]
            for topic, told in self.listener.heard
            if topic == f"{BASE_TOPIC}/{NAME}"
        ]

    async def until_state(self, entity_id: str, wanted: str) -> None:
        """Wait for a state."""
        await until(
            lambda: (
                (state := self.hass.states.get(entity_id)) is not None
                and state.state == wanted
            )
        )

    async def check(self) -> dict[str, Any]:
        """Press *Check for new updates* in Zigbee2MQTT; return its answer."""
        before = len(self.answers("check"))
        self.listener.ask("check")
        await until(lambda: len(self.answers("check")) > before)
        return self.answers("check")[-1]

    async def guard(self) -> None:
        """Add the lock as a person does: pick it, and accept what is proposed."""
        device_id = er.async_get(self.hass).entities[LOCK].device_id
        result = await start_flow(self.hass, self.entry, "lock")
        result = await submit(self.hass, result, locks=[f"device:{device_id}"])
        assert result["step_id"] == "guarded", result
        form = lock_form(
            NAME, update_entity=SOURCE, lock_entity=LOCK, battery_entity=BATTERY
        )
        result = await submit(self.hass, result, **form)
        assert result["type"] is FlowResultType.CREATE_ENTRY, result
        await until(lambda: self.hass.states.get(UPDATE) is not None)

    async def install(self) -> None:
        """Press Install at Nightlatch's entity."""
        await self.hass.services.async_call(
            "update", "install", {"entity_id": UPDATE}, blocking=True
        )

    def install_soon(self) -> asyncio.Task[None]:
        """Press it, and look at something else meanwhile."""
        return self.hass.async_create_task(self.install())

    async def until_lock(self, event: str) -> None:
        """Wait until the lock has done something."""
        await until(lambda: bool(self.bridge.did(event)))


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for seconds where a house would wait for minutes."""
    monkeypatch.setattr(confirmation, "PAUSE", 0.1)
    monkeypatch.setattr(delegated, "SETTLE_TIME", 1.0)
    monkeypatch.setattr(delegated, "TOLD_TIMEOUT", 2.0)
    monkeypatch.setattr(delegated, "REPORT_TIMEOUT", 20.0)
    monkeypatch.setattr(delegated, "_LOOK", 0.5)
    monkeypatch.setattr(zigbee2mqtt, "CHECK_TIMEOUT", 20.0)


@pytest.fixture
def cache_state() -> bool:
    """Whether Zigbee2MQTT remembers what its devices have said, as it does by default."""
    return True


@pytest.fixture
async def zigbee_home(
    hass: HomeAssistant,
    socket_enabled: None,
    enable_custom_integrations: None,
    bare_host: None,  # noqa: F811
    cache_state: bool,
) -> AsyncGenerator[RealZigbeeHouse]:
    """Run Zigbee2MQTT, MQTT and Nightlatch; the lock was never checked for updates."""
    # MQTT reads it, whether or not it says anything of MQTT.
    Path(hass.config.path("configuration.yaml")).touch()  # noqa: ASYNC240
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "bluetooth", {})
    async with (
        running_broker() as broker,
        Listener(broker) as listener,
        running_bridge(broker, cache_state=cache_state) as bridge,
    ):
        broker_entry = MockConfigEntry(
            domain="mqtt", data={"broker": broker.host, "port": broker.port}, version=2
        )
        broker_entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(broker_entry.entry_id)
        entry = MockConfigEntry(domain=DOMAIN, title="Nightlatch")
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        house = RealZigbeeHouse(
            hass=hass, bridge=bridge, entry=entry, listener=listener
        )
        await _until_discovered(house)
        try:
            yield house
        finally:
            await hass.config_entries.async_unload(entry.entry_id)
            await hass.config_entries.async_unload(broker_entry.entry_id)


async def _until_discovered(house: RealZigbeeHouse) -> None:
    """Let the lock speak until Home Assistant has heard of it.

    What it says first is told before anybody listens to what is discovered, and told
    again only half a minute after Home Assistant was there.
    """
    # One that caches nothing never tells all of it at once.
    silent = {LOCK, BATTERY, SOURCE}
    async with asyncio.timeout(PATIENCE):
        while silent:
            house.bridge.order("tell")
            await asyncio.sleep(0.5)
            silent -= {
                entity_id
                for entity_id in silent
                if (state := house.hass.states.get(entity_id)) is not None
                and state.state not in {STATE_UNAVAILABLE, STATE_UNKNOWN}
            }


@pytest.fixture
async def zigbee_house(zigbee_home: RealZigbeeHouse) -> RealZigbeeHouse:
    """Let something new be known for the lock, guard it, and wait until it is held."""
    zigbee_home.bridge.offer(NEW)
    assert (await zigbee_home.check())["data"]["update_available"] is True
    await zigbee_home.until_state(SOURCE, "on")
    await zigbee_home.guard()
    await zigbee_home.until_state(HOLD, "held")
    return zigbee_home
