"""What is kept of the use of a door, and what is proposed from it."""

from datetime import UTC, date, datetime, time, timedelta
import json
from math import exp
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings, strategies as st
import pytest

from benchmarks.quiet_hours import ALL, FIRST_LIFE, HOMES, run
from custom_components.nightlatch.core.schedule.door_use import (
    HALF_HOURS,
    SLOTS,
    WEEKS,
    DoorUse,
    HalfHour,
    half_hours_between,
)
from custom_components.nightlatch.core.schedule.proposal import (
    ALLOWED,
    ENOUGH_DAYS,
    facts_of,
    propose,
    rates_of_week,
    risk_of,
    upper_bound,
)
from custom_components.nightlatch.core.schedule.quiet_hours import QuietHours

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 11, 29)
EXPECTED = timedelta(minutes=20)
DAY = timedelta(days=1)
HALF_HOUR = st.builds(
    HalfHour,
    st.integers(0, WEEKS * 7 - 1).map(lambda ago: TODAY - DAY * ago),
    st.integers(0, HALF_HOURS - 1),
)
WITHIN = 1.6
"""Of the best hours there are, as docs/quiet-hours.md says."""
CLOCK = st.builds(time, st.integers(0, 23), st.integers(0, 59))


def watched(days: int, *used: HalfHour) -> DoorUse:
    """Return what is known of a door that was watched for some days."""
    return (
        DoorUse()
        .at(TODAY)
        .noting(
            watched=[
                HalfHour(TODAY - DAY * ago, index)
                for ago in range(days)
                for index in range(HALF_HOURS)
            ],
            used=used,
        )
    )


