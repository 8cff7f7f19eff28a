"""The virtual bootloader answers as a real one does.

The expectations of the first part were recorded from a bootloader of the nRF5 SDK 15.3.
"""

import asyncio
from collections.abc import AsyncIterator
import struct
from typing import Unpack
from zlib import crc32

from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings, strategies as st
import pytest

from tests.rig.bootloader import INACTIVITY_TIMEOUT, Opcode
from tests.rig.dfu_package import (
    FwType,
    InitPacketKnobs,
    SignatureType,
    SignedOver,
    generate_key,
    make_init_packet,
)
from tests.rig.image import make_image
from tests.rig.nordic_flash import SETTINGS_TIME
from tests.rig.virtual_time import virtual_time

from .bench import FW_VERSION, HW_VERSION, OLD_IMAGE, Bench, pieces, u32

pytestmark = virtual_time

KEY = generate_key()
OBJECT = 4096
IMAGE = make_image("1.1.0", OBJECT + 1508, 2)
INIT_PACKET = make_init_packet(
    IMAGE, key=KEY, fw_version=FW_VERSION, hw_version=HW_VERSION, sd_req=(0,)
)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """Start a bootloader."""
    bench = Bench(KEY)
    yield bench
    bench.close()


def init_packet(
    *,
    key: ec.EllipticCurvePrivateKey = KEY,
    image: bytes = IMAGE,
    fw_version: int | None = FW_VERSION,
    hw_version: int | None = HW_VERSION,
    **knobs: Unpack[InitPacketKnobs],
) -> bytes:
    """Make an init packet that is good but for the knobs."""
    knobs.setdefault("sd_req", (0,))
    return make_init_packet(
        image, key=key, fw_version=fw_version, hw_version=hw_version, **knobs
    )


# What was recorded: init packets.


@pytest.mark.parametrize(
    ("packet", "answer"),
    [
        pytest.param(init_packet(), "600401", id="good"),
        pytest.param(init_packet(flip_signature_bit=77), "600405", id="bit flipped"),
        pytest.param(init_packet(big_endian=True), "600405", id="big-endian"),
        pytest.param(
            init_packet(signed_over=SignedOver.COMMAND), "600405", id="over Command"
        ),
        pytest.param(init_packet(key=generate_key()), "600405", id="other key"),
        pytest.param(init_packet(unsigned=True), "60040b08", id="unsigned"),
        pytest.param(
            init_packet(signature_type=SignatureType.ED25519), "60040b0b", id="ED25519"
        ),
        pytest.param(init_packet(hw_version=51), "60040b06", id="other hardware"),
        pytest.param(init_packet(hw_version=None), "60040b04", id="no hardware"),
        pytest.param(init_packet(fw_version=None), "60040b07", id="no version"),
        pytest.param(init_packet(sd_req=(0xCA,)), "60040b07", id="SoftDevice"),
        pytest.param(init_packet(hash_type=1), "60040b09", id="hash is a CRC"),
        pytest.param(init_packet(hash_type=4), "60040b09", id="hash is SHA-512"),
        pytest.param(
            init_packet(fw_type=FwType.BOOTLOADER, fw_version=0),
            "60040b05",
            id="old bootloader",
        ),
        pytest.param(init_packet(fw_type=7), "60040b04", id="unknown type"),
        pytest.param(b"\x5a" * 139, "600405", id="garbage"),
    ],
)
async def test_init_packets_are_judged_as_recorded(
    bench: Bench, packet: bytes, answer: str
) -> None:
    """Each fault of an init packet has its own answer."""
    assert bench.send_init_packet(packet) == answer


async def test_a_debug_build_skips_the_checks_of_a_debug_package() -> None:
    """Recorded from a debug build: is_debug makes the wrong hardware right."""
    bench = Bench(KEY, debug_build=True)
    packet = init_packet(is_debug=True, hw_version=51)
    assert bench.send_init_packet(packet) == "600401"
    bench.close()


async def test_a_release_build_does_not_care_for_is_debug(bench: Bench) -> None:
    """A debug package gets no mercy."""
    packet = init_packet(is_debug=True, hw_version=51)
    assert bench.send_init_packet(packet) == "60040b06"


