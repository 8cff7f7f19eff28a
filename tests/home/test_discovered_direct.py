"""A lock in range that a feed knows, among Home Assistant's discoveries."""

from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.const import CONF_LOCK_ENTITY, DOMAIN
from custom_components.nightlatch.core.model import BluetoothMatch
from custom_components.nightlatch.discovery.candidates import candidates
from custom_components.nightlatch.discovery.discovery import matcher_of
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
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
    assert flow["context"]["title_placeholders"] == {
        "name": "Kestrel back",
        "way": "over Bluetooth",
    }
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
    await until(lambda: len(house.runtime.locks) == 2)


async def test_one_that_does_not_answer_says_why(house: House) -> None:
    """And may be tried again."""
    lock = await house.put_up_lock(BACK_DOOR, name="Kestrel back")
    await until(lambda: bool(discovered(house)))
    (flow,) = discovered(house)
    house.proxy.remove(lock)
    flows = house.hass.config_entries.flow
    result = await flows.async_configure(flow["flow_id"], {})
    assert result["step_id"] == "ask"
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


async def test_the_other_side_of_a_lock_is_no_lock_of_its_own(house: House) -> None:
    """Its gateway shows its bolt; its owner may link that before or after it appears."""
    hass = house.hass
    gateway = MockConfigEntry(domain="gateway")
    gateway.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=gateway.entry_id,
        identifiers={("gateway", "front")},
        name="Front door",
    )
    bolt = er.async_get(hass).async_get_or_create(
        "lock", "gateway", "front", config_entry=gateway, device_id=device.id
    )
    await until(lambda: bool(discovered(house)))
    subentry = house.subentry("Front door")
    hass.config_entries.async_update_subentry(
        house.entry,
        subentry,
        data={**subentry.data, CONF_LOCK_ENTITY: bolt.entity_id},
    )
    await until(lambda: not discovered(house))
    await hass.config_entries.async_reload(house.entry.entry_id)
    assert list(candidates(hass, house.runtime.entry)) == []
