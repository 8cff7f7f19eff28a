"""Holding back: ours are ours, those of people are theirs."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.guard.hold import (
    Hold,
    HoldRecord,
    after_change,
    held_by_us,
    hold_of,
    must_lift,
)
from custom_components.nightlatch.core.guard.source import SourceReading

OFFERED = SourceReading(available=True, installed="1", offered="2")
HELD = replace(OFFERED, skipped="2")
AWAY = SourceReading(available=False)
NOTHING, OURS = HoldRecord(), HoldRecord(held="2")


@pytest.mark.parametrize(
    ("record", "reading", "hold"),
    [
        (NOTHING, OFFERED, Hold.OPEN),
        (OURS, HELD, Hold.HELD),
        (NOTHING, HELD, Hold.SKIPPED),
        (OURS, OFFERED, Hold.OPEN),
        (HoldRecord(cleared="2"), OFFERED, Hold.CLEARED),
        (HoldRecord(cleared="1.5"), OFFERED, Hold.OPEN),
        (NOTHING, replace(OFFERED, offered="1"), Hold.NOTHING_OFFERED),
        (NOTHING, replace(OFFERED, installs_by_itself=True), Hold.NOT_POSSIBLE),
        (OURS, AWAY, Hold.NOT_POSSIBLE),
    ],
)
def test_how_it_is(record: HoldRecord, reading: SourceReading, hold: Hold) -> None:
    """By what is recorded and what is seen."""
    assert hold_of(record, reading) is hold


def test_a_person_takes_a_hold_away() -> None:
    """That counts for this version, and is kept."""
    record = after_change(OURS, HELD, OFFERED)
    assert record == HoldRecord(cleared="2")
    assert hold_of(record, OFFERED) is Hold.CLEARED
    newer = replace(OFFERED, offered="3")
    assert hold_of(after_change(record, OFFERED, newer), newer) is Hold.OPEN


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (AWAY, OFFERED),
        (replace(HELD, offered=None), OFFERED),
        (OFFERED, OFFERED),
        (HELD, AWAY),
    ],
)
def test_what_home_assistant_forgets_is_not_a_person(
    before: SourceReading, after: SourceReading
) -> None:
    """It is held again."""
    assert after_change(OURS, before, after) == OURS


def test_only_our_own_skip_is_lifted() -> None:
    """Never a person's."""
    assert must_lift(OURS, HELD)
    assert not must_lift(NOTHING, HELD)
    assert not must_lift(OURS, replace(HELD, skipped="3"))
    assert not must_lift(OURS, OFFERED)


VERSIONS = st.none() | st.sampled_from(["1", "2", "3"])


@given(
    st.lists(
        st.builds(
            SourceReading,
            available=st.booleans(),
            installed=st.just("1"),
            offered=VERSIONS,
            skipped=VERSIONS,
        )
    )
)
def test_a_skip_of_a_person_is_never_ours(readings: list[SourceReading]) -> None:
    """In whatever order things happen: ours is only what was open before."""
    record, before = NOTHING, AWAY
    for after in readings:
        record = after_change(record, before, after)
        if hold_of(record, after) is Hold.OPEN:
            record = held_by_us(record, after)
            assert record.held == after.offered
            before = replace(after, skipped=after.offered)
        else:
            before = after
        if hold_of(record, before) is Hold.SKIPPED:
            assert not must_lift(record, before)


@given(st.none() | st.text(), st.none() | st.text())
def test_what_is_written_is_read_again(held: str | None, cleared: str | None) -> None:
    """Over a restart."""
    record = HoldRecord(held=held, cleared=cleared)
    assert HoldRecord.from_dict(record.to_dict()) == record


@pytest.mark.parametrize("raw", [{}, {"held": 1, "cleared": None}])
def test_what_is_no_record_is_refused(raw: dict[str, object]) -> None:
    """Rather than guessed."""
    with pytest.raises(ValueError, match="hold"):
        HoldRecord.from_dict(raw)
