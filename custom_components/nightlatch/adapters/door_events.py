"""Which changes of linked entities are somebody at the door, and what is known of before."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
import logging
from typing import Final

from homeassistant.components.lock import ATTR_CHANGED_BY, LockState
from homeassistant.components.recorder import get_instance, history
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State, split_entity_id

from ..core.schedule.door_use import WEEKS

_LOGGER = logging.getLogger(__name__)

_NOTHING: Final = {STATE_UNAVAILABLE, STATE_UNKNOWN}
_OPENED: Final = {
    LockState.UNLOCKED,
    LockState.UNLOCKING,
    LockState.OPEN,
    LockState.OPENING,
}
_SHUT: Final = {LockState.LOCKED, LockState.LOCKING}
_BY_ITSELF: Final = "auto"
_RECORDER_WITHIN: Final = 120.0
"""Seconds; a database that takes longer has other things to do."""


def is_use(before: State | None, after: State | None) -> bool:
    """Return whether somebody was at the door when a state became another one.

    Bolts are shot by themselves, and drawn by nobody but somebody: one that is locked is
    somebody's deed only where it is told whose. What comes back, or is told for the first
    time, happened at some other time.
    """
    if before is None or after is None or before.state == after.state:
        return False
    if {before.state, after.state} & _NOTHING:
        return False
    # What the recorder gives knows no domain of its own.
    if split_entity_id(after.entity_id)[0] == "binary_sensor":
        return after.state in {STATE_ON, STATE_OFF}
    if after.state in _OPENED:
        return before.state in _SHUT
    if after.state not in _SHUT or before.state in _SHUT:
        return False
    if after.context.user_id is not None:
        return True
    changed_by = str(after.attributes.get(ATTR_CHANGED_BY) or "")
    return bool(changed_by) and _BY_ITSELF not in changed_by.casefold()


def watched_spans(
    states: Sequence[State], now: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Return from when until when an entity had a state that means something."""
    begin: datetime | None = None
    for state in states:
        if state.state in _NOTHING:
            if begin is not None:
                yield begin, state.last_changed
            begin = None
        elif begin is None:
            begin = state.last_changed
    if begin is not None:
        yield begin, now


async def async_recorded(
    hass: HomeAssistant, entity_ids: Iterable[str], now: datetime
) -> dict[str, list[State]]:
    """Return the states that the recorder has of some entities, oldest first.

    Nothing where there is no recorder, or it does not answer in time.
    """
    if "recorder" not in hass.config.components:
        return {}
    begin = now - timedelta(weeks=WEEKS)
    found: dict[str, list[State]] = {}
    try:
        async with asyncio.timeout(_RECORDER_WITHIN):
            for entity_id in entity_ids:
                states = await get_instance(hass).async_add_executor_job(
                    history.state_changes_during_period, hass, begin, now, entity_id
                )
                found[entity_id] = states.get(entity_id, [])
    except Exception as err:  # noqa: BLE001  whatever a database raises
        _LOGGER.warning("What was recorded of doors cannot be read: %r", err)
        return {}
    return found
