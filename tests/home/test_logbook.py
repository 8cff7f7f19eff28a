"""The logbook: a line for whatever happens to a lock."""

from typing import Any

import pytest

from custom_components.nightlatch.const import EVENT_NIGHTLATCH
from custom_components.nightlatch.events import Happening
from custom_components.nightlatch.locks.lock import ManagedLock
from custom_components.nightlatch.locks.registry import LockRegistry
from homeassistant.components.logbook.models import async_event_to_row
from homeassistant.components.logbook.processor import EventProcessor
from homeassistant.core import Event, HomeAssistant
from homeassistant.setup import async_setup_component

from .flows import until
from .house import FRONT_DOOR, UPDATE, House
from .night import Night


async def lines(hass: HomeAssistant, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the logbook shows while these events come."""
    # It reads what is over from the database; what comes it is told by the bus.
    hass.config.components.add("recorder")
    assert await async_setup_component(hass, "logbook", {})
    await hass.async_block_till_done()
    processor = EventProcessor(hass, (EVENT_NIGHTLATCH,))
    return processor.humanify(
        async_event_to_row(Event(EVENT_NIGHTLATCH, each)) for each in events
    )


async def test_the_lines_of_a_night(house: House) -> None:
    """Each by the name of the door, and at its update entity."""
    night = Night(house)
    night.automate()
    await house.release("1.1.0")
    await night.look()
    found = await lines(house.hass, *night.events)
    seconds = float(night.events[-1]["seconds"])
    took = f", {seconds:.0f} s"
    assert seconds > 0
    assert [each["message"] for each in found] == [
        "can be updated to 1.1.0",
        "will be updated to 1.1.0",
        "is being updated to 1.1.0",
        f"was updated to 1.1.0 and works{took}",
    ]
    assert {each["name"] for each in found} == {"Front door"}
    assert {each["entity_id"] for each in found} == {UPDATE}
    assert {each["domain"] for each in found} == {"nightlatch"}


async def test_what_waits_says_why_and_its_name_once(house: House) -> None:
    """The name stands before the line already."""
    night = Night(house)
    house.hass.states.async_set("binary_sensor.front", "on")
    night.automate(door_entity="binary_sensor.front")
    await house.release("1.1.0")
    await night.look()
    (line,) = await lines(house.hass, night.events[-1])
    told = "waits with its update to 1.1.0: The door is open. Shut it."
    assert line["message"] == told


@pytest.mark.parametrize(
    ("seconds", "took"),
    [
        ("14.2", ", 14 s"),
        ("150", ", 2 min"),
        ("0.0", ""),
        ("nan", ""),
        ("soon", ""),
        (None, ""),
    ],
)
async def test_how_long_it_took_is_told_where_it_is_known(
    house: House, seconds: str | None, took: str
) -> None:
    """Anybody may fire an event."""
    event = {"type": "update_installed", "name": "Shed", "version": "1.1.0"}
    told = event if seconds is None else {**event, "seconds": seconds}
    (line,) = await lines(house.hass, told)
    assert line["message"] == f"was updated to 1.1.0 and works{took}"


async def test_the_first_thing_that_happens_to_a_lock_has_its_ids(
    empty_house: House,
) -> None:
    """Without them Activity shows nothing of it, and no automation is about it."""
    house = empty_house
    await house.add_feed()
    await house.release("1.1.0")
    night = Night(house)
    await house.add_lock(FRONT_DOOR, "Front door")
    await until(lambda: bool(night.told))
    (event,) = night.events
    assert event["type"] == "update_available"
    assert event["entity_id"] == UPDATE
    assert event["device_id"] == house.managed().device_id is not None
    assert night.told[0].data["data"]["clickAction"] == f"entityId:{UPDATE}"


async def test_what_happens_to_a_lock_without_entities_is_told_all_the_same(
    empty_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is unloaded at the latest."""
    house = empty_house
    await house.add_feed()
    await house.release("1.1.0")
    night = Night(house)
    monkeypatch.setattr(ManagedLock, "update_entity_id", None)
    monkeypatch.setattr(LockRegistry, "async_has_entities", lambda *_: None)
    await house.add_lock(FRONT_DOOR, "Front door")
    assert night.events == []
    house.runtime.locks.async_close()
    assert night.types() == ["update_available"]


async def test_nothing_is_told_of_a_lock_that_is_gone_before_it_had_entities(
    empty_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a button come for it, and nothing waits for its entities any more."""
    house = empty_house
    await house.add_feed()
    await house.release("1.1.0")
    night = Night(house)
    monkeypatch.setattr(ManagedLock, "update_entity_id", None)
    monkeypatch.setattr(LockRegistry, "async_has_entities", lambda *_: None)
    await house.add_lock(FRONT_DOOR, "Front door")
    locks = house.runtime.locks
    assert locks._stop_waiting
    await house.remove("Front door")
    assert not locks._stop_waiting
    locks.async_close()
    await house.settle()
    assert (night.events, night.told) == ([], [])


async def test_a_failure_says_why(house: House) -> None:
    """In the words that people were told."""
    night = Night(house)
    night.automate()
    house.locks[FRONT_DOOR].buttonless_status = 6
    await house.release("1.1.0")
    await night.look()
    line = (await lines(house.hass, night.events[-1]))[0]["message"]
    assert line.startswith("was not updated to 1.1.0: Front door refused")


@pytest.mark.parametrize("happening", list(Happening))
async def test_everything_that_can_happen_has_a_line(
    house: House, happening: Happening
) -> None:
    """Also where little is known of it."""
    (line,) = await lines(house.hass, {"type": str(happening), "name": "Shed {x}"})
    assert line["name"] == "Shed {x}"
    assert "entity_id" not in line
    assert line["message"] != str(happening)
    assert line["message"][-1] not in ": "


async def test_what_it_does_not_know_does_not_break_the_page(house: House) -> None:
    """Anybody may fire an event, and a newer version may have more of them."""
    known = {"type": "update_cancelled", "name": "Front door"}
    found = await lines(house.hass, {}, {"type": "sung_to", "name": "Shed"}, known)
    assert [each["message"] for each in found] == [
        "",
        "sung_to",
        "is not updated: it was cancelled",
    ]
