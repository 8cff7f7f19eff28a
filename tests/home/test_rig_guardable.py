"""The rig's locks that other integrations update, in a real Home Assistant.

Nothing of Nightlatch is set up: these tests hold the equipment to what Home
Assistant's own integrations make of it.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from tests.rig.esphome_lock import HOST, EsphomeLock
from tests.rig.mosquitto import MosquittoError, find_mosquitto, running_broker
from tests.rig.ota_script import BoltAfterwards, OtaEnding, OtaScript
from tests.rig.zigbee2mqtt import Zigbee2MqttBridge, ZigbeeLock

from .flows import until

IEEE = "0x588e81fffe123456"
OLD, NEW = 285_474_816, 285_671_424
QUICK = {"duration": 0.1, "reboot": 0.05}


@dataclass(kw_only=True)
class Watched:
    """A home, and all that its entities have said."""

    hass: HomeAssistant
    seen: list[State] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Take notes from now on."""

        @callback
        def note(event: Event[EventStateChangedData]) -> None:
            if (state := event.data["new_state"]) is not None:
                self.seen.append(state)

        self.hass.bus.async_listen("state_changed", note)

    def state(self, entity_id: str) -> State:
        """Return a state."""
        state = self.hass.states.get(entity_id)
        assert state is not None, self.hass.states.async_entity_ids()
        return state

    def of(self, entity_id: str) -> list[State]:
        """Return all states of an entity, oldest first."""
        return [state for state in self.seen if state.entity_id == entity_id]

    def percentages(self, entity_id: str) -> list[float]:
        """Return the progress that an update entity has shown."""
        return [
            percentage
            for state in self.of(entity_id)
            if (percentage := state.attributes.get("update_percentage")) is not None
        ]

    async def until(self, entity_id: str, check: Callable[[State], bool]) -> None:
        """Wait for a state."""
        await until(
            lambda: (
                (state := self.hass.states.get(entity_id)) is not None and check(state)
            )
        )

    async def until_state(self, entity_id: str, wanted: str) -> None:
        """Wait for a value of the state."""
        await self.until(entity_id, lambda state: state.state == wanted)

    async def until_over(self, entity_id: str) -> None:
        """Wait until an update was in progress and the lock is back from it."""
        await until(
            lambda: any(
                state.attributes.get("in_progress") for state in self.of(entity_id)
            )
        )
        await self.until(
            entity_id, lambda state: state.attributes.get("in_progress") is False
        )

    async def until_back(self, entity_id: str) -> None:
        """Wait until an entity was unavailable and is not any more."""
        await until(
            lambda: any(state.state == "unavailable" for state in self.of(entity_id))
        )
        await self.until(entity_id, lambda state: state.state != "unavailable")

    async def act(self, action: str, entity_id: str) -> None:
        """Perform an action on an entity."""
        domain, name = action.split(".")
        await self.hass.services.async_call(
            domain, name, {"entity_id": entity_id}, blocking=True
        )


def device_of(hass: HomeAssistant, entity_id: str) -> str:
    """Return the device that an entity is of."""
    entity = er.async_get(hass).async_get(entity_id)
    assert entity is not None
    assert entity.device_id is not None
    return entity.device_id


# Zigbee, through the broker.

LOCK = "lock.front_door"
UPDATE = "update.front_door"


@dataclass(kw_only=True)
class ZigbeeHome(Watched):
    """A home with MQTT and a bridge with one lock."""

    bridge: Zigbee2MqttBridge
    lock: ZigbeeLock


@pytest.fixture
async def bridge(socket_enabled: None) -> AsyncGenerator[Zigbee2MqttBridge]:
    """Run a broker and a bridge without locks."""
    async with (
        running_broker() as broker,
        Zigbee2MqttBridge(host=broker.host, port=broker.port) as bridge,
    ):
        yield bridge


