"""Some days of the year that a house lives through: what they come to, counted.

Counts and bytes, not times and memory: they are the same on every machine.
"""

from collections.abc import Iterable
from typing import Any, Final

import pytest

from benchmarks.year import BOUNDS, Month, judge, live

DOORS: Final = 3
OF_THE_MACHINE: Final = {"rss_mb"}
"""What differs from one machine to the next."""
LEFT: Final[Month] = {
    **{bound.key: 0 for bound in BOUNDS},
    "day": 90,
}


def broken(months: Iterable[Month]) -> set[str]:
    """Return which bounds a house breaks."""
    missed = judge(tuple(months), DOORS).missed
    return {each.partition(":")[0] for each in missed}


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda bound: bound.name)
def test_each_bound_is_held(bound: Any) -> None:
    """One more than that is told by the name of the row."""
    more: Month = {**LEFT, bound.key: bound.allowed(DOORS) + 1}
    assert broken([LEFT] * 4) == set()
    assert bound.name in broken([LEFT, LEFT, LEFT, more])
    if bound.growth:
        # What was there once the house had settled is no growth.
        assert bound.name not in broken([LEFT, LEFT, more, more])


@pytest.mark.timeout(240)
async def test_days_in_a_house_stay_within_the_bounds(socket_enabled: None) -> None:
    """A release, a night that installs it, people, batteries: all is small and quiet.

    What is there after six days is not more after two others.
    """
    months = await live(DOORS, days=8, every=2)
    of_machine = {each.name for each in BOUNDS if each.key in OF_THE_MACHINE}
    assert broken(months) <= of_machine
    # It has been lived through indeed.
    last = months[-1]
    assert len(months) == 4
    assert last["ends"]
    assert last["entities"] > 10 * DOORS
    assert last["rows"] > DOORS
    assert last["largest_attributes"] > 0
    assert last["minutes_on_end"] > 0
