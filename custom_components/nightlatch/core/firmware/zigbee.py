"""The outside of a Zigbee image: what it says it is, and what proves that.

An image of the Zigbee OTA Upgrade cluster is a header and elements, each with a tag
(Zigbee Cluster Library Specification, chapter 11, "Over-The-Air Upgrade"; the tags are
also in the OTA headers of EmberZNet). All numbers are little endian. The element with
the firmware often holds a GBL file of Silicon Labs, which has tags of its own (UG266
"Gecko Bootloader User's Guide", AN1218 "Series 2 Secure Boot", and
``btl_gbl_format.h`` of the Gecko SDK, where the numbers here come from). Z-Wave locks
take such a GBL file without anything around it.

Nothing here checks a signature: the key is in the lock. It is told whether one is there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
import struct
from typing import Final
import zlib

from ..errors import FirmwareError, FirmwareProblem

MAX_IMAGE: Final = 16 * 1024 * 1024
"""Bytes of a file."""
MAX_WRAPPER: Final = 4096
"""Bytes that a vendor may put before the header."""
MAX_PARTS: Final = 4096
"""Elements of an image, or tags of a GBL file."""

# The fields of the header that are always there: 56 bytes.
_MAGIC: Final = struct.pack("<I", 0x0BEEF11E)
_HEADER: Final = struct.Struct("<I5HIH32sI")
_HEADER_VERSION: Final = 0x0100
# Bits of its field control, for the fields that follow, with their sizes.
_HAS_CREDENTIAL_VERSION: Final = 1 << 0
_HAS_DESTINATION: Final = 1 << 1
_HAS_HARDWARE_VERSIONS: Final = 1 << 2
_CREDENTIAL_VERSION_SIZE: Final = 1
_DESTINATION_SIZE: Final = 8
_HARDWARE_VERSIONS: Final = struct.Struct("<2H")
# The tag and the length of an element.
_ELEMENT: Final = struct.Struct("<HI")

UPGRADE_IMAGE: Final = 0x0000
"""Tag of the element with the firmware."""
ECDSA_SIGNATURE: Final = 0x0001
"""Tag of a signature with the key of a certificate over the curve sect163k1."""
ECDSA_CERTIFICATE: Final = 0x0002
IMAGE_INTEGRITY_CODE: Final = 0x0003
"""Tag of a hash, which proves nothing of who made an image."""
ECDSA_SIGNATURE_283K1: Final = 0x0005
"""Tag of a signature over the curve sect283k1."""
# Tag of Telink's own element with encrypted firmware; two bytes of it, which say how, are
# not counted by its length (zigpy 2.4.0 and zigbee-herdsman 10.9.2 read it so).
_TELINK_ENCRYPTED: Final = 0xF000
_TELINK_UNCOUNTED: Final = 2

_GBL_TAG: Final = struct.Struct("<2I")
_GBL_HEADER: Final = 0x03A617EB
_GBL_END: Final = 0xFC0404FC
_GBL_ENCRYPTION_HEADER: Final = 0xFB0505FB
_GBL_ENCRYPTION_INIT: Final = 0xFA0606FA
_GBL_ENCRYPTED_DATA: Final = 0xF90707F9
_GBL_SIGNATURE: Final = 0xF70A0AF7
_GBL_ENCRYPTED: Final = frozenset(
    {_GBL_ENCRYPTION_HEADER, _GBL_ENCRYPTION_INIT, _GBL_ENCRYPTED_DATA}
)
_GBL_MAGIC: Final = struct.pack("<I", _GBL_HEADER)
# structs GblHeader_t (a version and a type), GblSignatureEcdsaP256_t (r and s) and
# GblEnd_t (a CRC-32): bytes after tag and length.
_GBL_SIZES: Final = {_GBL_HEADER: 8, _GBL_SIGNATURE: 64, _GBL_END: 4}
# The CRC-32 of any data with their own CRC-32 after them. A GBL file ends with that of
# all before it (``BTL_CRC32_END`` of ``btl_crc32.h`` is this, its bits inverted).
_CRC_RESIDUE: Final = 0x2144DF1C


class SignatureKind(StrEnum):
    """Which signature an image carries."""

    NONE = "none"
    ECDSA_P256_GBL = "ecdsa_p256_gbl"
    """In the GBL file, for the bootloader of Silicon Labs."""
    ZIGBEE_ECDSA = "zigbee_ecdsa"
    """In an element of its own, as Smart Energy devices want it."""
    UNKNOWN = "unknown"
    """The firmware is in a format that is not known, so it may have one inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInspection:
    """What an image says of itself; the numbers are ``None`` for a bare GBL file."""

    manufacturer_code: int | None
    image_type: int | None
    file_version: int | None
    header_string: str
    """The maker's words, unprintable characters left out."""
    min_hardware_version: int | None
    max_hardware_version: int | None
    size: int
    """Bytes from the header to the end of the last element, without wrappers."""
    elements: tuple[int, ...]
    """The tags of the elements, in their order."""
    signature: SignatureKind
    encrypted: bool
    """Whether the firmware is in a GBL file that is encrypted."""


