"""Locks that are left in their bootloader, and what brings them out of it."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.installation import recovery
from custom_components.nightlatch.core.installation.recovery import what_left_it
from custom_components.nightlatch.core.installation.states import State
from custom_components.nightlatch.install.recovery import Recovering
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.rig import bootloader
from tests.rig.bootloader import MAX_DATA_OBJECT, Opcode
from tests.rig.faults import Fault, Traffic
from tests.rig.lock import Mode

from .flows import until
from .house import BACK_DOOR, EVENT, FRONT_DOOR, OUTCOME, PROBLEM, UPDATE, House
from .night import Night
from .test_actions import act
from .test_issues import text_of_issue
from .test_watch import send_to_bootloader

SECOND = 2
"""With EXECUTE: of the first object of the image."""
PAUSE = 0.05
"""Seconds between two tries, where a test does not want to wait."""


@pytest.fixture
async def one_bank(empty_house: House) -> House:
    """Hang a lock into the front door that has room for one application only.

    Whatever ends a transfer leaves it in its bootloader.
    """
    house = empty_house
    await house.add_feed()
    await house.put_up_lock(FRONT_DOOR, single_bank=True)
    await house.add_lock_already_up(FRONT_DOOR, "Front door")
    return house


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a fruitless try be followed by the next as soon as anybody looks."""
    monkeypatch.setattr(recovery, "_PAUSES", (timedelta(seconds=PAUSE),))


def lose_answers(house: House) -> None:
    """Let the bootloader's answers to CREATE get lost, until ``hear_answers``."""
    house.links[FRONT_DOOR].order(
        Traffic.NOTIFICATION, Fault.LOSE, match=b"\x60\x01", times=10_000
    )


def hear_answers(house: House) -> None:
    """Let nothing get lost any more."""
    house.links[FRONT_DOOR]._orders._orders.clear()


async def install_in_vain(house: House) -> str:
    """Press *Install*, and return what was said."""
    with pytest.raises(HomeAssistantError) as caught:
        await house.install()
    return str(caught.value)


async def strand(house: House, version: str = "1.1.0") -> None:
    """Take the power away in the middle of a transfer; the old firmware is gone."""
    await house.release(version)
    house.locks[FRONT_DOOR].cut_power_at(MAX_DATA_OBJECT)
    await install_in_vain(house)
    await house.settle()
    assert house.locks[FRONT_DOOR].mode is Mode.OFF
    assert house.state(OUTCOME).state == "needs_hand"


async def until_next_try(house: House) -> None:
    """Wait until the pause between two tries is over."""
    due = house.runtime.recovering.next_try(house.managed())
    assert due is not None
    await until(lambda: dt_util.utcnow() >= due)


def transfers(house: House) -> bool:
    """Return whether firmware is being sent to the front door's lock."""
    progress = house.managed().progress
    return progress is not None and progress.state is State.TRANSFERRING


def issue_keys(house: House) -> list[str | None]:
    """Return what Home Assistant shows under Repairs."""
    return [
        issue.translation_key
        for issue in ir.async_get(house.hass).issues.values()
        if issue.domain == DOMAIN and issue.active
    ]


async def test_a_lock_that_a_transfer_has_left_goes_on_where_it_was(
    one_bank: House,
) -> None:
    """As soon as it is heard, though it is day and its battery is low."""
    house, night = one_bank, Night(one_bank, quiet_hours={"weekdays": []})
    lock = house.locks[FRONT_DOOR]
    await strand(house)
    assert night.types()[-1] == "manual_step_needed"
    received = lock.bootloader.counters.data_objects

    lock.set_battery(3)
    lock.restore_power()
    await until(lambda: lock.version == "1.1.0")
    await house.settle()

    assert received
    assert house.state().attributes["installed_version"] == "1.1.0"
    assert house.state(OUTCOME).state == "succeeded"
    assert house.state(PROBLEM).state == "off"
    assert issue_keys(house) == []
    # Nobody else sent it there.
    assert "bootloader_found" not in night.types()
    assert night.types()[-1] == "update_installed"
    assert night.messages[-1] == (
        "Front door is out of its bootloader: it runs 1.1.0 and works."
    )
    assert night.told[-1].data["data"]["push"]["interruption-level"] == "time-sensitive"
    failed, recovered = house.managed().record.history
    assert (failed.purpose, recovered.purpose) == ("update", "recovery")
    assert recovered.origin == "schedule"
    floor = house.runtime.store.trust.locks[FRONT_DOOR]
    assert floor.version.text == "1.1.0"


