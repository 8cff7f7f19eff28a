"""Somebody near a door who advertises the bootloader of the lock in it.

No key is needed for that, and no knowledge but the lock's address, which it tells
everybody. Whatever is advertised, the lock is asked, every rule counts, nobody is flooded,
and the real lock's battery is left alone.
"""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockUser  # type: ignore[import-untyped]

from custom_components.nightlatch.core import sightings
from homeassistant.components.bluetooth import MONOTONIC_TIME
from homeassistant.components.lock import LockState
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError
from tests.attacks.table import Tried
from tests.home.asked import read
from tests.home.flows import until
from tests.home.house import BACK_DOOR, FRONT_DOOR, UPDATE, House
from tests.home.mcuboot_house import McubootHouse
from tests.home.night import Night
from tests.rig.link import LinkModel
from tests.rig.lock import Mode
from tests.rig.spoofer import Conduct, Spoofer

BOOTLOADER = "C0:11:22:33:44:56"
SILENCE = 0.2
"""Seconds without the application, as ``impatience`` has it."""
UNHURRIED = 3.0


def spoof(
    house: House, conduct: Conduct, address: str = BOOTLOADER, **more: Any
) -> Spoofer:
    """Let somebody sit down near the door."""
    spoofer = Spoofer(address, conduct, **more)
    house.proxy.add(spoofer, LinkModel(supervision_timeout=0.2))
    return spoofer


async def heard_for_a_while(house: House, silence: float = SILENCE) -> None:
    """Wait until Home Assistant has heard it for longer than anything is waited for."""
    await until(lambda: house.heard(BOOTLOADER))
    await pass_time(2.5 * silence)
    await house.settle()


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> float:
    """Let a lock that works be silent for longer than a busy machine keeps it so."""
    monkeypatch.setattr(sightings, "SILENT_FOR", UNHURRIED)
    return UNHURRIED


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let pauses be as long as in a house: what is counted is how often."""
    monkeypatch.setattr(sightings, "ASK_AGAIN", 60.0)
    return monkeypatch


async def pass_time(seconds: float) -> None:
    """Let time pass by the clock that advertisements are stamped with."""
    began = MONOTONIC_TIME()
    await until(lambda: MONOTONIC_TIME() > began + seconds)


@pytest.mark.parametrize("conduct", Conduct)
@pytest.mark.parametrize("by_hand", [True, False])
async def test_no_rule_is_softened(
    house: House, conduct: Conduct, by_hand: bool, attack: Tried, unhurried: float
) -> None:
    """The lock's battery is empty, the bolt is jammed, the door is open."""
    night = Night(house)
    night.automate(lock_entity="lock.front", door_entity="binary_sensor.front")
    house.hass.states.async_set("lock.front", LockState.JAMMED)
    house.hass.states.async_set("binary_sensor.front", "on")
    lock = house.locks[FRONT_DOOR]
    lock.set_battery(3)
    await house.release("1.1.0")
    spoofer = spoof(house, conduct)
    await heard_for_a_while(house, unhurried)
    assert not house.managed().in_bootloader

    if by_hand:
        with pytest.raises(HomeAssistantError) as refused:
            await house.install()
        assert refused.value.translation_key == "preflight_blocked"
        said = str(refused.value)
        assert "3 %" in said
        assert "jammed" in said
    else:
        await night.look()

    assert lock.version == "1.0.0"
    assert lock.mode is Mode.APPLICATION
    assert spoofer.connections == 0
    assert spoofer.written == []
    attack(f"bootloader advertised, {conduct.value}", 1, "all rules held")


@pytest.mark.parametrize("conduct", Conduct)
async def test_a_good_lock_is_updated_all_the_same(
    house: House, conduct: Conduct, attack: Tried, unhurried: float
) -> None:
    """Nobody stops updates by advertising; and nothing goes to who advertises."""
    await house.release("1.1.0")
    spoofer = spoof(house, conduct)
    await heard_for_a_while(house, unhurried)
    # Once the lock has been sent to its bootloader, two have the same address: who is
    # connected to is chance, so the other one is gone by then.
    house.locks[FRONT_DOOR].on_change(
        lambda: spoofer.advertise(house.locks[FRONT_DOOR].mode is Mode.APPLICATION)
    )
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert spoofer.written == []
    await house.settle()
    attack(f"update beside it, {conduct.value}", 1, "updated, nothing sent to it")


@pytest.mark.parametrize("conduct", Conduct)
async def test_a_lock_whose_connection_is_held(
    house: House, conduct: Conduct, attack: Tried
) -> None:
    """It is silent, a bootloader is heard, and then the lock is back: it gets nothing.

    Neither what is sent by itself, nor what brings it out by hand, goes round the rules.
    """
    night = Night(house)
    night.automate()
    lock = house.locks[FRONT_DOOR]
    lock.set_battery(3)
    await house.release("1.1.0")
    events = night.events
    house.proxy.remove(lock)
    spoofer = spoof(house, conduct)
    await heard_for_a_while(house)
    believed = house.managed().in_bootloader
    assert believed == (conduct is not Conduct.REFUSING)

    # By itself: nothing is sent to a bootloader that nobody of this house left it in.
    await night.look()
    assert spoofer.written == []
    # The lock is let go in the moment in which a person brings it out.
    house.links[FRONT_DOOR] = house.proxy.add(lock, LinkModel(supervision_timeout=0.2))
    person = MockUser(name="Ann", is_owner=True).add_to_hass(house.hass)
    with pytest.raises(HomeAssistantError):
        await house.hass.services.async_call(
            "update",
            "install",
            {"entity_id": UPDATE},
            blocking=True,
            context=Context(user_id=person.id),
        )
    await house.settle()
    assert lock.version == "1.0.0"
    assert lock.mode is Mode.APPLICATION
    # As soon as the lock is heard itself, nothing else counts.
    await until(lambda: not house.managed().in_bootloader)
    found = [each for each in events if each["type"] == "bootloader_found"]
    assert len(found) == believed
    # It may be updated as ever.
    spoofer.advertise(False)
    lock.set_battery(90)
    await house.install()
    assert lock.version == "1.1.0"
    await house.settle()
    attack(f"held connection, {conduct.value}", 3, "nothing sent, updated afterwards")


