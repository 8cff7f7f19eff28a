"""The first minutes: what is in the house is shown at once, and one press takes it."""

from dataclasses import dataclass
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.schedule.policy import Importance
from custom_components.nightlatch.runtime import Runtime
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigFlowResult,
    FlowType,
    SubentryFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)
from homeassistant.setup import async_setup_component
from tests.rig.scene import lock_form

from .flows import options_of, start_flow, submit, suggested, until


@dataclass(kw_only=True)
class Street:
    """Home Assistant with locks of another integration, before Nightlatch."""

    hass: HomeAssistant
    gateway: MockConfigEntry

    def add(self, name: str, *, door_sensor: bool) -> str:
        """Hang a lock that its integration can update; return how a form calls it."""
        key = name.lower().replace(" ", "_")
        device = dr.async_get(self.hass).async_get_or_create(
            config_entry_id=self.gateway.entry_id,
            identifiers={("gateway", key)},
            name=name,
            manufacturer="Kestrel Locks",
            model="Kestrel Two",
        )

        def entity(domain: str, state: str, device_class: str | None = None) -> None:
            entry = er.async_get(self.hass).async_get_or_create(
                domain,
                "gateway",
                f"{key}_{domain}_{device_class}",
                config_entry=self.gateway,
                device_id=device.id,
                original_device_class=device_class,
                supported_features=int(domain == "update"),
                suggested_object_id=key,
            )
            attributes: dict[str, Any] = {"device_class": device_class}
            if domain == "update":
                attributes |= {
                    "installed_version": "1.0.0",
                    "latest_version": "1.0.0",
                    "supported_features": 1,
                }
            self.hass.states.async_set(entry.entity_id, state, attributes)

        entity("lock", "locked")
        entity("update", "off")
        entity("sensor", "90", "battery")
        if door_sensor:
            entity("binary_sensor", "off", "door")
        return f"device:{device.id}"

    async def add_nightlatch(self) -> ConfigFlowResult:
        """Press *Add*, and *Submit*."""
        flow = self.hass.config_entries.flow
        result = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
        return await flow.async_configure(result["flow_id"], {})

    def names(self) -> set[str]:
        """Return the locks that Nightlatch takes care of."""
        (entry,) = self.hass.config_entries.async_entries(DOMAIN)
        runtime: Runtime = entry.runtime_data
        return {lock.name for lock in runtime.locks.values()}


