"""Nordic DFU over links that lose, and to locks that have little room."""

import asyncio
from collections.abc import Callable
from math import ceil

from hypothesis import example, given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from tests.rig.bootloader import Opcode
from tests.rig.faults import Fault, Traffic
from tests.rig.link import LinkModel
from tests.rig.virtual_time import virtual_time

from ..doorway import OBJECT, Doorway, artifact, doorway

pytestmark = virtual_time

RECEIPT = b"\x60\x03"
MANY = 1_000_000


def radio_link(**fields: float) -> LinkModel:
    """Return a link with a usual interval, that the lock does not shorten."""
    model = LinkModel(connection_interval=0.015, honours_fast_interval=False)
    for name, value in fields.items():
        setattr(model, name, value)
    return model


@pytest.mark.parametrize("buffers", range(1, 21))
@pytest.mark.parametrize("mtu", [23, 185, 247])
async def test_any_number_of_receive_buffers_will_do(mtu: int, buffers: int) -> None:
    """What is dropped for want of room is sent again, in smaller helpings."""
    async with doorway(model=radio_link(mtu=mtu)) as door:
        door.bootloader.hold_buffers(buffers)
        report = await door.transfer()
        assert report.reconnects == 0
        await asyncio.sleep(5)
        door.assert_updated()


async def test_a_lock_without_room_is_learned_about_once() -> None:
    """Not every object pays for what the first one has shown."""
    async with doorway(model=radio_link()) as door:
        door.bootloader.hold_buffers(8)
        await door.transfer(artifact(size=20 * OBJECT))
        assert 0 < door.bootloader.counters.dropped_packets < 20


@pytest.mark.parametrize("mtu", [23, 65, 124, 185, 247])
async def test_nothing_is_dropped_while_a_page_is_erased(mtu: int) -> None:
    """The buffers hold what comes meanwhile; the rest is sent when they are emptied."""
    model = radio_link(mtu=mtu, connection_interval=0.0075)
    async with doorway(model=model) as door:
        report = await door.transfer(artifact(size=5 * OBJECT + 1000))
        assert door.bootloader.counters.dropped_packets == 0
        assert report.bytes_sent_again == 0


@pytest.mark.parametrize("mtu", [23, 185])
async def test_a_flash_that_erases_slowly_is_learned_about(
    monkeypatch: pytest.MonkeyPatch, mtu: int
) -> None:
    """The first objects pay for it, and not every one."""
    monkeypatch.setattr("tests.rig.nordic_flash.ERASE_TIME", 0.35)
    model = radio_link(mtu=mtu, connection_interval=0.0075)
    async with doorway(model=model) as door:
        await door.transfer(artifact(size=20 * OBJECT))
        assert door.bootloader.counters.dropped_packets > 0
        assert door.count(Opcode.SELECT) <= 2 + 4


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("loss", [0.003, 0.01, 0.05, 0.1])
@pytest.mark.parametrize("mtu", [23, 247])
async def test_losses_are_made_good(mtu: int, loss: float, seed: int) -> None:
    """Over one connection, and byte for byte."""
    async with doorway(model=radio_link(mtu=mtu, loss=loss), seed=seed) as door:
        report = await door.transfer(artifact(size=4 * OBJECT + 1000))
        assert report.reconnects == 0
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("nth", range(1, 41))
async def test_one_lost_packet_costs_at_most_an_object(nth: int) -> None:
    """Whichever it is, of the init packet or of any object."""
    async with doorway(model=radio_link()) as door:
        door.link.order(Traffic.PACKET, Fault.LOSE, nth=nth)
        report = await door.transfer()
        assert report.reconnects == 0
        assert report.bytes_sent_again <= OBJECT
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("nth", range(1, 217))
async def test_one_lost_packet_of_a_small_mtu_costs_no_more(nth: int) -> None:
    """There the init packet is in several packets too."""
    async with doorway(model=radio_link(mtu=23)) as door:
        door.link.order(Traffic.PACKET, Fault.LOSE, nth=nth)
        report = await door.transfer(artifact(size=OBJECT))
        assert door.link.counters.lost_packets == 1
        assert report.reconnects == 0
        assert report.bytes_sent_again <= OBJECT
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("nth", [1, 2, 10, 30])
async def test_a_link_that_loses_everything_is_given_up(nth: int) -> None:
    """And the lock is sent back to its old firmware without delay."""
    async with doorway(model=radio_link()) as door:
        door.link.order(Traffic.PACKET, Fault.LOSE, nth=nth, times=MANY)
        error = await door.fails()
        assert error.reason is TransportProblem.LOSSY_LINK
        assert error.details == {}
        await asyncio.sleep(1)
        door.assert_as_before()
        door.assert_nothing_left()
        door.behave()
        await door.assert_second_transfer_succeeds()


