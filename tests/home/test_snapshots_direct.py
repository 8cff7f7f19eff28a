"""The settings of a lock that is updated over Bluetooth, known by another integration."""

from dataclasses import replace

import pytest

from custom_components.nightlatch.core.installation.states import State
from custom_components.nightlatch.snapshots.snapshots import LockSnapshots

from .flows import until
from .house import FRONT_DOOR, OUTCOME, House
from .night import Night
from .test_kept import cut_off, entry_of
from .test_lock_settings import OtherIntegration

LOCK = "lock.attic"
VOLUME = "number.attic_volume"


def snapshots_of(house: House) -> LockSnapshots:
    """Return what is kept of the front door's lock."""
    return house.runtime.snapshots.of(house.managed())


@pytest.fixture
def other(house: House) -> OtherIntegration:
    """Let another integration know the lock, and link them."""
    other = OtherIntegration(house.hass)
    other.add("number", "Volume", "3", {"max": 5}, object_id="attic_volume")
    Night(house).set_lock(lock_entity=LOCK)
    return other


async def test_the_device_of_the_linked_lock(
    house: House, other: OtherIntegration
) -> None:
    """That of ours shows nothing."""
    await house.settle()
    await house.release("1.1.0")
    await house.install()
    snapshots = snapshots_of(house)
    (snapshot,) = snapshots.all
    assert [(each.name, each.value) for each in snapshot.settings] == [("Volume", "3")]
    assert snapshot.version == "1.0.0"
    house.hass.states.async_set(VOLUME, "1", {"max": 5})
    await until(lambda: bool(snapshots.differences))
    assert snapshots.told == "- Volume: 3 → 1"
    await house.settle()


async def test_a_lock_that_nobody_else_knows(house: House) -> None:
    """There is nothing to see, and nothing to compare."""
    await house.release("1.1.0")
    await house.install()
    (snapshot,) = snapshots_of(house).all
    assert snapshot.settings == ()
    assert snapshots_of(house)._record.pending is None


async def test_a_snapshot_from_before_a_restart_counts(
    house: House, other: OtherIntegration
) -> None:
    """What is seen when it goes on may be what the update has made of it."""
    await house.settle()
    await house.release("1.1.0")
    entry = replace(entry_of(house, State.SNAPSHOT), attempt="cut off")
    await snapshots_of(house).async_remember("cut off")
    house.hass.states.async_set(VOLUME, "1", {"max": 5})
    await cut_off(house, entry)
    await until(lambda: house.state(OUTCOME).state == "succeeded")
    await until(lambda: bool(snapshots_of(house).differences))
    assert len(snapshots_of(house).all) == 1
    assert snapshots_of(house).told == "- Volume: 3 → 1"
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    await house.settle()
