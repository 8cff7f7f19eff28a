"""Which door is used so unlike the others that its lock should have hours of its own.

The hours of the household are good for most doors, and nobody is asked about each. Only
where what was seen of one door leaves no doubt, by what it can be at the least and at the
most, is it worth a question.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate

from .door_use import DoorUse
from .proposal import ENOUGH_DAYS, Proposal, propose, risk_of, surely_met
from .quiet_hours import QuietHours


def others_of(uses: Sequence[DoorUse]) -> list[DoorUse]:
    """Return for each door the use of all the others, as if they were one."""
    before = list(accumulate(uses, DoorUse.joined, initial=DoorUse()))
    after = list(accumulate(reversed(uses), DoorUse.joined, initial=DoorUse()))
    return [
        before[index].joined(after[len(uses) - 1 - index]) for index in range(len(uses))
    ]


def propose_own(
    use: DoorUse,
    others: DoorUse,
    hours: QuietHours,
    expected: timedelta,
    allowed: QuietHours,
) -> Proposal | None:
    """Return hours for one door; None while those of the household do for it.

    They do not where it is surely used more often in them than all the others are, and
    than it would be in its own.
    """
    if min(use.observed_days, others.observed_days) < ENOUGH_DAYS:
        return None
    least = surely_met(use, hours, expected)
    of_others = risk_of(others, hours, expected)
    if of_others is None or least <= of_others:
        return None
    proposal = propose(use, expected, allowed)
    if proposal.risk is None or least <= proposal.risk:
        return None
    return proposal
