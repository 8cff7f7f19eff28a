"""What is done for the vault by itself: fetching, pruning, trying again.

Little by little, one thing at a time, and never while an installation runs: nothing here
is in a hurry.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

from ..adapters.situation import read_house
from ..const import DOMAIN
from ..coordinator import FeedCoordinator
from ..core.errors import FeedError, FirmwareError, VaultError
from ..core.installation.recovery import what_left_it
from ..core.model import Release
from ..core.moments import is_over
from ..core.records.kept_release import KeptRelease
from ..core.schedule.queue import Queue
from ..core.vault.reports import TestReport
from ..locks.registry import LockRegistry
from .fetching import VaultFetching
from .scrub import VaultTesting
from .store import HouseholdVault

_LOGGER = logging.getLogger(__name__)

# How often a vault that cannot be opened, or a place that is away, is tried again.
LOOK_AGAIN = timedelta(minutes=5)
# What could not be fetched is tried again after this, and after twice as long each time.
FETCH_AGAIN = timedelta(hours=1)
_LONGEST_FETCH_PAUSE = timedelta(days=2)

# The most wanted first; see ``Vault.prune``.
_RUNNING, _BEFORE, _NEXT = range(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failures:
    """How often an artifact could not be had."""

    number: int
    at: datetime
    """When it was tried last."""
    pause: timedelta


class VaultUpkeep:
    """Looks every minute whether something is to be done for the vault."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        *,
        vault: HouseholdVault,
        fetching: VaultFetching,
        testing: VaultTesting,
        locks: LockRegistry,
        queue: Queue,
    ) -> None:
        """Take the vault, and whom to ask whether there is anything better to do."""
        self._hass = hass
        self._entry = entry
        self._vault = vault
        self._fetching = fetching
        self._testing = testing
        self._locks = locks
        self._queue = queue
        self._working: asyncio.Task[None] | asyncio.Task[TestReport] | None = None
        self._looked_at: datetime | None = None
        """When a vault in trouble was looked at last."""
        self._failures: dict[str, _Failures] = {}
        """By the digest of the artifact."""
        self._wanted: dict[str, int] = {}
        """What it was pruned for last."""

    @callback
    def async_look(self, now: datetime) -> None:
        """Do what is due, in the background."""
        if self._working is None and not self._is_busy:
            self._working = self._entry.async_create_background_task(
                self._hass, self._async_work(now), "upkeep of the vault"
            )
            self._working.add_done_callback(self._worked)

    @callback
    def _worked(self, worked: asyncio.Task[Any]) -> None:
        if self._working is worked:
            self._working = None

    async def async_stand_aside(self) -> None:
        """Stop what is being done: something more important needs feed or vault."""
        if (working := self._working) is not None:
            working.cancel()
            await asyncio.wait((working,))

    @property
    def _is_busy(self) -> bool:
        """Whether the house has something better to do."""
        return (
            self._queue.running is not None
            or any(lock.progress is not None for lock in self._locks.values())
            or any(read_house(self._hass))
        )

    async def _async_work(self, now: datetime) -> None:
        vault = self._vault
        try:
            if self._is_to_be_opened_again(now):
                self._looked_at = now
                await vault.async_open()
            if vault.problem is not None:
                return
            await vault.async_write_ledger()
            await self._async_fetch_one(now)
            await self.async_prune()
            if self._testing.is_due(now):
                await self._testing.async_test()
        except VaultError as err:
            # The vault's own issue says what to do about it.
            _LOGGER.debug("Upkeep of the vault: %s", err)

    def _is_to_be_opened_again(self, now: datetime) -> bool:
        if self._vault.refusal is None and not self._vault.troubles:
            return False
        return self._looked_at is None or is_over(self._looked_at, LOOK_AGAIN, now)

    # What is kept for which lock.

    @callback
    def wanted(self) -> dict[str, int]:
        """Return what must not be pruned, by digest: the lower the more wanted."""
        wanted: dict[str, int] = {}

        def want(release: KeptRelease | None, rank: int) -> None:
            if release is not None:
                key = release.release.key
                wanted[key] = min(rank, wanted.get(key, rank))

        for lock in self._locks.values():
            want(self._vault.running(lock), _RUNNING)
            for before in self._vault.ran_before(lock)[:1]:
                want(before, _BEFORE)
            if lock.release is not None:
                want(self._vault.release(lock.release.key), _NEXT)
            left = what_left_it(lock.record)
            if left is not None and left.sha256 is not None:
                # It goes on where it was, whatever is offered by then.
                want(self._vault.release(left.sha256), _RUNNING)
            if lock.decisions.choice is not None:
                want(self._vault.release(lock.decisions.choice.sha256), _NEXT)
        return wanted

    @callback
    def needed(self) -> int:
        """Return the bytes of what must not be pruned, in each place."""
        kept = self._vault.kept
        return sum(kept[sha256].size for sha256 in self.wanted() if sha256 in kept)

    async def async_prune(self) -> None:
        """Drop what is too much; raise ``VaultError``."""
        vault = self._vault.open_vault()
        wanted = self.wanted()
        if wanted == self._wanted and vault.size <= vault.limit:
            return
        dropped = await vault.prune(wanted)
        self._wanted = wanted
        if dropped:
            _LOGGER.info(
                "The vault no longer keeps %s",
                ", ".join(
                    f"{each.binding.model} {each.binding.version}" for each in dropped
                ),
            )
            self._vault.async_refresh()

    # Fetching.

    async def _async_fetch_one(self, now: datetime) -> None:
        """Fetch the first thing that is missing and may be tried."""
        for feed, release in self._missing():
            failures = self._failures.get(release.key)
            if failures is not None and not is_over(failures.at, failures.pause, now):
                continue
            try:
                await self._fetching.async_fetch(feed, release)
            except (FeedError, FirmwareError, VaultError) as err:
                self._fetch_later(release, now)
                _LOGGER.log(
                    logging.DEBUG if failures else logging.WARNING,
                    "%s: version %s for %s is not kept: %s",
                    feed.title,
                    release.version.text,
                    release.model,
                    err,
                )
            else:
                self._failures.pop(release.key, None)
            return

    @callback
    def _fetch_later(self, release: Release, now: datetime) -> None:
        failures = self._failures.get(release.key)
        number = failures.number + 1 if failures else 1
        pause = min(FETCH_AGAIN * 2 ** (number - 1), _LONGEST_FETCH_PAUSE)
        self._failures[release.key] = _Failures(number=number, at=now, pause=pause)

    def _missing(self) -> Iterator[tuple[FeedCoordinator, Release]]:
        """Yield what should be kept and is not: for all what runs, then what comes next."""
        locks = [
            (lock, lock.feed)
            for lock in self._locks.values()
            if lock.kind.sends_firmware
        ]
        for lock, feed in locks:
            if feed is not None and feed.trouble is None:
                yield from (
                    (feed, each) for each in self._fetching.missing_running(lock)
                )
        for lock, feed in locks:
            release = lock.release
            if (
                feed is not None
                and feed.trouble is None
                and lock.decisions.choice is None
                and release is not None
                and self._vault.release(release.key) is None
            ):
                yield feed, release

    # Testing.

    async def async_test_now(self) -> TestReport:
        """Test at once, because a person wants to know.

        Raises ``VaultError``, or ``HomeAssistantError`` where something more important
        goes on.
        """
        await self.async_stand_aside()
        if self._is_busy:
            raise _error("vault_busy")
        working = self._entry.async_create_background_task(
            self._hass, self._testing.async_test(), "test of the vault"
        )
        self._working = working
        working.add_done_callback(self._worked)
        await asyncio.wait((working,))
        if working.cancelled():
            raise _error("vault_test_interrupted")
        return working.result()


def _error(key: str) -> HomeAssistantError:
    return HomeAssistantError(translation_domain=DOMAIN, translation_key=key)
