"""What a source does without having been told to.

Sources have been seen to stay "updating" for days, to report an update after each
restart that nobody began, and to try again by themselves minutes after they had failed.
None of it can be prevented from here; all of it can be told.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ..moments import is_ahead, is_over
from .source import SourceReading

STUCK_AFTER = timedelta(hours=6)
"""Longer than the slowest transport takes when all goes well."""
PHANTOM_AFTER = timedelta(minutes=30)
"""In progress since the start of Home Assistant, and nothing has moved."""


class Conduct(StrEnum):
    """What a source was seen to do."""

    STARTED_BY_ITSELF = "started_by_itself"
    STARTED_AGAIN = "started_again"
    """Soon after an installation of ours had ended without success."""
    STARTED_BY_PERSON = "started_by_person"
    PHANTOM = "phantom"
    STUCK = "stuck"
    REPEATS = "repeats"
    """Begins the same installation by itself again and again."""


AGAIN_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """An installation that is not ours, as it was seen so far."""

    since: datetime
    moved: datetime
    """When its percentage last changed."""
    percentage: float | None
    at_start: bool
    """Whether it was there when it was first looked: when Home Assistant started, or
    when an installation of ours had ended."""
    told: frozenset[Conduct] = frozenset()

    def having_told(self, conduct: Conduct) -> Observation:
        """Return this after something was told."""
        return replace(self, told=self.told | {conduct})


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """Installations of one version that nobody asked us for, as people were told."""

    version: str | None
    told: datetime
    """When people were last told of one."""
    last: datetime
    """When the last one was seen."""
    repeats: bool = False
    """Whether there was more than one in an hour."""

    def lasts(self, now: datetime) -> bool:
        """Return whether it is still to be expected that it begins again."""
        return self.repeats and not self.is_over(now)

    def is_over(self, now: datetime) -> bool:
        """Return whether another one would be the first."""
        return is_over(self.last, AGAIN_WITHIN, now)


def after_start(before: Starts | None, version: str | None, now: datetime) -> Starts:
    """Return what is known after one more; people are told if ``told`` is ``now``."""
    if (
        before is None
        or before.version != version
        or is_over(before.told, AGAIN_WITHIN, now)
    ):
        return Starts(
            version=version,
            told=now,
            last=now,
            repeats=before is not None
            and before.version == version
            and before.lasts(now),
        )
    return replace(before, last=now, repeats=True)


def observe(
    seen: Observation | None, reading: SourceReading, now: datetime, *, at_start: bool
) -> Observation | None:
    """Return the observation after a reading; None while nothing is in progress."""
    if not reading.available:
        return seen
    if not reading.in_progress:
        return None
    if seen is None:
        return Observation(
            since=now, moved=now, percentage=reading.percentage, at_start=at_start
        )
    if is_ahead(seen.moved, now):
        seen = replace(seen, since=min(seen.since, now), moved=now)
    if reading.percentage != seen.percentage:
        return Observation(
            since=seen.since,
            moved=now,
            percentage=reading.percentage,
            # What moves is real.
            at_start=False,
            told=seen.told,
        )
    return seen


def is_at_work(seen: Observation | None, now: datetime) -> bool:
    """Return whether what was seen in progress is to be believed still.

    Without that a source that stays "updating" would excuse whatever its lock does.
    """
    return seen is not None and now - seen.moved < (
        PHANTOM_AFTER if seen.at_start else STUCK_AFTER
    )


def misconduct(
    seen: Observation,
    now: datetime,
    *,
    by_person: bool,
    ours_ended: datetime | None,
) -> Conduct | None:
    """Return what should be told of an observation now, once each.

    ``ours_ended`` is when an installation of ours last ended without success.
    """
    if seen.at_start and now - seen.moved >= PHANTOM_AFTER:
        found = Conduct.PHANTOM
    elif now - seen.moved >= STUCK_AFTER:
        found = Conduct.STUCK
    elif seen.at_start:
        # It may be nothing; what is real will move.
        return None
    elif by_person:
        found = Conduct.STARTED_BY_PERSON
    elif ours_ended is not None and seen.since - ours_ended <= AGAIN_WITHIN:
        found = Conduct.STARTED_AGAIN
    else:
        found = Conduct.STARTED_BY_ITSELF
    if found in seen.told:
        return None
    started = found not in {Conduct.PHANTOM, Conduct.STUCK}
    return None if started and seen.told else found
