"""What a vendor is told of installations, where the owner wants that."""

from dataclasses import replace
from datetime import timedelta
import json

import pytest

from custom_components.nightlatch.core.model import Origin, OutcomeKind, Purpose
from custom_components.nightlatch.core.records.ends_report import (
    MAX_ENDS,
    TRIES,
    Reported,
    example_report,
    report_of,
    to_tell,
)
from tests.core.schedule.releases import NOW, SHA256, outcome

GOOD = outcome(kind=OutcomeKind.SUCCEEDED, message="Anna's door", reason=None)
BAD = outcome(kind=OutcomeKind.ROLLED_BACK, reason="transport_reverted")
LONG_AGO = NOW - timedelta(days=9)
NIGHT = NOW.date()
BEGUN = Reported(address="https://acme.example/ends", until=LONG_AGO)


def test_ends_are_counted_by_release_and_reason() -> None:
    """And nothing else of them is told."""
    told = json.loads(report_of([GOOD, BAD, GOOD]))
    assert told == {
        "schema": 1,
        "kind": "ends",
        "ends": [
            {
                "sha256": SHA256,
                "version": "1.1.0",
                "outcome": "succeeded",
                "reason": None,
                "count": 2,
            },
            {
                "sha256": SHA256,
                "version": "1.1.0",
                "outcome": "rolled_back",
                "reason": "transport_reverted",
                "count": 1,
            },
        ],
    }


def test_the_example_has_all_that_a_report_can_have() -> None:
    """What people agree to is what is sent."""
    example, true = json.loads(example_report()), json.loads(report_of([GOOD, BAD]))
    assert dict.fromkeys(example) == dict.fromkeys(true)
    assert [each.keys() for each in example["ends"]] == [
        each.keys() for each in true["ends"]
    ]


def test_a_report_is_small() -> None:
    """However much has ended; the most frequent ends are in it."""
    ends = [outcome(to_version=f"1.{number}.0") for number in range(MAX_ENDS * 3)]
    told = report_of([*ends, GOOD, GOOD])
    assert len(json.loads(told)["ends"]) == MAX_ENDS
    assert json.loads(told)["ends"][0]["count"] == 2
    assert len(told) < 20_000


@pytest.mark.parametrize(
    "other",
    [
        replace(GOOD, ended=LONG_AGO),
        replace(GOOD, ended=NOW + timedelta(days=3650)),
        replace(GOOD, kind=OutcomeKind.POSTPONED),
        replace(GOOD, kind=OutcomeKind.CANCELLED),
        replace(GOOD, purpose=Purpose.ROLLBACK),
        replace(GOOD, purpose=Purpose.RECOVERY),
        replace(GOOD, origin=Origin.EXTERNAL),
        replace(GOOD, sha256="b" * 64),
        replace(GOOD, sha256=None),
    ],
)
def test_only_proven_ends_of_the_vendors_own_releases_are_told(other: object) -> None:
    """Not what ended before somebody agreed, nor files from elsewhere."""
    told = to_tell([other, GOOD, BAD], {SHA256}, after=LONG_AGO, now=NOW)  # type: ignore[list-item]
    assert told == [GOOD, BAD]


def test_what_is_not_taken_is_tried_in_some_nights_and_then_let_go() -> None:
    """A vendor that is gone gets no heap of them."""
    reported = BEGUN
    for number in range(1, TRIES):
        reported = reported.tried(NIGHT, NOW, taken=False)
        assert (reported.until, reported.tries) == (LONG_AGO, number)
    reported = reported.tried(NIGHT, NOW, taken=False)
    assert (reported.until, reported.tries) == (NOW, 0)
    assert BEGUN.tried(NIGHT, NOW, taken=True) == replace(BEGUN, until=NOW, night=NIGHT)
    assert Reported.from_dict(json.loads(json.dumps(reported.to_dict()))) == reported
    assert Reported.from_dict(BEGUN.to_dict()) == BEGUN