async def test_a_lock_that_refuses_the_release_gets_back_what_it_ran(
    one_bank: House,
) -> None:
    """At once, out of the vault; what failed is not tried again by itself."""
    house, night = one_bank, Night(one_bank)
    night.automate()
    lock = house.locks[FRONT_DOOR]
    await house.release("1.1.0")
    lock.bootloader.answer_once(Opcode.EXECUTE, b"\x0a", nth=SECOND)
    await night.look()
    await house.settle()

    assert lock.mode is Mode.APPLICATION
    assert lock.version == "1.0.0"
    assert night.types()[-3:] == [
        "manual_step_needed",
        "update_started",
        "update_rolled_back",
    ]
    said = (
        "Front door waited in its bootloader, and was brought out of it with what it "
        "ran before. It runs 1.0.0 again, and works."
    )
    assert night.messages[-1] == said
    assert house.state(EVENT).attributes["message"] == said
    assert house.state(OUTCOME).state == "rolled_back"
    assert house.state(OUTCOME).attributes["message"] == said
    # Until a newer release is there the failed one is a problem, and waits.
    assert house.state(PROBLEM).state == "on"
    assert issue_keys(house) == []
    assert house.state().state == "on"
    await night.look()
    assert len(house.managed().record.history) == 2
    await house.release("1.2.0")
    assert house.state(PROBLEM).state == "off"


async def test_what_is_refused_once_it_is_helped_is_not_sent_again(
    one_bank: House,
) -> None:
    """The other firmware is tried at once, and not after a pause."""
    house, night = one_bank, Night(one_bank)
    lock = house.locks[FRONT_DOOR]
    await strand(house)
    lock.bootloader.answer_once(Opcode.EXECUTE, b"\x0b\x0c", nth=SECOND)
    lock.restore_power()
    await until(lambda: lock.version == "1.0.0")
    await house.settle()
    assert [
        (each.kind, each.to_version) for each in house.managed().record.history
    ] == [
        ("needs_hand", "1.1.0"),
        ("needs_hand", "1.1.0"),
        ("rolled_back", "1.0.0"),
    ]
    assert night.types()[-1] == "update_rolled_back"


async def test_what_its_vendor_has_taken_back_is_not_sent_on(one_bank: House) -> None:
    """What the lock ran before comes first then, though that means to begin anew."""
    house = one_bank
    lock = house.locks[FRONT_DOOR]
    await strand(house)
    house.vendor.withdraw("kl-1/1.1.0.zip")
    await house.check()
    lock.restore_power()
    await until(lambda: lock.mode is Mode.APPLICATION)
    await house.settle()
    assert lock.version == "1.0.0"
    assert house.state(OUTCOME).state == "rolled_back"


async def test_it_is_helped_after_a_restart(one_bank: House) -> None:
    """Nobody has to remember it but the record."""
    house = one_bank
    await strand(house)
    await house.reload()
    house.locks[FRONT_DOOR].restore_power()
    await until(lambda: house.locks[FRONT_DOOR].version == "1.1.0")
    await house.settle()
    assert house.state(OUTCOME).state == "succeeded"


