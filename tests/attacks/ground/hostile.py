"""Peers that do what they like, and what must hold whatever they do."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
import os
from typing import Any, override

from hypothesis import HealthCheck, Phase, settings, strategies as st
import pytest

from custom_components.nightlatch.core.errors import NightlatchError, TransportProblem
from custom_components.nightlatch.core.transports.base import GattClient
from custom_components.nightlatch.core.transports.sending import (
    SETTLING_TIME,
    SLOWEST_RATE,
)
from tests.core.doorway import ListeningRadio
from tests.rig.gatt import (
    AdvertisingData,
    AttError,
    AttRefusal,
    Central,
    Characteristic,
    ConnectionRefused,
    Peripheral,
    Service,
    characteristic_at,
)
from tests.rig.link import ATT_HEADER, Link, LinkModel
from tests.rig.radio import RigClient, RigRadio
from tests.rig.virtual_time import run_virtual

LONG = os.environ.get("NIGHTLATCH_ATTACKS") == "long"
patience = pytest.mark.timeout(3600 if LONG else 120)
# What a cancelled transfer may still take: to abort, and to close the connection.
_FAREWELL = 30.0
QUESTION_TIMEOUT = 600.0
"""Seconds for what is asked in a moment, its attempts and their deadlines together."""


def tries(usual: int, long: int) -> settings:
    """Return how many peers are tried, in a usual run and in a long one."""
    return settings(
        max_examples=long if LONG else usual,
        deadline=None,
        database=None,
        # What fails shall be told before the test's own deadline passes.
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def link_model() -> LinkModel:
    """Return a link on which everything takes its time, so that deadlines pass."""
    return LinkModel(connection_interval=0.03, honours_fast_interval=False)


class Way(Enum):
    """What a peer does in place of an answer."""

    HONEST = auto()
    SILENT = auto()
    OTHER = auto()
    """It says something else."""
    TORN = auto()
    PADDED = auto()
    ALTERED = auto()
    TWICE = auto()
    LATE = auto()
    """It answers later, perhaps when the connection is another one or none."""
    UNASKED = auto()
    """It says something else before."""
    CHATTER = auto()
    """It does not stop saying something else."""
    LEAVES = auto()
    LEAVES_AFTER = auto()
    VANISHES = auto()


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that a peer does."""

    way: Way
    data: bytes = b""
    delay: float = 0.0

    def altered(self, answer: bytes) -> bytes:
        """Return an answer, some bytes of it others."""
        mask = self.data.ljust(len(answer), b"\0")
        return bytes(a ^ b for a, b in zip(answer, mask, strict=False))


@dataclass(slots=True)
class Script:
    """What a peer does: after how many honest answers a peer makes which move, and what it does then."""

    moves: Sequence[tuple[int, Move]]
    at_last: Move
    _moves: Iterator[Move] = field(init=False)

    def __post_init__(self) -> None:
        """Begin."""
        self._moves = self._play()

    def _play(self) -> Iterator[Move]:
        for honest, move in self.moves:
            yield from [Move(Way.HONEST)] * honest
            yield move
        while True:
            yield self.at_last

    def next(self) -> Move:
        """Return what the peer does now."""
        return next(self._moves)


def scripts(said: st.SearchStrategy[bytes]) -> st.SearchStrategy[Script]:
    """Return peers that say this, among what they should."""
    moves = st.builds(
        Move,
        st.sampled_from(Way),
        said,
        st.sampled_from([0.01, 1.0, 7.0, 40.0]) | st.floats(0, 100),
    )
    # A script is played once; each example gets its own.
    return st.builds(
        Script,
        st.lists(st.tuples(st.integers(0, 12), moves), max_size=8),
        st.one_of(st.just(Move(Way.HONEST)), moves),
    )


