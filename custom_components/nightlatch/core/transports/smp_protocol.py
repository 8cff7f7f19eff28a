"""SMP, the protocol of MCUmgr: the messages.

A message is a header of eight bytes, big-endian, and a CBOR map. Source of the numbers:
Zephyr 4.2, "MCUmgr", "SMP Protocol Specification", OS and image management groups.

The libraries ``smp`` and ``smpclient`` are not used here. What the first depends on
(crcmod) is to be had as source only, which would have to be built wherever Home Assistant
installs it; the second waits for each answer before it sends the next request, and writes
the data of an upload last (see ``smp_upload.py``). CBOR is ``cbor2``'s, and in the tests
``smp`` reads what is made here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from io import BytesIO
import struct
from typing import Any, Final, NamedTuple, TypeGuard

from cbor2 import CBORDecodeError, CBORDecoder, dumps

from ..errors import TransportError, TransportProblem

SERVICE = "8d53dc1d-1db7-4cd3-868b-8a527460aa84"
CHARACTERISTIC = "da2e7828-fbce-4e01-ae9e-261174997c48"

HEADER_SIZE: Final = 8
MAX_MESSAGE: Final = 16 * 1024
"""Bytes of the longest answer that is listened to."""

# Operation and version, flags, length, group, sequence number, command.
_HEADER = struct.Struct(">BBHHBB")
_VERSION_2 = 1 << 3
_OPERATION = 0b111
_MAX_DEPTH = 8
# Tags of CBOR that cbor2 would make objects of; SMP has none.
_TAGS = (*range(64), 100, 256, 258, 260, 261, 1004, 43000, 55799)


class SmpOperation(IntEnum):
    """What a message is."""

    READ = 0
    READ_ANSWER = 1
    WRITE = 2
    WRITE_ANSWER = 3


class Group(IntEnum):
    """The groups of commands that are used."""

    OS = 0
    IMAGE = 1


class Command(NamedTuple):
    """A command of a group, and whether it writes."""

    name: str
    """What a person is told that it was."""
    group: Group
    id: int
    writes: bool


RESET: Final = Command("reset", Group.OS, 5, writes=True)
READ_PARAMETERS: Final = Command("read_parameters", Group.OS, 6, writes=False)
READ_BOOT_LOADER: Final = Command("read_boot_loader", Group.OS, 8, writes=False)
READ_STATE: Final = Command("read_state", Group.IMAGE, 0, writes=False)
READ_SLOTS: Final = Command("read_slots", Group.IMAGE, 6, writes=False)
WRITE_STATE: Final = Command("write_state", Group.IMAGE, 0, writes=True)
UPLOAD: Final = Command("upload", Group.IMAGE, 1, writes=True)
ERASE: Final = Command("erase", Group.IMAGE, 5, writes=True)


class BootMode(IntEnum):
    """What MCUboot was built to do (``bootutil/boot_status.h``, mcuboot_mode)."""

    SINGLE_APPLICATION = 0
    SWAP_SCRATCH = 1
    OVERWRITE = 2
    SWAP_MOVE = 3
    DIRECT_XIP = 4
    DIRECT_XIP_WITH_REVERT = 5
    RAM_LOAD = 6
    FIRMWARE_LOADER = 7
    SINGLE_APPLICATION_RAM_LOAD = 8
    SWAP_OFFSET = 9


GOES_BACK: Final = frozenset(
    {BootMode.SWAP_SCRATCH, BootMode.SWAP_MOVE, BootMode.SWAP_OFFSET}
)
"""Modes that keep the old firmware until the new one is confirmed, and start that again."""


class SmpResult(IntEnum):
    """Result codes that all groups share (``mgmt/mcumgr/mgmt/mgmt_defines.h``)."""

    OK = 0
    UNKNOWN = 1
    NO_MEMORY = 2
    INVALID = 3
    TIMEOUT = 4
    NOT_FOUND = 5
    BAD_STATE = 6
    TOO_LONG = 7
    NOT_SUPPORTED = 8
    CORRUPT = 9
    BUSY = 10
    ACCESS_DENIED = 11


class ImageResult(IntEnum):
    """Result codes of the image group (``mgmt/mcumgr/grp/img_mgmt/img_mgmt.h``)."""

    UNKNOWN = 1
    HASH_NOT_FOUND = 8
    NO_FREE_SLOT = 9
    FLASH_OPEN_FAILED = 10
    FLASH_READ_FAILED = 11
    FLASH_WRITE_FAILED = 12
    FLASH_ERASE_FAILED = 13
    NO_FREE_MEMORY = 15
    INVALID_OFFSET = 20
    INVALID_LENGTH = 21
    INVALID_HASH = 24
    CURRENT_VERSION_IS_NEWER = 27
    TOO_LARGE = 30
    DATA_OVERRUN = 31


_PROBLEMS: dict[int, TransportProblem] = {
    SmpResult.NO_MEMORY: TransportProblem.REJECTED_SPACE,
    SmpResult.ACCESS_DENIED: TransportProblem.NOT_BONDED,
}
_IMAGE_PROBLEMS: dict[int, TransportProblem] = {
    ImageResult.NO_FREE_SLOT: TransportProblem.REJECTED_SPACE,
    ImageResult.NO_FREE_MEMORY: TransportProblem.REJECTED_SPACE,
    ImageResult.TOO_LARGE: TransportProblem.REJECTED_SPACE,
    ImageResult.DATA_OVERRUN: TransportProblem.REJECTED_SPACE,
    ImageResult.FLASH_OPEN_FAILED: TransportProblem.LOCK_MEMORY,
    ImageResult.FLASH_READ_FAILED: TransportProblem.LOCK_MEMORY,
    ImageResult.FLASH_WRITE_FAILED: TransportProblem.LOCK_MEMORY,
    ImageResult.FLASH_ERASE_FAILED: TransportProblem.LOCK_MEMORY,
    ImageResult.INVALID_HASH: TransportProblem.REJECTED_HASH,
    ImageResult.CURRENT_VERSION_IS_NEWER: TransportProblem.REJECTED_VERSION,
}
# What comes of a request that arrived damaged or at a bad moment.
_PASSING = {
    SmpResult.UNKNOWN,
    SmpResult.NO_MEMORY,
    SmpResult.INVALID,
    SmpResult.TIMEOUT,
    SmpResult.CORRUPT,
    SmpResult.BUSY,
}
_PASSING_IN_IMAGE = {
    ImageResult.UNKNOWN,
    ImageResult.NO_FREE_MEMORY,
    ImageResult.INVALID_OFFSET,
    ImageResult.INVALID_LENGTH,
}


class SmpError(Exception):
    """The lock answered with something else than success.

    ``group`` is None where the code is one of ``SmpResult`` (``{"rc": n}``, all that
    version 1 of the protocol has), else the group whose own code it is
    (``{"err": {"group": g, "rc": n}}``).
    """

    def __init__(self, command: Command, code: int, group: int | None = None) -> None:
        """Keep what was asked and what was answered."""
        self.command = command
        self.result = code
        self.group = group
        super().__init__(f"{command.name} was answered with {self.code}")

    @property
    def code(self) -> str:
        """The code as the vendor's support would ask for it."""
        return str(self.result) if self.group is None else f"{self.group}/{self.result}"

    @property
    def not_supported(self) -> bool:
        """Whether the lock does not know the command."""
        return self.group is None and self.result == SmpResult.NOT_SUPPORTED

    @property
    def busy(self) -> bool:
        """Whether the lock has something else to do for a while."""
        return self.group is None and self.result == SmpResult.BUSY

    @property
    def passing(self) -> bool:
        """Whether the same may succeed when it is tried again."""
        if self.group is None:
            return self.result in _PASSING
        return self.group == Group.IMAGE and self.result in _PASSING_IN_IMAGE

    def as_transport_error(self) -> TransportError:
        """Return the error that tells a person what the lock objects to."""
        problem = TransportProblem.REJECTED
        if self.group is None:
            problem = _PROBLEMS.get(self.result, problem)
        elif self.group == Group.IMAGE:
            problem = _IMAGE_PROBLEMS.get(self.result, problem)
        return TransportError(problem, operation=self.command.name, code=self.code)


