"""A release out of a file that a person has brought, and what proves it.

A feed says of a release what it is for; a file does not. So a person has to say for which
model and hardware it is, and its version where the format carries none. All else is held
against what is known: the lock itself, what it has run, the vendor's keys if any are
pinned, and the signer of what ran before if none is. What says nothing is refused or told,
never taken for good. Everything here is synchronous and takes milliseconds of processor
time; callers run it in an executor.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
import re

from .errors import FileError, FileProblem, FirmwareError, FirmwareProblem
from .firmware.continuity import Ran, Signer, possible_signers, same_signer
from .firmware.packages import Inspection, inspect_artifact, signer_of, verify_artifact
from .model import (
    USUAL,
    Artifact,
    Evidence,
    FirmwareKey,
    LockIdentity,
    Payload,
    PayloadFormat,
    Purpose,
    Release,
    Traits,
    Transport,
)
from .records.kept_release import KeptRelease
from .records.trust import LockFloor
from .select import PassedOver, is_for_hardware, reason_against
from .versions import Version, VersionError, VersionScheme

_TRANSPORTS = {
    PayloadFormat.NORDIC_DFU: Transport.NORDIC_DFU,
    PayloadFormat.MCUBOOT: Transport.SMP,
}
_PROBLEMS = {
    PassedOver.OTHER_MODEL: FileProblem.OTHER_MODEL,
    PassedOver.HARDWARE_UNKNOWN: FileProblem.HARDWARE_UNKNOWN,
    PassedOver.OTHER_HARDWARE: FileProblem.OTHER_HARDWARE,
    PassedOver.NOT_COMPARABLE: FileProblem.NOT_COMPARABLE,
    PassedOver.NOT_NEWER: FileProblem.NOT_NEWER,
    PassedOver.BELOW_FLOOR: FileProblem.BELOW_FLOOR,
    PassedOver.NEEDS_NEWER_FIRST: FileProblem.NEEDS_NEWER_FIRST,
    # Of what a lock is brought out of its bootloader with.
    PassedOver.REFUSED_BY_LOCK: FileProblem.BELOW_FLOOR,
    PassedOver.BELOW_SECURITY_FLOOR: FileProblem.BELOW_FLOOR,
}
_SEVERAL = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 60


class Proof(StrEnum):
    """How it is known who has signed a file."""

    PINNED = "pinned"
    """It is signed with a key that the owner has approved."""
    CONTINUITY = "continuity"
    """It has the signer of what ran before, whom nobody vouches for."""
    NONE = "none"
    """Nothing that ran on the lock is kept, so that nobody can compare."""


_EVIDENCE = {
    Proof.PINNED: Evidence.SIGNATURE_VERIFIED,
    Proof.CONTINUITY: Evidence.SAME_SIGNER,
    Proof.NONE: Evidence.SIGNATURE_PRESENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RanBefore:
    """A release that has run on the lock, with its artifact out of the vault."""

    kept: KeptRelease
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLock:
    """What is known of a lock before anybody looks at the file."""

    vendor: str
    identity: LockIdentity
    scheme: VersionScheme
    """How its firmware is numbered."""
    floor: LockFloor | None = None
    pinned: tuple[FirmwareKey, ...] = ()
    """The vendor's keys that the owner has approved."""
    offered: tuple[Release, ...] = ()
    """What the lock's feed says that there is."""
    ran: tuple[RanBefore, ...] = ()
    """What it runs and ran, as far as it is kept; what ran last comes first."""
    traits: Traits = USUAL
    """What its feed says of locks like it, or what ran before said."""
    purpose: Purpose = Purpose.UPDATE
    """RECOVERY where it waits in its bootloader: then what it ran is as good as newer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReading:
    """What a file says of itself, and what proves it."""

    data: bytes
    inspection: Inspection
    listed: Release | None
    """The release of the feed that it is, to the byte; then all is known of it."""
    proof: Proof
    signer: FirmwareKey
    """The key that its signature holds under: of one that nothing proves, a possible one."""
    compared_with: str | None
    """The version that ran before and was signed by the same, where that is the proof."""
    hardware_version_known: bool
    """Whether packages for this very hardware have had its ``hw_version`` before."""
    purpose: Purpose
    """What it would be sent for."""

    @property
    def evidence(self) -> Evidence:
        """Return what is known of its origin."""
        return _EVIDENCE[self.proof]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person says of a file. Of a release of the feed none of it matters."""

    model: str = ""
    hardware: str = ""
    version: str = ""


