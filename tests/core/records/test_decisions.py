"""What people have decided about a lock: how long and for what it holds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nightlatch.core.moments import FURTHEST, TOLERANCE
from custom_components.nightlatch.core.records.decisions import (
    JUDGEMENT_HOLDS,
    OF_A_MOMENT,
    Approval,
    Decisions,
    Override,
)

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
ALL = frozenset(Override)
APPROVAL = Approval(
    version="1.1.0",
    sha256="a",
    user_id="1",
    user_name="Ann",
    at=NOW,
    second_factor=True,
    overrides=ALL,
    words="The hole needs a person inside.",
)


@pytest.mark.parametrize(
    ("after", "holds"),
    [
        (-INSTANT, frozenset()),
        (timedelta(), ALL),
        (JUDGEMENT_HOLDS, ALL),
        (JUDGEMENT_HOLDS + INSTANT, ALL - OF_A_MOMENT),
    ],
)
def test_a_judgement_holds_from_when_it_was_given_for_a_night(
    after: timedelta, holds: frozenset[Override]
) -> None:
    """That about a moment; what was said of a release does not end by itself."""
    assert APPROVAL.overrides_at(NOW + after) == holds
    assert APPROVAL.ended_at(NOW + after) == ALL - holds


def test_an_approval_covers_one_release() -> None:
    """The same version with other contents is another release."""
    assert APPROVAL.covers("1.1.0", "a")
    assert not APPROVAL.covers("1.1.0", "b")
    assert not APPROVAL.covers("1.2.0", "a")


def test_an_approval_is_read_as_it_was_written() -> None:
    """Those of earlier versions had no words."""
    raw = APPROVAL.to_dict()
    assert raw["overrides"] == sorted(ALL)
    assert Approval.from_dict(raw) == APPROVAL
    del raw["words"]
    assert Approval.from_dict(raw) == replace(APPROVAL, words="")


def test_decisions_of_earlier_versions_had_no_choice() -> None:
    """There was nothing to choose."""
    raw = Decisions(pinned="1.0.0", approval=APPROVAL).to_dict()
    del raw["choice"]
    assert Decisions.from_dict(raw) == Decisions(pinned="1.0.0", approval=APPROVAL)


def test_only_what_nobody_can_have_chosen_is_taken_away() -> None:
    """The other time stays; but people are told anew before anything happens."""
    last = NOW + FURTHEST + TOLERANCE
    good = Decisions(announced="a", postponed_until=last, scheduled_at=NOW)
    assert good.put_right(NOW) == good
    too_late = last + INSTANT
    for wrong, right in (
        (
            replace(good, postponed_until=too_late),
            replace(good, postponed_until=None, announced=None),
        ),
        (
            replace(good, scheduled_at=too_late),
            replace(good, scheduled_at=None, announced=None),
        ),
    ):
        assert wrong.put_right(NOW) == right


def test_an_approval_a_moment_ahead_keeps_its_judgements() -> None:
    """Clocks are put back a little now and then; further than that, nobody knows when."""
    decided = Decisions(approval=replace(APPROVAL, at=NOW + TOLERANCE))
    assert decided.put_right(NOW) == decided
    later = replace(APPROVAL, at=NOW + TOLERANCE + INSTANT)
    assert Decisions(approval=later).put_right(NOW) == Decisions(
        approval=replace(later, overrides=frozenset())
    )
