"""What a Nordic bootloader answers, and what becomes of it."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

import pytest

from custom_components.nightlatch.core.errors import TransportProblem
from custom_components.nightlatch.core.firmware.verify import VerifiedArtifact
from custom_components.nightlatch.core.transports.nordic_link import (
    ANSWER_TIMEOUT,
    EXECUTE_TIMEOUT,
)
from tests.rig.bootloader import Opcode
from tests.rig.dfu_package import generate_key, make_init_packet
from tests.rig.faults import Fault, Traffic
from tests.rig.lock import Mode
from tests.rig.scene import HARDWARE_VERSION, firmware_version
from tests.rig.virtual_time import virtual_time

from ..doorway import NEW, OBJECT, Doorway, artifact, doorway, until, vendor

pytestmark = virtual_time

ABORT = b"\x0c"
MANY = 1_000_000

# Each request of a transfer of two objects and a tail, by its operation and how many of
# its kind it is.
REQUESTS = {
    "select command": (Opcode.SELECT, 1),
    "create command": (Opcode.CREATE, 1),
    "execute command": (Opcode.EXECUTE, 1),
    "select data": (Opcode.SELECT, 2),
    "set receipt": (Opcode.SET_RECEIPT, 1),
    "create first object": (Opcode.CREATE, 2),
    "execute first object": (Opcode.EXECUTE, 2),
    "create second object": (Opcode.CREATE, 3),
    "execute second object": (Opcode.EXECUTE, 3),
    "create last object": (Opcode.CREATE, 4),
    "select to see what arrived": (Opcode.SELECT, 3),
    "execute last object": (Opcode.EXECUTE, 4),
}
RESULTS = [bytes((code,)) for code in range(12) if code != 1]
RESULTS += [bytes((0x0B, code)) for code in range(15)]

REASONS = {
    b"\x04": TransportProblem.REJECTED_SPACE,
    b"\x0b\x05": TransportProblem.REJECTED_VERSION,
    b"\x0b\x06": TransportProblem.REJECTED_HARDWARE,
    b"\x0b\x07": TransportProblem.REJECTED_SOFTDEVICE,
    b"\x0b\x08": TransportProblem.REJECTED_SIGNATURE,
    b"\x0b\x09": TransportProblem.REJECTED_HASH,
    b"\x0b\x0a": TransportProblem.REJECTED_HASH,
    b"\x0b\x0b": TransportProblem.REJECTED_SIGNATURE,
    b"\x0b\x0c": TransportProblem.REJECTED_HASH,
    b"\x0b\x0d": TransportProblem.REJECTED_SPACE,
}


BEGUN_ANEW = {
    "execute command",
    "create first object",
    "create second object",
    "create last object",
}


def refusals() -> Iterator[tuple[str, bytes]]:
    """Return each request with each result but success."""
    for request in REQUESTS:
        for result in RESULTS:
            # An init packet that is not complete is sent again.
            # An object that may not be created is begun anew with the init packet.
            if result != b"\x08" or request not in BEGUN_ANEW:
                yield request, result


@pytest.mark.parametrize(("request_name", "result"), refusals())
async def test_a_refusal_has_its_reason_and_the_lock_its_old_firmware(
    request_name: str, result: bytes
) -> None:
    """At once: a lock in its bootloader is a door that does not open.

    This one has waited for its flash each time before it said that an object is executed,
    so what it refuses in the end is not sent again either.
    """
    operation, nth = REQUESTS[request_name]
    expected = REASONS.get(result, TransportProblem.REJECTED)
    if (request_name, result) == ("execute command", b"\x05"):
        expected = TransportProblem.REJECTED_SIGNATURE
    async with doorway() as door:
        door.bootloader.answer_once(operation, result, nth=nth)
        error = await door.fails()
        assert error.reason is expected
        assert error.details == {
            "operation": operation.name.lower(),
            "code": "/".join(f"0x{byte:02X}" for byte in result),
        }
        assert door.requests[-1] == ABORT
        await asyncio.sleep(1)
        door.assert_as_before()
        door.assert_nothing_left()
        await door.assert_second_transfer_succeeds()


async def test_an_incomplete_init_packet_is_sent_again() -> None:
    """The bootloader has not seen all of it; nothing is wrong with it."""
    async with doorway() as door:
        door.bootloader.answer_once(Opcode.EXECUTE, b"\x08")
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()


async def test_a_complete_init_packet_is_not_sent_for_ever() -> None:
    """A bootloader that says so of a complete one means something else."""
    async with doorway() as door:
        door.bootloader.answer_once(Opcode.EXECUTE, b"\x08")
        door.bootloader.answer_once(Opcode.EXECUTE, b"\x08")
        error = await door.fails()
        assert error.reason is TransportProblem.REJECTED
        assert error.details["code"] == "0x08"
        await asyncio.sleep(1)
        door.assert_as_before()


async def test_an_object_that_was_executed_may_be_refused_when_asked_again() -> None:
    """That one refusal is expected after a lost link, and no other."""
    async with doorway() as door:
        door.link.order(Traffic.WRITE, Fault.CUT_AFTER, match=b"\x04", nth=2)
        door.bootloader.answer_once(Opcode.EXECUTE, b"\x0a", nth=4)
        error = await door.fails()
        assert error.reason is TransportProblem.REJECTED
        assert error.details == {"operation": "execute", "code": "0x0A"}
        await asyncio.sleep(1)
        door.assert_as_before()


async def test_what_is_whole_and_cannot_be_executed_is_sent_again() -> None:
    """A bootloader may keep over a restart that it is, and want an object under way."""
    async with doorway() as door:
        door.link.order(Traffic.WRITE, Fault.CUT_BEFORE, match=b"\x04", nth=4)
        # Those of the init packet and the two whole objects, the first one again, this.
        door.bootloader.answer_once(Opcode.EXECUTE, b"\x08", nth=5)
        report = await door.transfer()
        assert report.reconnects == 1
        assert report.bytes_sent_again == len(artifact().firmware)
        await asyncio.sleep(5)
        door.assert_updated()


async def test_what_was_just_sent_and_cannot_be_executed_is_refused() -> None:
    """That is no memory of another start."""
    async with doorway() as door:
        door.bootloader.answer_once(Opcode.EXECUTE, b"\x08", nth=4)
        error = await door.fails()
        assert error.details == {"operation": "execute", "code": "0x08"}
        await asyncio.sleep(1)
        door.assert_as_before()


# What a real bootloader has against an artifact.


def crafted(**knobs: object) -> VerifiedArtifact:
    """Return an artifact with an init packet that is wrong for this lock."""
    firmware = artifact().firmware
    options: dict[str, object] = {
        "key": vendor().firmware_key,
        "fw_version": firmware_version(NEW),
        "hw_version": HARDWARE_VERSION,
        **knobs,
    }
    init_packet = make_init_packet(firmware, **options)  # type: ignore[arg-type]
    return VerifiedArtifact.seal(
        init_packet=init_packet, firmware=firmware, key_fingerprint=""
    )


@pytest.mark.parametrize(
    ("knobs", "reason", "code"),
    [
        (
            {"key": generate_key()},
            TransportProblem.REJECTED_SIGNATURE,
            "0x05",
        ),
        (
            {"unsigned": True},
            TransportProblem.REJECTED_SIGNATURE,
            "0x0B/0x08",
        ),
        ({"hw_version": 51}, TransportProblem.REJECTED_HARDWARE, "0x0B/0x06"),
        ({"fw_version": 9_999}, TransportProblem.REJECTED_VERSION, "0x0B/0x05"),
        ({"sd_req": (0xCA,)}, TransportProblem.REJECTED_SOFTDEVICE, "0x0B/0x07"),
        ({"hash_type": 1}, TransportProblem.REJECTED_HASH, "0x0B/0x09"),
        ({"hash_reversed": False}, TransportProblem.REJECTED_HASH, "0x0B/0x0C"),
    ],
)
async def test_the_bootloader_has_the_last_word(
    knobs: dict[str, object], reason: TransportProblem, code: str
) -> None:
    """What it refuses never runs, whoever has verified it."""
    async with doorway() as door:
        error = await door.fails(crafted(**knobs))
        assert error.reason is reason
        assert error.details == {"operation": "execute", "code": code}
        await asyncio.sleep(1)
        door.assert_as_before()
        door.assert_nothing_left()
        await door.assert_second_transfer_succeeds()


async def test_firmware_must_fit_into_the_lock() -> None:
    """It is refused before it is sent."""
    async with doorway() as door:
        door.bootloader.policy = type(door.bootloader.policy)(
            public_key=vendor().firmware_key.public_key(),
            hw_version=HARDWARE_VERSION,
            softdevice=None,
            debug_build=False,
            bank_size=OBJECT,
        )
        error = await door.fails()
        assert error.reason is TransportProblem.REJECTED_SPACE
        assert len(door.packets) == 1
        await asyncio.sleep(1)
        door.assert_as_before()


# Answers that make no sense.


def rewrite(
    monkeypatch: pytest.MonkeyPatch,
    door: Doorway,
    rewritten: Callable[[bytes], Iterable[bytes]],
) -> None:
    """Let the bootloader say something else than it means."""
    answer = door.lock.answer

    def say(data: bytes) -> None:
        for each in rewritten(data):
            answer(each)

    monkeypatch.setattr(door.lock, "answer", say)


NONSENSE = {
    "empty": b"",
    "one byte": b"\x60",
    "no result": b"\x60\x06",
    "another kind": b"\x20\x01\x01",
    "short selection": b"\x60\x06\x01\x00\x10\x00\x00",
    "long selection": b"\x60\x06\x01" + b"\x01" * 13,
    "selection without room": b"\x60\x06\x01" + bytes(12),
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_once_is_asked_about_again(
    monkeypatch: pytest.MonkeyPatch, nonsense: bytes
) -> None:
    """Over another connection."""
    async with doorway() as door:
        said: list[bytes] = []

        def once(data: bytes) -> list[bytes]:
            said.append(data)
            return [nonsense] if len(said) == 1 else [data]

        rewrite(monkeypatch, door, once)
        report = await door.transfer()
        assert report.reconnects == 1
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE.keys())
async def test_a_bootloader_that_talks_nonsense_is_given_up(
    monkeypatch: pytest.MonkeyPatch, nonsense: bytes
) -> None:
    """The lock then returns to its old firmware by itself."""
    async with doorway() as door:
        rewrite(monkeypatch, door, lambda _: [nonsense])
        error = await door.fails()
        assert error.reason is TransportProblem.GARBLED_ANSWER
        assert error.details.keys() == {"answer"}
        door.assert_nothing_left()
        await door.rest()
        door.assert_as_before()
        monkeypatch.undo()
        await door.assert_second_transfer_succeeds()


@pytest.mark.parametrize(
    "foreign", [b"\x60\x99\x01", b"\x60\x03\x01" + bytes(8), b"\x60\x02\x0a"]
)
async def test_an_answer_to_something_else_is_not_taken_for_ours(
    monkeypatch: pytest.MonkeyPatch, foreign: bytes
) -> None:
    """Neither before nor after the right one."""
    async with doorway() as door:

        def crowd(data: bytes) -> list[bytes]:
            return [data] if data[1] == foreign[1] else [foreign, data, foreign]

        rewrite(monkeypatch, door, crowd)
        report = await door.transfer()
        assert report.reconnects == 0
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("byte", [0, 1])
@pytest.mark.parametrize("nth", range(2, 16))
async def test_any_answer_may_be_garbled(nth: int, byte: int) -> None:
    """It is asked for again, over another connection if need be."""
    async with doorway() as door:
        mask = bytes(byte) + b"\xff"
        door.link.order(Traffic.NOTIFICATION, Fault.GARBLE, nth=nth, mask=mask)
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()
        door.assert_nothing_left()


@pytest.mark.parametrize("nth", range(2, 16))
async def test_any_answer_may_come_twice(nth: int) -> None:
    """The second one is no answer to the next question."""
    async with doorway() as door:
        door.link.order(Traffic.NOTIFICATION, Fault.DUPLICATE, nth=nth)
        report = await door.transfer()
        assert report.reconnects == 0
        await asyncio.sleep(5)
        door.assert_updated()


async def test_selections_that_never_hold_are_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bootloader that always reports another checksum gets no further."""
    async with doorway() as door:

        def lie(data: bytes) -> list[bytes]:
            if data[:3] in {b"\x60\x06\x01", b"\x60\x03\x01"}:
                data = data[:-1] + bytes((data[-1] ^ 0x55,))
            return [data]

        rewrite(monkeypatch, door, lie)
        error = await door.fails()
        assert error.reason is TransportProblem.LOSSY_LINK
        await asyncio.sleep(1)
        door.assert_as_before()
        monkeypatch.undo()
        await door.assert_second_transfer_succeeds()


