"""A lock that is found where it should not be: in its bootloader."""

import asyncio
from unittest.mock import Mock

import pytest
from pytest_homeassistant_custom_component.common import MockUser  # type: ignore[import-untyped]

from custom_components.nightlatch.core import sightings
from custom_components.nightlatch.core.transports.nordic_protocol import SERVICE
from custom_components.nightlatch.kinds.advertisements import Watch
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError
from tests.core.installation.test_recovery import FAILED, after
from tests.rig.lock import Mode, VirtualLock
from tests.rig.lock_services import Buttonless

from .flows import add_lock, until
from .house import BACK_DOOR, EVENT, FRONT_DOOR, OUTCOME, PROBLEM, UPDATE, House

FOUND = "bootloader_found"


def send_to_bootloader(lock: VirtualLock) -> None:
    """Do what anybody near a lock without bonding can do."""
    lock._jump()


async def test_a_lock_in_its_bootloader_is_told_once(two_doors: House) -> None:
    """Nobody of this house sent it there. When it is back, that is noticed too."""
    lock = two_doors.locks[FRONT_DOOR]
    events = two_doors.record(EVENT)
    before = two_doors.states_of("back_door")

    send_to_bootloader(lock)
    await until(lambda: two_doors.state(PROBLEM).state == "on")
    await asyncio.sleep(0.1)
    assert [state.attributes["event_type"] for state in events] == [FOUND]
    assert two_doors.states_of("back_door") == before

    # It hears nothing from anybody, and goes back by itself.
    await until(lambda: lock.mode is Mode.APPLICATION)
    await until(lambda: two_doors.state(PROBLEM).state == "off")
    await two_doors.settle()
    assert len(events) == 1

    send_to_bootloader(lock)
    await until(lambda: len(events) == 2)
    await until(lambda: two_doors.state(PROBLEM).state == "off")
    await two_doors.settle()


async def test_what_it_runs_afterwards_is_asked(house: House) -> None:
    """For who sent it there may have put something else on it."""
    lock = house.locks[FRONT_DOOR]
    send_to_bootloader(lock)
    await until(lambda: house.state(PROBLEM).state == "on")
    lock.comes_back_as = "1.0.9"
    await until(lambda: house.state().attributes["installed_version"] == "1.0.9")
    await house.settle()


async def test_a_lock_in_its_bootloader_can_be_installed_to(two_doors: House) -> None:
    """By a person: nobody of this house has sent it there. It cannot answer before."""
    lock = two_doors.locks[FRONT_DOOR]
    await two_doors.release("1.1.0")
    lock.flash.application[:] = bytes(len(lock.flash.application))
    send_to_bootloader(lock)
    await until(lambda: two_doors.managed().in_bootloader)
    with pytest.raises(HomeAssistantError) as refused:
        await two_doors.install()
    assert refused.value.translation_key == "transport_in_bootloader"
    assert lock.mode is Mode.BOOTLOADER
    person = MockUser(name="Ann", is_owner=True).add_to_hass(two_doors.hass)
    await two_doors.hass.services.async_call(
        "update",
        "install",
        {"entity_id": UPDATE},
        blocking=True,
        context=Context(user_id=person.id),
    )
    assert lock.version == "1.1.0"
    assert two_doors.state().state == "off"
    await two_doors.settle()


async def test_an_own_installation_is_no_alarm(house: House) -> None:
    """Neither during it, nor by what is left of it in a cache."""
    events = house.record(EVENT)
    await house.release("1.1.0")
    await house.install()
    await house.reload()
    await asyncio.sleep(0.1)
    assert house.state(PROBLEM).state == "off"
    assert FOUND not in {state.attributes.get("event_type") for state in events}


async def test_the_lock_next_door_is_no_alarm(house: House) -> None:
    """Its address may be that of this lock's bootloader; what it says is not."""
    await house.put_up_lock("C0:11:22:33:44:56")
    await asyncio.sleep(0.1)
    assert house.state(PROBLEM).state == "off"


async def test_a_bootloader_at_the_locks_own_address(house: House) -> None:
    """It cannot be told from outside, but is when the lock is asked."""
    lock = await house.put_up_lock(BACK_DOOR, buttonless=Buttonless.BONDED)
    await add_lock(house.hass, house.entry, address=BACK_DOOR, name="Back door")
    await house.settle()
    problem = "binary_sensor.back_door_update_problem"
    lock.bonded = True
    send_to_bootloader(lock)
    await until(lambda: lock.mode is Mode.BOOTLOADER)

    async def ask() -> str | None:
        with pytest.raises(HomeAssistantError) as caught:
            await house.hass.services.async_call(
                "button",
                "press",
                {"entity_id": "button.back_door_check_now"},
                blocking=True,
            )
        key: str | None = caught.value.translation_key
        return key

    # The proxy still sees the application there. It is told to look again.
    assert await ask() == "transport_link_lost"
    assert await ask() == "transport_in_bootloader"
    assert house.state(problem).state == "on"
    await until(lambda: lock.mode is Mode.APPLICATION)
    await until(lambda: house.state(problem).state == "off")
    await house.settle()


@pytest.mark.parametrize("in_bootloader", [True, False])
def test_a_bootloader_at_the_locks_own_address_is_not_asked_again_and_again(
    monkeypatch: pytest.MonkeyPatch, in_bootloader: bool
) -> None:
    """What was left there has nothing to tell; its application is asked at once.

    Each connection costs battery, and keeps the bootloader from starting what it has.
    """
    monkeypatch.setattr(sightings, "ASK_AGAIN", 60.0)
    lock = Mock(in_bootloader=in_bootloader, to_be_asked=False, progress=None)
    lock.record = after(FAILED)
    begun: list[str] = []
    watch = Watch(lock, Mock(), Mock(), lambda _, what: begun.append(what))
    services = [SERVICE] if in_bootloader else []
    minute = 60 * 40
    for number in range(minute):
        lock.to_be_asked = lock.to_be_asked or not in_bootloader
        watch._application_seen(
            Mock(service_uuids=services, connectable=True, time=number / 40)
        )
    assert len(begun) == (1 if in_bootloader else minute)


async def test_a_silent_lock_is_no_alarm(house: House) -> None:
    """It may be out of range; that is another integration's business."""
    house.locks[FRONT_DOOR].cut_power()
    await asyncio.sleep(0.1)
    assert house.state(PROBLEM).state == "off"
    assert house.state().state == "off"
    assert house.state(OUTCOME).state == "unknown"
    assert UPDATE in house.states_of("front_door")
