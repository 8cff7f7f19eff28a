"""Nordic Secure DFU over Bluetooth LE: one connection to a bootloader."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Self

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError

from ..errors import TransportError, TransportProblem
from .base import (
    CLOSE_TIMEOUT,
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
from .nordic_protocol import (
    CONTROL_POINT,
    MAX_PACKET,
    PACKET,
    WORD,
    NordicOperation,
    Receipt,
    as_receipt,
    check_result,
    execute,
    split_response,
)
from .sending import happens_within

SUBSCRIBE_TIMEOUT = 30.0
ANSWER_TIMEOUT = 15.0
# EXECUTE may erase flash and check a signature or a hash over the whole image.
EXECUTE_TIMEOUT = 60.0
# What the flash has a part in tells nothing of the way there and back.
_SLOW = frozenset({NordicOperation.CREATE, NordicOperation.EXECUTE})


async def answers_as_bootloader(radio: Radio, address: str, name: str) -> bool:
    """Return whether a bootloader can be connected to; it is asked for nothing."""
    try:
        client = await connect_to_what_serves(
            radio,
            address,
            name=name,
            disconnected=lambda: None,
            serves=_is_bootloader,
        )
    except TransportError:
        return False
    try:
        return _is_bootloader(client)
    except TransportError:
        return False
    finally:
        await close(client)


def _is_bootloader(client: GattClient) -> bool:
    return bool(
        find_characteristic(client, CONTROL_POINT)
        and find_characteristic(client, PACKET)
    )


class BootloaderLink:
    """An open connection to a bootloader.

    Every method raises ``TransportError`` with LINK_LOST when the link is gone,
    NO_ANSWER when a deadline passes and GARBLED_ANSWER when the answer makes no sense.
    """

    def __init__(self, counters: Counters) -> None:
        """Prepare the link; ``open`` makes one."""
        self._counters = counters
        self._client: GattClient
        self._inbox = Inbox[bytes]()
        self._lost = asyncio.Event()
        self.round_trip = 0.0
        """Seconds that a request takes, until its answer is here."""
        self.taken = 0.0
        """Seconds that the last request took."""
        self.receipt_heard: Receipt | None = None
        """The last receipt that came before the answer to a request."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, radio: Radio, address: str, name: str, counters: Counters
    ) -> AsyncIterator[Self]:
        """Connect to the bootloader and close the connection in the end.

        Raises ``TransportError`` with BOOTLOADER_NOT_FOUND where no bootloader answers.
        """
        link = cls(counters)
        link._client = await connect_to_what_serves(
            radio,
            address,
            name=name,
            disconnected=link._disconnected,
            serves=_is_bootloader,
        )
        counters.connections += 1
        try:
            await link._start(radio)
            yield link
        finally:
            await close(link._client)

    async def _start(self, radio: Radio) -> None:
        if not _is_bootloader(self._client):
            raise TransportError(TransportProblem.BOOTLOADER_NOT_FOUND)
        async with link_errors("subscribe", SUBSCRIBE_TIMEOUT):
            await with_bond(
                radio,
                self._client,
                partial(self._client.start_notify, CONTROL_POINT, self._notified),
            )
            await radio.shorten_interval(self._client)

    @property
    def max_packet(self) -> int:
        """The largest packet that the bootloader takes on this link, in bytes."""
        return min(longest_write(self._client, PACKET), MAX_PACKET) // WORD * WORD

    def _disconnected(self) -> None:
        self._lost.set()
        # Wakes whoever waits for an answer.
        self._inbox.add(b"")

    def _notified(self, _: BleakGATTCharacteristic, data: bytearray) -> None:
        self._inbox.add(bytes(data))

    async def request(
        self, message: bytes, *, timeout: float = ANSWER_TIMEOUT
    ) -> bytes:
        """Write to the control point and return the payload of the answer.

        Raises ``BootloaderError`` when the answer is not success.
        """
        # What came before the question is no answer to it.
        self._inbox.clear()
        return await self._ask(message, timeout)

    async def execute_ahead(self, patience: float) -> bool:
        """Write EXECUTE behind packets whose receipt is still to come.

        Return whether it was answered within so many seconds; ``receipt_heard`` is what
        came before that. Raises ``BootloaderError`` as ``request`` does.
        """
        try:
            await self._ask(execute(), ANSWER_TIMEOUT, patience)
        except TimeoutError:
            return False
        return True

    async def _ask(
        self, message: bytes, timeout: float, patience: float | None = None
    ) -> bytes:
        """Write to the control point and return the payload of the answer.

        Raises ``TimeoutError`` where it was written, and not answered in ``patience``.
        """
        operation = NordicOperation(message[0])
        started = asyncio.get_running_loop().time()
        self._check_link()
        self._counters.control_writes += 1
        self.receipt_heard = None
        impatient = False
        async with link_errors(operation.name.lower(), timeout):
            await self._client.write_gatt_char(CONTROL_POINT, message, response=True)
            try:
                async with asyncio.timeout(patience):
                    rest = await self._answer(operation)
            except TimeoutError:
                impatient = True
        if impatient:
            raise TimeoutError
        self.taken = asyncio.get_running_loop().time() - started
        if operation not in _SLOW:
            self.round_trip = max(self.taken, 0.9 * self.round_trip)
        return check_result(operation, rest)

    async def _answer(self, operation: NordicOperation) -> bytes:
        """Return the answer to an operation; note the receipts before it."""
        while True:
            message = await self._receive()
            answered, rest = split_response(message)
            if answered == operation:
                return rest
            # A receipt, or an answer that came twice.
            self.receipt_heard = as_receipt(message) or self.receipt_heard

    async def send_packet(self, data: bytes) -> None:
        """Send a packet; whether it arrives only a receipt can tell."""
        async with link_errors("packet", ANSWER_TIMEOUT):
            await self._client.write_gatt_char(PACKET, data, response=False)
        self._counters.packets += 1
        self._counters.packet_bytes += len(data)
        self._check_link()

    def _check_link(self) -> None:
        if self._lost.is_set():
            raise TransportError(TransportProblem.LINK_LOST)

    async def receipt(self, timeout: float) -> Receipt | None:
        """Wait for a receipt; return None when none comes in time."""
        try:
            async with asyncio.timeout(timeout):
                # What makes no sense counts as lost: asking tells what arrived.
                while (receipt := as_receipt(await self._receive())) is None:
                    pass
                return receipt
        except TimeoutError:
            return None

    async def is_gone(self, timeout: float) -> bool:
        """Wait until the lock has gone; return False where it stays for so long."""
        return await happens_within(timeout, self._lost)

    async def abort(self) -> None:
        """Send the bootloader back to the application that it has, if it still hears.

        The bootloader does not answer this; it restarts.
        """
        with suppress(BleakError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._client.write_gatt_char(
                    CONTROL_POINT, bytes((NordicOperation.ABORT,)), response=True
                )

    async def _receive(self) -> bytes:
        """Return the next notification, or fail as soon as the link is lost."""
        message = await self._inbox.get()
        if self._lost.is_set() and not message:
            raise TransportError(TransportProblem.LINK_LOST)
        return message
