"""Nights in which the same rule holds one release are counted, and nothing else is."""

from datetime import date, timedelta
import json

from hypothesis import given, strategies as st

from custom_components.nightlatch.core.records.held_record import (
    MANY_NIGHTS,
    HeldRecord,
    held_once_more,
)

NIGHT = date(2026, 11, 24)
DOOR, BATTERY = "preflight_door_open", "preflight_battery_low"


def held(
    known: HeldRecord | None,
    night: int,
    *reasons: str,
    sha256: str = "a",
    runs: str = "1.0.0",
) -> HeldRecord:
    """Hold a release in a night."""
    return held_once_more(
        known,
        sha256=sha256,
        runs=runs,
        night=NIGHT + timedelta(days=night),
        reasons={reason: {"measured": str(night)} for reason in reasons},
    )


def told(record: HeldRecord | None, night: int) -> set[str]:
    """Return which rules people are told of in a night."""
    return set(record.too_often(NIGHT + timedelta(days=night))) if record else set()


def test_the_third_night_is_told() -> None:
    """However often it is tried in each of them."""
    record = None
    for night in range(3):
        assert told(record, night) == set()
        for _ in range(5):
            record = held(record, night, DOOR)
    assert record is not None
    assert told(record, 2) == {DOOR}
    assert record.rules[DOOR].nights == 3
    assert record.rules[DOOR].details == {"measured": "2"}


def test_another_rule_each_night_is_not_the_same() -> None:
    """A night without a rule begins anew with it."""
    record = held(held(held(None, 0, DOOR), 1, BATTERY), 2, DOOR)
    assert told(held(record, 3, DOOR), 3) == set()
    assert told(held(held(record, 3, DOOR), 4, DOOR), 4) == {DOOR}


def test_a_rule_that_comes_later_in_the_night_counts() -> None:
    """A door that is shut late, then a battery."""
    record = held(held(None, 0, DOOR), 0, BATTERY)
    record = held(held(record, 1, BATTERY), 1, DOOR)
    assert told(held(record, 2, DOOR, BATTERY), 2) == {DOOR, BATTERY}


def test_what_did_not_hold_it_last_is_not_told() -> None:
    """The door was shut in the fourth night."""
    record = held(held(held(None, 0, DOOR), 1, DOOR), 2, DOOR)
    assert told(held(record, 3, BATTERY), 3) == set()


def test_weekends_only_are_nights_in_a_row_too() -> None:
    """As long as it was tried within the week; after that it begins anew."""
    record = held(held(held(None, 0, DOOR), 1, DOOR), 7, DOOR)
    assert told(record, 7) == told(record, 14) == {DOOR}
    assert told(record, 15) == set()
    assert told(held(record, 15, DOOR), 15) == set()


def test_a_clock_that_was_put_back_begins_anew() -> None:
    """Nobody knows which nights those were."""
    record = held(held(held(None, 0, DOOR), 1, DOOR), 2, DOOR)
    assert told(record, 1) == set()
    assert told(held(record, 1, DOOR), 1) == set()


def test_a_clock_that_was_years_ahead_does_not_count_for_years() -> None:
    """The next night begins anew."""
    record = held(None, 10_000, DOOR)
    for night in range(3):
        record = held(record, night, DOOR)
    assert told(record, 2) == {DOOR}


nights = st.lists(
    st.tuples(
        st.integers(0, 8),
        st.sampled_from(["held", "installed", "changed"]),
        st.sets(st.sampled_from([DOOR, BATTERY, "other"]), min_size=1),
    ),
    max_size=30,
)


@given(nights)
def test_only_what_held_one_release_in_each_of_the_last_nights_is_told(
    steps: list[tuple[int, str, set[str]]],
) -> None:
    """Held against a list of all nights; it never is told across anything else."""
    record: HeldRecord | None = None
    night, release, runs = 0, 0, 0
    tried: list[tuple[int, set[str]]] = []
    for passed, what, reasons in steps:
        night += passed
        if what != "held":
            release, runs = release + (what == "changed"), runs + (what == "installed")
            tried = []
            assert record is None or not record.is_of(str(release), str(runs))
            continue
        if tried and night - tried[-1][0] > 7:
            tried = []
        if tried and tried[-1][0] == night:
            tried[-1] = (night, tried[-1][1] | reasons)
        else:
            tried.append((night, set(reasons)))
        record = held(record, night, *reasons, sha256=str(release), runs=str(runs))
        last = [each for _, each in tried[-MANY_NIGHTS:]]
        expected = set.intersection(*last) if len(last) == MANY_NIGHTS else set()
        assert told(record, night) == expected
        assert HeldRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record
