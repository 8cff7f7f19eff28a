"""A Nordic DFU transfer can be cancelled at any time."""

import asyncio

import pytest

from custom_components.nightlatch.core.transports.base import CLOSE_TIMEOUT
from tests.rig.bootloader import INACTIVITY_TIMEOUT
from tests.rig.faults import Fault, Traffic
from tests.rig.link import LinkModel
from tests.rig.lock import Mode
from tests.rig.lock_services import Buttonless
from tests.rig.virtual_time import virtual_time

from ..doorway import NEW, Doorway, doorway, until

pytestmark = virtual_time

ABORT = b"\x0c"
EVENTS = 49
"""What a transfer of two objects and a tail takes on the link below."""


def radio_link() -> LinkModel:
    """Return a link with a usual interval."""
    return LinkModel(connection_interval=0.015, honours_fast_interval=False)


def count_events(door: Doorway, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list that grows with the time of each connection event."""
    events: list[float] = []
    happen = door.link._event

    def event() -> None:
        events.append(asyncio.get_running_loop().time())
        happen()

    monkeypatch.setattr(door.link, "_event", event)
    return events


async def cancelled(transfer: asyncio.Task[object]) -> float:
    """Cancel a transfer; return how many seconds it took to end."""
    started = asyncio.get_running_loop().time()
    transfer.cancel()
    await asyncio.wait((transfer,))
    assert transfer.cancelled()
    return asyncio.get_running_loop().time() - started


async def check_afterwards(door: Doorway) -> None:
    """Check that nothing is left of the transfer, and that all is well in the end."""
    await asyncio.sleep(0)
    door.assert_nothing_left()
    await door.rest()
    assert door.usable
    if door.runs == NEW:
        door.assert_updated()
    else:
        door.assert_as_before()
        await door.assert_second_transfer_succeeds()


async def test_the_table_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection event of an ordinary transfer is left out."""
    async with doorway(model=radio_link()) as door:
        events = count_events(door, monkeypatch)
        await door.transfer()
        assert len(events) == EVENTS


@pytest.mark.parametrize("nth", range(1, EVENTS))
@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
async def test_it_may_be_cancelled_at_any_event_of_the_link(
    monkeypatch: pytest.MonkeyPatch, buttonless: Buttonless, nth: int
) -> None:
    """Once the bootloader has been talked to it is sent back, without delay."""
    async with doorway(model=radio_link(), buttonless=buttonless) as door:
        events = count_events(door, monkeypatch)
        transfer = asyncio.create_task(door.transfer())
        await until(lambda: len(events) >= nth)
        talked = bool(door.requests)
        await cancelled(transfer)
        # The last EXECUTE may have been on its way.
        accepted = door.lock.flash.activate > 0
        if talked and not accepted:
            await asyncio.sleep(1)
            door.assert_as_before()
        await check_afterwards(door)


@pytest.mark.parametrize("quarter", range(13))
async def test_it_may_be_cancelled_while_nothing_is_connected(quarter: int) -> None:
    """While the lock restarts, or is waited for."""
    async with doorway() as door:
        door.lock.bootloader_start = 3.0
        transfer = asyncio.create_task(door.transfer())
        await asyncio.sleep(quarter / 4)
        await cancelled(transfer)
        await check_afterwards(door)


async def test_a_bootloader_that_was_not_reached_yet_returns_by_itself() -> None:
    """Cancelling does not wait for that."""
    async with doorway() as door:
        door.lock.bootloader_start = 3.0
        transfer = asyncio.create_task(door.transfer())
        await asyncio.sleep(2)
        assert await cancelled(transfer) < 1
        await asyncio.sleep(10)
        assert door.lock.mode is Mode.BOOTLOADER
        await asyncio.sleep(INACTIVITY_TIMEOUT)
        door.assert_as_before()


async def test_cancelling_twice_is_no_worse() -> None:
    """Whoever is impatient gets the same end, only perhaps later."""
    model = LinkModel(connection_interval=0.5, honours_fast_interval=False)
    async with doorway(model=model) as door:
        transfer = asyncio.create_task(door.transfer())
        await until(lambda: door.count(1) == 3)
        transfer.cancel()
        await asyncio.sleep(0.1)
        assert not transfer.done()
        await cancelled(transfer)
        await check_afterwards(door)


@pytest.mark.parametrize("fault", [Fault.LOSE, Fault.CUT_BEFORE, Fault.CUT_AFTER])
async def test_an_order_to_return_that_gets_lost_does_not_hold_up(
    fault: Fault,
) -> None:
    """It has a deadline, and the lock one of its own."""
    async with doorway() as door:
        door.link.order(Traffic.PACKET, Fault.LOSE, nth=20, times=1000)
        door.link.order(Traffic.WRITE, fault, match=ABORT)
        transfer = asyncio.create_task(door.transfer())
        await until(lambda: door.count(1) == 3)
        assert await cancelled(transfer) < CLOSE_TIMEOUT + 1
        door.behave()
        await check_afterwards(door)


async def test_cancelling_a_wait_for_a_better_time_ends_it() -> None:
    """Between two connections there is nobody to send back."""
    async with doorway() as door:
        door.link.order(Traffic.PACKET, Fault.CUT_BEFORE, times=100)
        transfer = asyncio.create_task(door.transfer())
        await until(lambda: door.link.counters.connects == 4)
        await asyncio.sleep(2)
        assert await cancelled(transfer) < 1
        door.behave()
        await check_afterwards(door)
