"""Locks that another integration knows: their device, and what it says of them."""

from collections.abc import Iterable
from typing import ClassVar, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import split_entity_id
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util

from ..adapters.registry import device_of, identity_of, main_device_of
from ..const import DOMAIN
from ..core.errors import SourceError
from ..core.guard.stranger import is_stranger
from ..core.guard.trouble import source_error
from ..core.model import LockIdentity
from ..core.records.silence import Part
from ..core.remembered import Remembered
from ..locks.lock import ManagedLock
from .base import HouseKind, KindServices


class AttachedKind(HouseKind):
    """A lock whose device belongs to another integration; our entities sit on it."""

    shown_elsewhere: ClassVar = True

    def __init__(self, lock: ManagedLock, services: KindServices) -> None:
        """Take the lock."""
        super().__init__(lock, services)
        self._anchor = ""
        self._anchor_key = ""
        self._unique: str | None = None
        self._stranger = Remembered(_stranger_of)

    def _configure_anchor(self, subentry: ConfigSubentry, key: str) -> None:
        self._anchor, self._anchor_key = subentry.data[key], key
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
        return str(error.reason) if (error := self.source_error) else None

    @property
    def followed(self) -> str:
        """Return the entity without which nobody knows how the lock is."""
        return self.anchor

    @property
    @override
    def source_error(self) -> SourceError | None:
        registry = er.async_get(self.lock.hass)
        followed = registry.async_get(self.followed)
        return source_error(
            self.followed,
            dt_util.utcnow(),
            registered=registry.async_get(self.anchor) is not None,
            # One that the owner has made in a file need not be registered.
            enabled=followed is None or followed.disabled_by is None,
            silent_since=self.lock.record.silent_since.get(Part.SOURCE),
            reading=self.source(),
            known=self.lock.record.identity,
            stranger=self.stranger,
        )

    @property
    @override
    def successor(self) -> tuple[str, str] | None:
        registry = er.async_get(self.lock.hass)
        if registry.async_get(self.anchor) is not None:
            return None
        links = self.lock.links
        devices = {self._unique} | {
            device.id
            for link in (links.lock_entity, links.battery_entity, links.door_entity)
            if (device := device_of(self.lock.hass, link)) is not None
        }
        domain = split_entity_id(self.anchor)[0]
        found = [
            entry.entity_id
            for device_id in devices - {None}
            for entry in er.async_entries_for_device(registry, str(device_id))
            if entry.domain == domain and entry.platform != DOMAIN
        ]
        return (self._anchor_key, found[0]) if len(found) == 1 else None

    def running_version(self) -> str | None:
        """Return what the lock runs, as far as anybody knows."""
        return None

    @property
    @override
    def stranger(self) -> LockIdentity | None:
        device = self.main_device
        return self._stranger(
            self.lock.record.identity,
            device,
            self.running_version() if device else None,
        )

    def _check_no_stranger(self) -> None:
        """Raise ``SourceError`` where another lock would tell what it is."""
        if self.stranger is not None and (error := self.source_error) is not None:
            raise error

    @property
    @override
    def is_away(self) -> bool:
        state = self.lock.hass.states.get(self.followed)
        return state is None or state.state == STATE_UNAVAILABLE

    @property
    @override
    def bluetooth_address(self) -> str | None:
        device = self.main_device
        connections = device.connections if device else ()
        return next(
            (at for kind, at in connections if kind == dr.CONNECTION_BLUETOOTH), None
        )

    @property
    @override
    def integration(self) -> str | None:
        registered = er.async_get(self.lock.hass).async_get(self.anchor)
        return registered.platform if registered else None

    @property
    @override
    def other_names(self) -> Iterable[str]:
        return _names_of(self.main_device)


def _names_of(device: dr.DeviceEntry | None) -> list[str]:
    names = (device.model_id, device.model) if device else ()
    return [name for name in names if name]


def _stranger_of(
    known: LockIdentity, device: dr.DeviceEntry | None, runs: str | None
) -> LockIdentity | None:
    """Return which lock a device is, where that is not the one that is known."""
    if device is None:
        return None
    told = identity_of(device, runs or known.firmware_version)
    return told if is_stranger(known, told, tuple(_names_of(device))) else None
