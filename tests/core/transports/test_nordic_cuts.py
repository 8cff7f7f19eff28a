"""Nordic DFU survives links that break and batteries that are taken out."""

import asyncio

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from tests.rig.faults import Fault, Traffic
from tests.rig.link import LinkModel
from tests.rig.lock import Mode, Step
from tests.rig.lock_services import Buttonless
from tests.rig.virtual_time import virtual_time

from ..doorway import OBJECT, SIZE, artifact, doorway, until

pytestmark = virtual_time

# What a transfer of two objects and a tail takes; the tables below are made of it.
WRITES = 15
NOTIFICATIONS = 15
PACKETS = 40

LARGE = 5 * OBJECT + 1000
"""Bytes of the firmware that batteries are taken out in."""


def all_of(count: int) -> list[int]:
    """Return the ordinal number of each of so many."""
    return list(range(1, count + 1))


async def test_the_tables_are_complete() -> None:
    """No write, notification or packet of an ordinary transfer is left out."""
    async with doorway() as door:
        await door.transfer()
        counters = door.link.counters
        assert counters.writes == WRITES
        assert counters.notifications == NOTIFICATIONS
        assert counters.packets == PACKETS


# Links.


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.LOSE])
@pytest.mark.parametrize("nth", all_of(WRITES))
@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
async def test_the_link_may_break_at_any_write(
    buttonless: Buttonless, nth: int, fault: Fault
) -> None:
    """Before it arrives, after it has arrived, or in silence."""
    async with doorway(buttonless=buttonless) as door:
        door.link.order(Traffic.WRITE, fault, nth=nth)
        report = await door.transfer()
        assert report.bytes_sent_again <= OBJECT
        await asyncio.sleep(5)
        door.assert_updated()
        door.assert_nothing_left()


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.LOSE])
@pytest.mark.parametrize("nth", all_of(NOTIFICATIONS))
async def test_the_link_may_break_at_any_answer(nth: int, fault: Fault) -> None:
    """Or the answer alone gets lost."""
    async with doorway() as door:
        door.link.order(Traffic.NOTIFICATION, fault, nth=nth)
        report = await door.transfer()
        assert report.bytes_sent_again <= OBJECT
        await asyncio.sleep(5)
        door.assert_updated()
        door.assert_nothing_left()


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER])
@pytest.mark.parametrize("nth", all_of(PACKETS))
async def test_the_link_may_break_at_any_packet(nth: int, fault: Fault) -> None:
    """At most one object is sent again."""
    model = LinkModel(connection_interval=0.015, honours_fast_interval=False)
    async with doorway(model=model) as door:
        door.link.order(Traffic.PACKET, fault, nth=nth)
        report = await door.transfer()
        assert report.reconnects == 1
        assert report.bytes_sent_again <= OBJECT
        await asyncio.sleep(5)
        door.assert_updated()
        door.assert_nothing_left()


@pytest.mark.parametrize("nth", range(2, PACKETS, 4))
async def test_packets_may_be_missing_when_the_link_breaks(nth: int) -> None:
    """The object with the gap is made anew, and nothing before it."""
    async with doorway() as door:
        door.link.order(Traffic.PACKET, Fault.LOSE, nth=nth)
        door.link.order(Traffic.PACKET, Fault.CUT_AFTER, nth=nth + 1)
        report = await door.transfer()
        assert report.reconnects == 1
        assert report.bytes_sent_again <= OBJECT
        await asyncio.sleep(5)
        door.assert_updated()


async def test_a_link_that_breaks_again_and_again_still_gets_there() -> None:
    """As long as each connection brings something."""
    async with doorway() as door:
        for _ in range(20):
            door.link.order(Traffic.PACKET, Fault.CUT_AFTER, nth=12)
        report = await door.transfer(artifact(size=10 * OBJECT))
        assert report.reconnects >= 10
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("traffic", [Traffic.PACKET, Traffic.NOTIFICATION])
async def test_a_link_that_only_breaks_is_given_up(traffic: Traffic) -> None:
    """The lock then returns to its old firmware by itself."""
    async with doorway() as door:
        door.link.order(traffic, Fault.CUT_BEFORE, times=100)
        error = await door.fails()
        assert error.reason is TransportProblem.LINK_LOST
        door.assert_nothing_left()
        await door.rest()
        door.assert_as_before()


