"""The init packet leaves no room for a second reading."""

import pytest

from custom_components.nightlatch.core.errors import FirmwareError, FirmwareProblem
from custom_components.nightlatch.core.firmware.nordic_init import (
    MAX_INIT_PACKET_SIZE,
    read_init_command,
    read_init_packet,
)
from tests.rig.dfu_package import (
    bytes_field,
    make_init_command,
    make_init_packet,
    number_field,
    varint,
)

from .vendor import FW_VERSION, HW_VERSION, IMAGE, KEY

INIT = make_init_command(IMAGE, fw_version=FW_VERSION, hw_version=HW_VERSION)
COMMAND = number_field(1, 1) + bytes_field(2, INIT)
SIGNATURE = bytes(range(64))
SIGNED = bytes_field(1, COMMAND) + number_field(2, 0) + bytes_field(3, SIGNATURE)
PACKET = bytes_field(2, SIGNED)


def shown(value: object) -> str:
    """Name a case after the detail that it expects."""
    return value if isinstance(value, str) else "of"


def packet_of(command: bytes) -> bytes:
    """Return a packet around a Command."""
    return bytes_field(
        2, bytes_field(1, command) + number_field(2, 0) + bytes_field(3, SIGNATURE)
    )


def test_what_lies_around_the_init_command() -> None:
    """The signed bytes are those of the InitCommand, without its tag and length."""
    read = read_init_packet(PACKET)
    assert read.signed == INIT
    assert read.signature_type == 0
    assert read.signature == SIGNATURE


def test_what_the_init_command_says() -> None:
    """Each value comes out as the vendor put it in."""
    read = read_init_command(INIT)
    assert (read.firmware_version, read.hardware_version) == (FW_VERSION, HW_VERSION)
    assert (read.image_type, read.application_size) == (0, len(IMAGE))
    assert (read.hash_type, len(read.hash)) == (3, 32)
    assert not read.is_debug


def test_the_largest_numbers_are_read() -> None:
    """Versions are 32 bits wide."""
    read = read_init_command(
        make_init_command(IMAGE, fw_version=0xFFFF_FFFF, hw_version=0xFFFF_FFFF)
    )
    assert read.firmware_version == read.hardware_version == 0xFFFF_FFFF


def test_any_value_but_zero_means_a_debug_build() -> None:
    """A bool that is neither 0 nor 1 is not taken for false."""
    init = make_init_command(
        IMAGE, fw_version=1, hw_version=1, is_debug=None
    ) + number_field(9, 2)
    assert read_init_command(init).is_debug


