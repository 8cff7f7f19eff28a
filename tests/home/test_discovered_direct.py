"""A lock in range that a feed knows, among Home Assistant's discoveries."""

from typing import Any

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.model import BluetoothMatch
from custom_components.nightlatch.discovering import matcher_of
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from tests.rig.scene import lock_form

from .flows import until
from .house import BACK_DOOR, House


def discovered(house: House) -> list[dict[str, Any]]:
    """Return what Home Assistant shows as discovered."""
    return [
        dict(flow)
        for flow in house.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        if flow["context"]["source"] == "integration_discovery"
    ]


async def test_it_is_added_from_there(house: House) -> None:
    """It is asked what it is only after a person has agreed."""
    await house.put_up_lock(BACK_DOOR, name="Kestrel back")
    await until(lambda: bool(discovered(house)))
    (flow,) = discovered(house)
    assert flow["step_id"] == "direct"
    assert flow["context"]["title_placeholders"] == {"name": "Kestrel back"}
    flows = house.hass.config_entries.flow
    result = await flows.async_configure(flow["flow_id"], {})
    assert result["step_id"] == "details"
    form = lock_form("Back door")
    form["door"]["no_door_sensor"] = False
    result = await flows.async_configure(flow["flow_id"], form)
    assert result["errors"] == {"base": "door_not_said"}
    result = await flows.async_configure(flow["flow_id"], lock_form("Back door"))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "lock_added"
    await until(lambda: len(house.household.locks) == 2)


async def test_one_that_does_not_answer_says_why(house: House) -> None:
    """And may be tried again."""
    lock = await house.put_up_lock(BACK_DOOR, name="Kestrel back")
    await until(lambda: bool(discovered(house)))
    (flow,) = discovered(house)
    house.proxy.remove(lock)
    flows = house.hass.config_entries.flow
    result = await flows.async_configure(flow["flow_id"], {})
    assert result["errors"] == {"base": "lock_refused"}
    assert (result["description_placeholders"] or {})["problem"]


async def test_one_that_no_feed_knows_after_all(house: House) -> None:
    """It only looked like one."""
    await house.put_up_lock(BACK_DOOR, name="Kestrel back", model="Toaster")
    await until(lambda: bool(discovered(house)))
    (flow,) = discovered(house)
    flows = house.hass.config_entries.flow
    result = await flows.async_configure(flow["flow_id"], {})
    assert result["errors"] == {"base": "model_unknown"}


async def test_nothing_is_added_while_nightlatch_is_off(house: House) -> None:
    """There is no household to add it to."""
    await house.put_up_lock(BACK_DOOR, name="Kestrel back")
    await until(lambda: bool(discovered(house)))
    (flow,) = discovered(house)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    flows = house.hass.config_entries.flow
    result = await flows.async_configure(flow["flow_id"], {})
    assert result["reason"] == "entry_not_loaded"


def test_each_part_of_a_pattern_is_listened_for() -> None:
    """As the feed describes the model."""
    match = BluetoothMatch(
        local_name="Kes*",
        service_uuid="0000fe59-0000-1000-8000-00805f9b34fb",
        manufacturer_id=89,
    )
    assert matcher_of(match) == {
        "connectable": True,
        "local_name": "Kes*",
        "service_uuid": "0000fe59-0000-1000-8000-00805f9b34fb",
        "manufacturer_id": 89,
    }


async def test_one_is_offered_once(house: House) -> None:
    """Though it is heard all the time."""
    lock = await house.put_up_lock(BACK_DOOR, name="Kestrel back")
    await until(lambda: bool(discovered(house)))
    house.proxy.remove(lock)
    house.proxy.add(lock)
    await house.hass.async_block_till_done(wait_background_tasks=False)
    assert len(discovered(house)) == 1
    # Stopping in the moment between hearing of a lock and offering it.
    house.hass.bus.async_fire(  # type: ignore[misc]
        er.EVENT_ENTITY_REGISTRY_UPDATED,
        {"action": "create", "entity_id": "lock.new", "changes": {}},
    )
    await house.hass.async_block_till_done(wait_background_tasks=False)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
