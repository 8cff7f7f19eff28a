"""SMP over Bluetooth LE: one connection to the application of a lock."""

import asyncio
from collections.abc import AsyncIterator, Container, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Self

from bleak.backends.characteristic import BleakGATTCharacteristic

from ..errors import TransportError, TransportProblem
from .base import (
    Counters,
    GattClient,
    Radio,
    close,
    connect_to_what_serves,
    find_characteristic,
    link_errors,
    longest_write,
)
from .bonding import with_bond
from .inbox import Inbox
from .sending import happens_within
from .smp_protocol import (
    CHARACTERISTIC,
    ERASE,
    HEADER_SIZE,
    MAX_MESSAGE,
    READ_BOOT_LOADER,
    READ_PARAMETERS,
    READ_SLOTS,
    READ_STATE,
    RESET,
    WRITE_STATE,
    Answer,
    Command,
    Parameters,
    Slot,
    SmpError,
    encode_request,
    is_whole,
    message_size,
    parse_parameters,
    parse_room,
    parse_state,
    read_answer,
    split_answer,
)

SUBSCRIBE_TIMEOUT = 30.0
SEND_TIMEOUT = 15.0
# A request or its answer may be lost without a word, so it is made again.
ANSWER_TIMEOUT = 6.0
ATTEMPTS = 3
PAUSE = 0.5
# Setting an image for test, or confirming it, writes to flash.
WRITE_TIMEOUT = 15.0
ERASE_TIMEOUT = 40.0
# A lock that has answered a reset restarts a moment later (Zephyr: 250 ms); one that
# does not say good-bye is gone when its supervision timeout passes.
RESTART_TIMEOUT = 10.0

# The longest value that an attribute may have (Bluetooth Core 5.4 Vol 3 Part F 3.2.9).
_MAX_PACKET: Final = 512


