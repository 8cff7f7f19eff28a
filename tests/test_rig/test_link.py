"""The virtual radio link: its timing, its losses and the faults that can be ordered."""

import asyncio
from collections.abc import AsyncIterator, Callable
from math import ceil
from typing import override

from hypothesis import given, settings, strategies as st
import pytest

from tests.rig.faults import Fault, Traffic
from tests.rig.gatt import (
    AdvertisingData,
    AttError,
    AttRefusal,
    Central,
    Characteristic,
    ConnectionRefused,
    Descriptor,
    Peripheral,
    Property,
    Service,
    uuid16,
)
from tests.rig.link import ATT_TIMEOUT, Link, LinkError, LinkModel
from tests.rig.virtual_time import virtual_time

pytestmark = virtual_time

VALUE = 3
FORBIDDEN = 99
SERVICE = Service(
    uuid=uuid16(0x1234),
    handle=1,
    characteristics=(
        Characteristic(
            uuid=uuid16(0x1235),
            handle=VALUE,
            properties=Property.WRITE | Property.WRITE_WITHOUT_RESPONSE,
            descriptors=(Descriptor(uuid=uuid16(0x2902), handle=VALUE + 1),),
        ),
    ),
)
INTERVAL = 0.015


class Notebook(Peripheral):
    """Notes when it gets what, and notifies what is written with a response."""

    def __init__(self) -> None:
        """Advertise."""
        self.central: Central | None = None
        self.refuses = False
        self.received: list[tuple[float, bytes]] = []
        self.disconnects = 0

    @property
    @override
    def advertising(self) -> AdvertisingData | None:
        if self.central is not None:
            return None
        return AdvertisingData(address="C0:00:00:00:00:01", local_name="Notebook")

    @property
    @override
    def services(self) -> tuple[Service, ...]:
        return (SERVICE,)

    @override
    def on_advertising_changed(self, callback: Callable[[], None]) -> None:
        pass

    @override
    def connect(self, central: Central) -> None:
        if self.refuses:
            raise ConnectionRefused
        self.central = central

    @override
    def disconnect(self) -> None:
        self.central = None
        self.disconnects += 1

    @override
    def pair(self) -> bool:
        return True

    @override
    def read(self, handle: int) -> bytes:
        if handle != VALUE:
            raise AttRefusal(AttError.INVALID_HANDLE)
        return b"value"

    @override
    def write(self, handle: int, data: bytes, *, response: bool) -> None:
        if handle != VALUE:
            raise AttRefusal(AttError.INVALID_HANDLE)
        self.received.append((asyncio.get_running_loop().time(), data))
        if response and self.central is not None:
            self.central.notify(VALUE, data)

    @property
    def texts(self) -> list[bytes]:
        """What it has got, without the times."""
        return [data for _, data in self.received]


class Desk:
    """A central at one end of a link, a notebook at the other."""

    def __init__(self, model: LinkModel | None = None, *, seed: int = 0) -> None:
        """Put them within range."""
        self.notebook = Notebook()
        self.link = Link(self.notebook, model, seed=seed)
        self.notified: list[tuple[float, bytes]] = []
        self.disconnects: list[float] = []

    async def connect(self) -> None:
        """Connect."""
        await self.link.connect(
            on_notify=lambda _, data: self.notified.append((self.now(), data)),
            on_disconnect=lambda: self.disconnects.append(self.now()),
        )
        self.connected_at = self.now()

    def now(self) -> float:
        """Return the time."""
        return asyncio.get_running_loop().time()

    @property
    def intervals(self) -> float:
        """How many intervals the connection is old."""
        return round((self.now() - self.connected_at) / self.link.interval, 3)

    @property
    def texts(self) -> list[bytes]:
        """The notifications that came, without the times."""
        return [data for _, data in self.notified]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """Return a desk that is connected, on a link of 15 ms and 4 packets."""
    desk = Desk(LinkModel(connection_interval=INTERVAL, packets_per_interval=4))
    await desk.connect()
    yield desk
    desk.link.cut()


