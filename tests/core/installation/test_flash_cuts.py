r"""A lock loses its power, at every write of its flash that an installation causes.

Whatever its processor was doing, it ends in its application, with a version that it has
said itself: the new one, or the one it ran before. What the installation does not do by
itself is done by the next one, as a person or the recovery would begin it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
import os
from pathlib import Path
from typing import Any

import pytest

from custom_components.nightlatch.core.installation.machine import Outcome
from custom_components.nightlatch.core.model import OutcomeKind, Purpose
from tests.rig.image import Behaviour
from tests.rig.lock import VirtualLock
from tests.rig.lock_body import Bolt, Mode
from tests.rig.mcuboot_bootloader import McubootBootloader
from tests.rig.mcuboot_lock import VirtualMcubootLock
from tests.rig.mcuboot_offset import OffsetBootloader
from tests.rig.mcuboot_trailer import SwapType, next_swap
from tests.rig.nordic_generations import Generation
from tests.rig.smp_messages import Group, OsCommand
from tests.rig.smp_server import SmpFault
from tests.rig.virtual_time import run_virtual

from ..doorway import NEW, OLD, Doorway
from ..trial_doorway import TrialDoorway, image
from .bench import Bench
from .trial_bench import TrialBench

LONG = os.environ.get("NIGHTLATCH_ATTACKS") == "long"
LOG = os.environ.get("NIGHTLATCH_PAIRS_LOG")
SOON, LATE = 5.0, 400.0
"""Seconds until the lock has power again; after the longer ones nobody waits for it."""
BUSY = 10
SIZE = 9000
"""Bytes of firmware for MCUboot: three sectors with header and signature."""
_HELP = 4
"""So many installations more are the most that it may take."""
_SETTLED = 300.0
"""Seconds after which a lock with power is where it stays."""

type Lock = VirtualLock | VirtualMcubootLock


class Kind(Enum):
    """What loses its power."""

    TWO_BANKS = "Nordic, two banks"
    ONE_BANK = "Nordic, one bank"
    NO_BACKUP = "Nordic, two banks, settings without a backup"
    NOTHING_TWICE = "Nordic, one bank, settings without a backup"
    MCUBOOT = "MCUboot"
    MCUBOOT_MOVES = "MCUboot, swap using move"
    MCUBOOT_UNKIND = "MCUboot, wants a bond, is busy, serves late"
    MCUBOOT_JAMS = "MCUboot, new firmware jams the bolt"


FORGOTTEN_AT_THE_END = {
    # Of the four last writes, the settings page and its backup, those before it is noted.
    Kind.ONE_BANK: (-3, -2),
    # While the settings are written with each page that is copied, and in the end.
    Kind.NO_BACKUP: (-14, -10, -6, -2, 0),
    Kind.NOTHING_TWICE: (-1, 0),
}
"""The writes, from the last one, without which a lock forgets that it has everything."""


@dataclass
class Scene:
    """A lock, and how something is installed to it."""

    lock: Lock
    install: Callable[[], Awaitable[Outcome]]
    go_on: Callable[[], Awaitable[Outcome]]
    """Goes on with what the journal tells of, or recovers what is in its bootloader."""
    close: Callable[[], None]
    permanent: Callable[[], bool]
    """Whether what runs is there for good."""


def nordic(**options: Any) -> Scene:
    """Return a lock with a Secure DFU bootloader."""
    door = Doorway(**options)
    bench = Bench(door)

    async def go_on() -> Outcome:
        bench.in_bootloader = door.lock.mode is Mode.BOOTLOADER
        if bench.in_bootloader:
            return await bench.prepare(purpose=Purpose.RECOVERY).run()
        return await bench.go_on()

    return Scene(door.lock, bench.install, go_on, door.close, lambda: True)


def mcuboot(
    behaviour: Behaviour = Behaviour.WELL,
    boot_loader: type[McubootBootloader] = OffsetBootloader,
    *,
    unkind: bool = False,
) -> Scene:
    """Return a lock that runs new firmware on trial.

    One that is ``unkind`` speaks only to who is bonded with it, refuses its first two
    restarts because it is busy, and lets itself be updated a minute after each start.
    """
    door = TrialDoorway(old=image(OLD, SIZE), boot_loader=boot_loader)
    if unkind:
        door.lock.needs_bond = door.lock.reads_need_bond = True
        door.server.order(SmpFault.ERROR, (Group.OS, OsCommand.RESET), times=2, rc=BUSY)
    bench = TrialBench(door)
    bench.supply.given = image(NEW, SIZE, behaviour)

    def restarts() -> None:
        if door.lock.mode is Mode.SWAPPING:
            door.lock.server_start = 60.0

    if unkind:
        door.lock.on_change(restarts)

    return Scene(
        door.lock,
        bench.install,
        bench.go_on,
        door.close,
        lambda: next_swap(door.lock.flash) is SwapType.NONE,
    )


SCENES: dict[Kind, Callable[[], Scene]] = {
    Kind.TWO_BANKS: nordic,
    Kind.ONE_BANK: partial(nordic, single_bank=True),
    Kind.NO_BACKUP: partial(nordic, generation=Generation.SDK_14),
    Kind.NOTHING_TWICE: partial(nordic, single_bank=True, generation=Generation.SDK_12),
    Kind.MCUBOOT: mcuboot,
    Kind.MCUBOOT_MOVES: partial(mcuboot, boot_loader=McubootBootloader),
    Kind.MCUBOOT_UNKIND: partial(mcuboot, unkind=True),
    Kind.MCUBOOT_JAMS: partial(mcuboot, Behaviour.JAMS_BOLT),
}


@dataclass(frozen=True)
class Story:
    """How one lock fared."""

    first: OutcomeKind
    """How the installation ended that was cut."""
    stood: str
    """What the lock ran by itself then, or where it waited."""
    helped: int
    """How many more installations it took."""
    runs: str
    """The version that it has said itself in the end."""
    writes: int
    """How often its flash was written or erased until the first one ended."""
    losses: int


async def tell(
    kind: Kind, cuts: Sequence[int], pause: float, *, torn: bool = False
) -> Story:
    """Install, lose power at these writes, and help until it is well."""
    scene = SCENES[kind]()
    lock = scene.lock
    losses = 0

    def changed() -> None:
        nonlocal losses
        losses += lock.mode is Mode.OFF
        assert lock.mode is not Mode.DEAD, "it is bricked"

    lock.on_change(changed)
    try:
        await asyncio.sleep(1)
        before = lock.flash.operations.count
        at = 0
        for cut in cuts:
            at += cut
            lock.flash.cut_at(at, torn=torn, restore_after=pause)
        outcome = first = await scene.install()
        writes = lock.flash.operations.count - before
        await asyncio.sleep(pause + _SETTLED)
        stood = called(lock) if lock.mode is Mode.APPLICATION else str(lock.mode)
        helped = 0
        while not is_proven(outcome, lock, scene):
            assert helped < _HELP, f"{outcome} {lock.mode} {lock.version}"
            helped += 1
            outcome = await scene.go_on()
            await asyncio.sleep(pause + _SETTLED)
        runs = called(lock)
        # It is so after two restarts too.
        for _ in range(2):
            lock.cut_power(restore_after=1)
            await asyncio.sleep(30)
            assert (lock.mode, called(lock)) == (Mode.APPLICATION, runs)
            assert lock.bolt is Bolt.LOCKED
        lost = losses - 2
        return Story(first.kind, stood, helped, runs, writes, lost)
    finally:
        scene.close()


def is_proven(outcome: Outcome, lock: Lock, scene: Scene) -> bool:
    """Return whether the lock runs what it has told, for good, and a person knows."""
    if lock.mode is not Mode.APPLICATION or outcome.kind is OutcomeKind.NEEDS_HAND:
        return False
    assert outcome.running is not None
    assert outcome.running.firmware_version == lock.version
    assert scene.permanent()
    wanted = NEW if outcome.kind is OutcomeKind.SUCCEEDED else OLD
    assert called(lock) == wanted
    return True


def called(lock: Lock) -> str:
    """Return what the vendor calls what a lock runs, which may tell the build too."""
    return (lock.version or "").removesuffix("+0")


def show(
    what: str, stories: Sequence[Story], capsys: pytest.CaptureFixture[str]
) -> None:
    """Print how many cuts there were, and how they ended."""

    def told(each: Callable[[Story], str]) -> str:
        counts = Counter(each(story) for story in stories)
        return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))

    helped = sum(story.helped > 0 for story in stories)
    with capsys.disabled():
        print(  # noqa: T201  how many were tried is part of the proof
            f"\n{what}: {told(lambda story: str(story.first))}; "
            f"stood: {told(lambda story: story.stood)}; "
            f"{helped} gone on with; in the end: {told(lambda story: story.runs)}"
        )


def check(kind: Kind, stories: Sequence[Story]) -> None:
    """Check what no lock may do, wherever its power went."""
    if kind not in FORGOTTEN_AT_THE_END:
        # There is always firmware that runs, whoever is there to help or not.
        assert {story.stood for story in stories} <= {OLD, NEW}
    if kind is Kind.MCUBOOT_JAMS:
        assert {story.runs for story in stories} == {OLD}


def writes_of(kind: Kind) -> int:
    """Return how many writes and erases an installation takes that nothing disturbs."""
    whole = run_virtual(tell(kind, (), SOON))
    assert whole.losses == whole.helped == 0
    assert whole.runs == (OLD if kind is Kind.MCUBOOT_JAMS else NEW)
    return whole.writes


each_kind = pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name.lower())


@pytest.mark.parametrize("pause", [SOON, LATE])
@each_kind
def test_a_cut_at_every_write(
    kind: Kind, pause: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the upload, of what chooses the image, of the swap or the copy, of keeping it."""
    writes = writes_of(kind)
    assert writes >= 50
    stories = [
        run_virtual(tell(kind, (write,), pause)) for write in range(1, writes + 1)
    ]
    assert all(story.losses == 1 for story in stories)
    show(f"{kind.value}: {writes} cuts, back after {pause:.0f} s", stories, capsys)
    check(kind, stories)
    if pause == SOON:
        # The installation itself waits for it, and brings it to its end. Only a lock that
        # has said that it has all, and forgets it before its page is written, waits in
        # its bootloader for what is sent again; so people are told.
        forgets = FORGOTTEN_AT_THE_END.get(kind, ())
        helped = [
            write - writes for write, story in enumerate(stories, 1) if story.helped
        ]
        assert helped == list(forgets)
        for write in forgets:
            story = stories[writes + write - 1]
            assert story.first is OutcomeKind.NEEDS_HAND
            assert (story.stood, story.helped) == (str(Mode.BOOTLOADER), 1)
            assert story.runs == NEW