# A bootloader that already has something.


async def in_bootloader_with(
    door: Doorway, other: VerifiedArtifact, *, packets: int = 25
) -> None:
    """Let somebody begin a transfer, and go away; as a rule in the second object."""
    door.link.order(Traffic.PACKET, Fault.CUT_AFTER, nth=packets)
    transfer = asyncio.create_task(door.transfer(other))
    await until(lambda: door.link.counters.packets == packets)
    transfer.cancel()
    await asyncio.wait((transfer,))
    assert door.lock.mode is Mode.BOOTLOADER
    door.requests.clear()
    door.packets.clear()


async def test_what_another_transfer_has_left_is_gone_on_with() -> None:
    """Nothing is sent twice but what the lost link has swallowed."""
    async with doorway() as door:
        await in_bootloader_with(door, artifact())
        await door.transfer()
        assert door.count(Opcode.CREATE) == 1, "only the tail is created"
        sent = b"".join(door.packets)
        assert artifact().firmware.endswith(sent)
        assert len(sent) < 2 * OBJECT
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("packets", [2, 18, 25, 40])
async def test_what_is_left_of_other_firmware_is_thrown_away(packets: int) -> None:
    """Another init packet makes all of it worthless, though it may be as long."""
    other = artifact("1.0.5")
    assert len(other.init_packet) == len(artifact().init_packet)
    async with doorway() as door:
        await in_bootloader_with(door, other, packets=packets)
        door.bootloader._data.offset = (
            0 if packets == 2 else door.bootloader._data.offset
        )
        await door.transfer()
        assert b"".join(door.packets).endswith(artifact().firmware)
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("executed", [True, False])
async def test_other_bytes_under_our_init_packet_are_thrown_away(
    executed: bool,
) -> None:
    """Whether they were executed, and so cannot be created again, or not."""
    async with doorway() as door:
        await in_bootloader_with(door, artifact())
        state = door.bootloader._data
        if executed:
            state.size, state.start, state.start_crc = 0, state.offset, 1
        state.crc ^= 1
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()


