"""Nordic Secure DFU over Bluetooth LE: the messages.

Source of the numbers: nRF5 SDK 17.1, "DFU protocol" and "Bootloader and DFU modules",
BLE transport; checked against the recorded answers of a real bootloader (SDK 15.3).
All integers are little-endian.
"""

from dataclasses import dataclass
from enum import IntEnum
import struct

from ..errors import TransportError, TransportProblem

SERVICE = "0000fe59-0000-1000-8000-00805f9b34fb"
CONTROL_POINT = "8ec90001-f315-4f60-9fb8-838830daea50"
PACKET = "8ec90002-f315-4f60-9fb8-838830daea50"
BUTTONLESS_UNBONDED = "8ec90003-f315-4f60-9fb8-838830daea50"
BUTTONLESS_BONDED = "8ec90004-f315-4f60-9fb8-838830daea50"
# SDK 12 and 13. It asks for no bond and no proof: whoever is near can throw the lock
# into its bootloader, so a lock that has only this is not to be encouraged.
BUTTONLESS_EXPERIMENTAL = "8e400001-f315-4f60-9fb8-838830daea50"

# A packet's payload must be whole words, but for the last one of an object; SDK 15+
# rounds its buffers so, and longer ones than this are never negotiated (MTU 247).
WORD = 4
MAX_PACKET = 244


class ObjectType(IntEnum):
    """The two kinds of object."""

    COMMAND = 1
    DATA = 2


class NordicOperation(IntEnum):
    """Operation codes of the control point."""

    CREATE = 0x01
    SET_RECEIPT = 0x02
    CHECKSUM = 0x03
    EXECUTE = 0x04
    SELECT = 0x06
    ABORT = 0x0C


class NordicResult(IntEnum):
    """Result codes of a response."""

    INVALID = 0x00
    SUCCESS = 0x01
    NOT_SUPPORTED = 0x02
    INVALID_PARAMETER = 0x03
    INSUFFICIENT_RESOURCES = 0x04
    INVALID_OBJECT = 0x05
    UNSUPPORTED_TYPE = 0x07
    NOT_PERMITTED = 0x08
    FAILED = 0x0A
    EXTENDED = 0x0B


class ExtendedError(IntEnum):
    """What follows ``NordicResult.EXTENDED``."""

    VERSION_TOO_LOW = 0x05
    WRONG_HARDWARE = 0x06
    WRONG_SOFTDEVICE = 0x07
    SIGNATURE_MISSING = 0x08
    WRONG_HASH_TYPE = 0x09
    HASH_FAILED = 0x0A
    WRONG_SIGNATURE_TYPE = 0x0B
    VERIFICATION_FAILED = 0x0C
    INSUFFICIENT_SPACE = 0x0D


_RESPONSE = 0x60
_BUTTONLESS_RESPONSE = 0x20
ENTER_BOOTLOADER = b"\x01"

_EXTENDED_PROBLEMS: dict[int, TransportProblem] = {
    ExtendedError.VERSION_TOO_LOW: TransportProblem.REJECTED_VERSION,
    ExtendedError.WRONG_HARDWARE: TransportProblem.REJECTED_HARDWARE,
    ExtendedError.WRONG_SOFTDEVICE: TransportProblem.REJECTED_SOFTDEVICE,
    ExtendedError.SIGNATURE_MISSING: TransportProblem.REJECTED_SIGNATURE,
    ExtendedError.WRONG_HASH_TYPE: TransportProblem.REJECTED_HASH,
    ExtendedError.HASH_FAILED: TransportProblem.REJECTED_HASH,
    ExtendedError.WRONG_SIGNATURE_TYPE: TransportProblem.REJECTED_SIGNATURE,
    ExtendedError.VERIFICATION_FAILED: TransportProblem.REJECTED_HASH,
    ExtendedError.INSUFFICIENT_SPACE: TransportProblem.REJECTED_SPACE,
}


