"""How a lock is set: what the entities of its devices say, and what zwave_js knows.

Read only; ``setting_back`` sets. What is read goes through ``core.records.redaction``
before anybody sees it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from homeassistant.const import (
    ATTR_MODE,
    ATTR_UNIT_OF_MEASUREMENT,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    EntityCategory,
)
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.translation import async_translate_state

from ..const import DOMAIN
from ..core.records.redaction import OFF, ON, Seen, SettingKind, words_of
from ..core.records.snapshot import Reading
from .registry import device_of, main_device_of
from .zwave_settings import kind_of_value, read_node, value_of_entity

_KINDS = {
    "date": SettingKind.DATE,
    "datetime": SettingKind.DATETIME,
    "number": SettingKind.NUMBER,
    "select": SettingKind.SELECT,
    "switch": SettingKind.SWITCH,
    "text": SettingKind.TEXT,
    "time": SettingKind.TIME,
}
# What may be the bolt itself.
_ACTUATORS = frozenset({SettingKind.SELECT, SettingKind.SWITCH})
# What only shows how a lock is set, by the words in its name.
_FLAG_DOMAINS = frozenset({"binary_sensor", "sensor"})
_FLAG_WORDS = ("calibrat", "auto lock", "auto relock", "auto unlock", "autolock")
# Attributes of lock entities that are settings; no other is ever looked at.
_ATTRIBUTES = frozenset(
    {
        "auto_lock",
        "auto_lock_delay",
        "auto_lock_enabled",
        "auto_lock_time",
        "auto_relock",
        "auto_relock_time",
        "calibrated",
        "calibration",
        "language",
        "one_touch_locking",
        "operating_mode",
        "pin_code_usage",
        "privacy_mode",
        "relock_enabled",
        "relock_seconds",
        "sound_volume",
        "vacation_mode",
        "volume",
    }
)
# Of Zigbee2MQTT: by the number of the slot, with its status, and the code where somebody
# has asked for that to be shown.
_USERS = "users"
_FREE = "available"


def entity_key(entry: er.RegistryEntry) -> str:
    """Return the key of the setting that an entity is; it outlives a new name."""
    return f"entity:{entry.id}"


def entity_of(hass: HomeAssistant, key: str) -> er.RegistryEntry | None:
    """Return the entity that a setting is."""
    kind, _, entry_id = key.partition(":")
    return er.async_get(hass).async_get(entry_id) if kind == "entity" else None


def read_settings(hass: HomeAssistant, anchors: Iterable[str]) -> Reading:
    """Return how a lock is set, as far as that can be seen.

    ``anchors`` are entities of the lock; all that belongs to their devices counts, but
    for what is ours.
    """
    return Reading.of(_all_seen(hass, anchors))


def entities_of(hass: HomeAssistant, anchors: Iterable[str]) -> list[er.RegistryEntry]:
    """Return the entities of a lock's devices that others have made."""
    registry = er.async_get(hass)
    return [
        entry
        for device in _devices(hass, anchors)
        for entry in er.async_entries_for_device(registry, device.id)
        if entry.platform != DOMAIN
    ]


def _all_seen(hass: HomeAssistant, anchors: Iterable[str]) -> Iterator[Seen]:
    anchors = tuple(anchors)
    for device in _devices(hass, anchors):
        # These first: they say more than the entities that some of them have as well.
        yield from read_node(hass, device)
    for entry in entities_of(hass, anchors):
        yield from _seen_of(hass, entry)


def _devices(
    hass: HomeAssistant, anchors: Iterable[str]
) -> Iterator[dr.AnyDeviceEntry]:
    """Return the devices of a lock, and the parts of those; each once, none of ours."""
    registry = dr.async_get(hass)
    found: dict[str, dr.AnyDeviceEntry] = {}
    for anchor in anchors:
        if (main := main_device_of(hass, anchor)) is not None:
            found[main.id] = main
            parts = dr.async_entries_for_parent_device(registry, main.id)
            found |= {part.id: part for part in parts}
    for device in found.values():
        owner = hass.config_entries.async_get_entry(device.config_entry_id or "")
        if owner is None or owner.domain != DOMAIN:
            yield device


