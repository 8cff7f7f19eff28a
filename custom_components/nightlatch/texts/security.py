"""What is published of holes in a lock's firmware, as people are shown it."""

from collections.abc import Iterator
from typing import Any

from ..core.advisories.security import OpenAdvisory, shown
from ..locks.lock import ManagedLock
from ..markup import neutral, together
from ..translation import label_now


def shown_security(lock: ManagedLock) -> dict[str, Any]:
    """Return what the state of a lock's security rests on; no more than is recorded."""
    lines, left_out = shown(told_advisories(lock))
    ends = lock.support_end
    return {
        "advisories": lines,
        "left_out": left_out,
        "support_end": ends.isoformat() if ends else None,
    }


def told_advisories(lock: ManagedLock) -> list[dict[str, Any]]:
    """Return all that is published and is, or may be, about what a lock runs."""
    return [_line(lock, each) for each in lock.assessment.open]


def _line(lock: ManagedLock, found: OpenAdvisory) -> dict[str, Any]:
    advisory = found.advisory
    return {
        "id": neutral(advisory.id),
        "severity": advisory.severity,
        "link": advisory.url,
        "match": found.match,
        "fixed_in": neutral(advisory.fix) if advisory.fix else None,
        "closed_by_offer": found.is_closed_by_offer,
        "mitigation": together(_mitigations(lock, found)) or None,
        # Only where it is not the vendor, nor anybody who was reviewed.
        **({"keeper": neutral(advisory.keeper)} if advisory.keeper else {}),
    }


def _mitigations(lock: ManagedLock, found: OpenAdvisory) -> Iterator[str]:
    """Return what a person can do where no update helps; else that is to install it."""
    if found.is_open_to_an_update:
        return
    for each in found.advisory.mitigations:
        yield label_now(lock.hass, "maker", each)
    if found.advisory.mitigation:
        yield neutral(found.advisory.mitigation)
