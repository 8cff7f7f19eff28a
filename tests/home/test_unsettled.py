"""A lock that was silent for too long comes back on trial, and is not forgotten there."""

import asyncio

import pytest

from custom_components.nightlatch.core.installation import verification
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.exceptions import HomeAssistantError
from tests.rig.image import Behaviour
from tests.rig.lock import Mode
from tests.rig.scene import make_mcuboot_firmware, publish_mcuboot

from .flows import until
from .house import OUTCOME, PROBLEM, UPDATE
from .impatience import IMAGE_SIZE
from .mcuboot_house import McubootHouse
from .test_issues import issues


async def leave_silent(
    mcuboot_house: McubootHouse, behaviour: Behaviour, *, runs: str = "1.1.0"
) -> str:
    """Install, and let the battery fall out while the lock begins to try it.

    Returns the path of the release in the feed; ``runs`` is what its image is called.
    """
    house, lock = mcuboot_house.house, mcuboot_house.lock
    mcuboot_house.link_bolt()
    image = make_mcuboot_firmware(
        house.vendor, runs, size=IMAGE_SIZE, behaviour=behaviour
    )
    path = publish_mcuboot(house.vendor, "1.1.0", image=image)
    await house.check()
    pressed = asyncio.create_task(house.install())
    await until(lambda: lock.mode is not Mode.APPLICATION)
    lock.cut_power()
    with pytest.raises(HomeAssistantError):
        await pressed
    assert house.state(OUTCOME).state == "needs_hand"
    assert house.state(PROBLEM).state == STATE_ON
    assert set(await issues(house)) == {"needs_hand"}
    assert house.managed().record.unsettled is not None
    return path


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait long for a lock without a battery."""
    monkeypatch.setattr(verification, "_ADVERTISEMENT_TIMEOUT", 0.5)


@pytest.mark.parametrize("restarted", [False, True])
async def test_it_is_kept_once_it_is_back_and_has_proven_itself(
    mcuboot_house: McubootHouse, restarted: bool
) -> None:
    """Else it would quietly be gone again with the next change of its battery."""
    await leave_silent(mcuboot_house, Behaviour.WELL)
    house, lock = mcuboot_house.house, mcuboot_house.lock
    if restarted:
        assert await house.hass.config_entries.async_reload(house.entry.entry_id)
    lock.restore_power()
    await until(lambda: house.state(OUTCOME).state == "succeeded")
    await house.settle()
    assert house.state(UPDATE).attributes["installed_version"] == "1.1.0+0"
    assert house.state(PROBLEM).state == STATE_OFF
    assert await issues(house) == {}
    assert len(house.managed().record.history) == 1
    assert house.managed().record.unsettled is None
    lock.reset()
    await until(lambda: lock.mode is Mode.APPLICATION)
    assert lock.version == "1.1.0+0"


async def test_it_is_taken_back_if_it_is_no_good(mcuboot_house: McubootHouse) -> None:
    """Also then nobody else would do it."""
    await leave_silent(mcuboot_house, Behaviour.JAMS_BOLT)
    house, lock = mcuboot_house.house, mcuboot_house.lock
    lock.restore_power()
    await until(lambda: house.state(OUTCOME).state == "rolled_back")
    await house.settle()
    assert lock.version == "1.0.0+0"
    assert house.state(UPDATE).attributes["installed_version"] == "1.0.0+0"
    assert len(house.managed().record.history) == 1


@pytest.mark.parametrize("runs", ["1.1.0", "1.1.0+7"])
async def test_a_person_is_asked_where_its_vendor_has_taken_back_what_it_tries(
    mcuboot_house: McubootHouse, runs: str
) -> None:
    """Also where the lock tells the build of it, which the release does not name."""
    path = await leave_silent(mcuboot_house, Behaviour.WELL, runs=runs)
    house, lock = mcuboot_house.house, mcuboot_house.lock
    house.vendor.withdraw(path)
    await house.check()
    lock.restore_power()
    await until(
        lambda: house.managed().record.history[-1].reason == "feed_release_withdrawn"
    )
    await house.settle()
    assert lock.version is not None
    assert lock.version.startswith("1.1.0+")
    (outcome,) = house.managed().record.history
    assert outcome.kind == "needs_hand"
