"""Cancelling, going on after a restart, and a lock that has to prove that it works."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from custom_components.nightlatch.core.errors import (
    FeedError,
    FeedProblem,
    InstallationProblem,
)
from custom_components.nightlatch.core.installation.confirmation import (
    MOVE_TIMEOUT,
    PAUSE,
    WELL_TIMEOUT,
)
from custom_components.nightlatch.core.installation.machine import Installation, Outcome
from custom_components.nightlatch.core.installation.states import State
from custom_components.nightlatch.core.model import OutcomeKind
from custom_components.nightlatch.core.preflight.base import PreflightError, Reason
from custom_components.nightlatch.core.preflight.situation import (
    Bolt,
    Door,
    Surroundings,
)
from tests.rig.lock import Mode, Step
from tests.rig.virtual_time import virtual_time

from ..doorway import NEW, OLD, doorway, until
from .bench import LONG_AGO, NOW, Bench, DeskHouse, new_entry

pytestmark = virtual_time

LOCKED = Surroundings(
    bolt=Bolt.LOCKED, bolt_since=LONG_AGO, door=Door.CLOSED, door_since=LONG_AGO
)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A lock with an unbonded bootloader, slow enough to be interrupted."""
    async with doorway() as door:
        door.link.model.connection_interval = 0.03
        yield Bench(door)


def begin(bench: Bench) -> tuple[Installation, asyncio.Task[Outcome]]:
    """Begin to install."""
    installation = bench.prepare()
    return installation, asyncio.create_task(installation.run())


# Cancelling.


@pytest.mark.parametrize("state", [State.PREFLIGHT, State.TRANSFERRING], ids=str)
async def test_it_can_be_cancelled(bench: Bench, state: State) -> None:
    """The lock goes on with its old firmware, and is asked whether it does."""
    installation, running = begin(bench)
    await until(lambda: installation.state is state)
    if state is State.TRANSFERRING:
        await until(lambda: bench.door.lock.mode is Mode.BOOTLOADER)
    assert installation.cancellable
    assert installation.cancel()
    outcome = await running
    assert outcome.kind is OutcomeKind.CANCELLED
    assert outcome.error is not None
    assert outcome.error.reason is InstallationProblem.CANCELLED
    assert outcome.running is not None
    assert outcome.running.firmware_version == OLD
    bench.door.assert_nothing_left()
    await bench.assert_second_installation_succeeds()


