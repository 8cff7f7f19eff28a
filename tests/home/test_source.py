"""A source that is not as it was: said by the plan, a repair, and whoever installs."""

from datetime import timedelta
from typing import Any, Protocol

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.model import Origin
from custom_components.nightlatch.core.records.silence import SILENT_AFTER
from custom_components.nightlatch.core.schedule.plan import Waiting
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.util import dt as dt_util

from .asked import plan_of
from .flows import options_of, start_flow, submit, until
from .zigbee_house import HOLD, LOCK, NEW, OLD, SOURCE, UPDATE, ZigbeeHouse

DOOR = "binary_sensor.side_door_contact"
CONSENT = {"user_id": None, "user_name": None, "at": "2026-11-01T12:00:00+00:00"}


class Home(Protocol):
    """A house with Nightlatch in it."""

    hass: HomeAssistant
    entry: MockConfigEntry


async def look(house: Home) -> None:
    """Let a minute pass."""
    await house.entry.runtime_data.scheduler.async_look(dt_util.utcnow())


def repairs(house: Home) -> dict[str, dict[str, str]]:
    """Return what a person has to do, and what it names."""
    return {
        issue.translation_key or "": dict(issue.translation_placeholders or {})
        for issue in ir.async_get(house.hass).issues.values()
        if issue.domain == DOMAIN and issue.active
    }


def automate(house: Home) -> None:
    """Let the lock be updated by itself, tonight if nothing stands against it."""
    (subentry,) = house.entry.subentries.values()
    now = dt_util.now()
    house.hass.config_entries.async_update_entry(
        house.entry,
        options={
            "soak_days": 0,
            "notice_at": (now - timedelta(minutes=1)).time().isoformat("minutes"),
        },
    )
    house.hass.config_entries.async_update_subentry(
        house.entry,
        subentry,
        data={**subentry.data, "mode": "automatic", "consent": CONSENT},
    )


def disable(house: ZigbeeHouse) -> None:
    """Disable the source, as a person does in its settings."""
    er.async_get(house.hass).async_update_entity(
        SOURCE, disabled_by=er.RegistryEntryDisabler.USER
    )


def delete(house: ZigbeeHouse) -> None:
    """Delete the source."""
    er.async_get(house.hass).async_remove(SOURCE)


async def plan_told(house: Home, entity_id: str = UPDATE) -> dict[str, Any]:
    """Return what ``get_plan`` says."""
    answer: Any = await house.hass.services.async_call(
        DOMAIN,
        "get_plan",
        {"entity_id": entity_id},
        blocking=True,
        return_response=True,
    )
    told: dict[str, Any] = answer[entity_id]
    return told


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (disable, "source_disabled"),
        (delete, "source_gone"),
    ],
)
async def test_a_source_that_is_not_as_it_was_is_told(
    zigbee_house: ZigbeeHouse, change: Any, problem: str
) -> None:
    """With one reason, in the plan, as a repair, and to who installs."""
    house = zigbee_house
    automate(house)
    assert plan_of(house.managed).starts_at is not None
    change(house)
    await until(lambda: house.kind.trouble == problem)
    await look(house)
    await until(lambda: problem in repairs(house))
    plan = await plan_told(house)
    assert (plan["waiting_for"], plan["starts_at"]) == (Waiting.SOURCE, None)
    assert plan["source_problem"]["reason"] == problem
    assert plan["source_problem"]["message"].startswith(f"Side door: {SOURCE}")
    if problem != "source_gone":
        assert repairs(house)[problem]["entity"] == SOURCE
    assert house.state("binary_sensor.side_door_update_problem").state == "on"
    with pytest.raises(HomeAssistantError) as caught:
        await house.runtime.installations.of(house.managed).async_install(Origin.PERSON)
    assert caught.value.translation_key == problem
    assert not house.bridge.was_asked("update")


async def test_a_source_that_is_away_for_a_day_is_told(
    zigbee_house: ZigbeeHouse, freezer: FrozenDateTimeFactory
) -> None:
    """Also over a restart; and who installs before that hears why not."""
    house = zigbee_house
    await look(house)
    house.bridge.tell_bridge_state("offline")
    await house.until_state(SOURCE, "unavailable")
    await until(lambda: house.managed.release is None)
    with pytest.raises(HomeAssistantError) as caught:
        await house.runtime.installations.of(house.managed).async_install(Origin.PERSON)
    assert caught.value.translation_key == "delegate_not_available"
    await look(house)
    assert repairs(house) == {}
    freezer.tick(SILENT_AFTER / 2)
    assert await house.hass.config_entries.async_reload(house.entry.entry_id)
    await look(house)
    assert repairs(house) == {}
    freezer.tick(SILENT_AFTER / 2)
    await look(house)
    assert list(repairs(house)) == ["source_away"]
    assert plan_of(house.managed).waiting is Waiting.SOURCE
    house.bridge.tell_bridge_state("online")
    await house.until_state(SOURCE, "off")
    await look(house)
    await until(lambda: not repairs(house))


