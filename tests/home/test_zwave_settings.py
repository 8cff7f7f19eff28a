"""How a Z-Wave node is set, as zwave_js keeps it in memory.

The node and its values are those of the library that zwave_js uses; what it would send
goes nowhere. The group ``tests/zwave`` has a real network.
"""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]
from zwave_js_server.model.node import Node

from custom_components.nightlatch.adapters.asking import async_ask
from custom_components.nightlatch.adapters.lock_settings import read_settings
from custom_components.nightlatch.adapters.setting_back import (
    NotSetError,
    async_set_back,
)
from custom_components.nightlatch.adapters.zwave_settings import ValueId
from custom_components.nightlatch.core.records.redaction import SettingKind
from custom_components.nightlatch.core.records.settable import WhyNot
from custom_components.nightlatch.core.records.snapshot import Reading, Setting
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import device_registry as dr, entity_registry as er

LOCK = "lock.zwave"
NODE_ID = 2
CODE = "471108"


def value(
    command_class: int, name: int | str, now: Any, key: int | None = None, **fields: Any
) -> dict[str, Any]:
    """Return a value as the server tells it."""
    return {
        "commandClass": command_class,
        "commandClassName": "?",
        "endpoint": 0,
        "property": name,
        "propertyName": str(name),
        **({} if key is None else {"propertyKey": key}),
        **({} if now is None else {"value": now}),
        "ccVersion": 4,
        "metadata": {"type": "number", "readable": True, "writeable": True, **fields},
    }


VALUES = [
    value(112, 1, 45, label="Auto-relock time", unit="s", min=0, max=300),
    value(112, 2, 3, 255, label="Volume", min=0, max=5, states={"3": "Loud"}),
    value(112, 3, 1, label="Reset to factory defaults"),
    value(112, 4, 9, label="Serial number", writeable=False),
    value(112, 5, 7, label="Last command", readable=False),
    value(112, 6, int(CODE), label="Master code", max=999_999),
    value(112, 7, 12, label="Hidden", secret=True, max=20),
    value(112, 8, None, label="Never read"),
    value(112, 9, "text", label="Odd"),
    value(112, 10, 1, label="Region", requiresReInclusion=True),
    value(98, "operationType", 1, label="Operation type", states={"1": "Constant"}),
    value(98, "twistAssist", True, label="Twist assist"),
    value(98, "currentMode", 255, label="Current mode"),
    value(98, "targetMode", 255, label="Target mode"),
    value(99, "userIdStatus", 1, 1),
    value(99, "userCode", CODE, 1),
    value(99, "userIdStatus", 0, 2),
    value(99, "userIdStatus", 254, 3),
    value(99, "userIdStatus", 2, 4),
    value(99, "userIdStatus", None, 5),
]


class Client:
    """Keeps what would be sent, and lets the node have it at once."""

    def __init__(self) -> None:
        """Begin with a driver that knows nobody."""
        self.sent: list[dict[str, Any]] = []
        self.driver: Any = SimpleNamespace(controller=SimpleNamespace(nodes={}))

    async def async_send_command(self, message: dict[str, Any], **_: Any) -> Any:
        """Keep it."""
        self.sent.append(message)
        return {"response": {"userIdStatus": 1, "userCode": CODE}}


