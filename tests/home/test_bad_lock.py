"""A lock, or the way to it, that fails while an update is installed."""

from collections.abc import Callable
from dataclasses import dataclass
from unittest.mock import AsyncMock

import pytest

from custom_components.nightlatch.core.transports import sending
from custom_components.nightlatch.install.recovery import Recovering
from homeassistant.components.lock import LockState
from tests.rig.bootloader import MAX_DATA_OBJECT, Opcode
from tests.rig.faults import Fault, Traffic
from tests.rig.lock import Mode, Step
from tests.rig.lock_services import Buttonless

from .ending import ends_badly, ends_well
from .flows import add_lock, until
from .house import BACK_DOOR, EVENT, FRONT_DOOR, PROBLEM, House

FAILED = "update_failed"
NEEDS_HAND = "manual_step_needed"
HELD = "update_held"


def _nothing(_: House) -> None:
    """Repair nothing: it was only once."""


@dataclass(frozen=True, kw_only=True)
class BadLock:
    """What goes wrong, what is told of it, and what puts it right."""

    key: str
    do: Callable[[House], None]
    event: str = FAILED
    repair: Callable[[House], None] = _nothing
    runs: str | None = "1.0.0"
    """What the lock runs in the end; None while it is without power."""
    cure: str = "1.1.0"
    """The release that is installed afterwards."""


def _cut_power(at: int | Step) -> Callable[[House], None]:
    def do(house: House) -> None:
        house.locks[FRONT_DOOR].cut_power_at(at)

    return do


def _restore_power(house: House) -> None:
    house.locks[FRONT_DOOR].restore_power()


def _answer(opcode: Opcode, result: bytes, nth: int = 1) -> Callable[[House], None]:
    def do(house: House) -> None:
        house.locks[FRONT_DOOR].bootloader.answer_once(opcode, result, nth=nth)

    return do


def _all(*orders: Callable[[House], None]) -> Callable[[House], None]:
    def do(house: House) -> None:
        for order in orders:
            order(house)

    return do


def _order(
    traffic: Traffic, fault: Fault, **order: int | bytes
) -> Callable[[House], None]:
    def do(house: House) -> None:
        house.links[FRONT_DOOR].order(traffic, fault, **order)  # type: ignore[arg-type]

    return do


def _take_away(house: House) -> None:
    house.proxy.remove(house.locks[FRONT_DOOR])


def _bring_back(house: House) -> None:
    house.links[FRONT_DOOR] = house.proxy.add(house.locks[FRONT_DOOR])


def _replace_link(house: House) -> None:
    """Let the lock be reached as if nothing had ever been ordered."""
    _take_away(house)
    _bring_back(house)


def _occupy(house: House) -> None:
    house.proxy.occupy(3)


def _free(house: House) -> None:
    house.proxy.occupy(0)


def _lose_everything(house: House) -> None:
    house.links[FRONT_DOOR].model.loss = 1.0


def _lose_nothing(house: House) -> None:
    house.links[FRONT_DOOR].model.loss = 0.0


def _refuse_to_jump(house: House) -> None:
    house.locks[FRONT_DOOR].buttonless_status = 6


def _claim(version: str | None) -> Callable[[House], None]:
    def do(house: House) -> None:
        house.locks[FRONT_DOOR].comes_back_as = version

    return do


def _keep_old(keep: bool) -> Callable[[House], None]:
    def do(house: House) -> None:
        house.locks[FRONT_DOOR].keeps_old_application = keep

    return do


# With EXECUTE: of the init packet, of the first and of the last object.
FIRST, SECOND, LAST = 1, 2, 3

