"""The main job: a lock gets signed firmware from its vendor's feed."""

from tests.rig.lock_services import Buttonless

from .flows import add_lock
from .house import BACK_DOOR, EVENT, FRONT_DOOR, House


async def test_update(house: House) -> None:
    """Press Install, and the lock runs the new version."""
    assert house.state().state == "off"
    await house.release("1.1.0")
    state = house.state()
    assert state.state == "on"
    assert state.attributes["installed_version"] == "1.0.0"
    assert state.attributes["latest_version"] == "1.1.0"

    await house.install()

    state = house.state()
    assert state.state == "off"
    assert state.attributes["installed_version"] == "1.1.0"
    assert not state.attributes["in_progress"]
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert house.state(EVENT).attributes["event_type"] == "update_installed"


async def test_bonded_lock(house: House) -> None:
    """A bootloader that stays at the lock's address is told from its application."""
    await house.put_up_lock(BACK_DOOR, buttonless=Buttonless.BONDED)
    await add_lock(house.hass, house.entry, address=BACK_DOOR, name="Back door")
    await house.release("1.1.0")

    await house.install("update.back_door_firmware")

    state = house.state("update.back_door_firmware")
    assert state.attributes["installed_version"] == "1.1.0"
    assert house.locks[BACK_DOOR].version == "1.1.0"
    assert house.locks[FRONT_DOOR].version == "1.0.0"
