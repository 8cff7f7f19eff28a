"""What the owner has named as a condition for all locks, and what comes of it once it is gone."""

import pytest

from custom_components.nightlatch.core.schedule.plan import Waiting
from homeassistant.core import CoreState
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er

from .asked import plan_of
from .house import House
from .night import Night
from .vaulted import begin_fix, go_on, issues


async def look(house: House) -> None:
    """Let Nightlatch look at everything, and begin nothing."""
    house.runtime.locks.async_changed()
    await house.settle()


OPTIONS = [("gate", Waiting.GATE), ("hold", Waiting.HOLD)]


@pytest.mark.parametrize(("what", "waiting"), OPTIONS)
async def test_a_condition_that_was_removed_is_told_and_another_one_chosen(
    house: House, what: str, waiting: Waiting
) -> None:
    """Else all locks would wait for ever, and nobody would know for what."""
    option, issue = f"{what}_entity", f"{what}_gone"
    registered = er.async_get(house.hass).async_get_or_create(
        "binary_sensor", "demo", "1", suggested_object_id="asleep"
    )
    night = Night(house, **{option: registered.entity_id})
    night.automate()
    await house.release("1.1.0")
    await look(house)
    # Its integration has not started yet.
    assert issue not in await issues(house)
    er.async_get(house.hass).async_remove(registered.entity_id)
    await night.look()
    assert registered.entity_id in (await issues(house))[issue]
    assert plan_of(house.managed()).waiting is waiting

    other = "input_boolean.asleep"
    house.hass.states.async_set(other, "on" if what == "gate" else "off")
    result = await begin_fix(house, issue)
    result = await go_on(house, result, entity=other)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await house.settle()
    await look(house)
    assert issue not in await issues(house)
    assert getattr(house.runtime.settings, option) == other
    assert plan_of(house.managed()).waiting is not waiting


@pytest.mark.parametrize("what", ["gate", "hold"])
async def test_a_condition_that_is_gone_can_be_left_out(
    house: House, what: str
) -> None:
    """One that only is silent is not gone; what is set meanwhile counts."""
    option, issue = f"{what}_entity", f"{what}_gone"
    night = Night(house, **{option: "calendar.holidays"})
    house.hass.states.async_set("calendar.holidays", "unavailable")
    await look(house)
    assert issue not in await issues(house)
    house.hass.states.async_remove("calendar.holidays")
    await look(house)
    result = await begin_fix(house, issue)
    night.set_options(**{option: "calendar.others"})
    result = await go_on(house, result)
    assert result["reason"] == "other_than_told"
    await look(house)
    result = await go_on(house, await begin_fix(house, issue))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await house.settle()
    assert getattr(house.runtime.settings, option) is None
    await look(house)
    assert issue not in await issues(house)


async def test_nothing_is_gone_before_home_assistant_has_started(house: House) -> None:
    """What is not registered comes only then; nobody is told of what is about to come."""
    house.hass.set_state(CoreState.starting)
    Night(house, gate_entity="input_boolean.welcome")
    await look(house)
    assert "gate_gone" not in await issues(house)
    house.hass.set_state(CoreState.running)
    await look(house)
    assert "gate_gone" in await issues(house)


async def test_who_chooses_another_one_while_nightlatch_is_not_loaded_is_told(
    house: House,
) -> None:
    """Nothing is set behind its back."""
    Night(house, gate_entity="calendar.holidays")
    await look(house)
    result = await begin_fix(house, "gate_gone")
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    result = await go_on(house, result)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "not_loaded")
    assert house.entry.options["gate_entity"] == "calendar.holidays"