class CarelessRadio(ListeningRadio):
    """Passes on whatever a peer says: any MTU, and what comes after the end."""

    def __init__(self, mtu: int | None = None) -> None:
        """Take the MTU that is told; else it is what was agreed upon."""
        super().__init__()
        self._told_mtu = mtu
        self.clients: list[RigClient] = []

    @override
    async def connect(
        self,
        address: str,
        *,
        name: str,
        disconnected: Callable[[], None],
        fresh_services: bool = False,
    ) -> GattClient:
        client = await super().connect(
            address,
            name=name,
            disconnected=disconnected,
            fresh_services=fresh_services,
        )
        assert isinstance(client, RigClient)
        if self._told_mtu is not None:
            client._mtu = self._told_mtu
        self.clients.append(client)
        return client

    @override
    async def forget_services(self, client: GattClient) -> None:
        await RigRadio.forget_services(self, client)

    def say_late(self, data: bytes) -> None:
        """Let every connection that ever was hear this, and end once more."""
        for client in self.clients:
            for handle in list(client._callbacks):
                client.notified(handle, data)
            if not client.is_connected:
                client._disconnected()

    def believe(self) -> None:
        """Tell the MTU as it is."""
        self._told_mtu = None

    def forget_peers(self) -> None:
        """Let nobody be near any more."""
        self.close()
        self.links.clear()
        self._cache.clear()
        self.believe()


