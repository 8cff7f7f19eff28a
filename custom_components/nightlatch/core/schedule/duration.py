"""How long an installation will take, and the settling after it."""

from collections.abc import Sequence
from datetime import timedelta
import math

from ..model import Release, Transport

# Where neither the household nor the feed knows. Secure DFU through an ESPHome proxy
# moves one to ten kilobytes a second, SMP two to thirty-six, and artifacts have up to
# half a megabyte.
# Z-Wave: the manual of a lock says 20 minutes with S2 and 30 with S0. Zigbee: users tell
# of ten minutes to several hours.
_BY_TRANSPORT = {
    Transport.NORDIC_DFU: timedelta(minutes=10),
    Transport.SMP: timedelta(minutes=10),
    Transport.NETWORK: timedelta(minutes=5),
    Transport.ZWAVE: timedelta(minutes=30),
    Transport.MATTER: timedelta(minutes=20),
    Transport.ZIGBEE: timedelta(minutes=60),
    Transport.OTHER: timedelta(minutes=30),
    Transport.BY_HAND: timedelta(minutes=15),
}
# The lock restarts, its other integration finds it again, and the checks are spaced.
SETTLING = timedelta(minutes=3)
ENOUGH = 3
"""Installations of the same kind after which a household's own history counts."""
_PERCENTILE = 0.9
_MINUTE = timedelta(minutes=1)
# What is told to take longer fits into no night.
_LONGEST = timedelta(days=2).total_seconds()


def expected_duration(release: Release, history: Sequence[float]) -> timedelta:
    """Return how long it takes nine times out of ten, with the settling.

    ``history`` holds the seconds that successful installations of the same model took
    in this household.
    """
    if len(history) >= ENOUGH:
        ordered = sorted(history)
        rank = math.ceil(_PERCENTILE * len(ordered))
        return _seconds(ordered[rank - 1]) + SETTLING
    if release.expected_duration is not None:
        return _seconds(release.expected_duration) + SETTLING
    return _BY_TRANSPORT[release.transport] + SETTLING


def most_minutes(expected: timedelta) -> int:
    """Return for how many minutes a lock must not be relied upon, rounded up."""
    return math.ceil(expected / _MINUTE)


def transfer_minutes(expected: timedelta) -> int:
    """Return how many minutes the installation itself takes, without the settling."""
    return max(math.ceil((expected - SETTLING) / _MINUTE), 1)


def _seconds(told: float) -> timedelta:
    """Return a duration, whatever number was told; what is none counts as endless."""
    return timedelta(seconds=max(told, 0) if told < _LONGEST else _LONGEST)
