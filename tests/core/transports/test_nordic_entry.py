"""The way into a Nordic bootloader: only the right lock, and only a safe way."""

import asyncio

import pytest

from custom_components.nightlatch.core.errors import TransportProblem
from custom_components.nightlatch.core.transports.base import GattClient
from tests.rig.bootloader import INACTIVITY_TIMEOUT
from tests.rig.faults import Fault, Traffic
from tests.rig.link import ATT_TIMEOUT, LinkModel
from tests.rig.lock import Mode, Step, VirtualLock
from tests.rig.lock_services import Buttonless
from tests.rig.radio import CONNECT_ATTEMPTS
from tests.rig.virtual_time import virtual_time

from ..doorway import (
    ADDRESS,
    BOOTLOADER_ADDRESS,
    Doorway,
    ListeningRadio,
    doorway,
    until,
)

pytestmark = virtual_time


# Locks that cannot be updated, and that refuse.


@pytest.mark.parametrize(
    ("buttonless", "reason"),
    [
        (Buttonless.NONE, TransportProblem.NOT_UPDATABLE),
        (Buttonless.EXPERIMENTAL, TransportProblem.INSECURE_BUTTONLESS),
    ],
)
async def test_without_a_safe_way_into_the_bootloader_nothing_is_written(
    buttonless: Buttonless, reason: TransportProblem
) -> None:
    """The lock is looked at and left alone."""
    async with doorway(buttonless=buttonless) as door:
        error = await door.fails()
        assert error.reason is reason
        assert error.details == {}
        # What is not there at all is looked for once more, for a memory may be wrong.
        looks = 2 if reason is TransportProblem.NOT_UPDATABLE else 1
        assert door.link.counters.connects == looks
        assert door.link.counters.writes == 0
        await asyncio.sleep(0)
        door.assert_as_before()
        door.assert_nothing_left()


@pytest.mark.parametrize(
    ("status", "reason", "details"),
    [
        (2, TransportProblem.BUTTONLESS_REFUSED, {"code": "0x02"}),
        (4, TransportProblem.BUTTONLESS_REFUSED, {"code": "0x04"}),
        (5, TransportProblem.BUTTONLESS_REFUSED, {"code": "0x05"}),
        (6, TransportProblem.BUTTONLESS_REFUSED, {"code": "0x06"}),
        (7, TransportProblem.NOT_BONDED, {}),
    ],
)
@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
async def test_a_lock_may_refuse(
    buttonless: Buttonless,
    status: int,
    reason: TransportProblem,
    details: dict[str, str],
) -> None:
    """It knows why; it stays in its application and is asked once."""
    async with doorway(buttonless=buttonless) as door:
        door.lock.buttonless_status = status
        error = await door.fails()
        assert error.reason is reason
        assert error.details == details
        assert door.link.counters.connects == 1
        await asyncio.sleep(0)
        door.assert_as_before()
        door.assert_nothing_left()
        await door.assert_second_transfer_succeeds()


async def test_a_lock_may_refuse_to_pair() -> None:
    """Its bootloader would not listen to a stranger."""
    async with doorway(buttonless=Buttonless.BONDED) as door:
        door.lock.refuses_pairing = True
        error = await door.fails()
        assert error.reason is TransportProblem.PAIRING_REFUSED
        assert door.link.counters.writes == 0
        await asyncio.sleep(0)
        door.assert_as_before()
        door.assert_nothing_left()
        door.lock.refuses_pairing = False
        await door.assert_second_transfer_succeeds()


