"""Since when what belongs to a lock is silent, and when its battery was heard."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from ..adapters.entities import is_silent
from ..adapters.heard import heard_at
from ..core.moments import LATEST, is_set
from ..core.records.silence import Part, noted
from ..locks.lock import ManagedLock

# So much may be lost over a restart; the disk need not hear of every report.
_KEPT_EVERY = timedelta(minutes=30)
# A battery's device is silent for most of the day; who waits for it looks so often.
_LISTENED_EVERY = timedelta(minutes=5)


def note_presence(lock: ManagedLock, now: datetime) -> bool:
    """Look once at what belongs to a lock; return whether that is something to keep."""
    if not is_set(now) or lock.is_closed:
        return False
    before = lock.record
    record = replace(
        before,
        silent_since=noted(before.silent_since, frozenset(_silent(lock)), now),
        heard_at=_heard(lock),
    )
    if record == before:
        return False
    lock.record = record
    return True


def may_be_new_from(lock: ManagedLock, now: datetime) -> datetime:
    """Return when to look again whether there is anything to keep of a battery's device."""
    if lock.links.battery_entity is None:
        return LATEST
    kept, soon = lock.record.heard_at, now + _LISTENED_EVERY
    return soon if kept is None else max(kept + _KEPT_EVERY, soon)


def _silent(lock: ManagedLock) -> Iterator[Part]:
    """Return what says nothing now; what is not linked has nothing to say."""
    if lock.kind.is_away:
        yield Part.SOURCE
    links = {
        Part.BOLT: lock.links.lock_entity,
        Part.DOOR: lock.links.door_entity,
        Part.BATTERY: lock.links.battery_entity,
    }
    for part, entity_id in links.items():
        if entity_id is not None and is_silent(lock.hass, entity_id):
            yield part


def _heard(lock: ManagedLock) -> datetime | None:
    """Return what is to be kept of when the device of the battery was heard."""
    kept, entity_id = lock.record.heard_at, lock.links.battery_entity
    if entity_id is None:
        return None
    heard = heard_at(lock.hass, entity_id, kept)
    if heard is None or kept is None or not kept <= heard < kept + _KEPT_EVERY:
        return heard
    return kept