# Timing.


async def test_without_an_interval_nothing_takes_time() -> None:
    """The ceiling: what the software alone can do."""
    desk = Desk()
    await desk.connect()
    for number in range(100):
        desk.link.send(VALUE, bytes((number,)))
    await desk.link.write(VALUE, b"end")
    assert desk.notebook.texts == [bytes((number,)) for number in range(100)] + [b"end"]
    assert desk.texts == [b"end"]
    assert desk.now() == 0
    desk.link.cut()


async def test_an_acknowledged_operation_takes_two_intervals(desk: Desk) -> None:
    """One to get there, one to come back."""
    for operation in range(1, 5):
        await desk.link.write(VALUE, b"x")
        assert desk.intervals == 2 * operation
    assert await desk.link.read(VALUE) == b"value"
    assert await desk.link.discover() == (SERVICE,)
    assert await desk.link.pair()
    assert desk.intervals == 14


async def test_a_notification_comes_with_the_answer_that_it_follows(
    desk: Desk,
) -> None:
    """Both come an interval after what caused them."""
    await desk.link.write(VALUE, b"x")
    assert desk.notified == [(desk.now(), b"x")]


async def test_packets_do_not_hold_up_the_sender(desk: Desk) -> None:
    """There is no back-pressure: the sender is done long before the link."""
    for _ in range(1000):
        desk.link.send(VALUE, b"x" * 244)
    assert desk.intervals == 0
    assert desk.notebook.received == []
    await asyncio.sleep(250 * INTERVAL)
    assert len(desk.notebook.received) == 1000


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 8))
async def test_so_many_packets_leave_in_an_interval(count: int, room: int) -> None:
    """A burst of n packets takes n/k intervals."""
    desk = Desk(LinkModel(connection_interval=INTERVAL, packets_per_interval=room))
    await desk.connect()
    for _ in range(count):
        desk.link.send(VALUE, b"x")
    await desk.link.write(VALUE, b"end")
    assert desk.intervals == ceil(count / room) + 2
    times = [time for time, _ in desk.notebook.received[:-1]]
    assert all(times.count(time) <= room for time in times)
    desk.link.cut()


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=40))
async def test_everything_arrives_in_its_order(acknowledged: list[bool]) -> None:
    """Acknowledged or not, nothing overtakes anything."""
    desk = Desk(LinkModel(connection_interval=INTERVAL, packets_per_interval=3))
    await desk.connect()
    async with asyncio.TaskGroup() as group:
        for number, response in enumerate(acknowledged):
            if response:
                group.create_task(desk.link.write(VALUE, bytes((number,))))
                await asyncio.sleep(0)
            else:
                desk.link.send(VALUE, bytes((number,)))
    await asyncio.sleep(len(acknowledged) * INTERVAL)
    sent = [bytes((number,)) for number in range(len(acknowledged))]
    assert desk.notebook.texts == sent
    desk.link.cut()


async def test_another_interval_may_be_asked_for(desk: Desk) -> None:
    """It holds until the end of the connection."""
    desk.link.request_interval(0.0075)
    start = desk.now()
    await desk.link.write(VALUE, b"x")
    assert desk.now() - start == pytest.approx(0.015)
    desk.link.cut()
    await desk.connect()
    assert desk.link.interval == INTERVAL


async def test_another_interval_may_be_denied(desk: Desk) -> None:
    """Then nothing happens."""
    desk.link.model.honours_fast_interval = False
    desk.link.request_interval(0.0075)
    assert desk.link.interval == INTERVAL


async def test_a_new_interval_takes_along_what_is_queued(desk: Desk) -> None:
    """What was waiting for an event waits for the new one."""
    desk.link.send(VALUE, b"x")
    desk.link.request_interval(0.0075)
    await asyncio.sleep(0.0075)
    assert desk.notebook.texts == [b"x"]


# MTU and losses.


