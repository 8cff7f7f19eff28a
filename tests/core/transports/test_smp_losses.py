"""SMP over links that lose, break and garble, and to servers that misbehave."""

import asyncio

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from tests.rig.faults import Fault, Traffic
from tests.rig.lock_body import Mode
from tests.rig.smp_server import SmpFault
from tests.rig.virtual_time import virtual_time

from ..doorway import until
from ..trial_doorway import (
    ADDRESS,
    BUFFER,
    NAME,
    NEW,
    OLD,
    TrialDoorway,
    artifact,
    image,
    radio_link,
    told,
    trial_doorway,
)

pytestmark = virtual_time

# What an ordinary transfer takes, to a lock that is busy when it is first told to
# restart; the tables below are made of it.
PACKETS = 102
NOTIFICATIONS = 20
REQUESTS = 18
WINDOW = 3 * BUFFER
MANY = 1_000_000


def most_reconnects(nth: int, last: int) -> int:
    """Return how many more connections a fault at one of so many may cost.

    One; at the last the lock has restarted, and does not serve yet when it is met.
    """
    return 2 if nth == last else 1


def all_of(count: int) -> list[int]:
    """Return the ordinal number of each of so many."""
    return list(range(1, count + 1))


async def test_the_tables_are_complete() -> None:
    """No packet, notification or request of an ordinary transfer is left out."""
    async with trial_doorway(model=radio_link()) as door:
        await door.transfer()
        assert door.link.counters.packets == PACKETS
        assert door.link.counters.notifications == NOTIFICATIONS
        assert door.server.counters.requests == REQUESTS
        assert door.link.counters.writes == 1


@pytest.mark.parametrize("fault", [Fault.LOSE, Fault.CUT_BEFORE, Fault.CUT_AFTER])
@pytest.mark.parametrize("nth", all_of(PACKETS))
async def test_any_packet_may_get_lost(nth: int, fault: Fault) -> None:
    """It costs a connection, and what was under way."""
    async with trial_doorway(model=radio_link()) as door:
        door.link.order(Traffic.PACKET, fault, nth=nth)
        report = await door.transfer()
        assert report.reconnects <= most_reconnects(nth, PACKETS)
        assert report.bytes_sent_again <= WINDOW + BUFFER
        await door.assert_on_trial()


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("nth", all_of(NOTIFICATIONS))
async def test_anything_may_happen_to_any_answer(nth: int, fault: Fault) -> None:
    """Lost, doubled, late, garbled, or the link breaks at it."""
    async with trial_doorway(model=radio_link()) as door:
        door.link.order(Traffic.NOTIFICATION, fault, nth=nth, delay=5)
        report = await door.transfer()
        assert report.reconnects <= most_reconnects(nth, NOTIFICATIONS)
        assert report.bytes_sent_again <= WINDOW
        await door.assert_on_trial()


@pytest.mark.parametrize("fault", [Fault.LOSE, Fault.CUT_BEFORE, Fault.CUT_AFTER])
async def test_the_subscription_may_get_lost(fault: Fault) -> None:
    """The one write that is answered."""
    async with trial_doorway(model=radio_link()) as door:
        door.link.order(Traffic.WRITE, fault)
        report = await door.transfer()
        assert report.reconnects == 1
        await door.assert_on_trial()


@pytest.mark.parametrize(
    "fault", [fault for fault in SmpFault if fault is not SmpFault.SILENCE]
)
@pytest.mark.parametrize("nth", all_of(REQUESTS))
async def test_the_server_may_misbehave_at_any_request(
    nth: int, fault: SmpFault
) -> None:
    """Once is forgiven."""
    async with trial_doorway(model=radio_link()) as door:
        door.server.order(fault, nth=nth)
        await door.transfer()
        await door.assert_on_trial()


