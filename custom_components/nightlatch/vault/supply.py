"""The firmware of one installation: from the feed or the vault, and kept there."""

import asyncio
import logging
from typing import override

from ..adapters.journal import JournalFile
from ..core.errors import FeedError, FeedProblem, VaultError
from ..core.installation.journal import JournalEntry
from ..core.installation.ports import Supply
from ..core.model import FirmwareKey, Purpose, Release, Source
from ..core.records.kept_release import KeptRelease
from ..locks.lock import ManagedLock
from .fetching import VaultFetching
from .store import HouseholdVault
from .upkeep import VaultUpkeep

_LOGGER = logging.getLogger(__name__)

# Seconds. The house was looked at just before; what it said must still hold afterwards.
KEEP_TIMEOUT = 60.0


class VaultSupply(Supply):
    """The firmware of one installation on one lock."""

    def __init__(
        self,
        lock: ManagedLock,
        source: Source,
        *,
        vault: HouseholdVault,
        fetching: VaultFetching,
        upkeep: VaultUpkeep,
        journal: JournalFile,
    ) -> None:
        """Take the lock, and where its firmware comes from."""
        self._lock = lock
        self._source = source
        self._vault = vault
        self._fetching = fetching
        self._upkeep = upkeep
        self._journal = journal

    @override
    async def fetch(self, release: Release) -> bytes:
        """Return the artifact of a release; see ``Supply``.

        What comes from a feed comes from there, so that what its vendor has taken back
        meanwhile is not installed. Once the lock was touched that no longer counts: it
        must be brought to an end, and the vault has the very bytes that were sent.
        """
        vault = self._vault
        await self._upkeep.async_stand_aside()
        if self._source is not Source.FEED:
            return await vault.async_get(release.key)
        if self._was_touched and vault.release(release.key) is not None:
            try:
                return await vault.async_get(release.key)
            except VaultError as err:
                _LOGGER.info("%s: the vault does not have it: %s", self._lock.name, err)
        if (feed := self._lock.feed) is None:
            raise FeedError(FeedProblem.UNREACHABLE)
        return await feed.feed.fetch(release, begun=self._is_way_out)

    @override
    async def keep(
        self, release: Release, artifact: bytes, signer: FirmwareKey
    ) -> None:
        """Keep what will be sent, and what the lock runs; see ``Supply``."""
        vault, name = self._vault, self._lock.name
        kept = KeptRelease(release=release, signer=signer, source=self._source)
        try:
            async with asyncio.timeout(KEEP_TIMEOUT):
                if self._source is Source.FEED:
                    await vault.async_keep(kept, artifact)
                if not self._is_way_out:
                    # A door that does not open waits for no feed.
                    await self._fetching.async_keep_running(self._lock)
        except TimeoutError:
            _LOGGER.warning("%s: keeping its firmware took too long", name)
        except (FeedError, VaultError) as err:
            # The vault's own issue says what to do about it.
            _LOGGER.warning("%s: its firmware is not kept: %s", name, err)
        except Exception:
            # What is not kept is only missing later; the lock waits now.
            _LOGGER.exception("%s: its firmware is not kept", name)
        await vault.async_write_ledger()

    @property
    def _current(self) -> JournalEntry | None:
        current = self._journal.current
        if current is None or current.lock_id != self._lock.subentry_id:
            return None
        return current

    @property
    def _was_touched(self) -> bool:
        return self._current is not None and self._current.touched

    @property
    def _is_way_out(self) -> bool:
        """Whether the lock waits in its bootloader for this."""
        current = self._current
        return current is not None and (
            current.touched or current.purpose is Purpose.RECOVERY
        )