async def test_each_connection_has_its_mtu() -> None:
    """It may be another one after a reconnect; the last one holds on."""
    desk = Desk(LinkModel(mtu=247, mtu_after_reconnect=(23, 185)))
    seen = []
    for _ in range(4):
        await desk.connect()
        seen.append(desk.link.mtu)
        desk.link.cut()
    assert seen == [247, 23, 185, 185]


async def test_a_packet_longer_than_the_mtu_never_arrives(desk: Desk) -> None:
    """Three bytes of the MTU are the operation's own."""
    desk.link.send(VALUE, b"x" * 244)
    desk.link.send(VALUE, b"x" * 245)
    await asyncio.sleep(INTERVAL)
    assert [len(data) for data in desk.notebook.texts] == [244]
    assert desk.link.counters.lost_packets == 1


async def test_a_write_longer_than_the_mtu_is_refused(desk: Desk) -> None:
    """Unlike a packet it has an answer."""
    with pytest.raises(AttRefusal, match="INVALID_LENGTH"):
        await desk.link.write(VALUE, b"x" * 245)


async def test_refusals_come_back(desk: Desk) -> None:
    """An acknowledged operation says why it failed; a packet does not."""
    with pytest.raises(AttRefusal, match="INVALID_HANDLE"):
        await desk.link.write(FORBIDDEN, b"x")
    with pytest.raises(AttRefusal, match="INVALID_HANDLE"):
        await desk.link.read(FORBIDDEN)
    desk.link.send(FORBIDDEN, b"x")
    await asyncio.sleep(INTERVAL)
    assert desk.link.connected
    assert desk.link.counters.lost_packets == 1


async def test_losses_are_random_but_the_same_each_time() -> None:
    """A seed decides which packets get lost; acknowledged operations never do."""
    arrived = []
    for seed in (1, 1, 2):
        desk = Desk(LinkModel(loss=0.3), seed=seed)
        await desk.connect()
        for number in range(200):
            desk.link.send(VALUE, bytes((number,)))
            await desk.link.write(VALUE, b"ok")
        texts = [text for text in desk.notebook.texts if text != b"ok"]
        assert desk.notebook.texts.count(b"ok") == 200
        assert len(texts) == 200 - desk.link.counters.lost_packets
        arrived.append(texts)
        desk.link.cut()
    assert arrived[0] == arrived[1] != arrived[2]
    assert 100 < len(arrived[0]) < 180


async def test_traffic_is_counted(desk: Desk) -> None:
    """Over all connections of a link."""
    for _ in range(2):
        desk.link.send(VALUE, b"123")
        await desk.link.write(VALUE, b"x")
        await desk.link.read(VALUE)
        desk.link.cut()
        await desk.connect()
    counters = desk.link.counters
    assert (counters.connects, counters.packets, counters.packet_bytes) == (3, 2, 6)
    assert (counters.writes, counters.reads, counters.notifications) == (2, 2, 2)


# The end of a connection.


async def test_a_cut_is_noticed_at_both_ends(desk: Desk) -> None:
    """What was under way fails at once, and the callback comes once."""
    write = asyncio.create_task(desk.link.write(VALUE, b"x"))
    read = asyncio.create_task(desk.link.read(VALUE))
    await asyncio.sleep(INTERVAL)
    desk.link.cut()
    desk.link.cut()
    for task in (write, read):
        with pytest.raises(LinkError):
            await task
    assert desk.notebook.disconnects == 1
    assert len(desk.disconnects) == 1
    assert not desk.link.connected


async def test_the_central_may_end_it(desk: Desk) -> None:
    """Its own disconnect calls back too; what was queued is lost."""
    desk.link.send(VALUE, b"x")
    await desk.link.disconnect()
    assert desk.notebook.received == []
    assert desk.notebook.disconnects == 1
    assert len(desk.disconnects) == 1