@pytest.mark.parametrize("trouble", ["battery out", "update asked for"])
async def test_a_try_that_does_not_reach_the_lock_does_not_give_it_up(
    one_bank: House, no_pauses: None, trouble: str
) -> None:
    """It is as stranded as before, and is helped once it can be."""
    house, night = one_bank, Night(one_bank)
    lock = house.locks[FRONT_DOOR]
    await strand(house)
    left = house.managed().record
    if trouble == "battery out":
        # It was heard once more in its bootloader, and is silent again.
        house.managed().async_found_in_bootloader()
        await night.look()
    else:
        await house.reload()
        # It has not been heard since the restart: this is an update like any other.
        await install_in_vain(house)
    await house.settle()
    record = house.managed().record
    assert len(record.history) > len(left.history)
    assert not record.history[-1].touched
    assert record.read_at == left.read_at
    assert record.batteries == left.batteries
    assert what_left_it(house.managed().record) is not None

    lock.restore_power()
    if trouble == "battery out":
        await until_next_try(house)
        await night.look()
    await until(lambda: lock.version == "1.1.0")
    await house.settle()
    assert house.state(OUTCOME).state == "succeeded"


async def test_a_recovery_that_is_cut_off_by_a_restart_goes_on(one_bank: House) -> None:
    """And is not begun a second time beside itself."""
    house = one_bank
    lock = house.locks[FRONT_DOOR]
    await strand(house)
    lock.bootloader.delays = dict.fromkeys(Opcode, 0.2)
    lock.restore_power()
    await until(lambda: transfers(house))
    await house.reload()
    lock.bootloader.delays = {}
    await until(lambda: lock.version == "1.1.0")
    await house.settle()
    assert [each.kind for each in house.managed().record.history] == [
        "needs_hand",
        "succeeded",
    ]


async def test_what_is_in_vain_is_tried_again_and_told_once(
    one_bank: House, no_pauses: None
) -> None:
    """The issue says how often, and what a person can do."""
    house, night = one_bank, Night(one_bank)
    lock = house.locks[FRONT_DOOR]
    await strand(house)
    lose_answers(house)
    lock.restore_power()
    await until(lambda: house.managed().record.history[-1].purpose == "recovery")
    await house.settle()
    told, events = len(night.messages), len(night.types())
    assert night.types()[-1] == "manual_step_needed"
    await until_next_try(house)
    await night.look()
    outcome = house.managed().record.history[-1]
    assert len(house.managed().record.history) == 2
    assert outcome.tries >= 2
    assert len(night.messages) == told
    # Each try begins a transfer, which is told; that it fails again is not.
    assert set(night.types()[events:]) <= {"update_started"}

    assert issue_keys(house) == ["stranded"]
    text = await text_of_issue(house, "stranded")
    assert text.startswith("Front door was left in its bootloader\n")
    assert f"{outcome.tries} times in vain so far, next at" in text
    assert "version 1.1.0" in text
    assert "Use a key or a keypad" in text

    hear_answers(house)
    await until_next_try(house)
    await night.look()
    assert lock.version == "1.1.0"
    assert issue_keys(house) == []


async def test_it_waits_between_two_tries(one_bank: House) -> None:
    """Each costs some of the battery; a person may say that it is time."""
    house, night = one_bank, Night(one_bank)
    lock = house.locks[FRONT_DOOR]
    await strand(house)
    lose_answers(house)
    lock.restore_power()
    await until(lambda: house.managed().record.history[-1].purpose == "recovery")
    await house.settle()
    hear_answers(house)
    await night.look()
    assert lock.mode is Mode.BOOTLOADER
    due = house.runtime.recovering.next_try(house.managed())
    assert due is not None
    assert due > dt_util.utcnow() + timedelta(minutes=4)

    assert (await confirm(house, "stranded"))["type"] is FlowResultType.CREATE_ENTRY
    await house.settle()
    assert lock.version == "1.1.0"
    assert house.managed().record.history[-1].origin == "person"


async def confirm(house: House, key: str) -> dict[str, Any]:
    """Press *Submit* in the dialog of an issue; return what it shows then."""
    assert await async_setup_component(house.hass, "repairs", {})
    flows = house.hass.data["repairs"]["flow_manager"]
    (issue_id,) = (
        issue.issue_id
        for issue in ir.async_get(house.hass).issues.values()
        if issue.translation_key == key
    )
    shown = await flows.async_init(DOMAIN, context={"issue_id": issue_id})
    assert shown["step_id"] == "confirm"
    placeholders = shown["description_placeholders"]
    assert placeholders["lock"] == "Front door"
    result: dict[str, Any] = await flows.async_configure(shown["flow_id"], {})
    return result


