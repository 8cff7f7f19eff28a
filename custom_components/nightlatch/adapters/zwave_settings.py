"""How a Z-Wave node is set: what zwave_js knows of it beyond its entities.

Most configuration parameters have no entity, or one that is disabled. They are read from
what zwave_js keeps of the node in memory; the node is not asked, and nothing of zwave_js
is imported: it need not be there. Values are identified as zwave-js does
(https://zwave-js.github.io/zwave-js/#/api/valueid).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
import logging
import re
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er

from ..core.records.redaction import Seen, SettingKind

_LOGGER = logging.getLogger(__name__)

DOMAIN = "zwave_js"

DOOR_LOCK_CC = 98
USER_CODE_CC = 99
CONFIGURATION_CC = 112
_KINDS = {
    CONFIGURATION_CC: SettingKind.PARAMETER,
    DOOR_LOCK_CC: SettingKind.LOCK_OPTION,
}
# Of the Door Lock command class, version 4: its configuration. Everything else of that
# class is the bolt.
_LOCK_OPTIONS = frozenset(
    {
        "autoRelockTime",
        "blockToBlock",
        "holdAndReleaseTime",
        "lockTimeoutConfiguration",
        "operationType",
        "twistAssist",
    }
)
# Those that are true or false; zwave-js takes no number for them.
_TRUTHS = frozenset({"blockToBlock", "twistAssist"})
# Of the User Code command class: the slot is free, and nothing is known of it.
_FREE, _STATUS_UNKNOWN = 0, 254
# Each is a question over the air to a lock on a battery.
_MOST_SLOTS_ASKED = 30
_NODE = re.compile(r"\d+-(\d+)")
# home id, node, command class, endpoint, property, property key
_UNIQUE_ID = re.compile(r"\d+\.\d+-(\d+)-(\d+)-([^-.]+)(?:-([^-.]+))?(?:\..*)?")


@dataclass(frozen=True, slots=True)
class ValueId:
    """What zwave-js calls one value of a node."""

    device_id: str
    """Of the node, in Home Assistant."""
    command_class: int
    endpoint: int
    name: str
    """Of the property."""
    property_key: str | None = None

    @property
    def key(self) -> str:
        """Return the key of a setting."""
        parts = [self.device_id, self.command_class, self.endpoint, self.name]
        if self.property_key is not None:
            parts.append(self.property_key)
        return ":".join(["zwave", *map(str, parts)])

    def raw(self, number: float) -> int | bool:
        """Return a value as zwave-js wants it."""
        return bool(number) if self.name in _TRUTHS else int(number)

    @classmethod
    def of_key(cls, key: str) -> ValueId:
        """Read what ``key`` gave."""
        _, device_id, command_class, endpoint, name, *rest = key.split(":")
        return cls(
            device_id,
            int(command_class),
            int(endpoint),
            name,
            rest[0] if rest else None,
        )


def kind_of_value(value_id: ValueId) -> SettingKind | None:
    """Return what a value is; None where it is no setting."""
    if value_id.command_class == DOOR_LOCK_CC and value_id.name not in _LOCK_OPTIONS:
        return None
    return _KINDS.get(value_id.command_class)


def value_of_entity(entry: er.RegistryEntry) -> ValueId | None:
    """Return the setting of a node that an entity of zwave_js stands for."""
    match = _UNIQUE_ID.fullmatch(entry.unique_id)
    if entry.platform != DOMAIN or match is None or entry.device_id is None:
        return None
    command_class, endpoint, name, property_key = match.groups()
    value_id = ValueId(
        entry.device_id, int(command_class), int(endpoint), name, property_key
    )
    return value_id if kind_of_value(value_id) is not None else None


def read_node(hass: HomeAssistant, device: dr.AnyDeviceEntry) -> list[Seen]:
    """Return how the node of a device is set; nothing where that cannot be seen."""
    try:
        if (node := _node_of(hass, device)) is None:
            return []
        found = list(_settings_of(device.id, node))
        # While it is interviewed, as after an update, what is known is from before.
        return found if node.ready else [replace(each, value=None) for each in found]
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        # Its insides are its own; it may have others one day.
        _LOGGER.debug("The node of %s cannot be read: %r", device.id, err)
        return []


async def async_ask_slots(
    hass: HomeAssistant, device: dr.AnyDeviceEntry, slots: Sequence[int]
) -> None:
    """Let a node say of some slots whether they are in use.

    After an update zwave-js believes what it knew before, where the lock's checksum of
    all codes seems to say so. What it is told it keeps to itself: nothing of it is
    looked at here. May raise anything.
    """
    if (node := _node_of(hass, device)) is None:
        return
    endpoint = node.endpoints[0]
    for info in endpoint.command_classes:
        if info.id == USER_CODE_CC:
            for slot in slots[:_MOST_SLOTS_ASKED]:
                await endpoint.async_invoke_cc_api(
                    info.command_class, "get", slot, wait_for_result=True
                )


def _node_of(hass: HomeAssistant, device: dr.AnyDeviceEntry) -> Any:
    """Return the node of a device, as zwave_js has it in memory."""
    entry = hass.config_entries.async_get_entry(device.config_entry_id or "")
    if (
        entry is None
        or entry.domain != DOMAIN
        or entry.state is not ConfigEntryState.LOADED
        or (driver := entry.runtime_data.client.driver) is None
    ):
        return None
    for domain, identifier in device.identifiers:
        if domain == DOMAIN and (match := _NODE.fullmatch(identifier)):
            return driver.controller.nodes.get(int(match[1]))
    return None


def _settings_of(device_id: str, node: Any) -> Iterator[Seen]:
    slots: dict[int, int] = {}
    for value in tuple(node.values.values()):
        value_id = ValueId(
            device_id,
            int(value.command_class),
            value.endpoint or 0,
            str(value.property_),
            None if value.property_key is None else str(value.property_key),
        )
        if (kind := kind_of_value(value_id)) is not None:
            if (seen := _seen(kind, value_id, value)) is not None:
                yield seen
        elif (
            value_id.command_class == USER_CODE_CC
            and value_id.name == "userIdStatus"
            and isinstance(value.value, int)
        ):
            slots[int(value.property_key)] = value.value
    if slots:
        known = {
            slot: status for slot, status in slots.items() if status != _STATUS_UNKNOWN
        }
        used = sorted(slot for slot, status in known.items() if status != _FREE)
        yield Seen(
            key=f"slots:{device_id}",
            kind=SettingKind.CODE_SLOTS,
            name="",
            value=",".join(map(str, used)) if known else None,
        )


def _seen(kind: SettingKind, value_id: ValueId, value: Any) -> Seen | None:
    """Return a value as a setting; None where it cannot be read, or is no number."""
    metadata = value.metadata
    if metadata.readable is False or not isinstance(value.value, int | None):
        return None
    text = None if value.value is None else str(int(value.value))
    return Seen(
        key=value_id.key,
        kind=kind,
        name=metadata.label or value.property_name or value_id.name,
        ids=(str(value.property_name or ""),),
        value=text,
        shown=(metadata.states or {}).get(text) if text else None,
        unit=metadata.unit or None,
        maximum=metadata.max,
        masked=bool(metadata.secret),
        writable=metadata.writeable is not False
        # The lock would have to be added anew for it to count.
        and not metadata.requires_re_inclusion,
    )
