"""The init packet of Nordic Secure DFU (nRF5 SDK 12 and later).

It is a protobuf ``dfu.Packet`` (``dfu-cc.proto`` of the SDK): what the vendor says of an
image in an ``InitCommand``, and around it the signature over exactly that. It is read
in two steps, so that nothing in it counts before the signature holds.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ..errors import FirmwareError, FirmwareProblem
from .foreign import has_own_header
from .protobuf import Schema, Span, invalid, read_message, read_packed_numbers

MAX_INIT_PACKET_SIZE: Final = 512
"""Bytes; the bootloader has no room for a larger command object."""

_PACKET = Schema("Packet", parts={1: "command", 2: "signed_command"})
_SIGNED_COMMAND = Schema(
    "SignedCommand",
    numbers={2: "signature_type"},
    parts={1: "command", 3: "signature"},
)
# Field 3 is a ResetCommand, which has no place in a package.
_COMMAND = Schema("Command", numbers={1: "op_code"}, parts={2: "init"})
_INIT_COMMAND = Schema(
    "InitCommand",
    numbers={
        1: "fw_version",
        2: "hw_version",
        4: "type",
        5: "sd_size",
        6: "bl_size",
        7: "app_size",
        9: "is_debug",
    },
    parts={3: "sd_req", 8: "hash", 10: "boot_validation"},
    repeated=frozenset({"boot_validation"}),
)
_HASH = Schema("Hash", numbers={1: "hash_type"}, parts={2: "hash"})
_BOOT_VALIDATION = Schema("BootValidation", numbers={1: "type"}, parts={2: "bytes"})

_OP_CODE_INIT = 1


class ImageType(IntEnum):
    """``dfu.FwType``: what an image is."""

    APPLICATION = 0
    SOFTDEVICE = 1
    BOOTLOADER = 2
    SOFTDEVICE_BOOTLOADER = 3
    EXTERNAL_APPLICATION = 4


class HashType(IntEnum):
    """``dfu.HashType``: the one algorithm that bootloaders accept."""

    SHA256 = 3


class SignatureType(IntEnum):
    """``dfu.SignatureType``: the one algorithm that bootloaders accept."""

    ECDSA_P256_SHA256 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInitCommand:
    """An InitCommand, as received, with the signature that is to prove it."""

    signed: bytes
    """The content of the InitCommand submessage, without its tag and length."""
    signature_type: int
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class InitCommand:
    """What the vendor says of an image."""

    firmware_version: int
    hardware_version: int
    image_type: int
    application_size: int
    """Bytes."""
    hash_type: int
    hash: bytes
    """As stored, which is last byte first."""
    is_debug: bool


def read_init_packet(packet: bytes) -> SignedInitCommand:
    """Read what lies around the InitCommand.

    Raises ``FirmwareError``: INIT_PACKET_INVALID, NOT_SIGNED for a packet that holds a
    bare command, or OWN_HEADER where a maker has put something in front.
    """
    if has_own_header(packet):
        raise FirmwareError(FirmwareProblem.OWN_HEADER)
    if len(packet) > MAX_INIT_PACKET_SIZE:
        raise invalid("it has {size} bytes", size=len(packet))
    outer = read_message(packet, Span(0, len(packet)), _PACKET)
    if len(outer.parts) > 1:
        raise invalid(
            "{message} has two values for {field}", message="Packet", field="command"
        )
    if "command" in outer.parts:
        raise FirmwareError(FirmwareProblem.NOT_SIGNED)
    signed = read_message(packet, outer.part("signed_command"), _SIGNED_COMMAND)
    command = read_message(packet, signed.part("command"), _COMMAND)
    if command.number("op_code") != _OP_CODE_INIT:
        raise invalid("it is no init command")
    init = command.part("init")
    signature = signed.part("signature")
    return SignedInitCommand(
        signed=packet[init.start : init.end],
        signature_type=signed.number("signature_type"),
        signature=packet[signature.start : signature.end],
    )


def read_init_command(data: bytes) -> InitCommand:
    """Read an InitCommand whose signature holds; raise INIT_PACKET_INVALID.

    Fields that the bootloader may do without, and whose absence would leave a check
    undone, have to be there.
    """
    init = read_message(data, Span(0, len(data)), _INIT_COMMAND)
    for required_softdevices in init.parts.get("sd_req", ()):
        read_packed_numbers(data, required_softdevices, "sd_req")
    for boot_validation in init.parts.get("boot_validation", ()):
        read_message(data, boot_validation, _BOOT_VALIDATION)
    image_hash = read_message(data, init.part("hash"), _HASH)
    digest = image_hash.part("hash")
    return InitCommand(
        firmware_version=init.number("fw_version"),
        hardware_version=init.number("hw_version"),
        image_type=init.number("type"),
        application_size=init.number("app_size"),
        hash_type=image_hash.number("hash_type"),
        hash=data[digest.start : digest.end],
        is_debug=init.numbers.get("is_debug", 0) != 0,
    )
