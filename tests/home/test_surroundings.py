"""What the house tells preflight: linked entities, radios, persons, backups."""

from dataclasses import replace
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.nightlatch.adapters.entities import read_surroundings
from custom_components.nightlatch.adapters.holders import reached_by
from custom_components.nightlatch.adapters.situation import read_house, read_radio
from custom_components.nightlatch.core.model import BatteryReading
from custom_components.nightlatch.core.preflight.situation import (
    Bolt,
    Door,
    RadioState,
    Surroundings,
)
from custom_components.nightlatch.core.records.silence import Part
from homeassistant.components import bluetooth
from homeassistant.components.backup import async_get_manager
from homeassistant.components.lock import LockState
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

from .flows import until
from .house import FRONT_DOOR, House
from .night import Night

LOCK = "lock.front_door"
DOOR = "binary_sensor.front_door"
LEVEL = "sensor.front_door_battery"
FLAG = "binary_sensor.front_door_battery"


def around(hass: HomeAssistant, *, battery: str = LEVEL) -> Surroundings:
    """Return what is known of a lock to which everything is linked."""
    return read_surroundings(
        hass, lock_entity=LOCK, battery_entity=battery, door_entity=DOOR
    )


# Entities.


def test_what_is_not_linked_is_not_known(hass: HomeAssistant) -> None:
    """Even where there is such an entity."""
    hass.states.async_set(LOCK, LockState.LOCKED)
    assert (
        read_surroundings(hass, lock_entity=None, battery_entity=None, door_entity=None)
        == Surroundings()
    )


@pytest.mark.parametrize("state", [None, "unavailable", "unknown", "nonsense"])
def test_what_is_linked_and_silent_is_unknown(
    hass: HomeAssistant, state: str | None
) -> None:
    """Which is something else than not linked: it holds an installation."""
    if state is not None:
        for entity_id in (LOCK, DOOR, LEVEL):
            hass.states.async_set(entity_id, state)
    seen = around(hass)
    assert (seen.bolt, seen.door) == (Bolt.UNKNOWN, Door.UNKNOWN)
    assert seen.battery == BatteryReading(level=None)
    assert seen.battery_level is None


def test_every_state_of_a_lock_is_understood(hass: HomeAssistant) -> None:
    """Also one that Home Assistant may add: then this test asks what it means."""
    bolts = {}
    for state in LockState:
        hass.states.async_set(LOCK, state)
        bolts[state] = around(hass).bolt
    assert bolts == {
        LockState.LOCKED: Bolt.LOCKED,
        LockState.UNLOCKED: Bolt.UNLOCKED,
        LockState.LOCKING: Bolt.MOVING,
        LockState.UNLOCKING: Bolt.MOVING,
        LockState.OPENING: Bolt.MOVING,
        LockState.OPEN: Bolt.OPEN,
        LockState.JAMMED: Bolt.JAMMED,
    }


@pytest.mark.parametrize(("state", "door"), [("off", Door.CLOSED), ("on", Door.OPEN)])
def test_a_door_is_open_where_its_sensor_is_on(
    hass: HomeAssistant, state: str, door: Door
) -> None:
    """As for all sensors of doors, windows and openings."""
    hass.states.async_set(DOOR, state)
    assert around(hass).door is door


