"""Preflight: is the bolt at rest.

A lock that restarts while its motor turns leaves a bolt half way, and one that is
jammed has a trouble of its own.
"""

from .base import Bolt, Check, Reason, Verdict, passed

_REASONS = {
    Bolt.MOVING: Reason.BOLT_MOVING,
    Bolt.JAMMED: Reason.BOLT_JAMMED,
    Bolt.OPEN: Reason.BOLT_OPEN,
    Bolt.UNKNOWN: Reason.BOLT_UNKNOWN,
}


def check_bolt(bolt: Bolt | None) -> Check:
    """Check that the bolt is locked or unlocked; a lock without a link passes."""
    if bolt is None or bolt not in _REASONS:
        return passed("bolt")
    return Check(rule="bolt", verdict=Verdict.BLOCKER, reason=_REASONS[bolt])
