"""Preflight: does the battery last.

A lock that dies in the middle is a door that does not open, so a level that nobody
knows, or that is old, never counts as enough. And a percentage is weak evidence: locks
have died at sixty (their coin cells collapse under the motor's current), so a low flag
and a level that falls fast count as well.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from ..model import BatteryReading, Release, Transport
from ..moments import age, is_ahead, shifted
from .base import Check, Family, Reason, Verdict, passed
from .situation import Situation

HARD_LIMIT = 20
"""Percent. Below it makers of locks themselves switch functions off."""
MAX_AGE = timedelta(hours=24)
# Percent, where the vendor names no limit: what a transfer over this transport leaves
# room for. Makers of Bluetooth locks ask for 50 % (SwitchBot), and say themselves that
# it is for operating, not for updating; Zigbee2MQTT's manual advises 70 %.
_BY_TRANSPORT = {
    Transport.NORDIC_DFU: 30,
    Transport.SMP: 30,
    Transport.NETWORK: 30,
    Transport.ZWAVE: 50,
    Transport.MATTER: 50,
    Transport.OTHER: 50,
    Transport.BY_HAND: 50,
    Transport.ZIGBEE: 70,
}
# A busy radio for longer costs more: one percent for each two minutes above ten.
_INCLUDED = timedelta(minutes=10)
_PER_PERCENT = timedelta(minutes=2)
# A healthy lock loses a few percent a month.
_TREND_SPAN = timedelta(days=7)
_TREND_LIMIT = 15


class NoBattery(StrEnum):
    """Who says that a lock has no battery."""

    VENDOR = "no_battery_vendor"
    OWNER = "no_battery_owner"


def battery_limit(release: Release, expected: timedelta) -> int:
    """Return the least level, in percent: the vendor's, else by transport and time."""
    if release.minimum_battery is not None:
        return max(release.minimum_battery, HARD_LIMIT)
    extra = max(expected - _INCLUDED, timedelta()) // _PER_PERCENT
    if release.payload is None:
        # The limits of slow transports were found with their duration in mind.
        extra = 0
    return min(_BY_TRANSPORT[release.transport] + extra, 100)


def battery_of(situation: Situation) -> BatteryReading:
    """Return the reading that counts: that of a linked sensor, else the lock's own.

    A sensor that knows no level, only whether it is low, adds that to what the lock
    says: that it is not low must not pass for full. And many sensors tell only what
    changes: where the lock itself has told a level since, the lower one counts, as of
    then.
    """
    own = BatteryReading(level=situation.identity.battery, at=situation.identity_at)
    linked = situation.surroundings.battery
    if linked is None:
        return own
    if linked.level is None and linked.at is not None:
        return replace(own, low=linked.low)
    asked_at = situation.asked_at
    if (
        linked.level is None
        or own.level is None
        or asked_at is None
        or _is_known_later(linked, asked_at)
    ):
        return linked
    return replace(linked, level=min(linked.level, own.level), at=asked_at)


def _is_known_later(reading: BatteryReading, moment: datetime) -> bool:
    return reading.at is not None and reading.at >= moment


def no_battery(situation: Situation) -> NoBattery | None:
    """Return who says that a lock has no battery, where that counts.

    A sensor that the owner has linked tells of one. So does the lock itself where only
    the owner says that there is none; its vendor knows what it means by that.
    """
    if situation.surroundings.battery is not None:
        return None
    if not situation.release.traits.has_battery:
        return NoBattery.VENDOR
    if not situation.policy.has_battery and situation.identity.battery is None:
        return NoBattery.OWNER
    return None


def check_battery(situation: Situation) -> Check:
    """Check the level, how old it is, and whether somebody calls it low.

    A lock without a battery passes. Where all that is known is that a sensor does not
    call it low, that is enough for a person who asks just now, and by itself if the
    owner has said so.
    """
    if (said_by := no_battery(situation)) is not None:
        return passed(Family.POWER, "battery", measured=said_by)
    reading = battery_of(situation)
    limit = battery_limit(situation.release, situation.expected)

    def blocked(reason: Reason) -> Check:
        return Check(
            family=Family.POWER,
            rule="battery",
            verdict=Verdict.BLOCKER,
            reason=reason,
            measured=None if reading.level is None else f"{reading.level} %",
            limit=f"{limit} %",
        )

    if reading.low:
        return blocked(Reason.BATTERY_FLAG)
    if reading.level is None:
        if not _is_only_not_low(situation):
            return blocked(Reason.BATTERY_UNKNOWN)
        if situation.policy.not_low_suffices:
            return passed(Family.POWER, "battery", measured="not low")
        check = blocked(Reason.BATTERY_NOT_LOW)
        return check if situation.unattended else check.softened()
    if reading.level < limit:
        return blocked(Reason.BATTERY_LOW)
    if _is_stale(reading, situation.now):
        return blocked(Reason.BATTERY_STALE)
    return passed(
        Family.POWER, "battery", measured=f"{reading.level} %", limit=f"{limit} %"
    )


def _is_only_not_low(situation: Situation) -> bool:
    """Return whether a sensor that knows nothing else does not call it low, now.

    How long ago it has said so first does not matter: it says nothing new until it is.
    """
    linked = situation.surroundings.battery
    return (
        linked is not None
        and linked.level is None
        and linked.at is not None
        and not linked.low
    )


def _is_stale(reading: BatteryReading, now: datetime) -> bool:
    """Return whether a reading is old, or nobody knows how old it is."""
    known = age(reading.at, now) if reading.at is not None else None
    return known is None or known > MAX_AGE


def check_trend(situation: Situation) -> Check:
    """Warn of a level that falls fast, where there is a battery to fall."""
    if no_battery(situation) is not None:
        return passed(Family.POWER, "trend")
    fallen = fall(
        (*situation.battery_history, battery_of(situation)), situation.now, _TREND_SPAN
    )
    limit = f"{_TREND_LIMIT} % / {_TREND_SPAN.days} d"
    if fallen <= _TREND_LIMIT:
        return passed(Family.POWER, "trend", measured=f"{fallen} %", limit=limit)
    return Check(
        family=Family.POWER,
        rule="trend",
        verdict=Verdict.WARNING,
        reason=Reason.BATTERY_FALLING,
        measured=f"{fallen} %",
        limit=limit,
    )


def fall(readings: Sequence[BatteryReading], now: datetime, span: timedelta) -> int:
    """Return by how many percent the level has fallen within a span until now.

    A level that rises is a changed battery: what was before it does not count.
    """
    fallen, last = 0, None
    for reading in readings:
        if reading.level is None or reading.at is None:
            continue
        if reading.at < shifted(now, -span) or is_ahead(reading.at, now):
            continue
        if last is not None:
            fallen = 0 if reading.level > last else fallen + last - reading.level
        last = reading.level
    return fallen
