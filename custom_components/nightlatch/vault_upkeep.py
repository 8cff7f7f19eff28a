"""What is done for the vault by itself: fetching, pruning, testing, trying again.

Little by little, one thing at a time, and never while an installation runs: nothing here
is in a hurry.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
import logging
import random
from typing import TYPE_CHECKING, Any

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .adapters.situation import read_house
from .adapters.vault_folder import FIRST
from .const import DOMAIN
from .coordinator import FeedCoordinator
from .core.errors import FeedError, FirmwareError, VaultError, VaultProblem
from .core.firmware.packages import verify_artifact
from .core.model import FirmwareKey, LockKind, Release
from .core.records.kept_release import KeptRelease
from .core.vault.kept import Kept
from .core.vault.reports import Damage, PlaceReport, TestReport, Unproven
from .core.vault.vault import Vault

if TYPE_CHECKING:
    from .household import Household
    from .locks import ManagedLock
    from .vaulting import HouseholdVault

_LOGGER = logging.getLogger(__name__)

# How often a vault that cannot be opened, or a place that is away, is tried again.
LOOK_AGAIN = timedelta(minutes=5)
# What could not be fetched is tried again after this, and after twice as long each time.
FETCH_AGAIN = timedelta(hours=1)
_LONGEST_FETCH_PAUSE = timedelta(days=2)
TEST_INTERVAL = timedelta(days=7)
# So that a test is not always at the hour of the last restart.
TEST_JITTER = timedelta(hours=12)

# The most wanted first; see ``Vault.prune``.
_RUNNING, _BEFORE, _NEXT = range(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failures:
    """How often an artifact could not be had."""

    number: int
    not_before: datetime


class VaultUpkeep:
    """Looks every minute whether something is to be done for the vault."""

    def __init__(self, household: Household, vault: HouseholdVault) -> None:
        """Take the household and its vault."""
        self._household = household
        self._vault = vault
        self._working: asyncio.Task[None] | asyncio.Task[TestReport] | None = None
        self._looked_at: datetime | None = None
        """When a vault in trouble was looked at last."""
        self._failures: dict[str, _Failures] = {}
        """By the digest of the artifact."""
        self._jitter = random.uniform(-1, 1) * TEST_JITTER
        self._wanted: dict[str, int] = {}
        """What it was pruned for last."""
        self.damaged: tuple[Damage, ...] = ()
        """Copies that nothing could replace, as the last test found them."""
        self.unproven: tuple[Unproven, ...] = ()
        """What no longer proves itself, as the last test found it."""

    @callback
    def async_look(self, now: datetime) -> None:
        """Do what is due, in the background."""
        if self._working is None and not self._is_busy:
            self._working = self._household.async_create_task(
                self._async_work(now), "upkeep of the vault"
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

    async def async_close(self) -> None:
        """Stop for good; nobody looks any more."""
        await self.async_stand_aside()

    @property
    def _is_busy(self) -> bool:
        """Whether the house has something better to do."""
        household = self._household
        return (
            household.queue.running is not None
            or any(lock.progress is not None for lock in household.locks.values())
            or any(read_house(household.hass))
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
            if self._is_test_due(now):
                await self._async_test()
        except VaultError as err:
            # The vault's own issue says what to do about it.
            _LOGGER.debug("Upkeep of the vault: %s", err)

    def _is_to_be_opened_again(self, now: datetime) -> bool:
        if self._vault.refusal is None and not self._vault.troubles:
            return False
        return self._looked_at is None or now >= self._looked_at + LOOK_AGAIN

    # What is kept for which lock.

    @callback
    def wanted(self) -> dict[str, int]:
        """Return what must not be pruned, by digest: the lower the more wanted."""
        wanted: dict[str, int] = {}

        def want(release: KeptRelease | None, rank: int) -> None:
            if release is not None:
                key = release.release.key
                wanted[key] = min(rank, wanted.get(key, rank))

        for lock in self._household.locks.values():
            want(self._vault.running(lock), _RUNNING)
            for before in self._vault.ran_before(lock)[:1]:
                want(before, _BEFORE)
            if lock.release is not None:
                want(self._vault.release(lock.release.key), _NEXT)
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
        vault = self._vault.vault
        wanted = self.wanted()
        if vault is None or (wanted == self._wanted and vault.size <= vault.limit):
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
            if failures is not None and now < failures.not_before:
                continue
            try:
                await self.async_fetch(feed, release)
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
        self._failures[release.key] = _Failures(number=number, not_before=now + pause)

    def _missing(self) -> Iterator[tuple[FeedCoordinator, Release]]:
        """Yield what should be kept and is not: for all what runs, then what comes next."""
        locks = [
            (lock, lock.feed)
            for lock in self._household.locks.values()
            if lock.kind.name is LockKind.DIRECT
        ]
        for lock, feed in locks:
            if feed is not None and feed.trouble is None:
                yield from ((feed, each) for each in self._missing_running(lock))
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

    def _missing_running(self, lock: ManagedLock) -> Iterator[Release]:
        """Yield what the feed lists of the version that a lock runs, and is not kept."""
        if self._vault.running(lock) is not None:
            return
        identity = lock.record.identity
        for release in lock.kind.on_offer():
            if (
                release.payload is not None
                and release.model == identity.model
                and release.version.text == identity.firmware_version
            ):
                yield release

    async def async_keep_running(self, lock: ManagedLock) -> None:
        """Keep what a lock runs, as long as its feed has it.

        Raises ``FeedError``, ``FirmwareError`` and ``VaultError``.
        """
        if (feed := lock.feed) is not None:
            for release in self._missing_running(lock):
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

    # Testing.

    def _is_test_due(self, now: datetime) -> bool:
        kept = self._vault.kept.values()
        if not kept:
            return False
        tested = self._household.store.vault_tested or min(
            each.kept_at for each in kept
        )
        return now >= tested + TEST_INTERVAL + self._jitter

    async def async_test_now(self) -> TestReport:
        """Test at once, because a person wants to know.

        Raises ``VaultError``, or ``HomeAssistantError`` where something more important
        goes on.
        """
        await self.async_stand_aside()
        if self._is_busy:
            raise _error("vault_busy")
        working = self._household.async_create_task(
            self._async_test(), "test of the vault"
        )
        self._working = working
        working.add_done_callback(self._worked)
        await asyncio.wait((working,))
        if working.cancelled():
            raise _error("vault_test_interrupted")
        return working.result()

    async def _async_test(self) -> TestReport:
        """Decrypt, compare and prove every copy; raise ``VaultError``."""
        household, vault = self._household, self._vault.vault
        if vault is None:
            assert self._vault.problem is not None
            raise self._vault.problem
        report = await vault.test(_prove, self._async_refetch)
        self._vault.found = report.places
        await self._async_set_damaged(vault, report.damaged)
        self.unproven = report.unproven
        await household.store.async_set_vault_tested(dt_util.utcnow())
        if report.replaced or report.damaged or report.unproven:
            await household.async_audit(
                "vault_tested",
                sound=report.sound,
                replaced=[_name(each.kept) for each in report.replaced],
                damaged=[_name(each.kept) for each in report.damaged],
                unproven=[_name(each.kept) for each in report.unproven],
            )
        self._vault.async_refresh()
        return report

    async def async_take_over(
        self, vault: Vault, found: Mapping[str, PlaceReport]
    ) -> None:
        """Take over what is damaged, as opening has found it.

        Opening reads only what copies say of themselves; those that were no good before
        are read to the end.
        """
        damaged = [each for place in found.values() for each in place.damaged]
        for sha256 in self._household.store.vault_suspects:
            if (kept := vault.by_digest(sha256)) is not None:
                try:
                    await vault.get(sha256)
                except VaultError as err:
                    damaged.append(_damage(kept, err))
        await self._async_set_damaged(vault, damaged)

    async def async_note_lost(self, vault: Vault, kept: Kept, err: VaultError) -> None:
        """Keep that somebody has asked for a copy in vain."""
        await self._async_set_damaged(vault, [*self.damaged, _damage(kept, err)])

    async def _async_set_damaged(self, vault: Vault, damaged: Iterable[Damage]) -> None:
        """Keep that of which no good copy is left anywhere, once each."""
        lost = {
            each.kept.binding.sha256 if each.kept else each.name: each
            for each in damaged
            if each.error.reason is not VaultProblem.TOO_NEW
            and (each.kept is None or vault.by_digest(each.kept.binding.sha256) is None)
        }
        self.damaged = tuple(lost.values())
        await self._household.store.async_set_vault_suspects(
            tuple(each.kept.binding.sha256 for each in self.damaged if each.kept)
        )

    async def async_drop_damaged(self) -> None:
        """Remove the copies that nothing could replace: a person has seen them."""
        if (vault := self._vault.vault) is not None:
            await vault.drop_damaged()
            await self._async_set_damaged(vault, ())
        self.unproven = ()
        self._vault.async_refresh()

    async def _async_refetch(self, kept: Kept) -> bytes | None:
        """Return an artifact from the feed that lists it; None where none does."""
        for feed in tuple(self._household.feeds.values()):
            for release in feed.data.releases if feed.data else ():
                if release.key != kept.binding.sha256:
                    continue
                data, _ = await self._async_proven(feed, release)
                return data
        return None


def _damage(kept: Kept, err: VaultError) -> Damage:
    return Damage(place=FIRST, name="", kept=kept, error=err)


def _error(key: str) -> HomeAssistantError:
    return HomeAssistantError(translation_domain=DOMAIN, translation_key=key)


def _prove(kept: Kept, data: bytes) -> None:
    """Raise ``NightlatchError`` unless an artifact is signed as when it was kept."""
    try:
        known = KeptRelease.from_about(kept.about)
    except ValueError:
        # A later version of Nightlatch has kept it; that its bytes are whole is proven.
        return
    if known.release.payload is not None:
        verify_artifact(
            data,
            known.release,
            keys=(known.signer,) if known.signer else (),
            minimum_firmware_version=None,
        )


def _name(kept: Kept | None) -> str:
    return f"{kept.binding.model} {kept.binding.version}" if kept else "?"