# What was recorded: requests.


@pytest.mark.parametrize(
    ("size", "answer"), [(513, "600104"), (0, "600103"), (512, "600101")]
)
async def test_command_objects_have_a_size(
    bench: Bench, size: int, answer: str
) -> None:
    """An init packet has 1 to 512 bytes."""
    assert bench.ask("0101" + u32(size)) == answer


async def test_a_truncated_init_packet_is_not_executed(bench: Bench) -> None:
    """What was announced has to arrive."""
    bench.ask("0101" + u32(len(INIT_PACKET)))
    bench.send(INIT_PACKET[:-1])
    assert bench.ask("04") == "600408"


async def test_no_data_before_an_init_packet(bench: Bench) -> None:
    """The bootloader wants to know first what is coming."""
    assert bench.ask("0102" + u32(OBJECT)) == "600108"


@pytest.mark.parametrize(
    ("size", "answer"), [(0, "600103"), (100, "600103"), (8192, "600104")]
)
async def test_data_objects_have_a_size(bench: Bench, size: int, answer: str) -> None:
    """A data object is a page, or the rest of the image."""
    bench.send_init_packet(INIT_PACKET)
    assert bench.ask("0102" + u32(size)) == answer


@pytest.mark.parametrize("before", ["0602", "0102" + u32(OBJECT)])
async def test_nothing_to_execute(bench: Bench, before: str) -> None:
    """EXECUTE without data is refused, whether an object is open or not."""
    bench.send_init_packet(INIT_PACKET)
    bench.ask(before)
    assert bench.ask("04") == "600408"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        pytest.param("55", "605502", id="unknown opcode"),
        pytest.param("0609", "600605", id="unknown type"),
        pytest.param("0c", "", id="abort"),
    ],
)
async def test_odd_requests_are_answered_as_recorded(
    bench: Bench, asked: str, answer: str
) -> None:
    """Unknown things have answers too; ABORT has none."""
    assert bench.ask(asked) == answer


# What was recorded: images.


async def test_a_good_image_of_two_objects_is_accepted(bench: Bench) -> None:
    """The last answer comes first, then the settings page, then the restart."""
    bench.send_init_packet(INIT_PACKET)
    assert bench.send_object(IMAGE[:OBJECT]) == "600401"
    assert bench.send_object(IMAGE[OBJECT:]) == "600401"
    assert not bench.flash.activate
    await asyncio.sleep(SETTINGS_TIME - 0.01)
    assert bench.resets == 0
    await asyncio.sleep(0.02)
    assert bench.resets == 1
    assert bench.flash.staged == IMAGE
    assert bench.flash.activate == len(IMAGE)
    assert bench.flash.activate_version == FW_VERSION


@pytest.mark.parametrize(
    ("packet", "image"),
    [
        pytest.param(
            INIT_PACKET, IMAGE[:-1] + bytes((IMAGE[-1] ^ 1,)), id="a byte is wrong"
        ),
        pytest.param(init_packet(hash_reversed=False), IMAGE, id="hash is big-endian"),
    ],
)
async def test_an_image_that_does_not_match_its_hash_is_refused(
    bench: Bench, packet: bytes, image: bytes
) -> None:
    """The hash is checked when the last object is executed; then all begins anew.

    Whatever the hash was, the settings page is written behind the answer, and then the
    bootloader restarts (nRF5 SDK 12 to 17).
    """
    assert bench.send_init_packet(packet) == "600401"
    assert bench.send_object(image[:OBJECT]) == "600401"
    assert bench.send_object(image[OBJECT:]) == "60040b0c"
    assert bench.ask("0601") == "600601" + "00020000" + "00000000" * 2
    assert bench.ask("0602") == "600601" + "00100000" + "00000000" * 2
    assert bench.ask("0102" + u32(OBJECT)) == "600108"
    assert bench.resets == 0
    await asyncio.sleep(SETTINGS_TIME + 0.01)
    assert bench.resets == 1
    assert bench.ask("0601") == "600601" + "00020000" + "00000000" * 2
    assert bench.flash.activate == 0
    assert bench.flash.application == OLD_IMAGE


