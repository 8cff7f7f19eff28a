"""Nights: from noon to noon, so that one that goes across midnight is one."""

from datetime import date, datetime, time, timedelta, tzinfo

from ..moments import bounded
from .quiet_hours import moment_of

NOON = time(12)


def night_of(moment: datetime, zone: tzinfo) -> date:
    """Return the night that a moment belongs to, by the date of its evening."""
    local = bounded(moment).astimezone(zone)
    return local.date() - timedelta(days=local.time() < NOON)


def noon_of(night: date, zone: tzinfo) -> datetime:
    """Return when a night begins; aware, UTC."""
    return moment_of(night, NOON, zone)


def notice_of(night: date, at: time, zone: tzinfo) -> datetime:
    """Return when people are told of a night; aware, UTC.

    A time before noon lies in the morning after the evening that gives the night its
    date.
    """
    if at < NOON and night < date.max:
        night += timedelta(days=1)
    return moment_of(night, at, zone)


def next_notice(after: datetime, at: time, zone: tzinfo) -> datetime:
    """Return the next moment, at or after this one, at which people are told."""
    after = bounded(after)
    night = night_of(after, zone)
    while (notice := notice_of(night, at, zone)) < after:
        night += timedelta(days=1)
    return notice
