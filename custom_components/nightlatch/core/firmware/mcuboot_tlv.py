"""The areas behind a MCUboot image that hold what is said of it: types, lengths, values.

Source: MCUboot, docs/design.md, "Image format" and "Protected TLVs", and
``bootutil/image.h`` (2.3). All integers are little-endian.
"""

from enum import IntEnum
import struct
from typing import Final, NamedTuple

from ..errors import FirmwareError, FirmwareProblem
from ..phrase import Phrase

INFO_MAGIC: Final = 0x6907
PROTECTED_INFO_MAGIC: Final = 0x6908
INFO_SIZE: Final = 4
"""Bytes of what an area begins with: its magic, and its size with these four."""

_INFO = struct.Struct("<HH")
_HEAD = struct.Struct("<HH")
# Real images have five to eight.
_MAX_TLVS = 64


class TlvType(IntEnum):
    """What a value is, as far as it matters here."""

    KEY_HASH = 0x01
    PUBLIC_KEY = 0x02
    SHA256 = 0x10
    SHA384 = 0x11
    SHA512 = 0x12
    RSA2048_PSS = 0x20
    ECDSA = 0x22
    RSA3072_PSS = 0x23
    ED25519 = 0x24
    PURE_SIGNATURE = 0x25
    DEPENDENCY = 0x40
    SECURITY_COUNTER = 0x50


ENCRYPTION: Final = range(0x30, 0x40)
"""Types of values that carry the key of an encrypted image."""


class Tlv(NamedTuple):
    """One value and its type, which need not be one that is known."""

    type: int
    value: bytes


def area_size(data: bytes, start: int, magic: int) -> int:
    """Return the size of the area of TLVs that begins at ``start``.

    Raises ``FirmwareError`` IMAGE_INVALID where there is none with this magic, or where
    it does not fit into the data.
    """
    if start + INFO_SIZE > len(data):
        raise invalid("it ends too early")
    found, size = _INFO.unpack_from(data, start)
    if found != magic:
        raise invalid("what should stand behind the firmware is not there")
    if size < INFO_SIZE or start + size > len(data):
        raise invalid("it ends too early")
    return int(size)


def read_area(data: bytes, start: int, size: int) -> tuple[Tlv, ...]:
    """Return the TLVs of an area, which must fill it to the byte.

    Raises ``FirmwareError`` IMAGE_INVALID.
    """
    tlvs: list[Tlv] = []
    position, end = start + INFO_SIZE, start + size
    while position < end:
        if position + _HEAD.size > end:
            raise invalid("what stands behind the firmware is not whole")
        kind, length = _HEAD.unpack_from(data, position)
        position += _HEAD.size
        if position + length > end or len(tlvs) == _MAX_TLVS:
            raise invalid("what stands behind the firmware is not whole")
        tlvs.append(Tlv(kind, data[position : position + length]))
        position += length
    return tuple(tlvs)


def invalid(template: str, **values: object) -> FirmwareError:
    """Return the error for an image that is not as MCUboot wants it."""
    detail = Phrase(template, **values)
    return FirmwareError(FirmwareProblem.IMAGE_INVALID, detail=detail)
