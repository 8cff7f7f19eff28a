"""Repairs for what is linked to a lock, and has said nothing for a day."""

from collections.abc import Iterator

from homeassistant.util import dt as dt_util

from ..core.records.silence import Part, is_long
from ..issue import Issue
from ..locks.lock import ManagedLock


def issues_of_silence(lock: ManagedLock) -> Iterator[Issue]:
    """Return what a person must see to: nothing is installed by itself meanwhile."""
    now, since = dt_util.utcnow(), lock.record.silent_since
    for key, part, entity in (
        ("bolt_silent", Part.BOLT, lock.links.lock_entity),
        ("door_silent", Part.DOOR, lock.links.door_entity),
        ("battery_silent", Part.BATTERY, lock.links.battery_entity),
    ):
        if entity is not None and is_long(since.get(part), now):
            yield Issue(key=key, placeholders={"lock": lock.name, "entity": entity})
