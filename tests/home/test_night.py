"""A night in a house: told in the evening, installed at night, told in the morning."""

import asyncio
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.locks.lock import ManagedLock
from custom_components.nightlatch.notifications.notices import Notices
from homeassistant.components.lock import LockState
from homeassistant.core import ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from tests.rig.bootloader import Opcode
from tests.rig.idle_time import fire_time_changed
from tests.rig.lock import Mode

from .asked import cancel, install, plan_of, read
from .flows import until
from .house import BACK_DOOR, BACK_UPDATE, FRONT_DOOR, OUTCOME, PROBLEM, House
from .night import PHONE, Night
from .test_costs import count_writes


@pytest.fixture
def morning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the digest come at any time of the day."""
    monkeypatch.setattr(
        "custom_components.nightlatch.notifications.notices.DIGEST_FROM", time.min
    )
    monkeypatch.setattr(
        "custom_components.nightlatch.notifications.notices.DIGEST_UNTIL",
        time.max,
    )


async def test_a_whole_night(house: House, morning: None) -> None:
    """Announced, installed, proven; and told in the morning, not before."""
    night = Night(house)
    night.automate()
    await house.release("1.1.0")
    assert night.messages == []

    await night.look()

    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert house.state().state == "off"
    assert night.types() == [
        "update_available",
        "update_announced",
        "update_started",
        "update_installed",
    ]
    (announced,) = night.messages
    assert "Front door will be updated to 1.1.0 at" in announced
    buttons = [each["title"] for each in night.told[0].data["data"]["actions"]]
    assert buttons == ["Postpone to tomorrow", "Skip this version"]
    (outcome,) = house.managed().record.history
    assert outcome.origin == "schedule"

    # The night is still on.
    await night.look()
    assert len(night.messages) == 1
    night.set_options(quiet_hours={"weekdays": [], "start": "01:00", "end": "02:00"})
    await night.look()
    (digest,) = night.messages[1:]
    assert digest.splitlines() == [
        "Front door runs 1.1.0 and works.",
        f"Audit log: {await house.runtime.audit.async_checkpoint()}",
    ]
    await night.look()
    assert len(night.messages) == 2


async def test_nothing_runs_by_itself_that_nobody_agreed_to(house: House) -> None:
    """Who is asked gets a notice with buttons, once."""
    night = Night(house)
    await house.release("1.1.0")
    await night.look()
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    (asked,) = night.messages
    assert asked == (
        "Front door: version 1.1.0 is available. Update and Skip are in the dialog of "
        "its update entity too."
    )
    assert [each["title"] for each in night.told[0].data["data"]["actions"]] == [
        "Install now",
        "Install tonight",
        "Skip this version",
    ]
    assert plan_of(house.managed()).waiting is Waiting.PERSON


async def test_what_was_not_announced_waits_for_the_next_notice(house: House) -> None:
    """A release that comes after the notice does not run in the same night."""
    night = Night(house)
    night.automate()
    await night.look()
    await house.release("1.1.0")
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    assert plan_of(house.managed()).waiting is Waiting.NOTICE
    assert night.messages == []


async def test_a_door_that_is_shut_late_still_gets_its_update(house: House) -> None:
    """What holds it is told once; it is not even connected to meanwhile."""
    night = Night(house)
    house.hass.states.async_set("binary_sensor.front", "on")
    night.automate(door_entity="binary_sensor.front")
    await house.release("1.1.0")
    connects = house.links[FRONT_DOOR].counters.connects
    await night.look()
    await night.look()
    assert house.links[FRONT_DOOR].counters.connects == connects
    assert night.types().count("update_held") == 1
    assert [check.reason for check in house.managed().held] == ["preflight_door_open"]
    assert house.state(PROBLEM).state == "off"
    assert "Before that: The door is open. Shut it." in night.messages[0]

    house.hass.states.async_set("binary_sensor.front", "off")
    await night.look()
    assert house.managed().held[0].reason == "preflight_door_just_moved"
    house.hass.states.async_set(
        "binary_sensor.front",
        "off",
        force_update=True,
        timestamp=(dt_util.utcnow() - timedelta(minutes=3)).timestamp(),
    )
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert house.managed().held == ()
    assert night.types().count("update_held") == 1


async def test_what_is_over_in_a_while_is_told_to_nobody(house: House) -> None:
    """Neither in the evening nor at night: nobody has to do anything about it."""
    night = Night(house, everything=True)
    house.hass.states.async_set("binary_sensor.front", "on")
    house.hass.states.async_set("binary_sensor.front", "off")
    night.automate(door_entity="binary_sensor.front")
    await house.release("1.1.0")
    await night.look()
    # It does not start all the same.
    assert [check.reason for check in house.managed().held] == [
        "preflight_door_just_moved"
    ]
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    assert "update_held" not in night.types()
    (evening,) = night.messages
    assert "Before that" not in evening


async def test_in_the_morning_nothing_is_said_to_wait_that_was_done(
    house: House, morning: None
) -> None:
    """What held it at midnight is no news any more; also after a restart."""
    night = Night(house)
    house.hass.states.async_set("binary_sensor.front", "on")
    night.automate(door_entity="binary_sensor.front")
    await house.release("1.1.0")
    await night.look()
    waits = "Front door waits with its update to 1.1.0. The door is open. Shut it."
    lock_id = house.managed().subentry_id
    assert house.runtime.store.digest_held == {lock_id: waits}
    await house.reload()
    assert house.runtime.store.digest_held == {lock_id: waits}
    house.hass.states.async_set(
        "binary_sensor.front",
        "off",
        timestamp=(dt_util.utcnow() - timedelta(minutes=3)).timestamp(),
    )
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    night.set_options(quiet_hours={"weekdays": [], "start": "01:00", "end": "02:00"})
    await night.look()
    (digest,) = night.messages[1:]
    assert digest.splitlines()[:-1] == ["Front door runs 1.1.0 and works."]


async def test_in_the_morning_what_still_waits_is_told_with_why(
    house: House, morning: None
) -> None:
    """Once, and only if there is something that it still waits for."""
    night = Night(house)
    house.hass.states.async_set("binary_sensor.front", "on")
    night.automate(door_entity="binary_sensor.front")
    path = await house.release("1.1.0")
    await night.look()
    night.set_options(quiet_hours={"weekdays": [], "start": "01:00", "end": "02:00"})
    await night.look()
    assert night.messages[1:] == [
        "Front door waits with its update to 1.1.0. The door is open. Shut it."
    ]
    await night.look()
    assert len(night.messages) == 2
    lock_id = house.managed().subentry_id
    await house.runtime.store.async_set_digest((), {lock_id: night.messages[1]})
    house.vendor.withdraw(path)
    await house.check()
    await night.look()
    assert len(night.messages) == 2
    assert house.runtime.store.digest_held == {}


async def test_the_second_door_is_promised_after_the_first(two_doors: House) -> None:
    """By its own hour: it may be sooner than the first one is expected to take."""
    night = Night(two_doors)
    night.automate("Front door", importance="entry")
    night.automate("Back door", importance="inside")
    await two_doors.release("1.1.0")
    await night.look()
    back, front = night.messages[:2]
    assert back.startswith("Back door will be updated to 1.1.0 at ")
    assert "Front door will be updated to 1.1.0 from " in front
    assert "on, after Back door." in front
    announced = {
        each["name"]: each["starts_at"]
        for each in night.events
        if each["type"] == "update_announced"
    }
    hour = dt_util.as_local(
        dt_util.parse_datetime(announced["Front door"], raise_on_error=True)
    )
    assert f"from {hour:%H:%M} on" in front
    # Both have been done in the same minute.
    assert two_doors.locks[FRONT_DOOR].version == "1.1.0"


async def test_a_phone_that_does_not_answer_is_waited_for_once(
    two_doors: House, caplog: pytest.LogCaptureFixture
) -> None:
    """However many locks there are: each minute of that is one of the night."""
    night = Night(two_doors)
    night.automate("Front door", importance="entry")
    night.automate("Back door", importance="inside")
    await two_doors.release("1.1.0")
    asked, answers = list[str](), asyncio.Event()

    async def hang(call: ServiceCall) -> None:
        asked.append(call.data["message"])
        await answers.wait()

    two_doors.hass.services.async_register("notify", PHONE, hang)
    look = two_doors.hass.async_create_task(
        two_doors.runtime.scheduler.async_look(dt_util.utcnow())
    )
    await until(lambda: len(asked) == 2)
    assert [each.partition(" will")[0] for each in asked] == ["Back door", "Front door"]
    # The first one has not been given up yet.
    assert "could not be told" not in caplog.text
    answers.set()
    await look
    await two_doors.settle()
    assert two_doors.locks[BACK_DOOR].version == "1.1.0"
    assert two_doors.locks[FRONT_DOOR].version == "1.1.0"


async def test_what_people_could_not_be_told_of_is_not_installed(
    two_doors: House,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And what they were told of is."""
    night = Night(two_doors)
    night.automate("Front door", importance="entry")
    night.automate("Back door", importance="inside")
    await two_doors.release("1.1.0")
    whole = Notices._async_announce_one

    async def broken(self: Notices, lock: ManagedLock, *args: Any) -> None:
        if lock.name == "Back door":
            raise RuntimeError("no such text")
        await whole(self, lock, *args)

    monkeypatch.setattr(Notices, "_async_announce_one", broken)
    await night.look()
    (told,) = night.messages
    assert told.startswith("Front door will be updated to 1.1.0 ")
    assert "update_announced" not in night.types("Back door")
    assert "Back door: evening_notice failed" in caplog.text
    caplog.clear()
    assert two_doors.locks[BACK_DOOR].version == "1.0.0"
    assert two_doors.locks[FRONT_DOOR].version == "1.1.0"


