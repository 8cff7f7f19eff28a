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
async def test_days_in_a_house_stay_within_the_bounds() -> None:
    """Releases, a night that installs, people, batteries: nothing chatters, all is small.

    They are begun anew and counted in a process of its own.
    """
    months = await live(DOORS, days=6)
    (lived,) = months
    assert broken(months) <= {
        bound.name for bound in BOUNDS if bound.key in OF_THE_MACHINE
    }
    # It has been lived through indeed.
    assert lived["ends"]
    assert lived["entities"] > 10 * DOORS
    assert lived["rows"] > DOORS
    assert lived["largest_attributes"] > 0
