"""Setting one setting of a lock to what it was, and seeing whether it took."""

import asyncio
from collections.abc import Callable
from datetime import datetime
import logging
from typing import Any

from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from ..core.records.redaction import ON, SettingKind, as_number
from ..core.records.settable import WhyNot
from ..core.records.snapshot import Reading, Setting
from .lock_settings import entity_of
from .zwave_settings import (
    CONFIGURATION_CC,
    DOMAIN as ZWAVE_DOMAIN,
    ValueId,
    kind_of_value,
)

_LOGGER = logging.getLogger(__name__)

# Seconds.
CALL_TIMEOUT = 60.0
CONFIRM_TIMEOUT = 30.0
"""For the lock to show what it was set to; it is on a battery."""
_LOOK_INTERVAL = 0.2

# The service of each kind of entity, and the field of the value.
_SERVICES = {
    SettingKind.DATE: ("set_value", "date"),
    SettingKind.DATETIME: ("set_value", "datetime"),
    SettingKind.NUMBER: ("set_value", "value"),
    SettingKind.SELECT: ("select_option", "option"),
    SettingKind.TEXT: ("set_value", "value"),
    SettingKind.TIME: ("set_value", "time"),
}

type Read = Callable[[], Reading]


class NotSetError(Exception):
    """A setting was not set back."""

    def __init__(self, why_not: WhyNot, detail: str = "") -> None:
        """Keep why, and what was said to it."""
        super().__init__(why_not, detail)
        self.why_not = why_not
        self.detail = detail


async def async_set_back(hass: HomeAssistant, wanted: Setting, read: Read) -> None:
    """Set a setting to what it was; raise ``NotSetError`` where that did not work.

    ``read`` says how the lock is set now; the lock must show it before this returns.
    """
    if wanted.fixed is not None:
        raise NotSetError(wanted.fixed)
    if wanted.value is None:
        raise NotSetError(WhyNot.UNAVAILABLE)
    now = read().find(wanted.key)
    if now is None:
        raise NotSetError(WhyNot.GONE)
    if now.fixed is not None:
        # By what it is called since, it is one that is left alone.
        raise NotSetError(now.fixed)
    if wanted.kind in {SettingKind.PARAMETER, SettingKind.LOCK_OPTION}:
        await _async_set_value(hass, ValueId.of_key(wanted.key), wanted, now)
    else:
        await _async_set_entity(hass, wanted, now)
    if not await _async_shows(wanted, read):
        raise NotSetError(WhyNot.NOT_CONFIRMED)


async def _async_set_entity(hass: HomeAssistant, wanted: Setting, now: Setting) -> None:
    assert wanted.value is not None
    entry = entity_of(hass, wanted.key)
    if entry is None or entry.disabled:
        raise NotSetError(WhyNot.GONE)
    _check(hass, entry, wanted, now)
    field: dict[str, Any] = {}
    if wanted.kind is SettingKind.SWITCH:
        service = "turn_on" if wanted.value == ON else "turn_off"
    else:
        service, name = _SERVICES[wanted.kind]
        value: object = wanted.value
        if wanted.kind is SettingKind.NUMBER:
            value = as_number(wanted.value)
        elif wanted.kind is SettingKind.DATETIME:
            value = datetime.fromisoformat(wanted.value)
        field = {name: value}
    await _async_call(
        hass, entry.domain, service, {ATTR_ENTITY_ID: entry.entity_id, **field}
    )


def _check(
    hass: HomeAssistant, entry: er.RegistryEntry, wanted: Setting, now: Setting
) -> None:
    """Raise where an entity cannot take a value; it would refuse in words of its own."""
    state = hass.states.get(entry.entity_id)
    if state is None or state.state == STATE_UNAVAILABLE:
        raise NotSetError(WhyNot.UNAVAILABLE)
    match wanted.kind:
        case SettingKind.SELECT:
            if wanted.value not in (state.attributes.get("options") or ()):
                raise NotSetError(WhyNot.NOT_AN_OPTION)
        case SettingKind.NUMBER:
            if wanted.unit != (now.unit or state.attributes.get("unit_of_measurement")):
                raise NotSetError(WhyNot.OTHER_UNIT)
            number = as_number(wanted.value or "")
            least, most = state.attributes.get("min"), state.attributes.get("max")
            if number is None or not (
                (least is None or least <= number) and (most is None or number <= most)
            ):
                raise NotSetError(WhyNot.OUT_OF_RANGE)


async def _async_set_value(
    hass: HomeAssistant, value_id: ValueId, wanted: Setting, now: Setting
) -> None:
    """Set a value of a Z-Wave node; only ever one that is a setting."""
    if kind_of_value(value_id) is not wanted.kind:
        raise NotSetError(WhyNot.SEEN_ONLY)
    if now.value is None:
        raise NotSetError(WhyNot.UNAVAILABLE)
    number = as_number(wanted.value or "")
    if number is None:
        raise NotSetError(WhyNot.OUT_OF_RANGE)
    data: dict[str, Any] = {
        ATTR_DEVICE_ID: value_id.device_id,
        "endpoint": value_id.endpoint,
        "value": value_id.raw(number),
    }
    if value_id.command_class == CONFIGURATION_CC:
        data["parameter"] = int(value_id.name)
        if value_id.property_key is not None:
            data["bitmask"] = int(value_id.property_key)
        await _async_call(hass, ZWAVE_DOMAIN, "set_config_parameter", data)
        return
    data |= {"command_class": value_id.command_class, "property": value_id.name}
    await _async_call(hass, ZWAVE_DOMAIN, "set_value", data)


async def _async_call(
    hass: HomeAssistant, domain: str, service: str, data: dict[str, Any]
) -> None:
    try:
        async with asyncio.timeout(CALL_TIMEOUT):
            await hass.services.async_call(domain, service, data, blocking=True)
    except TimeoutError:
        raise NotSetError(WhyNot.REFUSED, "timeout") from None
    except Exception as err:
        # Whatever somebody's integration raises.
        _LOGGER.debug("%s.%s: %r", domain, service, err)
        raise NotSetError(WhyNot.REFUSED, str(err) or type(err).__name__) from err


async def _async_shows(wanted: Setting, read: Read) -> bool:
    """Return whether the lock shows a setting as it was, within its time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + CONFIRM_TIMEOUT
    while (now := read().find(wanted.key)) is None or not wanted.is_same(now):
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(_LOOK_INTERVAL)
    return True