@dataclass(frozen=True, slots=True)
class _Inside:
    """What was found in the firmware."""

    signature: SignatureKind
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class _Header:
    length: int
    size: int
    manufacturer_code: int
    image_type: int
    file_version: int
    text: str
    hardware_versions: tuple[int, int] | None


def inspect_image(data: bytes) -> ImageInspection:
    """Read the header, the elements and the kind of signature of an image.

    The image may begin after some bytes of a vendor's wrapper, and may have others
    behind it. A file that begins as a GBL file is read as one.

    Raises ``FirmwareError``: TOO_LARGE, or NOT_A_PACKAGE where the file is cut, damaged
    or something else.
    """
    if len(data) > MAX_IMAGE:
        raise FirmwareError(FirmwareProblem.TOO_LARGE, size=len(data), limit=MAX_IMAGE)
    if data.startswith(_GBL_MAGIC):
        return _bare(data)
    # Other data may look like the mark, so each place gets its chance.
    first_error: FirmwareError | None = None
    for start in _places(data):
        try:
            return _image(data[start:])
        except FirmwareError as err:
            first_error = first_error or err
    raise first_error or _no_image("it has no Zigbee OTA header")


def _no_image(detail: str) -> FirmwareError:
    return FirmwareError(FirmwareProblem.NOT_A_PACKAGE, detail=detail)


def _places(data: bytes) -> Iterator[int]:
    end = MAX_WRAPPER + len(_MAGIC)
    start = data.find(_MAGIC, 0, end)
    while start >= 0:
        yield start
        start = data.find(_MAGIC, start + 1, end)


def _bare(data: bytes) -> ImageInspection:
    inside = _gbl(data)
    return ImageInspection(
        manufacturer_code=None,
        image_type=None,
        file_version=None,
        header_string="",
        min_hardware_version=None,
        max_hardware_version=None,
        size=len(data),
        elements=(),
        signature=inside.signature,
        encrypted=inside.encrypted,
    )


def _image(data: bytes) -> ImageInspection:
    header = _header(data)
    elements = _all_elements(data[: header.size], header.length)
    inside = _inside(elements)
    minimum, maximum = header.hardware_versions or (None, None)
    return ImageInspection(
        manufacturer_code=header.manufacturer_code,
        image_type=header.image_type,
        file_version=header.file_version,
        header_string=header.text,
        min_hardware_version=minimum,
        max_hardware_version=maximum,
        size=header.size,
        elements=tuple(tag for tag, _ in elements),
        signature=inside.signature,
        encrypted=inside.encrypted,
    )


def _header(data: bytes) -> _Header:
    if len(data) < _HEADER.size:
        raise _no_image("its header is cut off")
    (_, version, length, control, manufacturer, image_type, *others) = (
        _HEADER.unpack_from(data)
    )
    file_version, _stack, text, size = others
    if version != _HEADER_VERSION:
        raise _no_image(f"its header is of version {version:#06x}")
    if size > len(data):
        raise _no_image(f"it has {len(data)} of {size} bytes")
    hardware_versions, end = _optional_fields(data[:length], control)
    if not end <= length <= size:
        raise _no_image(f"its header cannot have {length} bytes")
    return _Header(
        length=length,
        size=size,
        manufacturer_code=manufacturer,
        image_type=image_type,
        file_version=file_version,
        text=_text(text),
        hardware_versions=hardware_versions,
    )


