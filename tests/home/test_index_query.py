"""The numbers that a lock's radio goes by, where they can be known."""

from types import SimpleNamespace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.adapters.index_query import (
    ZigbeeNames,
    async_query_of,
)
from custom_components.nightlatch.core.feeds.dcl import DclQuery
from custom_components.nightlatch.core.feeds.zwave_js import ZwaveQuery
from custom_components.nightlatch.core.guard.source import SourceReading
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

MATTER = {"manufacturer": "Aqara", "model_id": "10242"}


def device(hass: HomeAssistant, domain: str, identifier: str, **fields: Any) -> Any:
    """Return a device of another integration."""
    entry = MockConfigEntry(domain=domain)
    entry.add_to_hass(hass)
    return dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={(domain, identifier)}, **fields
    )


def reading(installed: str | None) -> SourceReading:
    """Return what its update entity says."""
    return SourceReading(available=True, installed=installed)


async def test_zwave_keeps_them_in_an_identifier(hass: HomeAssistant) -> None:
    """Manufacturer, type and product."""
    lock = device(hass, "zwave_js", "3245146787-7-1106:4:1")
    query = await async_query_of(hass, "zwave_js", lock, reading("1.4"), None)
    assert query == ZwaveQuery(
        manufacturer_id=1106, product_type=4, product_id=1, firmware_version="1.4"
    )


@pytest.mark.parametrize("identifier", ["3245146787-7", "3245146787-7-a:b:c"])
async def test_what_zwave_does_not_say_is_not_guessed(
    hass: HomeAssistant, identifier: str
) -> None:
    """Nothing is asked then."""
    lock = device(hass, "zwave_js", identifier)
    assert await async_query_of(hass, "zwave_js", lock, reading("1.4"), None) is None


async def test_zha_goes_by_names(hass: HomeAssistant) -> None:
    """Which are those of the radio."""
    lock = device(hass, "zha", "00:11", manufacturer="LUMI", model="lumi.lock.aq1")
    query = await async_query_of(hass, "zha", lock, reading("0x00000013"), None)
    assert query == ZigbeeNames(
        model_id="lumi.lock.aq1", manufacturer="LUMI", installed=19
    )
    assert await async_query_of(hass, "zha", lock, reading("beta"), None) is None


def matter(
    monkeypatch: pytest.MonkeyPatch, hass: HomeAssistant, *nodes: dict[str, Any]
) -> None:
    """Run a Matter integration that knows these nodes."""
    infos = [SimpleNamespace(device_info=SimpleNamespace(**node)) for node in nodes]
    client = SimpleNamespace(get_nodes=lambda: infos)
    keep(
        monkeypatch,
        hass,
        SimpleNamespace(adapter=SimpleNamespace(matter_client=client)),
    )


def keep(
    monkeypatch: pytest.MonkeyPatch, hass: HomeAssistant, runtime_data: Any
) -> None:
    """Let the Matter integration keep something."""
    loaded = [SimpleNamespace(runtime_data=runtime_data)]
    monkeypatch.setattr(
        hass.config_entries, "async_loaded_entries", lambda domain: loaded
    )


def node(**fields: Any) -> dict[str, Any]:
    """Return what a node says of itself."""
    return {
        "vendorID": 0x115F,
        "productID": 10242,
        "vendorName": "Aqara",
        "softwareVersion": 1010,
        "softwareVersionString": "1.0.1.0",
        **fields,
    }


async def test_matter_is_asked_for_its_node(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its numbers are not in the registry."""
    matter(
        monkeypatch, hass, node(), node(productID=1), node(softwareVersionString="2")
    )
    lock = device(hass, "matter", "deviceid_1", **MATTER)
    query = await async_query_of(hass, "matter", lock, reading("1.0.1.0"), None)
    assert query == DclQuery(vendor_id=0x115F, product_id=10242, installed=1010)


async def test_two_nodes_that_do_not_agree_are_not_asked_about(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which of them is the lock cannot be known."""
    matter(monkeypatch, hass, node(), node(softwareVersion=1011))
    lock = device(hass, "matter", "deviceid_1", **MATTER)
    query = await async_query_of(hass, "matter", lock, reading("1.0.1.0"), None)
    assert query is None


async def test_an_integration_that_keeps_them_elsewhere_is_no_trouble(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked, and nothing breaks."""
    keep(monkeypatch, hass, None)
    lock = device(hass, "matter", "deviceid_1", **MATTER)
    assert await async_query_of(hass, "matter", lock, reading("1"), None) is None


@pytest.mark.parametrize("installed", [None, "1.0"])
async def test_others_are_not_asked_about(
    hass: HomeAssistant, installed: str | None
) -> None:
    """There is no index for them."""
    lock = device(hass, "somebody", "1")
    told = reading(installed)
    assert await async_query_of(hass, "somebody", lock, told, None) is None