async def test_other_bytes_that_were_executed_are_thrown_away() -> None:
    """At a boundary creating an object is allowed, but leads nowhere."""
    async with doorway() as door:
        large = artifact(size=10 * OBJECT)
        await in_bootloader_with(door, large, packets=18)
        state = door.bootloader._data
        assert state.offset == OBJECT
        state.execute()
        state.crc = state.start_crc = 1
        await door.transfer(large)
        await asyncio.sleep(5)
        door.assert_updated()


async def test_an_offset_beyond_the_firmware_is_thrown_away() -> None:
    """It is none of ours."""
    async with doorway() as door:
        await in_bootloader_with(door, artifact())
        door.bootloader._data.offset = 10 * OBJECT
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()


# Answers that come late, or never.


@pytest.mark.parametrize(
    ("match", "step"),
    [
        (b"\x60\x06", "select"),
        (b"\x60\x01", "create"),
        (b"\x60\x04", "execute"),
        (b"\x60\x02", "set_receipt"),
    ],
)
async def test_a_bootloader_that_does_not_answer_is_given_up(
    match: bytes, step: str
) -> None:
    """After some connections; the lock then returns by itself."""
    async with doorway() as door:
        door.link.order(Traffic.NOTIFICATION, Fault.LOSE, match=match, times=MANY)
        started = asyncio.get_running_loop().time()
        error = await door.fails()
        waited = asyncio.get_running_loop().time() - started
        assert error.reason is TransportProblem.NO_ANSWER
        assert error.details == {"step": step}
        timeout = EXECUTE_TIMEOUT if step == "execute" else ANSWER_TIMEOUT
        assert waited < 5 * timeout + 60
        door.assert_nothing_left()
        await door.rest()
        door.assert_as_before()
        door.behave()
        await door.assert_second_transfer_succeeds()


