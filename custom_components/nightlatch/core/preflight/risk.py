"""What an installation means for the household, in values; the words come later."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from ..model import Disruption, Release, Severity, Transport
from ..select import is_refused_by_lock
from .power import NoBattery, no_battery
from .situation import Situation


class WayBack(StrEnum):
    """Whether the lock can have its old firmware again."""

    NONE = "none"
    """The lock refuses what is older than what it has run."""
    NOT_KEPT = "not_kept"
    """What it runs now is not in the vault, and nobody else can be asked for it."""
    KEPT = "kept"
    """What it runs now is in the vault, and the lock takes it back."""
    ON_TRIAL = "on_trial"
    """The lock goes back by itself until the new firmware has proven itself."""
    KEEPS_ITSELF = "keeps_itself"
    """The lock goes back by itself only if the new firmware does not start."""
    UNKNOWN = "unknown"
    """Only whoever installs it could know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """What an installation means for the household."""

    from_version: str
    to_version: str
    severity: Severity
    advisories: tuple[str, ...]
    """What it closes."""
    expected: timedelta
    """How long it takes, with the settling."""
    disrupts: tuple[Disruption, ...]
    """What does not work meanwhile, as the vendor says; empty where it says nothing."""
    way_back: WayBack
    no_battery: NoBattery | None = None
    """Who says that there is no battery to look at, if anybody does."""


def summarise(release: Release, situation: Situation) -> Risk:
    """Return what an installation means."""
    return Risk(
        from_version=situation.identity.firmware_version,
        to_version=release.version.text,
        severity=release.severity,
        advisories=tuple(advisory.id for advisory in release.advisories),
        expected=situation.expected,
        disrupts=release.disrupts,
        way_back=way_back(release, situation.running_release),
        no_battery=no_battery(situation),
    )


def way_back(release: Release, running: Release | None) -> WayBack:
    """Return whether a lock can have what it runs now again, after a release.

    ``running`` is what it runs, if the vault has it; both packages say themselves which
    counters they carry, and both were proven when they were kept.
    """
    if release.payload is None:
        return WayBack.UNKNOWN
    if release.transport is Transport.SMP:
        return (
            WayBack.KEEPS_ITSELF if release.traits.confirms_itself else WayBack.ON_TRIAL
        )
    if running is None:
        return WayBack.NOT_KEPT
    if is_refused_by_lock(running, release.payload.firmware_version):
        return WayBack.NONE
    return WayBack.KEPT