@dataclass(slots=True)
class Mouth:
    """Says what a script makes of an answer, until it is told to behave."""

    script: Script | None
    say: Callable[[bytes], None]
    leave: Callable[[], None]
    vanish: Callable[[], None]
    late: Callable[[bytes], None]
    """Says something on connections that may have ended."""
    _timers: set[asyncio.TimerHandle] = field(default_factory=set)
    _chatters: bool = False

    def answer(self, honest: bytes) -> None:
        """Say something in place of this."""
        if self.script is None:
            self.say(honest)
            return
        move = self.script.next()
        match move.way:
            case Way.HONEST:
                self.say(honest)
            case Way.OTHER:
                self.say(move.data)
            case Way.TORN:
                self.say(honest[: len(move.data)])
            case Way.PADDED:
                self.say(honest + move.data)
            case Way.ALTERED:
                self.say(move.altered(honest))
            case Way.TWICE:
                self.say(honest)
                self.say(honest)
            case Way.LATE:
                self._later(move.delay, lambda: self.late(honest))
            case Way.UNASKED:
                self.say(move.data)
                self.say(honest)
            case Way.CHATTER:
                self._chatter(move, honest)
            case Way.LEAVES:
                self.leave()
            case Way.LEAVES_AFTER:
                self.say(honest)
                self.leave()
            case Way.VANISHES:
                self.vanish()
            case Way.SILENT:
                pass

    def _chatter(self, move: Move, honest: bytes, nth: int = 0) -> None:
        """Say it again and again: what it should, and what not."""
        if self._chatters and not nth:
            return
        self._chatters = True
        for _ in range(4):
            self.say(move.data)
            self.say(move.altered(honest))
        self._later(1.3, lambda: self._chatter(move, honest, nth + 1))

    def _later(self, delay: float, do: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.discard(timer)
            do()

        timer = asyncio.get_running_loop().call_later(delay, due)
        self._timers.add(timer)

    def behave(self) -> None:
        """Say what is meant from now on, and nothing else."""
        self.script = None
        self._chatters = False
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


def vanish(link: Link) -> None:
    """Let a lock be gone without a word; it has forgotten who was connected to it."""
    link.vanished()
    link.peripheral.disconnect()


class Meeting(Enum):
    """What a peer does when it is connected to."""

    ACCEPTS = auto()
    REFUSES = auto()
    LEAVES = auto()


class Stranger(Peripheral):
    """A board that answers at an address, with any services and any values."""

    def __init__(
        self,
        address: str,
        *,
        services: tuple[Service, ...],
        values: Sequence[bytes | None],
        script: Script,
        meetings: Sequence[Meeting] = (),
        uuids: tuple[str, ...] = (),
        pairs: bool = False,
        answers: Callable[[str, bytes], bytes | None],
    ) -> None:
        """Advertise from now on.

        ``values`` are read in turns, None is a refusal; ``answers`` is what it would
        say to a write, by characteristic.
        """
        self._data: AdvertisingData | None = AdvertisingData(
            address=address, local_name="?", service_uuids=uuids
        )
        self._services = services
        self._values = values
        self._meetings = iter(meetings)
        self._pairs = pairs
        self._answers = answers
        self._central: Central | None = None
        self._reads = 0
        self._changed: list[Callable[[], None]] = []
        self._written: Characteristic | None = None
        self.radio: CarelessRadio | None = None
        self.mouth = Mouth(script, self._say, self._leave, self._vanish, self._late)

    def show(self, *, on: bool) -> None:
        """Begin or stop advertising, for good."""
        if not on:
            self._data = None
        for changed in self._changed:
            changed()

    @property
    @override
    def advertising(self) -> AdvertisingData | None:
        return None if self._central else self._data

    @property
    @override
    def services(self) -> tuple[Service, ...]:
        return self._services

    @override
    def on_advertising_changed(self, callback: Callable[[], None]) -> None:
        self._changed.append(callback)

    @override
    def connect(self, central: Central) -> None:
        meeting = next(self._meetings, Meeting.ACCEPTS)
        if meeting is Meeting.REFUSES:
            raise ConnectionRefused
        self._central = central
        if meeting is Meeting.LEAVES:
            asyncio.get_running_loop().call_later(0.1, self._leave)

    @override
    def disconnect(self) -> None:
        self._central = None

    @override
    def pair(self) -> bool:
        return self._pairs

    @override
    def read(self, handle: int) -> bytes:
        value = None
        if self._values:
            value = self._values[self._reads % len(self._values)]
        self._reads += 1
        if value is None:
            raise AttRefusal(AttError.READ_NOT_PERMITTED)
        return value

    @override
    def write(self, handle: int, data: bytes, *, response: bool) -> None:
        characteristic, descriptor = characteristic_at(self._services, handle)
        if descriptor is not None:
            return
        answer = self._answers(characteristic.uuid, data)
        if answer is not None:
            self._written = characteristic
            asyncio.get_running_loop().call_soon(self.mouth.answer, answer)

    def _say(self, data: bytes) -> None:
        """Notify, in as many pieces as it takes."""
        if self._central is None or self._written is None:
            return
        room = max(1, self._central.mtu - ATT_HEADER)
        for start in range(0, max(len(data), 1), room):
            self._central.notify(self._written.handle, data[start : start + room])

    def _leave(self) -> None:
        central, self._central = self._central, None
        if central is not None:
            central.disconnected()

    def _vanish(self) -> None:
        central, self._central = self._central, None
        if central is not None:
            central.vanished()

    def _late(self, data: bytes) -> None:
        if self.radio is not None:
            self.radio.say_late(data)


def run[T](meeting: Coroutine[Any, Any, T]) -> T:
    """Run a meeting on virtual time; nothing may go wrong in a callback either."""
    wrong: list[dict[str, Any]] = []

    async def watched() -> T:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: wrong.append(context)
        )
        return await meeting

    result = run_virtual(watched())
    assert not wrong, wrong
    return result


async def ends(doing: Awaitable[object], within: float) -> NightlatchError | None:
    """Wait for something that must end in time; return what it raised.

    Whatever it raises but what it says fails the test.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    raised: NightlatchError | None = None
    try:
        await doing
    except NightlatchError as err:
        raised = err
    assert loop.time() - started <= within
    if raised is not None:
        assert raised.reason in TransportProblem
        for value in raised.details.values():
            assert value.isprintable()
            assert len(value) <= 200
    return raised


def longest_transfer(size: int) -> float:
    """Return the seconds after which a transfer must have ended, whatever happens."""
    return SETTLING_TIME + size / SLOWEST_RATE + _FAREWELL


def nothing_is_left(radio: RigRadio) -> None:
    """Check that no connection and no task is left behind."""
    assert not any(link.connected for link in radio.links)
    assert asyncio.all_tasks() == {asyncio.current_task()}