@asynccontextmanager
async def mqtt_home(
    hass: HomeAssistant, bridge: Zigbee2MqttBridge, **options: Any
) -> AsyncGenerator[ZigbeeHome]:
    """Let MQTT discover a lock for which there is something new."""
    # MQTT reads it, whether or not it says anything of MQTT.
    Path(hass.config.path("configuration.yaml")).touch()  # noqa: ASYNC240
    assert await async_setup_component(hass, "homeassistant", {})
    host, port = bridge.address
    lock = bridge.add(
        ZigbeeLock(
            **{
                "friendly_name": "Front door",
                "tells_availability": True,
                "ieee_address": IEEE,
                "installed_version": OLD,
                "latest_version": NEW,
                **options,
            }
        )
    )
    home = ZigbeeHome(hass=hass, bridge=bridge, lock=lock)
    entry = MockConfigEntry(
        domain="mqtt", data={"broker": host, "port": port}, version=2
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    try:
        await home.until_state(UPDATE, "on")
        await home.until_state(LOCK, "locked")
        home.seen.clear()
        yield home
    finally:
        await hass.config_entries.async_unload(entry.entry_id)


def script(ending: OtaEnding = OtaEnding.SUCCESS, **options: Any) -> OtaScript:
    """Return a script that takes tenths of seconds."""
    return OtaScript(**{"ending": ending, **QUICK, **options})


async def test_zigbee_entities_are_on_one_device(
    hass: HomeAssistant, bridge: Zigbee2MqttBridge
) -> None:
    """With what the bridge knows of it."""
    async with mqtt_home(hass, bridge) as home:
        await home.until_state("sensor.front_door_battery", "90")
        await home.until_state("binary_sensor.front_door_contact", "off")
        await home.until_state("binary_sensor.front_door_battery_low", "off")
        device_id = device_of(hass, LOCK)
        entities = er.async_entries_for_device(er.async_get(hass), device_id)
        assert {entity.domain for entity in entities} == {
            "binary_sensor",
            "lock",
            "sensor",
            "update",
        }
        assert len(entities) == 5
        device = dr.async_get(hass).async_get(device_id)
        assert isinstance(device, dr.DeviceEntry)
        assert ("mqtt", f"zigbee2mqtt_{IEEE}") in device.identifiers
        assert device.via_device_id is not None
        assert (device.manufacturer, device.model, device.model_id) == (
            "Danalock",
            "BT/ZB smartlock",
            "V3-BTZB",
        )
        assert device.sw_version == "17.4.0"
        attributes = home.state(UPDATE).attributes
        assert attributes["installed_version"] == str(OLD)
        assert attributes["latest_version"] == str(NEW)


async def test_zigbee_bolt_moves(
    hass: HomeAssistant, bridge: Zigbee2MqttBridge
) -> None:
    """On command, a moment later."""
    async with mqtt_home(hass, bridge) as home:
        await home.act("lock.unlock", LOCK)
        await home.until_state(LOCK, "unlocked")
        await home.act("lock.lock", LOCK)
        await home.until_state(LOCK, "locked")
        assert bridge.commands == [("Front door", "UNLOCK"), ("Front door", "LOCK")]


async def test_zigbee_update(hass: HomeAssistant, bridge: Zigbee2MqttBridge) -> None:
    """It runs with progress, the lock goes away and comes back newer."""
    async with mqtt_home(hass, bridge, script=script()) as home:
        await home.act("update.install", UPDATE)
        await home.until_back(LOCK)
        await home.until_state(UPDATE, "off")
        assert home.state(UPDATE).attributes["installed_version"] == str(NEW)
        assert home.percentages(UPDATE)[:5] == [0, 25, 50, 75, 100]
        assert home.state(LOCK).state == "locked"
        ((verb, response),) = bridge.responses
        assert (verb, response["status"]) == ("update", "ok")
        assert bridge.requests[0].payload == {"id": IEEE}
        assert not bridge.was_asked("schedule")


@pytest.mark.parametrize("ending", [OtaEnding.LIE, OtaEnding.FALL_BACK])
async def test_zigbee_update_that_only_says_so(
    hass: HomeAssistant, bridge: Zigbee2MqttBridge, ending: OtaEnding
) -> None:
    """The answer is a success, and only a check tells that the old version runs."""
    async with mqtt_home(hass, bridge, script=script(ending)) as home:
        await home.act("update.install", UPDATE)
        await until(lambda: bool(bridge.responses))
        ((_, response),) = bridge.responses
        assert response["status"] == "ok"
        await home.until_state(UPDATE, "off")
        assert home.state(UPDATE).attributes["installed_version"] == str(NEW)
        await hass.services.async_call(
            "mqtt",
            "publish",
            {
                "topic": "zigbee2mqtt/bridge/request/device/ota_update/check",
                "payload": f'{{"id": "{IEEE}"}}',
            },
            blocking=True,
        )
        await home.until_state(UPDATE, "on")
        assert home.state(UPDATE).attributes["installed_version"] == str(OLD)


@pytest.mark.parametrize(
    ("ending", "error", "started"),
    [
        (OtaEnding.ABORT, "Aborted by device", True),
        (OtaEnding.BATTERY_REFUSAL, "battery too low", False),
    ],
)
async def test_zigbee_update_that_fails(
    hass: HomeAssistant,
    bridge: Zigbee2MqttBridge,
    ending: OtaEnding,
    error: str,
    started: bool,
) -> None:
    """The bridge says why; Home Assistant hears only that it is over."""
    async with mqtt_home(hass, bridge, script=script(ending)) as home:
        await home.act("update.install", UPDATE)
        await until(lambda: bool(bridge.responses))
        ((_, response),) = bridge.responses
        assert response["status"] == "error"
        assert error in response["error"]
        if started:
            await home.until_over(UPDATE)
        assert bool(home.percentages(UPDATE)) is started
        assert home.state(UPDATE).state == "on"
        assert home.state(LOCK).state == "locked"


async def test_zigbee_update_that_never_ends_can_be_aborted(
    hass: HomeAssistant, bridge: Zigbee2MqttBridge
) -> None:
    """By a request of its own; the answer is to who asked for the update."""
    async with mqtt_home(hass, bridge, script=script(OtaEnding.NEVER_ENDS)) as home:
        await home.act("update.install", UPDATE)
        await until(lambda: home.percentages(UPDATE) == [0, 25, 50])
        await hass.services.async_call(
            "mqtt",
            "publish",
            {
                "topic": "zigbee2mqtt/bridge/request/device/ota_update/update/abort",
                "payload": f'{{"id": "{IEEE}"}}',
            },
            blocking=True,
        )
        await home.until_over(UPDATE)
        await until(lambda: len(bridge.responses) == 2)
        (on, agreed), (_, response) = bridge.responses
        assert (on, agreed["status"]) == ("update/abort", "ok")
        assert "was aborted" in response["error"]
        assert [request.verb for request in bridge.requests] == [
            "update",
            "update/abort",
        ]


async def test_zigbee_silence(hass: HomeAssistant, bridge: Zigbee2MqttBridge) -> None:
    """The lock does not hear of it, and is given up."""
    async with mqtt_home(hass, bridge, script=script(OtaEnding.SILENT)) as home:
        await home.act("update.install", UPDATE)
        await until(lambda: bool(bridge.responses))
        ((_, response),) = bridge.responses
        assert "didn't respond" in response["error"]
        assert not home.percentages(UPDATE)


async def test_zigbee_phantom(hass: HomeAssistant, bridge: Zigbee2MqttBridge) -> None:
    """A lock updates though nobody asked."""
    phantom = script(OtaEnding.NEVER_ENDS, starts_by_itself=0.0)
    async with mqtt_home(hass, bridge, script=phantom) as home:
        await home.until(UPDATE, lambda state: state.attributes["in_progress"])
        assert not bridge.requests


async def test_zigbee_phantom_to_its_end(
    hass: HomeAssistant, bridge: Zigbee2MqttBridge
) -> None:
    """Nobody is answered, for nobody asked."""
    async with mqtt_home(hass, bridge, script=script()) as home:
        bridge.start_by_itself(home.lock)
        await home.until_back(UPDATE)
        await home.until_state(UPDATE, "off")
        assert home.percentages(UPDATE)[:5] == [0, 25, 50, 75, 100]
        assert not bridge.requests
        assert not bridge.responses


async def test_zigbee_schedule(hass: HomeAssistant, bridge: Zigbee2MqttBridge) -> None:
    """What is scheduled is no progress, and starts when the lock wakes."""
    async with mqtt_home(hass, bridge, script=script()) as home:
        await hass.services.async_call(
            "mqtt",
            "publish",
            {
                "topic": "zigbee2mqtt/bridge/request/device/ota_update/schedule",
                "payload": f'{{"id": "{IEEE}"}}',
            },
            blocking=True,
        )
        await until(lambda: bool(bridge.responses))
        assert bridge.was_asked("schedule")
        await hass.async_block_till_done()
        assert home.state(UPDATE).attributes["in_progress"] is False
        bridge.wake(home.lock)
        await home.until_back(UPDATE)
        await home.until_state(UPDATE, "off")


@pytest.mark.parametrize(
    ("afterwards", "shows_jam", "found"),
    [
        (BoltAfterwards.UNLOCKED, False, "unlocked"),
        (BoltAfterwards.JAMMED, False, "unlocked"),
        (BoltAfterwards.JAMMED, True, "jammed"),
    ],
)
async def test_zigbee_bolt_after_the_reboot(
    hass: HomeAssistant,
    bridge: Zigbee2MqttBridge,
    afterwards: BoltAfterwards,
    shows_jam: bool,
    found: str,
) -> None:
    """A jam looks like an unlocked door, unless the owner changed the template."""
    plan = script(bolt_afterwards=afterwards)
    async with mqtt_home(hass, bridge, script=plan, shows_jam=shows_jam) as home:
        await home.act("update.install", UPDATE)
        await home.until_back(LOCK)
        await home.until_state(LOCK, found)


async def test_zigbee_bridge_goes_away(
    hass: HomeAssistant, bridge: Zigbee2MqttBridge
) -> None:
    """All its entities are unavailable with it."""
    async with mqtt_home(hass, bridge) as home:
        bridge.tell_bridge_state("offline")
        await home.until_state(UPDATE, "unavailable")
        bridge.tell_bridge_state("online")
        await home.until_state(UPDATE, "on")


async def test_zigbee_lock_leaves(
    hass: HomeAssistant, bridge: Zigbee2MqttBridge
) -> None:
    """Home Assistant forgets its entities."""
    async with mqtt_home(hass, bridge) as home:
        bridge.remove(home.lock)
        await until(lambda: er.async_get(hass).async_get(UPDATE) is None)


def test_missing_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no broker is told how to get one."""
    monkeypatch.setattr("tests.rig.mosquitto.shutil.which", lambda *_, **__: None)
    with pytest.raises(MosquittoError, match="scripts/setup"):
        find_mosquitto()


# ESPHome.

BOLT = "lock.back_door_bolt"
FIRMWARE = "update.back_door_firmware"


@dataclass(kw_only=True)
class EsphomeHome(Watched):
    """A home with a lock that runs ESPHome."""

    lock: EsphomeLock


@asynccontextmanager
async def esphome_home(
    hass: HomeAssistant, script: OtaScript
) -> AsyncGenerator[EsphomeHome]:
    """Connect to a lock for which there is something new."""
    assert await async_setup_component(hass, "homeassistant", {})
    async with EsphomeLock(
        "back-door", "A0:B7:65:4C:3D:77", script=script, latest_version="1.1.0"
    ) as lock:
        home = EsphomeHome(hass=hass, lock=lock)
        entry = MockConfigEntry(
            domain="esphome",
            title=lock.name,
            unique_id=lock.mac.lower(),
            data={
                "host": HOST,
                "port": lock.port,
                "password": "",
                "noise_psk": "",
                "device_name": lock.name,
            },
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        try:
            await home.until_state(FIRMWARE, "on")
            await home.until_state(BOLT, "locked")
            home.seen.clear()
            yield home
        finally:
            # Or Home Assistant would try to come back to a lock that has gone.
            await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
def esphome_host(
    socket_enabled: None, bare_host: None, mock_async_zeroconf: MagicMock
) -> None:
    """Let ESPHome connect."""


@pytest.mark.usefixtures("esphome_host")
async def test_esphome_entities_are_on_one_device(hass: HomeAssistant) -> None:
    """With the maker and the version of its project."""
    async with esphome_home(hass, script()) as home:
        entities = (
            BOLT,
            FIRMWARE,
            "sensor.back_door_battery",
            "binary_sensor.back_door_door",
        )
        (device_id,) = {device_of(hass, entity_id) for entity_id in entities}
        device = dr.async_get(hass).async_get(device_id)
        assert isinstance(device, dr.DeviceEntry)
        assert (device.manufacturer, device.model) == ("Kestrel Locks", "KL-E")
        assert device.sw_version is not None
        assert device.sw_version.startswith("1.0.0")
        assert home.state("sensor.back_door_battery").state == "90.0"
        assert home.state("binary_sensor.back_door_door").state == "off"


@pytest.mark.usefixtures("esphome_host")
async def test_esphome_bolt_moves(hass: HomeAssistant) -> None:
    """On command, a moment later."""
    async with esphome_home(hass, script()) as home:
        await home.act("lock.unlock", BOLT)
        await home.until_state(BOLT, "unlocked")
        await home.act("lock.lock", BOLT)
        await home.until_state(BOLT, "locked")
        assert [state.state for state in home.of(BOLT)][-3:] == [
            "unlocked",
            "locking",
            "locked",
        ]


@pytest.mark.usefixtures("esphome_host")
async def test_esphome_update(hass: HomeAssistant) -> None:
    """It runs with progress, the lock goes away and comes back newer."""
    async with esphome_home(hass, script()) as home:
        await home.act("update.install", FIRMWARE)
        await home.until_back(FIRMWARE)
        await home.until_state(FIRMWARE, "off")
        assert home.state(FIRMWARE).attributes["installed_version"] == "1.1.0"
        assert home.percentages(FIRMWARE) == [0, 25, 50, 75]
        assert home.state(BOLT).state == "locked"
        assert home.lock.record.installs == 1


@pytest.mark.usefixtures("esphome_host")
async def test_esphome_update_rolled_back(hass: HomeAssistant) -> None:
    """All was well until the bootloader took the old image, and the bolt jammed."""
    plan = script(OtaEnding.LIE, bolt_afterwards=BoltAfterwards.JAMMED)
    async with esphome_home(hass, plan) as home:
        await home.act("update.install", FIRMWARE)
        await home.until_back(FIRMWARE)
        await home.until_state(BOLT, "jammed")
        assert home.state(FIRMWARE).attributes["installed_version"] == "1.0.0"
        assert home.state(FIRMWARE).state == "on"


@pytest.mark.usefixtures("esphome_host")
async def test_esphome_update_aborted(hass: HomeAssistant) -> None:
    """It begins, and is over without a reboot."""
    async with esphome_home(hass, script(OtaEnding.ABORT)) as home:
        await home.act("update.install", FIRMWARE)
        await home.until_over(FIRMWARE)
        assert home.state(FIRMWARE).state == "on"
        assert home.lock.record.failures == ["Aborted by device"]


@pytest.mark.usefixtures("esphome_host")
@pytest.mark.parametrize("ending", [OtaEnding.BATTERY_REFUSAL, OtaEnding.SILENT])
async def test_esphome_update_that_never_begins(
    hass: HomeAssistant, ending: OtaEnding
) -> None:
    """The API has no words for why."""
    async with esphome_home(hass, script(ending)) as home:
        await home.act("update.install", FIRMWARE)
        await until(lambda: home.lock.record.installs == 1)
        await hass.async_block_till_done()
        assert not home.percentages(FIRMWARE)
        assert home.state(FIRMWARE).state == "on"


@pytest.mark.usefixtures("esphome_host")
async def test_esphome_phantom(hass: HomeAssistant) -> None:
    """A lock updates though nobody asked."""
    async with esphome_home(hass, script()) as home:
        home.lock.start_by_itself()
        await home.until_back(FIRMWARE)
        await home.until_state(FIRMWARE, "off")
        assert not home.lock.record.installs