BAD_LOCKS = {
    "not-in-range": BadLock(
        key="transport_connection_failed", do=_take_away, repair=_bring_back
    ),
    "no-connection-slot": BadLock(
        key="transport_no_connection_slot", do=_occupy, repair=_free
    ),
    "refuses-its-bootloader": BadLock(
        key="transport_buttonless_refused", do=_refuse_to_jump
    ),
    "dies-when-it-jumps": BadLock(
        key="transport_bootloader_not_found",
        event=NEEDS_HAND,
        do=_cut_power(Step.JUMP),
        repair=_restore_power,
        runs=None,
    ),
    "dies-after-the-init-packet": BadLock(
        key="transport_bootloader_not_found",
        event=NEEDS_HAND,
        do=_cut_power(Step.INIT_PACKET),
        repair=_restore_power,
        runs=None,
    ),
    "dies-in-the-first-byte": BadLock(
        key="transport_bootloader_not_found",
        event=NEEDS_HAND,
        do=_cut_power(0),
        repair=_restore_power,
        runs=None,
    ),
    "dies-between-two-objects": BadLock(
        key="transport_bootloader_not_found",
        event=NEEDS_HAND,
        do=_cut_power(MAX_DATA_OBJECT),
        repair=_restore_power,
        runs=None,
    ),
    "garbles-everything": BadLock(
        key="transport_garbled_answer",
        do=_order(Traffic.NOTIFICATION, Fault.GARBLE, times=10_000),
        repair=_replace_link,
    ),
    "loses-everything": BadLock(
        key="transport_lossy_link", do=_lose_everything, repair=_lose_nothing
    ),
    "never-answers": BadLock(
        key="transport_no_answer",
        do=_order(Traffic.NOTIFICATION, Fault.LOSE, match=b"\x60\x06", times=10_000),
        repair=_replace_link,
    ),
    "rejects-version": BadLock(
        key="transport_rejected_version", do=_answer(Opcode.EXECUTE, b"\x0b\x05")
    ),
    "rejects-hardware": BadLock(
        key="transport_rejected_hardware", do=_answer(Opcode.EXECUTE, b"\x0b\x06")
    ),
    "rejects-softdevice": BadLock(
        key="transport_rejected_softdevice", do=_answer(Opcode.EXECUTE, b"\x0b\x07")
    ),
    "rejects-signature": BadLock(
        key="transport_rejected_signature", do=_answer(Opcode.EXECUTE, b"\x05")
    ),
    "rejects-space": BadLock(
        key="transport_rejected_space", do=_answer(Opcode.CREATE, b"\x04")
    ),
    "rejects-hash": BadLock(
        key="transport_rejected_hash",
        # All is sent once more, with time for the flash, before it counts.
        do=_all(
            _answer(Opcode.EXECUTE, b"\x0b\x0c", nth=2 * LAST),
            _answer(Opcode.EXECUTE, b"\x0b\x0c", nth=LAST),
        ),
    ),
    "rejects-an-object": BadLock(
        key="transport_rejected", do=_answer(Opcode.EXECUTE, b"\x0a", nth=SECOND)
    ),
    "comes-back-with-another-version": BadLock(
        key="transport_other_version",
        do=_claim("1.0.5"),
        repair=_claim(None),
        runs="1.0.5",
        cure="1.2.0",
    ),
    "comes-back-with-the-old-version": BadLock(
        key="transport_other_version", do=_keep_old(True), repair=_keep_old(False)
    ),
}


@pytest.mark.parametrize("bad", BAD_LOCKS.values(), ids=BAD_LOCKS.keys())
async def test_a_lock_that_fails(two_doors: House, bad: BadLock) -> None:
    """It keeps one of the two firmwares, and the same button goes on from there."""
    lock = two_doors.locks[FRONT_DOOR]
    await two_doors.release("1.1.0")
    bad.do(two_doors)

    await ends_badly(two_doors, bad.key, event=bad.event, runs=bad.runs or "1.0.0")

    assert (lock.mode is Mode.OFF) == (bad.runs is None)
    if bad.runs is not None:
        assert lock.mode is Mode.APPLICATION
        assert lock.version == bad.runs
    bad.repair(two_doors)
    await two_doors.release(bad.cure)
    await ends_well(two_doors, bad.cure)