@pytest.fixture
async def street(
    hass: HomeAssistant, enable_custom_integrations: None, bare_host: None
) -> Street:
    """Start Home Assistant with another integration."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "bluetooth", {})
    gateway = MockConfigEntry(domain="gateway")
    gateway.add_to_hass(hass)
    return Street(hass=hass, gateway=gateway)


async def test_what_is_in_the_house_is_taken_with_one_press(street: Street) -> None:
    """All are ticked; who is known well enough needs no form."""
    hass = street.hass
    front = street.add("Front door", door_sensor=True)
    cellar = street.add("Cellar door", door_sensor=True)
    added = await street.add_nightlatch()
    kind, flow_id = added["next_flow"]
    assert kind is FlowType.CONFIG_SUBENTRIES_FLOW
    shown = await hass.config_entries.subentries.async_configure(flow_id)
    assert options_of(shown) == {
        front: "Front door: guard, since gateway can install its updates",
        cellar: "Cellar door: guard, since gateway can install its updates",
    }
    assert suggested(shown, "locks") == [front, cellar]
    result = await submit(hass, shown, locks=[front, cellar])
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "locks_added"
    assert result["description_placeholders"] == {"names": "Front door, Cellar door"}
    await until(lambda: street.names() == {"Front door", "Cellar door"})


async def test_nobody_answers_for_a_door_without_being_asked(street: Street) -> None:
    """Where no door sensor was found, the form of that lock asks."""
    hass = street.hass
    front = street.add("Front door", door_sensor=True)
    shed = street.add("Shed", door_sensor=False)
    added = await street.add_nightlatch()
    _, flow_id = added["next_flow"]
    shown = await hass.config_entries.subentries.async_configure(flow_id)
    result = await submit(hass, shown, locks=[shed, front])
    assert result["step_id"] == "guarded"
    assert suggested(result, "name") == "Shed"
    # Whoever closes the dialog now has the other one all the same.
    await until(lambda: street.names() == {"Front door"})
    form = {
        **lock_form("Shed", lock_entity="lock.shed"),
        "update_entity": "update.shed",
    }
    result = await submit(hass, result, **form)
    assert result["reason"] == "locks_added"
    await until(lambda: street.names() == {"Front door", "Shed"})


async def test_where_something_else_could_be_meant_a_person_looks(
    street: Street,
) -> None:
    """A lock whose device has another update is not tied to the first one unasked."""
    hass = street.hass
    front = street.add("Front door", door_sensor=True)
    gate = street.add("Gate", door_sensor=True)
    er.async_get(hass).async_get_or_create(
        "update",
        "gateway",
        "radio_of_gate",
        config_entry=street.gateway,
        device_id=gate.removeprefix("device:"),
        suggested_object_id="radio_of_gate",
    )
    added = await street.add_nightlatch()
    _, flow_id = added["next_flow"]
    shown = await hass.config_entries.subentries.async_configure(flow_id)
    result = await submit(hass, shown, locks=[front, gate])
    assert result["step_id"] == "guarded"
    assert suggested(result, "name") == "Gate"
    assert "update.radio_of_gate" in str(result["description_placeholders"])
    await until(lambda: street.names() == {"Front door"})


async def test_what_nobody_knows_the_version_of_is_not_ticked(street: Street) -> None:
    """It could not be added without pointing at who tells."""
    hass = street.hass
    front = street.add("Front door", door_sensor=True)
    gate = street.add("Gate", door_sensor=True)
    hass.states.async_set("update.gate", "unknown", {"supported_features": 1})
    added = await street.add_nightlatch()
    _, flow_id = added["next_flow"]
    shown = await hass.config_entries.subentries.async_configure(flow_id)
    assert set(options_of(shown)) == {front, gate}
    assert suggested(shown, "locks") == [front]


async def test_an_empty_house_is_added_and_nothing_else(street: Street) -> None:
    """There is nothing to list."""
    added = await street.add_nightlatch()
    assert added["type"] is FlowResultType.CREATE_ENTRY
    assert "next_flow" not in added


async def test_where_nothing_is_found_it_says_so(street: Street) -> None:
    """Who is asked to tick looks for what to tick."""
    await street.add_nightlatch()
    flow = street.hass.config_entries.flow
    shown = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert shown["step_id"] == "nothing"
    again = await flow.async_configure(shown["flow_id"], {})
    assert again["errors"] == {"base": "nothing_picked"}
    # As soon as there is one, it can be ticked.
    front = street.add("Front door", door_sensor=True)
    again = await flow.async_configure(shown["flow_id"], {})
    assert again["step_id"] == "pick"
    assert front in options_of(again)


async def test_what_was_offered_is_not_when_nightlatch_is_gone(street: Street) -> None:
    """There would be nothing to add it to."""
    hass = street.hass
    await street.add_nightlatch()
    street.add("Front door", door_sensor=True)
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    offers = hass.config_entries.flow.async_progress_by_handler
    await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: bool(offers(DOMAIN)))
    await hass.config_entries.async_remove(entry.entry_id)
    assert not offers(DOMAIN)


async def test_who_adds_nightlatch_again_means_a_lock(street: Street) -> None:
    """It is in the house once; a lock that came later is ticked where it is the only one."""
    hass = street.hass
    await street.add_nightlatch()
    front = street.add("Front door", door_sensor=True)
    flow = hass.config_entries.flow
    shown = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert shown["step_id"] == "pick"
    assert suggested(shown, "locks") == [front]
    result = await flow.async_configure(shown["flow_id"], {"locks": [front]})
    assert result["step_id"] == "guarded"
    form = {
        **lock_form("Front door", lock_entity="lock.front_door"),
        "update_entity": "update.front_door",
    }
    result = await flow.async_configure(result["flow_id"], form)
    assert result["reason"] == "lock_added"
    await until(lambda: street.names() == {"Front door"})
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await hass.config_entries.async_unload(entry.entry_id)
    again = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert again["reason"] == "entry_not_loaded"


def suggested_in(result: SubentryFlowResult, part: str, field: str) -> Any:
    """Return what a form shows in a field of one of its sections."""
    schema = result["data_schema"]
    assert schema is not None
    (inside,) = [value for key, value in schema.schema.items() if key == part]
    (key,) = [key for key in inside.schema.schema if key == field]
    return (key.description or {}).get("suggested_value")


async def test_a_guess_is_only_proposed(street: Street) -> None:
    """Who looks at the form sees it; what is added without a form is an entry door."""
    hass = street.hass
    cellar = street.add("Cellar door", door_sensor=True)
    nuki = street.add("Nuki", door_sensor=True)
    _, _, device_id = nuki.partition(":")
    bedroom = ar.async_get(hass).async_create("Bedroom")
    dr.async_get(hass).async_update_device(device_id, area_id=bedroom.id)
    added = await street.add_nightlatch()
    _, flow_id = added["next_flow"]
    shown = await hass.config_entries.subentries.async_configure(flow_id)
    for lock, importance in ((cellar, "side"), (nuki, "inside")):
        flow = await start_flow(
            hass, hass.config_entries.async_entries(DOMAIN)[0], "lock"
        )
        form = await submit(hass, flow, locks=[lock])
        assert suggested_in(form, "door", "importance") == importance
    await submit(hass, shown, locks=[cellar, nuki])
    await until(lambda: street.names() == {"Cellar door", "Nuki"})
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    runtime: Runtime = entry.runtime_data
    assert {lock.policy.importance for lock in runtime.locks.values()} == {
        Importance.ENTRY
    }


async def test_a_lock_that_was_added_meanwhile_is_said(street: Street) -> None:
    """By somebody else, while the list stood open."""
    hass = street.hass
    front = street.add("Front door", door_sensor=True)
    added = await street.add_nightlatch()
    _, flow_id = added["next_flow"]
    shown = await hass.config_entries.subentries.async_configure(flow_id)
    er.async_get(hass).async_remove("lock.front_door")
    result = await submit(hass, shown, locks=[front])
    assert result["reason"] == "already_configured"


@pytest.mark.parametrize("step", ["address", "guarded", "audit"])
async def test_a_dialog_outlives_no_nightlatch(street: Street, step: str) -> None:
    """It says so, whichever form stands open."""
    hass = street.hass
    front = street.add("Front door", door_sensor=True)
    added = await street.add_nightlatch()
    _, flow_id = added["next_flow"]
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    shown: Any = await hass.config_entries.subentries.async_configure(flow_id)
    if step == "audit":
        await hass.config_entries.async_unload(entry.entry_id)
        options = hass.config_entries.options
        result: Any = await options.async_init(entry.entry_id)
        if result["type"] is FlowResultType.MENU:
            result = await options.async_configure(
                result["flow_id"], {"next_step_id": "audit"}
            )
        assert result["reason"] in {"not_loaded", "entry_not_loaded"}
        return
    said: dict[str, Any] = {"address": "C0:11:22:33:44:55"}
    if step == "address":
        shown = await submit(hass, shown, more="address")
    else:
        shown = await submit(hass, shown, locks=[front])
        said = {
            **lock_form("Front door", lock_entity="lock.front_door"),
            "update_entity": "update.front_door",
        }
    assert shown["step_id"] == step
    await hass.config_entries.async_unload(entry.entry_id)
    result = await submit(hass, shown, **said)
    assert result["reason"] == "entry_not_loaded"