cuts = st.tuples(
    st.sampled_from([Traffic.WRITE, Traffic.PACKET, Traffic.NOTIFICATION]),
    st.sampled_from([Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.LOSE]),
    st.integers(1, 60),
)


@given(orders=st.lists(cuts, max_size=8), bonded=st.booleans())
@settings(max_examples=100, deadline=None)
async def test_whatever_breaks_the_door_can_be_used_in_the_end(
    orders: list[tuple[Traffic, Fault, int]], bonded: bool
) -> None:
    """The lock runs the new firmware, or the old one and then the new one."""
    buttonless = Buttonless.BONDED if bonded else Buttonless.UNBONDED
    async with doorway(buttonless=buttonless) as door:
        for traffic, fault, nth in orders:
            door.link.order(traffic, fault, nth=nth)
        try:
            await door.transfer()
        except TransportError:
            await door.rest()
            door.assert_as_before()
            door.behave()
            await door.assert_second_transfer_succeeds()
        await asyncio.sleep(5)
        door.assert_updated()
        door.assert_nothing_left()


# Batteries.


def bytes_of_interest() -> list[int]:
    """Return places in the firmware: some everywhere, and all around boundaries."""
    boundaries = range(0, LARGE, OBJECT)
    around = {at + shift for at in boundaries for shift in (-1, 0, 1)}
    return sorted({at for at in around if at >= 0} | {*range(0, LARGE, 500), LARGE - 1})


@pytest.mark.parametrize("byte", bytes_of_interest())
@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
async def test_the_power_may_fail_at_any_byte(
    buttonless: Buttonless, byte: int
) -> None:
    """With the battery back, the lock gets its new firmware all the same."""
    async with doorway(buttonless=buttonless) as door:
        door.lock.cut_power_at(byte, restore_after=4)
        await door.transfer(artifact(size=LARGE))
        assert door.link.counters.connects > 2
        await asyncio.sleep(5)
        door.assert_updated()
        door.assert_nothing_left()


@pytest.mark.parametrize("byte", [0, OBJECT - 1, OBJECT, SIZE - 1])
async def test_a_battery_that_stays_out_is_not_waited_for_too_long(byte: int) -> None:
    """With new batteries the lock runs its old firmware, and can be updated."""
    async with doorway() as door:
        door.lock.cut_power_at(byte)
        started = asyncio.get_running_loop().time()
        error = await door.fails()
        assert error.reason is TransportProblem.BOOTLOADER_NOT_FOUND
        assert asyncio.get_running_loop().time() - started < 300
        door.assert_nothing_left()
        door.lock.restore_power()
        await asyncio.sleep(5)
        door.assert_as_before()
        await door.assert_second_transfer_succeeds()


@pytest.mark.parametrize("request_number", range(1, 12))
async def test_a_lock_may_vanish_after_any_request(request_number: int) -> None:
    """Nobody is left waiting for it, and nothing is in the way when it is back."""
    model = LinkModel(connection_interval=0.03, honours_fast_interval=False)
    async with doorway(model=model) as door:
        transfer = asyncio.create_task(door.fails())
        await until(lambda: len(door.requests) == request_number)
        door.lock.cut_power()
        started = asyncio.get_running_loop().time()
        error = await transfer
        assert error.reason is TransportProblem.BOOTLOADER_NOT_FOUND
        assert asyncio.get_running_loop().time() - started < 300
        door.assert_nothing_left()
        door.lock.restore_power()
        await asyncio.sleep(5)
        door.assert_as_before()
        await door.assert_second_transfer_succeeds()


