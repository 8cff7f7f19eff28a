"""The main job: a lock gets signed firmware from its vendor's feed."""

from .conftest import EVENT, FRONT_DOOR, House


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
    assert house.state(EVENT).attributes["event_type"] == "installation_succeeded"
