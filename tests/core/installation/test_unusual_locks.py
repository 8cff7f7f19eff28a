"""Locks as Zephyr makes them: no hardware revision, words around the version, a wire."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from custom_components.nightlatch.core.errors import TransportProblem
from custom_components.nightlatch.core.installation.states import State
from custom_components.nightlatch.core.model import (
    LockIdentity,
    OutcomeKind,
    Release,
    Traits,
)
from custom_components.nightlatch.core.preflight.base import PreflightError, Reason
from tests.rig.lock import Mode, Step
from tests.rig.virtual_time import virtual_time

from ..doorway import NEW, OLD, doorway
from ..trial_doorway import NEW as NEW_IMAGE, trial_doorway
from .bench import OLD_IDENTITY, RELEASE, Bench, new_entry
from .trial_bench import IDENTITY, RELEASE as IMAGE, TrialBench

pytestmark = virtual_time

TEXT = "Kestrel FW v{}+default"
FORM = "Kestrel FW v{version}+*"
TRAITS = Traits(tells_hardware=False, has_battery=False, firmware_text=FORM)
UNUSUAL = replace(RELEASE, minimum_battery=None, traits=TRAITS)


def told(identity: LockIdentity, version: str = OLD) -> LockIdentity:
    """Return what such a lock has told last, and how it was read."""
    return replace(
        identity,
        hardware_revision=None,
        battery=None,
        firmware_version=TEXT.format(version),
    ).read_as(FORM)


def bring(bench: Bench, release: Release) -> None:
    """Let this be what is installed."""
    bench.release = bench.supply.release = release


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A lock that tells nothing but its model, and its version with words around it."""
    async with doorway(
        hardware_revision=None, has_battery=False, firmware_text=TEXT
    ) as door:
        bench = Bench(door, identity=told(OLD_IDENTITY))
        bring(bench, UNUSUAL)
        yield bench


async def test_it_is_updated(bench: Bench) -> None:
    """Its version is found in what it tells before, and after."""
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.running == told(OLD_IDENTITY, NEW)
    bench.door.assert_updated()


async def test_without_a_word_of_its_vendor_it_is_left_alone(bench: Bench) -> None:
    """Nobody knows whether the release is for its hardware, or newer."""
    bench.identity = bench.identity.read_as(None)
    bring(bench, RELEASE)
    outcome = await bench.install()
    assert isinstance(outcome.error, PreflightError)
    assert [check.reason for check in outcome.error.blockers] == [
        Reason.HARDWARE_UNKNOWN,
        Reason.BATTERY_UNKNOWN,
    ]
    bench.assert_untouched()


async def test_words_without_a_vendor_who_explains_them_do_not_compare(
    bench: Bench,
) -> None:
    """A guess could be a downgrade."""
    bench.identity = bench.identity.read_as(None)
    bring(bench, replace(UNUSUAL, traits=replace(TRAITS, firmware_text=None)))
    outcome = await bench.install()
    assert isinstance(outcome.error, PreflightError)
    assert [check.reason for check in outcome.error.blockers] == [
        Reason.VERSION_UNKNOWN
    ]
    bench.assert_untouched()


async def test_words_do_not_pass_for_the_version(bench: Bench) -> None:
    """The proof stays one: what runs is held against what was installed."""
    bench.when_it_activates(lambda lock: setattr(lock, "comes_back_as", "1.0.9"))
    outcome = await bench.install()
    assert outcome.error is not None
    assert outcome.error.reason is TransportProblem.OTHER_VERSION
    assert outcome.error.details["running"] == "1.0.9"


async def test_after_a_restart_it_is_only_proven(bench: Bench) -> None:
    """What it runs by then is read as before."""
    await bench.install()
    bench.journal.entry = replace(new_entry(UNUSUAL), state=State.ACTIVATING)
    packets = bench.door.link.counters.packets
    outcome = await bench.go_on()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert bench.door.link.counters.packets == packets


async def test_it_is_brought_out_of_its_bootloader(bench: Bench) -> None:
    """What it said before is all that is known of it there."""
    bench.door.lock.bootloader.start(bench.door.lock)
    bench.door.lock._set_mode(Mode.BOOTLOADER)
    bench.in_bootloader = True
    outcome = await bench.bring_out()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.running == told(OLD_IDENTITY, NEW)


async def test_a_release_from_before_its_vendor_said_so_is_read_as_the_lock_is(
    bench: Bench,
) -> None:
    """What the vault keeps may be older than what the feed says of the model."""
    bring(bench, replace(UNUSUAL, traits=replace(TRAITS, firmware_text=None)))
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED


async def test_power_lost_at_the_end_changes_nothing(bench: Bench) -> None:
    """The lock is found where it is, and its words are understood."""
    bench.door.lock.cut_power_at(Step.ACTIVATED, restore_after=5)
    outcome = await bench.install()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    bench.door.assert_updated()


async def test_new_firmware_on_trial_is_kept() -> None:
    """Zephyr's own way: MCUboot, a build behind the version, and words around both."""
    traits = replace(TRAITS, firmware_text="Kestrel FW v{version}")
    lock = {
        "hardware_revision": None,
        "has_battery": False,
        "firmware_text": "Kestrel FW v{}",
    }
    async with trial_doorway(lock=lock) as door:
        identity = replace(
            IDENTITY,
            hardware_revision=None,
            battery=None,
            firmware_version=f"Kestrel FW v{IDENTITY.firmware_version}",
        ).read_as(traits.firmware_text)
        bench = TrialBench(
            door, release=replace(IMAGE, traits=traits), identity=identity
        )
        outcome = await bench.install()
        assert outcome.kind is OutcomeKind.SUCCEEDED
        assert outcome.running == replace(
            identity,
            firmware_version=f"{NEW_IMAGE}+0",
            firmware_text=f"Kestrel FW v{NEW_IMAGE}+0",
        )
        assert (await door.transport.running()).confirmed
