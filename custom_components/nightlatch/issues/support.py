"""Repairs for locks whose makers give no updates: there is nothing to wait for.

Each is shown once: who has read it ignores it, and it stays away.
"""

from collections.abc import Iterator

from homeassistant.util import dt as dt_util

from ..issue import Issue
from ..locks.lock import ManagedLock
from ..markup import listed
from ..texts.maker import told_of_no_updates


def issues_of_support(lock: ManagedLock) -> Iterator[Issue]:
    """Return that its maker gives no updates, or no longer."""
    if not lock.facts.gives_updates:
        yield Issue(
            key="no_updates",
            placeholders={
                "lock": lock.name,
                "sources": listed(told_of_no_updates(lock)),
            },
        )
    elif (ends := lock.support_end) is not None and ends < dt_util.utcnow().date():
        yield Issue(
            key="support_ended",
            placeholders={"lock": lock.name, "date": ends.isoformat()},
        )
