"""Preflight: is there enough of the quiet hours left."""

from datetime import timedelta
import math

from .base import Check, Family, Reason, Verdict, passed
from .situation import Situation


def check_fit(situation: Situation) -> Check:
    """Check that the installation, with its settling, ends before the quiet hours."""
    needed = _minutes(situation.expected)
    if situation.window_end is None:
        return passed(Family.TIME, "fit", measured=needed)
    left = max(situation.window_end - situation.now, timedelta())
    if situation.expected <= left:
        return passed(Family.TIME, "fit", measured=needed, limit=_minutes(left))
    return Check(
        family=Family.TIME,
        rule="fit",
        verdict=Verdict.BLOCKER,
        reason=Reason.DOES_NOT_FIT,
        measured=needed,
        limit=_minutes(left),
    )


def _minutes(duration: timedelta) -> str:
    return f"{math.ceil(duration / timedelta(minutes=1))} min"