async def test_a_lost_connection_keeps_all_progress(bench: Bench) -> None:
    """Recorded in the middle of the second object."""
    bench.send_init_packet(INIT_PACKET)
    bench.send_object(IMAGE[:OBJECT])
    bench.ask("0102" + u32(len(IMAGE) - OBJECT))
    bench.send(IMAGE[OBJECT : OBJECT + 64])
    bench.bootloader.link_lost()
    expected = struct.pack("<III", 512, len(INIT_PACKET), crc32(INIT_PACKET))
    assert bench.ask("0601") == "600601" + expected.hex()
    expected = struct.pack("<III", 4096, 4160, crc32(IMAGE[:4160]))
    assert bench.ask("0602") == "600601" + expected.hex()
    assert bench.ask("03") == "600301" + expected[4:].hex()


async def test_the_recorded_transcript(bench: Bench) -> None:
    """A whole small update, request for request."""
    image = make_image("1.1.0", 1508, 3)
    packet = init_packet(image=image)
    assert bench.ask("020000") == "600201"
    assert bench.ask("0601") == "600601" + "00020000" + "00000000" * 2
    assert bench.ask("0101" + u32(len(packet))) == "600101"
    bench.send(packet)
    assert bench.ask("03") == "600301" + u32(len(packet)) + u32(crc32(packet))
    assert bench.ask("04") == "600401"
    assert bench.ask("0602") == "600601" + "00100000" + "00000000" * 2
    assert bench.ask("0102" + "e4050000") == "600101"
    bench.send(image)
    assert bench.ask("03") == "600301" + "e4050000" + u32(crc32(image))
    assert bench.ask("04") == "600401"
    await asyncio.sleep(SETTINGS_TIME + 0.01)
    assert bench.resets == 1
    assert bench.bootloader.counters.packets == 8


# Versions.


@pytest.mark.parametrize(
    ("fw_version", "answer"),
    [(FW_VERSION - 1, "60040b05"), (FW_VERSION, "600401"), (FW_VERSION + 1, "600401")],
)
async def test_an_application_may_be_the_same_but_not_older(
    bench: Bench, fw_version: int, answer: str
) -> None:
    """Downgrades are refused by the lock itself."""
    assert bench.send_init_packet(init_packet(fw_version=fw_version)) == answer


@pytest.mark.parametrize(
    ("sd_req", "answer"),
    [
        ((0xCA,), "600401"),
        ((0xB6, 0xCA), "600401"),
        ((0xFFFE,), "600401"),
        ((0xB6,), "60040b07"),
        ((0,), "60040b07"),
        ((), "60040b07"),
    ],
)
async def test_a_softdevice_must_be_among_those_required(
    sd_req: tuple[int, ...], answer: str
) -> None:
    """0xFFFE stands for any."""
    bench = Bench(KEY, softdevice=0xCA)
    assert bench.send_init_packet(init_packet(sd_req=sd_req)) == answer
    bench.close()


async def test_with_a_softdevice_a_missing_version_is_an_invalid_init_command() -> None:
    """Only without one it is reported as a wrong SoftDevice."""
    bench = Bench(KEY, softdevice=0xCA)
    packet = init_packet(fw_version=None, sd_req=(0xCA,))
    assert bench.send_init_packet(packet) == "60040b04"
    bench.close()


async def test_an_image_must_fit_into_its_bank() -> None:
    """There is as much room as there is."""
    bench = Bench(KEY, bank_size=len(IMAGE) - 4)
    assert bench.send_init_packet(INIT_PACKET) == "60040b0d"
    bench.close()


# Objects.


@pytest.mark.parametrize(
    ("opcode", "length"), [(0x01, 5), (0x02, 2), (0x03, 2), (0x04, 2), (0x06, 1)]
)
async def test_requests_of_a_wrong_length_are_refused(
    bench: Bench, opcode: int, length: int
) -> None:
    """A request has the length that its opcode asks for."""
    asked = bytes((opcode,)).ljust(length, b"\x01").hex()
    assert bench.ask(asked) == f"60{opcode:02x}03"


