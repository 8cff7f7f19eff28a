"""The vault of the household: what it keeps for which lock, and from where it comes."""

import logging
from typing import TYPE_CHECKING

from homeassistant.core import HomeAssistant, callback

from .core.errors import FeedError, FeedProblem, VaultError, VaultProblem
from .core.installation.ports import Supply
from .core.model import FirmwareKey, Release, Source
from .core.records.kept_release import KeptRelease

if TYPE_CHECKING:
    from .household import Household
    from .locks import ManagedLock

_LOGGER = logging.getLogger(__name__)


class HouseholdVault:
    """What is kept of firmware, for all locks of the household."""

    def __init__(self, hass: HomeAssistant, household: Household) -> None:
        """Prepare; ``async_start`` opens it."""
        self._hass = hass
        self._household = household

    @property
    def problem(self) -> VaultError | None:
        """Why it cannot be used now; None while it can."""
        return VaultError(VaultProblem.UNREADABLE)

    @callback
    def release(self, sha256: str) -> KeptRelease | None:
        """Return what is kept under a digest."""
        return None

    @callback
    def find(
        self, *, vendor: str | None, model: str, version: str
    ) -> KeptRelease | None:
        """Return what is kept of a version; of any vendor where none is named."""
        return None

    @callback
    def running(self, lock: ManagedLock) -> KeptRelease | None:
        """Return what a lock runs now, if it is kept."""
        return None

    @callback
    def ran_before(self, lock: ManagedLock) -> tuple[KeptRelease, ...]:
        """Return what is kept of what a lock has run before, newest first."""
        return ()

    async def async_get(self, sha256: str) -> bytes:
        """Return an artifact; raise ``VaultError``."""
        raise VaultError(VaultProblem.NOT_KEPT)

    async def async_keep(self, kept: KeptRelease, data: bytes) -> None:
        """Keep an artifact that was proven; raise ``VaultError``."""
        raise VaultError(VaultProblem.UNREADABLE)

    @callback
    def supply(self, lock: ManagedLock, source: Source) -> Supply:
        """Return where the firmware of one installation comes from."""
        return _Supply(self, lock, source)


class _Supply(Supply):
    """The firmware of one installation."""

    def __init__(
        self, vault: HouseholdVault, lock: ManagedLock, source: Source
    ) -> None:
        self._vault = vault
        self._lock = lock
        self._source = source

    async def fetch(self, release: Release) -> bytes:
        """Return the artifact of a release; see ``Supply``."""
        if self._source is not Source.FEED:
            return await self._vault.async_get(release.key)
        if (feed := self._lock.feed) is None:
            raise FeedError(FeedProblem.UNREACHABLE)
        return await feed.feed.fetch(release)

    async def keep(
        self, release: Release, artifact: bytes, signer: FirmwareKey
    ) -> None:
        """Keep what was proven; see ``Supply``."""
