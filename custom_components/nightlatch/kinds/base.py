"""What the kinds have in common: the lock, and what they use of the house."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceInfo

from ..adapters.storage import HouseholdStore
from ..const import DOMAIN
from ..core.installation.ports import Supply
from ..core.model import Source
from ..core.schedule.queue import Queue
from ..core.transports.base import Radio
from ..core.versions import is_same_version
from ..indexes import PublicIndexes
from ..locks.kind import Kind
from ..locks.lock import ManagedLock
from ..vault.store import HouseholdVault
from .registrations import Registrations


@dataclass(frozen=True, slots=True, kw_only=True)
class KindServices:
    """What the kinds use of the house."""

    hass: HomeAssistant
    entry: ConfigEntry
    store: HouseholdStore
    queue: Queue
    radio: Radio
    vault: HouseholdVault
    supply: Callable[[ManagedLock, Source], Supply]
    """Returns where the firmware of one installation comes from."""
    indexes: PublicIndexes
    registrations: Registrations


class HouseKind(Kind):
    """A kind of lock in the house."""

    def __init__(self, lock: ManagedLock, services: KindServices) -> None:
        """Take the lock; ``configure`` says the rest."""
        self.lock = lock
        self._services = services

    @property
    def connections(self) -> set[tuple[str, str]]:
        """Return how a device of our own is connected."""
        return set()

    @property
    @override
    def firmware_form(self) -> str | None:
        # What its feed said last.
        if (model := self.model) is not None:
            return model.traits.firmware_text
        return self.lock.record.identity.firmware_form

    @property
    @override
    def device_info(self) -> DeviceInfo:
        lock, identity = self.lock, self.lock.record.identity
        return DeviceInfo(
            identifiers={(DOMAIN, lock.subentry_id)},
            connections=self.connections,
            name=lock.name,
            manufacturer=identity.manufacturer,
            model=lock.model_name,
            model_id=identity.told_model,
            hw_version=identity.hardware_revision,
            sw_version=identity.firmware_version,
            serial_number=identity.serial_number,
        )

    @property
    @override
    def knows_what_runs(self) -> bool:
        return self._services.vault.running(self.lock) is not None or any(
            is_same_version(
                release.version.text, self.lock.record.identity.firmware_version
            )
            for release in self.on_offer()
        )

    @override
    async def async_check(self) -> None:
        if self.lock.feed is not None:
            await self.lock.feed.async_refresh()

    @override
    async def async_news(self) -> None:
        if self.lock.feed is not None:
            await self.lock.feed.async_request_refresh()
