"""When a device of another integration was last heard.

A battery that stays at 90 % is not told again: MQTT and ESPHome do not even move
``last_reported`` while a value is the same. Whatever else its device has told since
shows that the value is what it was. What Home Assistant writes anew when it starts, from
its own memory or a broker's, shows nothing.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.lock import DOMAIN as LOCK_DOMAIN, LockState
from homeassistant.const import (
    ATTR_ASSUMED_STATE,
    ATTR_DEVICE_CLASS,
    ATTR_RESTORED,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import CoreState, HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..core.moments import LATEST, can_have_been

SETTLING = timedelta(minutes=5)
"""After the start of Home Assistant: gateways start with it, and tell what they kept."""
_TELLING_SINCE: HassKey[datetime] = HassKey(f"{DOMAIN}_telling_since")
# What a lock measures or does. Buttons and updates are moved by others.
_DOMAINS = {"binary_sensor", LOCK_DOMAIN, "sensor"}
# Home Assistant writes these when it has sent an order, heard or not.
_ORDERED = {LockState.LOCKING, LockState.UNLOCKING, LockState.OPENING}
# What a gateway tells of a device that is silent, too.
_ABOUT_THE_WAY = ("node_status", "last_seen", "availability")
_LAST_SEEN = "last_seen"
# Milliseconds are larger for any day since 1973.
_SECONDS_BELOW = 1e11


@callback
def async_note_start(hass: HomeAssistant) -> None:
    """Notice when Home Assistant has started, so that what it writes then is known."""
    if hass.state is CoreState.running:
        # Who is set up later has missed nothing: what was written then is long over.
        return
    hass.data[_TELLING_SINCE] = LATEST

    @callback
    def started(_: HomeAssistant) -> None:
        hass.data[_TELLING_SINCE] = dt_util.utcnow() + SETTLING

    async_at_started(hass, started)


def heard_at(
    hass: HomeAssistant, entity_id: str, kept: datetime | None = None
) -> datetime | None:
    """Return when the device of an entity was last heard; None where nobody knows.

    ``kept`` is what was known of that before Home Assistant was restarted.
    """
    now = dt_util.utcnow()
    moments = (moment for moment in _moments(hass, entity_id) if moment is not None)
    known = (*moments, *(() if kept is None else (kept,)))
    return max((each for each in known if can_have_been(each, now)), default=None)


def _moments(hass: HomeAssistant, entity_id: str) -> Iterator[datetime | None]:
    since = hass.data.get(_TELLING_SINCE)
    for each, is_about_the_way in _of_its_device(hass, entity_id):
        if (state := hass.states.get(each)) is None:
            continue
        yield _as_moment(state.attributes.get(_LAST_SEEN))
        if is_about_the_way:
            if _is_last_seen(each, state):
                yield _as_moment(state.state)
        elif _tells(state) and (since is None or state.last_reported > since):
            yield state.last_reported


def _of_its_device(hass: HomeAssistant, entity_id: str) -> Iterator[tuple[str, bool]]:
    """Return the entities of a device, and whether each is about the way to it only."""
    registry = er.async_get(hass)
    entry = registry.async_get(entity_id)
    yield entity_id, False
    if entry is None or entry.device_id is None:
        return
    for other in er.async_entries_for_device(registry, entry.device_id):
        if (
            other.entity_id != entity_id
            and other.domain in _DOMAINS
            and other.platform != DOMAIN
        ):
            names = (other.unique_id, other.entity_id, other.translation_key or "")
            yield (
                other.entity_id,
                any(name.endswith(_ABOUT_THE_WAY) for name in names),
            )


def _is_last_seen(entity_id: str, state: State) -> bool:
    return state.attributes.get(ATTR_DEVICE_CLASS) == "timestamp" or (
        entity_id.endswith(_LAST_SEEN)
    )


def _tells(state: State) -> bool:
    """Return whether a state can only come from the device."""
    return not (
        state.state in {STATE_UNAVAILABLE, STATE_UNKNOWN}
        or state.attributes.get(ATTR_RESTORED)
        or state.attributes.get(ATTR_ASSUMED_STATE)
        or state.attributes.get(ATTR_DEVICE_CLASS)
        == BinarySensorDeviceClass.CONNECTIVITY
        or (state.domain == LOCK_DOMAIN and state.state in _ORDERED)
    )


def _as_moment(told: object) -> datetime | None:
    """Return a moment as integrations write it: as a text, or in (milli)seconds."""
    if isinstance(told, datetime):
        return dt_util.as_utc(told)
    if isinstance(told, str):
        parsed = dt_util.parse_datetime(told)
        return dt_util.as_utc(parsed) if parsed else None
    if isinstance(told, int | float) and not isinstance(told, bool):
        try:
            return dt_util.utc_from_timestamp(
                told if told < _SECONDS_BELOW else told / 1000
            )
        except OSError, OverflowError, ValueError:
            return None
    return None
