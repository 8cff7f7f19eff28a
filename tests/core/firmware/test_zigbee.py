"""Zigbee images and GBL files: what they say they are, and whether they are signed."""

import contextlib
import struct
import zlib

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import FirmwareError, FirmwareProblem
from custom_components.nightlatch.core.firmware.zigbee import (
    ECDSA_SIGNATURE,
    IMAGE_INTEGRITY_CODE,
    MAX_IMAGE,
    MAX_PARTS,
    UPGRADE_IMAGE,
    ImageInspection,
    SignatureKind,
    inspect_image,
)

GBL_HEADER = 0x03A617EB
GBL_APPLICATION = 0xF40A0AF4
GBL_PROGRAM = 0xFE0101FE
GBL_ENCRYPTION_INIT = 0xFA0606FA
GBL_ENCRYPTED_DATA = 0xF90707F9
GBL_SIGNATURE = 0xF70A0AF7
GBL_END = 0xFC0404FC

PLAIN = ((GBL_APPLICATION, bytes(28)), (GBL_PROGRAM, bytes(range(200))))
ENCRYPTED = ((GBL_ENCRYPTION_INIT, bytes(16)), (GBL_ENCRYPTED_DATA, bytes(64)))
SIGNATURE = ((GBL_SIGNATURE, bytes(64)),)


def gbl(*tags: tuple[int, bytes]) -> bytes:
    """Make a GBL file."""
    data = struct.pack("<4I", GBL_HEADER, 8, 0x03000000, 0)
    for tag, content in tags:
        data += struct.pack("<2I", tag, len(content)) + content
    data += struct.pack("<2I", GBL_END, 4)
    return data + struct.pack("<I", zlib.crc32(data))


def image(
    *elements: tuple[int, bytes],
    control: int = 0,
    optional: bytes = b"",
    version: int = 0x0100,
    length: int | None = None,
    size: int | None = None,
    text: bytes = b"ACME door",
) -> bytes:
    """Make a Zigbee image."""
    body = b"".join(
        struct.pack("<HI", tag, len(content)) + content for tag, content in elements
    )
    header_length = 56 + len(optional) if length is None else length
    total = 56 + len(optional) + len(body) if size is None else size
    header = struct.pack(
        "<I5HIH32sI",
        0x0BEEF11E,
        version,
        header_length,
        control,
        0x115C,
        4,
        0x11070000,
        2,
        text,
        total,
    )
    return header + optional + body


def refused(data: bytes) -> FirmwareError:
    """Return why a file is refused; it must be."""
    with pytest.raises(FirmwareError) as caught:
        inspect_image(data)
    return caught.value


def test_an_image_says_what_it_is() -> None:
    """All of the header, with hardware versions after the other optional fields."""
    data = image(
        (UPGRADE_IMAGE, gbl(*PLAIN)),
        (IMAGE_INTEGRITY_CODE, bytes(16)),
        control=0b111,
        optional=bytes(9) + struct.pack("<2H", 2, 5),
        text=b" Door\x1b\xff \0rest",
    )
    assert inspect_image(data) == ImageInspection(
        manufacturer_code=0x115C,
        image_type=4,
        file_version=0x11070000,
        header_string="Door",
        min_hardware_version=2,
        max_hardware_version=5,
        size=len(data),
        elements=(UPGRADE_IMAGE, IMAGE_INTEGRITY_CODE),
        signature=SignatureKind.NONE,
        encrypted=False,
    )


@pytest.mark.parametrize(
    ("tags", "signature", "encrypted"),
    [
        (PLAIN, SignatureKind.NONE, False),
        (ENCRYPTED, SignatureKind.NONE, True),
        (PLAIN + SIGNATURE, SignatureKind.ECDSA_P256_GBL, False),
        (ENCRYPTED + SIGNATURE, SignatureKind.ECDSA_P256_GBL, True),
    ],
)
def test_a_gbl_file_tells_whether_it_is_signed_and_encrypted(
    tags: tuple[tuple[int, bytes], ...], signature: SignatureKind, encrypted: bool
) -> None:
    """Inside a Zigbee image, and bare as Z-Wave has it."""
    inside = inspect_image(image((UPGRADE_IMAGE, gbl(*tags) + b"\xff" * 3)))
    assert (inside.signature, inside.encrypted) == (signature, encrypted)
    bare = inspect_image(gbl(*tags))
    assert (bare.signature, bare.encrypted) == (signature, encrypted)
    assert bare.manufacturer_code is None
    assert bare.file_version is None
    assert bare.size == len(gbl(*tags))


@pytest.mark.parametrize("tag", [ECDSA_SIGNATURE, 0x0005])
def test_an_element_may_hold_the_signature(tag: int) -> None:
    """Whatever the firmware is; but the bootloader's signature is named first."""
    firmware = (UPGRADE_IMAGE, b"MCU code")
    signature = (tag, bytes(50))
    found = inspect_image(image(firmware, signature))
    assert found.signature is SignatureKind.ZIGBEE_ECDSA
    plain = inspect_image(image((UPGRADE_IMAGE, gbl(*PLAIN)), signature))
    assert plain.signature is SignatureKind.ZIGBEE_ECDSA
    both = inspect_image(image((UPGRADE_IMAGE, gbl(*PLAIN, *SIGNATURE)), signature))
    assert both.signature is SignatureKind.ECDSA_P256_GBL