def read_file(data: bytes, known: KnownLock) -> FileReading:
    """Read a file for a lock, whoever has made it.

    Raises ``FirmwareError``: what ``inspect_artifact`` raises, SIGNATURE_INVALID where
    keys are pinned and it is signed with none of them, WRONG_HARDWARE. Raises
    ``FileError``: OTHER_FORMAT, OTHER_SIGNER where no key is pinned and somebody else has
    signed it than what ran before, KEY_UNKNOWN, KEY_ONLY_NAMED, COUNTER_NOT_NEWER.
    """
    inspection = inspect_artifact(data)
    _check_format(inspection, known)
    listed = _listed(inspection, known)
    proof, signer = _prove(data, inspection, known)
    hardware_version_known = listed is not None
    if listed is None:
        hardware_version_known = _check_hardware_version(inspection, known)
        _check_counter(inspection, known)
    compared = known.ran[0].kept.release.version.text if known.ran else None
    return FileReading(
        data=data,
        inspection=inspection,
        listed=listed,
        proof=proof,
        signer=signer,
        compared_with=compared if proof is Proof.CONTINUITY else None,
        hardware_version_known=hardware_version_known,
        purpose=known.purpose,
    )


def release_of(
    reading: FileReading, known: KnownLock, said: Said, name: str
) -> Release:
    """Return a file as the release that it is for a lock, proven as any other.

    ``name`` is what the file is called; only what it tells people counts of it. The
    release may be more than can be believed where ``reading.evidence`` is no more than
    SIGNATURE_PRESENT; the owner has to accept that in words.

    Raises ``FileError``: OTHER_MODEL, OTHER_HARDWARE, HARDWARE_UNKNOWN, VERSION_INVALID,
    OTHER_VERSION, NOT_COMPARABLE, NOT_NEWER, BELOW_FLOOR, NEEDS_NEWER_FIRST; and
    ``FirmwareError`` where ``verify_artifact`` refuses it.
    """
    release = reading.listed or _as_said(reading, known, said, name)
    _check_path(release, known)
    try:
        verify_artifact(
            reading.data,
            release,
            keys=(reading.signer,),
            minimum_firmware_version=(
                known.floor.firmware_version if known.floor else None
            ),
        )
    except FirmwareError as err:
        if err.reason is FirmwareProblem.WRONG_VERSION and reading.listed is None:
            # It has one of its own, and only a person has said another one.
            raise FileError(
                FileProblem.OTHER_VERSION,
                version=release.version.text,
                found=err.details["found"],
            ) from None
        raise
    return release


def safe_name(text: str) -> str:
    """Return a text as a file name that leads nowhere and surprises no system."""
    return _SEVERAL.sub("_", text).strip("._-")[:_LONGEST_NAME] or "firmware"


def _check_format(inspection: Inspection, known: KnownLock) -> None:
    """Check that the lock has been known to take such files, if anything is known."""
    formats = {payload.format for payload in _payloads(known)}
    if formats and inspection.format not in formats:
        raise FileError(
            FileProblem.OTHER_FORMAT,
            found=inspection.format,
            expected=", ".join(sorted(formats)),
        )


def _payloads(known: KnownLock) -> Iterator[Payload]:
    """Yield the payloads that were made for this model and hardware."""
    for release in _releases(known):
        if release.payload is not None and is_for_hardware(release, known.identity):
            yield release.payload


def _releases(known: KnownLock) -> Iterator[Release]:
    """Yield what is offered and what ran, of this model."""
    for release in (*known.offered, *(each.kept.release for each in known.ran)):
        if release.model == known.identity.model:
            yield release


def _listed(inspection: Inspection, known: KnownLock) -> Release | None:
    """Return the release of the feed that the file is, whatever it is for."""
    return next(
        (
            release
            for release in known.offered
            if release.payload is not None and release.key == inspection.sha256
        ),
        None,
    )


def _prove(
    data: bytes, inspection: Inspection, known: KnownLock
) -> tuple[Proof, FirmwareKey]:
    """Return who has signed a file, and how that is known."""
    if known.pinned:
        return Proof.PINNED, signer_of(data, known.pinned)
    ran = [Ran(data=each.data, signer=_sure_signer(each.kept)) for each in known.ran]
    continuity = same_signer(ran, data)
    if continuity.signer is Signer.OTHER:
        raise FileError(
            FileProblem.OTHER_SIGNER,
            version=known.ran[0].kept.release.version.text,
        )
    if continuity.key is not None:
        return Proof.CONTINUITY, continuity.key
    if continuity.names_same_key:
        raise FileError(
            FileProblem.KEY_ONLY_NAMED,
            found=inspection.signature,
            version=known.ran[0].kept.release.version.text,
        )
    possible = possible_signers(data)
    if not possible:
        raise FileError(FileProblem.KEY_UNKNOWN, found=inspection.signature)
    return Proof.NONE, possible[0]


