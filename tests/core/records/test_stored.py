"""What was stored is read strictly: a file of a home is no place for guesses."""

from collections.abc import Callable
from math import inf, nan

import pytest

from custom_components.nightlatch.core.records.stored import (
    MAX_WHOLE,
    as_chosen_time,
    as_floor,
    as_number,
    as_text,
    as_time,
    as_truth,
    as_whole,
)


@pytest.mark.parametrize(
    ("read", "raw"),
    [
        (as_text, 1),
        (as_text, None),
        (as_whole, True),
        (as_whole, 1.0),
        (as_whole, MAX_WHOLE + 1),
        (as_whole, -MAX_WHOLE - 1),
        (as_number, "1"),
        (as_number, nan),
        (as_number, inf),
        (as_truth, 1),
        (as_time, "2026-11-30T03:00:00"),
        (as_time, "0001-01-01T00:00:00+00:00"),
        (as_time, "9999-12-31T23:59:59+00:00"),
        (as_chosen_time, "2026-11-30T03:00:00"),
        (as_floor, -MAX_WHOLE - 1),
        (as_floor, "1"),
    ],
)
def test_what_is_none_of_ours_is_refused(
    read: Callable[[object], object], raw: object
) -> None:
    """With what a reader of the file expects, never with anything else."""
    with pytest.raises((TypeError, ValueError)):
        read(raw)


def test_a_floor_never_sinks() -> None:
    """One that is too high counts as the highest there is."""
    assert as_floor(2**64) == MAX_WHOLE
    assert as_floor(7) == 7
    assert as_number(7) == 7
    assert as_number(0.5) == 0.5
