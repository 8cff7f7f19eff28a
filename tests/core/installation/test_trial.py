"""New firmware on trial: kept when it has proven itself, and taken back when not."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from custom_components.nightlatch.core.errors import (
    FeedError,
    FeedProblem,
    InstallationProblem,
    TransportError,
    TransportProblem,
)
from custom_components.nightlatch.core.installation.machine import Outcome
from custom_components.nightlatch.core.installation.states import State
from custom_components.nightlatch.core.model import OutcomeKind, Traits
from tests.rig.image import Behaviour
from tests.rig.lock_body import Bolt, Mode
from tests.rig.mcuboot_trailer import SwapType, next_swap
from tests.rig.virtual_time import virtual_time

from ..doorway import until
from ..trial_doorway import NEW, OLD, TrialDoorway, told, trial_doorway
from .trial_bench import RELEASE, TrialBench

pytestmark = virtual_time

KEEPS_ITSELF = replace(RELEASE, traits=Traits(confirms_itself=True))


@pytest.fixture
async def door() -> AsyncIterator[TrialDoorway]:
    """A lock with MCUboot."""
    async with trial_doorway() as door:
        yield door


def reason(outcome: Outcome) -> object:
    """Return why it did not succeed."""
    assert outcome.error is not None
    return outcome.error.reason


async def assert_runs_for_good(door: TrialDoorway, version: str) -> None:
    """Check what the lock runs, and that it runs it after two restarts too."""
    for _ in range(2):
        assert door.runs == version
        assert door.lock.bolt is Bolt.LOCKED
        door.lock.reset()
        await door.restarted()
    assert door.runs == version
    assert (await door.transport.running()).confirmed


async def test_it_is_kept_once_it_has_proven_itself(door: TrialDoorway) -> None:
    """And not a moment before: until then the lock would go back by itself."""
    bench = TrialBench(door)
    compare = bench.house.compare_settings
    confirmed: list[bool] = []

    async def note(attempt: str) -> None:
        confirmed.append((await door.transport.running()).confirmed)
        await compare(attempt)

    bench.house.compare_settings = note  # type: ignore[method-assign]
    running = asyncio.create_task(bench.prepare().run())
    await until(
        lambda: bench.states[-1:] == [State.CONFIRMING] and door.runs == told(NEW)
    )
    assert next_swap(door.lock.flash) is SwapType.REVERT
    outcome = await running
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert confirmed == [True]
    assert State.REVERTING not in bench.states
    assert len(bench.supply.kept) == 1
    await assert_runs_for_good(door, told(NEW))


@pytest.mark.parametrize(
    ("behaviour", "ended"),
    [
        (Behaviour.WELL, OutcomeKind.SUCCEEDED),
        (Behaviour.JAMS_BOLT, OutcomeKind.ROLLED_BACK),
    ],
)
async def test_what_was_proven_is_not_fetched_again(
    door: TrialDoorway, behaviour: Behaviour, ended: OutcomeKind
) -> None:
    """A vendor who is out of reach by then decides nothing about the trial."""
    bench = TrialBench(door, behaviour=behaviour)
    running = asyncio.create_task(bench.prepare().run())
    await until(lambda: State.TRANSFERRING in bench.states)
    bench.supply.given = FeedError(FeedProblem.UNREACHABLE, host="acme", file="x")
    assert (await running).kind is ended


async def test_firmware_that_jams_the_bolt_is_taken_back(door: TrialDoorway) -> None:
    """It boots, it says its version, and it does not do what a lock is for."""
    bench = TrialBench(door, behaviour=Behaviour.JAMS_BOLT)
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.ROLLED_BACK
    assert reason(outcome) is InstallationProblem.BOLT_JAMMED
    assert outcome.running is not None
    assert outcome.running.firmware_version == told(OLD)
    assert bench.states[-2:] == [State.CONFIRMING, State.REVERTING]
    assert bench.house.compared == ["1"]
    await assert_runs_for_good(door, told(OLD))


@pytest.mark.parametrize("serves_after", [0.0, 2.0, 60.0])
@pytest.mark.parametrize("behaviour", [Behaviour.NEVER_STARTS, Behaviour.CRASHES])
async def test_a_lock_that_goes_back_by_itself_is_believed(
    door: TrialDoorway, behaviour: Behaviour, serves_after: float
) -> None:
    """Its watchdog was faster; it runs its old firmware, and works.

    Also where the old firmware takes its time until it says that nothing waits in it.
    """
    door.lock.server_start = serves_after
    outcome = await TrialBench(door, behaviour=behaviour).install()
    assert outcome.kind is OutcomeKind.ROLLED_BACK
    assert reason(outcome) is TransportProblem.REVERTED
    assert outcome.running is not None
    assert outcome.running.firmware_version == told(OLD)
    await assert_runs_for_good(door, told(OLD))


async def test_firmware_that_keeps_itself_cannot_be_taken_back(
    door: TrialDoorway,
) -> None:
    """Then somebody has to see to the lock, and is told so."""
    bench = TrialBench(door, behaviour=Behaviour.JAMS_BOLT | Behaviour.CONFIRMS_ITSELF)
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert reason(outcome) is TransportProblem.ALREADY_KEPT


@pytest.mark.parametrize("serves", [True, False])
async def test_firmware_that_keeps_itself_as_its_feed_says_is_told_so(
    door: TrialDoorway, serves: bool
) -> None:
    """Nobody waits for it to go back, whether it can be asked or not."""
    behaviour = Behaviour.JAMS_BOLT | Behaviour.CONFIRMS_ITSELF
    if not serves:
        behaviour |= Behaviour.CANNOT_BE_UPDATED
    bench = TrialBench(door, behaviour=behaviour, release=KEEPS_ITSELF)
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.error is not None
    assert outcome.error.reason is TransportProblem.KEPT_ITSELF
    assert outcome.error.details == {"version": told(NEW)}
    assert outcome.running is not None
    assert outcome.running.firmware_version == told(NEW)


@pytest.mark.parametrize(
    "behaviour", [Behaviour.CONFIRMS_ITSELF, Behaviour.NEVER_STARTS]
)
@pytest.mark.parametrize("serves", [True, False])
async def test_firmware_that_works_and_keeps_itself_is_accepted(
    door: TrialDoorway, behaviour: Behaviour, serves: bool
) -> None:
    """Also where it serves no more; and what does not start is taken back as ever."""
    if not serves:
        behaviour |= Behaviour.CANNOT_BE_UPDATED
    outcome = await TrialBench(
        door, behaviour=behaviour, release=KEEPS_ITSELF
    ).install()
    if Behaviour.NEVER_STARTS in behaviour:
        assert outcome.kind is OutcomeKind.ROLLED_BACK
        assert reason(outcome) is TransportProblem.REVERTED
        await assert_runs_for_good(door, told(OLD))
    else:
        assert outcome.kind is OutcomeKind.SUCCEEDED
        assert door.runs == told(NEW)


async def test_a_bolt_that_stays_jammed_needs_a_hand(door: TrialDoorway) -> None:
    """The old firmware is back, but something else is wrong with the door."""
    bench = TrialBench(door, behaviour=Behaviour.JAMS_BOLT)
    running = asyncio.create_task(bench.prepare().run())
    await until(lambda: State.REVERTING in bench.states and door.runs == told(OLD))
    door.lock.move_bolt(Bolt.JAMMED)
    outcome = await running
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert reason(outcome) is InstallationProblem.BOLT_JAMMED
    assert outcome.running is not None
    assert outcome.running.firmware_version == told(OLD)


async def test_a_lock_that_stays_silent_is_not_given_up_as_rolled_back(
    door: TrialDoorway,
) -> None:
    """Nobody knows what it runs."""
    bench = TrialBench(door)
    running = asyncio.create_task(bench.prepare().run())
    await until(lambda: State.ACTIVATING in bench.states)
    await until(lambda: door.lock.mode is not Mode.APPLICATION)
    door.lock.cut_power()
    outcome = await running
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.running is None
    door.lock.restore_power()
    await door.restarted()


# After a restart of Home Assistant.


STATES = [State.TRANSFERRING, State.ACTIVATING, State.CONFIRMING]


@pytest.mark.parametrize("state", STATES, ids=str)
@pytest.mark.parametrize("pause", [0, 400])
async def test_a_restart_of_home_assistant_loses_nothing(
    door: TrialDoorway, state: State, pause: float
) -> None:
    """It goes on, and the firmware is kept only then."""
    bench = TrialBench(door)
    running = asyncio.create_task(bench.prepare().run())
    await until(lambda: bench.states[-1:] == [state])
    running.cancel()
    await asyncio.wait((running,))
    await asyncio.sleep(pause)
    outcome = await bench.go_on()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    await assert_runs_for_good(door, told(NEW))


@pytest.mark.parametrize("state", [State.CONFIRMING, State.REVERTING], ids=str)
async def test_bad_firmware_is_taken_back_after_a_restart_too(
    door: TrialDoorway, state: State
) -> None:
    """Whatever was under way: looking at it, or going back."""
    bench = TrialBench(door, behaviour=Behaviour.JAMS_BOLT)
    running = asyncio.create_task(bench.prepare().run())
    await until(lambda: bench.states[-1:] == [state])
    running.cancel()
    await asyncio.wait((running,))
    outcome = await bench.go_on()
    assert outcome.kind is OutcomeKind.ROLLED_BACK
    await assert_runs_for_good(door, told(OLD))


@pytest.mark.parametrize("serves_after", [0.0, 2.0, 60.0])
async def test_what_went_back_meanwhile_is_not_installed_again(
    door: TrialDoorway, serves_after: float
) -> None:
    """The lock has tried it, and nobody was there to tell it to keep it."""
    bench = TrialBench(door)
    running = asyncio.create_task(bench.prepare().run())
    await until(
        lambda: bench.states[-1:] == [State.CONFIRMING] and door.runs == told(NEW)
    )
    running.cancel()
    await asyncio.wait((running,))
    door.lock.server_start = serves_after
    door.lock.reset()
    await until(lambda: door.runs == told(OLD))
    sent = len(door.sizes)
    outcome = await bench.go_on()
    assert outcome.kind is OutcomeKind.ROLLED_BACK
    assert reason(outcome) is TransportProblem.REVERTED
    assert len(door.sizes) == sent
    await assert_runs_for_good(door, told(OLD))


async def test_what_the_lock_has_kept_by_then_has_succeeded(
    door: TrialDoorway,
) -> None:
    """The answer to the last command was lost with the power of the house."""
    bench = TrialBench(door)
    await bench.install()
    assert bench.journal.entry is not None
    bench.journal.entry = replace(bench.journal.entry, state=State.CONFIRMING)
    outcome = await bench.go_on()
    assert outcome.kind is OutcomeKind.SUCCEEDED


async def test_a_transfer_that_fails_is_a_failure_as_any_other(
    door: TrialDoorway,
) -> None:
    """The lock has worked all the time, and runs what it ran."""
    bench = TrialBench(door)
    running = asyncio.create_task(bench.prepare().run())
    await until(lambda: len(door.sizes) > 2)
    door.server.stop()
    outcome = await running
    assert outcome.kind is OutcomeKind.FAILED
    assert isinstance(outcome.error, TransportError)
    assert outcome.running is not None
    assert outcome.running.firmware_version == told(OLD)
