"""A lock that runs ESPHome: a bolt, a battery, a door, and an update of itself.

It speaks the native API, plaintext, on loopback, to Home Assistant's unmodified
``esphome`` integration. Its update entity is the one of ESPHome's ``update`` component:
the device fetches and flashes its image by itself once it is told to.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Self, override

from .esphome_wire import api
from .ota_script import BoltAfterwards, OtaEnding, OtaScript, Updatable, play
from .proxy_session import ApiSession, Handler

HOST = "127.0.0.1"

API_VERSION = (1, 14)
ESPHOME_VERSION = "2026.11.0"
BOLT_SECONDS = 0.05
"""How long the motor takes."""

# Keys of the entities; on a device they are hashes of the entities' names.
_BOLT, _BATTERY, _DOOR, _FIRMWARE = range(1, 5)


@dataclass(kw_only=True)
class EsphomeLockState:
    """Everything about the lock that a test may set; ``tell`` publishes it."""

    installed_version: str = "1.0.0"
    latest_version: str = "1.0.0"
    battery: float = 90.0
    door_open: bool = False
    bolt: int = api.LOCK_STATE_LOCKED
    updating: bool = False
    percent: float | None = None


class EsphomeLock(Updatable):
    """A virtual device with a lock, seen by its clients alone."""

    def __init__(
        self,
        name: str,
        mac: str,
        *,
        manufacturer: str = "Kestrel Locks",
        model: str = "KL-E",
        script: OtaScript | None = None,
        port: int = 0,
        **state: Any,
    ) -> None:
        """Describe the device; ``port`` 0 takes a free one at the first start."""
        self.name = name
        self.mac = mac.upper()
        self.manufacturer = manufacturer
        self.model = model
        self.script = script or OtaScript()
        self.port = port
        self.state = EsphomeLockState(**state)
        self.record = EsphomeRecord()
        self._before = self.state.installed_version
        self._server: asyncio.Server | None = None
        self._sessions: set[ApiSession] = set()
        self._subscribers: set[ApiSession] = set()
        self._update: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers: dict[Any, Handler] = {
            api.HelloRequest: self._hello,
            api.AuthenticationRequest: self._authenticate,
            api.DisconnectRequest: self._disconnect,
            api.PingRequest: self._ping,
            api.DeviceInfoRequest: self._device_info,
            api.ListEntitiesRequest: self._list_entities,
            api.SubscribeStatesRequest: self._subscribe_states,
            api.LockCommandRequest: self._lock_command,
            api.UpdateCommandRequest: self._update_command,
        }

    async def __aenter__(self) -> Self:
        """Put in the batteries."""
        await self._listen()
        if (delay := self.script.starts_by_itself) is not None:
            self._spawn(self._start_later(delay))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take out the batteries."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._vanish()

    def tell(self) -> None:
        """Send every client how the lock is, after something of it was changed."""
        for session in self._subscribers:
            self._send_states(session)

    def offer(self, version: str) -> None:
        """Let something newer be known."""
        self.state.latest_version = version
        self.tell()

    def start_by_itself(self) -> None:
        """Update now, though nobody asked."""
        if self._update is None or self._update.done():
            self._update = self._spawn(play(self.script, self))

    # The course of an update.

    @override
    def transferring(self, percent: float, remaining: float) -> None:
        self._before = self.state.installed_version
        self.state.updating, self.state.percent = True, percent
        self.tell()

    @override
    def failed(self, reason: str) -> None:
        """Be as before; the API has no words for why."""
        self.record.failures.append(reason)
        self.state.updating, self.state.percent = False, None
        self.tell()

    @override
    def not_to_be_had(self) -> None:
        """Be as before."""
        self.failed("no image")

    @override
    def transferred(self) -> None:
        """Keep saying that the update runs: the reboot belongs to it."""

    @override
    async def go_away(self) -> None:
        await self._vanish()

    @override
    async def come_back(self) -> None:
        """Run the new image, or the old one where the bootloader rolled back."""
        if self.script.ending is OtaEnding.SUCCESS:
            self.state.installed_version = self.state.latest_version
        self.state.updating, self.state.percent = False, None
        match self.script.bolt_afterwards:
            case BoltAfterwards.JAMMED:
                self.state.bolt = api.LOCK_STATE_JAMMED
            case BoltAfterwards.UNLOCKED:
                self.state.bolt = api.LOCK_STATE_UNLOCKED
        await self._listen()

    async def _start_later(self, delay: float) -> None:
        await asyncio.sleep(delay)
        self.start_by_itself()

    # The network.

    async def _listen(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: ApiSession(
                self._handlers, self._sessions.add, self._session_closed
            ),
            HOST,
            self.port,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _vanish(self) -> None:
        """Drop all clients at once, and accept none."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        for session in self._sessions:
            session.abort()
        await server.wait_closed()

    def _session_closed(self, session: ApiSession) -> None:
        self._sessions.discard(session)
        self._subscribers.discard(session)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # The API: the device.

    def _hello(self, session: ApiSession, message: Any) -> None:
        major, minor = API_VERSION
        session.send(
            api.HelloResponse(
                api_version_major=major,
                api_version_minor=minor,
                server_info=f"{self.name} (esphome v{ESPHOME_VERSION})",
                name=self.name,
            )
        )

    def _authenticate(self, session: ApiSession, message: Any) -> None:
        session.send(api.AuthenticationResponse())

    def _disconnect(self, session: ApiSession, message: Any) -> None:
        session.send(api.DisconnectResponse())
        session.close()

    def _ping(self, session: ApiSession, message: Any) -> None:
        session.send(api.PingResponse())

    def _device_info(self, session: ApiSession, message: Any) -> None:
        session.send(
            api.DeviceInfoResponse(
                name=self.name,
                friendly_name=self.name.replace("-", " ").capitalize(),
                mac_address=self.mac,
                esphome_version=ESPHOME_VERSION,
                compilation_time="2026-11-01 00:00:00 +0000",
                model="esp32dev",
                manufacturer="Espressif",
                # Home Assistant takes maker, model and version from the project.
                project_name=f"{self.manufacturer}.{self.model}",
                project_version=self.state.installed_version,
            )
        )

    def _list_entities(self, session: ApiSession, message: Any) -> None:
        for entity in _entities():
            session.send(entity)
        session.send(api.ListEntitiesDoneResponse())

    # The API: states and commands.

    def _subscribe_states(self, session: ApiSession, message: Any) -> None:
        self._subscribers.add(session)
        self._send_states(session)

    def _send_states(self, session: ApiSession) -> None:
        state = self.state
        session.send(api.LockStateResponse(key=_BOLT, state=state.bolt))
        session.send(api.SensorStateResponse(key=_BATTERY, state=state.battery))
        session.send(api.BinarySensorStateResponse(key=_DOOR, state=state.door_open))
        session.send(
            api.UpdateStateResponse(
                key=_FIRMWARE,
                in_progress=state.updating,
                has_progress=state.percent is not None,
                progress=state.percent or 0.0,
                current_version=state.installed_version,
                latest_version=state.latest_version,
                title=f"{self.manufacturer} {self.model}",
                release_summary="The bolt no longer counts a slow latch as a jam.",
                release_url="https://example.com/notes",
            )
        )

    def _lock_command(self, session: ApiSession, message: Any) -> None:
        self.record.bolt_commands.append(message.command)
        self._spawn(self._move_bolt(locked=message.command == api.LOCK_LOCK))

    async def _move_bolt(self, *, locked: bool) -> None:
        self.state.bolt = api.LOCK_STATE_LOCKING if locked else api.LOCK_STATE_UNLOCKING
        self.tell()
        await asyncio.sleep(BOLT_SECONDS)
        self.state.bolt = api.LOCK_STATE_LOCKED if locked else api.LOCK_STATE_UNLOCKED
        self.tell()

    def _update_command(self, session: ApiSession, message: Any) -> None:
        if message.command == api.UPDATE_COMMAND_CHECK:
            self.record.checks += 1
            self.tell()
        elif message.command == api.UPDATE_COMMAND_UPDATE:
            self.record.installs += 1
            if self.script.ending is not OtaEnding.SILENT:
                self.start_by_itself()


@dataclass(kw_only=True)
class EsphomeRecord:
    """What the device was asked for, and what it could not tell."""

    installs: int = 0
    checks: int = 0
    bolt_commands: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def _entities() -> Iterator[Any]:
    """Yield what the device says of its entities."""
    yield api.ListEntitiesLockResponse(object_id="bolt", key=_BOLT, name="Bolt")
    yield api.ListEntitiesSensorResponse(
        object_id="battery",
        key=_BATTERY,
        name="Battery",
        unit_of_measurement="%",
        device_class="battery",
        state_class=api.STATE_CLASS_MEASUREMENT,
        entity_category=api.ENTITY_CATEGORY_DIAGNOSTIC,
    )
    yield api.ListEntitiesBinarySensorResponse(
        object_id="door", key=_DOOR, name="Door", device_class="door"
    )
    yield api.ListEntitiesUpdateResponse(
        object_id="firmware",
        key=_FIRMWARE,
        name="Firmware",
        device_class="firmware",
        entity_category=api.ENTITY_CATEGORY_CONFIG,
    )