@pytest.mark.parametrize("mtu", [23, 247])
async def test_a_slow_link_is_learned_about(mtu: int) -> None:
    """Nothing is lost there, so nothing should be asked time and again."""
    model = radio_link(mtu=mtu, connection_interval=0.05, packets_per_interval=1)
    async with doorway(model=model) as door:
        report = await door.transfer(artifact(size=10 * OBJECT))
        assert report.bytes_sent_again == 0
        assert 2 <= door.count(Opcode.SELECT) <= 5


async def test_an_object_is_gone_on_with_where_the_buffers_were_full() -> None:
    """The receipts come where they are expected there too."""
    async with doorway(model=radio_link(mtu=23)) as door:
        door.bootloader.hold_buffers(5)
        report = await door.transfer(artifact(size=OBJECT))
        assert report.bytes_sent_again < 20 * 20
        packets_of_init = ceil(len(artifact().init_packet) / 20)
        assert door.count(Opcode.SELECT) == 2 + packets_of_init + 1


async def test_receipts_are_counted_anew_where_an_object_is_gone_on_with() -> None:
    """Else the last packet would bring none, and the bootloader would be asked."""
    async with doorway(model=radio_link(mtu=23)) as door:
        door.link.order(Traffic.PACKET, Fault.LOSE, nth=8 + 194, times=15)
        report = await door.transfer(artifact(size=OBJECT))
        assert 0 < report.bytes_sent_again <= 15 * 20
        assert door.count(Opcode.SELECT) == 2 + 1


async def test_a_lost_receipt_costs_nothing_where_another_follows() -> None:
    """Each is for everything before it."""
    async with doorway(model=radio_link(mtu=23)) as door:
        lose(door, 3, 1)
        report = await door.transfer(artifact(size=OBJECT))
        assert report.bytes_sent_again == 0
        assert door.count(Opcode.SELECT) == 2


# Receipts.


def lose(door: Doorway, nth: int, times: int) -> None:
    """Lose receipts."""
    door.link.order(
        Traffic.NOTIFICATION, Fault.LOSE, match=RECEIPT, nth=nth, times=times
    )


def duplicate(door: Doorway, nth: int, times: int) -> None:
    """Let receipts come twice."""
    door.link.order(
        Traffic.NOTIFICATION, Fault.DUPLICATE, match=RECEIPT, nth=nth, times=times
    )


def delay_a_little(door: Doorway, nth: int, times: int) -> None:
    """Let receipts come late, but in time."""
    door.link.order(
        Traffic.NOTIFICATION,
        Fault.DELAY,
        match=RECEIPT,
        nth=nth,
        times=times,
        delay=0.02,
    )


def delay_for_long(door: Doorway, nth: int, times: int) -> None:
    """Let receipts come after everybody has stopped waiting for them."""
    door.link.order(
        Traffic.NOTIFICATION,
        Fault.DELAY,
        match=RECEIPT,
        nth=nth,
        times=times,
        delay=0.5,
    )


def garble(position: int) -> Callable[[Doorway, int, int], None]:
    """Turn over a byte of receipts."""

    def order(door: Doorway, nth: int, times: int) -> None:
        mask = bytes(position) + b"\xff"
        door.link.order(
            Traffic.NOTIFICATION,
            Fault.GARBLE,
            match=RECEIPT,
            nth=nth,
            times=times,
            mask=mask,
        )

    return order