@pytest.mark.parametrize("opcode", ["00", "07", "08", "09", "0a", "0b"])
async def test_requests_of_the_serial_transport_are_unknown(
    bench: Bench, opcode: str
) -> None:
    """Over Bluetooth the bootloader knows the reduced protocol only."""
    assert bench.ask(opcode) == f"60{opcode}02"


async def test_after_an_unknown_type_there_is_no_object_at_all(bench: Bench) -> None:
    """Requests without a type go to the object that was named last."""
    bench.ask("0609")
    assert bench.ask("03") == "600305"
    assert bench.ask("04") == "600405"
    bench.ask("0601")
    assert bench.ask("03") == "600301" + "00000000" * 2


async def test_an_init_packet_may_be_executed_again(bench: Bench) -> None:
    """It changes nothing, and nothing is lost by it."""
    bench.send_init_packet(INIT_PACKET)
    bench.send_object(IMAGE[:OBJECT])
    bench.ask("0601")
    assert bench.ask("04") == "600401"
    expected = struct.pack("<III", 4096, OBJECT, crc32(IMAGE[:OBJECT]))
    assert bench.ask("0602") == "600601" + expected.hex()


async def test_another_init_packet_starts_anew(bench: Bench) -> None:
    """Creating a command object forgets what was received of an image."""
    bench.send_init_packet(INIT_PACKET)
    bench.send_object(IMAGE[:OBJECT])
    bench.ask("0101" + u32(len(INIT_PACKET)))
    assert bench.ask("0602") == "600601" + "00100000" + "00000000" * 2
    assert bench.ask("0102" + u32(OBJECT)) == "600108"


async def test_creating_an_object_again_forgets_what_came_of_it(bench: Bench) -> None:
    """Offset and CRC go back to the last object that was executed."""
    bench.send_init_packet(INIT_PACKET)
    bench.send_object(IMAGE[:OBJECT])
    for _ in range(2):
        bench.ask("0102" + u32(len(IMAGE) - OBJECT))
        expected = struct.pack("<II", OBJECT, crc32(IMAGE[:OBJECT]))
        assert bench.ask("03") == "600301" + expected.hex()
        assert set(bench.flash.staged[OBJECT:]) == {0xFF}
        bench.send(b"\0" * 128)
    bench.ask("0102" + u32(len(IMAGE) - OBJECT))
    bench.send(IMAGE[OBJECT:])
    assert bench.ask("04") == "600401"
    assert bench.flash.staged == IMAGE


async def test_between_objects_packets_are_refused(bench: Bench) -> None:
    """After EXECUTE there is no object until the next CREATE."""
    bench.send_init_packet(INIT_PACKET)
    bench.send_object(IMAGE[:OBJECT])
    bench.send(IMAGE[OBJECT : OBJECT + 4])
    expected = struct.pack("<II", OBJECT, crc32(IMAGE[:OBJECT]))
    assert bench.ask("03") == "600301" + expected.hex()
    assert bench.bootloader.counters.refused_packets == 1


async def test_an_object_is_executed_once(bench: Bench) -> None:
    """Who asks again is told that there is nothing to execute."""
    bench.send_init_packet(INIT_PACKET)
    bench.send_object(IMAGE[:OBJECT])
    assert bench.ask("04") == "600408"


async def test_no_object_goes_beyond_the_image(bench: Bench) -> None:
    """The tail is as long as the init packet says, not a page."""
    bench.send_init_packet(INIT_PACKET)
    bench.send_object(IMAGE[:OBJECT])
    assert bench.ask("0102" + u32(OBJECT)) == "600108"
    assert bench.ask("0102" + u32(len(IMAGE) - OBJECT)) == "600101"


async def test_a_packet_beyond_the_end_of_an_object_is_refused(bench: Bench) -> None:
    """It is not even written in part."""
    bench.send_init_packet(INIT_PACKET)
    bench.ask("0102" + u32(OBJECT))
    bench.send(IMAGE[: OBJECT - 4])
    bench.ask("03")  # which frees the buffers
    bench.send(b"\x55" * 8)
    expected = struct.pack("<II", OBJECT - 4, crc32(IMAGE[: OBJECT - 4]))
    assert bench.ask("03") == "600301" + expected.hex()
    assert bench.bootloader.counters.refused_packets == 1


