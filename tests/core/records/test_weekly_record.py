"""The weekly look: when it is due, what is worse, and that it can be kept."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nightlatch.core.records.weekly_record import (
    LockNeeds,
    Need,
    WeeklyRecord,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def needs(*each: Need, holes: tuple[str, ...] = ()) -> LockNeeds:
    """Return what a lock needs."""
    return LockNeeds(frozenset(each), frozenset(holes))


@pytest.mark.parametrize(
    ("before", "now", "worse"),
    [
        (needs(), needs(), ()),
        (needs(), needs(Need.ATTENTION), (Need.ATTENTION,)),
        (needs(Need.ATTENTION), needs(Need.ATTENTION), ()),
        (needs(Need.ATTENTION), needs(), ()),
        (needs(), needs(Need.DECISION), ()),
        (
            needs(Need.SUPPORT_ENDING),
            needs(Need.SUPPORT_ENDED),
            (Need.SUPPORT_ENDED,),
        ),
        (needs(Need.HOLE, holes=("A",)), needs(Need.HOLE, holes=("A",)), ()),
        (needs(Need.HOLE, holes=("A",)), needs(Need.HOLE, holes=("B",)), (Need.HOLE,)),
        (needs(Need.HOLE, holes=("A", "B")), needs(Need.HOLE, holes=("B",)), ()),
    ],
)
def test_only_what_is_new_and_bad_is_worse(
    before: LockNeeds, now: LockNeeds, worse: tuple[Need, ...]
) -> None:
    """One hole closed and another found is worse as well."""
    assert now.worse_than(before) == worse


@pytest.mark.parametrize(
    ("passed", "due"),
    [
        (timedelta(days=7), True),
        (timedelta(days=6, hours=23), False),
        # By a clock that was ahead.
        (timedelta(days=-30), True),
    ],
)
def test_it_is_due_once_a_week(passed: timedelta, due: bool) -> None:
    """Whatever the clock said before."""
    assert WeeklyRecord(NOW - passed, {}).is_due(NOW) is due


def test_it_is_kept_as_it_is() -> None:
    """With how many locks need something."""
    record = WeeklyRecord(
        NOW, {"1": needs(Need.HOLE, holes=("CVE-2026-0001",)), "2": needs()}
    )
    assert record.in_need == 1
    assert WeeklyRecord.from_dict(record.to_dict()) == record


@pytest.mark.parametrize(
    "raw",
    [
        {"at": "2026-11-30T12:00:00", "locks": {}},
        {"at": NOW.isoformat(), "locks": {"1": {"needs": ["x"], "holes": []}}},
        {"at": NOW.isoformat(), "locks": {"1": {"needs": [], "holes": [1]}}},
    ],
)
def test_what_is_none_is_refused(raw: dict[str, object]) -> None:
    """As everything else that is kept."""
    with pytest.raises((TypeError, ValueError)):
        WeeklyRecord.from_dict(raw)
