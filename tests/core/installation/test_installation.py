"""An installation ends with a proof, or honestly without one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import Any, override

import pytest

from custom_components.nightlatch.core.errors import (
    FeedError,
    FeedProblem,
    FirmwareProblem,
    InstallationProblem,
    TransportError,
    TransportProblem,
)
from custom_components.nightlatch.core.feeds.base import Feed, FeedContent
from custom_components.nightlatch.core.firmware.keys import load_firmware_key
from custom_components.nightlatch.core.installation.machine import (
    Installation,
    Outcome,
    Stage,
    Target,
)
from custom_components.nightlatch.core.installation.verification import RETURN_TIMEOUT
from custom_components.nightlatch.core.model import (
    Artifact,
    LockIdentity,
    OutcomeKind,
    Payload,
    PayloadFormat,
    Release,
)
from custom_components.nightlatch.core.preflight.base import (
    Bolt,
    Linked,
    PreflightError,
    Reason,
)
from custom_components.nightlatch.core.records.trust import LockFloor
from custom_components.nightlatch.core.versions import Version, VersionScheme
from tests.rig.dfu_package import generate_key, make_package
from tests.rig.faults import Fault, Traffic
from tests.rig.image import make_image
from tests.rig.lock import Mode, Step, VirtualLock
from tests.rig.lock_services import Buttonless
from tests.rig.scene import (
    HARDWARE_REVISION,
    HARDWARE_VERSION,
    MODEL,
    VENDOR,
    firmware_version,
)
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
    vendor,
)

pytestmark = virtual_time

OLD_IDENTITY = LockIdentity(
    model=MODEL,
    hardware_revision=HARDWARE_REVISION,
    firmware_version=OLD,
    manufacturer=VENDOR,
    serial_number="0001",
    battery=90,
)
NEW_IDENTITY = replace(OLD_IDENTITY, firmware_version=NEW)
RELEASE = Release(
    vendor=VENDOR,
    model=MODEL,
    hardware_revisions=(HARDWARE_REVISION,),
    version=Version.parse(VersionScheme.DOTTED, NEW),
    security_version=1,
    artifact=Artifact(path="kl-1/1.1.0.zip", length=1, sha256="0" * 64),
    payload=Payload(
        format=PayloadFormat.NORDIC_DFU,
        hardware_version=HARDWARE_VERSION,
        firmware_version=firmware_version(NEW),
    ),
    minimum_battery=40,
)


@cache
def good_package() -> bytes:
    """Return what the vendor has released."""
    return package_of(make_image(NEW, SIZE, seed=2))


def package_of(firmware: bytes, **knobs: Any) -> bytes:
    """Return firmware as the vendor packs it."""
    return make_package(
        firmware,
        **{
            "key": vendor().firmware_key,
            "fw_version": firmware_version(NEW),
            "hw_version": HARDWARE_VERSION,
            **knobs,
        },
    )


class DeskFeed(Feed):
    """A feed that gives what lies on the desk."""

    def __init__(self, given: bytes | Exception) -> None:
        """Lay something on the desk."""
        self.given = given

    @override
    async def check(self) -> FeedContent:
        raise NotImplementedError

    @override
    async def fetch(self, release: Release) -> bytes:
        assert release == RELEASE
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


@dataclass
class Bench:
    """A lock in a doorway, and everything for installing to it."""

    door: Doorway
    feed: DeskFeed = field(default_factory=lambda: DeskFeed(good_package()))
    release: Release = RELEASE
    identity: LockIdentity = OLD_IDENTITY
    floor: LockFloor | None = None
    linked: Linked = field(default_factory=Linked)
    in_bootloader: bool = False
    reports: list[tuple[Stage, float | None]] = field(default_factory=list)

    async def install(self) -> Outcome:
        """Run an installation."""
        self.reports.clear()
        installation = Installation(
            target=Target(
                name=NAME,
                address=ADDRESS,
                identity=self.identity,
                floor=self.floor,
                linked=self.linked,
                in_bootloader=self.in_bootloader,
            ),
            release=self.release,
            feed=self.feed,
            keys=[load_firmware_key(vendor().firmware_key_pem)],
            radio=self.door.radio,
            report=lambda stage, percentage: self.reports.append((stage, percentage)),
        )
        outcome = await installation.run()
        self.door.assert_nothing_left()
        return outcome

    def when_it_activates(self, do: Callable[[VirtualLock], object]) -> None:
        """Do something once the lock has accepted the firmware."""
        lock = self.door.lock

        def changed() -> None:
            if lock.mode is Mode.ACTIVATING:
                stop()
                do(lock)

        stop = lock.on_change(changed)

    @property
    def stages(self) -> list[Stage]:
        """The stages in their order."""
        return list(dict.fromkeys(stage for stage, _ in self.reports))

    def assert_untouched(self) -> None:
        """Check that the lock was at most looked at."""
        assert self.door.link.counters.writes == 0
        assert self.door.link.counters.packets == 0
        self.door.assert_as_before()

    async def assert_second_installation_succeeds(self) -> None:
        """Check that nothing stands in the way of another attempt."""
        self.feed.given = good_package()
        self.linked = Linked()
        outcome = await self.install()
        assert outcome.kind is OutcomeKind.SUCCEEDED
        assert self.door.runs == NEW


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
    assert outcome.transfer is not None
    assert outcome.transfer.packets == bench.door.link.counters.packets
    assert bench.door.lock.flash.application == make_image(NEW, SIZE, seed=2)


async def test_a_bonded_lock_is_no_exception(bonded_bench: Bench) -> None:
    """Though one address stands for two tables of services."""
    outcome = await bonded_bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.running == NEW_IDENTITY


async def test_the_stages_are_told_and_a_hundred_percent_never(bench: Bench) -> None:
    """It would stand there before it was true."""
    await bench.install()
    assert bench.stages == list(Stage)
    percentages = [percentage for _, percentage in bench.reports if percentage]
    assert all(earlier <= later for earlier, later in pairwise(percentages))
    assert percentages[-1] == pytest.approx(97)
    assert bench.reports[:4] == [
        (Stage.FETCHING, None),
        (Stage.VERIFYING, None),
        (Stage.PREFLIGHT, None),
        (Stage.TRANSFERRING, 0.0),
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

    async def arrive_and_fail(*_: object) -> None:
        bench.door.lock.flash.application = bytearray(make_image(NEW, SIZE, seed=2))
        raise TransportError(TransportProblem.LINK_LOST)

    monkeypatch.setattr(
        "custom_components.nightlatch.core.installation.machine."
        "NordicDfuTransport.transfer",
        arrive_and_fail,
    )
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.running == NEW_IDENTITY
    assert outcome.error is None
    assert outcome.transfer is None


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
    bench.feed.given = error
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is error
    assert outcome.running == OLD_IDENTITY
    assert outcome.transfer is None
    assert bench.stages == [Stage.FETCHING]
    assert bench.door.link.counters.connects == 0
    bench.assert_untouched()
    await bench.assert_second_installation_succeeds()


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
    bench.feed.given = package
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is problem
    assert outcome.running == OLD_IDENTITY
    assert bench.stages == [Stage.FETCHING, Stage.VERIFYING]
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
    bench.linked = Linked(bolt=Bolt.JAMMED, has_battery=True, battery=12)
    bench.door.lock.comes_back_as = NEW
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert isinstance(outcome.error, PreflightError)
    assert [check.reason for check in outcome.error.blockers] == [
        Reason.NOT_NEWER,
        Reason.BATTERY_LOW,
        Reason.BOLT_JAMMED,
    ]
    assert outcome.error.details == {
        "blockers": "preflight_not_newer, preflight_battery_low, preflight_bolt_jammed"
    }
    assert bench.stages == [Stage.FETCHING, Stage.VERIFYING, Stage.PREFLIGHT]
    assert bench.door.link.counters.writes == 0
    bench.door.lock.comes_back_as = None
    await bench.assert_second_installation_succeeds()


@pytest.mark.parametrize(
    ("told", "linked"),
    [(40, Linked()), (5, Linked(has_battery=True, battery=40))],
)
async def test_a_battery_that_lasts_is_no_blocker(
    bench: Bench, told: int, linked: Linked
) -> None:
    """Where one is linked, it counts and not what the lock says."""
    bench.door.lock.set_battery(told)
    bench.linked = linked
    assert (await bench.install()).kind is OutcomeKind.SUCCEEDED


@pytest.mark.parametrize(
    ("told", "linked", "reason"),
    [
        (39, Linked(), Reason.BATTERY_LOW),
        (90, Linked(has_battery=True, battery=39), Reason.BATTERY_LOW),
        (90, Linked(has_battery=True, battery=None), Reason.BATTERY_UNKNOWN),
    ],
)
async def test_a_battery_that_may_not_last_is_a_blocker(
    bench: Bench, told: int, linked: Linked, reason: Reason
) -> None:
    """The owner has linked it because the lock's own is not to be relied on."""
    bench.door.lock.set_battery(told)
    bench.linked = linked
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert isinstance(outcome.error, PreflightError)
    assert [check.reason for check in outcome.error.blockers] == [reason]
    bench.assert_untouched()


