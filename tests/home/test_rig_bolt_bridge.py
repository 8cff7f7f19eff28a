"""The rig's gateway for Bluetooth locks, as Home Assistant's own MQTT takes it.

Nothing of Nightlatch is set up: these tests hold the equipment to what Home
Assistant's own integration makes of it.
"""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.rig.bolt_bridge import BoltBridge, BridgedLock
from tests.rig.lock import Bolt, Mode, VirtualLock
from tests.rig.mosquitto import running_broker
from tests.rig.scene import make_lock
from tests.rig.vendor import Vendor

from .flows import until

LOCK = "lock.garden_door"
SWITCH = "switch.garden_door_auto_lock"
NUMBER = "number.garden_door_auto_lock_delay"


@pytest.fixture
async def bridged(
    hass: HomeAssistant, socket_enabled: None
) -> AsyncGenerator[BridgedLock]:
    """Let MQTT discover a lock that is on the air."""
    # MQTT reads it, whether or not it says anything of MQTT.
    Path(hass.config.path("configuration.yaml")).touch()  # noqa: ASYNC240
    assert await async_setup_component(hass, "homeassistant", {})
    lock = make_lock(Vendor(), "C0:4E:1A:7C:00:21")
    async with (
        running_broker() as broker,
        BoltBridge(host=broker.host, port=broker.port) as bridge,
    ):
        bridged = bridge.add(BridgedLock(name="Garden door", lock=lock))
        entry = MockConfigEntry(
            domain="mqtt", data={"broker": broker.host, "port": broker.port}, version=2
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await until_says(hass, LOCK, "locked")
        yield bridged
        assert await hass.config_entries.async_unload(entry.entry_id)
    lock.cut_power()


async def until_says(hass: HomeAssistant, entity_id: str, wanted: str) -> None:
    """Wait for a state."""
    await until(
        lambda: (
            (state := hass.states.get(entity_id)) is not None and state.state == wanted
        )
    )


async def act(hass: HomeAssistant, action: str, entity_id: str, **data: object) -> None:
    """Perform an action on an entity."""
    domain, name = action.split(".")
    await hass.services.async_call(
        domain, name, {"entity_id": entity_id, **data}, blocking=True
    )


async def test_the_bolt_is_shown_and_moved(
    hass: HomeAssistant, bridged: BridgedLock
) -> None:
    """By hand, and by command."""
    await act(hass, "lock.unlock", LOCK)
    await until_says(hass, LOCK, "unlocked")
    assert bridged.lock.bolt is Bolt.UNLOCKED
    await act(hass, "lock.lock", LOCK)
    await until_says(hass, LOCK, "locked")
    bridged.lock.move_bolt(Bolt.UNLOCKED)
    await until_says(hass, LOCK, "unlocked")
    assert bridged.commands == ["UNLOCK", "LOCK"]


async def test_a_jam_is_shown_and_no_command_frees_it(
    hass: HomeAssistant, bridged: BridgedLock
) -> None:
    """As with a bolt that is in something's way."""
    bridged.lock.move_bolt(Bolt.JAMMED)
    await until_says(hass, LOCK, "jammed")
    await act(hass, "lock.lock", LOCK)
    await until(lambda: bridged.commands == ["LOCK"])
    await until_says(hass, LOCK, "jammed")


async def test_a_lock_that_is_not_on_the_air_is_unavailable(
    hass: HomeAssistant, bridged: BridgedLock
) -> None:
    """Without power, and while it starts."""
    bridged.lock.cut_power(restore_after=0.2)
    await until_says(hass, LOCK, "unavailable")
    await until_says(hass, LOCK, "locked")
    assert bridged.lock.mode is Mode.APPLICATION


async def test_the_settings_are_set(hass: HomeAssistant, bridged: BridgedLock) -> None:
    """From the factory or by the owner."""
    await until_says(hass, SWITCH, "on")
    await until_says(hass, NUMBER, "30")
    await act(hass, "switch.turn_off", SWITCH)
    await act(hass, "number.set_value", NUMBER, value=90)
    await until_says(hass, SWITCH, "off")
    await until_says(hass, NUMBER, "90")
    await until_says(hass, "sensor.garden_door_battery", "90")


@pytest.mark.parametrize(("forgets", "left"), [(True, "30"), (False, "90")])
async def test_other_firmware_may_forget_the_settings(
    hass: HomeAssistant, bridged: BridgedLock, forgets: bool, left: str
) -> None:
    """But a restart alone does not."""
    bridged.forgets_settings = forgets
    await act(hass, "number.set_value", NUMBER, value=90)
    await until_says(hass, NUMBER, "90")
    assert isinstance(bridged.lock, VirtualLock)
    bridged.lock.cut_power(restore_after=0.1)
    await until_says(hass, LOCK, "unavailable")
    await until_says(hass, LOCK, "locked")
    await until_says(hass, NUMBER, "90")

    bridged.lock.comes_back_as = "1.1.0"
    bridged.lock.cut_power(restore_after=0.1)
    await until_says(hass, LOCK, "unavailable")
    await until_says(hass, LOCK, "locked")
    await until_says(hass, NUMBER, left)
