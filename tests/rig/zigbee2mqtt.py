"""Zigbee locks behind a bridge that talks MQTT the way Zigbee2MQTT 2 does.

The topics and the shapes of messages are those of its Home Assistant extension and of
its requests for updates over the air; the Zigbee network behind it is a script.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
import json
from typing import Any, Self, override

from .mqtt_peer import MqttPeer
from .ota_script import BoltAfterwards, OtaEnding, OtaScript, Updatable, play

BASE_TOPIC = "zigbee2mqtt"
DISCOVERY_PREFIX = "homeassistant"
COORDINATOR = "0x00124b0024c0ffee"
BRIDGE_DEVICE = f"{BASE_TOPIC}_bridge_{COORDINATOR}"
VERSION = "2.14.1"

BOLT_SECONDS = 0.05
"""How long the motor takes."""

_OTA = "device/ota_update/"
_REQUESTS = f"{BASE_TOPIC}/bridge/request/{_OTA}"
_RESPONSES = f"{BASE_TOPIC}/bridge/response/{_OTA}"
_LOW_BATTERY = 15


@dataclass(kw_only=True)
class ZigbeeLock:
    """A lock, as the bridge knows it."""

    friendly_name: str
    ieee_address: str
    manufacturer: str = "Danalock"
    model: str = "BT/ZB smartlock"
    model_id: str = "V3-BTZB"
    manufacturer_code: int = 0x115C
    image_type: int = 4
    """With the manufacturer's code what an image of firmware is looked up by. The
    bridge keeps both to itself."""
    sw_build_id: str = "17.4.0"
    installed_version: int = 285_474_816
    """What the bridge says; after an update the image's, whatever the lock runs."""
    runs: int | None = None
    """What the lock says when it is asked; as long as it is None, the same."""
    latest_version: int = 285_474_816
    battery: int = 90
    contact: bool = True
    """Whether the door is closed."""
    locked: bool = True
    jammed: bool = False
    shows_jam: bool = False
    """Whether the lock entity tells a jam. As it comes it tells "unlocked"; an owner
    can give the bridge another template."""
    users: dict[str, dict[str, str]] | None = None
    """Who may open it: by the number of the slot its status, and the code where the
    owner lets the bridge show that. None where the bridge cannot read it."""
    available: bool = True
    deaf: bool = False
    """Whether it hears nothing when it is asked what it runs."""
    tells_availability: bool = False
    """Whether the owner lets the bridge tell of each lock if it is there."""
    updatable: bool = True
    """Whether the bridge can update it."""
    script: OtaScript = field(default_factory=OtaScript)
    update_state: str = "idle"
    latest_source: str | None = None
    """Where the image is that is on offer."""
    latest_release_notes: str | None = None
    progress: float | None = None
    remaining: float | None = None

    def __post_init__(self) -> None:
        """Say from the beginning that something newer is known."""
        if self.installed_version != self.latest_version:
            self.update_state = "available"

    @property
    def topic(self) -> str:
        """Where its state is published."""
        return f"{BASE_TOPIC}/{self.friendly_name}"

    @property
    def up_to_date(self) -> bool:
        """Whether nothing newer is known."""
        return self.installed_version == self.latest_version

    def payload(self) -> dict[str, Any]:
        """Return its state."""
        secured = self.locked and not self.jammed
        lock_state = "locked" if secured else "unlocked"
        return {
            "state": "LOCK" if secured else "UNLOCK",
            "lock_state": "not_fully_locked" if self.jammed else lock_state,
            "battery": self.battery,
            "battery_low": self.battery < _LOW_BATTERY,
            "contact": self.contact,
            "linkquality": 120,
            "update": self._update(),
            **({} if self.users is None else {"users": self.users}),
        }

    def _update(self) -> dict[str, Any]:
        update: dict[str, Any] = {
            "state": self.update_state,
            "installed_version": self.installed_version,
            "latest_version": self.latest_version,
            "latest_source": self.latest_source,
            "latest_release_notes": self.latest_release_notes,
        }
        if self.progress is not None:
            update["progress"] = self.progress
        if self.remaining is not None:
            update["remaining"] = round(self.remaining)
        return update

    def rest(self, update_state: str | None = None) -> None:
        """Be done with a transfer, whatever came of it."""
        self.progress = self.remaining = None
        self.update_state = update_state or ("idle" if self.up_to_date else "available")

    def answer(self) -> None:
        """Say what it runs."""
        if self.runs is not None:
            self.installed_version, self.runs = self.runs, None

    def find_bolt(self) -> None:
        """Look for the bolt after a reboot."""
        match self.script.bolt_afterwards:
            case BoltAfterwards.JAMMED:
                self.jammed = True
            case BoltAfterwards.UNLOCKED:
                self.locked = self.jammed = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the bridge was asked for."""

    verb: str
    """What comes after ``ota_update/`` in the topic."""
    payload: dict[str, Any]


class Zigbee2MqttBridge:
    """The bridge: tells what its locks are, and does what it is asked for."""

    def __init__(self, *, host: str, port: int) -> None:
        """Know the broker."""
        self._peer = MqttPeer(host=host, port=port, received=self._handle)
        self._updates: dict[str, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self.locks: dict[str, ZigbeeLock] = {}
        """By their IEEE addresses."""
        self.requests: list[Request] = []
        """For updates over the air, oldest first."""
        self.responses: list[tuple[str, dict[str, Any]]] = []
        """What it answered: the verb, and the message."""
        self.open_beside = 0
        """How many transfers are open though they were aborted."""
        self.begun_beside = 0
        """How many were begun while such a one was open."""
        self.commands: list[tuple[str, str]] = []
        """For bolts: the name of the lock, and what it was told."""

    async def __aenter__(self) -> Self:
        """Connect to the broker and say that the bridge is there."""
        await self._peer.open(
            (f"{BASE_TOPIC}/+/set", f"{_REQUESTS}#"),
            will=self._bridge_state("offline"),
        )
        self._publish(f"{BASE_TOPIC}/bridge/info", _bridge_info())
        self.tell_bridge_state("online")
        self._publish(*_bridge_discovery())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop as a service is stopped."""
        tasks = [*self._updates.values(), *self._others]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.tell_bridge_state("offline")
        await self._peer.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where the broker is."""
        return self._peer.address

    # The network.

    def add(self, lock: ZigbeeLock) -> ZigbeeLock:
        """Let a lock join, and tell Home Assistant what it is."""
        self.locks[lock.ieee_address] = lock
        self._publish_devices()
        for topic, config in _discovery(lock):
            self._publish(topic, config)
        self.tell(lock)
        if (delay := lock.script.starts_by_itself) is not None:
            self._spawn(self._start_later(lock, delay))
        return lock

    def remove(self, lock: ZigbeeLock) -> None:
        """Let a lock leave; Home Assistant forgets it."""
        self._cancel(lock)
        del self.locks[lock.ieee_address]
        for topic, _ in _discovery(lock):
            self._peer.publish(topic, "")
        self._publish_devices()

    def tell(self, lock: ZigbeeLock) -> None:
        """Publish how a lock is, after something of it was changed."""
        if lock.tells_availability:
            state = "online" if lock.available else "offline"
            self._publish(f"{lock.topic}/availability", {"state": state})
        self._publish(lock.topic, lock.payload())

    def tell_bridge_state(self, state: str) -> None:
        """Publish whether the bridge is there: ``online`` or ``offline``."""
        self._peer.publish(*self._bridge_state(state))

    def offer(self, lock: ZigbeeLock, version: int) -> None:
        """Let something newer be known for a lock."""
        lock.latest_version = version
        lock.rest()
        self.tell(lock)

    def start_by_itself(self, lock: ZigbeeLock) -> None:
        """Let a lock update now, though nobody asked."""
        self._begin(lock, asked=None)

    def wake(self, lock: ZigbeeLock) -> None:
        """Let a lock ask for an image, as locks do once in a while."""
        if lock.update_state == "scheduled":
            self._begin(lock, asked=None)

    def was_asked(self, verb: str) -> bool:
        """Tell whether there was a request; ``schedule`` counts its variants in."""
        return any(
            verb in {request.verb, request.verb.split("/")[0]}
            for request in self.requests
        )

    @staticmethod
    def _bridge_state(state: str) -> tuple[str, str]:
        return f"{BASE_TOPIC}/bridge/state", json.dumps({"state": state})

    def _publish_devices(self) -> None:
        devices = [_device(lock) for lock in self.locks.values()]
        self._publish(f"{BASE_TOPIC}/bridge/devices", devices)

    def _publish(self, topic: str, payload: object, *, retain: bool = True) -> None:
        self._peer.publish_json(topic, payload, retain=retain)

    # What comes in.

    def _handle(self, topic: str, text: str) -> None:
        if topic.startswith(_REQUESTS):
            self._requested(topic.removeprefix(_REQUESTS), text)
            return
        name = topic.removeprefix(f"{BASE_TOPIC}/").removesuffix("/set")
        self._commanded(name, text)

    def _commanded(self, name: str, text: str) -> None:
        """Move a bolt; a command is a word, or JSON that has one for the state."""
        with suppress(ValueError):
            text = json.loads(text)["state"]
        self.commands.append((name, text))
        for lock in self.locks.values():
            if lock.friendly_name == name and lock.available:
                self._spawn(self._move_bolt(lock, locked=text == "LOCK"))

    async def _move_bolt(self, lock: ZigbeeLock, *, locked: bool) -> None:
        await asyncio.sleep(BOLT_SECONDS)
        lock.locked = locked
        lock.jammed = False
        self.tell(lock)

    def _requested(self, verb: str, text: str) -> None:
        request = Request(verb=verb, payload=_request_payload(text))
        self.requests.append(request)
        lock = self._find(request.payload.get("id"))
        if lock is None:
            name = request.payload.get("id")
            self._refuse(request, f"Device '{name}' does not exist")
        elif verb == "update/abort":
            self._abort(lock, request)
        elif lock.ieee_address in self._updates:
            self._refuse(
                request,
                "OTA update or check for update already in progress for"
                f" '{lock.friendly_name}'",
            )
        else:
            self._serve(lock, request)

    def _serve(self, lock: ZigbeeLock, request: Request) -> None:
        match request.verb.split("/")[0]:
            case "check":
                self._spawn(self._check(lock, request))
            case "update":
                self._begin(lock, asked=request)
            case "schedule":
                lock.rest("scheduled")
                self.tell(lock)
                self._answer(request)
            case "unschedule":
                lock.rest("idle")
                self.tell(lock)
                self._answer(request)

    async def _check(self, lock: ZigbeeLock, request: Request) -> None:
        """Ask the lock itself: the only thing that does."""
        if lock.deaf or not lock.available or lock.script.ending is OtaEnding.SILENT:
            await asyncio.sleep(lock.script.silence)
            self._refuse(
                request,
                f"Failed to check if update available for '{lock.friendly_name}'"
                " (Device didn't respond to OTA request)",
            )
            return
        lock.answer()
        lock.rest()
        self.tell(lock)
        self._answer(request, update_available=not lock.up_to_date, downgrade=False)

    def _find(self, key: object) -> ZigbeeLock | None:
        """Return the lock with an address or a name."""
        for lock in self.locks.values():
            if key in {lock.ieee_address, lock.friendly_name}:
                return lock
        return None

    def _abort(self, lock: ZigbeeLock, request: Request) -> None:
        """Agree to stop a transfer, which stays open until the lock hears of it."""
        # Once it has the image, the lock goes on by itself.
        if lock.update_state == "updating" and lock.ieee_address in self._updates:
            lock.rest("available")
            self.tell(lock)
            self._answer(request)
            self._spawn(self._close_later(self._updates.pop(lock.ieee_address)))
            return
        self._refuse(
            request,
            f"No OTA in progress to abort for device '{lock.friendly_name}'",
        )

    async def _close_later(self, update: asyncio.Task[None]) -> None:
        self.open_beside += 1
        update.cancel()
        try:
            await asyncio.wait((update,))
        finally:
            self.open_beside -= 1
            update.cancel()
            await asyncio.wait((update,))

    # Answers.

    def _answer(self, request: Request, **data: object) -> None:
        data = {"id": request.payload.get("id"), **data}
        verb = request.verb.removesuffix("/downgrade")
        self._respond(verb, request, {"data": data, "status": "ok"})

    def _refuse(self, request: Request, error: str) -> None:
        # The bridge does not say which device an error is about.
        verb = request.verb.split("/")[0]
        response = {"data": {}, "error": error, "status": "error"}
        self._respond(verb, request, response)

    def _respond(self, verb: str, request: Request, response: dict[str, Any]) -> None:
        if (transaction := request.payload.get("transaction")) is not None:
            response["transaction"] = transaction
        self.responses.append((verb, response))
        self._publish(f"{_RESPONSES}{verb}", response, retain=False)

    # Updates.

    def _begin(self, lock: ZigbeeLock, *, asked: Request | None) -> None:
        key = lock.ieee_address
        if key in self._updates:
            return
        self.begun_beside += self.open_beside
        task = asyncio.ensure_future(self._update(lock, asked))
        self._updates[key] = task

        def forget(done: asyncio.Task[None]) -> None:
            # What was aborted is not there any more, and another may be.
            if self._updates.get(key) is done:
                del self._updates[key]

        task.add_done_callback(forget)

    async def _update(self, lock: ZigbeeLock, asked: Request | None) -> None:
        course = _Course(self, lock, asked)
        try:
            await play(lock.script, course)
        except asyncio.CancelledError:
            if lock.ieee_address not in self.locks:
                raise
            if asyncio.current_task() not in self._updates.values():
                # Aborted: the lock hears of it when it asks for its next block.
                await asyncio.sleep(lock.script.closing)
                course.failed(f"OTA for device {lock.ieee_address} was aborted")
            elif lock.update_state == "updating":
                course.failed("the bridge was stopped")
            raise

    async def _start_later(self, lock: ZigbeeLock, delay: float) -> None:
        await asyncio.sleep(delay)
        self.start_by_itself(lock)

    def _cancel(self, lock: ZigbeeLock) -> bool:
        task = self._updates.get(lock.ieee_address)
        return task is not None and task.cancel()

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)


class _Course(Updatable):
    """An update of one lock, as the bridge tells of it."""

    def __init__(
        self, bridge: Zigbee2MqttBridge, lock: ZigbeeLock, asked: Request | None
    ) -> None:
        self._bridge = bridge
        self._lock = lock
        self._asked = asked

    @override
    def transferring(self, percent: float, remaining: float) -> None:
        self._lock.update_state = "updating"
        self._lock.progress = round(percent, 2)
        self._lock.remaining = remaining
        self._bridge.tell(self._lock)

    @override
    def failed(self, reason: str) -> None:
        self._lock.rest("available" if self._asked is not None else None)
        self._bridge.tell(self._lock)
        if self._asked is not None:
            name = self._lock.friendly_name
            error = f"OTA update of '{name}' failed ({reason})"
            self._bridge._refuse(self._asked, error)

    @override
    def transferred(self) -> None:
        """Wait for the lock to announce itself; until then it is as it was before."""
        self.transferring(100, 0)

    @override
    def not_to_be_had(self) -> None:
        """Let it look as if the lock were up to date: that is what the bridge tells."""
        self._lock.latest_version = self._lock.installed_version
        self._lock.rest()
        self._bridge.tell(self._lock)
        if self._asked is not None:
            name = self._lock.friendly_name
            error = f"Update of '{name}' failed (No image currently available)"
            self._bridge._refuse(self._asked, error)

    @override
    async def go_away(self) -> None:
        self._lock.available = False
        self._bridge.tell(self._lock)

    @override
    async def come_back(self) -> None:
        """Report the image's version as the lock's: nobody asks the lock."""
        lock = self._lock
        before, new = lock.installed_version, lock.latest_version
        fell_back = lock.script.ending in {OtaEnding.FALL_BACK, OtaEnding.LIE}
        lock.runs = before if fell_back else new
        lock.installed_version = new
        lock.rest()
        lock.find_bolt()
        lock.available = True
        self._bridge.tell(lock)
        if self._asked is not None:
            build = lock.sw_build_id
            if not fell_back:
                lock.sw_build_id = f"{build}+"
            self._bridge._answer(
                self._asked,
                **{
                    "from": {"file_version": before, "software_build_id": build},
                    "to": {
                        "file_version": new,
                        "software_build_id": lock.sw_build_id,
                    },
                },
            )


def _request_payload(text: str) -> dict[str, Any]:
    """Return what a request says; it may be just the name of a device."""
    try:
        payload = json.loads(text)
    except ValueError:
        payload = text
    return payload if isinstance(payload, dict) else {"id": payload}


# What the bridge publishes of itself and of its devices.


def _bridge_info() -> dict[str, Any]:
    return {
        "version": VERSION,
        "coordinator": {"ieee_address": COORDINATOR, "type": "zStack3x0"},
        "config": {"mqtt": {"base_topic": BASE_TOPIC}},
        "permit_join": False,
        "restart_required": False,
    }


def _device(lock: ZigbeeLock) -> dict[str, Any]:
    """Return a lock's entry in the list of devices."""
    return {
        "ieee_address": lock.ieee_address,
        "friendly_name": lock.friendly_name,
        "type": "EndDevice",
        "supported": True,
        "disabled": False,
        "power_source": "Battery",
        "manufacturer": lock.manufacturer,
        "model_id": lock.model_id,
        "software_build_id": lock.sw_build_id,
        "interview_state": "SUCCESSFUL",
        "definition": {
            "source": "native",
            "vendor": lock.manufacturer,
            "model": lock.model_id,
            "description": lock.model,
            "supports_ota": lock.updatable,
        },
    }


