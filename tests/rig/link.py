"""The radio link between a central and a peripheral: its timing, losses and faults.

Time on a link is a grid of connection events, one an interval. In each of them

1. what the peripheral has sent since the last event arrives at the central: answers to
   acknowledged operations, notifications, the end of the connection, in their order;
2. the central's queue moves: up to ``packets_per_interval`` unacknowledged writes, or
   one acknowledged operation, which has its event for itself and leaves only after
   everything that was queued before it.

So an acknowledged operation takes two intervals and a burst of n packets n/k of them.
An interval of zero means that everything happens at once, in the same order.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
import math
import random
from typing import Any, override

from .agenda import Agenda
from .faults import Fault, Orders, Traffic
from .gatt import AttError, AttRefusal, Central, ConnectionRefused, Peripheral, Service

ATT_HEADER = 3
"""Bytes of the MTU that a write or a notification needs for itself."""
ATT_TIMEOUT = 30.0
"""Seconds; then the link counts as broken. Bluetooth Core 5.4 Vol 3 Part F 3.3.3."""

type OnNotify = Callable[[int, bytes], None]
type OnDisconnect = Callable[[], None]


class LinkError(Exception):
    """There is no connection, or it ended before the operation did."""


@dataclass(slots=True, kw_only=True)
class LinkModel:
    """How good a link is. May be changed at any time; the MTU counts when connecting."""

    connection_interval: float = 0.0
    """Seconds; 0 makes everything immediate."""
    packets_per_interval: int = 4
    """How many unacknowledged writes fit into one connection event."""
    mtu: int = 247
    mtu_after_reconnect: tuple[int, ...] = ()
    """The MTU of the second connection, the third, ...; the last one holds on."""
    loss: float = 0.0
    """Probability that an unacknowledged write is lost."""
    honours_fast_interval: bool = True
    supervision_timeout: float = 6.0
    """Seconds until the central notices that the peripheral is gone."""
    one_notification: bool = False
    """Whether the peripheral holds but one notification that has not left yet, and drops
    the next; noted of Nordic's SoftDevice, not checked against its documents."""
    way_there: float = 0.0
    """Seconds between the central and whoever asks it, each way, as with a proxy."""


@dataclass(slots=True)
class LinkCounters:
    """What went over a link since it was made, all its connections together."""

    connects: int = 0
    packets: int = 0
    """Unacknowledged writes that the central sent, the lost ones too."""
    packet_bytes: int = 0
    lost_packets: int = 0
    """Packets that did not reach the peripheral (its own drops are not among them)."""
    writes: int = 0
    reads: int = 0
    notifications: int = 0


@dataclass(slots=True)
class _Packet:
    handle: int
    data: bytes