@pytest.mark.parametrize("length", [1, 2, 3, 5, 243])
async def test_firmware_comes_in_words(bench: Bench, length: int) -> None:
    """Flash is written in words of four bytes; other packets vanish."""
    bench.send_init_packet(INIT_PACKET)
    bench.ask("0102" + u32(OBJECT))
    bench.send(IMAGE[:length])
    assert bench.ask("03") == "600301" + "00000000" * 2


# Receipts and buffers.


async def test_a_receipt_comes_after_every_nth_packet(bench: Bench) -> None:
    """It says how far the bootloader is, like the answer to a checksum request."""
    bench.send_init_packet(INIT_PACKET)
    bench.ask("020500")
    bench.ask("0102" + u32(OBJECT))
    bench.answers.clear()
    bench.send(IMAGE[:OBJECT])
    assert bench.answers == [
        "600301" + struct.pack("<II", end, crc32(IMAGE[:end])).hex()
        for end in (5 * 244, 10 * 244, 15 * 244)
    ]


@pytest.mark.parametrize("reset_by", ["020300", "0102" + u32(OBJECT)])
async def test_counting_for_receipts_starts_anew(bench: Bench, reset_by: str) -> None:
    """Both SET PRN and CREATE begin to count from zero."""
    bench.send_init_packet(INIT_PACKET)
    bench.ask("020300")
    bench.ask("0102" + u32(OBJECT))
    bench.send(IMAGE[:488])
    bench.ask(reset_by)
    bench.answers.clear()
    bench.send(IMAGE[:488])
    assert bench.answers == []
    bench.send(IMAGE[488:732])
    assert len(bench.answers) == 1


async def test_no_receipts_unless_asked_for(bench: Bench) -> None:
    """Zero turns them off."""
    bench.send_init_packet(INIT_PACKET)
    bench.ask("020100")
    bench.ask("020000")
    bench.ask("0102" + u32(OBJECT))
    bench.answers.clear()
    bench.send(IMAGE[:OBJECT])
    assert bench.answers == []


async def test_an_object_in_full_packets_fits_into_the_buffers(bench: Bench) -> None:
    """17 packets of 244 bytes need no receipts."""
    bench.send_init_packet(INIT_PACKET)
    bench.ask("0102" + u32(OBJECT))
    bench.send(IMAGE[:OBJECT])
    assert bench.bootloader.counters.dropped_packets == 0
    assert bench.ask("04") == "600401"


@pytest.mark.parametrize(
    ("buffers", "size", "dropped"), [(8, 244, 9), (17, 20, 188), (17, 240, 1)]
)
async def test_packets_without_a_buffer_are_dropped_in_silence(
    bench: Bench, buffers: int, size: int, dropped: int
) -> None:
    """Only offset and CRC show that something is missing."""
    bench.bootloader.hold_buffers(buffers)
    bench.send_init_packet(INIT_PACKET)
    bench.ask("0102" + u32(OBJECT))
    bench.answers.clear()
    bench.send(IMAGE[:OBJECT], size=size)
    assert bench.answers == []
    assert bench.bootloader.counters.dropped_packets == dropped
    taken = buffers * size
    expected = struct.pack("<II", taken, crc32(IMAGE[:taken]))
    assert bench.ask("03") == "600301" + expected.hex()


async def _send_slowly(bench: Bench, data: bytes, *, size: int, pause: float) -> None:
    for piece in pieces(data, size):
        bench.bootloader.packet(piece)
        await asyncio.sleep(pause)


@pytest.mark.parametrize(("pause", "complete"), [(0.0075, True), (0.002, False)])
async def test_the_flash_empties_the_buffers(
    bench: Bench, pause: float, complete: bool
) -> None:
    """Without receipts; but not while it erases the page that CREATE has begun."""
    bench.bootloader.receive_buffers.worst = False
    bench.send_init_packet(INIT_PACKET)
    bench.ask("0102" + u32(OBJECT))
    await _send_slowly(bench, IMAGE[:OBJECT], size=20, pause=pause)
    assert (bench.bootloader.counters.dropped_packets == 0) is complete
    assert bench.ask("04") == ("600401" if complete else "600408")