@pytest.mark.parametrize("seconds", [1.0, 14.0, 40.0])
async def test_executing_may_take_long(seconds: float) -> None:
    """Flash is erased, a signature checked, a hash made."""
    async with doorway() as door:
        door.bootloader.delays[Opcode.EXECUTE] = seconds
        report = await door.transfer()
        assert report.reconnects == 0
        assert report.seconds > 4 * seconds
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("operation", [Opcode.CREATE, Opcode.SELECT])
async def test_other_requests_may_take_some_time(operation: Opcode) -> None:
    """Creating an object erases a page."""
    async with doorway() as door:
        door.bootloader.delays[operation] = 10.0
        report = await door.transfer()
        assert report.reconnects == 0
        await asyncio.sleep(5)
        door.assert_updated()


async def test_a_last_execute_that_outlasts_every_patience_is_still_a_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lock is busy, does not answer in time, and restarts with the new firmware."""
    async with doorway() as door:

        def become_slow(data: bytes) -> list[bytes]:
            if door.count(Opcode.EXECUTE) == 3:
                door.bootloader.delays[Opcode.EXECUTE] = EXECUTE_TIMEOUT + 30
            return [data]

        rewrite(monkeypatch, door, become_slow)
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()
        door.assert_nothing_left()


async def test_a_create_that_is_refused_as_not_permitted_is_made_once_more() -> None:
    """The bootloader was not done with the object before."""
    async with doorway() as door:
        # The first one is that of the init packet.
        door.bootloader.answer_once(Opcode.CREATE, b"\x08", nth=3)
        report = await door.transfer()
        assert report.reconnects == 0
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("nth", [2, 3, 4])
async def test_an_object_that_may_not_be_created_is_begun_anew(nth: int) -> None:
    """With the init packet, without which some let go of no object (SDK 14)."""
    async with doorway() as door:
        for _ in range(2):
            door.bootloader.answer_once(Opcode.CREATE, b"\x08", nth=nth)
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()
        assert door.bootloader.counters.command_objects == 2


async def test_an_object_that_may_never_be_created_ends_it() -> None:
    """Soon, with the reason, and the lock has its old firmware."""
    async with doorway() as door:
        request = door.bootloader.request

        def refuse_data(data: bytes) -> None:
            if data[:2] == b"\x01\x02":
                door.bootloader.answer_once(Opcode.CREATE, b"\x08")
            request(data)

        door.bootloader.request = refuse_data  # type: ignore[method-assign]
        error = await door.fails()
        assert error.reason is TransportProblem.REJECTED
        assert error.details == {"operation": "create", "code": "0x08"}
        assert door.count(Opcode.CREATE) <= 13
        await asyncio.sleep(1)
        door.assert_as_before()