async def test_the_lock_is_asked_anew(bench: Bench) -> None:
    """Somebody may have updated it by the vendor's app since it was last read."""
    bench.door.lock.comes_back_as = "1.2.0"
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
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
    outcome = await bench.install()
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
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.running == NEW_IDENTITY


async def test_blockers_hold_for_a_lock_in_its_bootloader_too(bench: Bench) -> None:
    """It stays there, and that is told."""
    bench.door.lock._jump()
    await asyncio.sleep(1)
    bench.in_bootloader = True
    bench.linked = Linked(has_battery=True, battery=3)
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
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
    bench.linked = Linked(has_battery=True, battery=3)
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.FAILED
    assert isinstance(outcome.error, PreflightError)
    assert outcome.in_bootloader


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
    assert outcome.transfer is not None
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
    assert outcome.transfer is not None
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
        bench = Bench(door, feed=DeskFeed(package_of(bytes(SIZE))))
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
    assert outcome.transfer is None
    assert not outcome.in_bootloader
    assert bench.reports[-1] == (Stage.CONFIRMING, None)
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
    outcome = await bench.install()
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
    """Back in, the lock gets its firmware."""
    bench.door.lock.cut_power_at(step, restore_after=20)
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.running == NEW_IDENTITY


async def test_a_mistake_of_ours_does_not_hide_what_the_lock_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as one, and the lock is asked all the same."""

    async def stumble(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(
        "custom_components.nightlatch.core.installation.machine."
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