def _origin() -> dict[str, str]:
    return {
        "name": "Zigbee2MQTT",
        "sw": VERSION,
        "url": "https://www.zigbee2mqtt.io",
    }


def _availability(topics: Iterable[str]) -> list[dict[str, str]]:
    return [
        {"topic": topic, "value_template": "{{ value_json.state }}"} for topic in topics
    ]


def _bridge_discovery() -> tuple[str, dict[str, Any]]:
    """Return an entity of the bridge, by which its device comes to be."""
    topic = f"{DISCOVERY_PREFIX}/binary_sensor/{BRIDGE_DEVICE}/connection_state/config"
    return topic, {
        "name": "Connection state",
        "unique_id": f"bridge_{COORDINATOR}_connection_state_{BASE_TOPIC}",
        "state_topic": f"{BASE_TOPIC}/bridge/state",
        "value_template": "{{ value_json.state }}",
        "payload_on": "online",
        "payload_off": "offline",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "device": {
            "identifiers": [BRIDGE_DEVICE],
            "name": "Zigbee2MQTT Bridge",
            "manufacturer": "Zigbee2MQTT",
            "model": "Bridge",
            "sw_version": VERSION,
        },
        "origin": _origin(),
    }


def _discovery(lock: ZigbeeLock) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield topic and message of every entity of a lock."""
    name = lock.friendly_name.lower().replace(" ", "_")
    for component, key, config in _entities(lock):
        suffix = "" if config.get("name", "") is None else f"_{key}"
        yield (
            f"{DISCOVERY_PREFIX}/{component}/{lock.ieee_address}/{key}/config",
            {
                "unique_id": f"{lock.ieee_address}_{key}_{BASE_TOPIC}",
                "default_entity_id": f"{component}.{name}{suffix}",
                "state_topic": lock.topic,
                "availability": _availability(
                    (
                        f"{BASE_TOPIC}/bridge/state",
                        *([f"{lock.topic}/availability"] * lock.tells_availability),
                    )
                ),
                # Only where there is more than one.
                **({"availability_mode": "all"} if lock.tells_availability else {}),
                "device": _device_block(lock),
                "origin": _origin(),
                **config,
            },
        )


def _device_block(lock: ZigbeeLock) -> dict[str, Any]:
    return {
        "identifiers": [f"{BASE_TOPIC}_{lock.ieee_address}"],
        "name": lock.friendly_name,
        "manufacturer": lock.manufacturer,
        "model": lock.model,
        "model_id": lock.model_id,
        "sw_version": lock.sw_build_id,
        "via_device": BRIDGE_DEVICE,
    }


def _entities(lock: ZigbeeLock) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield component, key and particulars of every entity of a lock."""
    yield "lock", "lock", _lock_config(lock)
    yield (
        "sensor",
        "battery",
        {
            "device_class": "battery",
            "unit_of_measurement": "%",
            "state_class": "measurement",
            "entity_category": "diagnostic",
            "value_template": "{{ value_json.battery }}",
        },
    )
    yield (
        "binary_sensor",
        "battery_low",
        {
            "device_class": "battery",
            "entity_category": "diagnostic",
            "payload_on": True,
            "payload_off": False,
            "value_template": "{{ value_json.battery_low }}",
        },
    )
    yield (
        "binary_sensor",
        "contact",
        {
            "device_class": "door",
            # A contact that is made is a door that is closed.
            "payload_on": False,
            "payload_off": True,
            "value_template": "{{ value_json.contact }}",
        },
    )
    if lock.updatable:
        yield "update", "update", _update_config(lock)


def _lock_config(lock: ZigbeeLock) -> dict[str, Any]:
    config = {
        "name": None,
        "command_topic": f"{lock.topic}/set",
        "state_locked": "LOCK",
        "state_unlocked": "UNLOCK",
        "value_template": "{{ value_json.state }}",
    }
    if lock.users is not None:
        config["json_attributes_topic"] = lock.topic
    if lock.shows_jam:
        config["state_jammed"] = "not_fully_locked"
        config["value_template"] = (
            "{{ value_json.lock_state if value_json.lock_state == 'not_fully_locked'"
            " else value_json.state }}"
        )
    return config


def _update_config(lock: ZigbeeLock) -> dict[str, Any]:
    return {
        "name": None,
        "device_class": "firmware",
        "entity_category": "config",
        "command_topic": f"{_REQUESTS}update",
        "payload_install": json.dumps({"id": lock.ieee_address}),
        "value_template": (
            "{% set update = value_json['update'] %}"
            "{{ {'installed_version': update['installed_version'] | string,"
            " 'latest_version': update['latest_version'] | string,"
            " 'update_percentage': update.get('progress'),"
            " 'in_progress': update['state'] == 'updating'} | to_json }}"
        ),
    }
