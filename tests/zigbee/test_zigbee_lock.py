"""A Zigbee lock, guarded: on Home Assistant's own mqtt, and Zigbee2MQTT itself."""

from typing import Any

import pytest

from homeassistant.exceptions import HomeAssistantError
from tests.home.asked import cancel
from tests.home.flows import until

from .conftest import BATTERY, HOLD, LOCK, SOURCE, UPDATE, RealZigbeeHouse
from .rig import IEEE, NEW, OLD


async def test_what_is_offered_is_held_back(zigbee_house: RealZigbeeHouse) -> None:
    """So that Update all and the badge leave it out; ours offers it instead."""
    assert zigbee_house.state(SOURCE).state == "off"
    assert zigbee_house.told("skipped_version") == str(NEW)
    ours = zigbee_house.state()
    assert ours.state == "on"
    assert ours.attributes["installed_version"] == str(OLD)
    assert ours.attributes["latest_version"] == str(NEW)


async def test_a_lock_that_was_never_checked(zigbee_home: RealZigbeeHouse) -> None:
    """Zigbee2MQTT says -1; that is no version, and nothing is offered."""
    assert zigbee_home.updates()[-1] == {
        "state": None,
        "installed_version": -1,
        "latest_version": -1,
    }
    await zigbee_home.guard()
    assert zigbee_home.told("installed_version") == "-1"
    assert zigbee_home.managed.release is None
    assert zigbee_home.state().attributes["installed_version"] != "-1"
    zigbee_home.bridge.offer(NEW)
    answer = await zigbee_home.check()
    assert answer["data"] == {
        "id": IEEE,
        "update_available": True,
        "downgrade": False,
        "source": "lock.ota",
        "release_notes": "The bolt stops earlier.",
    }
    await zigbee_home.until_state(HOLD, "held")
    await zigbee_home.until_state(UPDATE, "on")


async def test_the_bolt(zigbee_house: RealZigbeeHouse) -> None:
    """It goes all the way to the lock, and what the lock says all the way back."""
    for service, state in (("unlock", "unlocked"), ("lock", "locked")):
        await zigbee_house.hass.services.async_call(
            "lock", service, {"entity_id": LOCK}, blocking=True
        )
        await zigbee_house.until_state(LOCK, state)
    # The radio tells us on another way than the one on which the state comes.
    bolts = zigbee_house.bridge
    await until(lambda: [each["locked"] for each in bolts.did("bolt")] == [False, True])


async def test_install(zigbee_house: RealZigbeeHouse) -> None:
    """It is let go, and proven by what the lock itself says when it is asked."""
    await zigbee_house.install()
    (outcome,) = zigbee_house.managed.record.history
    assert (outcome.kind, outcome.to_version) == ("succeeded", str(NEW))
    # The first was the test's own.
    assert zigbee_house.asked() == ["check", "update", "check"]
    (restarted,) = zigbee_house.bridge.did("restarted")
    assert restarted["version"] == NEW
    progress = [
        each["progress"] for each in zigbee_house.updates() if "progress" in each
    ]
    assert sorted(set(progress)) == [0, 100]
    assert zigbee_house.state().attributes["installed_version"] == str(NEW)
    assert zigbee_house.state().state == "off"


async def test_a_lock_that_falls_back_is_found_out(
    zigbee_house: RealZigbeeHouse,
) -> None:
    """Zigbee2MQTT answers that all went well, and tells the version of the image."""
    zigbee_house.bridge.order(falls_back=True)
    with pytest.raises(HomeAssistantError) as caught:
        await zigbee_house.install()
    assert caught.value.translation_key == "delegate_other_version"
    (answer,) = zigbee_house.answers("update")
    assert answer["status"] == "ok"
    assert answer["data"]["to"]["file_version"] == NEW
    assert any(
        each["installed_version"] == NEW and each["state"] == "idle"
        for each in zigbee_house.updates()
    )
    (outcome,) = zigbee_house.managed.record.history
    assert (outcome.kind, outcome.touched) == ("failed", True)
    assert zigbee_house.told("installed_version") == str(OLD)


