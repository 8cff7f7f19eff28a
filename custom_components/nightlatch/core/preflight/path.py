"""Preflight: may the lock go from what it runs to this release, and now.

What people have decided (pin, skip), the soak and the vendor's stages bind what runs by
itself only: whoever presses Install has decided again.
"""

from datetime import timedelta

from ..moments import age
from ..records.decisions import Decisions
from ..schedule.plan import is_approved
from ..schedule.policy import ApprovalNeed
from ..schedule.soak import soak_days_of, soak_ends
from ..select import PassedOver, reason_against
from .base import Check, Family, Reason, Verdict, passed
from .situation import Situation

_REASONS = {
    PassedOver.NOT_COMPARABLE: Reason.VERSION_UNKNOWN,
    PassedOver.NOT_NEWER: Reason.NOT_NEWER,
    PassedOver.BELOW_FLOOR: Reason.BELOW_FLOOR,
    PassedOver.NEEDS_NEWER_FIRST: Reason.STEP_MISSING,
    PassedOver.REFUSED_BY_LOCK: Reason.REFUSED_BY_LOCK,
}


def check_version(situation: Situation) -> Check:
    """Check that it goes upwards, from a version that the release can follow.

    Or back, where a person wants that, to what the lock still takes.
    """
    identity, release = situation.identity, situation.release
    against = _against(situation)
    if against not in _REASONS:
        return passed(
            Family.PATH,
            "version",
            measured=identity.firmware_version,
            limit=release.version.text,
        )
    step = release.minimum_installed_version
    return Check(
        family=Family.PATH,
        rule="version",
        verdict=Verdict.BLOCKER,
        reason=_REASONS[against],
        measured=identity.firmware_version,
        limit=release.version.text,
        details={"step": step.text} if step else {},
    )


def check_security_floor(situation: Situation) -> Check:
    """Check that what comes back has no hole that was closed on this lock before."""
    release, floor = situation.release, situation.floor
    measured = str(release.security_version)
    limit = str(floor.security_version) if floor else None
    if floor is None or _against(situation) is not PassedOver.BELOW_SECURITY_FLOOR:
        return passed(Family.PATH, "security_floor", measured=measured, limit=limit)
    return Check(
        family=Family.PATH,
        rule="security_floor",
        verdict=Verdict.BLOCKER,
        reason=Reason.BELOW_SECURITY_FLOOR,
        measured=release.version.text,
        limit=floor.version.text,
    )


def _against(situation: Situation) -> PassedOver | None:
    release = situation.release
    return reason_against(
        release,
        situation.identity,
        release.version.scheme,
        situation.floor,
        situation.purpose,
    )


def check_wanted(situation: Situation) -> Check:
    """Check that nobody has decided against this release."""
    decisions: Decisions = situation.decisions
    version = situation.release.version.text
    if not situation.unattended:
        return passed(Family.PATH, "wanted")
    if decisions.pinned is not None:
        return Check(
            family=Family.PATH,
            rule="wanted",
            verdict=Verdict.BLOCKER,
            reason=Reason.PINNED,
            measured=decisions.pinned,
            limit=version,
        )
    if decisions.leaves_out(version):
        return Check(
            family=Family.PATH,
            rule="wanted",
            verdict=Verdict.BLOCKER,
            reason=Reason.SKIPPED,
            measured=decisions.skipped,
        )
    return passed(Family.PATH, "wanted")


def check_approval(situation: Situation) -> Check:
    """Check that a person has approved this very release, where the owner wants that.

    An approval can be taken back until the transfer begins.
    """
    need, decisions = situation.policy.approval, situation.decisions
    if need is ApprovalNeed.NONE:
        return passed(Family.PATH, "approval")
    approval = decisions.approval
    if (
        approval is not None
        and is_approved(decisions, situation.release)
        and (need is ApprovalNeed.PERSON or approval.second_factor)
    ):
        return passed(Family.PATH, "approval", measured=approval.user_name)
    return Check(
        family=Family.PATH,
        rule="approval",
        verdict=Verdict.BLOCKER,
        reason=Reason.NOT_APPROVED,
        limit=need,
    )


def check_soak(situation: Situation) -> Check:
    """Check that the release has been out for long enough to install by itself."""
    release = situation.release
    days = soak_days_of(release, situation.soak_days, situation.closes)
    seen = situation.decisions.first_seen.get(release.key)
    known = (age(seen, situation.now) if seen else None) or timedelta()
    measured = f"{known / timedelta(days=1):.1f} d"
    limit = f"{days} d"
    ends = soak_ends(
        release, seen, situation.soak_days, situation.now, situation.closes
    )
    if not situation.unattended or ends <= situation.now:
        return passed(Family.PATH, "soak", measured=measured, limit=limit)
    return Check(
        family=Family.PATH,
        rule="soak",
        verdict=Verdict.BLOCKER,
        reason=Reason.SOAKING,
        measured=measured,
        limit=limit,
    )


def check_stage(situation: Situation) -> Check:
    """Check that it is let out to this lock already, where that is done in stages.

    A person's wish is no stage.
    """
    release = situation.release
    limit = f"{release.rollout.percent} %" if release.rollout else None

    def staged(reason: Reason, **details: str) -> Check:
        return Check(
            family=Family.PATH,
            rule="stage",
            verdict=Verdict.BLOCKER,
            reason=reason,
            measured=release.version.text,
            limit=limit,
            details=details,
        )

    if situation.let_out or not situation.unattended:
        return passed(Family.PATH, "stage", limit=limit)
    if release.keeper is not None:
        return staged(Reason.STAGED_BY_KEEPER, keeper=release.keeper)
    return staged(Reason.STAGED)