async def test_the_peripheral_ends_it_after_its_last_words(desk: Desk) -> None:
    """A notification that was sent before the end arrives."""
    assert desk.notebook.central is not None
    desk.notebook.central.notify(VALUE, b"bye")
    desk.notebook.central.disconnected()
    assert desk.link.connected
    await asyncio.sleep(INTERVAL)
    assert desk.texts == [b"bye"]
    assert len(desk.disconnects) == 1
    assert desk.notebook.disconnects == 0


async def test_a_peripheral_that_has_left_hears_nothing_more(desk: Desk) -> None:
    """Neither packets nor the end of the connection, which it has seen before."""
    assert desk.notebook.central is not None
    desk.notebook.central.disconnected()
    desk.link.send(VALUE, b"x")
    desk.link.cut()
    assert desk.notebook.received == []
    assert desk.notebook.disconnects == 0
    assert len(desk.disconnects) == 1


async def test_a_peripheral_without_power_is_missed_late(desk: Desk) -> None:
    """Until the supervision timeout packets vanish and writes hang."""
    assert desk.notebook.central is not None
    desk.notebook.central.notify(VALUE, b"too late")
    desk.notebook.central.vanished()
    start = desk.now()
    desk.link.send(VALUE, b"x")
    with pytest.raises(LinkError):
        await desk.link.write(VALUE, b"x")
    assert desk.now() - start == desk.link.model.supervision_timeout
    assert desk.notified == []
    assert desk.notebook.received == []
    assert desk.link.counters.lost_packets == 1
    assert len(desk.disconnects) == 1


async def test_a_new_connection_replaces_a_silent_one(desk: Desk) -> None:
    """A peripheral that is back may be connected to at once."""
    assert desk.notebook.central is not None
    desk.notebook.central.vanished()
    desk.notebook.central = None
    await desk.connect()
    assert len(desk.disconnects) == 1
    await asyncio.sleep(desk.link.model.supervision_timeout * 2)
    assert desk.link.connected
    assert len(desk.disconnects) == 1


async def test_without_a_connection_nothing_goes(desk: Desk) -> None:
    """Every operation says so."""
    desk.link.cut()
    with pytest.raises(LinkError):
        desk.link.send(VALUE, b"x")
    with pytest.raises(LinkError):
        await desk.link.write(VALUE, b"x")


async def test_there_is_one_connection_at_a_time(desk: Desk) -> None:
    """A second one has to wait for the end of the first."""
    with pytest.raises(LinkError):
        await desk.connect()


async def test_a_peripheral_may_refuse_a_connection() -> None:
    """It advertises, and still wants somebody else."""
    desk = Desk()
    desk.notebook.refuses = True
    with pytest.raises(LinkError):
        await desk.connect()


async def test_a_peripheral_that_does_not_advertise_is_not_there() -> None:
    """Nobody answers."""
    desk = Desk()
    desk.notebook.central = Link(desk.notebook)
    with pytest.raises(LinkError):
        await desk.connect()


# Orders.


async def test_a_connection_may_be_lost_before_it_is_made() -> None:
    """As often as ordered."""
    desk = Desk()
    desk.link.order(Traffic.CONNECTION, Fault.LOSE, times=2)
    for _ in range(2):
        with pytest.raises(LinkError):
            await desk.connect()
    await desk.connect()
    desk.link.cut()