async def test_execute_is_answered_when_the_flash_is_done(bench: Bench) -> None:
    """And what was asked after it is answered before it."""
    bench.bootloader.receive_buffers.worst = False
    bench.send_init_packet(INIT_PACKET)
    bench.ask("0102" + u32(OBJECT))
    bench.send(IMAGE[:OBJECT])
    assert bench.ask("04") == ""
    bench.bootloader.request(b"\x06\x01")
    busy = bench.bootloader.receive_buffers.flash_busy
    assert busy == pytest.approx(0.085 + OBJECT / 4 * 41e-6)
    await asyncio.sleep(busy + 0.001)
    assert [answer[:6] for answer in bench.answers] == ["600601", "600401"]


async def test_a_receipt_frees_the_buffers(bench: Bench) -> None:
    """Who waits for receipts as often as the buffers need it loses nothing."""
    bench.bootloader.hold_buffers(8)
    bench.send_init_packet(INIT_PACKET)
    bench.ask("020800")
    bench.ask("0102" + u32(OBJECT))
    bench.send(IMAGE[:OBJECT])
    assert bench.ask("04") == "600401"


async def test_dropped_packets_do_not_count_for_receipts(bench: Bench) -> None:
    """A receipt that the buffers cannot reach never comes."""
    bench.bootloader.hold_buffers(8)
    bench.send_init_packet(INIT_PACKET)
    bench.ask("020900")
    bench.ask("0102" + u32(OBJECT))
    bench.answers.clear()
    bench.send(IMAGE[:OBJECT])
    assert bench.answers == []


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 61).map(lambda words: 4 * words), min_size=1),
    st.integers(0, 20),
)
async def test_any_way_of_cutting_an_object_is_as_good(
    sizes: list[int], receipt_every: int
) -> None:
    """Packets of whole words may have any length, as long as buffers are free."""
    bench = Bench(KEY)
    bench.bootloader.hold_buffers(OBJECT)
    bench.ask("02" + receipt_every.to_bytes(2, "little").hex())
    bench.send_init_packet(INIT_PACKET)
    for data in pieces(IMAGE, OBJECT):
        bench.ask("0102" + u32(len(data)))
        position = 0
        while position < len(data):
            for size in sizes:
                if piece := data[position : position + size]:
                    bench.bootloader.packet(piece)
                    position += size
        assert bench.ask("04") == "600401"
    assert bench.flash.staged == IMAGE
    bench.close()


# Restarts and time.


async def test_a_restart_keeps_the_init_packet_but_no_data(bench: Bench) -> None:
    """Data progress is in RAM; the init packet is in flash and holds already."""
    bench.send_init_packet(INIT_PACKET)
    bench.send_object(IMAGE[:OBJECT])
    bench.restart()
    expected = struct.pack("<III", 512, len(INIT_PACKET), crc32(INIT_PACKET))
    assert bench.ask("0601") == "600601" + expected.hex()
    assert bench.ask("0602") == "600601" + "00100000" + "00000000" * 2
    for data in pieces(IMAGE, OBJECT):
        assert bench.send_object(data) == "600401"
    assert bench.flash.staged == IMAGE


async def test_a_restart_forgets_an_init_packet_that_was_not_executed(
    bench: Bench,
) -> None:
    """Only what was found good is kept."""
    bench.ask("0101" + u32(len(INIT_PACKET)))
    bench.send(INIT_PACKET)
    bench.restart()
    assert bench.ask("0601") == "600601" + "00020000" + "00000000" * 2


async def test_abort_restarts(bench: Bench) -> None:
    """The only answer is the restart."""
    bench.ask("0c")
    assert bench.resets == 1


async def test_inactivity_restarts(bench: Bench) -> None:
    """Two minutes after the last packet or request the bootloader gives up."""
    await asyncio.sleep(INACTIVITY_TIMEOUT - 1)
    bench.ask("03")
    await asyncio.sleep(INACTIVITY_TIMEOUT - 1)
    bench.send(b"\0\0\0\0")
    await asyncio.sleep(INACTIVITY_TIMEOUT - 1)
    assert bench.resets == 0
    await asyncio.sleep(1)
    assert bench.resets == 1


