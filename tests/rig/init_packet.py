"""What a Secure DFU bootloader makes of an init packet.

Written by hand and apart from the code under test. Field numbers and byte orders:
dfu-cc.proto of the nRF5 SDK; the answers are those that were recorded from a real
bootloader of SDK 15.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

_VARINT = 0
_BYTES = 2
_FIXED_SIZES = {1: 8, 5: 4}

_OP_INIT = 1
_ECDSA_P256_SHA256 = 0
_SHA256 = 3
_ANY_SOFTDEVICE = 0xFFFE
_NO_SOFTDEVICE = 0


class FirmwareType(IntEnum):
    """What an image is."""

    APPLICATION = 0
    SOFTDEVICE = 1
    BOOTLOADER = 2
    SOFTDEVICE_BOOTLOADER = 3


class Extended(IntEnum):
    """Extended error codes."""

    UNKNOWN_COMMAND = 0x03
    INIT_COMMAND_INVALID = 0x04
    FIRMWARE_VERSION = 0x05
    HARDWARE_VERSION = 0x06
    SOFTDEVICE_VERSION = 0x07
    SIGNATURE_MISSING = 0x08
    WRONG_HASH_TYPE = 0x09
    WRONG_SIGNATURE_TYPE = 0x0B
    VERIFICATION_FAILED = 0x0C
    INSUFFICIENT_SPACE = 0x0D


INVALID_OBJECT = b"\x05"


class Refusal(Exception):
    """The bootloader refuses; ``code`` is the result code as it goes over the air."""

    def __init__(self, code: bytes | Extended) -> None:
        """Keep the code; an extended one gets its prefix."""
        self.code = bytes((0x0B, code)) if isinstance(code, Extended) else code
        super().__init__(self.code.hex())


@dataclass(slots=True)
class InitCommand:
    """The fields of an InitCommand that a bootloader looks at."""

    fw_version: int | None = None
    hw_version: int | None = None
    sd_req: list[int] = field(default_factory=list)
    fw_type: int = 0
    app_size: int = 0
    hash_type: int | None = None
    hash: bytes | None = None
    is_debug: bool = False


@dataclass(slots=True)
class InitPacket:
    """An init packet; ``signed_bytes`` are the InitCommand's as received."""

    op_code: int | None = None
    init: InitCommand | None = None
    signed_bytes: bytes = b""
    signature_type: int | None = None
    signature: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is compiled into a bootloader."""

    public_key: ec.EllipticCurvePublicKey
    hw_version: int
    softdevice: int | None
    """The FWID of the SoftDevice; None where there is none."""
    debug_build: bool
    bank_size: int
    """Bytes that a new image may have."""


def decode(data: bytes) -> InitPacket:
    """Decode an init packet; raise ``Refusal`` for what is none."""
    try:
        return _decode_packet(data)
    except (ValueError, IndexError, TypeError, struct.error) as err:
        raise Refusal(INVALID_OBJECT) from err


def check(packet: InitPacket, policy: Policy, application_version: int) -> InitCommand:
    """Check an init packet in the order of a real bootloader; raise ``Refusal``."""
    init = packet.init
    if packet.op_code != _OP_INIT or init is None:
        raise Refusal(Extended.UNKNOWN_COMMAND)
    _check_signature(packet, policy.public_key)
    if init.fw_type not in FirmwareType:
        raise Refusal(Extended.INIT_COMMAND_INVALID)
    if init.hash_type != _SHA256:
        raise Refusal(Extended.WRONG_HASH_TYPE)
    if not (init.is_debug and policy.debug_build):
        _check_versions(init, policy, application_version)
    if init.fw_type != FirmwareType.APPLICATION or init.app_size > policy.bank_size:
        # The flash of these locks is laid out for applications only.
        raise Refusal(Extended.INSUFFICIENT_SPACE)
    if not init.app_size:
        raise Refusal(Extended.INIT_COMMAND_INVALID)
    return init


def _check_signature(packet: InitPacket, key: ec.EllipticCurvePublicKey) -> None:
    if not packet.signature:
        raise Refusal(Extended.SIGNATURE_MISSING)
    if packet.signature_type != _ECDSA_P256_SHA256:
        raise Refusal(Extended.WRONG_SIGNATURE_TYPE)
    r = int.from_bytes(packet.signature[:32], "little")
    s = int.from_bytes(packet.signature[32:], "little")
    try:
        key.verify(
            encode_dss_signature(r, s), packet.signed_bytes, ec.ECDSA(hashes.SHA256())
        )
    except InvalidSignature as err:
        raise Refusal(INVALID_OBJECT) from err


def _check_versions(init: InitCommand, policy: Policy, application: int) -> None:
    if init.hw_version is None:
        raise Refusal(Extended.INIT_COMMAND_INVALID)
    if init.hw_version != policy.hw_version:
        raise Refusal(Extended.HARDWARE_VERSION)
    _check_softdevice(init, policy.softdevice)
    if init.fw_version is None:
        raise Refusal(Extended.INIT_COMMAND_INVALID)
    # An application may come again, a bootloader must be newer; the rig's is 1.
    if init.fw_type == FirmwareType.APPLICATION:
        allowed = init.fw_version >= application
    else:
        allowed = init.fw_version > 1
    if not allowed:
        raise Refusal(Extended.FIRMWARE_VERSION)


def _check_softdevice(init: InitCommand, softdevice: int | None) -> None:
    if softdevice is not None:
        allowed = {softdevice, _ANY_SOFTDEVICE}
    elif init.fw_version is not None:
        allowed = {_NO_SOFTDEVICE, _ANY_SOFTDEVICE}
    else:
        # Without a SoftDevice, a missing firmware version is reported as this.
        allowed = set()
    if allowed.isdisjoint(init.sd_req):
        raise Refusal(Extended.SOFTDEVICE_VERSION)


# Protobuf.


def _decode_packet(data: bytes) -> InitPacket:
    packet = InitPacket()
    unsigned: bytes | None = None
    signed: bytes | None = None
    for number, value in _fields(data):
        if number == 1:
            unsigned = _as_bytes(value)
        elif number == 2:
            signed = _as_bytes(value)
    if signed is not None:
        for number, value in _fields(signed):
            if number == 1:
                _decode_command(packet, _as_bytes(value))
            elif number == 2:
                packet.signature_type = _as_int(value)
            elif number == 3:
                packet.signature = _as_bytes(value)
        if packet.signature_type is None or packet.signature is None:
            raise ValueError("a required field is missing")
    elif unsigned is not None:
        _decode_command(packet, unsigned)
    else:
        raise ValueError("no command")
    return packet


def _decode_command(packet: InitPacket, data: bytes) -> None:
    for number, value in _fields(data):
        if number == 1:
            packet.op_code = _as_int(value)
        elif number == 2:
            packet.signed_bytes = _as_bytes(value)
            packet.init = _decode_init(packet.signed_bytes)


def _decode_init(data: bytes) -> InitCommand:
    init = InitCommand()
    for number, value in _fields(data):
        match number:
            case 1:
                init.fw_version = _as_int(value)
            case 2:
                init.hw_version = _as_int(value)
            case 3 if isinstance(value, bytes):
                position = 0
                while position < len(value):
                    fwid, position = _varint(value, position)
                    init.sd_req.append(fwid)
            case 3:
                init.sd_req.append(_as_int(value))
            case 4:
                init.fw_type = _as_int(value)
            case 7:
                init.app_size = _as_int(value)
            case 8:
                for inner, content in _fields(_as_bytes(value)):
                    if inner == 1:
                        init.hash_type = _as_int(content)
                    elif inner == 2:
                        init.hash = _as_bytes(content)
            case 9:
                init.is_debug = bool(_as_int(value))
    return init


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if not number:
            raise ValueError("field number 0")
        value: int | bytes
        if wire == _VARINT:
            value, position = _varint(data, position)
        else:
            if wire == _BYTES:
                size, position = _varint(data, position)
            else:
                size = _FIXED_SIZES.get(wire, len(data) + 1)
            value = data[position : position + size]
            if len(value) != size:
                raise ValueError("a field goes beyond the end")
            position += size
        yield number, value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a varint without an end")


def _as_int(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise TypeError("wrong wire type")
    return value


def _as_bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("wrong wire type")
    return value
