"""An installation ends with a proof, or honestly without one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from custom_components.nightlatch.core.errors import (
    FeedError,
    FeedProblem,
    FirmwareProblem,
    InstallationProblem,
    TransportError,
    TransportProblem,
)
from custom_components.nightlatch.core.installation.states import State
from custom_components.nightlatch.core.installation.verification import RETURN_TIMEOUT
from custom_components.nightlatch.core.model import (
    BatteryReading,
    Manner,
    OutcomeKind,
    Purpose,
)
from custom_components.nightlatch.core.preflight.base import PreflightError, Reason
from custom_components.nightlatch.core.preflight.situation import Bolt, Surroundings
from custom_components.nightlatch.core.records.trust import LockFloor
from custom_components.nightlatch.core.versions import Version, VersionScheme
from tests.rig.bootloader import Generation
from tests.rig.dfu_package import generate_key
from tests.rig.faults import Fault, Traffic
from tests.rig.image import make_image
from tests.rig.lock import Mode, Step, VirtualLock
from tests.rig.lock_services import Buttonless
from tests.rig.scene import firmware_version
from tests.rig.virtual_time import virtual_time

from ..doorway import (
    ADDRESS,
    BOOTLOADER_ADDRESS,
    NAME,
    NEW,
    OLD,
    SIZE,
    Doorway,
    doorway,
    until,
)
from .bench import (
    NEW_IDENTITY,
    NOW,
    OLD_IDENTITY,
    Bench,
    Desk,
    good_package,
    new_entry,
    package_of,
)

pytestmark = virtual_time


def level(percent: int | None) -> BatteryReading:
    """Return what a linked battery sensor says just now."""
    return BatteryReading(level=percent, at=None if percent is None else NOW)


def claim(lock: VirtualLock, version: str) -> None:
    """Let a lock say that it runs a version."""
    lock.comes_back_as = version


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A lock with an unbonded bootloader."""
    async with doorway() as door:
        yield Bench(door)


@pytest.fixture
async def bonded_bench() -> AsyncIterator[Bench]:
    """A lock whose bootloader has the application's address."""
    async with doorway(buttonless=Buttonless.BONDED) as door:
        yield Bench(door)


# Success.


async def test_it_succeeds_when_the_lock_says_that_it_runs_the_release(
    bench: Bench,
) -> None:
    """The lock itself is asked, after it has restarted."""
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.running == NEW_IDENTITY
    assert outcome.error is None
    assert not outcome.in_bootloader
    assert outcome.touched
    assert bench.door.lock.flash.application == make_image(NEW, SIZE, seed=2)


async def test_a_bonded_lock_is_no_exception(bonded_bench: Bench) -> None:
    """Though one address stands for two tables of services."""
    outcome = await bonded_bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.running == NEW_IDENTITY


async def test_what_was_learned_of_a_bootloader_is_kept_for_the_lock(
    bench: Bench,
) -> None:
    """So the next installation need not find it out again."""
    bench.door.bootloader.generation = Generation.SDK_12
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert bench.learned == [Manner.GENTLE]
    assert bench.door.bootloader.counters.command_objects == 2


async def test_what_is_known_of_a_bootloader_is_heeded(bench: Bench) -> None:
    """And nothing is learned that was known."""
    bench.door.bootloader.generation = Generation.SDK_12
    bench.learned.append(Manner.GENTLE)
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert bench.learned == [Manner.GENTLE]
    assert bench.door.bootloader.counters.command_objects == 1


async def test_the_stages_are_told_and_a_hundred_percent_never(bench: Bench) -> None:
    """It would stand there before it was true."""
    await bench.install()
    assert bench.states == [
        State.FETCHING,
        State.VERIFYING,
        State.PREFLIGHT,
        State.SNAPSHOT,
        State.TRANSFERRING,
        State.ACTIVATING,
        State.CONFIRMING,
    ]
    percentages = [percentage for _, percentage in bench.reports if percentage]
    assert all(earlier <= later for earlier, later in pairwise(percentages))
    assert percentages[-1] == pytest.approx(97)
    assert bench.reports[:5] == [
        (State.FETCHING, None),
        (State.VERIFYING, None),
        (State.PREFLIGHT, None),
        (State.SNAPSHOT, None),
        (State.TRANSFERRING, 0.0),
    ]