@pytest.mark.parametrize("nth", all_of(REQUESTS - 1))
async def test_a_server_that_falls_silent_is_given_up(nth: int) -> None:
    """The lock works, with its old firmware."""
    async with trial_doorway(model=radio_link()) as door:
        door.server.order(SmpFault.SILENCE, nth=nth)
        error = await door.fails()
        assert error.reason is TransportProblem.NO_ANSWER
        assert door.lock.mode is Mode.APPLICATION
        assert door.runs == told(OLD)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("loss", [0.003, 0.01, 0.05, 0.1])
@pytest.mark.parametrize("buffer", [244, BUFFER])
async def test_losses_are_made_good(buffer: int, loss: float, seed: int) -> None:
    """Byte for byte."""
    async with trial_doorway(
        model=radio_link(loss=loss), seed=seed, buffer_size=buffer
    ) as door:
        await door.transfer()
        door.behave()
        await door.assert_on_trial()


@pytest.mark.parametrize("seed", range(4))
async def test_small_requests_keep_their_connection(seed: int) -> None:
    """Each write is a request there, so nothing is left half done."""
    async with trial_doorway(
        model=radio_link(loss=0.02), seed=seed, tells_parameters=False
    ) as door:
        report = await door.transfer()
        assert report.reconnects == 0
        assert report.bytes_sent_again < 20 * 220
        door.behave()
        await door.assert_on_trial()


async def test_a_lossy_link_gets_smaller_requests() -> None:
    """Or nothing would ever arrive whole."""
    async with trial_doorway(model=radio_link(loss=0.1), seed=1) as door:
        await door.transfer()
        assert min(door.sizes[:-1]) <= 244
        door.behave()
        await door.assert_on_trial()


@pytest.mark.parametrize("nth", [4, 20, 60])
@pytest.mark.parametrize("buffer", [244, BUFFER])
async def test_a_link_that_loses_everything_is_given_up(buffer: int, nth: int) -> None:
    """And another attempt may go on."""
    async with trial_doorway(model=radio_link(), buffer_size=buffer) as door:
        door.link.order(Traffic.PACKET, Fault.LOSE, nth=nth, times=MANY)
        error = await door.fails()
        assert error.reason in {TransportProblem.NO_ANSWER, TransportProblem.LOSSY_LINK}
        assert door.runs == told(OLD)
        door.behave()
        await door.transfer()
        await door.assert_on_trial()


async def test_a_link_that_loses_every_upload_is_called_lossy() -> None:
    """While the short questions get through."""
    async with trial_doorway(model=radio_link(), tells_parameters=False) as door:
        receive = door.server.receive

        def lose_uploads(data: bytes) -> None:
            if len(data) < 100:
                receive(data)

        door.server.receive = lose_uploads  # type: ignore[method-assign]
        error = await door.fails()
        assert error.reason is TransportProblem.LOSSY_LINK
        assert error.details == {}


@pytest.mark.parametrize("mtus", [(247, 23), (23, 247), (247, 185, 23, 517)])
async def test_the_mtu_may_be_another_after_each_break(mtus: tuple[int, ...]) -> None:
    """Another proxy may be nearer."""
    first, *later = mtus
    model = radio_link(mtu=first, mtu_after_reconnect=tuple(later))
    async with trial_doorway(model=model) as door:
        for number in range(len(later)):
            door.server.order(SmpFault.VANISH, (1, 1), nth=2 + 3 * number)
        report = await door.transfer()
        assert report.reconnects == len(later)
        await door.assert_on_trial()


@pytest.mark.parametrize("tells", [False, True])
async def test_a_remembered_mtu_that_is_too_large_ends_nothing(tells: bool) -> None:
    """Nothing arrives over the first connection; the next one is asked anew."""
    model = radio_link(mtu=23)
    async with trial_doorway(model=model, tells_parameters=tells) as door:
        await asyncio.sleep(1)
        client = await door.radio.connect(ADDRESS, name=NAME, disconnected=lambda: None)
        await client.disconnect()
        services, _ = door.radio._cache[ADDRESS]
        door.radio._cache[ADDRESS] = (services, 247)
        report = await door.transfer()
        assert report.reconnects == 1
        await door.assert_on_trial()


# Batteries.


