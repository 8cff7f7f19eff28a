"""Zigbee locks behind a bridge that speaks MQTT as Zigbee2MQTT does.

What it publishes has the shapes of Zigbee2MQTT 2: the discovery messages of its Home
Assistant extension, the states of devices, and the requests for updates over the air.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
import json
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from .broker import HOST

BASE = "zigbee2mqtt"
_REQUESTS = f"{BASE}/bridge/request/device/ota_update/"
_VALUES = (
    "{{ {'installed_version': value_json['update']['installed_version'],"
    " 'latest_version': value_json['update']['latest_version'],"
    " 'update_percentage': value_json['update'].get('progress'),"
    " 'in_progress': value_json['update']['state'] == 'updating'} | tojson }}"
)
CONNECT_TIMEOUT = 10.0


class Ending(Enum):
    """How an update over the air goes."""

    SUCCESS = auto()
    LIE = auto()
    """"Success", and the old firmware runs."""
    FAILURE = auto()
    """The lock aborts halfway."""
    REFUSED = auto()
    """The lock will not begin with such a battery."""
    SILENT = auto()
    """The request is heard, and nothing happens."""
    STUCK = auto()
    """It stays at some percent for ever."""


@dataclass
class Script:
    """What the next updates of a lock will be like."""

    ending: Ending = Ending.SUCCESS
    seconds: float = 1.0
    """For the transfer."""
    steps: int = 5
    reboot: float = 0.2
    """Seconds during which the lock is not available."""
    bolt_afterwards: str | None = None
    """Where the bolt is found; as before where None."""


@dataclass(kw_only=True)
class ZigbeeLock:
    """A lock as Zigbee2MQTT knows it."""

    name: str
    ieee: str
    installed: int = 16_777_217
    latest: int = 16_777_217
    battery: int = 90
    manufacturer: str = "Danalock"
    model: str = "BT/ZB smartlock"
    model_id: str = "V3-BTZB"
    zigbee_model: str = "V3-BTZB"
    """What it calls itself on the radio."""
    zigbee_manufacturer: str = "Danalock"
    build: str = "17.4.0"
    bolt: str = "LOCK"
    jammed: bool = False
    contact: bool = True
    """Whether the door is shut."""
    updatable: bool = True
    """Whether the bridge can update it."""
    script: Script = field(default_factory=Script)
    state: str = "idle"
    progress: float | None = None

    @property
    def topic(self) -> str:
        """Where its state is."""
        return f"{BASE}/{self.name}"

    def payload(self) -> dict[str, Any]:
        """Return its state."""
        update: dict[str, Any] = {
            "state": self.state,
            "installed_version": self.installed,
            "latest_version": self.latest,
        }
        if self.progress is not None:
            update |= {"progress": self.progress, "remaining": 60}
        return {
            "state": self.bolt,
            "lock_state": (
                "not_fully_locked"
                if self.jammed
                else "locked"
                if self.bolt == "LOCK"
                else "unlocked"
            ),
            "battery": self.battery,
            "contact": self.contact,
            "update": update,
        }


class ZigbeeBridge:
    """The bridge: publishes its locks, and does what it is asked for."""

    def __init__(self, port: int) -> None:
        """Take the broker's port."""
        self._port = port
        self._connected = asyncio.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._message
        self._client.on_connect = lambda *_: self._call(self._connected.set)
        self._loop: asyncio.AbstractEventLoop
        self.locks: dict[str, ZigbeeLock] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        """What was asked for: the part of the topic after ``ota_update/``, and what."""
        self._updates: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        """Connect, and listen."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._client.connect, HOST, self._port)
        self._client.loop_start()
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await self._connected.wait()
        self._client.subscribe([(f"{BASE}/+/set", 1), (f"{_REQUESTS}#", 1)])
        self._publish(f"{BASE}/bridge/state", {"state": "online"})
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, and disconnect."""
        for task in self._updates.values():
            task.cancel()
        await asyncio.gather(*self._updates.values(), return_exceptions=True)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def add(self, lock: ZigbeeLock) -> ZigbeeLock:
        """Let a lock join, and tell Home Assistant what it is."""
        self.locks[lock.name] = lock
        for component, key, config in _discovery(lock):
            topic = f"homeassistant/{component}/{lock.ieee}/{key}/config"
            self._publish(topic, _common(lock, key) | config)
        self._publish_devices()
        self.tell(lock, available=True)
        return lock

    def _publish_devices(self) -> None:
        """Tell what the locks call themselves on the radio."""
        listed = [
            {
                "ieee_address": lock.ieee,
                "friendly_name": lock.name,
                "type": "EndDevice",
                "model_id": lock.zigbee_model,
                "manufacturer": lock.zigbee_manufacturer,
                "definition": {"vendor": lock.manufacturer, "model": lock.model_id},
            }
            for lock in self.locks.values()
        ]
        self._client.publish(f"{BASE}/bridge/devices", json.dumps(listed), 1, True)

    def remove(self, lock: ZigbeeLock) -> None:
        """Let a lock leave; its device vanishes from Home Assistant."""
        del self.locks[lock.name]
        for component, key, _ in _discovery(lock):
            self._client.publish(
                f"homeassistant/{component}/{lock.ieee}/{key}/config",
                "",
                1,
                retain=True,
            )

    def tell(self, lock: ZigbeeLock, *, available: bool | None = None) -> None:
        """Publish the state of a lock."""
        if available is not None:
            state = "online" if available else "offline"
            self._publish(f"{lock.topic}/availability", {"state": state})
        self._publish(lock.topic, lock.payload())

    def start_by_itself(self, lock: ZigbeeLock) -> None:
        """Let a lock begin to update though nobody has asked."""
        self._begin(lock)

    def _publish(self, topic: str, payload: dict[str, Any]) -> None:
        self._client.publish(topic, json.dumps(payload), 1, retain=True)

    # What it is asked for.

    def _call(self, what: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, *arguments)

    def _message(self, _: Client, __: object, message: MQTTMessage) -> None:
        self._call(self._asked, message.topic, message.payload.decode())

    def _asked(self, topic: str, text: str) -> None:
        if topic.startswith(_REQUESTS):
            verb, asked = topic.removeprefix(_REQUESTS), json.loads(text)
            self.requests.append((verb, asked))
            lock = next(
                each for each in self.locks.values() if asked["id"] == each.ieee
            )
            self._do(lock, verb)
            return
        lock = self.locks[topic.split("/")[1]]
        lock.bolt = text
        self.tell(lock)

    def _do(self, lock: ZigbeeLock, verb: str) -> None:
        if verb == "update/abort":
            if (task := self._updates.get(lock.name)) is not None:
                task.cancel()
        elif verb == "update":
            if lock.script.ending is Ending.REFUSED:
                self._answer(verb, lock, "battery too low")
            elif lock.script.ending is not Ending.SILENT:
                self._begin(lock)

    def _answer(self, verb: str, lock: ZigbeeLock, error: str | None = None) -> None:
        answer: dict[str, Any] = {"status": "ok", "data": {"id": lock.ieee}}
        if error is not None:
            answer |= {"status": "error", "error": error}
        self._publish(f"{BASE}/bridge/response/device/ota_update/{verb}", answer)

    def _begin(self, lock: ZigbeeLock) -> None:
        self._updates[lock.name] = asyncio.ensure_future(self._update(lock))

    async def _update(self, lock: ZigbeeLock) -> None:
        script = lock.script
        try:
            for step in range(script.steps):
                lock.state, lock.progress = "updating", 100 * step / script.steps
                self.tell(lock)
                await asyncio.sleep(script.seconds / script.steps)
                if step > script.steps / 2 and script.ending is Ending.FAILURE:
                    break
                if step and script.ending is Ending.STUCK:
                    await asyncio.Event().wait()
        finally:
            lock.state, lock.progress = "available", None
            self.tell(lock)
        if script.ending is Ending.FAILURE:
            self._answer("update", lock, "aborted by device")
            return
        self.tell(lock, available=False)
        await asyncio.sleep(script.reboot)
        if script.ending is Ending.SUCCESS:
            lock.installed, lock.state = lock.latest, "idle"
        if script.bolt_afterwards is not None:
            lock.bolt = script.bolt_afterwards
        self.tell(lock, available=True)
        self._answer("update", lock)


