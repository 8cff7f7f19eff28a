"""Preflight: does the battery last.

A lock that dies in the middle is a door that does not open, so a level that nobody
knows never counts as enough where the vendor has set a limit.
"""

from ..model import Release
from .base import Check, Reason, Verdict, passed

# Where the vendor names no limit: writing flash and a busy radio take a few percent,
# and below this coin cells and alkaline cells collapse under the motor's current.
DEFAULT_LIMIT = 30


def check_battery(level: int | None, release: Release) -> Check:
    """Check the battery level, in percent, against the release's limit."""
    limit = release.minimum_battery
    if level is None:
        return Check(
            rule="battery",
            verdict=Verdict.WARNING if limit is None else Verdict.BLOCKER,
            reason=Reason.BATTERY_UNKNOWN,
            details={"limit": str(limit if limit is not None else DEFAULT_LIMIT)},
        )
    if level >= (limit if limit is not None else DEFAULT_LIMIT):
        return passed("battery")
    return Check(
        rule="battery",
        verdict=Verdict.BLOCKER,
        reason=Reason.BATTERY_LOW,
        details={
            "level": str(level),
            "limit": str(limit if limit is not None else DEFAULT_LIMIT),
        },
    )
