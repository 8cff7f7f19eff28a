"""Values as storage gives them back: each is what it should be, or it is refused.

All raise ``TypeError`` or ``ValueError``.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from ..moments import bounded


def as_text(value: object) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def as_whole(value: object) -> int:
    """Return a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value


def as_number(value: object) -> float:
    """Return a number."""
    return value if isinstance(value, float) else as_whole(value)


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
    try:
        return time.astimezone(UTC)
    except OverflowError:
        # It is one elsewhere only: here the calendar has not begun, or has ended.
        return bounded(time)


def optional[T](read: Callable[[object], T], value: object) -> T | None:
    """Return a value that may be missing."""
    return None if value is None else read(value)
