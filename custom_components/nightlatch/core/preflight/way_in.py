"""Preflight: can somebody get in if the lock does not come back.

Makers ask to stand at the inner side of the door while a lock is updated, for this
very reason. Someone at home, a key, or another door will do.
"""

from .base import Check, Family, Reason, Verdict, passed
from .situation import Situation


def check_way_in(situation: Situation) -> Check:
    """Check that somebody is at home, or the owner has confirmed another way in."""
    if situation.policy.second_entry:
        return passed(Family.WAY_IN, "way_in", measured="second entry")
    if situation.surroundings.someone_home:
        return passed(Family.WAY_IN, "way_in", measured="someone home")
    return Check(
        family=Family.WAY_IN,
        rule="way_in",
        verdict=Verdict.BLOCKER,
        reason=Reason.NO_WAY_IN,
    )


def check_presence(situation: Situation) -> Check:
    """Check that nobody is needed at the door, or somebody has asked for it just now."""
    if not situation.needs_presence or not situation.unattended:
        return passed(Family.WAY_IN, "presence")
    return Check(
        family=Family.WAY_IN,
        rule="presence",
        verdict=Verdict.BLOCKER,
        reason=Reason.NOBODY_PRESENT,
    )