async def test_the_nth_packet_is_lost(desk: Desk) -> None:
    """Counting begins with the order."""
    desk.link.send(VALUE, b"0")
    await desk.link.write(VALUE, b"1")
    desk.link.order(Traffic.PACKET, Fault.LOSE, nth=2, times=2)
    for text in (b"2", b"3", b"4", b"5"):
        desk.link.send(VALUE, text)
    await asyncio.sleep(INTERVAL)
    assert desk.notebook.texts == [b"0", b"1", b"2", b"5"]
    assert desk.link.counters.lost_packets == 2


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [(Fault.CUT_BEFORE, [b"0", b"1"]), (Fault.CUT_AFTER, [b"0", b"1", b"2"])],
)
async def test_the_link_breaks_at_a_packet(
    desk: Desk, fault: Fault, arrived: list[bytes]
) -> None:
    """What is queued behind it is lost too."""
    desk.link.order(Traffic.PACKET, fault, nth=3)
    for text in (b"0", b"1", b"2", b"3"):
        desk.link.send(VALUE, text)
    await asyncio.sleep(INTERVAL)
    assert desk.notebook.texts == arrived
    assert not desk.link.connected
    assert desk.notebook.disconnects == 1


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [(Fault.CUT_BEFORE, [b"no"]), (Fault.CUT_AFTER, [b"no", b"yes"])],
)
async def test_the_link_breaks_at_a_write(
    desk: Desk, fault: Fault, arrived: list[bytes]
) -> None:
    """Its answer never comes, whether it has arrived or not."""
    desk.link.order(Traffic.WRITE, fault, match=b"y")
    await desk.link.write(VALUE, b"no")
    with pytest.raises(LinkError):
        await desk.link.write(VALUE, b"yes")
    assert desk.notebook.texts == arrived
    assert desk.texts == [b"no"]


async def test_a_write_that_gets_lost_breaks_the_link_in_the_end(desk: Desk) -> None:
    """ATT knows no repetition: after 30 seconds the connection is worth nothing."""
    desk.link.order(Traffic.WRITE, Fault.LOSE)
    start = desk.now()
    with pytest.raises(LinkError):
        await desk.link.write(VALUE, b"x")
    assert desk.now() - start == pytest.approx(ATT_TIMEOUT + INTERVAL)
    assert desk.notebook.disconnects == 1


async def test_an_unanswered_write_holds_up_other_requests_but_no_packets(
    desk: Desk,
) -> None:
    """ATT has one request under way at a time."""
    desk.link.order(Traffic.WRITE, Fault.LOSE)
    lost = asyncio.create_task(desk.link.write(VALUE, b"lost"))
    await asyncio.sleep(INTERVAL)
    desk.link.send(VALUE, b"packet")
    waiting = asyncio.create_task(desk.link.write(VALUE, b"waiting"))
    await asyncio.sleep(2 * INTERVAL)
    assert desk.notebook.central is not None
    desk.notebook.central.notify(VALUE, b"told")
    for write in (lost, waiting):
        with pytest.raises(LinkError):
            await write
    assert desk.texts == [b"told"]
    assert desk.notebook.texts == [b"packet"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.LOSE, [b"1", b"3"]),
        (Fault.DUPLICATE, [b"1", b"2", b"2", b"3"]),
        (Fault.GARBLE, [b"1", b"\xcd", b"3"]),
        (Fault.DELAY, [b"1", b"3", b"2"]),
    ],
)
async def test_a_notification_goes_wrong(
    desk: Desk, fault: Fault, expected: list[bytes]
) -> None:
    """It is lost, doubled, garbled or late."""
    desk.link.order(Traffic.NOTIFICATION, fault, nth=2, delay=1.0)
    for text in (b"1", b"2", b"3"):
        await desk.link.write(VALUE, text)
    await asyncio.sleep(2)
    assert desk.texts == expected


async def test_garbling_turns_over_what_the_mask_says(desk: Desk) -> None:
    """So that a single field can be made wrong."""
    desk.link.order(Traffic.NOTIFICATION, Fault.GARBLE, mask=b"\0\0\x01\xf0")
    await desk.link.write(VALUE, b"\1\2\3\4\5")
    assert desk.texts == [b"\1\2\2\xf4\5"]


@pytest.mark.parametrize(
    ("fault", "expected"), [(Fault.CUT_BEFORE, []), (Fault.CUT_AFTER, [b"x"])]
)
async def test_the_link_breaks_at_a_notification(
    desk: Desk, fault: Fault, expected: list[bytes]
) -> None:
    """The write before it is answered: the link breaks between both."""
    desk.link.order(Traffic.NOTIFICATION, fault)
    await desk.link.write(VALUE, b"x")
    assert desk.texts == expected
    assert not desk.link.connected
    assert desk.notebook.texts == [b"x"]


