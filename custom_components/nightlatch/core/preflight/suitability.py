"""Preflight: is this release made for this very lock, as it is now.

In 2017 one wrong over-the-air image made 500 doors useless; the models differed by a
single letter. So what chose the release asks once more, of the lock itself.
"""

from ..model import LockIdentity, Release
from ..records.trust import LockFloor
from ..select import PassedOver, reason_against
from .base import Check, Reason, Verdict, passed

_REASONS = {
    PassedOver.OTHER_MODEL: Reason.OTHER_MODEL,
    PassedOver.OTHER_HARDWARE: Reason.OTHER_HARDWARE,
    PassedOver.HARDWARE_UNKNOWN: Reason.HARDWARE_UNKNOWN,
    PassedOver.NOT_COMPARABLE: Reason.VERSION_UNKNOWN,
    PassedOver.NOT_NEWER: Reason.NOT_NEWER,
    PassedOver.BELOW_FLOOR: Reason.BELOW_FLOOR,
    PassedOver.NEEDS_NEWER_FIRST: Reason.STEP_MISSING,
}


def check_suitability(
    identity: LockIdentity, release: Release, floor: LockFloor | None
) -> Check:
    """Check model, hardware revision and the path from the running version."""
    against = reason_against(release, identity, release.version.scheme, floor)
    if against is None:
        return passed("suitability")
    return Check(
        rule="suitability",
        verdict=Verdict.BLOCKER,
        reason=_REASONS[against],
        details={
            "model": identity.model,
            "hardware": identity.hardware_revision or "",
            "running": identity.firmware_version,
            "release": release.version.text,
            "wanted_model": release.model,
            "wanted_hardware": ", ".join(release.hardware_revisions),
            "step": str(release.minimum_installed_version or ""),
        },
    )
