"""What the maker offers."""

from typing import Any, override

from homeassistant.components.update import UpdateEntity, UpdateEntityFeature
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .door import DOORS, DoorEntity


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the update entity of each door."""
    async_add_entities(DoorUpdate(door) for door in hass.data[DOORS])


class DoorUpdate(DoorEntity, UpdateEntity):
    """The firmware of a door's lock, as the maker shows it."""

    _what = "update"

    @property
    @override
    def supported_features(self) -> UpdateEntityFeature:
        if not self.door.can_install:
            return UpdateEntityFeature(0)
        return UpdateEntityFeature.INSTALL | UpdateEntityFeature.PROGRESS

    @property
    @override
    def installed_version(self) -> str:
        return self.door.installed

    @property
    @override
    def latest_version(self) -> str:
        return self.door.latest

    @property
    @override
    def in_progress(self) -> bool:
        return self.door.at_work

    @property
    @override
    def update_percentage(self) -> int | None:
        return self.door.percentage

    @override
    async def async_install(
        self, version: str | None, backup: bool, **kwargs: Any
    ) -> None:
        await self.door.install(self.hass)
