"""A Z-Wave lock, guarded: on Home Assistant's own zwave_js, and zwave-js itself."""

import asyncio

import pytest

from custom_components.nightlatch.core.installation import delegated
from homeassistant.exceptions import HomeAssistantError
from tests.home.flows import until

from .conftest import TIMEOUT, ZwaveHouse

pytestmark = pytest.mark.timeout(TIMEOUT)


async def test_install(zwave_house: ZwaveHouse) -> None:
    """It is held, let go, and proven; the driver itself has checked the image."""
    await until(
        lambda: (
            zwave_house.state(zwave_house.source).attributes["skipped_version"] == "1.1"
        )
    )
    await zwave_house.install()
    (outcome,) = zwave_house.managed.record.history
    assert (outcome.kind, outcome.to_version) == ("succeeded", "1.1")
    assert zwave_house.happened("started")[-1]["version"] == "1.1"
    assert zwave_house.state(zwave_house.lock).state in {"locked", "unlocked"}


async def test_a_refusal_is_told_as_the_lock_says_it(zwave_house: ZwaveHouse) -> None:
    """Here: that its battery is too low."""
    zwave_house.network.change(refuse="battery_low")
    with pytest.raises(HomeAssistantError) as caught:
        await zwave_house.install()
    assert caught.value.translation_key == "delegate_refused"
    (outcome,) = zwave_house.managed.record.history
    assert (outcome.kind, outcome.touched) == ("failed", False)


async def test_a_lie_is_found_out(zwave_house: ZwaveHouse) -> None:
    """The integration believes it at once; that alone is no success.

    How it is told depends on how far zwave-js has got with asking the lock anew.
    """
    zwave_house.network.change(lies=True)
    with pytest.raises(HomeAssistantError) as caught:
        await zwave_house.install()
    assert caught.value.translation_key in {
        "delegate_did_not_come_back",
        "delegate_not_confirmed",
        "delegate_other_version",
    }
    (outcome,) = zwave_house.managed.record.history
    assert outcome.kind in {"failed", "needs_hand"}


async def test_a_lock_that_does_not_answer_the_first_question(
    zwave_house: ZwaveHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver tells no end of it; the house is not blocked, nothing was touched.

    The lock can be updated as soon as it answers again.
    """
    monkeypatch.setattr(delegated, "START_TIMEOUT", 20.0)
    zwave_house.network.change(mute=True)
    with pytest.raises(HomeAssistantError) as caught:
        await zwave_house.install()
    assert caught.value.translation_key == "delegate_never_started"
    assert zwave_house.happened("not answered")
    assert not zwave_house.happened("update requested")
    (outcome,) = zwave_house.managed.record.history
    assert (outcome.kind, outcome.touched) == ("failed", False)
    zwave_house.network.change(mute=False)
    await zwave_house.install()
    outcome = zwave_house.managed.record.history[-1]
    assert (outcome.kind, outcome.to_version) == ("succeeded", "1.1")


async def test_a_reload_of_the_integration_in_the_middle(
    zwave_house: ZwaveHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its call never returns, and it says that it is idle; the driver goes on alone.

    What the lock runs at the end is what counts.
    """
    # Longer than the rest of the transfer takes.
    monkeypatch.setattr(delegated, "IDLE_TIMEOUT", 40.0)
    zwave_house.network.change(pause=200)
    running = asyncio.ensure_future(zwave_house.install())
    await until(lambda: len(zwave_house.happened("fragment")) > 3)
    assert not zwave_house.happened("update ended")
    assert await zwave_house.hass.config_entries.async_reload(
        zwave_house.zwave.entry_id
    )
    await running
    (outcome,) = zwave_house.managed.record.history
    assert (outcome.kind, outcome.to_version) == ("succeeded", "1.1")
    assert len(zwave_house.happened("update requested")) == 1


async def test_two_locks_at_once(two_zwave_doors: ZwaveHouse) -> None:
    """The driver would take both; one is over before the other begins."""
    house = two_zwave_doors
    await asyncio.gather(*(house.install(door) for door in house.doors))
    for door in house.doors:
        (outcome,) = house.managed_at(door).record.history
        assert (outcome.kind, outcome.to_version) == ("succeeded", "1.1")
    told = [
        (each["event"], each["node"])
        for each in house.network.events
        if each["event"] in {"update requested", "update ended", "started"}
    ]
    first, second = told[0][1], told[-1][1]
    assert first != second
    assert told == [
        (event, node)
        for node in (first, second)
        for event in ("update requested", "update ended", "started")
    ]
