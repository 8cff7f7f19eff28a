"""The calendar: what was installed, and what will be."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from custom_components.nightlatch.core.schedule.plan import Plan, Waiting
from custom_components.nightlatch.locks.lock import ManagedLock
from homeassistant.core import Event, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity_component import async_update_entity
from homeassistant.helpers.event import (
    async_track_state_change_event,
    async_track_state_report_event,
)
from homeassistant.util import dt as dt_util

from .asked import a_turn, plan_of
from .house import FRONT_DOOR, House
from .night import Night
from .test_phone_actions import announced

CALENDAR = "calendar.nightlatch_installations"


async def events(house: House, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Ask the calendar as an automation does."""
    answer: Any = await house.hass.services.async_call(
        "calendar",
        "get_events",
        {
            "entity_id": CALENDAR,
            "start_date_time": start.isoformat(),
            "end_date_time": end.isoformat(),
        },
        blocking=True,
        return_response=True,
    )
    found: list[dict[str, Any]] = answer[CALENDAR]["events"]
    return found


async def around(house: House) -> list[dict[str, Any]]:
    """Return what is in the calendar around now."""
    now = dt_util.utcnow()
    return await events(house, now - timedelta(days=2), now + timedelta(days=2))


async def test_a_house_in_which_nothing_happens(house: House) -> None:
    """An empty calendar, on the household's own device, that nobody can write to."""
    state = house.state(CALENDAR)
    assert state.state == "off"
    assert "message" not in state.attributes
    assert state.attributes.get("supported_features", 0) == 0
    assert await around(house) == []
    entity = er.async_get(house.hass).async_get(CALENDAR)
    assert entity is not None
    assert entity.device_id is not None
    device = dr.async_get(house.hass).async_get(entity.device_id)
    assert device is not None
    assert device.name == "Nightlatch"


async def test_what_is_planned(two_doors: House) -> None:
    """When, on which lock, which version, and for how long."""
    house = two_doors
    await announced(house)
    found = await around(house)
    assert sorted(each["summary"] for each in found) == [
        "Back door: 1.1.0",
        "Front door: 1.1.0",
    ]
    plan = plan_of(house.managed())
    assert plan.starts_at is not None
    starts = {datetime.fromisoformat(each["start"]) for each in found}
    assert starts == {plan.starts_at}
    ends = {datetime.fromisoformat(each["end"]) for each in found}
    assert ends == {plan.starts_at + plan.expected}
    state = house.state(CALENDAR)
    assert state.state == "off"
    assert state.attributes["message"] in {each["summary"] for each in found}


async def test_what_may_start_at_any_moment_is_going_on(house: House) -> None:
    """And it does not begin anew at every moment, which would be told each time."""
    night = Night(house, gate_entity="input_boolean.asleep")
    night.automate()
    await house.release("1.1.0")
    await night.look()
    assert plan_of(house.managed()).waiting is Waiting.GATE
    told: list[Any] = []

    @callback
    def tell(event: Event[Any]) -> None:
        told.append(event)

    for track in (async_track_state_change_event, async_track_state_report_event):
        house.entry.async_on_unload(track(house.hass, CALENDAR, tell))
    house.runtime.locks.async_changed()
    assert house.state(CALENDAR).state == "on"
    await asyncio.sleep(0.3)
    assert len(told) == 1
    # Nor at each minute: it has been due since one moment, and is until the night ends.
    (due,) = await around(house)
    plan = plan_of(house.managed())
    assert datetime.fromisoformat(due["start"]) == plan.due_since
    assert datetime.fromisoformat(due["end"]) == plan.window_end
    shown = house.state(CALENDAR).attributes
    now = dt_util.utcnow()
    for minutes in range(1, 4):
        later = now + timedelta(minutes=minutes)
        await house.runtime.scheduler.async_look(later)
        house.runtime.locks.async_changed()
        await a_turn()
    assert house.state(CALENDAR).attributes == shown


async def test_what_somebody_wants_now_is_due_from_then_on(house: House) -> None:
    """No quiet hours bind it, so it is shown to the end of an hour."""
    night = Night(house, gate_entity="input_boolean.asleep")
    night.set_lock(mode="ask")
    await house.release("1.1.0")
    lock, wanted = house.managed(), dt_util.utcnow() - timedelta(minutes=90)
    assert lock.release is not None
    decided = lock.decided
    decided.kept = replace(
        decided.kept, scheduled_at=wanted, scheduled_for=lock.release.key
    )
    lock.async_changed()
    await a_turn()
    (due,) = await around(house)
    assert datetime.fromisoformat(due["start"]) == wanted
    end = datetime.fromisoformat(due["end"])
    assert (end.minute, end.second, end.microsecond) == (0, 0, 0)
    assert timedelta() < end - dt_util.utcnow() <= timedelta(minutes=80)


async def test_what_is_not_planned_any_more_is_gone(house: House) -> None:
    """The state follows at once."""
    await announced(house)
    assert "message" in house.state(CALENDAR).attributes
    await house.managed().decided.async_skip("1.1.0")
    await a_turn()
    assert "message" not in house.state(CALENDAR).attributes
    assert await around(house) == []


async def test_what_was_installed_and_what_was_not(house: House) -> None:
    """With how it ended; the newest last."""
    night = Night(house)
    await house.release("1.1.0")
    await house.install()
    house.locks[FRONT_DOOR].buttonless_status = 6
    night.automate()
    await house.release("1.2.0")
    await night.look()
    found = await around(house)
    past, failed = found[:2]
    assert past["summary"] == "Front door: 1.1.0, installed"
    assert "description" not in past
    assert failed["summary"] == "Front door: 1.2.0, failed"
    assert "refused to start its bootloader" in failed["description"]
    first = house.managed().record.history[0]
    begins = datetime.fromisoformat(past["start"])
    assert abs(begins - first.started) < timedelta(seconds=1)
    # A calendar shows nothing shorter.
    lasts = datetime.fromisoformat(past["end"]) - begins
    assert timedelta(seconds=59) <= lasts <= timedelta(seconds=61)


async def test_only_what_lies_in_the_span_that_was_asked_for(house: House) -> None:
    """Neither what is over nor what comes later."""
    night = Night(house)
    night.set_lock(mode="ask")
    await house.release("1.1.0")
    await house.install()
    now = dt_util.utcnow()
    assert await events(house, now - timedelta(days=9), now - timedelta(days=1)) == []
    assert await events(house, now + timedelta(days=1), now + timedelta(days=9)) == []
    assert len(await around(house)) == 1


async def test_it_is_on_while_something_is_installed(house: House) -> None:
    """What is due now begins now, however late it has become."""
    night = Night(house)
    night.automate()
    await house.release("1.1.0")
    lock = house.managed()
    assert lock.release is not None
    await lock.decided.async_note_announced(lock.release)
    assert plan_of(lock).waiting is None
    await a_turn()
    assert house.state(CALENDAR).state == "on"
    await house.install()
    assert house.state(CALENDAR).state == "off"


async def test_a_state_asks_for_each_plan_once(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often Home Assistant looks at what comes next."""
    house = two_doors
    await announced(house)
    asked: list[str] = []

    planner = house.runtime.planner
    real = planner.plan

    def counted(lock: ManagedLock) -> Plan:
        asked.append(lock.name)
        return real(lock)

    monkeypatch.setattr(planner, "plan", counted)
    await async_update_entity(house.hass, CALENDAR)
    assert sorted(asked) == ["Back door", "Front door"]
    assert house.state(CALENDAR).attributes["message"].endswith(": 1.1.0")