@pytest.mark.parametrize("torn", [False, True])
async def test_the_power_may_go_at_every_write_of_an_upload(torn: bool) -> None:
    """It comes back, and the upload is begun anew."""
    size = 4000
    async with trial_doorway() as door:
        count = await operations_of(door, size)
    assert count > 10
    for nth in all_of(count):
        async with trial_doorway() as door:
            door.lock.flash.cut_at(nth, torn=torn, restore_after=10)
            await door.transfer(artifact(size=size))
            await door.assert_on_trial(image(NEW, size))


async def operations_of(door: TrialDoorway, size: int) -> int:
    """Return how many writes there are until the lock is told to restart."""
    before = door.lock.flash.operations.count
    counted: list[int] = []
    activating = door.activating

    async def count() -> None:
        counted.append(door.lock.flash.operations.count - before)
        await activating()

    door.activating = count  # type: ignore[method-assign]
    await door.transfer(artifact(size=size))
    (operations,) = counted
    return operations


@pytest.mark.parametrize("after", [0.0, 0.1, 0.26, 1.0, 3.0])
async def test_the_power_may_go_while_the_lock_restarts(after: float) -> None:
    """What it runs then shows."""
    async with trial_doorway(model=radio_link()) as door:
        activating = door.activating

        async def cut() -> None:
            await activating()
            asyncio.get_running_loop().call_later(
                after, lambda: door.lock.cut_power(restore_after=60)
            )

        door.activating = cut  # type: ignore[method-assign]
        await door.transfer()
        await asyncio.sleep(100)
        assert door.lock.mode is Mode.APPLICATION
        assert door.runs in {told(OLD), told(NEW)}
        door.assert_nothing_left()


@settings(deadline=None, max_examples=100)
@given(
    orders=st.lists(
        st.tuples(
            st.sampled_from([Traffic.PACKET, Traffic.NOTIFICATION]),
            st.sampled_from([Fault.LOSE, Fault.CUT_BEFORE, Fault.CUT_AFTER]),
            st.integers(1, 150),
        ),
        max_size=6,
    ),
    loss=st.sampled_from([0.0, 0.01, 0.2]),
    seed=st.integers(0, 1000),
    buffer=st.sampled_from([150, 200, 244, 600, BUFFER]),
    buffers=st.integers(2, 6),
    mtu=st.sampled_from([23, 100, 247, 517]),
    interval=st.sampled_from([0.0, 0.0075, 0.05]),
    tells=st.booleans(),
    reassembles=st.booleans(),
)
async def test_on_any_link_the_image_arrives_or_the_old_firmware_stays(
    *,
    orders: list[tuple[Traffic, Fault, int]],
    loss: float,
    seed: int,
    buffer: int,
    buffers: int,
    mtu: int,
    interval: float,
    tells: bool,
    reassembles: bool,
) -> None:
    """Whole, and in the end with another attempt over a good link."""
    # Without that a request has to fit into one write.
    reassembles = reassembles or mtu < 247
    async with trial_doorway(
        model=radio_link(mtu=mtu, loss=loss, connection_interval=interval),
        seed=seed,
        buffer_size=buffer,
        buffer_count=buffers,
        tells_parameters=tells,
        reassembles=reassembles,
    ) as door:
        for traffic, fault, nth in orders:
            door.link.order(traffic, fault, nth=nth)
        try:
            await door.transfer()
        except TransportError:
            assert door.runs in {told(OLD), told(NEW)}
            door.behave()
            await door.restarted()
            await door.transfer()
        door.behave()
        await door.assert_on_trial()


async def test_the_lock_is_usable_while_it_is_sent_to() -> None:
    """Its application runs all the while."""
    async with trial_doorway(model=radio_link()) as door:
        modes: set[Mode] = set()
        door.lock.on_change(lambda: modes.add(door.lock.mode))
        transfer = asyncio.ensure_future(door.transfer())
        await until(lambda: door.activations > 0)
        assert modes <= {Mode.APPLICATION}
        await transfer
        await door.assert_on_trial()
