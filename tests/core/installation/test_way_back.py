"""What is kept before a lock is touched, and how a stranded one is brought back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import override

import pytest

from custom_components.nightlatch.core.errors import (
    FirmwareError,
    FirmwareProblem,
    InstallationProblem,
    TransportProblem,
)
from custom_components.nightlatch.core.firmware.keys import load_firmware_key
from custom_components.nightlatch.core.installation.machine import Outcome
from custom_components.nightlatch.core.installation.states import State
from custom_components.nightlatch.core.model import (
    Artifact,
    FirmwareKey,
    LockIdentity,
    OutcomeKind,
    Payload,
    PayloadFormat,
    Purpose,
    Release,
    Source,
)
from custom_components.nightlatch.core.preflight.base import PreflightError, Reason
from custom_components.nightlatch.core.records.trust import LockFloor
from custom_components.nightlatch.core.versions import Version, VersionScheme
from tests.rig.image import make_image
from tests.rig.lock import Mode
from tests.rig.scene import HARDWARE_VERSION, firmware_version
from tests.rig.virtual_time import virtual_time

from ..doorway import NEW, OLD, SIZE, doorway, vendor
from .bench import OLD_IDENTITY, RELEASE, Bench, Desk, good_package, package_of

pytestmark = virtual_time

SIGNER = load_firmware_key(vendor().firmware_key_pem)
OLD_RELEASE = replace(
    RELEASE,
    version=Version.parse(VersionScheme.DOTTED, OLD),
    artifact=Artifact(path="kl-1/1.0.0.zip", length=1, sha256="1" * 64),
    payload=Payload(
        format=PayloadFormat.NORDIC_DFU,
        hardware_version=HARDWARE_VERSION,
        firmware_version=firmware_version(OLD),
    ),
)
FLOOR = LockFloor(
    version=OLD_RELEASE.version,
    security_version=1,
    firmware_version=firmware_version(OLD),
)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A lock with an unbonded bootloader."""
    async with doorway() as door:
        yield Bench(door, floor=FLOOR)


def old_package() -> bytes:
    """Return what the lock ran before."""
    return package_of(make_image(OLD, SIZE, seed=1), fw_version=firmware_version(OLD))


async def recover(bench: Bench, release: Release, package: bytes) -> Outcome:
    """Try to bring the lock out of its bootloader."""
    bench.release, bench.supply = release, BlobStore(package)
    installation = bench.prepare(
        house=replace(bench.house, purpose=Purpose.RECOVERY), purpose=Purpose.RECOVERY
    )
    outcome = await installation.run()
    bench.door.assert_nothing_left()
    return outcome


class BlobStore(Desk):
    """A supply that gives whatever it is asked for."""

    @override
    async def fetch(self, release: Release) -> bytes:
        assert isinstance(self.given, bytes)
        return self.given


# Before.


async def test_what_was_proven_is_kept_before_the_lock_is_touched(bench: Bench) -> None:
    """With the key that proves it; else a cut would leave nothing to send again."""
    states: list[State] = []
    keep = bench.supply.keep

    async def note(release: Release, artifact: bytes, signer: FirmwareKey) -> None:
        assert bench.journal.entry is not None
        states.append(bench.journal.entry.state)
        bench.assert_untouched()
        await keep(release, artifact, signer)

    bench.supply.keep = note  # type: ignore[method-assign]
    await bench.install()
    assert bench.supply.kept == [(RELEASE, good_package(), SIGNER)]
    assert states == [State.SNAPSHOT]


async def test_what_is_not_proven_is_not_kept(bench: Bench) -> None:
    """The vault holds only what could be installed."""
    bench.supply.given = good_package()[:-1]
    outcome = await bench.install()
    assert isinstance(outcome.error, FirmwareError)
    assert outcome.error.reason is FirmwareProblem.NOT_A_PACKAGE
    assert bench.supply.kept == []


async def test_the_settings_are_looked_at_before_and_after(bench: Bench) -> None:
    """And not after what never touched the lock, or left it not well."""
    house = bench.house
    await bench.install(house)
    assert (house.remembered, house.compared) == (["1"], ["1"])
    held = replace(bench.house, release=replace(RELEASE, model="KL-2"))
    bench.release, bench.supply = held.release, BlobStore(good_package())
    outcome = await bench.install(held)
    assert outcome.kind is OutcomeKind.POSTPONED
    assert (held.remembered, held.compared) == ([], [])


