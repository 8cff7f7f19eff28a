"""Preflight: is the door shut.

A bolt that moves in an open door, while the lock tries itself after its restart, meets
nothing or the frame.
"""

from .base import Check, Family, Reason, Verdict, passed
from .situation import Door, Situation
from .stability import SETTLED_TEXT, is_settled, since_text

_REASONS = {Door.OPEN: Reason.DOOR_OPEN, Door.UNKNOWN: Reason.DOOR_UNKNOWN}


def check_door(situation: Situation) -> Check:
    """Check that the door is shut, and has been for a while.

    Without a sensor it passes only where the owner has said that there is none.
    """
    door = situation.surroundings.door
    since = situation.surroundings.door_since
    if door is None:
        if situation.policy.has_door_sensor is False:
            return passed(Family.DOOR, "door")
        return _blocked(Reason.DOOR_NOT_SAID, None)
    if door in _REASONS:
        return _blocked(_REASONS[door], door)
    if is_settled(since, situation.now):
        return passed(Family.DOOR, "door", measured=door)
    return Check(
        family=Family.DOOR,
        rule="door",
        verdict=Verdict.BLOCKER if situation.unattended else Verdict.WARNING,
        reason=Reason.DOOR_JUST_MOVED,
        measured=since_text(since, situation.now),
        limit=SETTLED_TEXT,
    )


def _blocked(reason: Reason, measured: str | None) -> Check:
    return Check(
        family=Family.DOOR,
        rule="door",
        verdict=Verdict.BLOCKER,
        reason=reason,
        measured=measured,
    )