class SmpLink:
    """An open connection to an SMP server.

    Every method raises ``TransportError`` with LINK_LOST when the link is gone,
    NO_ANSWER when a deadline passes and GARBLED_ANSWER when the answer makes no sense;
    methods that ask for something raise ``SmpError`` when the lock refuses it.
    """

    def __init__(self, radio: Radio, counters: Counters) -> None:
        """Prepare the link; ``open`` makes one."""
        self._radio = radio
        self._counters = counters
        self._client: GattClient
        self._inbox = Inbox[Answer | None]()
        self._partial = bytearray()
        self._sequence = 0
        self._lost = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        radio: Radio,
        address: str,
        name: str,
        counters: Counters | None = None,
        *,
        fast: bool = False,
    ) -> AsyncIterator[Self]:
        """Connect to the lock and close the connection in the end.

        ``fast`` asks for a short connection interval, which costs the lock's battery.
        Raises ``TransportError`` with NOT_UPDATABLE where the lock has no SMP server.
        """
        link = cls(radio, counters or Counters())
        link._client = await connect_to_what_serves(
            radio,
            address,
            name=name,
            disconnected=link._disconnected,
            serves=lambda client: (
                find_characteristic(client, CHARACTERISTIC) is not None
            ),
        )
        link._counters.connections += 1
        try:
            await link._start()
            if fast:
                await radio.shorten_interval(link._client)
            yield link
        finally:
            await close(link._client)

    async def _start(self) -> None:
        if not find_characteristic(self._client, CHARACTERISTIC):
            raise TransportError(TransportProblem.NOT_UPDATABLE)
        async with link_errors("subscribe", SUBSCRIBE_TIMEOUT):
            await with_bond(self._radio, self._client, self._subscribe)

    async def _subscribe(self) -> None:
        await self._client.start_notify(CHARACTERISTIC, self._notified)

    @property
    def max_packet(self) -> int:
        """The largest piece of a request that one write holds, in bytes."""
        return min(longest_write(self._client, CHARACTERISTIC), _MAX_PACKET)

    def _disconnected(self) -> None:
        self._lost.set()
        # Wakes whoever waits for an answer.
        self._inbox.add(None)

    def _notified(self, _: BleakGATTCharacteristic, data: bytearray) -> None:
        """Put notifications together to answers; what makes none is dropped.

        Whoever waits for it finds out by the deadline.
        """
        self._partial += data
        if len(self._partial) < HEADER_SIZE:
            self._partial.clear()
            return
        size = message_size(bytes(self._partial[:HEADER_SIZE]))
        if len(self._partial) > size or size > MAX_MESSAGE:
            self._partial.clear()
        elif len(self._partial) == size:
            self._inbox.add(split_answer(bytes(self._partial)))
            self._partial.clear()

    async def send(self, command: Command, body: Mapping[str, Any]) -> tuple[int, int]:
        """Send a request; return the number that its answer will bear, and its bytes.

        Whether it arrives only the answer can tell.
        """
        self._sequence = (self._sequence + 1) % 256
        message = encode_request(command, self._sequence, body)
        size = self.max_packet
        self._counters.control_writes += 1
        async with link_errors(command.name, SEND_TIMEOUT):
            for start in range(0, len(message), size):
                packet = message[start : start + size]
                await self._client.write_gatt_char(
                    CHARACTERISTIC, packet, response=False
                )
                self._counters.packets += 1
                self._counters.packet_bytes += len(packet)
        self._check_link()
        return self._sequence, len(message)

    def _check_link(self) -> None:
        if self._lost.is_set():
            raise TransportError(TransportProblem.LINK_LOST)

    async def receive(
        self, command: Command, timeout: float, sequences: Container[int]
    ) -> Answer | None:
        """Return the next answer to one of these requests; None when none comes in time.

        What else comes is dropped, and makes the wait no longer.
        """
        try:
            async with asyncio.timeout(timeout):
                while (answer := await self._inbox.get()) is not None:
                    if answer.is_to(command) and answer.sequence in sequences:
                        return answer
        except TimeoutError:
            return None
        raise TransportError(TransportProblem.LINK_LOST)

    def forget_answers(self) -> None:
        """Drop all that has come: what comes from now on is an answer to what is sent."""
        self._partial.clear()
        self._inbox.clear()
        self._check_link()

    async def request(
        self,
        command: Command,
        body: Mapping[str, Any],
        *,
        timeout: float = ANSWER_TIMEOUT,
        attempts: int = ATTEMPTS,
    ) -> dict[str, Any]:
        """Send a request and return the content of its answer.

        It is sent again where no answer comes or the lock is not ready, so the lock may
        carry it out twice.
        """
        left = attempts
        while left:
            left -= 1
            self.forget_answers()
            sequence, _ = await self.send(command, body)
            answer = await self.receive(command, timeout, {sequence})
            if answer is None:
                continue
            try:
                return read_answer(command, answer.payload)
            except SmpError as err:
                if not err.passing or not left:
                    raise
            await asyncio.sleep(PAUSE)
        raise TransportError(TransportProblem.NO_ANSWER, step=command.name)

    async def parameters(self) -> Parameters | None:
        """Return what the server can take; None where it does not say."""
        try:
            return parse_parameters(await self.request(READ_PARAMETERS, {}))
        except SmpError:
            return None

    async def boot_mode(self) -> int | None:
        """Return what the lock's boot loader was built for; None where it is not told."""
        try:
            body = await self.request(READ_BOOT_LOADER, {"query": "mode"})
        except SmpError:
            return None
        mode = body.get("mode")
        return mode if is_whole(mode) else None

    async def room(self) -> int | None:
        """Return how many bytes an image may have; None where it is not told."""
        try:
            return parse_room(await self.request(READ_SLOTS, {}))
        except SmpError:
            return None

    async def state(self) -> tuple[Slot, ...]:
        """Return what is in the slots of the application's image."""
        return parse_state(await self.request(READ_STATE, {}))

    async def try_image(self, image_hash: bytes) -> tuple[Slot, ...]:
        """Let an image be started once, at the next restart; return the slots."""
        body = {"hash": image_hash, "confirm": False}
        return parse_state(await self.request(WRITE_STATE, body, timeout=WRITE_TIMEOUT))

    async def keep_running_image(self) -> tuple[Slot, ...]:
        """Let the image that runs be started from now on; return the slots.

        Its hash is not given: if the lock has gone back to its old firmware meanwhile,
        this must not make the new one permanent, which waits in the other slot then.
        """
        body = {"confirm": True}
        return parse_state(await self.request(WRITE_STATE, body, timeout=WRITE_TIMEOUT))

    async def erase(self) -> None:
        """Erase what waits in the second slot."""
        await self.request(ERASE, {"slot": 1}, timeout=ERASE_TIMEOUT)

    async def reset(self) -> None:
        """Let the lock restart, and return when it has gone."""
        await self.request(RESET, {})
        if not await self.is_gone(RESTART_TIMEOUT):
            raise TransportError(TransportProblem.NO_ANSWER, step=RESET.name)

    async def is_gone(self, timeout: float) -> bool:
        """Wait until the lock has gone; return False where it stays for so long."""
        return await happens_within(timeout, self._lost)
