"""A gateway of a maker, that tells over MQTT how its Bluetooth locks are.

It is what a household operates such locks with: it announces each to Home Assistant as
a device with a lock, a battery and two settings, and moves bolts when it is told to. It
knows nothing of firmware. Beside it Nightlatch brings the firmware, and looks here how
the lock is.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from .lock_body import Bolt, LockBody, Mode
from .mqtt_peer import MqttPeer
from .zigbee2mqtt import BOLT_SECONDS, DISCOVERY_PREFIX

BASE_TOPIC = "kestrel"
AUTO_LOCK, AUTO_LOCK_DELAY = "auto_lock", "auto_lock_delay"
FACTORY_SETTINGS = {AUTO_LOCK: "ON", AUTO_LOCK_DELAY: "30"}

_BRIDGE_STATE = f"{BASE_TOPIC}/state"
_ONLINE, _OFFLINE = "online", "offline"
_STATES = {Bolt.LOCKED: "LOCKED", Bolt.UNLOCKED: "UNLOCKED", Bolt.JAMMED: "JAMMED"}


@dataclass(kw_only=True)
class BridgedLock:
    """A lock, as its gateway knows it."""

    name: str
    lock: LockBody
    manufacturer: str = "Kestrel Locks"
    model: str = "Kestrel Motor"
    settings: dict[str, str] = field(default_factory=FACTORY_SETTINGS.copy)
    """How its owner has set it."""
    forgets_settings: bool = False
    """Whether other firmware begins with the factory's settings."""
    commands: list[str] = field(default_factory=list)
    """What its bolt was told."""
    version: str | None = None
    """What it ran when it was last heard."""

    @property
    def key(self) -> str:
        """What it is called in topics and entity ids."""
        return self.name.lower().replace(" ", "_")

    @property
    def topic(self) -> str:
        """Where it is told how it is."""
        return f"{BASE_TOPIC}/{self.key}"

    def heard(self) -> bool:
        """Return whether it is on the air; notice what other firmware does to it."""
        if self.lock.mode is not Mode.APPLICATION:
            return False
        before, self.version = self.version, self.lock.version
        if self.forgets_settings and before not in {None, self.version}:
            self.settings = FACTORY_SETTINGS.copy()
        return True


class BoltBridge:
    """The gateway: tells how its locks are, and does what it is asked for."""

    def __init__(self, *, host: str, port: int) -> None:
        """Know the broker."""
        self._peer = MqttPeer(host=host, port=port, received=self._received)
        self._tasks: set[asyncio.Task[None]] = set()
        self.locks: dict[str, BridgedLock] = {}
        """By their keys."""

    async def __aenter__(self) -> Self:
        """Connect to the broker."""
        await self._peer.open(
            (f"{BASE_TOPIC}/+/set", f"{BASE_TOPIC}/+/+/set"),
            will=(_BRIDGE_STATE, _OFFLINE),
        )
        self._peer.publish(_BRIDGE_STATE, _ONLINE)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop as a service is stopped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._peer.publish(_BRIDGE_STATE, _OFFLINE)
        await self._peer.close()

    def add(self, bridged: BridgedLock) -> BridgedLock:
        """Take a lock, and tell Home Assistant what it is."""
        self.locks[bridged.key] = bridged
        for topic, config in _discovery(bridged):
            self._peer.publish_json(topic, config)
        bridged.lock.on_change(lambda: self.tell(bridged))
        self.tell(bridged)
        return bridged

    def tell(self, bridged: BridgedLock) -> None:
        """Publish how a lock is; of one that is not on the air, only that it is not."""
        availability = f"{bridged.topic}/availability"
        if not bridged.heard():
            self._peer.publish(availability, _OFFLINE)
            return
        self._peer.publish(bridged.topic, _STATES[bridged.lock.bolt])
        self._peer.publish(f"{bridged.topic}/battery", str(bridged.lock.battery))
        for setting, value in bridged.settings.items():
            self._peer.publish(f"{bridged.topic}/{setting}", value)
        self._peer.publish(availability, _ONLINE)

    # What comes in.

    def _received(self, topic: str, text: str) -> None:
        _, key, *rest = topic.split("/")
        bridged = self.locks.get(key)
        if bridged is None or bridged.lock.mode is not Mode.APPLICATION:
            return
        if len(rest) == 1:
            bridged.commands.append(text)
            self._spawn(self._move_bolt(bridged, locked=text == "LOCK"))
        else:
            bridged.settings[rest[0]] = text
            self.tell(bridged)

    async def _move_bolt(self, bridged: BridgedLock, *, locked: bool) -> None:
        """Move a bolt; one that is jammed stays where it is."""
        await asyncio.sleep(BOLT_SECONDS)
        if bridged.lock.bolt is Bolt.JAMMED:
            self.tell(bridged)
        else:
            bridged.lock.move_bolt(Bolt.LOCKED if locked else Bolt.UNLOCKED)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _discovery(bridged: BridgedLock) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield topic and message of every entity of a lock."""
    for component, key, config in _entities(bridged):
        suffix = f"_{key}" if key else ""
        yield (
            f"{DISCOVERY_PREFIX}/{component}/{bridged.key}{suffix}/config",
            {
                "unique_id": f"{BASE_TOPIC}_{bridged.key}{suffix}",
                "default_entity_id": f"{component}.{bridged.key}{suffix}",
                "availability": [
                    {"topic": _BRIDGE_STATE},
                    {"topic": f"{bridged.topic}/availability"},
                ],
                "availability_mode": "all",
                "device": {
                    "identifiers": [f"{BASE_TOPIC}_{bridged.key}"],
                    "name": bridged.name,
                    "manufacturer": bridged.manufacturer,
                    "model": bridged.model,
                },
                "origin": {"name": "Kestrel gateway"},
                **config,
            },
        )


def _entities(bridged: BridgedLock) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield component, key and particulars of every entity of a lock."""
    topic = bridged.topic
    yield (
        "lock",
        "",
        {"name": None, "state_topic": topic, "command_topic": f"{topic}/set"},
    )
    yield (
        "sensor",
        "battery",
        {
            "state_topic": f"{topic}/battery",
            "device_class": "battery",
            "unit_of_measurement": "%",
            "state_class": "measurement",
            "entity_category": "diagnostic",
        },
    )
    yield (
        "switch",
        AUTO_LOCK,
        {
            "name": "Auto-lock",
            "entity_category": "config",
            **_setting_topics(topic, AUTO_LOCK),
        },
    )
    yield (
        "number",
        AUTO_LOCK_DELAY,
        {
            "name": "Auto-lock delay",
            "entity_category": "config",
            "device_class": "duration",
            "unit_of_measurement": "s",
            "min": 10,
            "max": 300,
            **_setting_topics(topic, AUTO_LOCK_DELAY),
        },
    )


def _setting_topics(topic: str, setting: str) -> dict[str, str]:
    return {
        "state_topic": f"{topic}/{setting}",
        "command_topic": f"{topic}/{setting}/set",
    }
