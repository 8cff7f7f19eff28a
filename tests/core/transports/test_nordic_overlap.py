"""Objects that are executed ahead of their receipts, on bootloaders of all generations."""

import asyncio

import pytest

from custom_components.nightlatch.core.errors import TransportProblem
from custom_components.nightlatch.core.model import Manner
from custom_components.nightlatch.core.transports.base import TransferReport
from custom_components.nightlatch.core.transports.nordic_dfu import NordicDfuTransport
from custom_components.nightlatch.core.transports.nordic_pace import Pace
from tests.rig.bootloader import Generation, Opcode
from tests.rig.faults import Fault, Traffic
from tests.rig.link import LinkModel
from tests.rig.virtual_time import virtual_time

from ..doorway import NAME, OBJECT, Doorway, artifact, doorway

pytestmark = virtual_time

SIZE = 7 * OBJECT + 1000
OBJECTS = 8
EXECUTED = b"\x60\x04"
SLOW_WORD = 338e-6


def link(**fields: float | bool) -> LinkModel:
    """Return a usual link of a bootloader whose SoftDevice holds one notification."""
    model = LinkModel(
        connection_interval=0.015, honours_fast_interval=False, one_notification=True
    )
    for name, value in fields.items():
        setattr(model, name, value)
    return model


async def send(
    door: Doorway, pace: Pace | None = None, size: int = SIZE
) -> tuple[TransferReport, Pace]:
    """Send firmware, and see that the lock runs it."""
    pace = pace or Pace()
    wanted = artifact(size=size)
    door.image = wanted.firmware
    transport = NordicDfuTransport(door.radio, door.lock.address, NAME, pace=pace)
    report = await transport.transfer(wanted, door.progress.append)
    await asyncio.sleep(10)
    door.assert_updated()
    door.assert_nothing_left()
    return report, pace


def note_order(door: Doorway) -> list[bytes]:
    """Return what goes over the air from now on: requests, and the lock's answers."""
    order: list[bytes] = []
    request, answer = door.bootloader.request, door.lock.answer

    def requested(data: bytes) -> None:
        order.append(data)
        request(data)

    def answered(data: bytes) -> None:
        order.append(data)
        answer(data)

    door.bootloader.request = requested  # type: ignore[method-assign]
    door.lock.answer = answered  # type: ignore[method-assign]
    return order


@pytest.mark.parametrize("stalls", [False, True])
@pytest.mark.parametrize("buffers", [17, 8])
@pytest.mark.parametrize("generation", [Generation.SDK_14, Generation.SDK_15])
async def test_nothing_is_asked_while_execute_is_not_answered(
    generation: Generation, buffers: int, stalls: bool
) -> None:
    """Nor is the last object executed before its receipt was sent."""
    async with doorway(model=link()) as door:
        door.bootloader.generation = generation
        door.bootloader.receive_buffers.count = buffers
        door.bootloader.erase_stalls_link = stalls
        order = note_order(door)
        await send(door)
        executes = [at for at, what in enumerate(order) if what == b"\x04"]
        asked = [at for at, what in enumerate(order) if what[0] < 0x60]
        for at in executes:
            following = next((each for each in asked if each > at), len(order))
            assert any(each[:2] == EXECUTED for each in order[at:following])
        # Or what arrived was asked for, where a tail has no receipt.
        assert order[executes[-1] - 1][:2] in {b"\x60\x03", b"\x60\x06"}
        refused = [each for each in order if each[0] == 0x60 and each[2] == 0x08]
        assert buffers == 8 or not refused


async def test_an_object_is_executed_behind_its_last_packet() -> None:
    """Once the lock has answered at once for two of them; that saves an interval each."""
    async with doorway(model=link()) as door:
        door.bootloader.erase_stalls_link = True
        ahead, pace = await send(door)
        assert pace.learned is Manner.AHEAD
    async with doorway(model=link()) as door:
        door.bootloader.erase_stalls_link = True
        waiting, pace = await send(door, Pace(Manner.WAITING))
        assert pace.learned is Manner.WAITING
    async with doorway(model=link()) as door:
        door.bootloader.erase_stalls_link = True
        known, pace = await send(door, Pace(Manner.AHEAD))
        assert pace.learned is Manner.AHEAD
    saved = [round((waiting.seconds - each.seconds) / 0.015) for each in (ahead, known)]
    # Two it was careful about, and the last one always.
    assert saved == [OBJECTS - 3, OBJECTS - 1]


