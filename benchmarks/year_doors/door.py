"""A door: what it is, whatever entities show it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, override

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity
from homeassistant.util.hass_dict import HassKey

DOMAIN: Final = "year_doors"
STEP: Final = 45.0
"""Seconds of the house's clock for five percent of an installation."""


@dataclass(kw_only=True)
class Door:
    """One door; it lives on while Home Assistant is restarted."""

    number: int
    model: str
    installed: str
    latest: str
    ends: Callable[[Door], str]
    """How an installation ends: ``well``, ``fails``, or ``rolled_back``."""
    can_install: bool = True
    available: bool = True
    locked: bool = True
    shut: bool = True
    battery: float = 100.0
    at_work: bool = False
    percentage: int | None = None
    installs: int = 0
    entities: list[Entity] = field(default_factory=list)

    def told(self) -> None:
        """Let everybody see what is so now."""
        for entity in self.entities:
            if entity.hass is not None:
                entity.async_write_ha_state()

    def runs(self, hass: HomeAssistant, version: str) -> None:
        """Let the lock say what it runs."""
        self.installed = version
        registry = dr.async_get(hass)
        (entry,) = hass.config_entries.async_entries(DOMAIN)
        device = registry.async_get_device_by_identifier(
            (DOMAIN, f"door_{self.number}"), entry.entry_id
        )
        assert device is not None
        registry.async_update_device(device.id, sw_version=version)
        self.told()

    async def install(self, hass: HomeAssistant) -> None:
        """Install what is the newest, as well as it goes."""
        self.installs += 1
        end, old, new = self.ends(self), self.installed, self.latest
        self.at_work = True
        try:
            for percentage in range(0, 101, 5):
                self.percentage = percentage
                self.told()
                await asyncio.sleep(STEP)
                if end == "fails" and percentage == 60:
                    raise HomeAssistantError("The lock does not answer any more")
        finally:
            self.at_work, self.percentage = False, None
            self.told()
        self.runs(hass, new)
        if end == "rolled_back":
            hass.loop.call_later(STEP, self.runs, hass, old)


DOORS: HassKey[list[Door]] = HassKey(DOMAIN)


class DoorEntity(Entity):
    """What its entities have in common."""

    _attr_should_poll = False
    _what: str

    def __init__(self, door: Door) -> None:
        """Belong to the door's device."""
        self.door = door
        self._attr_unique_id = f"door_{door.number}_{self._what}"
        self._attr_name = f"Door {door.number}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, f"door_{door.number}")},
            name=f"Door {door.number}",
            manufacturer="Maker",
            model=door.model,
            sw_version=door.installed,
        )

    @override
    async def async_added_to_hass(self) -> None:
        self.door.entities.append(self)

    @override
    async def async_will_remove_from_hass(self) -> None:
        self.door.entities.remove(self)

    @property
    @override
    def available(self) -> bool:
        return self.door.available