def garbled(data: bytes) -> TransportError:
    """Return the error for an answer that the protocol does not know."""
    return TransportError(TransportProblem.GARBLED_ANSWER, answer=data[:20].hex())


def encode_request(command: Command, sequence: int, body: Mapping[str, Any]) -> bytes:
    """Return a request, which asks for answers of version 2."""
    payload = dumps(dict(body))
    operation = SmpOperation.WRITE if command.writes else SmpOperation.READ
    header = _HEADER.pack(
        operation | _VERSION_2, 0, len(payload), command.group, sequence, command.id
    )
    return header + payload


def message_size(start: bytes) -> int:
    """Return how long a message is that begins so; ``start`` has ``HEADER_SIZE`` bytes."""
    return HEADER_SIZE + int(_HEADER.unpack_from(start)[2])


class Answer(NamedTuple):
    """An answer, its content not looked at yet."""

    sequence: int
    command: tuple[int, int, int]
    """Operation, group and command."""
    payload: bytes

    def is_to(self, command: Command) -> bool:
        """Return whether this is what a command is answered with."""
        answers = (
            SmpOperation.WRITE_ANSWER if command.writes else SmpOperation.READ_ANSWER
        )
        return self.command == (answers, command.group, command.id)


def split_answer(message: bytes) -> Answer:
    """Split a whole message."""
    operation, _, _, group, sequence, command = _HEADER.unpack_from(message)
    return Answer(
        sequence, (operation & _OPERATION, group, command), message[HEADER_SIZE:]
    )


