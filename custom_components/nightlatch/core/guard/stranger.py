"""Is the device behind an entity still the lock that people have decided about.

A lock is replaced, and the new one is given the old one's name: its entities are the same,
and so is all that was decided. Its firmware is not.
"""

from collections.abc import Collection

from ..model import NO_MODEL, LockIdentity

_NOT_KNOWN = {None, "", NO_MODEL}


def is_stranger(
    known: LockIdentity, told: LockIdentity, names: Collection[str]
) -> bool:
    """Return whether what is told is of another lock than what is known.

    ``names`` are what else the told model is called. What either does not know tells
    nothing.
    """
    return (
        _differ(known.manufacturer, {told.manufacturer})
        or _differ(known.hardware_revision, {told.hardware_revision})
        or (told.told_model is not None and _differ(known.model, {told.model, *names}))
    )


def _differ(known: str | None, told: Collection[str | None]) -> bool:
    said = {_plain(each) for each in told} - _NOT_KNOWN
    return bool(said) and _plain(known) not in _NOT_KNOWN | said


def _plain(text: str | None) -> str | None:
    return None if text is None else text.strip().casefold()


def told_as(identity: LockIdentity) -> str:
    """Return what a lock is, in one line; a stranger and who it differs from tell it."""
    parts = (identity.manufacturer, identity.model, identity.hardware_revision)
    return ", ".join(part for part in parts if part and _plain(part) not in _NOT_KNOWN)
