"""A Secure DFU bootloader: the control-point protocol of Nordic's nRF5 SDK 15 and 16.

Knows nothing of GATT: it gets requests and packets, and answers through its host. What
it keeps in flash survives everything; what it has in RAM (offsets, the object under
way) survives a lost connection but no restart.

A packet holds a receive buffer until the flash has written it (``receive_buffers``), and
EXECUTE is answered when the flash is done. A packet that finds no buffer free is dropped
in silence and does not count for receipts. What is asked before EXECUTE is answered the
generations of the bootloader take differently (``nordic_generations``).
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
import hashlib
import struct
from typing import Any, Protocol
from zlib import crc32

from cryptography.hazmat.primitives.asymmetric import ec

from .agenda import Agenda
from .image import WORD
from .init_packet import Extended, InitCommand, Policy, Refusal, check, decode
from .nordic_flash import Flash
from .nordic_generations import DataRing, Generation
from .receive_buffers import RECEIVE_BUFFERS, ReceiveBuffers

__all__ = ["RECEIVE_BUFFERS", "Flash", "Generation", "SecureDfuBootloader"]

MAX_COMMAND_OBJECT = 512
MAX_DATA_OBJECT = 4096
INACTIVITY_TIMEOUT = 120.0
"""Seconds."""

_RESPONSE = 0x60
_SUCCESS = b"\x01"
_NOT_SUPPORTED = b"\x02"
_INVALID_PARAMETER = b"\x03"
_INSUFFICIENT_RESOURCES = b"\x04"
_INVALID_OBJECT = b"\x05"
_NOT_PERMITTED = b"\x08"

EXECUTED = b"\x60\x04\x01"
"""The answer to a successful EXECUTE."""


class Opcode(IntEnum):
    """Requests to the control point."""

    CREATE = 0x01
    SET_RECEIPT = 0x02
    CHECKSUM = 0x03
    EXECUTE = 0x04
    SELECT = 0x06
    ABORT = 0x0C


_REQUEST_LENGTHS = {
    Opcode.CREATE: 6,
    Opcode.SET_RECEIPT: 3,
    Opcode.CHECKSUM: 1,
    Opcode.EXECUTE: 1,
    Opcode.SELECT: 2,
    Opcode.ABORT: 1,
}


class ObjectType(IntEnum):
    """Types of objects."""

    COMMAND = 1
    DATA = 2


@dataclass(slots=True)
class BootloaderCounters:
    """What bootloaders of a lock have seen since the lock was made."""

    requests: int = 0
    packets: int = 0
    """Packets that found a buffer."""
    dropped_packets: int = 0
    """Packets that found none."""
    refused_packets: int = 0
    """Packets that found a buffer, but did not fit into an object."""
    command_objects: int = 0
    data_objects: int = 0
    executes: int = 0


class Host(Protocol):
    """What a bootloader runs on."""

    def answer(self, data: bytes) -> None:
        """Send a notification of the control point."""

    def reset(self) -> None:
        """Restart."""

    def later(self, delay: float, do: Callable[[], None]) -> asyncio.TimerHandle:
        """Do something after so many seconds, unless the lock stops before."""

    def fall_silent(self, seconds: float) -> None:
        """Neither hear nor say anything for so long; the connection holds."""

    def judged(self) -> None:
        """Be told that an image is judged and that is answered, but not yet noted."""

    def noted(self) -> None:
        """Be told that it is noted as well, so that it is time to restart."""


@dataclass(slots=True)
class _Object:
    """Progress of one object type. CRC and offset count from the first byte on."""

    size: int = 0
    """Bytes of the object under way; 0 when there is none."""
    start: int = 0
    start_crc: int = 0
    offset: int = 0
    crc: int = 0

    @property
    def complete(self) -> bool:
        """Whether all bytes of the object under way have arrived."""
        return 0 < self.size == self.offset - self.start

    def create(self, size: int) -> None:
        """Begin an object after the last one that was executed."""
        self.size = size
        self.offset, self.crc = self.start, self.start_crc

    def take(self, data: bytes) -> bool:
        """Take bytes; return whether they fit."""
        if self.offset - self.start + len(data) > self.size:
            return False
        self.offset += len(data)
        self.crc = crc32(data, self.crc)
        return True

    def execute(self) -> None:
        """Make the object under way count."""
        self.size = 0
        self.start, self.start_crc = self.offset, self.crc


@dataclass(slots=True)
class _OrderedAnswer:
    opcode: int
    result: bytes
    nth: int


class SecureDfuBootloader:
    """A bootloader with what is compiled into it; ``start`` and ``stop`` run it."""

    def __init__(
        self,
        flash: Flash,
        *,
        public_key: ec.EllipticCurvePublicKey,
        hw_version: int = 52,
        softdevice: int | None = None,
        debug_build: bool = False,
        bank_size: int = 512 * 1024,
        single_bank: bool = False,
        generation: Generation = Generation.SDK_15,
    ) -> None:
        """Compile the bootloader.

        With ``single_bank`` an image is received over the application, so that there is
        none until it has come as a whole.
        """
        self.flash = flash
        self.policy = Policy(
            public_key=public_key,
            hw_version=hw_version,
            softdevice=softdevice,
            debug_build=debug_build,
            bank_size=bank_size,
        )
        self.single_bank = single_bank
        self.generation = generation
        self.erase_stalls_link = False
        """Whether the radio rests while a page is erased, which takes longer than there is
        between two connection events."""
        self.counters = BootloaderCounters()
        self.receive_buffers = ReceiveBuffers()
        self.delays: dict[Opcode, float] = {}
        """Seconds until the answer to a request."""
        self.silent_at_the_end = False
        """Whether the last EXECUTE of an image is done but not answered."""
        self._ordered_answers: list[_OrderedAnswer] = []
        self._host: Host | None = None

    def answer_once(self, opcode: Opcode, result: bytes, *, nth: int = 1) -> None:
        """Order a result code for the ``nth`` request with this opcode from now.

        The request is not carried out.
        """
        self._ordered_answers.append(_OrderedAnswer(opcode, result, nth))

    # Life.

    def start(self, host: Host) -> None:
        """Start: everything in RAM is new."""
        self._host = host
        self._agenda = Agenda()
        self._current: int = ObjectType.COMMAND
        self._command = _Object()
        self._command_bytes = bytearray()
        self._data = _Object()
        self._init: InitCommand | None = None
        self._accepted = False
        self._receipt_every = 0
        self._until_receipt = 0
        self._executing = False
        self._ring = DataRing()
        self.receive_buffers.clear()
        self._restore_init_packet()
        self._active_at = asyncio.get_running_loop().time()
        self._watch_inactivity()

    def stop(self) -> None:
        """Stop, as by a reset or a loss of power."""
        self._host = None
        self._inactivity.cancel()
        self._agenda.clear()

    @property
    def running(self) -> bool:
        """Whether the bootloader runs."""
        return self._host is not None

    @property
    def receiving_image(self) -> bool:
        """Whether packets are the image's bytes now."""
        return self._current == ObjectType.DATA and self._init is not None

    @property
    def between_objects(self) -> bool:
        """Whether a part of the image is there, but not all of it."""
        return self.receiving_image and not self._accepted

    @property
    def accepted(self) -> bool:
        """Whether an image has come as a whole, and counts after the next restart."""
        return self._accepted

    @property
    def image_offset(self) -> int:
        """How many bytes of the image have arrived."""
        return self._data.offset

    def hold_buffers(self, count: int = RECEIVE_BUFFERS) -> None:
        """Have only so many buffers, and have each at its worst."""
        self.receive_buffers.count = count
        self.receive_buffers.worst = True

    def link_lost(self) -> None:
        """Work off what is in the buffers; all progress stays."""
        self.receive_buffers.let_go()

    def _restore_init_packet(self) -> None:
        """Take up the init packet that was accepted before a restart."""
        packet = self.flash.init_packet
        if packet:
            self._command.create(len(packet))
            self._command.take(packet)
            self._command_bytes[:] = packet
            with suppress(Refusal):
                self._init = self._check(packet)
                executed = self.flash.settings.executed
                if not executed:
                    self._prepare_bank(self._init.app_size)
                self._data.create(executed)
                self._data.take(bytes(self._bank[:executed]))
                self._data.execute()

    def _watch_inactivity(self) -> None:
        loop = asyncio.get_running_loop()
        due = self._active_at + INACTIVITY_TIMEOUT
        if due <= loop.time():
            self._require_host().reset()
        else:
            self._inactivity = loop.call_at(due, self._watch_inactivity)

    def _require_host(self) -> Host:
        assert self._host is not None, "the bootloader does not run"
        return self._host

    # Packets.

    def packet(self, data: bytes) -> None:
        """Take an unacknowledged write to the packet characteristic."""
        self._active_at = asyncio.get_running_loop().time()
        if self.receive_buffers.full and self.generation is not Generation.SDK_12:
            self.counters.dropped_packets += 1
            return
        self.counters.packets += 1
        offset = self._data.offset
        seconds = self._store(data)
        self.receive_buffers.hold(seconds or 0.0)
        if seconds and self.generation is Generation.SDK_12:
            done_at = self._active_at + self.receive_buffers.flash_busy
            for spoiled, byte in self._ring.put(offset, data, done_at):
                self._bank[spoiled] = byte
        if seconds is None:
            self.counters.refused_packets += 1
        if self._receipt_every:
            self._until_receipt -= 1
            if not self._until_receipt:
                self._until_receipt = self._receipt_every
                self.receive_buffers.let_go()
                self._respond(Opcode.CHECKSUM, _SUCCESS + self._checksum())

    def _store(self, data: bytes) -> float | None:
        """Take a packet; return how long the flash has to do with it, None if refused."""
        if self._current == ObjectType.COMMAND:
            if not self._command.take(data):
                return None
            self._command_bytes += data
            return 0.0
        # Flash is written in words; anything else is not written at all.
        if not self.receiving_image or len(data) % WORD:
            return None
        offset = self._data.offset
        if not self._data.take(data):
            return None
        return self.flash.write(self._bank, offset, data)

    @property
    def _bank(self) -> bytearray:
        """The bank that an image is received into."""
        return self.flash.application if self.single_bank else self.flash.staged

    # Requests.

    def request(self, data: bytes) -> None:
        """Take a write to the control point."""
        self._active_at = asyncio.get_running_loop().time()
        self.counters.requests += 1
        self.receive_buffers.let_go()
        if not data:
            return
        opcode = data[0]
        if self._executing and self.generation is Generation.SDK_14:
            refusal = bytes((_RESPONSE, opcode)) + _NOT_PERMITTED
            self._require_host().answer(refusal)
        elif ordered := self._ordered(opcode):
            # Nothing is refused by its content before the flash has all of it.
            busy = self.receive_buffers.flash_busy if opcode == Opcode.EXECUTE else 0.0
            if busy:
                self._require_host().later(
                    busy, partial(self._respond, opcode, ordered)
                )
            else:
                self._respond(opcode, ordered)
        elif opcode not in _REQUEST_LENGTHS:
            self._respond(opcode, _NOT_SUPPORTED)
        elif len(data) != _REQUEST_LENGTHS[Opcode(opcode)]:
            self._respond(opcode, _INVALID_PARAMETER)
        elif opcode == Opcode.ABORT:
            self._require_host().reset()
        else:
            self._carry_out(Opcode(opcode), data)

    def _ordered(self, opcode: int) -> bytes | None:
        for order in [o for o in self._ordered_answers if o.opcode == opcode]:
            order.nth -= 1
            if not order.nth:
                self._ordered_answers.remove(order)
                return order.result
        return None

    def _carry_out(self, opcode: Opcode, data: bytes) -> None:
        if opcode == Opcode.SET_RECEIPT:
            self._receipt_every = self._until_receipt = int.from_bytes(
                data[1:], "little"
            )
            self._respond(opcode, _SUCCESS)
            return
        if opcode in {Opcode.CREATE, Opcode.SELECT}:
            self._current = data[1]
        try:
            payload = self._object_request(opcode, data)
        except Refusal as refusal:
            self._respond(opcode, refusal.code)
            return
        if opcode == Opcode.CREATE:
            self._until_receipt = self._receipt_every
        if opcode == Opcode.EXECUTE and self._current == ObjectType.DATA:
            self._conclude()
        else:
            self._respond(opcode, _SUCCESS + payload)

    def _object_request(self, opcode: Opcode, data: bytes) -> bytes:
        """Carry out a request to the current object; return the answer's payload."""
        if self._current == ObjectType.COMMAND:
            return self._command_request(opcode, data)
        if self._current == ObjectType.DATA:
            return self._data_request(opcode, data)
        raise Refusal(_INVALID_OBJECT)

    def _command_request(self, opcode: Opcode, data: bytes) -> bytes:
        match opcode:
            case Opcode.CREATE:
                self._create_command(int.from_bytes(data[2:], "little"))
            case Opcode.EXECUTE:
                self.counters.executes += 1
                self._execute_command()
            case Opcode.CHECKSUM:
                return self._checksum()
            case Opcode.SELECT:
                return struct.pack("<I", MAX_COMMAND_OBJECT) + self._checksum()
        return b""

    def _data_request(self, opcode: Opcode, data: bytes) -> bytes:
        match opcode:
            case Opcode.CREATE:
                self._create_data(int.from_bytes(data[2:], "little"))
            case Opcode.EXECUTE:
                self.counters.executes += 1
                self._execute_data()
            case Opcode.CHECKSUM:
                return self._checksum()
            case Opcode.SELECT:
                return struct.pack("<I", MAX_DATA_OBJECT) + self._checksum()
        return b""

    def _create_command(self, size: int) -> None:
        if not size:
            raise Refusal(_INVALID_PARAMETER)
        if size > MAX_COMMAND_OBJECT:
            raise Refusal(_INSUFFICIENT_RESOURCES)
        self.counters.command_objects += 1
        # Another init packet makes everything that came after the last one worthless.
        self._command = _Object()
        self._command.create(size)
        self._command_bytes.clear()
        self._data = _Object()
        self._init = None

    def _execute_command(self) -> None:
        if not self._command.complete:
            raise Refusal(_NOT_PERMITTED)
        if self._init is None:
            packet = bytes(self._command_bytes)
            init = self._check(packet)
            if self.single_bank:
                self.flash.save(init_packet=packet, executed=0, application_valid=False)
            else:
                self.flash.save(init_packet=packet, executed=0)
            self._init = init
            self._prepare_bank(init.app_size)

    def _check(self, packet: bytes) -> InitCommand:
        """Return what an init packet says; raise ``Refusal``."""
        return check(decode(packet), self.policy, self.flash.application_version)

    def _prepare_bank(self, size: int) -> None:
        """Begin without any bytes of the image."""
        self._bank[:] = b"\xff" * size

    def _create_data(self, size: int) -> None:
        if self._init is None:
            raise Refusal(_NOT_PERMITTED)
        if self._data.size and self.generation is Generation.SDK_14:
            raise Refusal(_NOT_PERMITTED)
        end = self._data.start + size
        if not size or (size % MAX_DATA_OBJECT and end != self._init.app_size):
            raise Refusal(_INVALID_PARAMETER)
        if size > MAX_DATA_OBJECT:
            raise Refusal(_INSUFFICIENT_RESOURCES)
        if end > self._init.app_size:
            raise Refusal(_NOT_PERMITTED)
        self.counters.data_objects += 1
        self._data.create(size)
        seconds = self.flash.erase(self._bank, self._data.start, end)
        self.receive_buffers.occupy_flash(seconds)
        if self.erase_stalls_link:
            self._require_host().fall_silent(seconds)

    def _execute_data(self) -> None:
        if self._init is None or not (self._data.complete or self._is_done):
            raise Refusal(_NOT_PERMITTED)
        self._data.execute()
        if not self.flash.backed_up:
            self.receive_buffers.occupy_flash(
                self.flash.save(executed=self._data.offset)
            )

    def _conclude(self) -> None:
        """Answer EXECUTE once the flash is done, and activate what is whole by then."""
        busy = self.receive_buffers.flash_busy
        # Whatever the generation: the hash is over what is in the flash.
        if busy and (self.generation is not Generation.SDK_12 or self._whole):
            self._executing = True
            self._require_host().later(busy, self._conclude)
            return
        self._executing = False
        if self._accepted or not self._whole:
            self._respond(Opcode.EXECUTE, _SUCCESS)
        elif self._hash_is_right():
            self._accept()
        else:
            self._refuse()

    @property
    def _is_done(self) -> bool:
        """Whether an object was executed that may be so again: none is under way.

        nrf_dfu_req_handler.c of the nRF5 SDK 12 to 14, in public copies.
        """
        return (
            self.generation is not Generation.SDK_15
            and not self._data.size
            and self._data.offset > 0
        )

    @property
    def _whole(self) -> bool:
        """Whether all of the image has come."""
        return self._init is not None and self._data.offset >= self._init.app_size

    def _hash_is_right(self) -> bool:
        assert self._init is not None
        return hashlib.sha256(self._bank).digest()[::-1] == self._init.hash

    def _accept(self) -> None:
        """Answer that the image is good, then note that it is to be activated."""
        assert self._init is not None
        self._accepted = True
        if not self.silent_at_the_end:
            self._respond(Opcode.EXECUTE, _SUCCESS)
        version = self._init.fw_version or 0
        if self.single_bank:
            self._note(
                application_version=version,
                application_valid=True,
                init_packet=b"",
                executed=0,
            )
        else:
            self._note(activate=self._init.app_size, activate_version=version)

    def _refuse(self) -> None:
        """Answer that the image is not good, then forget it, init packet and all."""
        self._command, self._data, self._init = _Object(), _Object(), None
        self._respond(Opcode.EXECUTE, Refusal(Extended.VERIFICATION_FAILED).code)
        self._note(init_packet=b"", executed=0)

    def _note(self, **changes: Any) -> None:
        """Write the settings page while the answer leaves, and restart.

        So it is whatever the image was, in all generations: the write is begun right
        before the answer (nRF5 SDK 12 to 14, nrf_dfu_postvalidate) or right behind it (15
        and later, on_data_obj_execute_request_sched), and the restart waits for its end.
        """
        host = self._host
        if host is None:
            return
        steps = self.flash.saving(**changes)
        first = next(steps)

        def begin() -> None:
            host.judged()
            if self._host is host:
                self._go_on_noting(steps)

        after = self._delay(Opcode.EXECUTE) + self.receive_buffers.flash_busy
        host.later(after + first, begin)

    def _go_on_noting(self, steps: Iterator[float]) -> None:
        host = self._require_host()
        for seconds in steps:
            host.later(seconds, partial(self._go_on_noting, steps))
            return
        host.noted()

    # Answers.

    def _checksum(self) -> bytes:
        current = self._command if self._current == ObjectType.COMMAND else self._data
        return struct.pack("<II", current.offset, current.crc)

    def _respond(self, opcode: int, result: bytes) -> None:
        answer = bytes((_RESPONSE, opcode)) + result
        self._agenda.add(
            self._delay(opcode), lambda: self._require_host().answer(answer)
        )

    def _delay(self, opcode: int) -> float:
        """Return how many seconds an answer takes."""
        if opcode not in _REQUEST_LENGTHS:
            return 0.0
        return self.delays.get(Opcode(opcode), 0.0)
