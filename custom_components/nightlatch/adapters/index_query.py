"""What the public indexes are asked about a lock: the numbers that its radio goes by.

They are not in the device registry for all radios. Where the integration that knows the
lock is asked for them, it may have changed how it keeps them: then nothing is asked.
"""

import asyncio
from dataclasses import dataclass, replace
import json
import logging
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.importlib import async_import_module

from ..core.feeds.dcl import DclQuery
from ..core.feeds.zwave_js import ZwaveQuery
from ..core.guard.source import SourceReading

_LOGGER = logging.getLogger(__name__)

# Seconds. What is retained comes at once.
_TIMEOUT = 5.0
_ZWAVE_IDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ZigbeeNames:
    """What a Zigbee lock calls itself in its Basic cluster."""

    model_id: str
    manufacturer: str | None
    installed: int
    source: str | None = None
    """Where the image is that is offered, if that is told: its record has the numbers."""


type IndexQuery = DclQuery | ZigbeeNames | ZwaveQuery


async def async_query_of(
    hass: HomeAssistant,
    integration: str | None,
    device: dr.DeviceEntry,
    reading: SourceReading,
    base_topic: str | None,
    *,
    source: str | None = None,
) -> IndexQuery | None:
    """Return what to ask about a lock; None where its numbers are not known.

    ``base_topic`` is that of Zigbee2MQTT, where that updates the lock; ``source`` is what
    that tells of where the image is.
    """
    if reading.installed is None:
        return None
    try:
        if integration == "zwave_js":
            return _zwave(device, reading.installed)
        if integration == "matter":
            return _matter(hass, device, reading.installed)
        if integration == "zha" and device.model is not None:
            return ZigbeeNames(
                model_id=device.model,
                manufacturer=device.manufacturer,
                installed=int(reading.installed, 16),
            )
        if base_topic is not None:
            names = await _async_zigbee2mqtt(
                hass, device, reading.installed, base_topic
            )
            return replace(names, source=source) if names is not None else None
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        _LOGGER.debug("No numbers for %s: %r", device.name, err)
    return None


def _zwave(device: dr.DeviceEntry, installed: str) -> ZwaveQuery | None:
    """Return the ids that the integration keeps in an identifier of the device."""
    for domain, identifier, *_ in device.identifiers:
        ids = identifier.rpartition("-")[2].split(":")
        if domain == "zwave_js" and len(ids) == _ZWAVE_IDS:
            manufacturer, product_type, product = map(int, ids)
            return ZwaveQuery(
                manufacturer_id=manufacturer,
                product_type=product_type,
                product_id=product,
                firmware_version=installed,
            )
    return None


def _matter(
    hass: HomeAssistant, device: dr.DeviceEntry, installed: str
) -> DclQuery | None:
    """Return what all nodes like this one agree on."""
    found = {
        DclQuery(
            vendor_id=info.vendorID,
            product_id=info.productID,
            installed=info.softwareVersion,
        )
        for entry in hass.config_entries.async_loaded_entries("matter")
        for node in entry.runtime_data.adapter.matter_client.get_nodes()
        if (info := node.device_info).vendorName == device.manufacturer
        and str(info.productID) == device.model_id
        and info.softwareVersionString == installed
    }
    return found.pop() if len(found) == 1 else None


async def _async_zigbee2mqtt(
    hass: HomeAssistant, device: dr.DeviceEntry, installed: str, base_topic: str
) -> ZigbeeNames | None:
    """Return what the bridge's list of devices says; it is retained."""
    mqtt = await async_import_module(hass, "homeassistant.components.mqtt")
    heard: asyncio.Future[str] = hass.loop.create_future()

    @callback
    def message(told: Any) -> None:
        if not heard.done():
            heard.set_result(told.payload)

    unsubscribe = await mqtt.async_subscribe(
        hass, f"{base_topic}/bridge/devices", message
    )
    try:
        async with asyncio.timeout(_TIMEOUT):
            listed = json.loads(await heard)
    except TimeoutError:
        return None
    finally:
        unsubscribe()
    addresses = {
        identifier.rpartition("_")[2]
        for domain, identifier, *_ in device.identifiers
        if domain == "mqtt"
    }
    for each in listed:
        if each["ieee_address"] in addresses and each.get("model_id"):
            return ZigbeeNames(
                model_id=each["model_id"],
                manufacturer=each.get("manufacturer"),
                installed=int(installed),
            )
    return None