@dataclass(slots=True)
class _Request:
    """An acknowledged operation and who waits for it."""

    perform: Callable[[], Any]
    written: bytes | None
    """The data of a write; None for everything else."""
    answer: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Link(Central):
    """Carries operations from one central to one peripheral.

    A link outlives its connections: ``connect`` may be called again after one has
    ended, and orders and counters go on.
    """

    def __init__(
        self,
        peripheral: Peripheral,
        model: LinkModel | None = None,
        *,
        seed: int = 0,
        name: str = "",
    ) -> None:
        """Make a link of ``name``'s; ``seed`` decides which packets get lost."""
        self.peripheral = peripheral
        self.name = name
        self.model = model or LinkModel()
        self.counters = LinkCounters()
        self._orders = Orders()
        self.order = self._orders.add
        """Orders a fault."""
        self.mtu = self.model.mtu
        self.interval = self.model.connection_interval
        """Seconds; the interval of this connection."""
        self._random = random.Random(seed)
        self._on_notify: OnNotify
        self._on_disconnect: OnDisconnect
        self._connected = False
        self._silent = False  # the peripheral has gone, but that isn't known yet
        self._supervision: asyncio.TimerHandle | None = None
        self._transaction: asyncio.TimerHandle | None = None
        self._delayed: list[asyncio.TimerHandle] = []
        self._event_timer: asyncio.Handle | None = None
        self._anchor = 0.0
        self._missed_until = 0.0
        self._notifications_waiting = 0
        self._there = Agenda()
        self._back = Agenda()
        self._asked: set[asyncio.Future[Any]] = set()
        """Who waits for an answer."""
        self._outbound: deque[_Packet | _Request] = deque()
        self._inbound: deque[Callable[[], None]] = deque()
        self._pending: _Request | None = None

    @property
    def connected(self) -> bool:
        """Whether the central has a connection, as far as it knows."""
        return self._connected

    # The central's side.

    async def connect(
        self, *, on_notify: OnNotify, on_disconnect: OnDisconnect
    ) -> None:
        """Connect; raise ``LinkError``.

        ``on_disconnect`` is called once when the connection ends, whoever ended it.
        A connection whose peripheral has vanished is given up for the new one.
        """
        if self._silent:
            self._end()
        if self._connected:
            raise LinkError("connected already")
        await asyncio.sleep(self.model.connection_interval)
        if self._orders.due(Traffic.CONNECTION) or self.peripheral.advertising is None:
            raise LinkError("no answer to a connection request")
        model = self.model
        later = model.mtu_after_reconnect[: self.counters.connects]
        self.mtu = later[-1] if later else model.mtu
        self.interval = model.connection_interval
        self._anchor = asyncio.get_running_loop().time()
        try:
            self.peripheral.connect(self)
        except ConnectionRefused as err:
            raise LinkError("connection refused") from err
        self.counters.connects += 1
        self._connected = True
        self._on_notify = on_notify
        self._on_disconnect = on_disconnect

    async def disconnect(self) -> None:
        """End the connection; what is still queued is lost."""
        self.cut()
        await asyncio.sleep(self.interval)

    async def discover(self) -> tuple[Service, ...]:
        """Return the services that the peripheral has now; raise ``LinkError``."""
        services: tuple[Service, ...] = await self._request(
            lambda: self.peripheral.services
        )
        return services

    async def read(self, handle: int) -> bytes:
        """Read a value; raise ``AttRefusal`` or ``LinkError``."""
        self.counters.reads += 1
        value: bytes = await self._request(lambda: self.peripheral.read(handle))
        return value

    async def write(self, handle: int, data: bytes) -> None:
        """Write a value or a CCCD and wait for the answer.

        Raises ``AttRefusal`` or ``LinkError``.
        """
        if len(data) > self.mtu - ATT_HEADER:
            raise AttRefusal(AttError.INVALID_LENGTH)
        self.counters.writes += 1
        await self._request(
            lambda: self.peripheral.write(handle, data, response=True), written=data
        )

    def send(self, handle: int, data: bytes) -> None:
        """Queue an unacknowledged write; raise ``LinkError`` without a connection.

        There is no back-pressure. What is longer than the MTU allows never arrives.
        """
        self._require_connection()
        self._there.add(
            self.model.way_there, partial(self._queue, _Packet(handle, data))
        )

    def _queue(self, what: _Packet | _Request) -> None:
        """Take what has come from the central's host."""
        self._outbound.append(what)
        self._wake()

    async def pair(self) -> bool:
        """Bond with the peripheral; return whether it agreed; raise ``LinkError``."""
        agreed: bool = await self._request(self.peripheral.pair)
        return agreed

    def request_interval(self, seconds: float) -> None:
        """Ask for another connection interval; the peripheral may not honour it."""
        if self._connected and self.interval and self.model.honours_fast_interval:
            self.interval = seconds
            self._anchor = asyncio.get_running_loop().time()
            if self._event_timer is not None:
                self._event_timer.cancel()
                self._event_timer = None
            self._wake()

    def cut(self) -> None:
        """Break the connection; both sides notice it at once."""
        if self._connected:
            if not self._silent:
                self.peripheral.disconnect()
            self._end()

    # The peripheral's side.

    @override
    def notify(self, handle: int, data: bytes) -> None:
        """Send a notification or indication; it arrives in the next event."""
        if self._connected and not self._silent:
            if len(data) > self.mtu - ATT_HEADER:
                raise ValueError("a notification longer than the MTU allows")
            if self.model.one_notification and self._notifications_waiting:
                return
            self._notifications_waiting += 1
            self._inbound.append(partial(self._arrive, handle, data))
            self._wake()

    @override
    def disconnected(self) -> None:
        """End the connection, after everything that was sent before."""
        if self._connected and not self._silent:
            self._silent = True
            # Behind what it has said before.
            self._inbound.append(
                partial(self._back.add, self.model.way_there, self._end)
            )
            self._wake()

    @override
    def vanished(self) -> None:
        """Fall silent; the connection ends at the supervision timeout."""
        if self._connected and not self._silent:
            self._silent = True
            self._inbound.clear()
            self._notifications_waiting = 0
            self._supervision = asyncio.get_running_loop().call_later(
                self.model.supervision_timeout, self._end
            )

    @override
    def missed(self, seconds: float) -> None:
        """Let the connection events of so many seconds pass unused."""
        self._missed_until = asyncio.get_running_loop().time() + seconds
        if self._event_timer is not None:
            self._event_timer.cancel()
            self._event_timer = None
        self._wake()

    # Connection events.

    def _wake(self) -> None:
        """Schedule the next connection event if there is anything to do in it."""
        if self._event_timer is not None or not self._connected:
            return
        blocked = self._pending is not None and isinstance(
            next(iter(self._outbound), None), _Request
        )
        if not self._inbound and (blocked or not self._outbound):
            return
        loop = asyncio.get_running_loop()
        now = max(loop.time(), self._missed_until)
        if not self.interval:
            self._event_timer = (
                loop.call_at(now, self._event)
                if now > loop.time()
                else loop.call_soon(self._event)
            )
            return
        # The small addend keeps an event from coming twice through rounding.
        passed = math.floor((now - self._anchor) / self.interval + 1e-6)
        self._event_timer = loop.call_at(
            self._anchor + (passed + 1) * self.interval, self._event
        )

    def _event(self) -> None:
        """Let a connection event happen."""
        self._event_timer = None
        arrived, self._inbound = self._inbound, deque()
        self._notifications_waiting = 0
        for arrive in arrived:
            arrive()
            if not self._connected:
                return
        if self._outbound and isinstance(self._outbound[0], _Packet):
            self._carry_packets()
        elif self._outbound and self._pending is None:
            self._carry_request()
        self._wake()

    def _carry_packets(self) -> None:
        room = self.model.packets_per_interval if self.interval else -1
        while room and self._outbound and self._connected:
            packet = self._outbound[0]
            if not isinstance(packet, _Packet):
                break
            self._outbound.popleft()
            room -= 1
            self._carry_packet(packet)

    def _carry_packet(self, packet: _Packet) -> None:
        self.counters.packets += 1
        self.counters.packet_bytes += len(packet.data)
        order = self._orders.due(Traffic.PACKET, packet.data)
        fault = order and order.fault
        lost = self._random.random() < self.model.loss
        if (
            lost
            or self._silent
            or len(packet.data) > self.mtu - ATT_HEADER
            or fault in {Fault.LOSE, Fault.CUT_BEFORE}
        ):
            self.counters.lost_packets += 1
        else:
            try:
                self.peripheral.write(packet.handle, packet.data, response=False)
            except AttRefusal:
                # A write command has no answer, so nobody hears of the refusal.
                self.counters.lost_packets += 1
        if fault in {Fault.CUT_BEFORE, Fault.CUT_AFTER}:
            self.cut()

    def _carry_request(self) -> None:
        request = self._outbound.popleft()
        assert isinstance(request, _Request)
        order = None
        if request.written is not None:
            order = self._orders.due(Traffic.WRITE, request.written)
        fault = order and order.fault
        self._pending = request
        if fault is Fault.CUT_BEFORE:
            self.cut()
            return
        self._transaction = asyncio.get_running_loop().call_later(ATT_TIMEOUT, self.cut)
        if self._silent or fault is Fault.LOSE:
            return
        # The answer to the operation itself leaves before what the operation causes.
        box: list[Any] = []
        self._inbound.append(partial(self._answer, request, box))
        try:
            box.append(request.perform())
        except AttRefusal as refusal:
            box.append(refusal)
        if fault is Fault.CUT_AFTER:
            self.cut()

    def _answer(self, request: _Request, box: list[Any]) -> None:
        self._pending = None
        if self._transaction is not None:
            self._transaction.cancel()
            self._transaction = None
        self._back.add(self.model.way_there, partial(_tell, request.answer, box[0]))

    def _arrive(self, handle: int, data: bytes) -> None:
        """Let a notification arrive, or what an order has made of it."""
        order = self._orders.due(Traffic.NOTIFICATION, data)
        copies = 1
        if order is not None:
            match order.fault:
                case Fault.LOSE:
                    return
                case Fault.CUT_BEFORE:
                    self.cut()
                    return
                case Fault.DELAY:
                    self._delayed.append(
                        asyncio.get_running_loop().call_later(
                            order.delay, self._deliver, handle, data
                        )
                    )
                    return
                case Fault.GARBLE:
                    mask = order.mask.ljust(len(data), b"\0")
                    data = bytes(a ^ b for a, b in zip(data, mask, strict=False))
                case Fault.DUPLICATE:
                    copies = 2
        for _ in range(copies):
            self._back.add(self.model.way_there, partial(self._deliver, handle, data))
        if order is not None and order.fault is Fault.CUT_AFTER:
            self.cut()

    def _deliver(self, handle: int, data: bytes) -> None:
        self.counters.notifications += 1
        self._on_notify(handle, data)

    # Bookkeeping.

    def _require_connection(self) -> None:
        if not self._connected:
            raise LinkError("not connected")

    async def _request(
        self, perform: Callable[[], Any], *, written: bytes | None = None
    ) -> Any:
        self._require_connection()
        request = _Request(perform, written)
        self._asked.add(request.answer)
        request.answer.add_done_callback(self._asked.discard)
        self._there.add(self.model.way_there, partial(self._queue, request))
        return await request.answer

    def _end(self) -> None:
        """End the connection on the central's side."""
        self._connected = self._silent = False
        own = (self._event_timer, self._supervision, self._transaction)
        for timer in (*own, *self._delayed):
            if timer is not None:
                timer.cancel()
        self._delayed.clear()
        self._event_timer = self._supervision = self._transaction = None
        self._there.clear()
        self._back.clear()
        self._outbound.clear()
        self._inbound.clear()
        self._notifications_waiting = 0
        self._missed_until = 0.0
        self._pending = None
        for answer in list(self._asked):
            if not answer.done():
                answer.set_exception(LinkError("link lost"))
        self._on_disconnect()


def _tell(answer: asyncio.Future[Any], result: Any) -> None:
    """Tell how an operation ended, if anybody waits for it still."""
    if answer.done():
        return
    if isinstance(result, AttRefusal):
        answer.set_exception(result)
    else:
        answer.set_result(result)