async def test_a_late_notification_does_not_reach_the_next_connection(
    desk: Desk,
) -> None:
    """It dies with the connection that it was sent on."""
    desk.link.order(Traffic.NOTIFICATION, Fault.DELAY, delay=1.0)
    await desk.link.write(VALUE, b"x")
    desk.link.cut()
    await desk.connect()
    await asyncio.sleep(2)
    assert desk.notified == []


async def test_orders_outlive_a_connection(desk: Desk) -> None:
    """They belong to the link."""
    desk.link.order(Traffic.WRITE, Fault.CUT_BEFORE, nth=2)
    await desk.link.write(VALUE, b"x")
    desk.link.cut()
    await desk.connect()
    with pytest.raises(LinkError):
        await desk.link.write(VALUE, b"x")


@pytest.mark.parametrize(
    ("traffic", "fault"),
    [
        (Traffic.CONNECTION, Fault.GARBLE),
        (Traffic.PACKET, Fault.GARBLE),
        (Traffic.WRITE, Fault.DUPLICATE),
    ],
)
async def test_what_cannot_happen_cannot_be_ordered(
    desk: Desk, traffic: Traffic, fault: Fault
) -> None:
    """Radio packets have a CRC of their own and an order."""
    with pytest.raises(ValueError, match="does not happen"):
        desk.link.order(traffic, fault)


# What hosts, SoftDevices and their flash do to a link.


@pytest.mark.parametrize("one", [False, True])
async def test_a_peripheral_may_hold_one_notification_only(one: bool) -> None:
    """The next one is dropped until it has left."""
    desk = Desk(LinkModel(connection_interval=0.015, one_notification=one))
    await desk.connect()
    for text in (b"a", b"b"):
        desk.link.notify(VALUE, text)
    await asyncio.sleep(0.015)
    desk.link.notify(VALUE, b"c")
    await asyncio.sleep(0.1)
    assert desk.texts == ([b"a", b"c"] if one else [b"a", b"b", b"c"])


async def test_a_link_may_miss_its_events_for_a_while() -> None:
    """Nothing gets lost; it comes later, in its order."""
    desk = Desk(LinkModel(connection_interval=0.015))
    await desk.connect()
    desk.link.missed(0.085)
    for text in (b"a", b"b", b"c", b"d", b"e"):
        desk.link.send(VALUE, text)
    await asyncio.sleep(0.085)
    assert desk.notebook.received == []
    await asyncio.sleep(0.03)
    assert desk.notebook.texts == [b"a", b"b", b"c", b"d", b"e"]


@pytest.mark.parametrize("way", [0.0, 0.01, 0.1])
async def test_a_proxy_is_some_way_off(way: float) -> None:
    """Everything takes that long to it, and what comes back as long again."""
    desk = Desk(LinkModel(connection_interval=0.015))
    await desk.connect()
    started = desk.now()
    await desk.link.write(VALUE, b"a")
    near = desk.now() - started
    desk.link.model.way_there = way
    started = desk.now()
    desk.link.send(VALUE, b"b")
    await desk.link.write(VALUE, b"c")
    # The packet has an event of its own, and the way there shifts the grid.
    assert near + 2 * way <= desk.now() - started <= near + 2 * way + 0.031
    assert desk.notebook.texts == [b"a", b"b", b"c"]
    assert desk.texts[-1] == b"c"


async def test_who_asks_over_a_proxy_hears_that_the_link_broke() -> None:
    """Also where the answer was on its way already."""
    desk = Desk(LinkModel(connection_interval=0.015, way_there=1.0))
    await desk.connect()
    asked = asyncio.ensure_future(desk.link.write(VALUE, b"a"))
    await asyncio.sleep(1.5)
    assert desk.notebook.texts == [b"a"]
    desk.link.cut()
    with pytest.raises(LinkError):
        await asked
