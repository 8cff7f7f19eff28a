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
    """The two versions are not numbered in one of the ways that are known."""
    NOT_NEWER = "not_newer"
    """What is offered is older: a downgrade is never done."""


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
    if not is_newer(version, reading.installed):
        return NoOffer.NOT_NEWER
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
    """Return whether a version is newer than what is installed, in its own scheme."""
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
    try:
        return Version.parse(version.scheme, reading.installed) == version
    except VersionError:
        return False
