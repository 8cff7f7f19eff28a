"""What the same rule holds night after night becomes a repair, and only that."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest

from homeassistant.helpers import issue_registry as ir

from .asked import a_turn
from .house import FRONT_DOOR, House
from .night import Night

DOOR = "binary_sensor.front"
DAY = timedelta(days=1)


async def repair(house: House) -> dict[str, str] | None:
    """Return what the repair names, if there is one."""
    await a_turn()
    return next(
        (
            dict(issue.translation_placeholders or {})
            for issue in ir.async_get(house.hass).issues.values()
            if issue.active and issue.translation_key == "held_nights"
        ),
        None,
    )


async def nights(
    night: Night, freezer: FrozenDateTimeFactory, count: int, *, first: bool = False
) -> None:
    """Let nights pass, in each of which it is tried."""
    for each in range(count):
        if each or not first:
            freezer.tick(DAY)
            # What was heard in the meantime is as if it were now.
            await night.house.check()
        await night.look()
        await night.look()


async def open_door(house: House) -> Night:
    """Let a lock be updated by itself behind a door that stands open."""
    night = Night(house)
    house.hass.states.async_set(DOOR, "on")
    night.automate(door_entity=DOOR)
    await house.release("1.1.0")
    return night


async def test_the_third_night_is_a_repair(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """With why, and what a person can do; also after a restart."""
    night = await open_door(house)
    await nights(night, freezer, 2, first=True)
    assert await repair(house) is None
    await nights(night, freezer, 1)
    told = await repair(house)
    assert told is not None
    assert (told["lock"], told["version"], told["nights"]) == (
        "Front door",
        "1.1.0",
        "3",
    )
    assert told["why"] == "- The door is open. Shut it."
    # By day it is shut, which says nothing of the night.
    house.hass.states.async_set(DOOR, "off")
    house.managed().async_changed()
    assert await repair(house) == told
    assert await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.settle()
    assert house.managed().record.held is not None
    house.managed().async_changed()
    assert await repair(house) == told


async def test_it_is_gone_once_it_is_installed(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """However it came to be."""
    night = await open_door(house)
    await nights(night, freezer, 3, first=True)
    assert await repair(house) is not None
    house.hass.states.async_set(DOOR, "off")
    freezer.tick(timedelta(hours=1))
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert house.managed().record.held is None
    assert await repair(house) is None


async def test_another_release_begins_anew(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """Three nights of two releases are no three nights."""
    night = await open_door(house)
    await nights(night, freezer, 2, first=True)
    await house.release("1.2.0")
    assert house.managed().record.held is None
    await nights(night, freezer, 2)
    assert await repair(house) is None


@pytest.mark.parametrize("mode", ["ask", "pinned"])
async def test_what_is_not_to_be_installed_by_itself_is_not_held(
    house: House, freezer: FrozenDateTimeFactory, mode: str
) -> None:
    """Whoever decides so knows it."""
    night = await open_door(house)
    await nights(night, freezer, 3, first=True)
    assert await repair(house) is not None
    if mode == "ask":
        night.set_lock(mode="ask")
    else:
        await house.managed().decided.async_pin("1.0.0")
    await house.settle()
    house.managed().async_changed()
    assert await repair(house) is None


async def test_a_battery_that_was_changed_is_held_no_longer(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """What lasts is looked at by day, too."""
    night = Night(house)
    level = "sensor.front_battery"
    house.hass.states.async_set(level, "5")
    night.automate(battery_entity=level)
    await house.release("1.1.0")
    await nights(night, freezer, 3, first=True)
    told = await repair(house)
    assert told is not None
    assert "5 %" in told["why"]
    house.hass.states.async_set(level, "95")
    house.managed().async_changed()
    assert await repair(house) is None