@pytest.mark.parametrize("stalls", [False, True])
async def test_a_slow_flash_is_waited_for(stalls: bool) -> None:
    """There is nothing to gain, and it is found out anew with the next installation."""
    async with doorway(model=link()) as door:
        door.lock.flash.word_time = SLOW_WORD
        door.bootloader.erase_stalls_link = stalls
        _, pace = await send(door)
        assert (pace.manner, pace.learned) == (Manner.WAITING, None)


@pytest.mark.parametrize("nth", range(1, 70, 3))
@pytest.mark.parametrize("generation", Generation)
async def test_a_lost_packet_ends_no_transfer(generation: Generation, nth: int) -> None:
    """Of any generation; one may have to be sent another init packet."""
    async with doorway(model=link()) as door:
        door.bootloader.generation = generation
        door.bootloader.erase_stalls_link = True
        door.link.order(Traffic.PACKET, Fault.LOSE, nth=nth)
        report, pace = await send(door)
        assert report.reconnects == 0
        assert pace.manner is not Manner.GENTLE


async def test_a_bootloader_that_lets_go_of_nothing_gets_another_init_packet() -> None:
    """And then every packet is waited for, so that it needs no third one."""
    async with doorway(model=link(loss=0.05), seed=3) as door:
        door.bootloader.generation = Generation.SDK_14
        report, pace = await send(door)
        assert door.link.counters.lost_packets > 3
        assert pace.one_at_a_time
        assert report.reconnects == 0
        assert door.bootloader.counters.command_objects == 2


@pytest.mark.parametrize("nth", range(1, 40))
@pytest.mark.parametrize("generation", [Generation.SDK_14, Generation.SDK_15])
async def test_a_lost_answer_or_receipt_is_made_good(
    generation: Generation, nth: int
) -> None:
    """Of an object that is executed ahead within a second or two."""
    async with doorway(model=link()) as door:
        door.bootloader.generation = generation
        door.bootloader.erase_stalls_link = True
        door.link.order(Traffic.NOTIFICATION, Fault.LOSE, nth=nth)
        await send(door)


@pytest.mark.parametrize("what", [b"\x60\x03", EXECUTED])
async def test_an_object_without_proof_costs_little(what: bytes) -> None:
    """Whether its receipt or its answer got lost; the connection stands."""
    async with doorway(model=link()) as door:
        await send(door, Pace(Manner.AHEAD))
        usual = door.progress
    async with doorway(model=link()) as door:
        door.bootloader.erase_stalls_link = True
        undisturbed, _ = await send(door, Pace(Manner.AHEAD))
    async with doorway(model=link()) as door:
        door.bootloader.erase_stalls_link = True
        # Of the init packet, then of each object.
        door.link.order(Traffic.NOTIFICATION, Fault.LOSE, match=what, nth=4)
        report, pace = await send(door, Pace(Manner.AHEAD))
        assert report.reconnects == 0
        assert report.seconds < undisturbed.seconds + 1.5
        assert report.bytes_sent_again == 0
        assert pace.manner is Manner.AHEAD
        assert door.progress[-1] == usual[-1] == 100


async def test_where_proof_never_comes_it_is_waited_for() -> None:
    """As where a proxy hands on but one notification at a time; the next time, too."""
    async with doorway(model=link()) as door:
        # Of the first two objects that are executed ahead.
        for nth in (1, 2):
            door.link.order(
                Traffic.NOTIFICATION, Fault.LOSE, match=b"\x60\x03", nth=nth
            )
        _, pace = await send(door, Pace(Manner.AHEAD))
        assert (pace.manner, pace.learned) == (Manner.WAITING, Manner.WAITING)


def put_execute_first(door: Doorway) -> None:
    """Let the host send EXECUTE before the packet that was written before it."""
    queue = door.link._queue

    def queued(what: object) -> None:
        outbound = door.link._outbound
        packet = None
        if getattr(what, "written", None) == b"\x04" and outbound:
            packet = outbound.pop()
        queue(what)  # type: ignore[arg-type]
        if packet is not None:
            outbound.append(packet)

    door.link._queue = queued  # type: ignore[method-assign]


@pytest.mark.parametrize("generation", [Generation.SDK_14, Generation.SDK_15])
async def test_a_host_may_change_the_order(generation: Generation) -> None:
    """Then EXECUTE is refused, nothing is sent twice, and it is waited for again."""
    async with doorway(model=link()) as door:
        door.bootloader.generation = generation
        door.bootloader.erase_stalls_link = True
        put_execute_first(door)
        report, pace = await send(door)
        assert report.bytes_sent_again == 0
        assert pace.learned is Manner.WAITING