@pytest.mark.parametrize(
    ("packet", "detail"),
    [
        (b"", "Packet has no signed_command"),
        (bytes_field(2, b""), "SignedCommand has no command"),
        (packet_of(b""), "Command has no op_code"),
        (packet_of(number_field(1, 1)), "Command has no init"),
        (packet_of(bytes_field(2, INIT)), "Command has no op_code"),
        (
            packet_of(number_field(1, 0) + bytes_field(2, INIT)),
            "it is no init command",
        ),
        (
            bytes_field(2, bytes_field(1, COMMAND) + number_field(2, 0)),
            "SignedCommand has no signature",
        ),
        (
            bytes_field(2, bytes_field(1, COMMAND) + bytes_field(3, SIGNATURE)),
            "SignedCommand has no signature_type",
        ),
        (
            bytes_field(1, COMMAND) + PACKET,
            "Packet has two values for command",
        ),
        (PACKET + PACKET, "Packet has two values for signed_command"),
        (
            bytes_field(2, SIGNED + bytes_field(1, COMMAND)),
            "SignedCommand has two values for command",
        ),
        (
            bytes_field(2, SIGNED + number_field(2, 0)),
            "SignedCommand has two values for signature_type",
        ),
        (
            bytes_field(2, SIGNED + bytes_field(3, SIGNATURE)),
            "SignedCommand has two values for signature",
        ),
        (packet_of(COMMAND + number_field(1, 1)), "Command has two values for op_code"),
        (packet_of(COMMAND + bytes_field(2, INIT)), "Command has two values for init"),
        (
            packet_of(COMMAND + bytes_field(3, b"")),
            "Command has an unknown field 3 of wire type 2",
        ),
        (
            PACKET + bytes_field(4, b""),
            "Packet has an unknown field 4 of wire type 2",
        ),
        (
            bytes_field(2, SIGNED + number_field(4, 0)),
            "SignedCommand has an unknown field 4 of wire type 0",
        ),
        # The right number with another wire type.
        (number_field(2, 1), "Packet has an unknown field 2 of wire type 0"),
        (varint(2 << 3 | 1) + bytes(8), "Packet has an unknown field 2 of wire type 1"),
        (varint(2 << 3 | 3), "Packet has an unknown field 2 of wire type 3"),
        (varint(2 << 3 | 4), "Packet has an unknown field 2 of wire type 4"),
        (varint(2 << 3 | 5) + bytes(4), "Packet has an unknown field 2 of wire type 5"),
        (varint(2 << 3 | 6), "Packet has an unknown field 2 of wire type 6"),
        (varint(0 << 3 | 2), "Packet has an unknown field 0 of wire type 2"),
        # Lengths.
        (PACKET[:-1], "signed_command reaches beyond Packet"),
        (
            bytes_field(2, bytes_field(1, COMMAND)[:-1]),
            "command reaches beyond SignedCommand",
        ),
        (
            packet_of(COMMAND[:-1]),
            "init reaches beyond Command",
        ),
        (b"\x12\xff\xff\xff\xff\x0f", "signed_command reaches beyond Packet"),
        (PACKET[:1], "Packet ends within a number"),
        (PACKET[:2], "Packet ends within a number"),
        (PACKET + b"\x00", "Packet has an unknown field 0 of wire type 0"),
        # Numbers.
        (b"\x80" * 10 + b"\x01", "Packet has a number of more than 10 bytes"),
        (b"\x12" + b"\xff" * 10, "Packet has a number of more than 10 bytes"),
        (
            b"\x12" + b"\xff" * 9 + b"\x01",
            "Packet has a number of more than 32 bits",
        ),
        (b"\x12" + varint(1 << 32), "Packet has a number of more than 32 bits"),
        (b"\x92\x00" + PACKET[1:], "Packet has a number with needless bytes"),
        (b"\x12\x80\x00", "Packet has a number with needless bytes"),
        (
            packet_of(b"\x08\x81\x00" + bytes_field(2, INIT)),
            "Command has a number with needless bytes",
        ),
    ],
    ids=shown,
)
def test_an_envelope_that_leaves_room_for_guessing_is_refused(
    packet: bytes, detail: str
) -> None:
    """The detail says what is wrong with it."""
    with pytest.raises(FirmwareError) as refused:
        read_init_packet(packet)
    assert refused.value.reason is FirmwareProblem.INIT_PACKET_INVALID
    assert refused.value.details == {"detail": detail}