async def test_a_bad_image_is_told_at_once(zigbee_house: RealZigbeeHouse) -> None:
    """Zigbee2MQTT then says of the lock that nothing is new; its answer says why."""
    zigbee_house.bridge.offer(NEW, digest="0" * 128)
    with pytest.raises(HomeAssistantError) as caught:
        await zigbee_house.install()
    assert caught.value.translation_key == "delegate_refused"
    (outcome,) = zigbee_house.managed.record.history
    assert (outcome.kind, outcome.touched) == ("failed", False)
    assert "No image currently available" in (outcome.message or "")
    assert zigbee_house.bridge.did("begun") == []
    assert zigbee_house.updates()[-1]["latest_version"] == OLD


async def test_a_silent_lock(zigbee_house: RealZigbeeHouse) -> None:
    """It is given up by Zigbee2MQTT, whose words are told."""
    zigbee_house.bridge.order(deaf=True)
    with pytest.raises(HomeAssistantError) as caught:
        await zigbee_house.install()
    assert caught.value.translation_key == "delegate_refused"
    (outcome,) = zigbee_house.managed.record.history
    assert (outcome.kind, outcome.touched) == ("failed", False)
    assert "Device didn't respond to OTA request" in (outcome.message or "")


@pytest.mark.parametrize(
    "settings", [{"gives_up_at": 0.5}, {"silent_at": 0.5}, {"gives_up_at": 1.0}]
)
async def test_a_transfer_that_ends_halfway(
    zigbee_house: RealZigbeeHouse, settings: dict[str, Any]
) -> None:
    """Zigbee2MQTT tells no progress in its first half minute; the lock was touched."""
    zigbee_house.bridge.order(**settings)
    with pytest.raises(HomeAssistantError) as caught:
        await zigbee_house.install()
    assert zigbee_house.bridge.did("begun")
    assert caught.value.translation_key == "delegate_broke_off"
    (outcome,) = zigbee_house.managed.record.history
    assert (outcome.kind, outcome.touched) == ("failed", True)
    assert zigbee_house.updates()[-1]["state"] == "available"


async def test_an_aborted_transfer_is_over_before_the_next(
    zigbee_house: RealZigbeeHouse,
) -> None:
    """Zigbee2MQTT agrees at once; the lock hears of it when it next asks."""
    zigbee_house.bridge.offer(NEW, size=100_000)
    pressed = zigbee_house.install_soon()
    await zigbee_house.until_lock("begun")
    await until(lambda: zigbee_house.told("in_progress") is True)
    await cancel(zigbee_house.managed)
    with pytest.raises(HomeAssistantError):
        await pressed
    assert zigbee_house.asked()[:3] == ["check", "update", "update/abort"]
    assert [each["status"] for each in zigbee_house.answers("update/abort")] == ["ok"]
    (closed,) = zigbee_house.answers("update")
    assert "was aborted" in closed["error"]
    assert zigbee_house.bridge.did("aborted")
    (outcome,) = zigbee_house.managed.record.history
    assert outcome.kind == "cancelled"
    zigbee_house.bridge.offer(NEW)
    await zigbee_house.install()
    assert zigbee_house.managed.record.history[-1].kind == "succeeded"


@pytest.mark.parametrize("cache_state", [False])
async def test_a_bridge_that_forgets(zigbee_house: RealZigbeeHouse) -> None:
    """Every message of the lock says -1 again, and an answer forgets its battery.

    With `cache_state: false` there is never enough known at once to install.
    """
    before = len(zigbee_house.updates())
    zigbee_house.bridge.order("tell")
    await until(lambda: len(zigbee_house.updates()) >= before + 2)
    assert zigbee_house.updates()[-1]["installed_version"] == -1
    await until(lambda: zigbee_house.told("installed_version") == "-1")
    assert zigbee_house.managed.release is None
    assert zigbee_house.managed.kind.bridge_forgets
    await zigbee_house.check()
    await zigbee_house.until_state(HOLD, "held")
    await zigbee_house.until_state(BATTERY, "unknown")
    with pytest.raises(HomeAssistantError) as caught:
        await zigbee_house.install()
    assert "battery level is not known" in str(caught.value)
    assert "update" not in zigbee_house.asked()
