"""What other integrations know of a lock, through the entities that the owner linked."""

from datetime import datetime

from homeassistant.components.lock import LockState
from homeassistant.const import (
    STATE_HOME,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import HomeAssistant, State

from ..core.model import BatteryReading
from ..core.preflight.situation import Bolt, Door, Surroundings
from .heard import heard_at

_BOLTS: dict[str, Bolt] = {
    LockState.LOCKED: Bolt.LOCKED,
    LockState.UNLOCKED: Bolt.UNLOCKED,
    LockState.JAMMED: Bolt.JAMMED,
    LockState.LOCKING: Bolt.MOVING,
    LockState.UNLOCKING: Bolt.MOVING,
    LockState.OPENING: Bolt.MOVING,
    LockState.OPEN: Bolt.OPEN,
}
_DOORS = {STATE_OFF: Door.CLOSED, STATE_ON: Door.OPEN}


def read_surroundings(
    hass: HomeAssistant,
    *,
    lock_entity: str | None,
    battery_entity: str | None,
    door_entity: str | None,
    heard: datetime | None = None,
) -> Surroundings:
    """Return what the linked entities say now; what is not linked is None.

    ``heard`` is when the battery's device was heard, as far as that was kept.
    """
    bolt, door = _state(hass, lock_entity), _state(hass, door_entity)
    return Surroundings(
        bolt=_BOLTS.get(bolt.state if bolt else "", Bolt.UNKNOWN)
        if lock_entity
        else None,
        bolt_since=_since(bolt),
        door=_DOORS.get(door.state if door else "", Door.UNKNOWN)
        if door_entity
        else None,
        door_since=_since(door),
        battery=_battery(hass, battery_entity, heard) if battery_entity else None,
        someone_home=_someone_home(hass),
    )


def _state(hass: HomeAssistant, entity_id: str | None) -> State | None:
    """Return the state of an entity, if it has one that means something."""
    state = hass.states.get(entity_id) if entity_id else None
    if state is None or state.state in {STATE_UNAVAILABLE, STATE_UNKNOWN}:
        return None
    return state


def is_silent(hass: HomeAssistant, entity_id: str) -> bool:
    """Return whether an entity has no state that means something."""
    return _state(hass, entity_id) is None


def _since(state: State | None) -> datetime | None:
    return state.last_changed if state else None


def _battery(
    hass: HomeAssistant, entity_id: str, heard: datetime | None
) -> BatteryReading:
    """Return a level, or what a sensor that knows only "low" says."""
    if (state := _state(hass, entity_id)) is None:
        return BatteryReading(level=None)
    at = heard_at(hass, entity_id, heard)
    if state.domain == "binary_sensor":
        low = state.state == STATE_ON
        return BatteryReading(level=None, low=low, at=at or state.last_reported)
    try:
        level = round(float(state.state))
    except ValueError, OverflowError:
        return BatteryReading(level=None)
    if not 0 <= level <= 100:
        # Millivolts, say: they would always be enough.
        return BatteryReading(level=None)
    return BatteryReading(level=level, at=at)


def _someone_home(hass: HomeAssistant) -> bool | None:
    """Return whether a person is at home; None where Home Assistant knows no persons."""
    persons = hass.states.async_all("person")
    if not persons:
        return None
    return any(person.state == STATE_HOME for person in persons)
