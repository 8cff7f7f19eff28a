"""Values as storage gives them back: each is what it should be, or it is refused.

All raise ``TypeError`` or ``ValueError``.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from math import isfinite
from typing import Final

from ..moments import bounded

MAX_WHOLE: Final = 2**63 - 1
"""No whole number from outside is kept that is higher, or as much below zero."""

# So that it is a time in every zone, and some days before and after it too.
_YEARS = range(2, 9999)


def as_text(value: object) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def as_whole(value: object) -> int:
    """Return a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    if abs(value) > MAX_WHOLE:
        raise ValueError(f"{value:#x} is too high or too low")
    return value


def as_floor(value: object) -> int:
    """Return a number that must not sink: one that is too high counts as the highest."""
    if isinstance(value, int) and value > MAX_WHOLE:
        return MAX_WHOLE
    return as_whole(value)


def as_number(value: object) -> float:
    """Return a number."""
    if not isinstance(value, float):
        return as_whole(value)
    if not isfinite(value):
        raise ValueError(f"{value} is no number")
    return value


def as_truth(value: object) -> bool:
    """Return whether something holds."""
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def as_time(value: object) -> datetime:
    """Return a time, aware, UTC."""
    time = datetime.fromisoformat(as_text(value))
    if time.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    if time.year not in _YEARS:
        raise ValueError(f"{value} is out of range")
    return time.astimezone(UTC)


def as_chosen_time(value: object) -> datetime:
    """Return a time that a person has chosen, with its zone, as one in UTC.

    Earlier versions took any: one that is out of range is the nearest that is not.
    """
    time = datetime.fromisoformat(as_text(value))
    if time.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return bounded(time)


def as_day(value: object) -> date:
    """Return a day."""
    return date.fromisoformat(as_text(value))


def optional[T](read: Callable[[object], T], value: object) -> T | None:
    """Return a value that may be missing."""
    return None if value is None else read(value)