def _optional_fields(header: bytes, control: int) -> tuple[tuple[int, int] | None, int]:
    """Return the hardware versions, if any, and where the known fields end."""
    end = _HEADER.size
    if control & _HAS_CREDENTIAL_VERSION:
        end += _CREDENTIAL_VERSION_SIZE
    if control & _HAS_DESTINATION:
        end += _DESTINATION_SIZE
    if not control & _HAS_HARDWARE_VERSIONS:
        return None, end
    if len(header) < end + _HARDWARE_VERSIONS.size:
        raise _no_image("its header has no room for hardware versions")
    minimum, maximum = _HARDWARE_VERSIONS.unpack_from(header, end)
    return (minimum, maximum), end + _HARDWARE_VERSIONS.size


def _text(raw: bytes) -> str:
    text = raw.partition(b"\0")[0].decode("ascii", "replace")
    return "".join(char for char in text if " " <= char <= "~").strip()


def _all_elements(data: bytes, start: int) -> list[tuple[int, bytes]]:
    """Return the elements with their tags; together they must fill the image."""
    try:
        return list(_elements(data, start))
    except FirmwareError as err:
        try:
            return list(_elements(data, start, uncounted=_TELINK_UNCOUNTED))
        except FirmwareError:
            raise err from None


def _elements(
    data: bytes, start: int, *, uncounted: int = 0
) -> Iterator[tuple[int, bytes]]:
    count = 0
    while start < len(data):
        if start + _ELEMENT.size > len(data):
            raise _no_image("an element of it is cut off")
        tag, length = _ELEMENT.unpack_from(data, start)
        start += _ELEMENT.size
        if tag == _TELINK_ENCRYPTED:
            length += uncounted
        if length > len(data) - start:
            raise _no_image(f"its element {tag:#06x} is cut off")
        yield tag, data[start : start + length]
        start += length
        count += 1
        if count > MAX_PARTS:
            raise _no_image(f"it has more than {MAX_PARTS} elements")


def _inside(elements: list[tuple[int, bytes]]) -> _Inside:
    firmware = next((data for tag, data in elements if tag == UPGRADE_IMAGE), None)
    inside = _Inside(SignatureKind.UNKNOWN)
    if firmware is not None and firmware.startswith(_GBL_MAGIC):
        inside = _gbl(firmware)
    tags = {tag for tag, _ in elements}
    if tags & {ECDSA_SIGNATURE, ECDSA_SIGNATURE_283K1} and (
        inside.signature is not SignatureKind.ECDSA_P256_GBL
    ):
        # Of two signatures the bootloader's is named, since no application can skip it.
        return _Inside(SignatureKind.ZIGBEE_ECDSA, inside.encrypted)
    return inside


def _gbl(data: bytes) -> _Inside:
    """Read the tags of a GBL file, up to its end tag; what follows is padding."""
    signed = encrypted = False
    start = 0
    for count in range(MAX_PARTS):
        if start + _GBL_TAG.size > len(data):
            raise _no_image("its GBL file has no end")
        tag, length = _GBL_TAG.unpack_from(data, start)
        start += _GBL_TAG.size + length
        if start > len(data):
            raise _no_image(f"the tag {tag:#010x} of its GBL file is cut off")
        if (tag == _GBL_HEADER) is (count > 0) or length != _GBL_SIZES.get(tag, length):
            raise _no_image(f"the tag {tag:#010x} of its GBL file is no such tag")
        if signed and tag != _GBL_END:
            # Nothing but the end may follow what the signature covers.
            raise _no_image("its GBL file goes on after its signature")
        signed = signed or tag == _GBL_SIGNATURE
        encrypted = encrypted or tag in _GBL_ENCRYPTED
        if tag == _GBL_END:
            if zlib.crc32(data[:start]) != _CRC_RESIDUE:
                raise _no_image("its GBL file is damaged")
            kind = SignatureKind.ECDSA_P256_GBL if signed else SignatureKind.NONE
            return _Inside(kind, encrypted)
    raise _no_image(f"its GBL file has more than {MAX_PARTS} tags")