def read_answer(command: Command, payload: bytes) -> dict[str, Any]:
    """Return what a lock answered.

    Raises ``SmpError`` where that is no success, and ``TransportError`` (GARBLED_ANSWER)
    where it makes no sense.
    """
    body = _decode(payload)
    error = body.get("err")
    if isinstance(error, dict):
        group, code = error.get("group"), error.get("rc")
        if not is_whole(group) or not is_whole(code):
            raise garbled(payload)
        if code:
            raise SmpError(command, code, group)
    code = body.get("rc", 0)
    if not is_whole(code):
        raise garbled(payload)
    if code:
        raise SmpError(command, code)
    return body


def _refuse_tag(*_: object) -> object:
    raise ValueError("SMP has no tags")


_NO_TAGS = dict.fromkeys(_TAGS, _refuse_tag)


def _decode(payload: bytes) -> dict[str, Any]:
    decoder = CBORDecoder(
        BytesIO(payload),
        tag_hook=_refuse_tag,
        semantic_decoders=_NO_TAGS,
        max_depth=_MAX_DEPTH,
        allow_duplicate_keys=False,
        strict_hashable_types=True,
    )
    try:
        body = decoder.decode()
    except (CBORDecodeError, ValueError) as err:
        raise garbled(payload) from err
    if not isinstance(body, dict):
        raise garbled(payload)
    return body


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether this is a number that SMP knows: no truth value, and not negative."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a server can take: bytes of a whole request, and requests at a time."""

    buffer_size: int
    buffers: int


def parse_parameters(body: Mapping[str, Any]) -> Parameters:
    """Read the answer to READ_PARAMETERS; raise ``TransportError``."""
    size, count = body.get("buf_size"), body.get("buf_count")
    if not is_whole(size) or not is_whole(count):
        raise garbled(repr(dict(body)).encode())
    return Parameters(int(size or 0), int(count or 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """An image in a slot of the lock."""

    slot: int
    version: str
    hash: bytes
    """Empty where the lock does not tell it."""
    pending: bool
    """It is started at the next restart."""
    permanent: bool
    """It is started at the next restart, and stays."""
    confirmed: bool
    active: bool


def parse_state(body: Mapping[str, Any]) -> tuple[Slot, ...]:
    """Read the answer to READ_STATE or WRITE_STATE, for the application's image.

    Raises ``TransportError`` (GARBLED_ANSWER).
    """
    images = body.get("images")
    if not isinstance(images, list):
        raise garbled(repr(dict(body)).encode())
    return tuple(_slot(image) for image in images if _is_the_application(image))


def _is_the_application(image: object) -> bool:
    if not isinstance(image, dict):
        raise garbled(repr(image).encode())
    return not image.get("image", 0)


def _slot(image: Mapping[str, Any]) -> Slot:
    number, version = image.get("slot"), image.get("version", "")
    digest = image.get("hash", b"")
    flags = [
        image.get(name, False)
        for name in ("pending", "permanent", "confirmed", "active")
    ]
    if (
        not is_whole(number)
        or not isinstance(version, str)
        or not isinstance(digest, bytes)
        or not all(isinstance(flag, bool) for flag in flags)
    ):
        raise garbled(repr(dict(image)).encode())
    pending, permanent, confirmed, active = flags
    return Slot(
        slot=int(number or 0),
        version=version[:32] if version.isprintable() else "",
        hash=digest,
        pending=pending,
        permanent=permanent,
        confirmed=confirmed,
        active=active,
    )


def parse_room(body: Mapping[str, Any]) -> int | None:
    """Read the answer to READ_SLOTS: the bytes that there are for an application's image.

    The largest image where the lock knows it, else the smaller slot, of which the boot
    loader needs a part for itself. None where it tells neither.
    """
    images = body.get("images")
    if not isinstance(images, list):
        return None
    for image in images:
        if not isinstance(image, dict) or image.get("image", 0):
            continue
        room = image.get("max_image_size")
        if is_whole(room) and room:
            return room
        slots = image.get("slots")
        sizes = [
            slot["size"]
            for slot in (slots if isinstance(slots, list) else ())
            if isinstance(slot, dict) and is_whole(slot.get("size"))
        ]
        return min(filter(None, sizes), default=None)
    return None


def parse_offset(body: Mapping[str, Any], size: int) -> int:
    """Read how much of an image of ``size`` bytes the lock has; raise ``TransportError``."""
    offset = body.get("off")
    if (
        not isinstance(offset, int)
        or isinstance(offset, bool)
        or not 0 <= offset <= size
    ):
        raise garbled(repr(dict(body)).encode())
    return offset
