"""A lock that behaves strangely during its update, and an alarm that knows of it."""

from pathlib import Path
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_mock_service  # type: ignore[import-untyped]

from custom_components.nightlatch.core.guard.conduct import PHANTOM_AFTER, STUCK_AFTER
from homeassistant.core import Event, EventStateChangedData, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import parse_yaml
from tests.rig.lock import Mode
from tests.rig.ota_script import OtaEnding, OtaScript

from .flows import until
from .house import FRONT_DOOR, OUTCOME, House
from .test_cut_off import lose_power, start_again
from .test_lifecycle import begin, slow_down, speed_up
from .test_recovery import one_bank  # noqa: F401
from .test_watch import send_to_bootloader
from .test_watched import WatchedHouse, watched_house  # noqa: F401
from .zigbee_house import ZigbeeHouse

UPDATING = "binary_sensor.front_door_being_updated"
SIDE_DOOR = "binary_sensor.side_door_being_updated"
ATTIC = "binary_sensor.attic_being_updated"
PAGE = Path(__file__).parents[2] / "docs" / "help.md"


async def test_it_is_on_from_the_first_touch_to_the_proof(
    house: House,
) -> None:
    """Once each, whatever percent the installation is at."""
    modes: list[tuple[str, Mode]] = []

    @callback
    def changed(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        assert state is not None
        modes.append((state.state, house.locks[FRONT_DOOR].mode))

    await house.release("1.1.0")
    assert house.state(UPDATING).state == "off"
    house.entry.async_on_unload(
        async_track_state_change_event(house.hass, [UPDATING], changed)
    )
    await house.install()
    await house.settle()
    assert modes == [("on", Mode.APPLICATION), ("off", Mode.APPLICATION)]
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_what_touches_no_lock_silences_no_alarm(house: House) -> None:
    """An installation that was refused has only asked."""
    await house.release("1.1.0")
    house.locks[FRONT_DOOR].set_battery(20)
    states = house.record(UPDATING)
    with pytest.raises(HomeAssistantError):
        await house.install()
    await house.settle()
    assert {state.state for state in states} <= {"off"}


async def test_a_bootloader_that_is_heard_silences_no_alarm(house: House) -> None:
    """Anybody can advertise one."""
    states = house.record(UPDATING)
    send_to_bootloader(house.locks[FRONT_DOOR])
    await until(lambda: house.managed().in_bootloader)
    await house.settle()
    assert house.state(UPDATING).state == "off"
    assert {state.state for state in states} <= {"off"}


async def test_it_stays_on_over_a_restart(one_bank: House) -> None:  # noqa: F811
    """The lock is in the middle of it, whoever looks."""
    house = one_bank
    await lose_power(house)

    async def look() -> None:
        assert house.state(UPDATING).state == "on"
        house.locks[FRONT_DOOR].restore_power()

    states = house.record(UPDATING)
    await start_again(house, look)
    await until(lambda: house.state(OUTCOME).state == "succeeded")
    await until(lambda: house.state(UPDATING).state == "off")
    shown = [state.state for state in states if state.state != "unavailable"]
    assert shown == ["on"] * (len(shown) - 1) + ["off"]


async def test_an_update_that_others_begin_counts(zigbee_house: ZigbeeHouse) -> None:
    """As long as it is at work."""
    assert zigbee_house.state(SIDE_DOOR).state == "off"
    zigbee_house.lock.script = OtaScript(duration=0.5)
    zigbee_house.bridge.start_by_itself(zigbee_house.lock)
    await until(lambda: zigbee_house.state(SIDE_DOOR).state == "on")
    await until(lambda: zigbee_house.state(SIDE_DOOR).state == "off")


async def test_a_source_that_stays_updating_excuses_nothing(
    zigbee_house: ZigbeeHouse,
) -> None:
    """For good an alarm would be silent."""
    zigbee_house.lock.script = OtaScript(ending=OtaEnding.NEVER_ENDS, duration=0.1)
    zigbee_house.bridge.start_by_itself(zigbee_house.lock)
    await until(lambda: zigbee_house.state(SIDE_DOOR).state == "on")
    zigbee_house.managed.kind.look(dt_util.utcnow() + STUCK_AFTER)
    await until(lambda: zigbee_house.state(SIDE_DOOR).state == "off")


async def test_a_watched_lock_is_seen_to_be_updated(
    watched_house: WatchedHouse,  # noqa: F811
) -> None:
    """Where an update entity tells of it."""
    house = watched_house
    house.offers("1.1")
    await house.add_lock(version_entity="update.attic_firmware")

    def shown() -> str | None:
        state = house.hass.states.get(ATTIC)
        return state.state if state is not None else None

    await until(lambda: shown() == "off")
    house.offers("1.1", in_progress=True)
    await until(lambda: shown() == "on")
    house.managed.kind.look(dt_util.utcnow() + PHANTOM_AFTER)
    assert shown() == "on"
    house.managed.kind.look(dt_util.utcnow() + STUCK_AFTER)
    assert shown() == "off"
    house.offers("1.1", in_progress=True, update_percentage=30)
    await until(lambda: shown() == "on")
    house.offers("1.1", installed_version="1.1")
    await until(lambda: shown() == "off")


async def alarms_of(house: House) -> list[Any]:
    """Paste the automation of the page, and return the alarms that it raises."""
    (block,) = re.findall(
        r"^```yaml\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    alarms: list[Any] = async_mock_service(
        house.hass, "alarm_control_panel", "alarm_trigger"
    )
    house.hass.states.async_set("lock.front_door", "locked")
    assert await async_setup_component(
        house.hass, "automation", {"automation": parse_yaml(block)}
    )
    await house.hass.async_block_till_done()
    return alarms


async def move(house: House, state: str) -> None:
    """Let the lock entity of the door say something, and everybody hear it."""
    house.hass.states.async_set("lock.front_door", state)
    await house.hass.async_block_till_done()


async def test_the_alarm_of_the_page_is_silent_during_an_update(house: House) -> None:
    """And at no other time; what is still unlocked afterwards is told then."""
    alarms = await alarms_of(house)
    await move(house, "unlocked")
    assert len(alarms) == 1
    await move(house, "locked")

    await house.release("1.1.0")
    slow_down(house)
    press = await begin(house)
    await move(house, "unlocked")
    await move(house, "locked")
    await move(house, "unlocked")
    assert len(alarms) == 1
    speed_up(house)
    await press
    await house.settle()
    assert len(alarms) == 2


async def test_the_alarm_of_the_page_works_without_nightlatch(house: House) -> None:
    """A sensor that is not there silences nothing."""
    alarms = await alarms_of(house)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    await move(house, "unlocked")
    assert len(alarms) == 1