def at(ago: int, hour: int, minute: int = 0) -> HalfHour:
    """Return a half hour some days ago."""
    return HalfHour(TODAY - DAY * ago, hour * 2 + minute // 30)


@given(used=st.lists(HALF_HOUR, max_size=30), seen=st.lists(HALF_HOUR, max_size=30))
def test_what_is_told_twice_counts_once(
    used: list[HalfHour], seen: list[HalfHour]
) -> None:
    """In whatever order; and it survives being stored, in always as many bytes."""
    use = DoorUse().at(TODAY).noting(seen, used)
    assert use.noting(reversed(seen), reversed(used)) == use
    assert (
        DoorUse()
        .at(TODAY)
        .noting(used=used)
        .joined(DoorUse().at(TODAY).noting(watched=seen))
        == use
    )
    raw = json.dumps(use.to_dict())
    assert DoorUse.from_dict(json.loads(raw)) == use
    assert len(raw) < 3_000
    kept = {each for each in used if TODAY.toordinal() - each.day.toordinal() < 105}
    assert sum(word.bit_count() for word in use.used) >= len(kept)


@given(used=st.lists(HALF_HOUR, min_size=1, max_size=5), weeks=st.integers(0, 40))
def test_what_was_seen_fades_and_is_gone(used: list[HalfHour], weeks: int) -> None:
    """By a third or so of itself over eight weeks; never more than is kept."""
    use = DoorUse().at(TODAY).noting(used=used)
    later = use.at(TODAY + DAY * 7 * weeks)
    if weeks >= WEEKS:
        assert not any(later.used)
    for slot in range(SLOTS):
        now, then = use.seen(slot), later.seen(slot)
        assert then.used <= now.used * exp(-weeks / 8) + 1e-9
    assert later == use.at(TODAY + DAY * 7 * (weeks // 2)).at(TODAY + DAY * 7 * weeks)


def test_what_a_wrong_clock_wrote_down_goes_when_it_is_put_right() -> None:
    """And what comes afterwards counts again."""
    wrong = DoorUse().at(TODAY + DAY * 70).noting(used=[at(-70, 3)])
    right = wrong.at(TODAY).noting(used=[at(0, 3)])
    assert sum(word.bit_count() for word in right.used) == 1


@pytest.mark.parametrize(
    "raw",
    [
        {},
        None,
        {"week": 1, "watched": "0", "used": "0"},
        {"week": True, "watched": "0" * 1344, "used": "0" * 1344},
        {"week": 1, "watched": "0" * 1344, "used": "g" * 1344},
        {"week": 1, "watched": "0" * 1344, "used": "-" * 1344},
        {"week": 1, "watched": "0" * 1344, "used": "٣" * 1344},
    ],
)
def test_anything_else_is_refused(raw: Any) -> None:
    """Rather nothing than something else."""
    with pytest.raises(ValueError, match="Not the use of a door"):
        DoorUse.from_dict(raw)


def test_half_hours_that_were_cut_are_not_counted() -> None:
    """Nobody knows what happened in the rest of them."""
    begin = datetime(2026, 11, 29, 1, 10, tzinfo=UTC)
    passed = list(half_hours_between(begin, begin + timedelta(hours=2), BERLIN))
    assert [each.of_day for each in passed] == [5, 6, 7]


def test_a_doubled_hour_is_one_and_the_other() -> None:
    """Each comes twice, and counts for its hour."""
    begin = datetime(2026, 10, 25, 0, 0, tzinfo=BERLIN).astimezone(UTC)
    passed = list(half_hours_between(begin, begin + timedelta(hours=6), BERLIN))
    assert [each.of_day for each in passed] == [1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("used", [0, 1, 2, 5, 20, 0.5, 80])
def test_the_bound_is_where_a_poisson_count_would_be_as_low_one_time_in_twenty(
    used: float,
) -> None:
    """Against the distribution itself, summed up."""
    bound = upper_bound(used, 1)
    if used == int(used):
        term = total = exp(-bound)
        for each in range(1, int(used) + 1):
            term *= bound / each
            total += term
        assert total == pytest.approx(0.05, abs=0.004)
    assert bound > used
    assert upper_bound(used, 2) == pytest.approx(bound / 2)
    assert upper_bound(used + 1, 1) > bound


@pytest.mark.parametrize("days", [0, 1, ENOUGH_DAYS - 1])
def test_with_too_little_seen_the_usual_hours_hold(days: int) -> None:
    """However quiet it was."""
    proposal = propose(watched(days, at(0, 3)), EXPECTED)
    assert not proposal.learned
    assert proposal.hours == QuietHours(start=time(2), end=time(5))
    assert proposal.observed_days == days
    assert proposal.risk is None
    assert propose(watched(ENOUGH_DAYS), EXPECTED).learned


def test_half_a_day_is_not_a_day() -> None:
    """Fourteen evenings tell nothing of the nights."""
    evenings = (
        DoorUse()
        .at(TODAY)
        .noting(
            watched=[
                HalfHour(TODAY - DAY * ago, index)
                for ago in range(40)
                for index in range(30, 48)
            ]
        )
    )
    assert evenings.observed_days == 0


def test_it_avoids_the_hours_in_which_the_door_is_used() -> None:
    """Here a late shift; the sentence tells exactly what was seen."""
    late = [at(ago, 2, 30) for ago in range(42) if (TODAY - DAY * ago).weekday() < 5]
    use = watched(42, *late, at(8, 5, 30))
    proposal = propose(use, EXPECTED)
    assert proposal.learned
    assert proposal.risk is not None
    usual = risk_of(use, QuietHours(), EXPECTED)
    assert usual is not None
    assert proposal.risk < usual * 0.6
    facts = facts_of(use, QuietHours(start=time(2), end=time(3)))
    assert [(each.used, each.days) for each in facts] == [(30, 30), (0, 12)]
    assert all(each.used == 0 for each in proposal.facts)


def test_a_day_of_its_own_is_left_out_where_that_is_clearly_better() -> None:
    """A cleaner on Tuesdays does not cost the other nights."""
    tuesdays = [
        at(ago, hour)
        for ago in range(70)
        for hour in (22, 23, 0, 1, 2, 3, 4, 5)
        if (TODAY - DAY * ago).weekday() == 1
    ]
    proposal = propose(watched(70, *tuesdays), EXPECTED)
    assert 1 not in proposal.hours.weekdays
    assert len(proposal.hours.weekdays) >= 4


@settings(max_examples=40, deadline=None)
@given(
    used=st.lists(HALF_HOUR, max_size=60),
    start=CLOCK,
    end=CLOCK,
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    minutes=st.integers(1, 700),
)
def test_nothing_is_proposed_outside_of_what_is_allowed(
    used: list[HalfHour],
    start: time,
    end: time,
    weekdays: frozenset[int],
    minutes: int,
) -> None:
    """And what is proposed is long enough; else the usual hours hold."""
    allowed = QuietHours(weekdays=weekdays, start=start, end=end)
    expected = timedelta(minutes=minutes)
    proposal = propose(watched(30, *used), expected, allowed)
    if not proposal.learned:
        assert proposal.hours == QuietHours()
        return
    zone = ZoneInfo("UTC")
    noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    windows = proposal.hours.windows(noon, zone)
    for _ in range(8):
        window = next(windows)
        around = [
            each
            for each in _first(allowed, window.start - DAY * 2, zone)
            if each[0] <= window.start and window.end <= each[1]
        ]
        assert around
        assert window.end - window.start >= min(expected, timedelta(hours=12))
    assert proposal.risk is not None
    assert 0 < proposal.risk <= 1


def _first(
    hours: QuietHours, after: datetime, zone: ZoneInfo
) -> list[tuple[datetime, datetime]]:
    windows = hours.windows(after, zone)
    return [(each.start, each.end) for each in (next(windows) for _ in range(5))]


@settings(max_examples=30, deadline=None)
@given(used=st.lists(HALF_HOUR, max_size=40), more=HALF_HOUR)
def test_one_more_use_never_makes_an_hour_look_quieter(
    used: list[HalfHour], more: HalfHour
) -> None:
    """For any hours that touch it."""
    before = watched(40, *used)
    after = before.noting(used=[more])
    hours = QuietHours(
        start=time(more.of_day // 2), end=time((more.of_day // 2 + 1) % 24)
    )
    was, now = risk_of(before, hours, EXPECTED), risk_of(after, hours, EXPECTED)
    assert was is not None
    assert now is not None
    if more.day > TODAY - DAY * 40:
        assert now >= was


def test_without_days_nothing_is_proposed_or_told() -> None:
    """And nothing is divided by none."""
    nothing = QuietHours(weekdays=frozenset())
    assert risk_of(watched(30), nothing, EXPECTED) is None
    assert facts_of(watched(30), nothing) == ()
    assert not propose(watched(30), EXPECTED, nothing).learned


def test_the_week_is_shown_as_it_was_seen() -> None:
    """What was never watched is not shown as quiet."""
    rates = rates_of_week(watched(3, at(0, 3)))
    assert [len(day) for day in rates] == [HALF_HOURS] * 7
    assert rates[6][6] == 1
    assert rates[6][7] == 0
    assert rates[0][6] is None


def test_allowed_hours_are_of_the_night() -> None:
    """Where the owner has not said more."""
    assert (ALLOWED.start, ALLOWED.end) == (time(22), time(6))


def test_the_benchmark_still_tells_what_it_promises() -> None:
    """Half of what the fixed hours cost at most; and as far from the best as is written."""
    lives = range(FIRST_LIFE, FIRST_LIFE + 12)
    found, distance = run(HOMES, lives, releases=60)
    together = found[ALL]
    assert together.fixed > 0.01
    assert together.learned <= together.fixed / 2
    assert together.chosen <= together.fixed / 2
    assert all(each.best <= each.chosen for each in found.values())
    assert distance.ratio - distance.margin <= WITHIN