class Network:
    """A node, its device and entities, and the actions of zwave_js."""

    def __init__(self, hass: HomeAssistant, **node: Any) -> None:
        """Put it up."""
        self.hass = hass
        self.client = Client()
        self.entry = MockConfigEntry(domain="zwave_js", state=ConfigEntryState.LOADED)
        self.entry.add_to_hass(hass)
        self.entry.runtime_data = SimpleNamespace(client=self.client)
        self.device = dr.async_get(hass).async_get_or_create(
            config_entry_id=self.entry.entry_id,
            identifiers={
                ("zwave_js", f"3245146787-{NODE_ID}-1:2:3"),
                ("zwave_js", f"3245146787-{NODE_ID}"),
            },
            name="Zwave",
        )
        self.add_entity("lock", "98-0-currentMode", "zwave")
        data: Any = {
            "nodeId": NODE_ID,
            "index": 0,
            "ready": True,
            "values": VALUES,
            "endpoints": [
                {
                    "nodeId": NODE_ID,
                    "index": 0,
                    "commandClasses": [
                        {"id": 98, "name": "?", "version": 4, "isSecure": True},
                        {"id": 99, "name": "?", "version": 2, "isSecure": True},
                    ],
                }
            ],
            **node,
        }
        self.node = Node(self.client, data)  # type: ignore[arg-type]
        self.client.driver.controller.nodes[NODE_ID] = self.node
        self.calls: list[ServiceCall] = []
        self.takes = True
        for service in ("set_config_parameter", "set_value"):
            hass.services.async_register("zwave_js", service, self._called)

    def add_entity(self, domain: str, value_id: str, name: str) -> er.RegistryEntry:
        """Let zwave_js have an entity for a value."""
        return er.async_get(self.hass).async_get_or_create(
            domain,
            "zwave_js",
            f"3245146787.{NODE_ID}-{value_id}",
            suggested_object_id=name,
            original_name=name.capitalize(),
            config_entry=self.entry,
            device_id=self.device.id,
        )

    async def _called(self, call: ServiceCall) -> None:
        self.calls.append(call)
        if self.takes:
            data = call.data
            name = data["parameter"] if "parameter" in data else data["property"]
            key = call.data.get("bitmask")
            self.become(name, call.data["value"], key)

    def become(self, name: int | str, now: Any, key: int | None = None) -> None:
        """Let a value be another one."""
        for each in self.node.values.values():
            if (each.property_, each.property_key) == (name, key):
                each.update({"newValue": now})

    def read(self) -> Reading:
        """Return how the lock is set."""
        return read_settings(self.hass, [LOCK])

    def values(self) -> dict[str, tuple[str | None, WhyNot | None]]:
        """Return what is known of each setting, and why it can never be set."""
        return {
            each.name or each.kind: (each.value, each.fixed)
            for each in self.read().settings
        }

    def setting(self, name: str) -> Setting:
        """Return one of them."""
        return next(each for each in self.read().settings if each.name == name)


@pytest.fixture
def network(hass: HomeAssistant) -> Network:
    """Put up a network with a lock."""
    return Network(hass)


def test_what_is_read(network: Network) -> None:
    """Parameters, options of the lock, and slots; never the bolt, and no code."""
    assert network.values() == {
        "Auto-relock time": ("45", None),
        "Volume": ("3", None),
        "Serial number": ("9", WhyNot.SEEN_ONLY),
        "Master code": ("set", WhyNot.SECRET),
        "Hidden": ("set", WhyNot.SECRET),
        "Never read": (None, None),
        "Region": ("1", WhyNot.SEEN_ONLY),
        "Operation type": ("1", None),
        "Twist assist": ("1", None),
        "code_slots": ("1,4", WhyNot.CODES),
    }
    assert network.setting("Volume").shown == "Loud"
    assert network.setting("Auto-relock time").unit == "s"
    kept = json.dumps([each.to_dict() for each in network.read().settings])
    assert CODE not in kept


def test_a_node_that_is_interviewed(hass: HomeAssistant) -> None:
    """What is known of it is from before the update."""
    network = Network(hass, ready=False)
    values = network.values()
    assert values["Auto-relock time"] == (None, None)
    assert values["code_slots"] == (None, WhyNot.CODES)


def test_nothing_is_known_of_any_slot(hass: HomeAssistant) -> None:
    """Then it is not that none is in use."""
    network = Network(hass, values=[value(99, "userIdStatus", 254, 1)])
    assert network.values() == {"code_slots": (None, WhyNot.CODES)}


def test_an_entity_for_a_parameter_counts_once(network: Network) -> None:
    """By the same key, whether or not the node can be read."""
    network.add_entity("number", "112-0-1", "relock")
    network.add_entity("select", "112-0-2-255", "volume")
    network.add_entity("number", "49-0-1", "other")
    network.hass.states.async_set("number.relock", "45")
    assert network.values()["Auto-relock time"] == ("45", None)
    assert "Relock" not in network.values()
    keys = {each.key for each in network.read().settings}
    network.client.driver = None
    unread = network.read()
    assert {each.name for each in unread.settings} == {"Relock", "Volume", "Other"}
    assert all(each.value is None for each in unread.settings)
    assert {
        each.key for each in unread.settings if each.name in {"Relock", "Volume"}
    } <= keys


@pytest.mark.parametrize("how", ["unloaded", "gone", "others", "changed"])
def test_a_node_that_cannot_be_read(network: Network, how: str) -> None:
    """Nothing is raised, whatever zwave_js is like by then."""
    match how:
        case "unloaded":
            network.entry.mock_state(network.hass, ConfigEntryState.NOT_LOADED)
        case "gone":
            del network.client.driver.controller.nodes[NODE_ID]
        case "others":
            dr.async_get(network.hass).async_update_device(
                network.device.id, new_identifiers={("zwave_js", "no number")}
            )
        case "changed":
            network.entry.runtime_data = object()
    assert network.read() == Reading()


