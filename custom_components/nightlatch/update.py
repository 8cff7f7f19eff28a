"""The update entity of a lock."""

from typing import Any, override

from homeassistant.components.update import (
    UpdateDeviceClass,
    UpdateEntity,
    UpdateEntityFeature,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import LockEntity, async_add_lock_entities
from .household import NightlatchConfigEntry
from .locks import ManagedLock
from .release_notes import async_release_notes

# The household has a queue of its own; the platform's would make a second press wait
# in silence instead of saying that an installation runs.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the update entity of every lock."""
    async_add_lock_entities(
        entry, async_add_entities, lambda lock: [NightlatchUpdate(lock)]
    )


class NightlatchUpdate(LockEntity, UpdateEntity):
    """The firmware of a lock."""

    _attr_device_class = UpdateDeviceClass.FIRMWARE
    _attr_translation_key = "firmware"
    _attr_supported_features = (
        UpdateEntityFeature.INSTALL
        | UpdateEntityFeature.PROGRESS
        | UpdateEntityFeature.RELEASE_NOTES
    )

    def __init__(self, lock: ManagedLock) -> None:
        """Take the lock."""
        super().__init__(lock, "firmware")

    @property
    @override
    def title(self) -> str | None:
        """Return what the firmware is for."""
        return self._lock.model.name if self._lock.model else None

    @property
    @override
    def installed_version(self) -> str:
        """Return what the lock says it runs."""
        return self._lock.record.identity.firmware_version

    @property
    @override
    def latest_version(self) -> str | None:
        """Return the release that the lock should get; what it runs if there is none.

        None as long as the feed has never been heard, or does not know the model.
        """
        if self._lock.release is not None:
            return self._lock.release.version.text
        return self.installed_version if self._lock.model else None

    @override
    def version_is_newer(self, latest_version: str, installed_version: str) -> bool:
        """Return whether there is a release that was chosen by the vendor's scheme.

        Home Assistant's own comparison guesses where it does not know a scheme, and
        calls what it cannot compare an update.
        """
        release = self._lock.release
        return release is not None and latest_version == release.version.text

    @property
    @override
    def release_summary(self) -> str | None:
        """Return the first lines of the release notes."""
        if (release := self._lock.release) is None:
            return None
        return release.release_notes or None

    @property
    @override
    def release_url(self) -> str | None:
        """Return where the vendor tells more."""
        return self._lock.release.release_url if self._lock.release else None

    @override
    async def async_release_notes(self) -> str | None:
        """Return what the release changes, and what it asks of the lock."""
        if (release := self._lock.release) is None:
            return None
        return await async_release_notes(self.hass, release)

    @property
    @override
    def in_progress(self) -> bool:
        """Return whether an installation runs or waits for its turn."""
        return self._lock.progress is not None

    @property
    @override
    def update_percentage(self) -> int | None:
        """Return how far the installation is."""
        return self._lock.progress.percentage if self._lock.progress else None

    @override
    async def async_install(
        self, version: str | None, backup: bool, **kwargs: Any
    ) -> None:
        """Install the release."""
        await self._lock.async_install()

    async def async_update(self) -> None:
        """Ask the feed, when a person asks for updates."""
        if self._lock.feed is not None:
            await self._lock.feed.async_request_refresh()
