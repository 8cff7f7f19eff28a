"""How a Z-Wave lock is set: read out of the real zwave_js, and set through it."""

import asyncio
import json

import pytest

from custom_components.nightlatch.snapshots.snapshots import LockSnapshots
from homeassistant.helpers import entity_registry as er
from tests.home.asked import runtime_of

from .conftest import PATIENCE, TIMEOUT, ZwaveHouse

pytestmark = pytest.mark.timeout(TIMEOUT)


def snapshots_of(house: ZwaveHouse) -> LockSnapshots:
    """Return what is kept of the lock."""
    lock = house.managed
    return runtime_of(lock).snapshots.of(lock)


async def test_settings_that_an_update_loses(zwave_house: ZwaveHouse) -> None:
    """Parameters without an entity, and codes, of which only the slots are known."""
    snapshots = snapshots_of(zwave_house)
    assert not [
        entry
        for entry in er.async_get(zwave_house.hass).entities.values()
        if "-112-" in entry.unique_id and not entry.disabled
    ]
    await zwave_house.hass.services.async_call(
        "zwave_js",
        "set_lock_usercode",
        {"entity_id": zwave_house.lock, "code_slot": 1, "usercode": "471108"},
        blocking=True,
    )
    async with asyncio.timeout(PATIENCE):
        while (  # noqa: ASYNC110  there is no event for it
            slots := snapshots.read().find(f"slots:{zwave_house.managed.device_id}")
        ) is None or slots.value != "1":
            await asyncio.sleep(0.2)
    zwave_house.network.change(forgets=True)
    await zwave_house.install()
    (snapshot,) = snapshots.all
    known = {each.name or each.kind: each.value for each in snapshot.settings}
    # What only makes it do something is no setting.
    assert "Reset to factory defaults" not in known
    assert known["Auto-relock time"] == "45"
    assert known["Volume"] == "3"
    assert known["code_slots"] == "1"
    assert "471108" not in json.dumps(snapshot.to_dict())

    async with asyncio.timeout(PATIENCE * 2):
        while not snapshots.differences:  # noqa: ASYNC110  there is no event for it
            await asyncio.sleep(0.2)
    assert sorted(snapshots.told.splitlines()) == [
        "- Auto-relock time: 45 → 30",
        "- Places for codes that are in use: 1 → none",
        "- Volume: 3 → 1",
    ]

    restored = await snapshots.async_restore_differences()
    assert sorted(each.name for each in restored.done) == ["Auto-relock time", "Volume"]
    (left,) = restored.not_set
    assert left.why_not == "codes"
    assert snapshots.told.startswith("- Places for codes that are in use")
    assert zwave_house.state(zwave_house.lock).state in {"locked", "unlocked"}