async def test_a_feed_that_hangs_can_be_cancelled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock was not even looked at."""

    async def hang(_: object) -> bytes:
        await asyncio.sleep(3600)
        raise AssertionError

    monkeypatch.setattr(bench.supply, "fetch", hang)
    installation, running = begin(bench)
    await until(lambda: installation.state is State.FETCHING)
    assert installation.cancel()
    outcome = await running
    assert outcome.kind is OutcomeKind.CANCELLED
    assert not outcome.touched
    bench.assert_untouched()


async def test_it_can_no_longer_be_cancelled_once_the_lock_activates(
    bench: Bench,
) -> None:
    """It says so, and goes on."""
    installation, running = begin(bench)
    await until(lambda: installation.state is State.ACTIVATING)
    assert not installation.cancellable
    assert not installation.cancel()
    outcome = await running
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert not installation.cancel()


# The journal.


async def test_every_step_is_written_down_before_it_is_done(bench: Bench) -> None:
    """In this order, and the old firmware runs until the transfer."""
    outcome = await bench.install()
    assert outcome.touched
    assert list(dict.fromkeys(bench.journal.written)) == [
        State.FETCHING,
        State.VERIFYING,
        State.PREFLIGHT,
        State.SNAPSHOT,
        State.TRANSFERRING,
        State.ACTIVATING,
        State.CONFIRMING,
    ]


@pytest.mark.parametrize(
    "state", [State.FETCHING, State.SNAPSHOT, State.TRANSFERRING], ids=str
)
async def test_without_a_journal_no_lock_is_touched(bench: Bench, state: State) -> None:
    """A disk that is full is told of."""
    bench.journal.full_from = state
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is InstallationProblem.JOURNAL
    assert outcome.error.details["problem"] == "No space left on device"
    assert not outcome.touched
    bench.assert_untouched()


@pytest.mark.parametrize("state", [State.ACTIVATING, State.CONFIRMING], ids=str)
async def test_a_disk_that_is_full_too_late_strands_no_lock(
    bench: Bench, state: State
) -> None:
    """It is more important that the lock comes back."""
    bench.journal.full_from = state
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert bench.door.runs == NEW


async def test_a_stop_right_after_a_cancel_is_a_stop(bench: Bench) -> None:
    """Home Assistant does not wait for what is found out after its next start."""
    installation, running = begin(bench)
    await until(lambda: installation.state is State.TRANSFERRING)
    await asyncio.sleep(0.5)
    assert installation.cancel()
    await asyncio.sleep(0)
    running.cancel()
    started = asyncio.get_running_loop().time()
    await asyncio.wait((running,))
    assert running.cancelled()
    assert asyncio.get_running_loop().time() - started < 30
    assert bench.journal.entry is not None
    assert bench.journal.entry.state is State.TRANSFERRING


# Going on.


async def test_what_was_installed_meanwhile_is_only_proven(bench: Bench) -> None:
    """The lock had taken everything when the power went."""
    await bench.install()
    bench.journal.entry = replace(new_entry(), state=State.ACTIVATING)
    packets = bench.door.link.counters.packets
    outcome = await bench.go_on()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.touched
    assert bench.door.link.counters.packets == packets


async def test_what_had_not_begun_begins_anew(bench: Bench) -> None:
    """With everything that has to be asked."""
    bench.journal.entry = replace(new_entry(), state=State.VERIFYING)
    outcome = await bench.go_on()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert State.PREFLIGHT in bench.states


async def test_the_window_may_have_passed(bench: Bench) -> None:
    """Then the lock, which runs its old firmware, waits for the next one."""
    bench.journal.entry = replace(new_entry(), state=State.TRANSFERRING)
    outcome = await bench.go_on(replace(bench.house, window_end=NOW, unattended=True))
    assert outcome.kind is OutcomeKind.POSTPONED
    assert isinstance(outcome.error, PreflightError)
    assert [check.reason for check in outcome.error.blockers] == [Reason.DOES_NOT_FIT]
    bench.door.assert_as_before()


async def test_a_stranded_lock_does_not_wait_for_the_next_window(bench: Bench) -> None:
    """Its door does not open."""
    bench.door.lock._jump()
    await asyncio.sleep(1)
    bench.journal.entry = replace(new_entry(), state=State.TRANSFERRING)
    outcome = await bench.go_on(replace(bench.house, window_end=NOW, unattended=True))
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert bench.door.runs == NEW


async def test_a_stranded_lock_whose_feed_is_silent_comes_back_by_itself(
    bench: Bench,
) -> None:
    """Its bootloader gives up, and that is what is told."""
    bench.door.lock._jump()
    await asyncio.sleep(1)
    bench.journal.entry = replace(new_entry(), state=State.TRANSFERRING)
    bench.supply.given = FeedError(FeedProblem.UNREACHABLE, host="acme", file="x")
    outcome = await bench.go_on()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is bench.supply.given
    assert outcome.running is not None
    assert outcome.running.firmware_version == OLD


async def test_a_lock_that_is_gone_after_a_restart_needs_a_hand(bench: Bench) -> None:
    """Nobody knows what it runs."""
    bench.door.lock.cut_power()
    bench.journal.entry = replace(new_entry(), state=State.CONFIRMING)
    outcome = await bench.go_on()
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.running is None


# Proving that it works.


def house(bench: Bench, seen: Surroundings = LOCKED, **policy: Any) -> DeskHouse:
    """Return a house that another integration knows the lock of."""
    bench.policy = replace(bench.policy, **policy)
    return replace(bench.house, seen=seen)


async def test_a_lock_as_it_was_before_has_proven_itself(bench: Bench) -> None:
    """And its bolt was not moved: nobody has allowed that."""
    desk = house(bench)
    outcome = await bench.install(desk)
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert desk.moved == []


@pytest.mark.parametrize(
    ("bolt", "problem"),
    [
        (Bolt.JAMMED, InstallationProblem.BOLT_JAMMED),
        (Bolt.UNKNOWN, InstallationProblem.LOCK_UNAVAILABLE),
        (Bolt.MOVING, InstallationProblem.LOCK_UNAVAILABLE),
        (Bolt.UNLOCKED, InstallationProblem.BOLT_ELSEWHERE),
    ],
    ids=str,
)
async def test_a_lock_that_does_not_work_needs_a_hand(
    bench: Bench, bolt: Bolt, problem: InstallationProblem
) -> None:
    """Though it runs what it should."""
    desk = house(bench)

    def spoil(_: object) -> None:
        desk.seen = replace(LOCKED, bolt=bolt)

    bench.when_it_activates(spoil)
    outcome = await bench.install(desk)
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.error is not None
    assert outcome.error.reason is problem
    assert outcome.running is not None
    assert outcome.running.firmware_version == NEW
    assert bench.door.runs == NEW


async def test_another_integration_may_take_its_time(bench: Bench) -> None:
    """One look that fails is no failure."""
    desk = house(bench)

    def vanish(_: object) -> None:
        desk.seen = replace(LOCKED, bolt=Bolt.UNKNOWN)
        asyncio.get_running_loop().call_later(
            WELL_TIMEOUT - 10, lambda: setattr(desk, "seen", LOCKED)
        )

    bench.when_it_activates(vanish)
    assert (await bench.install(desk)).kind is OutcomeKind.SUCCEEDED


async def test_the_bolt_is_tried_where_that_is_allowed(bench: Bench) -> None:
    """There and back again."""
    desk = house(bench, may_move_bolt=True)

    def move(locked: bool) -> None:
        bolt = Bolt.LOCKED if locked else Bolt.UNLOCKED
        desk.seen = replace(LOCKED, bolt=bolt)

    desk.when_moved = move
    outcome = await bench.install(desk)
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert desk.moved == [False, True]


@pytest.mark.parametrize("door", [None, Door.OPEN, Door.UNKNOWN], ids=str)
async def test_the_bolt_is_not_tried_unless_the_door_is_shut(
    bench: Bench, door: Door | None
) -> None:
    """It would hit the frame."""
    desk = house(bench, may_move_bolt=True)
    bench.when_it_activates(lambda _: setattr(desk, "seen", replace(LOCKED, door=door)))
    assert (await bench.install(desk)).kind is OutcomeKind.SUCCEEDED
    assert desk.moved == []


async def test_a_bolt_that_does_not_move_needs_a_hand(bench: Bench) -> None:
    """Whatever the other integration says of it."""
    desk = house(bench, may_move_bolt=True)

    def refuse(_: bool) -> None:
        raise ZeroDivisionError

    desk.when_moved = refuse
    outcome = await bench.install(desk)
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.error is not None
    assert outcome.error.reason is InstallationProblem.BOLT_DID_NOT_MOVE
    # It may have been heard all the same.
    assert desk.moved == [False, True]


async def test_a_slow_bolt_is_put_back_where_it_was(bench: Bench) -> None:
    """A door that was locked must not be found unlocked in the morning."""
    desk = house(bench, may_move_bolt=True)

    def move(locked: bool) -> None:
        bolt = Bolt.LOCKED if locked else Bolt.UNLOCKED
        asyncio.get_running_loop().call_later(
            2 * MOVE_TIMEOUT, lambda: setattr(desk, "seen", replace(LOCKED, bolt=bolt))
        )

    desk.when_moved = move
    outcome = await bench.install(desk)
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    await asyncio.sleep(4 * MOVE_TIMEOUT)
    assert desk.moved == [False, True]
    assert desk.seen.bolt is Bolt.LOCKED


async def test_a_door_that_is_opened_meanwhile_keeps_its_bolt_in(bench: Bench) -> None:
    """Somebody goes through it: the bolt would hit the frame."""
    desk = house(bench, may_move_bolt=True)

    def move(_: bool) -> None:
        desk.seen = replace(LOCKED, bolt=Bolt.UNLOCKED, door=Door.OPEN)

    desk.when_moved = move
    outcome = await bench.install(desk)
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.error is not None
    assert outcome.error.reason is InstallationProblem.BOLT_ELSEWHERE
    assert desk.moved == [False]


async def test_what_was_known_before_the_restart_proves_nothing(bench: Bench) -> None:
    """Another integration may notice only after a while that the lock is jammed."""
    desk = house(bench)

    def jam_later(_: object) -> None:
        asyncio.get_running_loop().call_later(
            PAUSE + 5, lambda: setattr(desk, "seen", replace(LOCKED, bolt=Bolt.JAMMED))
        )

    bench.when_it_activates(jam_later)
    outcome = await bench.install(desk)
    assert outcome.error is not None
    assert outcome.error.reason is InstallationProblem.BOLT_JAMMED


async def test_a_bolt_may_tell_late_that_it_is_where_it_was(bench: Bench) -> None:
    """Some locks report a wrong place until they have found themselves."""
    desk = house(bench)

    def restart(_: object) -> None:
        desk.seen = replace(LOCKED, bolt=Bolt.UNLOCKED)
        asyncio.get_running_loop().call_later(
            2 * PAUSE, lambda: setattr(desk, "seen", LOCKED)
        )

    bench.when_it_activates(restart)
    assert (await bench.install(desk)).kind is OutcomeKind.SUCCEEDED


async def test_a_lock_that_keeps_its_old_firmware_is_not_tried(bench: Bench) -> None:
    """It has nothing to prove."""
    desk = house(bench, may_move_bolt=True)
    bench.when_it_activates(lambda lock: setattr(lock, "comes_back_as", OLD))
    outcome = await bench.install(desk)
    assert outcome.kind is OutcomeKind.FAILED
    assert desk.moved == []
    assert Step.ACTIVATED in Step
