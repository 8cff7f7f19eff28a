"""Firmware on its way from a feed into the vault, proven before it is kept."""

import asyncio
from collections.abc import Iterator

from ..coordinator import FeedCoordinator
from ..core.firmware.packages import verify_artifact
from ..core.model import FirmwareKey, Release
from ..core.records.kept_release import KeptRelease
from ..core.vault.kept import Kept
from ..core.versions import is_same_version
from ..locks.lock import ManagedLock
from ..members import Members
from .contents import may_be_for_hardware
from .store import HouseholdVault


class VaultFetching:
    """Brings into the vault what is not there."""

    def __init__(self, vault: HouseholdVault, feeds: Members[FeedCoordinator]) -> None:
        """Take both ends."""
        self._vault = vault
        self._feeds = feeds

    def missing_running(self, lock: ManagedLock) -> Iterator[Release]:
        """Yield what the feed lists of the version that a lock runs, and is not kept."""
        if self._vault.running(lock) is not None:
            return
        identity = lock.record.identity
        for release in lock.kind.on_offer():
            if (
                release.payload is not None
                # A keeper does not know what the lock came with.
                and release.keeper is None
                and release.model == identity.model
                and is_same_version(release.version.text, identity.firmware_version)
                and may_be_for_hardware(release, identity)
            ):
                yield release

    async def async_keep_running(self, lock: ManagedLock) -> None:
        """Keep what a lock runs, as long as its feed has it.

        Raises ``FeedError``, ``FirmwareError`` and ``VaultError``.
        """
        if (feed := lock.feed) is not None:
            for release in self.missing_running(lock):
                await self.async_fetch(feed, release)

    async def async_fetch(self, feed: FeedCoordinator, release: Release) -> KeptRelease:
        """Bring a release from its feed into the vault, proven.

        Raises ``FeedError``, ``FirmwareError`` and ``VaultError``.
        """
        data, signer = await self._async_proven(feed, release)
        kept = KeptRelease(release=release, signer=signer)
        await self._vault.async_keep(kept, data)
        return kept

    async def _async_proven(
        self, feed: FeedCoordinator, release: Release
    ) -> tuple[bytes, FirmwareKey | None]:
        """Return an artifact, and the pinned key that it is signed under.

        No key for what a person installs: its feed alone vouches for that.
        """
        data = await feed.feed.fetch(release)
        if release.payload is None:
            return data, None
        keys = feed.firmware_keys
        artifact = await asyncio.to_thread(
            verify_artifact, data, release, keys=keys, minimum_firmware_version=None
        )
        signer = next(
            key for key in keys if key.fingerprint == artifact.key_fingerprint
        )
        return data, signer

    async def async_refetch(self, kept: Kept) -> bytes | None:
        """Return an artifact from the feed that lists it; None where none does.

        Raises ``FeedError`` and ``FirmwareError``.
        """
        for feed in tuple(self._feeds.values()):
            for release in feed.data.releases if feed.data else ():
                if release.key == kept.binding.sha256:
                    data, _ = await self._async_proven(feed, release)
                    return data
        return None