def spoil_packet(door: Doorway, nth: int) -> None:
    """Have another byte in a packet of the image arrive than was sent."""
    take = door.bootloader.packet
    count = 0

    def packet(data: bytes) -> None:
        nonlocal count
        if door.bootloader.receiving_image:
            count += 1
            if count == nth:
                data = bytes((data[0] ^ 1,)) + data[1:]
        take(data)

    door.bootloader.packet = packet  # type: ignore[method-assign]


@pytest.mark.parametrize("generation", Generation)
@pytest.mark.parametrize("nth", [1, 17, 60, 68, 100, 119, 120, 123])
async def test_a_wrong_object_is_found_before_the_lock_is_let_go(
    nth: int, generation: Generation
) -> None:
    """It may have been executed by then, and still nothing else is activated."""
    async with doorway(model=link()) as door:
        door.bootloader.generation = generation
        door.bootloader.erase_stalls_link = True
        spoil_packet(door, nth)
        report, _ = await send(door)
        assert report.bytes_sent_again > 0


async def test_a_wrong_object_that_was_executed_ends_going_ahead() -> None:
    """For good: it cost the whole of what had been sent."""
    async with doorway(model=link()) as door:
        spoil_packet(door, 20)
        _, pace = await send(door, Pace(Manner.AHEAD))
        assert pace.learned is Manner.WAITING
        assert door.bootloader.counters.command_objects == 2


async def test_data_that_nobody_watched_are_sent_again_gently() -> None:
    """Where all checksums were right, and the image was not (SDK 12)."""
    async with doorway(model=link()) as door:
        door.bootloader.generation = Generation.SDK_12
        _, pace = await send(door)
        assert pace.learned is Manner.GENTLE
        assert door.bootloader.counters.command_objects == 2
    async with doorway(model=link()) as door:
        door.bootloader.generation = Generation.SDK_12
        door.lock.flash.word_time = SLOW_WORD
        await send(door, pace)
        assert door.bootloader.counters.command_objects == 1


async def test_what_a_lock_refuses_that_waits_for_its_flash_is_not_sent_again() -> None:
    """It has watched over every byte, so to be gentler would only take twice the time."""
    async with doorway(model=link()) as door:
        wanted = artifact(size=SIZE)
        door.lock.flash.word_time = SLOW_WORD
        door.bootloader.answer_once(
            Opcode.EXECUTE, b"\x0b\x0c", nth=1 + -(-SIZE // 4096)
        )
        error = await door.fails(wanted)
        assert error.reason is TransportProblem.REJECTED_HASH
        assert door.bootloader.counters.command_objects == 1


async def test_what_care_does_not_help_with_is_not_learned() -> None:
    """Nor does a lock take longer for ever because of one bad image."""
    pace = Pace()
    assert pace.refused()
    assert pace.learned is Manner.GENTLE
    assert not pace.refused()
    assert pace.learned is None
    # Where it had been learned before, it stays.
    pace = Pace(Manner.GENTLE)
    assert not pace.refused()
    assert pace.learned is Manner.GENTLE


async def test_what_is_wrong_after_all_care_is_refused() -> None:
    """Twice, and the lock runs what it ran."""
    async with doorway(model=link()) as door:
        for nth in (9, 17):
            door.bootloader.answer_once(Opcode.EXECUTE, b"\x0b\x0c", nth=nth)
        error = await door.fails(artifact(size=SIZE))
        assert error.reason is TransportProblem.REJECTED_HASH
        await asyncio.sleep(1)
        door.assert_as_before()


@pytest.mark.parametrize("cut", range(1, 160, 7))
@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER])
@pytest.mark.parametrize(
    ("generation", "traffic"),
    [
        (Generation.SDK_14, Traffic.WRITE),
        (Generation.SDK_15, Traffic.WRITE),
        (Generation.SDK_14, Traffic.PACKET),
        (Generation.SDK_15, Traffic.PACKET),
    ],
)
async def test_it_goes_on_after_a_cut(
    generation: Generation, traffic: Traffic, fault: Fault, cut: int
) -> None:
    """Wherever between an EXECUTE ahead and its proof the link breaks."""
    async with doorway(model=link()) as door:
        door.bootloader.generation = generation
        door.link.order(
            traffic, fault, nth=cut if traffic is Traffic.PACKET else cut // 7 + 3
        )
        await send(door, Pace(Manner.AHEAD))
