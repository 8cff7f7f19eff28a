"""For how long a bolt or a door must not have moved.

Somebody who comes home opens, closes and locks within a minute or two; after that the
door is left alone.
"""

from datetime import datetime, timedelta

from ..phrase import Phrase

SETTLED = timedelta(minutes=2)
SETTLED_TEXT = "2 min"


def is_settled(since: datetime | None, now: datetime) -> bool:
    """Return whether something has been as it is for long enough."""
    return since is not None and now - since >= SETTLED


def since_text(since: datetime | None, now: datetime) -> str:
    """Return for how long it has been so, with its unit."""
    if since is None:
        return Phrase("an unknown time")
    return f"{max((now - since).total_seconds(), 0):.0f} s"