# A lock in its bootloader.


async def stranded(bench: Bench) -> None:
    """Leave the lock in its bootloader, with an empty battery."""
    lock = bench.door.lock
    bench.identity = replace(OLD_IDENTITY, battery=1)
    bench.in_bootloader = True
    lock._jump()
    await asyncio.sleep(1)
    assert lock.mode is Mode.BOOTLOADER


@pytest.mark.parametrize("version", [OLD, NEW])
async def test_a_stranded_lock_is_brought_back(bench: Bench, version: str) -> None:
    """To what it was to get, or to what it ran; an empty battery holds up nothing."""
    await stranded(bench)
    release, package = (
        (RELEASE, good_package()) if version == NEW else (OLD_RELEASE, old_package())
    )
    outcome = await recover(bench, release, package)
    assert outcome.error is None
    assert outcome.running is not None
    assert outcome.running.firmware_version == version
    assert bench.door.runs == version
    # Old firmware is no update that has succeeded.
    assert outcome.kind is (
        OutcomeKind.SUCCEEDED if version == NEW else OutcomeKind.ROLLED_BACK
    )


async def test_a_lock_that_has_helped_itself_is_left_alone(bench: Bench) -> None:
    """New firmware is another question, with quiet hours and a battery."""
    outcome = await recover(bench, RELEASE, good_package())
    assert outcome.kind is OutcomeKind.POSTPONED
    assert outcome.error is not None
    assert outcome.error.reason is InstallationProblem.NOT_STRANDED
    bench.assert_untouched()


async def test_what_the_lock_would_refuse_is_not_sent(bench: Bench) -> None:
    """Its bootloader takes nothing below the counter that it has run."""
    await stranded(bench)
    bench.floor = replace(FLOOR, firmware_version=firmware_version(OLD) + 1)
    outcome = await recover(bench, OLD_RELEASE, old_package())
    assert isinstance(outcome.error, FirmwareError)
    assert outcome.error.reason is FirmwareProblem.DOWNGRADE
    assert bench.door.packets == []


async def test_firmware_of_another_model_gets_nobody_out(bench: Bench) -> None:
    """Identity and trust hold also for a lock in need."""
    await stranded(bench)
    outcome = await recover(bench, replace(RELEASE, model="KL-2"), good_package())
    assert isinstance(outcome.error, PreflightError)
    assert [check.reason for check in outcome.error.blockers] == [Reason.OTHER_MODEL]
    assert bench.door.packets == []


# A rollback.


async def test_a_rollback_where_the_lock_lets(bench: Bench) -> None:
    """Both versions carry the same counter: it is an installation as any other."""
    bench.identity = replace(OLD_IDENTITY, firmware_version=NEW)
    lock = bench.door.lock
    lock.flash.application = bytearray(make_image(NEW, SIZE, seed=2))
    lock.reset()
    await bench.door.rest()
    release, package = OLD_RELEASE, old_package()
    bench.release, bench.supply = release, BlobStore(package)
    bench.floor = replace(FLOOR, version=RELEASE.version)
    house = replace(bench.house, purpose=Purpose.ROLLBACK)
    outcome = await bench.prepare(house=house, purpose=Purpose.ROLLBACK).run()
    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert isinstance(outcome.running, LockIdentity)
    assert outcome.running.firmware_version == OLD
    assert bench.journal.entry is not None
    assert bench.journal.entry.source is Source.VAULT


async def test_a_bootloader_that_refuses_says_so(bench: Bench) -> None:
    """Where our own counter was too low to know it beforehand; the lock still works."""
    bench.door.lock.flash.application_version = firmware_version(NEW)
    bench.identity = replace(OLD_IDENTITY, firmware_version=NEW)
    bench.door.lock.comes_back_as = NEW
    bench.door.lock.reset()
    await bench.door.rest()
    bench.release, bench.supply = OLD_RELEASE, BlobStore(old_package())
    house = replace(bench.house, purpose=Purpose.ROLLBACK)
    outcome = await bench.prepare(house=house, purpose=Purpose.ROLLBACK).run()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.error is not None
    assert outcome.error.reason is TransportProblem.REJECTED_VERSION
    assert outcome.running is not None
    assert outcome.running.firmware_version == NEW