async def test_a_lock_that_somebody_else_has_sent_there_is_not_touched(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a person says so; then it gets what it ran."""
    monkeypatch.setattr(bootloader, "INACTIVITY_TIMEOUT", 30.0)
    night = Night(house)
    lock = house.locks[FRONT_DOOR]
    send_to_bootloader(lock)
    await until(lambda: house.managed().in_bootloader)
    await night.look()
    assert lock.bootloader.counters.requests == 0
    assert night.types() == ["bootloader_found"]
    text = await text_of_issue(house, "in_bootloader")
    assert "Nightlatch did not send it" in text
    assert "brings it out with version 1.0.0" in text
    assert "before you let Nightlatch bring it out" in text

    assert (await confirm(house, "in_bootloader"))["type"] == "create_entry"
    await house.settle()
    assert lock.mode is Mode.APPLICATION
    assert lock.bootloader.counters.requests
    assert house.state(OUTCOME).state == "rolled_back"
    assert house.state(PROBLEM).state == "off"
    assert issue_keys(house) == []
    assert house.managed().record.history[-1].origin == "person"


async def test_what_has_left_its_bootloader_needs_no_help(house: House) -> None:
    """The dialog was open meanwhile."""
    lock = house.locks[FRONT_DOOR]
    send_to_bootloader(lock)
    await until(lambda: house.managed().in_bootloader)
    assert await async_setup_component(house.hass, "repairs", {})
    flows = house.hass.data["repairs"]["flow_manager"]
    issue_id = f"in_bootloader_{house.managed().subentry_id}"
    shown = await flows.async_init(DOMAIN, context={"issue_id": issue_id})
    await until(lambda: not house.managed().in_bootloader)
    result = await flows.async_configure(shown["flow_id"], {})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "nothing_to_recover"
    await house.settle()


async def test_a_lock_that_is_removed_needs_no_help(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows it any more."""
    monkeypatch.setattr(bootloader, "INACTIVITY_TIMEOUT", 1.5)
    lock = house.locks[FRONT_DOOR]
    send_to_bootloader(lock)
    await until(lambda: house.managed().in_bootloader)
    assert await async_setup_component(house.hass, "repairs", {})
    flows = house.hass.data["repairs"]["flow_manager"]
    issue_id = f"in_bootloader_{house.managed().subentry_id}"
    shown = await flows.async_init(DOMAIN, context={"issue_id": issue_id})
    await house.remove("Front door")
    result = await flows.async_configure(shown["flow_id"], {})
    assert result["reason"] == "nothing_to_recover"
    await until(lambda: lock.mode is Mode.APPLICATION)


async def test_nothing_is_sent_before_everything_is_there(one_bank: House) -> None:
    """What was under way when Home Assistant stopped comes first."""
    house = one_bank
    lock = house.locks[FRONT_DOOR]
    await strand(house)
    lose_answers(house)
    lock.restore_power()
    await until(lambda: house.managed().record.history[-1].purpose == "recovery")
    await house.settle()
    hear_answers(house)
    runtime = house.runtime
    early = Recovering(
        house.hass,
        house.entry,
        locks=runtime.locks,
        faults=runtime.faults,
        installations=runtime.installations,
        remedies=runtime.remedies,
    )
    early.async_look()
    assert house.managed().progress is None
    stop = early.async_start()
    assert house.managed().progress is not None
    await house.settle()
    assert lock.version == "1.1.0"
    stop()


async def test_without_firmware_there_is_only_what_a_person_can_do(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the vendor says, and as is usual."""
    monkeypatch.setattr(bootloader, "INACTIVITY_TIMEOUT", 30.0)
    house.vendor.descriptor["models"][0]["recovery"] = "Hold the **button** for 10 s."
    house.vendor.withdraw("kl-1/1.0.0.zip")
    await house.check()
    lock = house.locks[FRONT_DOOR]
    send_to_bootloader(lock)
    await until(lambda: house.managed().in_bootloader)
    assert issue_keys(house) == ["in_bootloader_by_hand"]
    text = await text_of_issue(house, "in_bootloader_by_hand")
    assert "> Its vendor says:\n>\n> Hold the button for 10 s." in text
    assert "Take out its batteries for a minute" in text
    assert "Download diagnostics" in text
    assert not house.runtime.recovering.async_help_now(house.managed())
    lock.cut_power()
    lock.restore_power()
    await until(lambda: not house.managed().in_bootloader)
    await house.settle()
    assert issue_keys(house) == []


async def test_what_is_not_kept_comes_from_the_feed(
    one_bank: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as that still has it; and as soon as it has it again."""
    house = one_bank
    lock = house.locks[FRONT_DOOR]
    await strand(house)
    vault = house.runtime.vault
    for method in ("release", "running"):
        monkeypatch.setattr(vault, method, lambda _: None)
    for path in ("kl-1/1.1.0.zip", "kl-1/1.0.0.zip"):
        house.vendor.withdraw(path)
    await house.check()
    lock.restore_power()
    await until(lambda: house.managed().in_bootloader)
    await house.settle()
    assert issue_keys(house) == ["needs_hand"]
    text = await text_of_issue(house, "needs_hand")
    assert "Use a key or a keypad" in text
    assert lock.mode is Mode.BOOTLOADER

    await house.release("1.0.0")
    await until(lambda: lock.mode is Mode.APPLICATION)
    await house.settle()
    assert lock.version == "1.0.0"
    assert house.state(OUTCOME).state == "rolled_back"


async def test_a_halt_leaves_no_lock_in_its_bootloader(
    one_bank: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one that was heard of only when the firmware was fetched once more."""
    house = one_bank
    lock = house.locks[FRONT_DOOR]
    await strand(house)
    for method in ("release", "running"):
        monkeypatch.setattr(house.runtime.vault, method, lambda _: None)
    house.vendor.amend("kl-1/1.1.0.zip", schema=2, halted={})
    lock.restore_power()
    await until(lambda: lock.mode is Mode.APPLICATION)
    await house.settle()
    assert lock.version == "1.1.0"
    assert house.runtime.recovering.next_try(house.managed()) is None


async def test_another_door_does_not_go_first(two_doors: House) -> None:
    """A door that does not open comes before one that only could be newer."""
    house = two_doors
    lock = house.locks[FRONT_DOOR]
    lock.bootloader.single_bank = True
    await strand(house)
    async with house.runtime.queue.short_use():
        press = house.hass.async_create_task(house.install("update.back_door_firmware"))
        await until(lambda: len(house.runtime.queue.waiting) == 1)
        lock.restore_power()
        await until(lambda: len(house.runtime.queue.waiting) == 2)
        assert house.runtime.queue.waiting[0].urgent
    await press
    await house.settle()
    assert lock.version == "1.1.0"
    assert house.locks[BACK_DOOR].version == "1.1.0"


async def test_a_person_may_cancel_and_try(one_bank: House) -> None:
    """What runs by itself can be stopped as everything else."""
    house = one_bank
    lock = house.locks[FRONT_DOOR]
    await strand(house)
    lock.bootloader.delays = dict.fromkeys(Opcode, 0.2)
    lock.restore_power()
    await until(lambda: transfers(house))
    assert house.state(UPDATE).attributes["in_progress"]
    await act(house, "cancel")
    lock.bootloader.delays = {}
    assert house.state(OUTCOME).state == "needs_hand"
    # Hearing nothing, it restarts now and then.
    await until(lambda: lock.mode is Mode.BOOTLOADER)
    assert issue_keys(house) == ["stranded"]
    await confirm(house, "stranded")
    await house.settle()
    assert lock.version == "1.1.0"