async def test_a_link_lost_while_pairing_is_no_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is tried again."""
    async with doorway(buttonless=Buttonless.BONDED) as door:
        pair = door.lock.pair

        def cut_once() -> bool:
            monkeypatch.setattr(door.lock, "pair", pair)
            door.link.cut()
            return True

        monkeypatch.setattr(door.lock, "pair", cut_once)
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()


# Locks that are slow, or say too little.


async def test_a_lock_may_restart_before_it_has_answered() -> None:
    """The lost link is the answer."""
    async with doorway() as door:
        door.lock.jumps_without_answer = True
        await door.transfer()
        assert door.link.counters.connects == 2
        await asyncio.sleep(5)
        door.assert_updated()


async def test_an_answer_that_makes_no_sense_is_no_refusal() -> None:
    """The lock may have left for its bootloader, and must not be left there."""
    async with doorway() as door:
        door.link.order(Traffic.NOTIFICATION, Fault.GARBLE)
        await door.transfer()
        assert door.link.counters.connects == 2
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("seconds", [3.0, 14.0, 30.0, 100.0, 150.0])
async def test_a_bootloader_may_take_its_time(seconds: float) -> None:
    """A slow start is waited for."""
    async with doorway() as door:
        door.lock.bootloader_start = seconds
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("says_so", [True, False])
@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
async def test_a_lock_that_stays_where_it_is_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, buttonless: Buttonless, says_so: bool
) -> None:
    """Whether it has said that it will leave or not."""
    async with doorway(buttonless=buttonless) as door:
        door.lock.jumps_without_answer = not says_so
        jump = door.lock._jump

        def stay() -> None:
            monkeypatch.setattr(door.lock, "_jump", jump)

        monkeypatch.setattr(door.lock, "_jump", stay)
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
async def test_a_lock_that_never_leaves_is_given_up(
    monkeypatch: pytest.MonkeyPatch, buttonless: Buttonless
) -> None:
    """It works all the time."""
    async with doorway(buttonless=buttonless) as door:
        jump = door.lock._jump
        monkeypatch.setattr(door.lock, "_jump", lambda: None)
        error = await door.fails()
        assert error.reason is TransportProblem.BOOTLOADER_NOT_FOUND
        door.assert_as_before()
        door.assert_nothing_left()
        monkeypatch.setattr(door.lock, "_jump", jump)
        await door.assert_second_transfer_succeeds()


@pytest.mark.parametrize(
    ("buttonless", "reason"),
    [
        # At that address may be the lock next door.
        (Buttonless.UNBONDED, TransportProblem.BOOTLOADER_NOT_FOUND),
        (Buttonless.BONDED, TransportProblem.OTHER_BOOTLOADER),
    ],
)
async def test_another_bootloader_behind_the_application_is_told_of(
    buttonless: Buttonless, reason: TransportProblem
) -> None:
    """The lock was sent away: it is not as if nothing had been changed."""
    async with doorway(buttonless=buttonless) as door:
        door.lock.has_other_bootloader = True
        error = await door.fails()
        assert error.reason is reason
        door.assert_nothing_left()
        door.lock.cut_power()


async def test_a_bootloader_that_never_appears_is_given_up() -> None:
    """Not before a lock whose bootloader is only unheard had the time to come back."""
    async with doorway() as door:
        door.lock.cut_power_at(Step.JUMP)
        started = asyncio.get_running_loop().time()
        error = await door.fails()
        waited = asyncio.get_running_loop().time() - started
        assert error.reason is TransportProblem.BOOTLOADER_NOT_FOUND
        assert error.details == {}
        assert INACTIVITY_TIMEOUT < waited < 300
        door.assert_nothing_left()
        door.lock.restore_power()
        await asyncio.sleep(5)
        door.assert_as_before()
        await door.assert_second_transfer_succeeds()


async def test_a_lock_that_comes_back_from_an_unheard_bootloader_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A person may have walked through the beam."""
    async with doorway() as door:
        advertising = VirtualLock.advertising
        deaf_until = asyncio.get_running_loop().time() + INACTIVITY_TIMEOUT

        def heard(lock: VirtualLock) -> object:
            now = asyncio.get_running_loop().time()
            if lock.mode is Mode.BOOTLOADER and now < deaf_until:
                return None
            return advertising.__get__(lock)

        monkeypatch.setattr(VirtualLock, "advertising", property(heard))
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.LOSE])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
async def test_the_link_may_be_lost_on_the_way(
    buttonless: Buttonless, nth: int, fault: Fault
) -> None:
    """At the subscription, at the order to leave, or at the bootloader's door."""
    async with doorway(buttonless=buttonless) as door:
        door.link.order(Traffic.WRITE, fault, nth=nth)
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()
        door.assert_nothing_left()


