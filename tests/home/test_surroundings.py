"""What other integrations, the radios and Home Assistant itself tell of a lock."""

from datetime import timedelta
from unittest.mock import Mock

import pytest

from custom_components.nightlatch.adapters.entities import read_surroundings
from custom_components.nightlatch.adapters.situation import read_house, read_radio
from custom_components.nightlatch.backup import async_post_backup, async_pre_backup
from custom_components.nightlatch.core.preflight.situation import (
    Bolt,
    Door,
    RadioState,
    Surroundings,
)
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.util import dt as dt_util

from .house import FRONT_DOOR, House

LOCK, BATTERY, DOOR = "lock.front", "sensor.front_battery", "binary_sensor.front"


def read(hass: HomeAssistant, battery: str = BATTERY) -> Surroundings:
    """Return what the linked entities say."""
    return read_surroundings(
        hass, lock_entity=LOCK, battery_entity=battery, door_entity=DOOR
    )


def test_nothing_is_linked(hass: HomeAssistant) -> None:
    """Then nothing is known, and nobody pretends otherwise."""
    assert (
        read_surroundings(hass, lock_entity=None, battery_entity=None, door_entity=None)
        == Surroundings()
    )


@pytest.mark.parametrize("state", [None, "unavailable", "unknown", "much"])
def test_what_is_linked_and_silent_is_unknown(
    hass: HomeAssistant, state: str | None
) -> None:
    """Which is not the same as not linked."""
    if state is not None:
        for entity_id in (LOCK, BATTERY, DOOR):
            hass.states.async_set(entity_id, state)
    seen = read(hass)
    assert (seen.bolt, seen.door) == (Bolt.UNKNOWN, Door.UNKNOWN)
    assert seen.battery is not None
    assert seen.battery.level is None
    assert seen.battery_level is None


@pytest.mark.parametrize(
    ("state", "bolt"),
    [
        ("locked", Bolt.LOCKED),
        ("unlocked", Bolt.UNLOCKED),
        ("locking", Bolt.MOVING),
        ("unlocking", Bolt.MOVING),
        ("opening", Bolt.MOVING),
        ("open", Bolt.OPEN),
        ("jammed", Bolt.JAMMED),
    ],
)
def test_the_bolt(hass: HomeAssistant, state: str, bolt: Bolt) -> None:
    """And since when it is there."""
    since = dt_util.utcnow() - timedelta(hours=1)
    hass.states.async_set(LOCK, state, timestamp=since.timestamp())
    seen = read(hass)
    assert seen.bolt is bolt
    assert seen.bolt_since is not None
    assert abs(seen.bolt_since - since) < timedelta(seconds=1)


@pytest.mark.parametrize(("state", "door"), [("off", Door.CLOSED), ("on", Door.OPEN)])
def test_the_door(hass: HomeAssistant, state: str, door: Door) -> None:
    """On is open, for every kind of opening."""
    hass.states.async_set(DOOR, state)
    assert read(hass).door is door


def test_the_battery(hass: HomeAssistant) -> None:
    """How old the reading is counts from when it was last told, not last changed."""
    for age in (5, 1):
        at = dt_util.utcnow() - timedelta(hours=age)
        hass.states.async_set(BATTERY, "71.6", timestamp=at.timestamp())
    battery = read(hass).battery
    assert battery is not None
    assert (battery.level, battery.low) == (72, False)
    assert battery.at is not None
    assert abs(battery.at - at) < timedelta(seconds=1)


@pytest.mark.parametrize(("state", "level"), [("off", 100), ("on", 0)])
def test_a_battery_sensor_that_only_knows_low(
    hass: HomeAssistant, state: str, level: int
) -> None:
    """Low is low; anything else is all there is."""
    hass.states.async_set("binary_sensor.battery", state)
    battery = read(hass, "binary_sensor.battery").battery
    assert battery is not None
    assert (battery.level, battery.low) == (level, state == "on")


def test_who_is_at_home(hass: HomeAssistant) -> None:
    """Nobody is not the same as nobody knows."""
    assert read(hass).someone_home is None
    hass.states.async_set("person.ann", "not_home")
    hass.states.async_set("person.bob", "unknown")
    assert read(hass).someone_home is False
    hass.states.async_set("person.bob", "home")
    assert read(hass).someone_home is True


async def test_the_radio(house: House) -> None:
    """How well a lock is heard, and whether a connection is left."""
    heard = read_radio(house.hass, FRONT_DOOR)
    assert heard.heard
    assert heard.rssi == -60
    assert heard.free_slots is not None
    assert heard.free_slots > 0
    assert read_radio(house.hass, "C0:00:00:00:00:00") == RadioState(heard=False)


async def test_a_radio_that_does_not_tell_its_slots(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have any number."""
    radio = Mock(scanner=Mock(get_allocations=lambda: None))
    monkeypatch.setattr(
        "homeassistant.components.bluetooth.async_scanner_devices_by_address",
        lambda *_, **__: [radio],
    )
    assert read_radio(house.hass, FRONT_DOOR).free_slots is None


async def test_the_house(hass: HomeAssistant) -> None:
    """A backup, and the end."""
    assert read_house(hass) == (False, False)
    await async_pre_backup(hass)
    assert read_house(hass) == (True, False)
    await async_post_backup(hass)
    assert read_house(hass) == (False, False)
    hass.set_state(CoreState.stopping)
    assert read_house(hass) == (False, True)
    hass.set_state(CoreState.running)
