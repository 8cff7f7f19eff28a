"""Since when what belongs to a lock says nothing.

A moment of silence is nothing: integrations are reloaded, gateways restart. A day of it
is something that a person has to know.
"""

from collections.abc import Container, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..moments import age
from .stored import as_time

SILENT_AFTER = timedelta(hours=24)


class Part(StrEnum):
    """What belongs to a lock, in other integrations."""

    SOURCE = "source"
    """What updates it, or tells what it runs."""
    BOLT = "bolt"
    DOOR = "door"
    BATTERY = "battery"


def noted(
    since: Mapping[Part, datetime], silent: Container[Part], now: datetime
) -> Mapping[Part, datetime]:
    """Return since when each part is silent, by those which are so now."""
    return {part: since.get(part, now) for part in Part if part in silent}


def is_long(since: datetime | None, now: datetime) -> bool:
    """Return whether something is silent for so long that people are told."""
    known = None if since is None else age(since, now)
    return known is not None and known >= SILENT_AFTER


def silence_from_dict(raw: Mapping[str, Any]) -> Mapping[Part, datetime]:
    """Read what was kept; raises what ``stored`` and an enumeration raise."""
    return {Part(part): as_time(since) for part, since in raw.items()}
