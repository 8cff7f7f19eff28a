"""A file with firmware that somebody brings: what is known beforehand, where it goes."""

import logging

from ..adapters.audit_file import AuditFile
from ..core.errors import VaultError
from ..core.from_file import FileReading, KnownLock, RanBefore
from ..core.model import USUAL, Purpose, Release, Source, Traits
from ..core.records.kept_release import KeptRelease
from ..core.versions import VersionScheme
from ..locks.lock import ManagedLock
from ..vault.store import HouseholdVault

# What a file is kept under where nobody tells who has made the lock; never shown.
_NO_VENDOR = "?"

_LOGGER = logging.getLogger(__name__)


async def async_known(lock: ManagedLock, vault: HouseholdVault) -> KnownLock:
    """Return what is known of a lock before anybody looks at the file."""
    identity, content = lock.record.identity, lock.content
    ran = await _async_ran(lock, vault)
    vendor = content.vendor if content else identity.manufacturer
    if ran and content is None:
        vendor = ran[0].kept.release.vendor
    return KnownLock(
        vendor=vendor or _NO_VENDOR,
        identity=identity,
        scheme=_scheme(lock, ran),
        floor=lock.floor,
        # Whose the keys are that a keeper names, nobody vouches for.
        pinned=(
            lock.feed.firmware_keys
            if lock.feed is not None and (content is None or content.keeper is None)
            else ()
        ),
        offered=tuple(lock.kind.on_offer()),
        ran=ran,
        traits=_traits(lock, ran),
        purpose=Purpose.RECOVERY if lock.in_bootloader else Purpose.UPDATE,
    )


async def async_take(
    lock: ManagedLock,
    *,
    vault: HouseholdVault,
    audit: AuditFile,
    reading: FileReading,
    release: Release,
    words: str | None,
) -> None:
    """Put a file into the vault, and let the lock offer it.

    Raises ``VaultError``, and ``HomeAssistantError`` where an installation has begun
    meanwhile: then it is kept, and not offered.

    Nothing is installed: that takes an approval, and somebody who presses *Update*.
    """
    await async_keep_file(
        lock, vault=vault, audit=audit, reading=reading, release=release, words=words
    )
    await lock.decided.async_choose(release, Source.FILE, Purpose.UPDATE)


async def async_keep_file(
    lock: ManagedLock,
    *,
    vault: HouseholdVault,
    audit: AuditFile,
    reading: FileReading,
    release: Release,
    words: str | None,
) -> None:
    """Put a file into the vault, and into the audit log; raise ``VaultError``.

    ``words`` is what a person has written to accept what nothing proves.
    """
    await vault.async_keep(
        KeptRelease(release=release, signer=reading.signer, source=Source.FILE),
        reading.data,
    )
    await audit.async_append(
        "firmware_brought",
        lock=lock.subentry_id,
        version=release.version.text,
        sha256=release.key,
        proof=reading.proof,
        signer=reading.signer.fingerprint,
        words=words or "",
    )


async def _async_ran(lock: ManagedLock, vault: HouseholdVault) -> tuple[RanBefore, ...]:
    """Return what the lock runs and ran, as far as the vault can give it."""
    running = vault.running(lock)
    found = []
    for kept in (*((running,) if running else ()), *vault.ran_before(lock)):
        if not kept.is_of_vendor and not lock.record.has_run(kept.release.key):
            # It was kept for another lock, and only says that it is what this one ran.
            continue
        try:
            data = await vault.async_get(kept.release.key)
        except VaultError as err:
            # The vault's own tests tell people; here it is as if it were not kept.
            _LOGGER.debug("%s cannot be compared with: %s", kept.release.key, err)
            continue
        found.append(RanBefore(kept=kept, data=data))
    return tuple(found)


def _traits(lock: ManagedLock, ran: tuple[RanBefore, ...]) -> Traits:
    """Return what is unusual about the lock, as its vendor says or said."""
    if lock.model is not None:
        return lock.model.traits
    return ran[0].kept.release.traits if ran else USUAL


def _scheme(lock: ManagedLock, ran: tuple[RanBefore, ...]) -> VersionScheme:
    """Return how the lock's firmware is numbered; by its looks where nobody has said."""
    if lock.model is not None:
        return lock.model.version_scheme
    if ran:
        return ran[0].kept.release.version.scheme
    runs = lock.record.identity.firmware_version
    return VersionScheme.HEX if runs.startswith("0x") else VersionScheme.DOTTED
