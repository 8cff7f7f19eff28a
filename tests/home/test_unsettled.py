"""A lock that was silent for too long comes back on trial, and is not forgotten there."""

import asyncio
from functools import partial

import pytest

from custom_components.nightlatch.core.installation import verification
from custom_components.nightlatch.core.transports import smp
from custom_components.nightlatch.core.versions import is_told_as
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.exceptions import HomeAssistantError
from tests.rig.image import Behaviour
from tests.rig.lock import Mode
from tests.rig.mcuboot_lock import VirtualMcubootLock
from tests.rig.scene import make_mcuboot_firmware, publish_mcuboot
from tests.rig.smp_messages import Group, ImageCommand, OsCommand, Rc
from tests.rig.smp_server import SmpFault

from .flows import until
from .house import OUTCOME, PROBLEM, UPDATE, House
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


async def leave_waiting(
    mcuboot_house: McubootHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Install, on a lock that takes everything and does not restart."""
    monkeypatch.setattr(smp, "RESTARTS_BY_ITSELF", 0.1)
    house, lock = mcuboot_house.house, mcuboot_house.lock
    mcuboot_house.link_bolt()
    lock.server.order(
        SmpFault.ERROR, (Group.OS, OsCommand.RESET), times=3, rc=Rc.NOT_SUPPORTED
    )
    await mcuboot_house.release("1.1.0")
    with pytest.raises(HomeAssistantError, match=r"1\.1\.0 waits in it"):
        await house.install()
    await house.settle()
    await assert_told(house, r"1.1.0 waits in it")


async def assert_told(house: House, words: str) -> None:
    """Check that a person is told, in all places."""
    assert house.state(OUTCOME).state == "needs_hand"
    assert house.state(PROBLEM).state == STATE_ON
    assert words in (await issues(house))["needs_hand"]


async def test_what_waits_for_a_restart_is_watched_when_it_has_come(
    mcuboot_house: McubootHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody changes the batteries, weeks later."""
    await leave_waiting(mcuboot_house, monkeypatch)
    house, lock = mcuboot_house.house, mcuboot_house.lock
    managed = house.managed()
    # As long as it has not restarted nothing is done about it but to tell it, also where
    # it cannot be asked what waits in it.
    for asked in (True, False):
        if not asked:
            state = (Group.IMAGE, ImageCommand.STATE)
            lock.server.order(SmpFault.ERROR, state, rc=Rc.NOT_SUPPORTED)
        await house.runtime.reader.async_read_apart(managed)
        await house.settle()
        await assert_told(house, "1.1.0 waits in it")
        assert works_with(lock, "1.0.0")

    lock.cut_power(restore_after=0.1)
    await until(partial(works_with, lock, "1.1.0"))
    await house.runtime.reader.async_read_apart(managed)
    await until(lambda: house.state(OUTCOME).state == "succeeded")
    await house.settle()
    assert house.state(PROBLEM).state == STATE_OFF
    assert await issues(house) == {}
    lock.reset()
    await until(lambda: lock.mode is Mode.APPLICATION)
    assert works_with(lock, "1.1.0")


async def test_what_has_come_and_gone_unseen_does_not_wait_any_more(
    mcuboot_house: McubootHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batteries had no good contact: it restarted twice before anybody looked."""
    await leave_waiting(mcuboot_house, monkeypatch)
    house, lock = mcuboot_house.house, mcuboot_house.lock
    for version in ("1.1.0", "1.0.0"):
        lock.reset()
        await until(partial(works_with, lock, version))
    await until(lambda: lock.serves)
    await house.runtime.reader.async_read_apart(house.managed())
    await until(lambda: house.state(OUTCOME).state == "rolled_back")
    await house.settle()
    assert await issues(house) == {}
    assert house.managed().record.unsettled is None


def works_with(lock: VirtualMcubootLock, version: str) -> bool:
    """Return whether a lock runs a version, whatever build of it."""
    return lock.mode is Mode.APPLICATION and is_told_as(version, lock.version or "")


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (Behaviour.JAMS_BOLT, "still runs the new one"),
        (Behaviour.CANNOT_BE_UPDATED, "goes back at its next restart"),
    ],
    ids=["it is not taken back", "it cannot be kept"],
)
async def test_what_runs_on_trial_and_cannot_be_ended_is_told_until_it_is_gone(
    mcuboot_house: McubootHouse,
    monkeypatch: pytest.MonkeyPatch,
    behaviour: Behaviour,
    words: str,
) -> None:
    """That the lock answers is no news: it did so at the end of the installation."""
    monkeypatch.setattr(smp, "RESTARTS_BY_ITSELF", 0.1)
    monkeypatch.setattr(smp, "SERVER_PATIENCE", 1.0)
    house, lock = mcuboot_house.house, mcuboot_house.lock
    mcuboot_house.link_bolt()
    reset = (Group.OS, OsCommand.RESET)
    # The first one finds it busy.
    lock.server.order(SmpFault.ERROR, reset, nth=3, times=3, rc=Rc.NOT_SUPPORTED)
    await mcuboot_house.release("1.1.0", behaviour)
    with pytest.raises(HomeAssistantError):
        await house.install()
    await house.settle()
    assert works_with(lock, "1.1.0")
    await assert_told(house, words)
    await house.runtime.reader.async_read_apart(house.managed())
    await house.settle()
    await assert_told(house, words)

    lock.reset()
    await until(partial(works_with, lock, "1.0.0"))
    await house.runtime.reader.async_read_apart(house.managed())
    await house.settle()
    assert await issues(house) == {}