# Setting.


async def test_a_parameter_is_set(network: Network) -> None:
    """Through zwave_js, by the number of the parameter; and it is seen that it took."""
    wanted, partial = network.setting("Auto-relock time"), network.setting("Volume")
    network.become(1, 0)
    network.become(2, 0, 255)
    for each in (wanted, partial):
        await async_set_back(network.hass, each, network.read)
    first, second = (dict(call.data) for call in network.calls)
    device = {"device_id": network.device.id, "endpoint": 0}
    assert first == {**device, "parameter": 1, "value": 45}
    assert second == {**device, "parameter": 2, "bitmask": 255, "value": 3}
    assert network.setting("Auto-relock time") == wanted


async def test_an_option_of_the_lock_is_set(network: Network) -> None:
    """True or false where it is that."""
    wanted = network.setting("Twist assist")
    network.become("twistAssist", False)
    await async_set_back(network.hass, wanted, network.read)
    (call,) = network.calls
    assert call.service == "set_value"
    assert call.data == {
        "device_id": network.device.id,
        "endpoint": 0,
        "command_class": 98,
        "property": "twistAssist",
        "value": True,
    }


async def refusal(network: Network, wanted: Setting) -> WhyNot:
    """Return why a setting is not set back."""
    with pytest.raises(NotSetError) as caught:
        await async_set_back(network.hass, wanted, network.read)
    return caught.value.why_not


async def test_what_is_not_set(network: Network) -> None:
    """And why; of the bolt not even where somebody has forged a snapshot."""
    relock = network.setting("Auto-relock time")
    bolt = Setting(
        key=ValueId(network.device.id, 98, 0, "targetMode").key,
        kind=SettingKind.LOCK_OPTION,
        name="Target mode",
        value="0",
    )
    assert await refusal(network, bolt) is WhyNot.GONE
    assert await refusal(network, network.setting("Master code")) is WhyNot.SECRET
    slots = network.setting("")
    assert await refusal(network, slots) is WhyNot.CODES
    unknown = network.setting("Never read")
    assert await refusal(network, unknown) is WhyNot.UNAVAILABLE
    network.takes = False
    network.become(1, 0)
    assert await refusal(network, relock) is WhyNot.NOT_CONFIRMED
    network.become(1, None)
    assert await refusal(network, relock) is WhyNot.UNAVAILABLE
    assert len(network.calls) == 1


async def test_what_is_forged_is_not_set(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only values that are settings are ever set, whatever was read."""
    bolt = Setting(
        key=ValueId(network.device.id, 98, 0, "targetMode").key,
        kind=SettingKind.LOCK_OPTION,
        name="Target mode",
        value="0",
    )
    monkeypatch.setattr(network, "read", lambda: Reading(settings=(bolt,)))
    assert await refusal(network, bolt) is WhyNot.SEEN_ONLY
    odd = Setting(
        key=ValueId(network.device.id, 112, 0, "1").key,
        kind=SettingKind.PARAMETER,
        name="Odd",
        value="much",
    )
    monkeypatch.setattr(network, "read", lambda: Reading(settings=(odd,)))
    assert await refusal(network, odd) is WhyNot.OUT_OF_RANGE
    renamed = Setting(
        key=odd.key,
        kind=odd.kind,
        name="PIN",
        value="set",
        fixed=WhyNot.SECRET,
    )
    monkeypatch.setattr(network, "read", lambda: Reading(settings=(renamed,)))
    assert await refusal(network, odd) is WhyNot.SECRET
    assert network.calls == []


# Asking.


async def test_the_lock_itself_is_asked_for_its_slots(network: Network) -> None:
    """After an update zwave-js may believe what it knew before."""
    await async_ask(network.hass, network.read().settings)
    assert [each["args"] for each in network.client.sent] == [[1], [4]]
    assert {each["methodName"] for each in network.client.sent} == {"get"}


async def test_asking_raises_nothing(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the other integration does."""
    slots = network.setting("")
    entity = network.add_entity("number", "49-0-1", "other")
    other = Setting(
        key=f"entity:{entity.id}", kind=SettingKind.NUMBER, name="Other", value="1"
    )

    async def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(network.client, "async_send_command", fail)
    # Nor is there an action to ask for the rest.
    await async_ask(network.hass, [slots, other])
    network.client.driver = None
    await async_ask(network.hass, [slots])
    dr.async_get(network.hass).async_remove_device(network.device.id)
    await async_ask(network.hass, [slots])