def _sure_signer(kept: KeptRelease) -> FirmwareKey | None:
    """Return the key of what ran, unless it is only one of two that it may be."""
    sure = kept.release.evidence is not Evidence.SIGNATURE_PRESENT
    return kept.signer if sure else None


def _check_hardware_version(inspection: Inspection, known: KnownLock) -> bool:
    """Return whether the ``hw_version`` is known to be right; refuse another one."""
    versions = {
        payload.hardware_version
        for payload in _payloads(known)
        if payload.hardware_version is not None
    }
    if inspection.hardware_version is None or not versions:
        return False
    if inspection.hardware_version not in versions:
        raise FirmwareError(
            FirmwareProblem.WRONG_HARDWARE,
            expected=", ".join(map(str, sorted(versions))),
            found=inspection.hardware_version,
        )
    return True


def _check_counter(inspection: Inspection, known: KnownLock) -> None:
    """Check that a DFU package proves by itself that it is newer.

    Its version is only what a person says; its ``fw_version`` is signed. An image of
    MCUboot has a signed version, and its counter may stay as it is.
    """
    if inspection.format is not PayloadFormat.NORDIC_DFU:
        return
    if known.purpose is Purpose.RECOVERY:
        # It need not be newer; that it is no older is checked with the rest of its path.
        return
    ran = [each.kept.release.payload for each in known.ran]
    counters = [payload.firmware_version for payload in ran if payload is not None]
    if known.floor is not None:
        counters.append(known.floor.firmware_version)
    if counters and inspection.firmware_version <= max(counters):
        raise FileError(
            FileProblem.COUNTER_NOT_NEWER,
            found=inspection.firmware_version,
            ran=max(counters),
        )


def _as_said(reading: FileReading, known: KnownLock, said: Said, name: str) -> Release:
    """Return a file as the release that a person says it is."""
    identity, inspection = known.identity, reading.inspection
    if not (said.model and said.hardware and said.version):
        raise FileError(FileProblem.NOT_SAID)
    if said.model != identity.model:
        raise FileError(
            FileProblem.OTHER_MODEL, found=said.model, expected=identity.model
        )
    revisions = _revisions(known)
    if not revisions:
        raise FileError(FileProblem.HARDWARE_UNKNOWN)
    if said.hardware not in revisions:
        raise FileError(
            FileProblem.OTHER_HARDWARE,
            found=said.hardware,
            expected=", ".join(sorted(revisions)),
        )
    try:
        version = Version.parse(known.scheme, said.version)
    except VersionError:
        raise FileError(
            FileProblem.VERSION_INVALID,
            version=said.version,
            installed=identity.firmware_version,
        ) from None
    return Release(
        vendor=known.vendor,
        model=identity.model,
        hardware_revisions=(said.hardware,),
        version=version,
        # It goes upwards, and nobody says that it opens anything again.
        security_version=known.floor.security_version if known.floor else 0,
        artifact=Artifact(
            path=safe_name(name), length=inspection.size, sha256=inspection.sha256
        ),
        payload=Payload(
            format=inspection.format,
            hardware_version=inspection.hardware_version,
            firmware_version=inspection.firmware_version,
        ),
        transport=_TRANSPORTS[inspection.format],
        evidence=reading.evidence,
        traits=known.traits,
        expected_duration=_duration(inspection, known),
    )


def _duration(inspection: Inspection, known: KnownLock) -> int | None:
    """Return the seconds that it takes, as is said of other firmware for such locks."""
    return max(
        (
            release.expected_duration
            for release in _releases(known)
            if release.expected_duration is not None
            and release.payload is not None
            and release.payload.format is inspection.format
        ),
        default=None,
    )


def _revisions(known: KnownLock) -> set[str]:
    """Return the hardware revisions that the lock may have; none where nobody knows.

    That which it tells; of a lock that tells none, as its vendor says, those that its
    vendor makes firmware for.
    """
    if known.identity.hardware_revision is not None:
        return {known.identity.hardware_revision}
    if known.traits.tells_hardware:
        return set()
    return {
        revision
        for release in _releases(known)
        if release.payload is not None
        for revision in release.hardware_revisions
    }


def _check_path(release: Release, known: KnownLock) -> None:
    """Check that the lock may go to a release from where it is."""
    identity = known.identity
    reason = reason_against(
        release, identity, release.version.scheme, known.floor, known.purpose
    )
    if reason is None:
        return
    found, expected = release.model, identity.model
    if found == expected:
        found = ", ".join(release.hardware_revisions)
        expected = identity.hardware_revision or found
    # Named only where there is one.
    step = release.minimum_installed_version or release.version
    raise FileError(
        _PROBLEMS[reason],
        version=release.version.text,
        installed=identity.firmware_version,
        found=found,
        expected=expected,
        step=step.text,
    )
