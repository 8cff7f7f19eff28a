"""Whatever comes in, only what the vendor signed goes out."""

from typing import Any

from hypothesis import example, given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import FirmwareError
from custom_components.nightlatch.core.firmware.nordic import (
    NordicPackage,
    read_package,
)
from custom_components.nightlatch.core.firmware.nordic_init import (
    read_init_command,
    read_init_packet,
)
from tests.rig.dfu_package import (
    bytes_field,
    make_init_packet,
    make_package,
    number_field,
    sign,
)

from .protobuf_reference import InitCommand, Packet
from .vendor import FW_VERSION, HW_VERSION, IMAGE, KEY, refusal, verify

INIT_PACKET = make_init_packet(
    IMAGE, key=KEY, fw_version=FW_VERSION, hw_version=HW_VERSION
)
ZIP = make_package(IMAGE, key=KEY, fw_version=FW_VERSION, hw_version=HW_VERSION)

uint32 = st.integers(0, 0xFFFF_FFFF)
# Fields of which some are known, some have odd numbers, types, lengths or encodings.
odd_fields = st.one_of(
    st.builds(number_field, st.integers(0, 12), st.integers(0, 1 << 70)),
    st.builds(bytes_field, st.integers(0, 12), st.binary(max_size=40)),
    st.binary(max_size=12),
)
odd_messages = st.lists(odd_fields, max_size=12).map(b"".join)


@st.composite
def mutated(draw: st.DrawFn, original: bytes) -> bytes:
    """Bytes that were cut, extended, spliced or altered here and there."""
    data = bytearray(original)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 8)))
        data[start:end] = draw(st.binary(max_size=8))
    return bytes(data)


@given(st.binary(max_size=600))
def test_arbitrary_bytes_are_no_zip(data: bytes) -> None:
    """And raise nothing but a refusal."""
    refusal(data)


@given(st.binary(max_size=600) | odd_messages)
def test_arbitrary_bytes_are_no_init_packet(data: bytes) -> None:
    """And raise nothing but a refusal."""
    refusal(NordicPackage(init_packet=data, firmware=IMAGE))


@given(mutated(ZIP))
@example(ZIP)
def test_an_altered_zip_is_refused_or_means_the_same(data: bytes) -> None:
    """What is not signed, as a time stamp, may change; nothing else may."""
    try:
        artifact = verify(read_package(data))
    except FirmwareError:
        return
    assert artifact.firmware == IMAGE
    assert artifact.init_packet == INIT_PACKET


@given(mutated(INIT_PACKET).filter(lambda data: data != INIT_PACKET))
def test_an_altered_init_packet_is_refused(data: bytes) -> None:
    """Every byte of it is either signed or has only one right value."""
    refusal(NordicPackage(init_packet=data, firmware=IMAGE))


@given(mutated(IMAGE).filter(lambda data: data != IMAGE))
def test_an_altered_binary_is_refused(data: bytes) -> None:
    """Every byte of it is signed by way of its hash."""
    refusal(NordicPackage(init_packet=INIT_PACKET, firmware=data))


@pytest.mark.parametrize("position", range(len(INIT_PACKET)))
def test_no_byte_of_the_init_packet_may_be_another(position: int) -> None:
    """All 255 other values are tried at each position."""
    for value in set(range(256)) - {INIT_PACKET[position]}:
        altered = bytearray(INIT_PACKET)
        altered[position] = value
        refusal(NordicPackage(init_packet=bytes(altered), firmware=IMAGE))


@pytest.mark.parametrize("length", range(len(INIT_PACKET)))
def test_no_byte_of_the_init_packet_may_be_missing(length: int) -> None:
    """A packet that is cut is refused, wherever it is cut."""
    refusal(NordicPackage(init_packet=INIT_PACKET[:length], firmware=IMAGE))


@given(st.binary(min_size=1, max_size=64))
def test_nothing_may_follow_the_init_packet(tail: bytes) -> None:
    """Not even what looks like a further field."""
    refusal(NordicPackage(init_packet=INIT_PACKET + tail, firmware=IMAGE))


@given(
    fields=st.fixed_dictionaries(
        {
            "fw_version": uint32,
            "hw_version": uint32,
            "type": uint32,
            "app_size": uint32,
            "hash": st.fixed_dictionaries(
                {"hash_type": uint32, "hash": st.binary(max_size=64)}
            ),
        },
        optional={
            "sd_req": st.lists(uint32, max_size=16),
            "sd_size": uint32,
            "bl_size": uint32,
            "is_debug": st.booleans(),
            "boot_validation": st.lists(
                st.fixed_dictionaries(
                    {"type": uint32, "bytes": st.binary(max_size=64)}
                ),
                max_size=3,
            ),
        },
    )
)
def test_the_reader_agrees_with_googles(fields: dict[str, Any]) -> None:
    """What Google's library writes is read as it was meant."""
    read = read_init_command(InitCommand(**fields).SerializeToString())
    assert read.firmware_version == fields["fw_version"]
    assert read.hardware_version == fields["hw_version"]
    assert read.image_type == fields["type"]
    assert read.application_size == fields["app_size"]
    assert read.hash_type == fields["hash"]["hash_type"]
    assert read.hash == fields["hash"]["hash"]
    assert read.is_debug is fields.get("is_debug", False)


def test_a_package_of_googles_making_is_accepted() -> None:
    """The vendor's own tool builds its packets with that library."""
    ours = Packet.FromString(INIT_PACKET)
    packet = Packet()
    packet.signed_command.command.op_code = 1
    packet.signed_command.command.init.CopyFrom(ours.signed_command.command.init)
    init = packet.signed_command.command.init.SerializeToString()
    packet.signed_command.signature_type = 0
    packet.signed_command.signature = sign(init, KEY)
    raw = packet.SerializeToString()
    assert verify(NordicPackage(init_packet=raw, firmware=IMAGE)).firmware == IMAGE


@given(mutated(INIT_PACKET) | odd_messages)
@example(INIT_PACKET)
def test_what_the_strict_reader_accepts_google_reads_alike(data: bytes) -> None:
    """Strictness refuses, but never reads something else into a packet."""
    try:
        ours = read_init_packet(data)
        read_init_command(ours.signed)
    except FirmwareError:
        return
    theirs = Packet.FromString(data).signed_command
    assert ours.signature == theirs.signature
    assert ours.signature_type == theirs.signature_type
    assert InitCommand.FromString(ours.signed) == theirs.command.init


@given(mutated(read_init_packet(INIT_PACKET).signed) | odd_messages)
def test_what_the_strict_reader_takes_for_a_command_google_reads_alike(
    data: bytes,
) -> None:
    """The same for the part that is signed."""
    try:
        ours = read_init_command(data)
    except FirmwareError:
        return
    theirs = InitCommand.FromString(data)
    assert ours.firmware_version == theirs.fw_version
    assert ours.hardware_version == theirs.hw_version
    assert ours.image_type == theirs.type
    assert ours.application_size == theirs.app_size
    assert (ours.hash_type, ours.hash) == (theirs.hash.hash_type, theirs.hash.hash)
    assert ours.is_debug == theirs.is_debug