async def test_an_order_to_leave_that_hangs_is_given_again() -> None:
    """The link still stands when the deadline passes."""
    model = LinkModel(connection_interval=0.03)
    async with doorway(model=model) as door:
        door.link.order(Traffic.WRITE, Fault.LOSE, nth=2)
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()


async def test_a_lock_that_never_answers_is_given_up() -> None:
    """It was not told to leave, so it works all the time."""
    async with doorway(model=LinkModel(connection_interval=0.03)) as door:
        door.link.order(Traffic.WRITE, Fault.LOSE, times=100)
        started = asyncio.get_running_loop().time()
        error = await door.fails()
        waited = asyncio.get_running_loop().time() - started
        assert error.reason is TransportProblem.NO_ANSWER
        assert error.details == {"step": "enter_bootloader"}
        assert waited < 5 * ATT_TIMEOUT + 40
        door.assert_nothing_left()
        door.assert_as_before()
        door.behave()
        await door.assert_second_transfer_succeeds()


async def test_a_lock_that_vanishes_from_its_application_is_not_waited_for() -> None:
    """It was not sent anywhere."""
    async with doorway(model=LinkModel(connection_interval=0.03)) as door:
        transfer = asyncio.create_task(door.fails())
        await until(lambda: door.link.connected)
        started = asyncio.get_running_loop().time()
        door.lock.cut_power()
        error = await transfer
        assert error.reason is TransportProblem.CONNECTION_FAILED
        assert asyncio.get_running_loop().time() - started < 60
        door.assert_nothing_left()
        door.lock.restore_power()
        await asyncio.sleep(5)
        door.assert_as_before()
        await door.assert_second_transfer_succeeds()


# Locks that are not there, and radios that are full.


async def test_a_lock_that_was_never_heard_is_not_waited_for() -> None:
    """Whoever presses Install hears of it within a minute."""
    async with doorway() as door:
        door.lock.cut_power()
        door.radio._seen.clear()
        started = asyncio.get_running_loop().time()
        error = await door.fails()
        assert error.reason is TransportProblem.NOT_FOUND
        assert asyncio.get_running_loop().time() - started < 60
        assert door.link.counters.connects == 0
        door.assert_nothing_left()


async def test_a_lock_that_cannot_be_connected_to_is_not_waited_for() -> None:
    """Somebody else's app may hold it."""
    async with doorway() as door:
        door.link.order(Traffic.CONNECTION, Fault.LOSE, times=100)
        started = asyncio.get_running_loop().time()
        error = await door.fails()
        assert error.reason is TransportProblem.CONNECTION_FAILED
        assert asyncio.get_running_loop().time() - started < 60
        door.assert_as_before()
        door.assert_nothing_left()


async def hold_slots(radio: ListeningRadio) -> tuple[Doorway, GattClient]:
    """Let another lock take the radio's only slot."""
    radio.slots = 1
    other = Doorway(address="D0:00:00:00:00:10", radio=radio)
    await asyncio.sleep(1)
    client = await radio.connect(
        other.lock.address, name="other", disconnected=lambda: None
    )
    return other, client


async def test_without_a_connection_slot_nothing_is_begun() -> None:
    """The lock is fine; it can wait."""
    async with doorway() as door:
        other, client = await hold_slots(door.radio)
        error = await door.fails()
        assert error.reason is TransportProblem.NO_CONNECTION_SLOT
        assert door.link.counters.connects == 0
        door.assert_as_before()
        await client.disconnect()
        await door.assert_second_transfer_succeeds()
        other.close()


@pytest.mark.parametrize("seconds", [5.0, 25.0])
async def test_a_lock_in_its_bootloader_is_not_left_for_want_of_a_slot(
    seconds: float,
) -> None:
    """It is a door that does not open: a slot is waited for."""
    async with doorway() as door:
        door.lock._jump()
        await asyncio.sleep(1)
        other, client = await hold_slots(door.radio)
        transfer = asyncio.create_task(door.transfer())
        await asyncio.sleep(seconds)
        await client.disconnect()
        await transfer
        await asyncio.sleep(5)
        door.assert_updated()
        other.close()


