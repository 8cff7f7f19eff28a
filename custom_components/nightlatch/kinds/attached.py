"""Locks that another integration knows: their device, and what it says of them."""

from collections.abc import Iterable
from typing import ClassVar, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.helpers import device_registry as dr, entity_registry as er

from ..adapters.registry import device_of, main_device_of
from ..locks.lock import ManagedLock
from .base import HouseKind, KindServices


class AttachedKind(HouseKind):
    """A lock whose device belongs to another integration; our entities sit on it."""

    shown_elsewhere: ClassVar = True

    def __init__(self, lock: ManagedLock, services: KindServices) -> None:
        """Take the lock."""
        super().__init__(lock, services)
        self._anchor = ""
        self._unique: str | None = None

    def _configure_anchor(self, subentry: ConfigSubentry, key: str) -> None:
        self._anchor = subentry.data[key]
        self._unique = subentry.unique_id

    @property
    @override
    def anchor(self) -> str:
        return self._anchor

    @property
    @override
    def key(self) -> str:
        return self._unique or self.lock.subentry_id

    @property
    @override
    def device(self) -> dr.AnyDeviceEntry | None:
        # None where the integration has removed it.
        return device_of(self.lock.hass, self.anchor)

    @property
    def main_device(self) -> dr.DeviceEntry | None:
        """Return the device that knows the model and the version."""
        return main_device_of(self.lock.hass, self.anchor)

    @property
    @override
    def device_id(self) -> str | None:
        return self.device.id if self.device else None

    @property
    @override
    def trouble(self) -> str | None:
        registered = er.async_get(self.lock.hass).async_get(self.anchor)
        return "source_gone" if registered is None else None

    @property
    @override
    def integration(self) -> str | None:
        registered = er.async_get(self.lock.hass).async_get(self.anchor)
        return registered.platform if registered else None

    @property
    @override
    def other_names(self) -> Iterable[str]:
        device = self.main_device
        names = (device.model_id, device.model) if device else ()
        return [name for name in names if name]