async def test_versions_are_compared_by_their_numbers(bench: Bench) -> None:
    """A lock may write its version otherwise than the feed does."""
    bench.when_it_activates(lambda lock: claim(lock, "1.1"))
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.running is not None
    assert outcome.running.firmware_version == "1.1"


@pytest.mark.parametrize("seconds", [5.0, 60.0, 120.0])
async def test_a_lock_may_take_its_time_to_come_back(
    bench: Bench, seconds: float
) -> None:
    """Its motor tests itself, its flash is slow."""
    bench.door.lock.activation_time = seconds
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED


async def test_a_lock_that_is_hard_to_reach_afterwards_is_asked_again(
    bench: Bench,
) -> None:
    """One refused connection is no proof of anything."""
    bench.when_it_activates(
        lambda _: bench.door.link.order(Traffic.CONNECTION, Fault.LOSE, times=10)
    )
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED


async def test_what_runs_counts_more_than_how_the_transfer_ended(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that runs the release has been updated."""

    async def arrive_and_fail(*given: Any) -> None:
        about_to_touch = given[-1]
        await about_to_touch()
        bench.door.lock.flash.application = bytearray(make_image(NEW, SIZE, seed=2))
        raise TransportError(TransportProblem.LINK_LOST)

    monkeypatch.setattr(
        "custom_components.nightlatch.core.installation.direct."
        "NordicDfuTransport.transfer",
        arrive_and_fail,
    )
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.running == NEW_IDENTITY
    assert outcome.error is None
    assert outcome.touched


# Before anything is sent.


@pytest.mark.parametrize(
    "problem",
    [
        FeedProblem.UNREACHABLE,
        FeedProblem.RELEASE_WITHDRAWN,
        FeedProblem.RELEASE_CHANGED,
        FeedProblem.ARTIFACT_MISMATCH,
    ],
)
async def test_what_cannot_be_fetched_reaches_no_lock(
    bench: Bench, problem: FeedProblem
) -> None:
    """The lock is not even looked at."""
    error = FeedError(problem)
    bench.supply.given = error
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is error
    assert outcome.running == OLD_IDENTITY
    assert not outcome.touched
    assert bench.states == [State.FETCHING]
    assert bench.door.link.counters.connects == 0
    bench.assert_untouched()
    await bench.assert_second_installation_succeeds()


async def test_a_release_that_is_halted_meanwhile_is_no_failure_of_the_lock(
    bench: Bench,
) -> None:
    """Nothing was touched, so other locks need not wait and nothing is counted."""
    bench.supply.given = FeedError(FeedProblem.RELEASE_HALTED, why="Bad.")
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.POSTPONED
    assert not outcome.touched
    bench.assert_untouched()


@pytest.mark.parametrize(
    ("package", "problem"),
    [
        (b"not a package", FirmwareProblem.NOT_A_PACKAGE),
        (good_package()[:-30], FirmwareProblem.NOT_A_PACKAGE),
        (
            package_of(make_image(NEW, SIZE, seed=2), key=generate_key()),
            FirmwareProblem.SIGNATURE_INVALID,
        ),
        (
            package_of(make_image(NEW, SIZE, seed=2), unsigned=True),
            FirmwareProblem.NOT_SIGNED,
        ),
        (
            package_of(make_image(NEW, SIZE, seed=2), hw_version=51),
            FirmwareProblem.WRONG_HARDWARE,
        ),
        (
            package_of(make_image(NEW, SIZE, seed=2), fw_version=1),
            FirmwareProblem.WRONG_VERSION,
        ),
    ],
    ids=["nonsense", "cut off", "other key", "unsigned", "other hardware", "version"],
)
async def test_what_is_not_proven_reaches_no_lock(
    bench: Bench, package: bytes, problem: FirmwareProblem
) -> None:
    """The lock is not even looked at."""
    bench.supply.given = package
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is problem
    assert outcome.running == OLD_IDENTITY
    assert bench.states == [State.FETCHING, State.VERIFYING]
    assert bench.door.link.counters.connects == 0
    bench.assert_untouched()
    await bench.assert_second_installation_succeeds()


async def test_firmware_below_the_floor_reaches_no_lock(bench: Bench) -> None:
    """Newer firmware ran there before, whatever the feed says now."""
    bench.floor = LockFloor(
        version=Version.parse(VersionScheme.DOTTED, OLD),
        security_version=1,
        firmware_version=firmware_version("1.2.0"),
    )
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is FirmwareProblem.DOWNGRADE
    bench.assert_untouched()


async def test_all_blockers_are_told_at_once(bench: Bench) -> None:
    """Nobody wants to learn of them one by one."""
    bench.surroundings = Surroundings(bolt=Bolt.JAMMED, battery=level(12))
    bench.door.lock.comes_back_as = NEW
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.POSTPONED
    assert isinstance(outcome.error, PreflightError)
    assert [check.reason for check in outcome.error.blockers] == [
        Reason.NOT_NEWER,
        Reason.BATTERY_LOW,
        Reason.BOLT_JAMMED,
    ]
    assert outcome.error.details == {
        "blockers": "preflight_not_newer, preflight_battery_low, preflight_bolt_jammed"
    }
    assert bench.states == [State.FETCHING, State.VERIFYING, State.PREFLIGHT]
    assert bench.door.link.counters.writes == 0
    bench.door.lock.comes_back_as = None
    await bench.assert_second_installation_succeeds()


@pytest.mark.parametrize(
    ("told", "linked"),
    [(40, Surroundings()), (5, Surroundings(battery=level(40)))],
)
async def test_a_battery_that_lasts_is_no_blocker(
    bench: Bench, told: int, linked: Surroundings
) -> None:
    """Where one is linked, it counts and not what the lock says."""
    bench.door.lock.set_battery(told)
    bench.surroundings = linked
    assert (await bench.install()).kind is OutcomeKind.SUCCEEDED


@pytest.mark.parametrize(
    ("told", "linked", "reason"),
    [
        (39, Surroundings(), Reason.BATTERY_LOW),
        (90, Surroundings(battery=level(39)), Reason.BATTERY_LOW),
        (90, Surroundings(battery=level(None)), Reason.BATTERY_UNKNOWN),
    ],
)
async def test_a_battery_that_may_not_last_is_a_blocker(
    bench: Bench, told: int, linked: Surroundings, reason: Reason
) -> None:
    """The owner has linked it because the lock's own is not to be relied on."""
    bench.door.lock.set_battery(told)
    bench.surroundings = linked
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.POSTPONED
    assert isinstance(outcome.error, PreflightError)
    assert [check.reason for check in outcome.error.blockers] == [reason]
    bench.assert_untouched()


async def test_the_lock_is_asked_anew(bench: Bench) -> None:
    """Somebody may have updated it by the vendor's app since it was last read."""
    bench.door.lock.comes_back_as = "1.2.0"
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.POSTPONED
    assert isinstance(outcome.error, PreflightError)
    assert [check.reason for check in outcome.error.blockers] == [Reason.NOT_NEWER]
    assert outcome.running == replace(OLD_IDENTITY, firmware_version="1.2.0")


async def test_a_lock_that_is_not_there_is_not_updated(bench: Bench) -> None:
    """What it ran last is all that is known."""
    bench.door.lock.cut_power()
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is TransportProblem.CONNECTION_FAILED
    assert outcome.running == OLD_IDENTITY
    bench.door.lock.restore_power()
    await asyncio.sleep(1)
    await bench.assert_second_installation_succeeds()


# A lock that is in its bootloader already.


async def test_a_lock_that_was_seen_in_its_bootloader_is_not_asked(
    bench: Bench,
) -> None:
    """There it knows nothing of itself; what it said before holds."""
    bench.door.lock._jump()
    await asyncio.sleep(1)
    bench.in_bootloader = True
    outcome = await bench.bring_out()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.running == NEW_IDENTITY
    assert not outcome.in_bootloader
    assert bench.door.radio.connected[0] == BOOTLOADER_ADDRESS


@pytest.mark.parametrize("was_read", [False, True])
async def test_a_bootloader_at_the_applications_address_is_noticed(
    bonded_bench: Bench, was_read: bool
) -> None:
    """Also where a cache still sees the application there."""
    bench = bonded_bench
    if was_read:
        client = await bench.door.radio.connect(
            ADDRESS, name=NAME, disconnected=lambda: None
        )
        await client.disconnect()
    bench.door.lock.bonded = True
    bench.door.lock._jump()
    await asyncio.sleep(1)
    outcome = await bench.bring_out()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.running == NEW_IDENTITY


async def test_blockers_hold_for_a_lock_in_its_bootloader_too(bench: Bench) -> None:
    """It stays there, and that is told."""
    bench.door.lock._jump()
    await asyncio.sleep(1)
    bench.in_bootloader = True
    bench.identity = replace(OLD_IDENTITY, hardware_revision="Z")
    outcome = await bench.bring_out()
    assert outcome.kind is OutcomeKind.POSTPONED
    assert isinstance(outcome.error, PreflightError)
    assert outcome.in_bootloader
    assert bench.door.link.counters.connects == 0


async def test_blockers_do_not_hide_that_it_was_found_in_its_bootloader(
    bonded_bench: Bench,
) -> None:
    """Nobody had seen it there before."""
    bench = bonded_bench
    bench.door.lock.bonded = True
    bench.door.lock._jump()
    await asyncio.sleep(1)
    bench.identity = replace(OLD_IDENTITY, hardware_revision="Z")
    outcome = await bench.bring_out()
    assert outcome.kind is OutcomeKind.POSTPONED
    assert isinstance(outcome.error, PreflightError)
    assert outcome.in_bootloader


async def test_a_low_battery_does_not_keep_a_lock_in_its_bootloader(
    bench: Bench,
) -> None:
    """Such a door does not open; waiting there costs battery too."""
    bench.door.lock._jump()
    await asyncio.sleep(1)
    bench.in_bootloader = True
    bench.surroundings = Surroundings(battery=level(3))
    outcome = await bench.bring_out()
    assert outcome.kind is OutcomeKind.SUCCEEDED


# A bootloader that only seems to be this lock's.


async def test_an_update_asks_the_lock_whatever_is_advertised(bench: Bench) -> None:
    """A bootloader on the air is no reason not to look at battery, bolt and door."""
    bench.in_bootloader = True
    bench.surroundings = Surroundings(battery=level(3), bolt=Bolt.JAMMED)
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.POSTPONED
    assert isinstance(outcome.error, PreflightError)
    assert {check.reason for check in outcome.error.blockers} == {
        Reason.BATTERY_LOW,
        Reason.BOLT_JAMMED,
    }
    assert not outcome.in_bootloader
    bench.assert_untouched()


async def test_an_update_leaves_a_lock_alone_that_is_in_its_bootloader(
    bench: Bench,
) -> None:
    """Nobody of this house has sent it there: a person has to say that it is to be helped."""
    bench.door.lock._jump()
    await asyncio.sleep(1)
    bench.in_bootloader = True
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert not outcome.touched
    assert bench.door.radio.connected == []
    assert bench.door.requests == []


async def test_what_brings_a_lock_out_sends_none_to_its_bootloader(
    bench: Bench,
) -> None:
    """Its rules are softer: a lock that works after all is not for them."""
    bench.in_bootloader = True
    bench.surroundings = Surroundings(battery=level(3))
    outcome = await bench.bring_out()
    assert outcome.kind is OutcomeKind.POSTPONED
    assert outcome.error is not None
    assert outcome.error.reason is InstallationProblem.NOT_STRANDED
    assert not outcome.touched
    bench.door.assert_as_before()
    assert bench.door.lock.mode is Mode.APPLICATION


# A recovery that does not get as far as the lock.


@pytest.mark.parametrize("trouble", ["silence", "feed", "cancel", "restart"])
async def test_a_lock_that_was_not_reached_is_not_said_to_run_anything(
    bench: Bench, trouble: str
) -> None:
    """It is where it was before: who helps it must not take it for a lock that works."""
    bench.door.lock._jump()
    await asyncio.sleep(1)
    bench.in_bootloader = True
    if trouble == "silence":
        bench.door.lock.cut_power()
        outcome = await bench.bring_out()
    elif trouble == "feed":
        bench.supply.given = FeedError(FeedProblem.UNREACHABLE, host="v", file="f")
        outcome = await bench.bring_out()
    elif trouble == "cancel":
        installation = bench.prepare(purpose=Purpose.RECOVERY)
        running = asyncio.create_task(installation.run())
        await until(lambda: installation.state is State.SNAPSHOT)
        assert installation.cancel()
        outcome = await running
    else:
        # Nothing has been heard yet of where it is.
        bench.in_bootloader = False
        entry = replace(
            new_entry(), state=State.FETCHING, purpose=Purpose.RECOVERY, touched=False
        )
        outcome = await bench.prepare(entry).run()
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.running is None
    assert not outcome.told
    assert not outcome.touched


async def test_what_a_lock_said_before_is_not_told_anew(bench: Bench) -> None:
    """What was not asked has not answered: neither its version nor its battery is news."""
    bench.supply.given = FeedError(FeedProblem.UNREACHABLE, host="v", file="f")
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.running == OLD_IDENTITY
    assert not outcome.told
    bench.supply.given = good_package()
    outcome = await bench.install()
    assert outcome.told


@pytest.mark.parametrize("battery", [3, 90])
async def test_who_goes_on_asks_a_lock_that_has_left_its_bootloader(
    bench: Bench, battery: int
) -> None:
    """It was cut off in its bootloader, and runs its application when it is met."""
    bench.in_bootloader = True
    entry = replace(new_entry(), state=State.TRANSFERRING, touched=True)
    bench.door.lock._jump()
    await asyncio.sleep(1)
    bench.surroundings = Surroundings(battery=level(battery))
    # It is heard in its bootloader, and goes back before it can be connected to.
    running = asyncio.create_task(bench.prepare(entry).run())
    await until(lambda: bool(bench.reports) and bench.reports[-1][0] is State.SNAPSHOT)
    bench.door.lock.cut_power()
    bench.door.lock.restore_power()
    outcome = await running
    if battery == 3:
        assert outcome.kind is OutcomeKind.POSTPONED
        assert bench.door.runs == OLD
        assert bench.door.requests == []
    else:
        assert outcome.kind is OutcomeKind.SUCCEEDED
        assert bench.door.runs == NEW


# After it was sent.


async def test_a_lock_that_keeps_its_old_firmware_has_not_been_updated(
    bench: Bench,
) -> None:
    """Though it has accepted everything."""
    bench.door.lock.keeps_old_application = True
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is TransportProblem.OTHER_VERSION
    assert outcome.error.details == {"running": OLD, "wanted": NEW}
    assert outcome.running == OLD_IDENTITY
    bench.door.assert_as_before()


@pytest.mark.parametrize("running", ["1.0.0", "1.0.9", "1.1.1", "v1.1.0-rc"])
async def test_a_lock_that_says_something_else_has_not_been_updated(
    bench: Bench, running: str
) -> None:
    """Also if it is no version at all: that proves nothing."""
    lock = bench.door.lock
    bench.when_it_activates(lambda lock: claim(lock, running))
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is TransportProblem.OTHER_VERSION
    assert outcome.error.details == {"running": running, "wanted": NEW}
    assert outcome.running == replace(OLD_IDENTITY, firmware_version=running)
    assert outcome.touched
    assert bench.door.usable
    lock.comes_back_as = None
    lock.flash.application = bytearray(make_image(OLD, SIZE, seed=1))
    await bench.assert_second_installation_succeeds()


async def test_a_lock_that_does_not_come_back_needs_a_hand(bench: Bench) -> None:
    """It took the update and has not been heard since."""
    bench.door.lock.cut_power_at(Step.ACTIVATED)
    started = asyncio.get_running_loop().time()
    outcome = await bench.install()
    waited = asyncio.get_running_loop().time() - started
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.running is None
    assert outcome.error is not None
    assert outcome.error.reason is TransportProblem.DID_NOT_COME_BACK
    assert outcome.touched
    assert not outcome.in_bootloader
    assert RETURN_TIMEOUT < waited < RETURN_TIMEOUT + 30


async def test_a_lock_that_was_heard_once_more_and_is_gone_needs_a_hand(
    bench: Bench,
) -> None:
    """What it failed with while it was there is no longer the trouble."""

    def come_back_and_go(lock: VirtualLock) -> None:
        bench.door.link.order(Traffic.CONNECTION, Fault.LOSE, times=100)
        asyncio.get_running_loop().call_later(20, lock.cut_power)

    bench.when_it_activates(come_back_and_go)
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.error is not None
    assert outcome.error.reason is TransportProblem.DID_NOT_COME_BACK


async def test_a_lock_that_cannot_be_reached_afterwards_needs_a_hand(
    bench: Bench,
) -> None:
    """It is heard, but what it runs is not known."""
    bench.when_it_activates(
        lambda _: bench.door.link.order(Traffic.CONNECTION, Fault.LOSE, times=1000)
    )
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.running is None
    assert outcome.error is not None
    assert outcome.error.reason is TransportProblem.CONNECTION_FAILED
    bench.door.behave()
    bench.door.assert_updated()


async def test_the_lock_next_door_is_no_bootloader_that_is_stuck(bench: Bench) -> None:
    """It only has the address that one would have."""
    other = Doorway(address=BOOTLOADER_ADDRESS, radio=bench.door.radio)
    bench.door.lock.cut_power_at(Step.ACTIVATED)
    outcome = await bench.install()
    assert outcome.error is not None
    assert outcome.error.reason is TransportProblem.DID_NOT_COME_BACK
    assert not outcome.in_bootloader
    other.assert_as_before()
    other.close()


@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
async def test_a_lock_that_stays_in_its_bootloader_needs_a_hand(
    buttonless: Buttonless,
) -> None:
    """The firmware is the vendor's, and does not start."""
    async with doorway(buttonless=buttonless) as door:
        bench = Bench(door, supply=Desk(package_of(bytes(SIZE))))
        outcome = await bench.install()
        assert outcome.kind is OutcomeKind.NEEDS_HAND
        assert outcome.running is None
        assert outcome.error is not None
        assert outcome.error.reason is TransportProblem.IN_BOOTLOADER
        assert outcome.in_bootloader
        assert door.lock.mode is Mode.BOOTLOADER
        bench.in_bootloader = True
        await bench.assert_second_installation_succeeds()


async def test_after_a_failed_transfer_the_lock_is_asked_what_it_runs(
    bench: Bench,
) -> None:
    """The reason is the transfer's; that the door works is known."""
    bench.door.link.order(Traffic.PACKET, Fault.LOSE, times=10_000)
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.running == OLD_IDENTITY
    assert outcome.error is not None
    assert outcome.error.reason is TransportProblem.LOSSY_LINK
    assert outcome.touched
    assert not outcome.in_bootloader
    assert bench.reports[-1] == (State.CONFIRMING, None)
    bench.door.behave()
    await bench.assert_second_installation_succeeds()


async def test_a_lock_that_vanishes_while_it_is_sent_needs_a_hand(
    bench: Bench,
) -> None:
    """Nobody knows what it runs, if anything."""
    bench.door.lock.cut_power_at(5000)
    started = asyncio.get_running_loop().time()
    outcome = await bench.install()
    assert asyncio.get_running_loop().time() - started < 600
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.running is None
    assert outcome.error is not None
    assert outcome.error.reason is TransportProblem.BOOTLOADER_NOT_FOUND
    bench.door.lock.restore_power()
    await asyncio.sleep(1)
    bench.door.assert_as_before()
    await bench.assert_second_installation_succeeds()


async def test_a_lock_left_in_its_bootloader_by_a_failure_is_told_of(
    bench: Bench,
) -> None:
    """A destroyed application cannot come back, whatever the transfer failed with."""
    lock = bench.door.lock
    lock._jump()
    lock.flash.application[100] ^= 1
    await asyncio.sleep(1)
    bench.in_bootloader = True
    bench.door.link.order(Traffic.PACKET, Fault.LOSE, times=10_000)
    outcome = await bench.bring_out()
    assert outcome.kind is OutcomeKind.NEEDS_HAND
    assert outcome.running is None
    assert outcome.error is not None
    assert outcome.error.reason is TransportProblem.LOSSY_LINK
    assert outcome.in_bootloader
    bench.door.behave()
    await bench.assert_second_installation_succeeds()


@pytest.mark.parametrize("step", Step)
async def test_a_battery_taken_out_at_any_step_spoils_nothing(
    bench: Bench, step: Step
) -> None:
    """Back in, the lock gets its firmware, or people are told that it has its old one.

    What it has accepted but not noted it forgets, whoever was told of it.
    """
    bench.door.lock.cut_power_at(step, restore_after=20)
    outcome = await bench.install()
    if step in {Step.LAST_EXECUTE, Step.ANSWERED}:
        assert outcome.kind is OutcomeKind.FAILED
        assert outcome.error is not None
        assert outcome.error.reason is TransportProblem.OTHER_VERSION
        assert outcome.error.details == {"running": OLD, "wanted": NEW}
        assert outcome.running == OLD_IDENTITY
        assert (outcome.told, outcome.in_bootloader) == (True, False)
        assert bench.states[-1] is State.CONFIRMING
        bench.door.assert_as_before()
        await bench.assert_second_installation_succeeds()
    else:
        assert outcome.kind is OutcomeKind.SUCCEEDED
        assert outcome.running == NEW_IDENTITY


async def test_a_mistake_of_ours_does_not_hide_what_the_lock_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as one, and the lock is asked all the same."""

    async def stumble(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(
        "custom_components.nightlatch.core.installation.direct."
        "NordicDfuTransport.transfer",
        stumble,
    )
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is InstallationProblem.UNEXPECTED
    assert outcome.error.details == {"error": "ZeroDivisionError"}
    assert outcome.running == OLD_IDENTITY


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1.0, 1.3])
async def test_cancelling_it_ends_it(bench: Bench, seconds: float) -> None:
    """Nothing is caught that ought to pass."""
    bench.door.link.model.connection_interval = 0.03
    installation = asyncio.create_task(bench.install())
    await asyncio.sleep(seconds)
    assert not installation.done()
    installation.cancel()
    await asyncio.wait((installation,))
    assert installation.cancelled()
    await asyncio.sleep(0)
    bench.door.assert_nothing_left()
    await bench.door.rest()
    bench.door.assert_as_before()
    await bench.assert_second_installation_succeeds()