def _common(lock: ZigbeeLock, key: str) -> dict[str, Any]:
    """Return what all discovery messages of a lock say."""
    return {
        "unique_id": f"{lock.ieee}_{key}_zigbee2mqtt",
        "availability": [
            {
                "topic": f"{BASE}/bridge/state",
                "value_template": "{{ value_json.state }}",
            },
            {
                "topic": f"{lock.topic}/availability",
                "value_template": "{{ value_json.state }}",
            },
        ],
        "availability_mode": "all",
        "device": {
            "identifiers": [f"zigbee2mqtt_{lock.ieee}"],
            "name": lock.name,
            "manufacturer": lock.manufacturer,
            "model": lock.model,
            "model_id": lock.model_id,
            "sw_version": lock.build,
        },
        "origin": {
            "name": "Zigbee2MQTT",
            "sw": "2.12.0",
            "url": "https://www.zigbee2mqtt.io",
        },
        "state_topic": lock.topic,
    }


def _discovery(lock: ZigbeeLock) -> list[tuple[str, str, dict[str, Any]]]:
    """Return component, key and particulars of every entity."""
    entities: list[tuple[str, str, dict[str, Any]]] = [
        (
            "lock",
            "lock",
            {
                "name": None,
                "command_topic": f"{lock.topic}/set",
                "payload_lock": "LOCK",
                "payload_unlock": "UNLOCK",
                "state_locked": "LOCK",
                "state_unlocked": "UNLOCK",
                "value_template": (
                    "{{ 'JAMMED' if value_json.lock_state == 'not_fully_locked'"
                    " else value_json.state }}"
                ),
                "state_jammed": "JAMMED",
            },
        ),
        (
            "sensor",
            "battery",
            {
                "device_class": "battery",
                "unit_of_measurement": "%",
                "entity_category": "diagnostic",
                "value_template": "{{ value_json.battery }}",
            },
        ),
        (
            "binary_sensor",
            "contact",
            {
                "device_class": "door",
                "payload_on": False,
                "payload_off": True,
                "value_template": "{{ value_json.contact }}",
            },
        ),
        (
            "update",
            "update",
            {
                "name": None,
                "device_class": "firmware",
                "entity_category": "config",
                "command_topic": f"{_REQUESTS}update",
                "payload_install": json.dumps({"id": lock.ieee}),
                "value_template": _VALUES,
            },
        ),
    ]
    return [
        (component, key, config)
        for component, key, config in entities
        if component != "update" or lock.updatable
    ]
