"""Locks with MCUboot at their least obliging, in a whole home: nothing is lost by it."""

import asyncio
from functools import partial

import pytest

from homeassistant.exceptions import HomeAssistantError
from tests.rig.image import Behaviour
from tests.rig.lock_body import Mode
from tests.rig.mcuboot_flash import SECTOR, SLOT_SECTORS
from tests.rig.mcuboot_lock import VirtualMcubootLock
from tests.rig.scene import make_mcuboot_firmware, publish_mcuboot
from tests.rig.smp_images import SmpImages
from tests.rig.smp_messages import Group, OsCommand, Rc
from tests.rig.smp_server import SmpFault

from .flows import until
from .house import OUTCOME, UPDATE
from .mcuboot_house import McubootHouse
from .test_issues import issues
from .test_unsettled import works_with

RESET = (Group.OS, OsCommand.RESET)
BUSY = 10
ALWAYS = 1_000


def images_of(lock: VirtualMcubootLock) -> SmpImages:
    """Return the part of a lock's server that takes images."""
    images = lock.server.images
    assert isinstance(images, SmpImages)
    return images


async def assert_stays(lock: VirtualMcubootLock, version: str) -> None:
    """Check that a lock runs a version after two restarts, too."""
    for _ in range(2):
        lock.reset()
        await until(partial(works_with, lock, version))


def versions_shown(lock: VirtualMcubootLock) -> list[str]:
    """Return what the lock shows of its slots."""
    return [each["version"] for each in images_of(lock)._state()["images"]]


async def test_one_that_shows_only_what_runs_is_updated_again_and_again(
    mcuboot_house: McubootHouse,
) -> None:
    """As swap using offset does: bad firmware between is taken back all the same."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    mcuboot_house.link_bolt()
    await mcuboot_house.release("1.1.0")
    await house.install()
    assert versions_shown(lock) == ["1.1.0"]
    await mcuboot_house.release("1.2.0", Behaviour.JAMS_BOLT)
    with pytest.raises(HomeAssistantError):
        await house.install()
    await house.settle()
    assert house.state(OUTCOME).state == "rolled_back"
    assert works_with(lock, "1.1.0")
    assert versions_shown(lock) == ["1.1.0", "1.2.0"]
    await mcuboot_house.release("1.3.0")
    await house.install()
    assert house.state(OUTCOME).state == "succeeded"
    assert house.state(UPDATE).attributes["installed_version"] == "1.3.0+0"
    await assert_stays(lock, "1.3.0")


async def test_one_that_is_busy_at_first_is_updated(
    mcuboot_house: McubootHouse,
) -> None:
    """Its motor moves when it is told to restart."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    lock.server.order(SmpFault.ERROR, RESET, times=3, rc=BUSY)
    await mcuboot_house.release("1.1.0")
    await house.install()
    assert house.state(OUTCOME).state == "succeeded"
    await assert_stays(lock, "1.1.0")


@pytest.mark.parametrize("code", [BUSY, Rc.NOT_SUPPORTED])
async def test_one_that_never_restarts_is_left_with_nothing_that_waits(
    mcuboot_house: McubootHouse, code: int
) -> None:
    """Where its server lets that be taken back; and a person reads what it was."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    images_of(lock).erases_pending = True
    lock.server.order(SmpFault.ERROR, RESET, times=ALWAYS, rc=code)
    await mcuboot_house.release("1.1.0")
    with pytest.raises(HomeAssistantError) as caught:
        await house.install()
    assert caught.value.translation_key == "transport_restart_refused"
    assert f"code {int(code)}" in str(caught.value)
    await house.settle()
    assert house.state(OUTCOME).state == "failed"
    assert versions_shown(lock) == ["1.0.0"]
    await assert_stays(lock, "1.0.0")


async def test_one_that_refuses_and_then_restarts_by_itself_is_followed(
    mcuboot_house: McubootHouse,
) -> None:
    """Its new firmware is watched, and kept."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    lock.server.order(SmpFault.ERROR, RESET, rc=Rc.NOT_SUPPORTED)
    await mcuboot_house.release("1.1.0")
    pressed = asyncio.create_task(house.install())
    await until(lambda: not lock.server._orders)
    lock.reset()
    await pressed
    assert house.state(OUTCOME).state == "succeeded"
    await assert_stays(lock, "1.1.0")


async def test_one_that_serves_late_is_waited_for(mcuboot_house: McubootHouse) -> None:
    """What it runs meanwhile is not thrown away, nor called the old one."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    await mcuboot_house.release("1.1.0")

    def swaps() -> None:
        if lock.mode is Mode.SWAPPING:
            lock.server_start = 1.0

    stop = lock.on_change(swaps)
    await house.install()
    stop()
    lock.server_start = 0.0
    assert house.state(OUTCOME).state == "succeeded"
    await assert_stays(lock, "1.1.0")


async def test_one_that_tells_late_that_an_image_is_too_large(
    mcuboot_house: McubootHouse,
) -> None:
    """It is told as that, and stays as it was."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    size = SLOT_SECTORS * SECTOR - 2000
    image = make_mcuboot_firmware(house.vendor, "1.1.0", size=size)
    publish_mcuboot(house.vendor, "1.1.0", image=image)
    await house.check()
    with pytest.raises(HomeAssistantError, match="does not fit into") as caught:
        await house.install()
    assert "asked afterwards, and runs 1.0.0+0" in str(caught.value)
    await house.settle()
    assert house.state(OUTCOME).state == "failed"
    assert await issues(house) == {}
    await assert_stays(lock, "1.0.0")