@pytest.mark.parametrize("conduct", Conduct)
async def test_a_night_with_a_bootloader_that_leads_nowhere(
    two_doors: House, conduct: Conduct, patience: pytest.MonkeyPatch, attack: Tried
) -> None:
    """The lock was never touched, is not said to be, and keeps no other from its night."""
    house = two_doors
    night = Night(house)
    night.automate()
    night.automate("Back door")
    await house.release("1.1.0")
    lock = house.locks[FRONT_DOOR]
    house.proxy.remove(lock)
    spoofer = spoof(house, conduct)
    await heard_for_a_while(house)
    tries = spoofer.connections
    await night.look()
    await until(lambda: house.locks[BACK_DOOR].version == "1.1.0")
    await house.settle()
    history = house.managed().record.history
    assert not any(outcome.touched for outcome in history)
    # A connection is tried several times over by the radio; a look is one.
    assert spoofer.connections - tries <= 20
    spoofer.advertise(False)
    house.links[FRONT_DOOR] = house.proxy.add(lock, LinkModel(supervision_timeout=0.2))
    # As soon as the lock is heard itself, nothing else counts.
    await until(lambda: not house.managed().in_bootloader and house.heard(FRONT_DOOR))
    await house.install()
    assert lock.version == "1.1.0"
    await house.settle()
    attack(f"a night beside it, {conduct.value}", 2, "untouched, other door updated")


@pytest.mark.parametrize("conduct", [Conduct.REFUSING, Conduct.AGREEING])
@pytest.mark.parametrize("lock_is_heard", [True, False])
async def test_one_that_comes_and_goes(
    house: House,
    conduct: Conduct,
    lock_is_heard: bool,
    patience: pytest.MonkeyPatch,
    attack: Tried,
) -> None:
    """It floods nobody, and does not empty the lock's battery."""
    night = Night(house)
    lock, link = house.locks[FRONT_DOOR], house.links[FRONT_DOOR]
    before = link.counters.connects
    spoofer = spoof(house, conduct)
    if lock_is_heard:
        patience.setattr(sightings, "SILENT_FOR", UNHURRIED)
    rounds = 12
    for _ in range(rounds):
        if not lock_is_heard:
            house.proxy.remove(lock)
        spoofer.advertise(True)
        await pass_time(2 * SILENCE)
        spoofer.advertise(False)
        if not lock_is_heard:
            link = house.links[FRONT_DOOR] = house.proxy.add(
                lock, LinkModel(supervision_timeout=0.2)
            )
            before = 0
        await pass_time(SILENCE / 2)
    await house.settle()
    found = [each for each in night.events if each["type"] == "bootloader_found"]
    assert len(found) <= (0 if lock_is_heard else 3)
    assert spoofer.connections <= (0 if lock_is_heard else 10)
    assert link.counters.connects - before <= 2
    attack(
        f"comes and goes, {conduct.value}",
        rounds,
        f"{len(found)} notices, {link.counters.connects - before} connections",
    )


@pytest.mark.parametrize("name", ["Kestrel front", "DfuTarg"])
async def test_at_the_locks_own_address(
    house: House, name: str, patience: pytest.MonkeyPatch, attack: Tried
) -> None:
    """A second device at the lock's address is connected to now and then; no more."""
    spoofer = spoof(house, Conduct.AGREEING, FRONT_DOOR, name=name)
    link = house.links[FRONT_DOOR]
    before = link.counters.connects
    await pass_time(1)
    await house.settle()
    assert spoofer.connections + link.counters.connects - before <= 2
    assert not house.managed().in_bootloader
    assert house.state(UPDATE).state == "off"
    attack(f"same address, named {name}", 1, "no state changed, no flood")


async def test_a_mcuboot_lock_is_not_watched_for_what_it_does_not_have(
    mcuboot_house: McubootHouse, patience: pytest.MonkeyPatch, attack: Tried
) -> None:
    """It has no bootloader that is heard over the air."""
    house = mcuboot_house.house
    night = Night(house)
    house.proxy.remove(mcuboot_house.lock)
    spoofer = spoof(house, Conduct.AGREEING)
    await heard_for_a_while(house)
    assert spoofer.connections == 0
    assert "bootloader_found" not in {each["type"] for each in night.events}
    assert not house.managed().in_bootloader
    attack("bootloader beside an MCUboot lock", 1, "not looked at")


async def test_a_lock_that_claims_another_version_each_time(
    house: House, patience: pytest.MonkeyPatch, attack: Tried
) -> None:
    """A lying lock, or somebody at its address: the records hold what really happened."""
    night = Night(house)
    await house.release("1.1.0")
    await house.install()
    kept = house.managed().record
    lock = house.locks[FRONT_DOOR]
    claims = 70
    for number in range(claims):
        lock.comes_back_as = f"7.{number}.0"
        await read(house.managed())
        await house.settle()
    record = house.managed().record
    assert record.history[0] == kept.history[0], "what we have done is still known"
    assert len(record.history) <= len(kept.history) + 3
    assert record.history[-1].tries == claims - 2
    assert record.ran == (*kept.ran, "1.1.0")
    told = [each for each in night.events if each["type"] == "installed_elsewhere"]
    assert len(told) == 3
    attack("another version at each reading", claims, f"{len(told)} told, history kept")
