"""What an installation means for the household, in values; the words come later."""

from dataclasses import dataclass
from enum import StrEnum

from ..model import Disruption, Release, Severity, Transport
from .situation import Situation


class WayBack(StrEnum):
    """Whether the lock can have its old firmware again."""

    NONE = "none"
    """Its bootloader refuses what is older than what it has run."""
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
    minutes: int
    """For how long the lock cannot be relied upon, rounded up."""
    disrupts: tuple[Disruption, ...]
    """What does not work meanwhile, as the vendor says; empty where it says nothing."""
    way_back: WayBack


def summarise(release: Release, situation: Situation) -> Risk:
    """Return what an installation means."""
    return Risk(
        from_version=situation.identity.firmware_version,
        to_version=release.version.text,
        severity=release.severity,
        advisories=tuple(advisory.id for advisory in release.advisories),
        minutes=-(-int(situation.expected.total_seconds()) // 60),
        disrupts=release.disrupts,
        way_back=_WAYS_BACK.get(release.transport, WayBack.UNKNOWN),
    )


# Nordic's bootloader takes an application only if its ``fw_version`` is not lower than
# that of the one it has activated (nRF5 SDK 17.1, nrf_dfu_ver_validation.c).
_WAYS_BACK = {Transport.NORDIC_DFU: WayBack.NONE}
