"""New firmware that waits in a lock, or runs there and cannot be told anything."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from custom_components.nightlatch.core.errors import TransportProblem
from custom_components.nightlatch.core.installation.machine import Outcome
from custom_components.nightlatch.core.installation.states import State
from custom_components.nightlatch.core.model import OutcomeKind
from tests.rig.image import Behaviour
from tests.rig.mcuboot_flash import SECTOR, SLOT_SECTORS
from tests.rig.mcuboot_trailer import TRAILER_SECTORS
from tests.rig.smp_messages import Group, ImageCommand, OsCommand, Rc
from tests.rig.smp_server import SmpFault
from tests.rig.virtual_time import virtual_time

from ..doorway import until
from ..trial_doorway import NEW, OLD, TrialDoorway, image, told, trial_doorway
from .test_trial import assert_runs_for_good, reason
from .trial_bench import TrialBench

pytestmark = virtual_time

RESET = (Group.OS, OsCommand.RESET)
ERASE = (Group.IMAGE, ImageCommand.ERASE)
BUSY = 10
ALWAYS = 1_000


@pytest.fixture
async def door() -> AsyncIterator[TrialDoorway]:
    """A lock with MCUboot."""
    async with trial_doorway() as door:
        yield door


async def waits(door: TrialDoorway) -> bool:
    """Return whether the lock tries something at its next restart."""
    version = door.runs
    door.lock.reset()
    await door.restarted()
    return door.runs != version


async def test_a_lock_that_is_busy_is_asked_to_restart_again(
    door: TrialDoorway,
) -> None:
    """A motor that moves, or a door that is open: for minutes."""
    door.server.order(SmpFault.ERROR, RESET, times=30, rc=BUSY)
    outcome = await TrialBench(door).install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    await assert_runs_for_good(door, told(NEW))


@pytest.mark.parametrize("code", [BUSY, Rc.NOT_SUPPORTED])
async def test_a_lock_that_never_restarts_keeps_nothing_that_waits(
    door: TrialDoorway, code: int
) -> None:
    """The update is taken back, so nothing starts at the next change of a battery."""
    door.images.erases_pending = True
    door.server.order(SmpFault.ERROR, RESET, times=ALWAYS, rc=code)
    outcome = await TrialBench(door).install()
    assert outcome.kind is OutcomeKind.FAILED
    assert reason(outcome) is TransportProblem.RESTART_REFUSED
    assert outcome.error is not None
    assert outcome.error.details == {"code": str(int(code))}
    assert not await waits(door)
    assert door.runs == told(OLD)


@pytest.mark.parametrize("code", [BUSY, Rc.NOT_SUPPORTED])
async def test_what_cannot_be_taken_back_is_never_called_rolled_back(
    door: TrialDoorway, code: int
) -> None:
    """It starts at the next restart, and people are told that."""
    door.server.order(SmpFault.ERROR, RESET, times=ALWAYS, rc=code)
    outcome = await TrialBench(door).install()
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert reason(outcome) is TransportProblem.WAITS_FOR_RESTART
    assert outcome.error is not None
    assert outcome.error.details == {"version": NEW}
    assert outcome.running is not None
    assert outcome.running.firmware_version == told(OLD)
    assert await waits(door)


async def test_what_nobody_can_ask_for_is_not_called_rolled_back_either(
    door: TrialDoorway,
) -> None:
    """It was told to try it, does not restart, and says nothing more of its images."""
    door.server.order(SmpFault.ERROR, RESET, times=ALWAYS, rc=Rc.NOT_SUPPORTED)
    state = (Group.IMAGE, ImageCommand.STATE)
    # Two looks, a trial of what is not there, and the word to try it are answered.
    door.server.order(SmpFault.LOSE, state, nth=5, times=ALWAYS)
    outcome = await TrialBench(door).install()
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert reason(outcome) is TransportProblem.MAY_WAIT_FOR_RESTART
    assert outcome.error is not None
    assert outcome.error.details == {"version": NEW}
    assert outcome.running is not None
    assert outcome.running.firmware_version == told(OLD)
    assert await waits(door)


async def test_a_lock_that_restarts_by_itself_is_followed(door: TrialDoorway) -> None:
    """It refuses to be told, and does it all the same."""
    door.server.order(SmpFault.ERROR, RESET, times=ALWAYS, rc=Rc.NOT_SUPPORTED)
    bench = TrialBench(door)
    running = asyncio.create_task(bench.prepare().run())
    await until(lambda: State.ACTIVATING in bench.states)
    await asyncio.sleep(5)
    door.lock.reset()
    outcome = await running
    assert outcome.kind is OutcomeKind.SUCCEEDED
    await assert_runs_for_good(door, told(NEW))


async def test_a_word_to_try_it_whose_answers_got_lost_leaves_nothing_waiting(
    door: TrialDoorway,
) -> None:
    """The installation has failed, and nothing may start by itself later."""
    door.images.erases_pending = True
    state = (Group.IMAGE, ImageCommand.STATE)
    # Two looks, and a trial of what is not there; then the word to try it, and all that
    # is asked until it is given up.
    door.server.order(SmpFault.LOSE, state, nth=4, times=20)
    outcome = await TrialBench(door).install()
    assert outcome.kind is OutcomeKind.FAILED
    assert not await waits(door)


@pytest.mark.parametrize("believes_memory", [False, True])
async def test_new_firmware_may_take_its_time_to_serve(
    door: TrialDoorway, believes_memory: bool
) -> None:
    """Its service comes a minute after it has started, and what is remembered is old."""
    door.radio.believes_memory = believes_memory
    bench = TrialBench(door)
    running = asyncio.create_task(bench.prepare().run())
    await until(lambda: State.ACTIVATING in bench.states)
    door.lock.server_start = 60.0
    outcome = await running
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert door.runs == told(NEW)
    door.lock.server_start = 0.0
    door.lock.reset()
    await door.restarted()
    await assert_runs_for_good(door, told(NEW))


@pytest.mark.parametrize("behaviour", [Behaviour.WELL, Behaviour.JAMS_BOLT])
async def test_new_firmware_that_serves_no_more_is_told_as_what_runs(
    door: TrialDoorway, behaviour: Behaviour
) -> None:
    """It can neither be kept nor taken back, and that is not "nothing was changed"."""
    bench = TrialBench(door, behaviour=behaviour | Behaviour.CANNOT_BE_UPDATED)
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert reason(outcome) is TransportProblem.CANNOT_BE_KEPT
    assert outcome.running is not None
    assert outcome.running.firmware_version == told(NEW)
    door.lock.reset()
    await door.restarted()
    assert door.runs == told(OLD)


async def test_new_firmware_that_does_not_restart_is_not_called_taken_back(
    door: TrialDoorway,
) -> None:
    """It jams the bolt and stays: somebody has to take out its batteries."""
    bench = TrialBench(door, behaviour=Behaviour.JAMS_BOLT)
    # The old firmware is busy at first, and restarts when it is told so again.
    door.server.order(SmpFault.ERROR, RESET, nth=3, times=ALWAYS, rc=Rc.NOT_SUPPORTED)
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert reason(outcome) is TransportProblem.NOT_TAKEN_BACK
    assert door.runs == told(NEW)


SLOT = SLOT_SECTORS * SECTOR


async def install_image(door: TrialDoorway, size: int) -> Outcome:
    """Install firmware of so many bytes; its signed image has some more."""
    bench = TrialBench(door)
    bench.supply.given = image(NEW, size // 4 * 4)
    assert size < len(bench.supply.given) < size + 1000
    return await bench.install()


async def test_an_image_larger_than_the_slot_is_not_sent(door: TrialDoorway) -> None:
    """The lock tells how large its slots are."""
    outcome = await install_image(door, SLOT)
    assert outcome.kind is OutcomeKind.FAILED
    assert reason(outcome) is TransportProblem.TOO_LARGE_FOR_SLOT
    assert door.sizes == []


@pytest.mark.parametrize(
    "left",
    [
        pytest.param(1000, id="it reaches into the trailer, refused at its end"),
        pytest.param(TRAILER_SECTORS * SECTOR + 1000, id="no sector to swap by"),
    ],
)
@pytest.mark.parametrize("erases_pending", [True, False])
async def test_an_image_that_leaves_the_boot_loader_no_room_does_not_fit(
    door: TrialDoorway, left: int, erases_pending: bool
) -> None:
    """It is refused at the end of the upload, or at boot; the lock stays as it was."""
    door.images.erases_pending = erases_pending
    outcome = await install_image(door, SLOT - left)
    assert outcome.kind is OutcomeKind.FAILED
    assert reason(outcome) is TransportProblem.TOO_LARGE_FOR_SLOT
    assert not await waits(door)
    assert door.runs == told(OLD)


async def test_a_lock_that_tells_no_sizes_is_updated_all_the_same(
    door: TrialDoorway,
) -> None:
    """Many servers do not know the command."""
    door.images.tells_slots = False
    assert (await TrialBench(door).install()).kind is OutcomeKind.SUCCEEDED
