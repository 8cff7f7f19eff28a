"""Soak: how long a release must have been out before it installs by itself.

A faulty release is usually pulled within days; whoever waits never gets it.
"""

from datetime import datetime, timedelta

from ..model import Release, Severity
from ..moments import can_have_been, shifted

_AT_MOST = {Severity.HIGH: 1, Severity.CRITICAL: 0}


def urgency_of(release: Release, closes: Severity = Severity.NONE) -> Severity:
    """Return how bad what a release closes is: as it says itself, or others do.

    ``closes`` is the worst of what is published that the lock has and the release has
    not. A keeper's release is never urgent: that it closes anything is the keeper's word,
    and a version only says that its maker has made it.
    """
    if release.keeper is not None:
        return Severity.NONE
    severity = release.severity
    if severity is Severity.NONE and release.advisories:
        severity = Severity.HIGH
    ranks = list(Severity)
    return max(severity, closes, key=ranks.index)


def soak_days_of(
    release: Release, soak_days: int, closes: Severity = Severity.NONE
) -> int:
    """Return for how many days a release soaks, where others do for ``soak_days``.

    One that closes a published hole waits for a day at the most: who knows the hole may
    come in by it.
    """
    return min(soak_days, _AT_MOST.get(urgency_of(release, closes), soak_days))


def soak_ends(
    release: Release,
    first_seen: datetime | None,
    soak_days: int,
    now: datetime,
    closes: Severity = Severity.NONE,
) -> datetime:
    """Return when a release may install by itself.

    It counts from when this household first saw it: what a feed says of the day of the
    release is what the vendor, or whoever has its key, wants us to think. Where nobody knows when that was, it begins now.
    """
    if first_seen is None or not can_have_been(first_seen, now):
        first_seen = now
    days = soak_days_of(release, soak_days, closes)
    return shifted(first_seen, timedelta(days=days))