async def test_what_is_so_of_all_locks_is_written_once(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That they were announced, and what a wrong clock had written of them."""
    night, locks = Night(two_doors), tuple(two_doors.runtime.locks.values())
    night.automate("Front door", importance="entry")
    night.automate("Back door", importance="inside")
    await two_doors.release("1.1.0")
    await two_doors.settle()
    writes = count_writes(monkeypatch)
    await night.look()
    announced = {
        frozenset(
            lock_id
            for lock_id, decided in data["decisions"].items()
            if decided["announced"]
        )
        for data in writes
    }
    assert frozenset(each.subentry_id for each in locks) in announced
    assert len(announced - {frozenset()}) == 1

    ahead = dt_util.utcnow() + timedelta(days=3000)
    for lock in locks:
        lock.record = replace(lock.record, running_since=ahead)
        await lock.async_keep()
    writes.clear()
    await night.look()
    wrong = [
        sum(
            record["running_since"] == ahead.isoformat()
            for record in data["locks"].values()
        )
        for data in writes
    ]
    assert wrong
    assert set(wrong) <= {0, len(locks)}


async def test_the_least_important_door_first_and_one_entry_door_a_night(
    two_doors: House,
) -> None:
    """Unless the owner allows more."""
    house = two_doors
    night = Night(house)
    night.automate("Front door", importance="entry")
    night.automate("Back door", importance="inside")
    await house.release("1.1.0")
    await night.look()
    started = [e["name"] for e in night.events if e["type"] == "update_started"]
    assert started == ["Back door", "Front door"]

    night.set_lock("Back door", importance="entry")
    await house.release("1.2.0")
    for lock in house.runtime.locks.values():
        assert lock.release is not None
        await lock.decided.async_note_announced(lock.release)
    assert plan_of(house.managed(BACK_DOOR)).waiting is Waiting.ENTRY_DOOR_TONIGHT
    await night.look()
    assert house.locks[BACK_DOOR].version == "1.1.0"
    with pytest.raises(HomeAssistantError, match="two entry doors"):
        await house.install(BACK_UPDATE)
    night.set_options(two_entry_doors=True)
    await night.look()
    assert house.locks[BACK_DOOR].version == "1.2.0"
    assert house.locks[FRONT_DOOR].version == "1.2.0"


async def test_after_a_failure_the_rest_of_the_night_waits(two_doors: House) -> None:
    """And what failed is told at once."""
    house = two_doors
    night = Night(house)
    night.automate("Front door", importance="entry")
    night.automate("Back door", importance="inside")
    house.locks[BACK_DOOR].buttonless_status = 6
    await house.release("1.1.0")
    await night.look()
    assert "update_failed" in night.types("Back door")
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    assert "update_started" not in night.types("Front door")
    assert plan_of(house.managed()).waiting is Waiting.FAILED_TONIGHT
    assert any("refused to start its bootloader" in text for text in night.messages)
    await night.look()
    assert len(house.managed(BACK_DOOR).record.history) == 1
    # A person has decided anew.
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_update_all_ends_with_the_first_failure(two_doors: House) -> None:
    """Whoever asked for several is told that the others wait."""
    house = two_doors
    night = Night(house)
    night.set_lock("Back door", importance="inside")
    house.locks[BACK_DOOR].buttonless_status = 6
    await house.release("1.1.0")
    with pytest.raises(HomeAssistantError):
        await house.install("update.front_door_firmware", "update.back_door_firmware")
    await house.settle()
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    assert night.types("Front door")[-1] == "update_held"
    assert "Back door has failed" in night.events[-1]["message"]


async def test_a_lock_that_was_asked_and_held_is_not_asked_every_minute(
    house: House,
) -> None:
    """A connection costs some of its battery."""
    night = Night(house)
    night.automate()
    house.locks[FRONT_DOOR].set_battery(20)
    await house.release("1.1.0")
    await night.look()
    assert night.types()[-1] == "update_held"
    connects = house.links[FRONT_DOOR].counters.connects
    await night.look()
    assert house.links[FRONT_DOOR].counters.connects == connects
    assert house.state(OUTCOME).state == "unknown"


@pytest.mark.parametrize("gate", ["off", "unavailable", None])
async def test_a_gate_must_be_open(house: House, gate: str | None) -> None:
    """What is not known to be on is off."""
    night = Night(house, gate_entity="input_boolean.nobody_up")
    night.automate()
    if gate is not None:
        house.hass.states.async_set("input_boolean.nobody_up", gate)
    await house.release("1.1.0")
    await night.look()
    assert plan_of(house.managed()).waiting is Waiting.GATE
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    house.hass.states.async_set("input_boolean.nobody_up", "on")
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_what_is_due_is_not_told_anew_each_minute(house: House) -> None:
    """However long something keeps it from starting; the recorder keeps each state."""
    night = Night(house, gate_entity="input_boolean.nobody_up")
    night.automate()
    house.hass.states.async_set("input_boolean.nobody_up", "off")
    await house.release("1.1.0")
    await night.look()
    shown = ("sensor.front_door_next_step", "sensor.front_door_next_installation")
    before = [house.state(each) for each in shown]
    assert before[0].state == "waits_for_condition"
    now = dt_util.utcnow()
    for minutes in range(1, 4):
        await house.runtime.scheduler.async_look(now + timedelta(minutes=minutes))
        await house.settle()
    assert [house.state(each).last_updated for each in shown] == [
        state.last_updated for state in before
    ]


async def test_the_time_that_a_person_has_chosen(house: House) -> None:
    """It comes without consent to anything else, and only once."""
    night = Night(house)
    await house.release("1.1.0")
    await house.managed().decided.async_schedule(dt_util.utcnow())
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert house.managed().decisions.scheduled_at is None
    (outcome,) = house.managed().record.history
    assert outcome.origin == "person"


async def test_what_cannot_run_at_the_chosen_time_is_tried_again_soon(
    house: House,
) -> None:
    """The wish stays until it is fulfilled."""
    night = Night(house)
    house.hass.states.async_set("lock.front", LockState.JAMMED)
    night.set_lock(lock_entity="lock.front")
    await house.release("1.1.0")
    await house.managed().decided.async_schedule(dt_util.utcnow())
    await night.look()
    assert night.types()[-1] == "update_held"
    assert house.managed().decisions.scheduled_at is not None


async def test_everything_is_told_where_that_is_wanted(house: House) -> None:
    """Every step at once."""
    night = Night(house, everything=True)
    night.automate()
    await house.release("1.1.0")
    await night.look()
    assert night.messages[1:] == [
        "Front door is being updated to 1.1.0. It is out of order until this is over.",
        "Front door runs 1.1.0 and works.",
    ]


async def test_a_restart_in_the_night_tells_nothing_twice(
    house: House, morning: None
) -> None:
    """Neither the notice nor what comes in the morning is lost."""
    night = Night(house)
    night.automate()
    await house.release("1.1.0")
    await night.look()
    await house.reload()
    await night.look()
    assert len(night.messages) == 1
    assert house.runtime.store.digest == ("Front door runs 1.1.0 and works.",)


async def test_the_digest_waits_for_the_morning(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is woken by good news."""
    monkeypatch.setattr(
        "custom_components.nightlatch.notifications.notices.DIGEST_UNTIL", time.min
    )
    night = Night(house, quiet_hours={"weekdays": [], "start": "01:00", "end": "02:00"})
    await house.release("1.1.0")
    await house.install()
    await night.look()
    assert "Front door runs 1.1.0 and works." not in night.messages
    assert isinstance(house.runtime.notices, Notices)


@pytest.mark.minutes
async def test_somebody_looks_every_minute(house: House) -> None:
    """As long as Nightlatch runs."""
    await house.release("1.1.0")
    night = Night(house)
    night.automate()
    await house.settle()
    # A real minute may have ended before there was anything to tell.
    house.runtime.store.announced_night = None
    minute = dt_util.utcnow().replace(second=0, microsecond=0) + timedelta(minutes=1)
    fire_time_changed(house.hass, minute)
    await until(lambda: house.locks[FRONT_DOOR].version == "1.1.0")
    await house.settle()
    assert night.types()[-1] == "update_installed"


# Cancelling.


async def test_what_runs_can_be_cancelled(house: House) -> None:
    """The lock goes back, and everybody is told."""
    night = Night(house, everything=True)
    await house.release("1.1.0")
    lock = house.locks[FRONT_DOOR]
    lock.bootloader.delays = dict.fromkeys(Opcode, 0.3)
    press = house.hass.async_create_task(install(house.managed()))
    await until(lambda: lock.mode is Mode.BOOTLOADER)
    await cancel(house.managed())
    with pytest.raises(HomeAssistantError) as caught:
        await press
    assert caught.value.translation_key == "installation_cancelled"
    await until(lambda: lock.mode is Mode.APPLICATION)
    assert lock.version == "1.0.0"
    await house.settle()
    assert night.types()[-1] == "update_cancelled"
    assert house.state(OUTCOME).state == "cancelled"
    assert "Front door: the update was cancelled." in night.messages


async def test_what_waits_can_be_cancelled(two_doors: House) -> None:
    """It gives its place away."""
    house = two_doors
    night = Night(house)
    await house.release("1.1.0")
    async with house.runtime.queue.short_use():
        press = house.hass.async_create_task(install(house.managed()))
        await until(lambda: bool(house.runtime.queue.waiting))
        assert house.state().attributes["in_progress"]
        await cancel(house.managed())
        with pytest.raises(HomeAssistantError) as caught:
            await press
    assert caught.value.translation_key == "installation_cancelled"
    assert night.types()[-1] == "update_cancelled"
    assert not house.state().attributes["in_progress"]


async def test_nothing_to_cancel(house: House) -> None:
    """Is told."""
    with pytest.raises(HomeAssistantError) as caught:
        await cancel(house.managed())
    assert caught.value.translation_key == "nothing_to_cancel"


# What comes from elsewhere.


@pytest.mark.parametrize(
    ("bolt", "kind"),
    [(LockState.LOCKED, "succeeded"), (LockState.JAMMED, "needs_hand")],
)
async def test_an_installation_by_somebody_else_is_noticed(
    house: House, bolt: str, kind: str
) -> None:
    """Looked at in the same way, told at once, and on record."""
    night = Night(house)
    house.hass.states.async_set("lock.front", bolt)
    night.set_lock(lock_entity="lock.front")
    house.locks[FRONT_DOOR].comes_back_as = "1.0.7"
    await read(house.managed())
    await house.settle()
    assert night.types() == ["installed_elsewhere"]
    (outcome,) = house.managed().record.history
    assert (outcome.origin, outcome.kind) == ("external", kind)
    assert (outcome.from_version, outcome.to_version) == ("1.0.0", "1.0.7")
    assert "Nightlatch did not install it" in night.messages[0]


async def test_a_skip_is_not_forgotten(house: House) -> None:
    """Though the entity was gone when Home Assistant wrote its states down."""
    night = Night(house)
    night.automate()
    path = await house.release("1.1.0")
    await skip(house, "skip")
    assert house.managed().decisions.skipped == "1.1.0"
    assert house.state().state == "off"
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.0.0"

    house.vendor.withdraw(path)
    await house.check()
    await house.release("1.1.0")
    await house.settle()
    assert house.state().attributes["skipped_version"] == "1.1.0"
    assert house.state().state == "off"

    await skip(house, "clear_skipped")
    assert house.managed().decisions.skipped is None
    assert house.state().state == "on"
    await house.reload()
    assert house.state().state == "on"


async def skip(house: House, action: str) -> None:
    """Press *Skip*, or its opposite."""
    target: dict[str, Any] = {"entity_id": "update.front_door_firmware"}
    await house.hass.services.async_call("update", action, target, blocking=True)
    await house.settle()


async def test_a_pinned_lock_is_not_updated(house: House) -> None:
    """It shows as current; a person who presses Install has decided again."""
    night = Night(house)
    night.automate()
    await house.release("1.1.0")
    await house.managed().decided.async_pin("1.0.0")
    assert house.state().state == "off"
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
