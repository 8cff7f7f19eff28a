"""The release that another integration offers for its lock."""

from enum import StrEnum

from ..model import Evidence, LockIdentity, Release
from ..versions import Version, VersionError, VersionScheme
from .source import SourceKind, SourceReading


class NoOffer(StrEnum):
    """Why there is no release."""

    SILENT = "silent"
    """It is not available, or does not say what runs or what is new."""
    UP_TO_DATE = "up_to_date"
    NOT_COMPARABLE = "not_comparable"
    """The two versions are not numbered in one way that is known and has an order."""
    NOT_NEWER = "not_newer"
    """What is offered is older: a downgrade is never done."""
    BELOW_FLOOR = "below_floor"
    """What is offered is older than what has run before."""


def release_of(
    reading: SourceReading,
    identity: LockIdentity,
    kind: SourceKind,
    *,
    evidence: Evidence = Evidence.NOTHING_KNOWN,
) -> Release | NoOffer:
    """Return what is on offer as a release, or why there is none."""
    if not reading.available or reading.installed is None or reading.offered is None:
        return NoOffer.SILENT
    if reading.offered == reading.installed:
        return NoOffer.UP_TO_DATE
    version = offered_version(reading.installed, reading.offered, kind.schemes)
    if version is None:
        return NoOffer.NOT_COMPARABLE
    try:
        if not is_newer(version, reading.installed):
            return NoOffer.NOT_NEWER
    except VersionError:
        return NoOffer.NOT_COMPARABLE
    return Release(
        vendor=identity.manufacturer or "",
        model=identity.model,
        hardware_revisions=(),
        version=version,
        transport=kind.transport,
        evidence=evidence,
        release_notes=reading.release_summary or "",
        release_url=reading.release_url,
    )


def offered_version(
    installed: str, offered: str, schemes: tuple[VersionScheme, ...]
) -> Version | None:
    """Return the offered version, in the first scheme in which both can be read.

    A bare number and one with dots are two ways of numbering, though a dotted version
    may have a single part.
    """
    if ("." in installed) is not ("." in offered):
        schemes = tuple(each for each in schemes if each is not VersionScheme.DOTTED)
    for scheme in schemes:
        try:
            version = Version.parse(scheme, offered)
            if not version.numbers_label(installed):
                Version.parse(scheme, installed)
        except VersionError:
            continue
        return version
    return None


def is_newer(version: Version, installed: str) -> bool:
    """Return whether a version is newer than what is installed, in its own scheme.

    Raises ``VersionError`` where the two have no order.
    """
    if version.numbers_label(installed):
        return True
    return Version.parse(version.scheme, installed) < version


def runs(reading: SourceReading, version: Version) -> bool:
    """Return whether the lock runs a version, as far as the source says."""
    if reading.installed is None:
        return False
    if version.numbers_label(reading.installed):
        # Only as long as it still offers it the number is written behind the text.
        return reading.offered != version.text
    return version.is_told_by(reading.installed)


def offers_on(reading: SourceReading, release: Release | None) -> bool:
    """Return whether what a source offers is what its lock is offered here."""
    return release is not None and release.version.text == reading.offered


def left_at_source(
    reading: SourceReading, offer: Release | NoOffer, release: Release | None
) -> NoOffer | None:
    """Return why an update that waits at a source is not offered on; None where it is.

    ``release`` is what was chosen of the offer. Nobody has to decide about what nobody
    can install, or what comes by itself.
    """
    if (
        not reading.available
        or not reading.says_new
        or not reading.can_install
        or reading.installs_by_itself
        or offers_on(reading, release)
    ):
        return None
    why = offer if isinstance(offer, NoOffer) else NoOffer.BELOW_FLOOR
    return None if why is NoOffer.UP_TO_DATE else why