# What can be ordered.


async def test_an_ordered_answer_comes_once_and_nothing_is_done(bench: Bench) -> None:
    """Any result can be had for any request."""
    bench.send_init_packet(INIT_PACKET)
    bench.bootloader.answer_once(Opcode.CREATE, b"\x0b\x0d", nth=2)
    assert bench.ask("0102" + u32(OBJECT)) == "600101"
    bench.send(IMAGE[:244])
    assert bench.ask("0102" + u32(OBJECT)) == "60010b0d"
    assert bench.ask("03") == "600301" + u32(244) + u32(crc32(IMAGE[:244]))
    assert bench.ask("0102" + u32(OBJECT)) == "600101"


async def test_a_slow_request_is_answered_late_and_in_order(bench: Bench) -> None:
    """Erasing flash takes its time; the answers keep their order."""
    bench.bootloader.delays[Opcode.EXECUTE] = 20.0
    assert bench.send_init_packet(INIT_PACKET) == ""
    assert bench.ask("0602") == ""
    await asyncio.sleep(19.9)
    assert bench.answers == []
    await asyncio.sleep(0.2)
    assert bench.answers == ["600401", "600601" + "00100000" + "00000000" * 2]


async def test_a_slow_last_execute_restarts_after_its_answer(bench: Bench) -> None:
    """The restart waits for the answer."""
    bench.send_init_packet(INIT_PACKET)
    bench.send_object(IMAGE[:OBJECT])
    bench.bootloader.delays[Opcode.EXECUTE] = 5.0
    bench.send_object(IMAGE[OBJECT:])
    await asyncio.sleep(4.9)
    assert (bench.answers, bench.resets) == ([], 0)
    await asyncio.sleep(0.2)
    assert (bench.answers, bench.resets) == (["600401"], 0)
    await asyncio.sleep(SETTINGS_TIME + 0.01)
    assert (bench.answers, bench.resets) == (["600401"], 1)


async def test_a_silent_end_is_a_success_without_an_answer(bench: Bench) -> None:
    """The image is accepted all the same."""
    bench.bootloader.silent_at_the_end = True
    bench.send_init_packet(INIT_PACKET)
    assert bench.send_object(IMAGE[:OBJECT]) == "600401"
    assert bench.send_object(IMAGE[OBJECT:]) == ""
    await asyncio.sleep(SETTINGS_TIME + 0.01)
    assert bench.resets == 1
    assert bench.flash.activate == len(IMAGE)


# Anything at all.


@settings(deadline=None)
@given(st.binary(max_size=600))
async def test_no_init_packet_out_of_thin_air_is_accepted(packet: bytes) -> None:
    """Whatever comes, the bootloader answers and refuses."""
    bench = Bench(KEY)
    if 0 < len(packet) <= 512:
        answer = bench.send_init_packet(packet)
        assert answer.startswith("6004")
        assert answer != "600401"
    bench.close()


@settings(deadline=None)
@given(st.integers(0, len(INIT_PACKET) * 8 - 1))
async def test_no_bit_of_an_init_packet_may_be_turned_over(bit: int) -> None:
    """But for those of the frame around what is signed, which say nothing else."""
    bench = Bench(KEY)
    packet = bytearray(INIT_PACKET)
    packet[bit // 8] ^= 1 << bit % 8
    answer = bench.send_init_packet(bytes(packet))
    assert answer.startswith("6004")
    assert answer != "600401"
    bench.close()


@settings(deadline=None)
@given(st.lists(st.binary(max_size=24), max_size=30))
async def test_no_request_breaks_the_bootloader(requests: list[bytes]) -> None:
    """Every request is answered once, but for ABORT and an empty one."""
    bench = Bench(KEY)
    for data in requests:
        answer = bench.ask(data.hex())
        silent = not data or data == b"\x0c"
        assert answer[:4] == ("" if silent else f"60{data[0]:02x}")
    bench.close()