async def test_a_door_sensor_that_is_silent_for_a_day_is_told(
    zigbee_house: ZigbeeHouse, freezer: FrozenDateTimeFactory
) -> None:
    """Until it says something; the other links are no matter of it."""
    house = zigbee_house
    house.hass.states.async_set(DOOR, "unknown")
    await look(house)
    freezer.tick(SILENT_AFTER)
    await look(house)
    assert repairs(house) == {"door_silent": {"lock": "Side door", "entity": DOOR}}
    house.hass.states.async_set(DOOR, "off")
    await look(house)
    assert repairs(house) == {}


async def test_a_bridge_that_forgets_is_told(
    zigbee_house: ZigbeeHouse, freezer: FrozenDateTimeFactory
) -> None:
    """With what to switch on; a bridge that only was away has forgotten nothing."""
    house = zigbee_house
    house.bridge.tell_bridge_state("offline")
    await house.until_state(SOURCE, "unavailable")
    await bridge_says(house, -1, -1)
    house.bridge.tell_bridge_state("online")
    await until(lambda: house.kind.delegate.reading().available)
    await look(house)
    assert "bridge_forgets" not in repairs(house)
    await bridge_says(house, OLD, NEW)
    await house.until_state(HOLD, "held")
    await bridge_says(house, -1, -1)
    await until(lambda: house.kind.delegate.reading().installed is None)
    await look(house)
    assert repairs(house)["bridge_forgets"] == {"lock": "Side door"}
    # It knows it for a while, whenever it is asked: that mends nothing.
    await bridge_says(house, OLD, NEW)
    await house.until_state(HOLD, "held")
    await look(house)
    assert "bridge_forgets" in repairs(house)
    assert not house.kind.may_rest
    freezer.tick(timedelta(days=1))
    await look(house)
    assert "bridge_forgets" not in repairs(house)
    # What is over does not keep it from its rest.
    assert house.kind.may_rest


async def bridge_says(house: ZigbeeHouse, installed: int, latest: int) -> None:
    """Let the bridge say what the lock runs and what is new."""
    house.lock.installed_version, house.lock.latest_version = installed, latest
    house.lock.rest()
    house.bridge.tell(house.lock)
    await house.hass.async_block_till_done(wait_background_tasks=False)


async def test_a_disabled_update_entity_is_said_by_add_lock(
    zigbee_home: ZigbeeHouse,
) -> None:
    """It can be enabled; that there are no updates would be wrong."""
    disable(zigbee_home)
    result = await start_flow(zigbee_home.hass, zigbee_home.entry, "lock")
    (label,) = options_of(result).values()
    assert label == (
        "Side door: watch, since its update entity is disabled; enable it at MQTT to"
        " have it guarded"
    )


@pytest.mark.parametrize(
    ("state", "proposed"), [("unknown", None), ("unavailable", DOOR), ("on", DOOR)]
)
async def test_a_door_sensor_without_a_value_is_not_proposed(
    zigbee_home: ZigbeeHouse, state: str, proposed: str | None
) -> None:
    """It would hold everything for ever."""
    home = zigbee_home
    home.hass.states.async_set(DOOR, state)
    device_id = er.async_get(home.hass).entities[LOCK].device_id
    result = await start_flow(home.hass, home.entry, "lock")
    result = await submit(home.hass, result, locks=[f"device:{device_id}"])
    schema = result["data_schema"]
    assert schema is not None
    section = schema.schema["door"].schema.schema
    (field,) = [key for key in section if key == "door_entity"]
    assert (field.description or {}).get("suggested_value") == proposed


async def test_when_a_battery_was_heard_is_kept_over_a_restart(
    zigbee_house: ZigbeeHouse, freezer: FrozenDateTimeFactory
) -> None:
    """Now and then: the disk need not hear of every report."""
    house = zigbee_house
    await look(house)
    first = house.managed.record.heard_at
    assert first is not None
    freezer.tick(timedelta(minutes=10))
    house.bridge.tell(house.lock)
    house.hass.states.async_set(LOCK, "unlocked")
    await look(house)
    assert house.managed.record.heard_at == first
    freezer.tick(timedelta(minutes=30))
    house.hass.states.async_set(LOCK, "locked")
    told = dt_util.utcnow()
    await look(house)
    assert house.managed.record.heard_at == told
    assert await house.hass.config_entries.async_reload(house.entry.entry_id)
    assert house.managed.record.heard_at == told
    (subentry,) = house.entry.subentries.values()
    house.hass.config_entries.async_update_subentry(
        house.entry, subentry, data={**subentry.data, "battery_entity": None}
    )
    await look(house)
    assert house.managed.record.heard_at is None
