"""Preflight: is the bolt at rest.

A lock that restarts while its motor turns leaves a bolt half way, and one that is
jammed has a trouble of its own.
"""

from .base import Check, Family, Reason, Verdict, passed
from .situation import Bolt, Situation
from .stability import SETTLED_TEXT, is_settled, since_text

_REASONS = {
    Bolt.MOVING: Reason.BOLT_MOVING,
    Bolt.JAMMED: Reason.BOLT_JAMMED,
    Bolt.OPEN: Reason.BOLT_OPEN,
    Bolt.UNKNOWN: Reason.BOLT_UNKNOWN,
}


def check_bolt(situation: Situation) -> Check:
    """Check that the bolt is locked or unlocked, and has been for a while.

    A lock without a link passes: nobody can ask it.
    """
    bolt = situation.surroundings.bolt
    since = situation.surroundings.bolt_since
    if bolt is None:
        return passed(Family.LOCK, "bolt")
    if bolt in _REASONS:
        return Check(
            family=Family.LOCK,
            rule="bolt",
            verdict=Verdict.BLOCKER,
            reason=_REASONS[bolt],
            measured=bolt,
        )
    if is_settled(since, situation.now):
        return passed(Family.LOCK, "bolt", measured=bolt)
    return Check(
        family=Family.LOCK,
        rule="bolt",
        # Whoever asks just now has perhaps just locked it.
        verdict=Verdict.BLOCKER if situation.unattended else Verdict.WARNING,
        reason=Reason.BOLT_JUST_MOVED,
        measured=since_text(since, situation.now),
        limit=SETTLED_TEXT,
    )
