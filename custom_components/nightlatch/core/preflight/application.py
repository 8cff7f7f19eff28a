"""Preflight: does the lock run its application.

A lock that seems to wait in its bootloader is not updated, it is brought out first. And
what is only heard proves nothing: anybody near can advertise a bootloader at the next
address.
"""

from .base import Check, Family, Reason, Verdict, passed
from .situation import Situation


def check_application(situation: Situation) -> Check:
    """Check that nothing tells of the lock being in its bootloader."""
    if not situation.in_bootloader:
        return passed(Family.LOCK, "application")
    return Check(
        family=Family.LOCK,
        rule="application",
        verdict=Verdict.BLOCKER,
        reason=Reason.IN_BOOTLOADER,
    )