@pytest.mark.parametrize(
    ("buttonless", "nth"), [(Buttonless.UNBONDED, 1), (Buttonless.BONDED, 2)]
)
async def test_a_lock_in_its_bootloader_is_not_left_because_it_is_hard_to_reach(
    buttonless: Buttonless, nth: int
) -> None:
    """At the application's address a connection more shows who is there."""
    async with doorway(buttonless=buttonless) as door:
        door.lock.bonded = buttonless is Buttonless.BONDED
        door.lock._jump()
        await asyncio.sleep(1)
        door.link.order(Traffic.CONNECTION, Fault.LOSE, nth=nth, times=CONNECT_ATTEMPTS)
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()


async def test_when_the_slots_stay_taken_the_lock_returns_by_itself() -> None:
    """It is not waited for longer than the lock itself does."""
    async with doorway() as door:
        door.lock._jump()
        await asyncio.sleep(1)
        other, client = await hold_slots(door.radio)
        error = await door.fails()
        assert error.reason is TransportProblem.NO_CONNECTION_SLOT
        await door.rest()
        door.assert_as_before()
        await client.disconnect()
        await door.assert_second_transfer_succeeds()
        other.close()


# Never the wrong lock.


@pytest.mark.parametrize("first", ["ours", "theirs"])
@pytest.mark.parametrize("theirs", ["C0:11:22:33:44:99", "C0:11:22:33:44:53"])
async def test_of_two_locks_in_their_bootloaders_the_right_one_is_updated(
    theirs: str, first: str
) -> None:
    """They have the same name and the same services; only the address differs."""
    radio = ListeningRadio()
    addresses = [ADDRESS, theirs] if first == "ours" else [theirs, ADDRESS]
    locks = {address: Doorway(address=address, radio=radio) for address in addresses}
    ours, other = locks[ADDRESS], locks[theirs]
    await asyncio.sleep(1)
    for door in locks.values():
        door.lock._jump()
    await asyncio.sleep(1)
    await ours.transfer()
    await asyncio.sleep(5)
    ours.assert_updated()
    assert other.requests == []
    assert other.link.counters.connects == 0
    assert other.lock.mode is Mode.BOOTLOADER
    ours.close()
    other.close()


@pytest.mark.parametrize("first", ["ours", "next door"])
@pytest.mark.parametrize("cut", [False, True])
async def test_the_lock_next_door_may_have_the_address_of_our_bootloader(
    first: str, cut: bool
) -> None:
    """It may be connected to, for who answers is chance, but nothing is written."""
    radio = ListeningRadio()
    addresses = [ADDRESS, BOOTLOADER_ADDRESS]
    if first != "ours":
        addresses.reverse()
    locks = {address: Doorway(address=address, radio=radio) for address in addresses}
    ours, other = locks[ADDRESS], locks[BOOTLOADER_ADDRESS]
    await asyncio.sleep(1)
    if cut:
        ours.link.order(Traffic.WRITE, Fault.CUT_AFTER, match=b"\x04", nth=4)
    await ours.transfer()
    await asyncio.sleep(5)
    ours.assert_updated()
    other.assert_as_before()
    assert other.link.counters.writes == 0
    ours.close()
    other.close()


async def test_a_stranger_at_the_bootloaders_address_does_not_make_a_lock_updated() -> (
    None
):
    """While our lock is gone, the one next door is not taken for it."""
    radio = ListeningRadio()
    ours = Doorway(radio=radio)
    other = Doorway(address=BOOTLOADER_ADDRESS, radio=radio)
    await asyncio.sleep(1)
    ours.lock.cut_power_at(Step.JUMP)
    error = await ours.fails()
    assert error.reason is TransportProblem.BOOTLOADER_NOT_FOUND
    assert radio.connected == [ADDRESS]
    ours.close()
    other.close()
