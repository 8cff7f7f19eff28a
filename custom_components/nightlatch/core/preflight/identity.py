"""Preflight: is this release made for this very lock.

In 2017 one wrong over-the-air image made 500 doors useless; the models differed by a
single letter. So what chose the release is asked once more, of the lock itself.
"""

from ..select import PassedOver, reason_against
from .base import Check, Family, Reason, Verdict, passed
from .situation import Situation

_REASONS = {
    PassedOver.OTHER_MODEL: Reason.OTHER_MODEL,
    PassedOver.OTHER_HARDWARE: Reason.OTHER_HARDWARE,
    PassedOver.HARDWARE_UNKNOWN: Reason.HARDWARE_UNKNOWN,
}


def check_identity(situation: Situation) -> Check:
    """Check the exact model and the hardware revision."""
    identity, release = situation.identity, situation.release
    against = reason_against(
        release,
        identity,
        release.version.scheme,
        situation.floor,
        situation.purpose,
    )
    if against not in _REASONS:
        return passed(Family.IDENTITY, "model_and_hardware")
    is_model = against is PassedOver.OTHER_MODEL
    return Check(
        family=Family.IDENTITY,
        rule="model_and_hardware",
        verdict=Verdict.BLOCKER,
        reason=_REASONS[against],
        measured=(
            identity.told_model or "model without a name"
            if is_model
            else identity.hardware_revision
        ),
        limit=release.model if is_model else ", ".join(release.hardware_revisions),
    )