@pytest.mark.parametrize("byte", [0, 1, OBJECT - 1, OBJECT, OBJECT + 1, SIZE - 1])
@pytest.mark.parametrize("restore_after", [1.0, 60.0])
async def test_the_power_may_fail_while_the_firmware_is_activated(
    restore_after: float, byte: int
) -> None:
    """The bootloader copies it again from the start."""
    async with doorway() as door:
        door.lock.cut_power_in_activation(byte, restore_after=restore_after)
        await door.transfer()
        await asyncio.sleep(restore_after + 5)
        door.assert_updated()
        door.assert_nothing_left()


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("restore_after", [2.0, 30.0])
async def test_the_power_may_fail_at_any_step(restore_after: float, step: Step) -> None:
    """However long it takes the house to find a battery.

    What the lock has accepted but not noted it forgets, whoever was told of it.
    """
    async with doorway() as door:
        door.lock.cut_power_at(step, restore_after=restore_after)
        await door.transfer()
        await asyncio.sleep(restore_after + 5)
        if step in {Step.LAST_EXECUTE, Step.ANSWERED}:
            door.assert_as_before()
            await door.assert_second_transfer_succeeds()
        door.assert_updated()
        door.assert_nothing_left()


# The last EXECUTE.


@pytest.mark.parametrize("activation_time", [1.0, 30.0, 120.0])
@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
async def test_success_is_inferred_when_the_last_answer_is_missing(
    buttonless: Buttonless, activation_time: float
) -> None:
    """The lock has left its bootloader, however long it then takes to be back."""
    async with doorway(buttonless=buttonless) as door:
        door.bootloader.silent_at_the_end = True
        door.lock.activation_time = activation_time
        report = await door.transfer()
        assert report.bytes_sent_again == 0
        await asyncio.sleep(activation_time)
        door.assert_updated()
        door.assert_nothing_left()


async def test_a_lock_that_does_not_come_back_is_left_to_the_caller() -> None:
    """All was accepted; what the lock runs is another question."""
    async with doorway() as door:
        door.lock.cut_power_at(Step.NOTED)
        await door.transfer()
        await asyncio.sleep(1)
        assert door.lock.mode is Mode.OFF
        door.assert_nothing_left()
        door.lock.restore_power()
        await asyncio.sleep(5)
        door.assert_updated()


async def test_a_bootloader_that_is_still_there_has_not_taken_the_last_object() -> None:
    """Even if the battery is then taken out, and all begins anew."""
    async with doorway() as door:
        door.link.order(Traffic.WRITE, Fault.CUT_BEFORE, match=b"\x04", nth=4)
        transfer = asyncio.create_task(door.transfer())
        await until(lambda: door.count(4) == 3)
        await asyncio.sleep(2)
        door.link.order(Traffic.WRITE, Fault.CUT_BEFORE, match=b"\x04", nth=1)
        await transfer
        await asyncio.sleep(5)
        door.assert_updated()
        assert door.count(4) >= 4


async def test_an_application_that_is_back_is_left_to_the_caller() -> None:
    """The last EXECUTE may have arrived or not; the version that runs tells."""
    async with doorway() as door:
        door.link.order(Traffic.WRITE, Fault.CUT_BEFORE, match=b"\x04", nth=4)
        transfer = asyncio.create_task(door.transfer())
        await until(lambda: door.count(4) == 3 and not door.link.connected)
        door.lock.cut_power(restore_after=1)
        await transfer
        door.assert_as_before()
        await door.assert_second_transfer_succeeds()


async def test_a_bootloader_that_answers_again_has_everything_before_it() -> None:
    """An old application that is back after that does not mean that all was taken."""
    async with doorway() as door:
        door.link.order(Traffic.WRITE, Fault.CUT_BEFORE, match=b"\x04", nth=4)
        transfer = asyncio.create_task(door.transfer())
        await until(lambda: door.count(4) == 3 and not door.link.connected)
        door.bootloader._data.crc ^= 1
        door.lock.cut_power_at(SIZE - 100, restore_after=1)
        await transfer
        await asyncio.sleep(5)
        door.assert_updated()
