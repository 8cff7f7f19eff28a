"""What a source does without having been told to is told, once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nightlatch.core.guard.conduct import (
    AGAIN_WITHIN,
    PHANTOM_AFTER,
    STUCK_AFTER,
    Conduct,
    Observation,
    Starts,
    after_start,
    misconduct,
    observe,
)
from custom_components.nightlatch.core.guard.source import SourceReading

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
BUSY = SourceReading(available=True, installed="1", offered="2", in_progress=True)
REST = replace(BUSY, in_progress=False)


def begun(*, at_start: bool = False) -> Observation:
    """Return an installation that was just seen."""
    seen = observe(None, BUSY, NOW, at_start=at_start)
    assert seen is not None
    return seen


def found(
    seen: Observation,
    after: timedelta = timedelta(),
    *,
    by_person: bool = False,
    ours_ended: datetime | None = None,
) -> Conduct | None:
    """Return what is told of it after a while."""
    return misconduct(seen, NOW + after, by_person=by_person, ours_ended=ours_ended)


def test_what_rests_is_not_observed() -> None:
    """Nor remembered."""
    assert observe(None, REST, NOW, at_start=False) is None
    assert observe(begun(), REST, NOW, at_start=False) is None


def test_a_lock_that_restarts_is_not_over() -> None:
    """It is not there, and that says nothing."""
    seen = begun()
    assert observe(seen, SourceReading(available=False), NOW, at_start=False) is seen


def test_what_moved_when_the_clock_was_ahead_is_stuck_after_a_while() -> None:
    """Its hours begin when the clock is right again."""
    ahead = NOW + timedelta(days=3650)
    seen = observe(None, BUSY, ahead, at_start=False)
    seen = observe(seen, BUSY, NOW, at_start=False)
    assert seen is not None
    assert found(seen, STUCK_AFTER) is Conduct.STUCK


def test_who_began() -> None:
    """A person, the lock, or its integration once more."""
    assert found(begun()) is Conduct.STARTED_BY_ITSELF
    assert found(begun(), by_person=True) is Conduct.STARTED_BY_PERSON
    assert found(begun(), ours_ended=NOW - AGAIN_WITHIN) is Conduct.STARTED_AGAIN
    long_ago = NOW - AGAIN_WITHIN - timedelta(seconds=1)
    assert found(begun(), ours_ended=long_ago) is Conduct.STARTED_BY_ITSELF


@pytest.mark.parametrize("first", [Conduct.STARTED_BY_ITSELF, Conduct.STUCK])
def test_each_is_told_once(first: Conduct) -> None:
    """Though it is looked at every minute."""
    after = STUCK_AFTER if first is Conduct.STUCK else timedelta()
    assert found(begun(), after) is first
    assert found(begun().having_told(first), after) is None


def test_what_began_may_be_stuck_later() -> None:
    """That is told as well."""
    seen = begun().having_told(Conduct.STARTED_BY_PERSON)
    assert found(seen, STUCK_AFTER) is Conduct.STUCK


def test_what_was_there_at_the_start_may_be_nothing() -> None:
    """It is given a while to move."""
    seen = begun(at_start=True)
    assert found(seen) is None
    assert found(seen, PHANTOM_AFTER) is Conduct.PHANTOM
    moving = observe(seen, replace(BUSY, percentage=3.0), NOW, at_start=False)
    assert moving is not None
    assert found(moving) is Conduct.STARTED_BY_ITSELF


def test_what_moves_is_not_stuck() -> None:
    """However slow it is."""
    later = NOW + STUCK_AFTER
    moved = observe(begun(), replace(BUSY, percentage=1.0), later, at_start=False)
    assert moved is not None
    assert (
        misconduct(
            moved.having_told(Conduct.STARTED_BY_ITSELF),
            later + timedelta(hours=1),
            by_person=False,
            ours_ended=None,
        )
        is None
    )
    same = observe(moved, replace(BUSY, percentage=1.0), later, at_start=False)
    assert same is moved


def test_a_source_that_tries_every_12_seconds_is_told_once_an_hour() -> None:
    """And is something to see to as long as it goes on."""
    starts: Starts | None = None
    told = 0
    for number in range(2 * 300):
        now = NOW + number * timedelta(seconds=12)
        starts = after_start(starts, "2", now)
        told += starts.told == now
        assert starts.lasts(now) is (number > 0)
    assert told == 2
    assert starts is not None
    assert not starts.lasts(starts.last + AGAIN_WITHIN)


def test_another_version_is_news() -> None:
    """Whoever was told of one knows nothing of the other."""
    starts = after_start(None, "2", NOW)
    starts = after_start(starts, "3", NOW + timedelta(seconds=12))
    assert starts.told == NOW + timedelta(seconds=12)
    assert not starts.lasts(NOW + timedelta(seconds=12))