# All pairs take a quarter of an hour of a kind.
@pytest.mark.timeout(7200 if LONG else 300)
@each_kind
def test_a_second_cut(kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    """While the first one is made good: soon after it, or late."""
    writes = writes_of(kind)
    stories = []
    for first in range(1, writes + 1, 1 if LONG else 6):
        for second in range(1, writes + 1) if LONG else (1, 2, 5, 17, 40):
            story = run_virtual(tell(kind, (first, second), SOON))
            stories.append(story)
            if LONG and story.losses < 2:
                # It was well before the second one: so it is with all later ones.
                break
        if LOG:
            come = f"{kind.name}: {first} of {writes} first cuts, {len(stories)} pairs"
            with Path(LOG).open("a", encoding="utf-8") as log:
                print(come, file=log)
    show(f"{kind.value}: {len(stories)} pairs of cuts", stories, capsys)
    check(kind, stories)
    assert sum(story.losses == 2 for story in stories) > 0.8 * len(stories)


@pytest.mark.parametrize(
    "kind", [kind for kind in Kind if kind is not Kind.MCUBOOT_JAMS]
)
def test_a_write_that_is_torn(kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of it is there."""
    writes = writes_of(kind)
    stories = [
        run_virtual(tell(kind, (write,), SOON, torn=True))
        for write in range(1, writes + 1, 2)
    ]
    show(f"{kind.value}: {len(stories)} torn writes", stories, capsys)
    check(kind, stories)
