"""What a lock can believe of a keeper's releases.

A keeper's signature proves that this keeper has chosen a file. Whether its maker has made
it, the file alone can show: by the signer of what runs on the lock, where that is known
for sure. What a keeper's own feed claims the lock to run does not count for that, or two
files of the keeper's would prove each other.
"""

from collections.abc import Sequence
from dataclasses import replace

from .model import Evidence, FirmwareKey, Release
from .records.kept_release import KeptRelease
from .records.lock_record import LockRecord


def known_signer(record: LockRecord, running: KeptRelease | None) -> FirmwareKey | None:
    """Return who has signed what a lock runs, if that is known for sure.

    ``running`` is what is kept under the version that it tells. From its vendor's own
    feed it is what the vendor has made, whoever has installed it; from anywhere else,
    only what was installed here.
    """
    if running is None or running.signer is None:
        return None
    if running.is_of_vendor or record.runs_as_installed(running.release.key):
        return running.signer
    return None


def as_believed(
    release: Release, signer: FirmwareKey | None, named: Sequence[FirmwareKey]
) -> Release:
    """Return a keeper's release with what a lock that runs a signer's knows of it.

    ``named`` are the keys that the owner has seen. Where one of them is the signer's, the
    image is held to that one when it comes; see ``keys_for``.
    """
    if (
        release.keeper is None
        or release.payload is None
        or not _is_among(signer, named)
    ):
        return release
    return replace(release, evidence=Evidence.SAME_SIGNER)


def keys_for(
    release: Release, signer: FirmwareKey | None, named: Sequence[FirmwareKey]
) -> tuple[FirmwareKey, ...]:
    """Return the keys of which one must have signed a release; none where it was changed.

    What was promised to have the signer of what runs is held to that, also where nobody
    knows that signer any more.
    """
    if release.keeper is None or release.evidence is not Evidence.SAME_SIGNER:
        return tuple(named)
    return (signer,) if signer is not None and _is_among(signer, named) else ()


def is_of_other_signer(
    release: Release, signer: FirmwareKey | None, named: Sequence[FirmwareKey]
) -> bool:
    """Return whether a keeper's release is none of whoever signed what the lock runs."""
    return (
        release.keeper is not None
        and release.payload is not None
        and signer is not None
        and not _is_among(signer, named)
    )


def _is_among(signer: FirmwareKey | None, named: Sequence[FirmwareKey]) -> bool:
    return signer is not None and signer.fingerprint in {
        key.fingerprint for key in named
    }