def _seen_of(hass: HomeAssistant, entry: er.RegistryEntry) -> Iterator[Seen]:
    state = _state(hass, entry)
    if (kind := _KINDS.get(entry.domain)) is not None:
        if kind not in _ACTUATORS or not _is_main_feature(hass, entry):
            yield _seen(hass, entry, kind, state)
    elif entry.domain in _FLAG_DOMAINS:
        if _is_flag(entry):
            yield _seen(hass, entry, SettingKind.FLAG, state)
    elif entry.domain == "lock":
        yield from _seen_of_lock(entry, state.attributes if state else {})


def _seen(
    hass: HomeAssistant, entry: er.RegistryEntry, kind: SettingKind, state: State | None
) -> Seen:
    attributes: Mapping[str, Any] = state.attributes if state else {}
    original = entry.original_name_unprefixed or entry.original_name
    named = Seen(
        key=entity_key(entry),
        kind=kind,
        name=_name(entry),
        labels=tuple(filter(None, (original, entry.translation_key))),
        ids=(entry.entity_id, entry.unique_id),
        value=None,
        configures=entry.entity_category is EntityCategory.CONFIG,
    )
    if (value_id := value_of_entity(entry)) is not None:
        # The node itself says more; if it says nothing, nobody knows.
        return replace(named, key=value_id.key, kind=kind_of_value(value_id) or kind)
    return replace(
        named,
        value=state.state if state else None,
        shown=_shown(hass, entry, state) if state else None,
        unit=attributes.get(ATTR_UNIT_OF_MEASUREMENT),
        options=tuple(map(str, attributes.get("options") or ())),
        maximum=_number(attributes.get("max")),
        masked=attributes.get(ATTR_MODE) == "password",
    )


def _seen_of_lock(
    entry: er.RegistryEntry, attributes: Mapping[str, Any]
) -> Iterator[Seen]:
    """Return which attributes of a lock entity are settings, and which slots are used."""
    for name in sorted(_ATTRIBUTES & attributes.keys()):
        value = attributes[name]
        if isinstance(value, bool):
            value = ON if value else OFF
        yield Seen(
            key=f"attribute:{entry.id}:{name}",
            kind=SettingKind.FLAG,
            name=name.replace("_", " ").capitalize(),
            value=None if value is None else str(value),
        )
    users = attributes.get(_USERS)
    if isinstance(users, Mapping) and users:
        yield Seen(
            key=f"slots:{entry.id}",
            kind=SettingKind.CODE_SLOTS,
            name="",
            value=",".join(
                str(slot)
                for slot, user in users.items()
                if isinstance(user, Mapping) and user.get("status", _FREE) != _FREE
            ),
        )


def _state(hass: HomeAssistant, entry: er.RegistryEntry) -> State | None:
    """Return the state of an entity, if it has one that means something."""
    state = hass.states.get(entry.entity_id)
    if state is None or state.state in {STATE_UNAVAILABLE, STATE_UNKNOWN}:
        return None
    return state


def _name(entry: er.RegistryEntry) -> str:
    """Return what people call an entity on its device's page."""
    return (
        entry.name
        or entry.original_name_unprefixed
        or entry.original_name
        or entry.entity_id.partition(".")[2].replace("_", " ").capitalize()
    )


def _shown(hass: HomeAssistant, entry: er.RegistryEntry, state: State) -> str:
    return async_translate_state(
        hass,
        state.state,
        entry.domain,
        entry.platform,
        entry.translation_key,
        entry.device_class or entry.original_device_class,
    )


def _is_main_feature(hass: HomeAssistant, entry: er.RegistryEntry) -> bool:
    """Return whether an entity is what its device is for: with a lock, the bolt."""
    device = device_of(hass, entry.entity_id)
    return not entry.original_name or (
        device is not None and entry.original_name in {device.name, device.name_by_user}
    )


def _is_flag(entry: er.RegistryEntry) -> bool:
    if "state_class" in (entry.capabilities or {}):
        # It is measured, not set.
        return False
    words = words_of(f"{entry.original_name or ''} {entry.translation_key or ''}")
    return any(each in words for each in _FLAG_WORDS)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
