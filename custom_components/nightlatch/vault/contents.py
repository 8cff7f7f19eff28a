"""What is in the vault, as the locks ask for it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
import logging
from operator import itemgetter
from typing import Protocol

from homeassistant.core import callback

from ..core.feeds.base import FeedContent
from ..core.model import LockIdentity, OutcomeKind, Release
from ..core.records.kept_release import KeptRelease
from ..core.vault.kept import Kept
from ..core.versions import is_same_version
from ..faults import Faults
from ..lock_view import LockView
from ..locks.registry import LockRegistry

_LOGGER = logging.getLogger(__name__)

_NEVER = datetime.min.replace(tzinfo=UTC)


class SuppliedLock(LockView, Protocol):
    """A lock for which something may be kept."""

    @property
    def content(self) -> FeedContent | None:
        """What its feed said last."""


class VaultContents:
    """What is kept for which lock; empty while nobody can read it."""

    def __init__(self, locks: LockRegistry, faults: Faults) -> None:
        """Begin with nothing."""
        self._locks = locks
        self._faults = faults
        self._kept: Mapping[str, Kept] = {}
        self._releases: Mapping[str, KeptRelease] = {}
        self._of_model: Mapping[str, Sequence[tuple[Kept, KeptRelease]]] = {}
        """The same by the model: each lock is asked for, and much may be kept."""

    @property
    def kept(self) -> Mapping[str, Kept]:
        """All of which there is a sound copy, by the digest of the artifact."""
        return self._kept

    @property
    def releases(self) -> Mapping[str, KeptRelease]:
        """The same, as what can be installed."""
        return self._releases

    @callback
    def release(self, sha256: str) -> KeptRelease | None:
        """Return what is kept under the digest of an artifact."""
        return self._releases.get(sha256)

    @callback
    def find(
        self, *, vendor: str | None, model: str, version: str
    ) -> KeptRelease | None:
        """Return what is kept of a version, the newest where there are several.

        Of any vendor where none is named.
        """
        found = self._find(vendor, model, version)
        return max(found, key=itemgetter(0))[1] if found else None

    def _find(
        self, vendor: str | None, model: str, version: str
    ) -> list[tuple[datetime, KeptRelease]]:
        """Return all that is kept of a version, with since when."""
        return [
            (kept.kept_at, known)
            for kept, known in self._of_model.get(model, ())
            if is_same_version(known.release.version.text, version)
            and vendor in {None, known.release.vendor}
        ]

    @callback
    def running(self, lock: SuppliedLock) -> KeptRelease | None:
        """Return what a lock runs now, if it is kept."""
        return self._version_of(lock, lock.record.identity.firmware_version)

    @callback
    def ran_before(self, lock: SuppliedLock) -> tuple[KeptRelease, ...]:
        """Return what is kept of what a lock has run before, newest first."""
        versions = reversed(lock.record.ran)
        found = (self._version_of(lock, version) for version in versions)
        return tuple(each for each in found if each is not None)

    def _version_of(self, lock: SuppliedLock, version: str) -> KeptRelease | None:
        """Return what is kept of a version for a lock.

        Where a vendor has released several under one version, the one that was
        installed counts, else the newest that is for the hardware.
        """
        vendor = lock.content.vendor if lock.content else None
        identity = lock.record.identity
        of_version = self._find(vendor, identity.model, version)
        if not of_version:
            return None
        installed = {
            outcome.sha256: outcome.ended
            for outcome in lock.record.own_history
            if outcome.kind is OutcomeKind.SUCCEEDED
            and is_same_version(outcome.to_version, version)
        }
        found = [
            (installed.get(known.release.key, _NEVER), since, known)
            for since, known in of_version
            if may_be_for_hardware(known.release, identity)
        ]
        return max(found, key=itemgetter(0, 1))[2] if found else None

    @callback
    def async_take(self, kept: Iterable[Kept]) -> None:
        """Take over what is kept now, and tell the locks that this is about."""
        before = self._releases
        self._kept = {each.binding.sha256: each for each in kept}
        self._releases = {
            sha256: release
            for sha256, each in self._kept.items()
            if (release := _read(each)) is not None
        }
        of_model: dict[str, list[tuple[Kept, KeptRelease]]] = {}
        for sha256, release in self._releases.items():
            of_model.setdefault(release.release.model, []).append(
                (self._kept[sha256], release)
            )
        self._of_model = of_model
        differing = {
            sha256
            for sha256 in self._releases.keys() | before.keys()
            if self._releases.get(sha256) != before.get(sha256)
        }
        models = {
            each[sha256].release.model
            for sha256 in differing
            for each in (self._releases, before)
            if sha256 in each
        }
        for lock in self._locks.values():
            choice = lock.decisions.choice
            of_keeper = lock.content is not None and lock.content.keeper is not None
            if of_keeper or (choice is not None and choice.sha256 in differing):
                with self._faults.apart("selection", lock):
                    lock.async_select()
            elif lock.record.identity.model in models:
                lock.async_changed()


def may_be_for_hardware(release: Release, identity: LockIdentity) -> bool:
    """Return whether a release is for a lock's hardware, as far as the lock says."""
    revision = identity.hardware_revision
    return revision is None or revision in release.hardware_revisions


def _read(kept: Kept) -> KeptRelease | None:
    """Return what is kept as what can be installed; None where it is not understood."""
    try:
        return KeptRelease.from_about(kept.about)
    except ValueError as err:
        # A later version of Nightlatch may have kept it.
        _LOGGER.info("What is kept of %s is left alone: %s", kept.binding.version, err)
        return None
