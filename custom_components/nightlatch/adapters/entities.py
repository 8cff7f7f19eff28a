"""What other integrations know of a lock, through the entities that the owner linked."""

from homeassistant.components.lock import LockState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant

from ..core.preflight.base import Bolt, Linked

_BOLTS: dict[str, Bolt] = {
    LockState.LOCKED: Bolt.LOCKED,
    LockState.UNLOCKED: Bolt.UNLOCKED,
    LockState.JAMMED: Bolt.JAMMED,
    LockState.LOCKING: Bolt.MOVING,
    LockState.UNLOCKING: Bolt.MOVING,
    LockState.OPENING: Bolt.MOVING,
    LockState.OPEN: Bolt.OPEN,
}


def read_links(hass: HomeAssistant, *, bolt: str | None, battery: str | None) -> Linked:
    """Return what the linked entities say now."""
    return Linked(
        bolt=_bolt(_state(hass, bolt)) if bolt else None,
        has_battery=battery is not None,
        battery=_level(_state(hass, battery)) if battery else None,
    )


def _state(hass: HomeAssistant, entity_id: str) -> str | None:
    state = hass.states.get(entity_id)
    if state is None or state.state in {STATE_UNAVAILABLE, STATE_UNKNOWN}:
        return None
    return state.state


def _bolt(state: str | None) -> Bolt:
    return _BOLTS.get(state or "", Bolt.UNKNOWN)


def _level(state: str | None) -> int | None:
    try:
        return round(float(state)) if state else None
    except ValueError:
        return None