@pytest.mark.parametrize(
    ("init", "detail"),
    [
        (b"", "InitCommand has no hash"),
        (INIT + number_field(1, 0), "InitCommand has two values for fw_version"),
        (INIT + number_field(2, 0), "InitCommand has two values for hw_version"),
        (INIT + bytes_field(3, b""), "InitCommand has two values for sd_req"),
        (INIT + number_field(4, 0), "InitCommand has two values for type"),
        (INIT + number_field(5, 0), "InitCommand has two values for sd_size"),
        (INIT + number_field(6, 0), "InitCommand has two values for bl_size"),
        (INIT + number_field(7, 0), "InitCommand has two values for app_size"),
        (INIT + bytes_field(8, b""), "InitCommand has two values for hash"),
        (INIT + number_field(9, 0), "InitCommand has two values for is_debug"),
        (
            INIT + number_field(11, 0),
            "InitCommand has an unknown field 11 of wire type 0",
        ),
        (
            bytes_field(1, b"") + INIT,
            "InitCommand has an unknown field 1 of wire type 2",
        ),
        (
            varint(1 << 3 | 5) + bytes(4) + INIT,
            "InitCommand has an unknown field 1 of wire type 5",
        ),
        (
            number_field(3, 0xFFFE) + INIT,
            "InitCommand has an unknown field 3 of wire type 0",
        ),
        (
            INIT.replace(b"\x03\xfe\xff\x03", b"\x03\xfe\xff\x83"),
            "sd_req ends within a number",
        ),
        (
            INIT.replace(b"\x03\xfe\xff\x03", b"\x03\xfe\x80\x00"),
            "sd_req has a number with needless bytes",
        ),
        (
            INIT + bytes_field(10, number_field(3, 0)),
            "BootValidation has an unknown field 3 of wire type 0",
        ),
        (
            INIT + bytes_field(10, number_field(1, 0) * 2),
            "BootValidation has two values for type",
        ),
        (
            INIT.replace(b"\x42\x24\x08\x03", b"\x42\x24\x18\x03"),
            "Hash has an unknown field 3 of wire type 0",
        ),
        (
            INIT.replace(b"\x42\x24\x08\x03\x12\x20", b"\x42\x24\x08\x03\x12\x21"),
            "hash reaches beyond Hash",
        ),
        (INIT[:-1], "boot_validation reaches beyond InitCommand"),
        (
            make_init_command(IMAGE, fw_version=1, hw_version=1, hash_type=1 << 32),
            "Hash has a number of more than 32 bits",
        ),
        (
            make_init_command(IMAGE, fw_version=1 << 32, hw_version=1),
            "InitCommand has a number of more than 32 bits",
        ),
    ],
    ids=shown,
)
def test_an_init_command_that_leaves_room_for_guessing_is_refused(
    init: bytes, detail: str
) -> None:
    """The detail says what is wrong with it."""
    with pytest.raises(FirmwareError) as refused:
        read_init_command(init)
    assert refused.value.reason is FirmwareProblem.INIT_PACKET_INVALID
    assert refused.value.details == {"detail": detail}


@pytest.mark.parametrize(
    ("left_out", "detail"),
    [
        (number_field(1, FW_VERSION), "InitCommand has no fw_version"),
        (number_field(2, HW_VERSION), "InitCommand has no hw_version"),
        (number_field(4, 0), "InitCommand has no type"),
        (number_field(7, len(IMAGE)), "InitCommand has no app_size"),
    ],
    ids=shown,
)
def test_a_field_without_which_a_check_would_be_left_undone_must_be_there(
    left_out: bytes, detail: str
) -> None:
    """A bootloader would take some default."""
    assert INIT.count(left_out) == 1
    with pytest.raises(FirmwareError) as refused:
        read_init_command(INIT.replace(left_out, b""))
    assert refused.value.details == {"detail": detail}


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (bytes_field(2, bytes(32)), "Hash has no hash_type"),
        (number_field(1, 3), "Hash has no hash"),
        (b"", "Hash has no hash"),
    ],
    ids=shown,
)
def test_a_hash_needs_both_its_parts(content: bytes, detail: str) -> None:
    """An empty Hash is as good as none."""
    whole = bytes_field(8, INIT[INIT.index(b"\x42\x24") + 2 :][:36])
    assert INIT.count(whole) == 1
    with pytest.raises(FirmwareError) as refused:
        read_init_command(INIT.replace(whole, bytes_field(8, content)))
    assert refused.value.details == {"detail": detail}


def padded_to(size: int) -> bytes:
    """Return an otherwise good packet of a certain size."""
    short = make_init_packet(IMAGE, key=KEY, boot_validation=((2, bytes(300)),))
    packet = make_init_packet(
        IMAGE, key=KEY, boot_validation=((2, bytes(300 + size - len(short))),)
    )
    assert len(packet) == size
    return packet


def test_the_largest_packet_that_a_bootloader_takes_is_read() -> None:
    """512 bytes."""
    read_init_packet(padded_to(MAX_INIT_PACKET_SIZE))


def test_a_larger_packet_is_refused() -> None:
    """Whatever it contains."""
    with pytest.raises(FirmwareError) as refused:
        read_init_packet(padded_to(MAX_INIT_PACKET_SIZE + 1))
    assert refused.value.reason is FirmwareProblem.INIT_PACKET_INVALID
    assert refused.value.details == {"detail": "it has 513 bytes"}


def test_a_bare_command_is_not_signed() -> None:
    """That is the format's own way of having no signature."""
    with pytest.raises(FirmwareError) as refused:
        read_init_packet(bytes_field(1, COMMAND))
    assert refused.value.reason is FirmwareProblem.NOT_SIGNED