class BootloaderError(Exception):
    """The bootloader answered with something else than success."""

    def __init__(
        self, operation: NordicOperation, result: int, extended: int | None = None
    ) -> None:
        """Keep what was asked and what was answered."""
        self.operation = operation
        self.result = result
        self.extended = extended
        super().__init__(f"{operation.name} was answered with {self.code}")

    @property
    def code(self) -> str:
        """The code as the vendor's support would ask for it."""
        if self.extended is None:
            return f"0x{self.result:02X}"
        return f"0x{self.result:02X}/0x{self.extended:02X}"

    def as_transport_error(self, object_type: ObjectType) -> TransportError:
        """Return the error that tells a person what the bootloader objects to."""
        problem = TransportProblem.REJECTED
        if self.extended is not None:
            problem = _EXTENDED_PROBLEMS.get(self.extended, problem)
        elif self.result == NordicResult.INSUFFICIENT_RESOURCES:
            problem = TransportProblem.REJECTED_SPACE
        elif (
            self.result == NordicResult.INVALID_OBJECT
            and self.operation is NordicOperation.EXECUTE
            and object_type is ObjectType.COMMAND
        ):
            # So the bootloader calls a signature that does not hold.
            problem = TransportProblem.REJECTED_SIGNATURE
        return TransportError(
            problem, operation=self.operation.name.lower(), code=self.code
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far the bootloader is: bytes taken, and CRC-32 (zlib) over all of them."""

    offset: int
    crc: int


@dataclass(frozen=True, slots=True)
class ObjectSelection:
    """The answer to SELECT: the largest object, and how far the bootloader is."""

    max_size: int
    offset: int
    crc: int


def create(object_type: ObjectType, size: int) -> bytes:
    """Return the request that starts an object of ``size`` bytes."""
    return struct.pack("<BBI", NordicOperation.CREATE, object_type, size)


def set_receipt(packets: int) -> bytes:
    """Return the request for a receipt after every ``packets`` packets."""
    return struct.pack("<BH", NordicOperation.SET_RECEIPT, packets)


def select(object_type: ObjectType) -> bytes:
    """Return the request for the state of an object type."""
    return struct.pack("<BB", NordicOperation.SELECT, object_type)


def execute() -> bytes:
    """Return the request that makes the bootloader take the object."""
    return bytes((NordicOperation.EXECUTE,))


def garbled(data: bytes) -> TransportError:
    """Return the error for an answer that the protocol does not know."""
    return TransportError(TransportProblem.GARBLED_ANSWER, answer=data[:20].hex())


def split_response(data: bytes) -> tuple[int, bytes]:
    """Split a notification into the operation that it answers and the rest.

    The rest begins with the result code. Raises ``TransportError`` (GARBLED_ANSWER).
    """
    if len(data) < 3 or data[0] != _RESPONSE:
        raise garbled(data)
    return data[1], data[2:]


def check_result(operation: NordicOperation, rest: bytes) -> bytes:
    """Return the payload of a successful response; raise ``BootloaderError``."""
    if rest[0] == NordicResult.SUCCESS:
        return rest[1:]
    extended = rest[1] if rest[0] == NordicResult.EXTENDED and len(rest) > 1 else None
    raise BootloaderError(operation, rest[0], extended)


def as_receipt(data: bytes) -> Receipt | None:
    """Return the receipt that a notification is; None where it is anything else.

    A receipt looks like the answer to a CHECKSUM request, which is never sent here.
    """
    head, payload = data[:3], data[3:]
    if (
        head != bytes((_RESPONSE, NordicOperation.CHECKSUM, NordicResult.SUCCESS))
        or len(payload) != 8
    ):
        return None
    return Receipt(*struct.unpack("<II", payload))


def parse_selection(payload: bytes) -> ObjectSelection:
    """Read the payload of a SELECT response; raise ``TransportError``."""
    if len(payload) != 12:
        raise garbled(payload)
    selection = ObjectSelection(*struct.unpack("<III", payload))
    if not selection.max_size:
        raise garbled(payload)
    return selection


def check_buttonless(data: bytes) -> None:
    """Check the answer to ENTER_BOOTLOADER; raise ``TransportError``."""
    if len(data) < 3 or data[0] != _BUTTONLESS_RESPONSE or data[1] != 1:
        raise garbled(data)
    if data[2] == 1:
        return
    if data[2] == 7:
        raise TransportError(TransportProblem.NOT_BONDED)
    raise TransportError(TransportProblem.BUTTONLESS_REFUSED, code=f"0x{data[2]:02X}")


def bootloader_address(address: str) -> str:
    """Return the address of the unbonded bootloader of the lock at ``address``.

    It adds one to the last octet, which wraps without a carry (nrf_dfu_ble.c).
    """
    head, last = address.upper().rsplit(":", 1)
    return f"{head}:{(int(last, 16) + 1) % 256:02X}"