def test_at_rest_since_it_moved_and_not_since_it_was_told_again(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """A lock that repeats its state has not moved."""
    moved = dt_util.utcnow()
    hass.states.async_set(LOCK, LockState.LOCKED)
    hass.states.async_set(DOOR, "off")
    freezer.tick(timedelta(minutes=5))
    hass.states.async_set(LOCK, LockState.LOCKED, {"changed_by": "Ann"})
    hass.states.async_set(DOOR, "off")
    seen = around(hass)
    assert (seen.bolt_since, seen.door_since) == (moved, moved)


def test_a_level_is_as_old_as_its_last_report(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """A battery that stays at 80 % and says so is not stale."""
    hass.states.async_set(LEVEL, "80")
    freezer.tick(timedelta(days=2))
    hass.states.async_set(LEVEL, "80")
    told = dt_util.utcnow()
    freezer.tick(timedelta(hours=1))
    assert around(hass).battery == BatteryReading(level=80, at=told)


@pytest.mark.parametrize(
    ("state", "level"),
    [
        ("0", 0),
        ("79.4", 79),
        ("100", 100),
        ("101", None),
        ("-1", None),
        ("3000", None),
        ("nan", None),
        ("inf", None),
        ("good", None),
    ],
)
def test_only_a_percentage_is_a_level(
    hass: HomeAssistant, state: str, level: int | None
) -> None:
    """Millivolts would always be enough."""
    hass.states.async_set(LEVEL, state)
    assert around(hass).battery_level == level


@pytest.mark.parametrize("low", [False, True])
def test_a_flag_tells_low_or_not(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, low: bool
) -> None:
    """And when it was told."""
    hass.states.async_set(FLAG, "on" if low else "off")
    battery = around(hass, battery=FLAG).battery
    assert battery is not None
    assert (battery.low, battery.at) == (low, dt_util.utcnow())


@pytest.mark.parametrize(
    ("persons", "someone"),
    [
        ([], None),
        (["home"], True),
        (["not_home", "home"], True),
        (["not_home", "Work"], False),
        (["unknown"], False),
    ],
)
def test_who_is_at_home(
    hass: HomeAssistant, persons: list[str], someone: bool | None
) -> None:
    """One is enough; a house without persons does not know."""
    for number, state in enumerate(persons):
        hass.states.async_set(f"person.number_{number}", state)
    assert around(hass).someone_home is someone


# Radios.


async def test_a_lock_that_nobody_hears_is_not_heard(house: House) -> None:
    """And nothing else is known of the way to it."""
    assert read_radio(house.hass, "C0:00:00:00:00:01") == RadioState(heard=False)


async def test_signal_and_slots_come_from_the_proxy(house: House) -> None:
    """Which other devices of the house use too."""
    assert read_radio(house.hass, FRONT_DOOR) == RadioState(
        heard=True, rssi=-60, free_slots=3
    )
    house.proxy.occupy(2)
    await until(lambda: read_radio(house.hass, FRONT_DOOR).free_slots == 1)
    house.proxy.occupy(3)
    await until(lambda: read_radio(house.hass, FRONT_DOOR).free_slots == 0)
    house.proxy.set_rssi(house.locks[FRONT_DOOR], -90)
    await until(lambda: read_radio(house.hass, FRONT_DOOR).rssi == -90)


async def test_a_radio_that_does_not_count_has_room(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hold the lock for ever; a connection that fails touches nothing."""
    (device,) = bluetooth.async_scanner_devices_by_address(
        house.hass, FRONT_DOOR, connectable=True
    )
    monkeypatch.setattr(type(device.scanner), "get_allocations", lambda _: None)
    assert read_radio(house.hass, FRONT_DOOR) == RadioState(heard=True, rssi=-60)


async def test_the_last_free_connection_is_enough(house: House) -> None:
    """The one by which the lock is asked is given back before the rules are."""
    await house.release("1.1.0")
    house.proxy.occupy(2)
    await until(lambda: read_radio(house.hass, FRONT_DOOR).free_slots == 1)
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


# Home Assistant itself.


@pytest.mark.parametrize(
    ("state", "stopping"),
    [
        (CoreState.starting, False),
        (CoreState.running, False),
        (CoreState.stopping, True),
        (CoreState.final_write, True),
        (CoreState.stopped, True),
    ],
)
def test_nothing_begins_while_home_assistant_stops(
    hass: HomeAssistant, state: CoreState, stopping: bool
) -> None:
    """It would be cut off within a minute."""
    running = hass.state
    hass.set_state(state)
    assert read_house(hass) == (False, stopping)
    hass.set_state(running)


async def test_nothing_is_judged_and_nothing_begins_before_it_has_started(
    house: House,
) -> None:
    """Other integrations are still being set up; what belongs to them is not silent."""
    hass, lock = house.hass, house.managed()
    night = Night(house)
    night.automate()
    await house.release("1.1.0")
    lock.links = replace(lock.links, door_entity="binary_sensor.not_there_yet")
    hass.set_state(CoreState.starting)
    await night.look()
    assert lock.record.silent_since == {}
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    with pytest.raises(HomeAssistantError, match="still starting"):
        await house.install()
    hass.set_state(CoreState.running)
    await night.look()
    assert set(lock.record.silent_since) == {Part.DOOR}


async def test_nothing_begins_while_a_backup_is_made(house: House) -> None:
    """Home Assistant tells when it begins, and when it has ended."""
    hass = house.hass
    await house.release("1.1.0")
    assert await async_setup_component(hass, "backup", {})
    await house.settle()
    manager = async_get_manager(hass)

    await manager.async_pre_backup_actions()
    assert read_house(hass) == (True, False)
    with pytest.raises(HomeAssistantError, match="making a backup"):
        await house.install()
    assert house.locks[FRONT_DOOR].version == "1.0.0"

    await manager.async_post_backup_actions()
    assert read_house(hass) == (False, False)
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


def test_who_reaches_a_lock(hass: HomeAssistant) -> None:
    """By the name of its integration, or what comes nearest to that."""
    assert reached_by(hass, FRONT_DOOR, None) is None
    assert reached_by(hass, FRONT_DOOR, "lock.gone") is None
    hass.states.async_set("lock.plain", "locked", {"friendly_name": "Plain"})
    assert reached_by(hass, FRONT_DOOR, "lock.plain") == "Plain"
    registered = er.async_get(hass).async_get_or_create("lock", "demo", "1")
    hass.states.async_set(registered.entity_id, "locked")
    assert reached_by(hass, FRONT_DOOR, registered.entity_id) == "demo"