TROUBLES = {
    "lost": lose,
    "twice": duplicate,
    "late": delay_a_little,
    "too late": delay_for_long,
    "other kind": garble(0),
    "other operation": garble(1),
    "other result": garble(2),
    "other offset": garble(3),
    "other checksum": garble(7),
}


@pytest.mark.parametrize("times", [1, MANY])
@pytest.mark.parametrize("nth", [1, 2, 5])
@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
@pytest.mark.parametrize("mtu", [23, 247])
async def test_receipts_are_a_help_and_not_a_need(
    mtu: int, trouble: Callable[[Doorway, int, int], None], nth: int, times: int
) -> None:
    """Where they fail the bootloader is asked; nothing is believed without proof."""
    async with doorway(model=radio_link(mtu=mtu)) as door:
        trouble(door, nth, times)
        report = await door.transfer()
        assert report.reconnects == 0
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("buffers", [4, 8, 17])
@pytest.mark.parametrize("mtu", [23, 185, 247])
async def test_a_bootloader_may_count_receipts_over_the_ends_of_objects(
    monkeypatch: pytest.MonkeyPatch, mtu: int, buffers: int
) -> None:
    """One that does not start its count anew with each object sends them early."""
    async with doorway(model=radio_link(mtu=mtu)) as door:
        bootloader = door.bootloader
        bootloader.hold_buffers(buffers)
        carry_out = bootloader._carry_out

        def keep_counting(opcode: Opcode, data: bytes) -> None:
            until_receipt = bootloader._until_receipt
            carry_out(opcode, data)
            if opcode is Opcode.CREATE and until_receipt:
                bootloader._until_receipt = until_receipt

        monkeypatch.setattr(bootloader, "_carry_out", keep_counting)
        await door.transfer(artifact(size=3 * OBJECT + 1000))
        await asyncio.sleep(5)
        door.assert_updated()


async def test_a_bootloader_may_send_no_receipts_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then it is asked."""
    async with doorway(model=radio_link()) as door:
        lose(door, 1, MANY)
        door.bootloader.hold_buffers(4)
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()


@given(
    buffers=st.integers(1, 24),
    mtu=st.sampled_from([23, 27, 65, 158, 185, 247, 517]),
    interval=st.sampled_from([0.0, 0.0075, 0.015, 0.05, 0.4]),
    packets_per_interval=st.integers(1, 8),
    lost=st.sets(st.integers(1, 400), max_size=60),
    loss=st.sampled_from([0.0, 0.02, 0.2, 0.6]),
    seed=st.integers(0, 1000),
)
@example(  # Its time is up while the lock takes the last of it.
    buffers=7,
    mtu=27,
    interval=0.4,
    packets_per_interval=5,
    lost={1, 8, 18, 103, 138, 141, 143, 153, 156, 157, 188, 253, 255},
    loss=0.0,
    seed=0,
)
@example(
    buffers=7,
    mtu=27,
    interval=0.4,
    packets_per_interval=5,
    lost={1, 8, 103, 138, 141, 143, 144, 153, 156, 157, 188, 246, 253},
    loss=0.0,
    seed=0,
)
@settings(max_examples=120, deadline=None)
async def test_on_any_link_the_bytes_arrive_or_the_old_firmware_stays(
    *,
    buffers: int,
    mtu: int,
    interval: float,
    packets_per_interval: int,
    lost: set[int],
    loss: float,
    seed: int,
) -> None:
    """Never anything between, and never without an end."""
    model = LinkModel(
        connection_interval=interval,
        packets_per_interval=packets_per_interval,
        mtu=mtu,
        loss=loss,
        honours_fast_interval=False,
    )
    async with doorway(model=model, seed=seed) as door:
        door.bootloader.hold_buffers(buffers)
        for nth in lost:
            door.link.order(Traffic.PACKET, Fault.LOSE, nth=nth)
        try:
            await door.transfer()
        except TransportError:
            await door.rest()
            door.assert_as_before()
        else:
            await asyncio.sleep(5)
            door.assert_updated()
        door.assert_nothing_left()
