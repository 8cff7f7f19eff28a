"""A Z-Wave lock, guarded: on Home Assistant's own zwave_js, and zwave-js itself."""

import pytest

from homeassistant.exceptions import HomeAssistantError
from tests.home.flows import until

from .conftest import ZwaveHouse


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
    started = [
        each for each in zwave_house.network.events if each["event"] == "started"
    ]
    assert started[-1]["version"] == "1.1"
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
