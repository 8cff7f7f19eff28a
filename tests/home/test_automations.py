"""Our triggers and conditions, in the automations of a real Home Assistant."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_mock_service  # type: ignore[import-untyped]

from homeassistant.core import ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import condition, entity_registry as er
from homeassistant.setup import async_setup_component

from .house import FRONT_DOOR, UPDATE, House
from .night import Night

EVENT = "event.front_door_firmware_event"
BACK_EVENT = "event.back_door_firmware_event"


async def automate(house: House, *triggers: dict[str, Any]) -> list[ServiceCall]:
    """Make an automation and return what it calls."""
    calls: list[ServiceCall] = async_mock_service(house.hass, "test", "happened")
    assert await async_setup_component(
        house.hass,
        "automation",
        {
            "automation": {
                "triggers": list(triggers),
                "actions": {
                    "action": "test.happened",
                    "data": {"trigger": "{{ trigger.id }}"},
                },
            }
        },
    )
    await house.hass.async_block_till_done()
    return calls


def trigger(name: str, *entity_ids: str) -> dict[str, Any]:
    """Return one of our triggers."""
    return {
        "id": name,
        "trigger": f"nightlatch.{name}",
        "target": {"entity_id": list(entity_ids or (EVENT,))},
    }


async def test_a_night_triggers(house: House) -> None:
    """What it is announced, started and installed."""
    calls = await automate(
        house,
        *(
            trigger(name)
            for name in ("update_announced", "update_started", "update_installed")
        ),
    )
    night = Night(house)
    night.automate()
    await house.release("1.1.0")
    await night.look()
    assert [call.data["trigger"] for call in calls] == [
        "update_announced",
        "update_started",
        "update_installed",
    ]


async def test_what_goes_wrong_triggers(two_doors: House) -> None:
    """At that lock only."""
    house = two_doors
    calls = await automate(
        house,
        trigger("update_failed"),
        trigger("update_held"),
        trigger("manual_step_needed"),
        {**trigger("update_failed", BACK_EVENT), "id": "back"},
    )
    await house.release("1.1.0")
    house.locks[FRONT_DOOR].set_battery(20)
    with pytest.raises(HomeAssistantError):
        await house.install()
    house.locks[FRONT_DOOR].set_battery(95)
    house.locks[FRONT_DOOR].buttonless_status = 6
    with pytest.raises(HomeAssistantError):
        await house.install()
    await house.hass.async_block_till_done()
    assert [call.data["trigger"] for call in calls] == ["update_held", "update_failed"]


async def test_other_events_do_not_trigger(house: House) -> None:
    """Though an entity of somebody else may call its event the same."""
    calls = await automate(house, trigger("update_failed", "event.of_another"))
    for moment in ("2026-11-24T01:00:00", "2026-11-24T02:00:00"):
        house.hass.states.async_set(
            "event.of_another", moment, {"event_type": "update_failed"}
        )
    await house.hass.async_block_till_done()
    assert calls == []


async def holds(house: House, name: str, entity_id: str = UPDATE) -> bool:
    """Return whether one of our conditions holds."""
    config = await condition.async_validate_condition_config(
        house.hass,
        {
            "condition": f"nightlatch.{name}",
            "target": {"entity_id": entity_id},
            "options": {"behavior": "any"},
        },
    )
    checker = await condition.async_from_config(house.hass, config)
    try:
        return bool(checker.async_check(variables={}))
    finally:
        checker.async_unload()


async def test_a_pending_update(house: House) -> None:
    """Once there is a release, and until it runs."""
    assert not await holds(house, "has_pending_update")
    await house.release("1.1.0")
    assert await holds(house, "has_pending_update")
    await house.install()
    assert not await holds(house, "has_pending_update")


async def test_quiet_hours(house: House) -> None:
    """Those of the lock where it has its own."""
    night = Night(house)
    await house.settle()
    assert await holds(house, "in_quiet_hours")
    never = {"weekdays": [], "start": "01:00", "end": "02:00"}
    night.set_lock(quiet_hours=never)
    await house.settle()
    assert not await holds(house, "in_quiet_hours")


async def test_ready(house: House) -> None:
    """Nothing stands against it; nothing is no lock of ours."""
    assert not await holds(house, "is_ready")
    await house.release("1.1.0")
    assert await holds(house, "is_ready")
    Night(house).set_lock(no_door_sensor=False)
    await house.settle()
    assert not await holds(house, "is_ready")
    assert not await holds(house, "is_ready", "update.of_another")
    house.hass.states.async_set("update.of_another", "on")
    assert not await holds(house, "is_ready", "update.of_another")
    registry = er.async_get(house.hass)
    stray = registry.async_get_or_create("update", "nightlatch", "stray").entity_id
    house.hass.states.async_set(stray, "on")
    assert not await holds(house, "is_ready", stray)
