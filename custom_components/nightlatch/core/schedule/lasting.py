"""Until when a plan stands, if nothing becomes new but the time."""

from datetime import datetime, timedelta

from ..model import Release
from ..moments import LATEST, bounded, can_have_been
from .night import NOON, night_of
from .plan import Plan, Planning, Waiting, bounds_of, is_approved
from .quiet_hours import moment_of

_TIMELESS = {
    Waiting.SOURCE,
    Waiting.NOTHING_OFFERED,
    Waiting.APPROVAL,
    Waiting.PINNED,
    Waiting.SKIPPED,
    Waiting.PERSON,
    Waiting.PAUSED,
    Waiting.VENDOR,
    Waiting.CHANGE,
}


def stands_until(planning: Planning, plan: Plan) -> datetime:
    """Return the moment before which the same plan would be made again; aware, UTC.

    Nothing stands longer than the night. What could start now is planned anew at every
    moment, and so is what counts from a moment that nobody knows.
    """
    now, release = planning.now, plan.release
    noon = moment_of(
        night_of(now, planning.zone) + timedelta(days=1), NOON, planning.zone
    )
    if plan.waiting in _TIMELESS or release is None:
        return noon
    decisions = planning.decisions
    chosen = decisions.chosen_time(release.key)
    if plan.starts_at is None or plan.starts_at <= now:
        return now
    if chosen is not None:
        return min(noon, bounded(chosen))
    seen = decisions.first_seen.get(release.key)
    if seen is None or not can_have_been(seen, now):
        return now
    moments = [bound for bound, _ in bounds_of(planning, release)]
    moments += (_approved_from(planning, release), plan.starts_at, noon)
    return min((each for each in moments if each > now), default=now)


def _approved_from(planning: Planning, release: Release) -> datetime:
    """Return from when an approval counts: one may be dated after now."""
    approval = planning.decisions.approval
    if approval is None or not is_approved(planning.decisions, release):
        return LATEST
    return bounded(approval.at)
