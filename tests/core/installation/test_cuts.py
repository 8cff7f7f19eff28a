"""Home Assistant's machine loses its power, at every moment there is.

Whatever was going on, after the next start the lock runs its old firmware, or the new
one and that is proven, or a person is told what to do. It is never installed to twice,
and nothing is ever under way for ever.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, override
from uuid import UUID

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.service import BleakGATTServiceCollection
import pytest

from custom_components.nightlatch.core.installation.journal import JournalEntry
from custom_components.nightlatch.core.installation.machine import Installation, Outcome
from custom_components.nightlatch.core.model import OutcomeKind
from custom_components.nightlatch.core.transports.base import Advertisement, GattClient
from tests.rig.lock import Mode
from tests.rig.lock_services import Buttonless
from tests.rig.virtual_time import run_virtual

from ..doorway import NEW, OLD, Doorway, ListeningRadio
from .bench import Bench, MemoryJournal

SOON, LATE = 5.0, 400.0
"""Seconds until the machine has power again; in the longer ones a bootloader gives up."""


class PowerCut(BaseException):
    """The machine is off: nothing that would catch an error catches this."""


@dataclass
class Machine:
    """What loses its power."""

    dies_at: int | None = None
    done: int = 0
    """How much it has done: operations of the radio, and entries in the journal."""
    off: bool = False

    def do(self) -> None:
        """Do something, or lose the power over it."""
        if self.off:
            raise PowerCut
        self.done += 1
        if self.done == self.dies_at:
            self.off = True
            raise PowerCut


class MortalClient(GattClient):
    """A connection that exists as long as the machine does."""

    def __init__(self, client: GattClient, machine: Machine) -> None:
        """Take the real connection."""
        self._client = client
        self._machine = machine

    @property
    @override
    def is_connected(self) -> bool:
        return self._client.is_connected

    @property
    @override
    def mtu_size(self) -> int:
        return self._client.mtu_size

    @property
    @override
    def services(self) -> BleakGATTServiceCollection:
        return self._client.services

    @override
    async def read_gatt_char(
        self, char_specifier: BleakGATTCharacteristic | int | str | UUID, /
    ) -> bytearray:
        self._machine.do()
        return await self._client.read_gatt_char(char_specifier)

    @override
    async def write_gatt_char(
        self,
        char_specifier: BleakGATTCharacteristic | int | str | UUID,
        data: bytes | bytearray,
        response: bool | None = None,
    ) -> None:
        self._machine.do()
        await self._client.write_gatt_char(char_specifier, data, response)

    @override
    async def start_notify(
        self,
        char_specifier: BleakGATTCharacteristic | int | str | UUID,
        callback: Callable[[BleakGATTCharacteristic, bytearray], Any],
    ) -> None:
        self._machine.do()
        await self._client.start_notify(char_specifier, callback)

    @override
    async def pair(self) -> None:
        self._machine.do()
        await self._client.pair()

    @override
    async def disconnect(self) -> Any:
        self._machine.do()
        return await self._client.disconnect()


class MortalRadio(ListeningRadio):
    """A radio that exists as long as the machine does."""

    def __init__(self, machine: Machine) -> None:
        """Take the machine."""
        super().__init__()
        self.machine = machine
        self.clients: list[GattClient] = []

    @override
    async def connect(
        self,
        address: str,
        *,
        name: str,
        disconnected: Callable[[], None],
        fresh_services: bool = False,
    ) -> GattClient:
        self.machine.do()
        client = await super().connect(
            address,
            name=name,
            disconnected=disconnected,
            fresh_services=fresh_services,
        )
        self.clients.append(client)
        return MortalClient(client, self.machine)

    @override
    async def find(
        self, wanted: Callable[[Advertisement], bool], timeout: float
    ) -> Advertisement:
        self.machine.do()
        return await super().find(wanted, timeout)

    @override
    async def shorten_interval(self, client: GattClient) -> None:
        assert isinstance(client, MortalClient)
        await super().shorten_interval(client._client)

    @override
    async def forget_services(self, client: GattClient) -> None:
        assert isinstance(client, MortalClient)
        await super().forget_services(client._client)

    @override
    async def note_bond(self, client: GattClient) -> None:
        assert isinstance(client, MortalClient)
        await super().note_bond(client._client)

    @override
    def paired_with(self, client: GattClient) -> str | None:
        assert isinstance(client, MortalClient)
        return super().paired_with(client._client)

    async def lose_all(self) -> None:
        """Drop every connection, as the locks see it when a radio goes silent."""
        for client in self.clients:
            await client.disconnect()


class MortalJournal(MemoryJournal):
    """A disk that keeps what was written before the power went."""

    def __init__(self, machine: Machine) -> None:
        """Take the machine."""
        super().__init__()
        self._machine = machine

    @override
    async def write(self, entry: JournalEntry) -> None:
        self._machine.do()
        await super().write(entry)
        self._machine.do()


@dataclass(frozen=True)
class Story:
    """How one cut ended."""

    outcome: Outcome | None
    """None where nothing was under way yet."""
    runs: str | None
    activations: int
    operations: int
    """How much the machine did in all."""
    stranded: bool
    """Whether the lock was in its bootloader when all had ended."""


async def tell(cuts: Sequence[int], pause: float, buttonless: Buttonless) -> Story:
    """Install, lose power at each of these moments, and go on after a while."""
    ahead = list(cuts)
    machine = Machine(ahead.pop(0) if ahead else None)
    radio = MortalRadio(machine)
    door = Doorway(radio=radio, buttonless=buttonless)
    activations = 0

    def changed() -> None:
        nonlocal activations
        activations += door.lock.mode is Mode.ACTIVATING

    door.lock.on_change(changed)
    await asyncio.sleep(1)
    bench = Bench(door, journal=MortalJournal(machine))
    outcome: Outcome | None = None
    try:
        installation: Installation | None = bench.prepare()
        while installation is not None:
            try:
                outcome = await installation.run()
            except PowerCut:
                for task in asyncio.all_tasks() - {asyncio.current_task()}:
                    task.cancel()
            if not machine.off:
                break
            outcome = None
            await radio.lose_all()
            await asyncio.sleep(pause)
            machine.off = False
            machine.dies_at = machine.done + ahead.pop(0) if ahead else None
            entry = bench.journal.entry
            installation = bench.prepare(entry) if entry else None
        stranded = door.lock.mode is Mode.BOOTLOADER
        if not stranded:
            await door.rest()
        return Story(outcome, door.runs, activations, machine.done, stranded)
    finally:
        door.close()


def check(story: Story) -> None:
    """Check that it ended in one of the ways that it may end."""
    assert story.activations <= 1
    if story.stranded:
        assert story.outcome is not None
        assert story.outcome.kind is OutcomeKind.NEEDS_HAND
    if story.outcome is None:
        assert story.runs == OLD
        return
    kind = story.outcome.kind
    if kind is OutcomeKind.SUCCEEDED:
        assert story.runs == NEW
        assert story.outcome.running is not None
        assert story.outcome.running.firmware_version == NEW
    elif kind is OutcomeKind.NEEDS_HAND:
        assert story.outcome.error is not None
    else:
        assert story.runs == OLD
        assert story.outcome.error is not None


@pytest.mark.parametrize("pause", [SOON, LATE])
@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
def test_a_cut_at_every_moment(
    pause: float, buttonless: Buttonless, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of every operation of the radio and every entry in the journal."""
    whole = run_virtual(tell((), pause, buttonless))
    check(whole)
    assert whole.runs == NEW
    cuts = whole.operations
    # Entering, two objects and a tail, their control requests, restart and proof.
    assert cuts > 60
    ends: Counter[str] = Counter()
    for moment in range(1, cuts + 1):
        story = run_virtual(tell((moment,), pause, buttonless))
        check(story)
        ends[story.outcome.kind if story.outcome else "not begun"] += 1
    with capsys.disabled():
        told = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
        print(  # noqa: T201  how many were tried is part of the proof
            f"\n{cuts} cuts, back after {pause:.0f} s, {buttonless.name}: {told}"
        )
    # The machine goes on by itself; a person is the exception.
    assert ends[OutcomeKind.SUCCEEDED] > 0.9 * cuts


# What the machine does from its second start until it sends again, and some more.
_GOING_ON = 30


@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
def test_a_second_cut_while_it_goes_on(
    buttonless: Buttonless, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the first one left half done is still known after the second."""
    operations = run_virtual(tell((), SOON, buttonless)).operations
    ends: Counter[str] = Counter()
    for first in range(2, operations + 1, 6):
        for second in range(1, _GOING_ON):
            story = run_virtual(tell((first, second), SOON, buttonless))
            check(story)
            assert story.outcome is not None
            ends[story.outcome.kind] += 1
    with capsys.disabled():
        told = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
        print(  # noqa: T201  how many were tried is part of the proof
            f"\n{ends.total()} pairs of cuts, {buttonless.name}: {told}"
        )
    assert ends.total() > 400
    assert ends[OutcomeKind.SUCCEEDED] > 0.9 * ends.total()
