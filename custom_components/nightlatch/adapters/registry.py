"""What Home Assistant's registries know of the devices of other integrations."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)

from ..core.model import NO_MODEL, LockIdentity


def device_of(hass: HomeAssistant, entity_id: str | None) -> dr.AnyDeviceEntry | None:
    """Return the device that an entity belongs to, if it has one."""
    entry = er.async_get(hass).async_get(entity_id) if entity_id else None
    if entry is None or entry.device_id is None:
        return None
    return dr.async_get(hass).async_get(entry.device_id)


def main_device_of(hass: HomeAssistant, entity_id: str | None) -> dr.DeviceEntry | None:
    """Return the device that an entity belongs to, or the one that this is a part of.

    Parts have neither model nor version.
    """
    device = device_of(hass, entity_id)
    if isinstance(device, dr.ChildDeviceEntry):
        device = dr.async_get(hass).async_get(device.parent_device_id)
    return device if isinstance(device, dr.DeviceEntry) else None


def area_name_of(
    hass: HomeAssistant, entry: er.RegistryEntry, device: dr.AnyDeviceEntry
) -> str | None:
    """Return the name of the area that an entity is in, by itself or by its device."""
    area_id = entry.area_id or device.area_id
    area = ar.async_get(hass).async_get_area(area_id) if area_id else None
    return area.name if area else None


def identity_of(device: dr.DeviceEntry | None, version: str) -> LockIdentity:
    """Return what the device registry knows of a lock that runs a version."""
    return LockIdentity(
        model=(device and (device.model_id or device.model)) or NO_MODEL,
        hardware_revision=device.hw_version if device else None,
        firmware_version=version,
        manufacturer=device.manufacturer if device else None,
        serial_number=device.serial_number if device else None,
    )