@pytest.mark.parametrize("step", [Step.NOTED, Step.ACTIVATED])
async def test_a_lock_that_comes_back_late(two_doors: House, step: Step) -> None:
    """Somebody takes out its batteries for a moment; then all is well by itself."""
    lock = two_doors.locks[FRONT_DOOR]
    await two_doors.release("1.1.0")
    lock.cut_power_at(step)
    said = await ends_badly(two_doors, "transport_did_not_come_back", event=NEEDS_HAND)
    assert "Use a key" in said
    assert lock.mode is Mode.OFF

    lock.restore_power()
    await until(lambda: two_doors.state().attributes["installed_version"] == "1.1.0")

    assert lock.version == "1.1.0"
    assert two_doors.state().state == "off"
    assert two_doors.state(PROBLEM).state == "off"
    floor = two_doors.runtime.store.trust.locks[FRONT_DOOR]
    assert floor.version.text == "1.1.0"
    await two_doors.settle()
    # It was us, and not somebody else.
    assert two_doors.state(EVENT).attributes["event_type"] == "update_installed"
    (outcome,) = two_doors.managed().record.history
    assert (outcome.kind, outcome.origin) == ("succeeded", "automation")


async def test_a_lock_that_stays_in_its_bootloader(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its old firmware is gone, so the door stays shut until the rest was sent."""
    # What helps it by itself has tests of its own.
    monkeypatch.setattr(Recovering, "_begin", lambda *_: None)
    lock = two_doors.locks[FRONT_DOOR]
    events = two_doors.record(EVENT)
    await two_doors.release("1.1.0")

    def lose_application() -> None:
        if lock.mode is Mode.BOOTLOADER:
            lock.flash.application[:] = bytes(len(lock.flash.application))

    stop = lock.on_change(lose_application)
    _answer(Opcode.EXECUTE, b"\x0a", nth=SECOND)(two_doors)
    said = await ends_badly(two_doors, "transport_rejected", event=NEEDS_HAND)
    message = two_doors.state(EVENT).attributes["message"]
    assert message.removeprefix(f"{said}. ").startswith(
        "Front door waits in its bootloader"
    )
    await until(lambda: lock.mode is Mode.BOOTLOADER)
    assert two_doors.managed().in_bootloader

    # What has nothing to do with the lock changes nothing about that.
    two_doors.vendor.expire("timestamp")
    await ends_badly(two_doors, "feed_expired", event=NEEDS_HAND)
    assert two_doors.managed().in_bootloader
    two_doors.vendor.renew()
    stop()

    await ends_well(two_doors)
    assert "bootloader_found" not in {
        state.attributes["event_type"] for state in events
    }


async def test_the_preflight_lists_all_that_speaks_against_it(
    two_doors: House,
) -> None:
    """In words, each with its remedy; the lock is not even sent to its bootloader."""
    hass, lock = two_doors.hass, two_doors.locks[FRONT_DOOR]
    hass.states.async_set("lock.front", LockState.JAMMED)
    hass.config_entries.async_update_subentry(
        two_doors.entry,
        two_doors.subentry("Front door"),
        data={**two_doors.subentry("Front door").data, "lock_entity": "lock.front"},
    )
    await two_doors.settle()
    lock.set_battery(20)
    await two_doors.release("1.1.0")

    said = await ends_badly(two_doors, "preflight_blocked", event=HELD)

    assert said == (
        "Front door was not updated. Nothing was changed. "
        "The battery is at 20 %, the update needs 40 %. Change the batteries, then try "
        "again. The bolt is jammed. Free it first, and see that the lock locks and "
        "unlocks."
    )
    assert lock.bootloader.counters.requests == 0
    hass.states.async_set("lock.front", LockState.LOCKED)
    lock.set_battery(95)
    await ends_well(two_doors)


async def test_a_linked_battery_counts_instead_of_what_the_lock_says(
    two_doors: House,
) -> None:
    """The lock says 90 %, but whoever knows better says 12."""
    hass = two_doors.hass
    hass.states.async_set("sensor.front", "12")
    hass.config_entries.async_update_subentry(
        two_doors.entry,
        two_doors.subentry("Front door"),
        data={
            **two_doors.subentry("Front door").data,
            "battery_entity": "sensor.front",
        },
    )
    await two_doors.settle()
    await two_doors.release("1.1.0")
    assert "at 12 %" in await ends_badly(two_doors, "preflight_blocked", event=HELD)
    for unknown in ("unavailable", "much"):
        hass.states.async_set("sensor.front", unknown)
        assert "battery level is not known" in await ends_badly(
            two_doors, "preflight_blocked", event=HELD
        )
    hass.states.async_set("sensor.front", "88.4")
    await ends_well(two_doors)


@pytest.mark.parametrize(
    ("buttonless", "key"),
    [
        (Buttonless.NONE, "transport_not_updatable"),
        (Buttonless.EXPERIMENTAL, "transport_insecure_buttonless"),
        (Buttonless.BONDED, "transport_pairing_refused"),
    ],
)
async def test_a_lock_without_a_safe_way_into_its_bootloader(
    empty_house: House, buttonless: Buttonless, key: str
) -> None:
    """It keeps what it runs."""
    await empty_house.add_feed()
    await empty_house.add_lock(BACK_DOOR, "Back door")
    lock = await empty_house.put_up_lock(FRONT_DOOR, buttonless=buttonless)
    lock.refuses_pairing = True
    await add_lock(
        empty_house.hass, empty_house.entry, address=FRONT_DOOR, name="Front door"
    )
    await empty_house.release("1.1.0")

    await ends_badly(empty_house, key)

    assert lock.mode is Mode.APPLICATION
    assert lock.version == "1.0.0"
    if buttonless is Buttonless.BONDED:
        lock.refuses_pairing = False
        await ends_well(empty_house)


async def test_a_transfer_that_takes_too_long(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up, and the lock goes back to its old firmware."""
    lock = two_doors.locks[FRONT_DOOR]
    monkeypatch.setattr(sending, "SETTLING_TIME", 0.3)
    monkeypatch.setattr(sending, "SLOWEST_RATE", 1_000_000)
    lock.bootloader.delays = {Opcode.CREATE: 0.35}
    await two_doors.release("1.1.0")

    await ends_badly(two_doors, "transport_too_slow")

    assert lock.version == "1.0.0"
    monkeypatch.setattr(sending, "SETTLING_TIME", 30)
    lock.bootloader.delays = {}
    await ends_well(two_doors)


async def test_a_mistake_of_our_own(
    two_doors: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Even that is told in words, logged, and leaves no lock where it happened."""
    with monkeypatch.context() as patch:
        patch.setattr(
            "custom_components.nightlatch.core.transports.nordic_dfu.Sender.run",
            AsyncMock(side_effect=ZeroDivisionError),
        )
        await two_doors.release("1.1.0")
        said = await ends_badly(two_doors, "installation_unexpected")
    assert "ZeroDivisionError" in said
    assert "ZeroDivisionError" in caplog.text
    caplog.clear()
    await ends_well(two_doors)


async def test_the_lock_next_door_has_the_next_address(two_doors: House) -> None:
    """Its application must not be taken for this lock's bootloader."""
    neighbour = "C0:11:22:33:44:56"
    await two_doors.put_up_lock(neighbour)
    lock = two_doors.locks[FRONT_DOOR]
    await two_doors.release("1.1.0")
    lock.cut_power_at(Step.JUMP)

    await ends_badly(two_doors, "transport_bootloader_not_found", event=NEEDS_HAND)

    assert not two_doors.managed().in_bootloader
    assert two_doors.locks[neighbour].version == "1.0.0"