def test_a_signature_is_seen_behind_an_element_that_is_longer_than_it_says() -> None:
    """Telink's has two bytes that its length does not count; others count all of theirs."""
    elements = (0xF000, bytes(64)), (ECDSA_SIGNATURE, bytes(50))
    counted = image(*elements)
    data = image(*elements, size=len(counted) + 2)
    behind_length = 56 + 6
    telink = data[:behind_length] + b"\x02\x00" + data[behind_length:]
    for each in (counted, telink):
        found = inspect_image(each)
        assert found.elements == (0xF000, ECDSA_SIGNATURE)
        assert found.signature is SignatureKind.ZIGBEE_ECDSA
        assert found.size == len(each)
        refused(each[:-1])


@pytest.mark.parametrize("elements", [(), ((UPGRADE_IMAGE, b"MCU code"),)])
def test_an_unknown_format_is_not_called_unsigned(
    elements: tuple[tuple[int, bytes], ...],
) -> None:
    """It may have a signature where nobody here can see it."""
    assert inspect_image(image(*elements)).signature is SignatureKind.UNKNOWN


def test_a_wrapper_is_passed_over() -> None:
    """Also one that has the mark itself, and one with something behind the image."""
    inner = image((UPGRADE_IMAGE, gbl(*PLAIN)))
    mark = struct.pack("<I", 0x0BEEF11E)
    for before, after in ((b"NGIS" + bytes(40), b"sig"), (mark + bytes(70), b"")):
        found = inspect_image(before + inner + after)
        assert found.size == len(inner)
        assert found.file_version == 0x11070000


GOOD_GBL = gbl(*PLAIN)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 a zip",
        bytes(5000) + image(),
        image()[:30],
        image(version=0x0200),
        image((UPGRADE_IMAGE, b"cut"))[:-1],
        image(length=40),
        image(length=100),
        image(control=0b100),
        image(control=0b100, optional=b"\0", length=57),
        image((UPGRADE_IMAGE, b"data"), size=58),
        image((UPGRADE_IMAGE, b"data"), size=64),
        image(*[(UPGRADE_IMAGE, b"")] * (MAX_PARTS + 1)),
        image((UPGRADE_IMAGE, GOOD_GBL[:-1])),
        GOOD_GBL[:-12],
        GOOD_GBL[:20],
        GOOD_GBL[:40] + b"\x01" + GOOD_GBL[41:],
        gbl((GBL_HEADER, bytes(8))),
        gbl((GBL_SIGNATURE, bytes(63))),
        gbl((GBL_SIGNATURE, bytes(64)), (GBL_PROGRAM, bytes(8))),
        gbl(*[(GBL_PROGRAM, b"")] * MAX_PARTS),
    ],
)
def test_what_is_no_whole_image_is_refused(data: bytes) -> None:
    """Cut, damaged or something else."""
    assert refused(data).reason is FirmwareProblem.NOT_A_PACKAGE


def test_a_huge_file_is_not_read() -> None:
    """Its size is told."""
    error = refused(bytes(MAX_IMAGE + 1))
    assert error.reason is FirmwareProblem.TOO_LARGE
    assert error.details["limit"] == str(MAX_IMAGE)


SIGNED_IMAGE = image((UPGRADE_IMAGE, gbl(*ENCRYPTED, *SIGNATURE)))


def no_surprise(data: bytes) -> None:
    """Read a file that is good or refused, and nothing else."""
    with contextlib.suppress(FirmwareError):
        assert inspect_image(data).size <= len(data)


@given(st.binary(max_size=200), st.sampled_from([b"", SIGNED_IMAGE[:4], GOOD_GBL[:4]]))
def test_arbitrary_bytes_raise_nothing_else(data: bytes, start: bytes) -> None:
    """Also behind a mark."""
    no_surprise(start + data)


@given(
    st.sampled_from([SIGNED_IMAGE, GOOD_GBL]),
    st.integers(0, 400),
    st.integers(0, 8),
    st.binary(max_size=8),
)
def test_altered_images_raise_nothing_else(
    original: bytes, start: int, cut: int, inserted: bytes
) -> None:
    """Cut, extended or spliced anywhere."""
    no_surprise(original[:start] + inserted + original[start + cut :])


@given(st.sampled_from([SIGNED_IMAGE, GOOD_GBL]), st.integers(0, 400))
def test_a_cut_image_is_always_refused(original: bytes, end: int) -> None:
    """So a transfer that broke off never passes for a whole file."""
    if end < len(original):
        assert refused(original[:end]).reason is FirmwareProblem.NOT_A_PACKAGE
