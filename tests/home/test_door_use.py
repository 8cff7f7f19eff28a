"""Quiet hours are learned from the doors, suggested, and set by a person only."""

import asyncio
from datetime import date, datetime, time, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.nightlatch.adapters.door_events import is_use, watched_spans
from custom_components.nightlatch.adapters.door_use_file import DoorUseFile
from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.records.clock_record import ClockRecord
from custom_components.nightlatch.core.schedule.door_use import (
    HALF_HOURS,
    DoorUse,
    HalfHour,
)
from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.core.schedule.quiet_hours import QuietHours
from custom_components.nightlatch.flows.learned_hours import LearnedHoursFlow
from custom_components.nightlatch.locks.lock import Progress
from custom_components.nightlatch.markup import neutral
from custom_components.nightlatch.monitoring.next_step import next_step, told_step
from custom_components.nightlatch.texts.standing import async_standing
from homeassistant.components.image import async_get_image
from homeassistant.core import Context, State
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .asked import a_turn
from .flows import suggested, until
from .house import BACK_DOOR, FRONT_DOOR, House
from .night import Night
from .test_options import open_options, save
from .vaulted import begin_fix, restart, set_options

DOOR, BOLT = "binary_sensor.front", "lock.front"
GUESTS = "calendar.guests"
KEY = "quiet_hours_learned"
DAY = timedelta(days=1)


def late_shift(today: date) -> DoorUse:
    """Return what is known of a door by which somebody comes home at half past two."""
    days = [today - DAY * ago for ago in range(1, 31)]
    return (
        DoorUse()
        .at(today)
        .noting(
            watched=[HalfHour(day, each) for day in days for each in range(HALF_HOURS)],
            used=[HalfHour(day, each) for day in days for each in (4, 5, 6)],
        )
    )


async def keep_learned(
    house: House, hass_storage: dict[str, Any], doors: dict[str, Any]
) -> None:
    """Let a household know this of its doors, by the ids of their locks."""
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    key = f"nightlatch.{house.entry.entry_id}.door_use"
    hass_storage[key] = {
        "version": 1,
        "minor_version": 1,
        "key": key,
        "data": {"locks": doors},
    }
    house.hass.config_entries.async_update_entry(
        house.entry, options={**house.entry.options, "learn": True}
    )
    assert await house.hass.config_entries.async_setup(house.entry.entry_id)
    await house.settle()


async def learned(house: House, hass_storage: dict[str, Any]) -> None:
    """Let a household have learned for a month."""
    lock_id = house.managed().subentry_id
    doors = {lock_id: late_shift(dt_util.now().date()).to_dict()}
    await keep_learned(house, hass_storage, doors)


def told(house: House) -> dict[str, str] | None:
    """Return what the repair says, if there is one."""
    found = ir.async_get(house.hass).async_get_issue("nightlatch", KEY)
    return dict(found.translation_placeholders or {}) if found else None


async def choose(house: House, step: str, key: str = KEY) -> None:
    """Press a button of the repair."""
    result = await begin_fix(house, key)
    flow = house.hass.data["repairs"]["flow_manager"]
    result = await flow.async_configure(result["flow_id"], {"next_step_id": step})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await house.settle()
    house.runtime.issues.async_sync()


async def test_hours_that_were_learned_are_set_with_one_press(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """What was seen is said; nothing is set before, and nothing suggested after it."""
    await learned(house, hass_storage)
    before = house.runtime.settings.policy.quiet_hours
    assert before == QuietHours()
    shown = told(house)
    assert shown is not None
    assert shown["days"] == "30"
    assert "in these hours on 0 of" in shown["facts"]
    await choose(house, "accept")
    hours = house.runtime.settings.policy.quiet_hours
    assert (f"{hours.start:%H:%M}", f"{hours.end:%H:%M}") == (
        shown["start"],
        shown["end"],
    )
    assert not {4, 5, 6} & set(range(hours.start.hour * 2, hours.end.hour * 2))
    assert told(house) is None


async def test_hours_that_were_refused_are_not_suggested_again(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """Not after a restart either; and what was set stays."""
    await learned(house, hass_storage)
    await choose(house, "refuse")
    assert told(house) is None
    await restart(house)
    assert told(house) is None
    assert house.runtime.settings.policy.quiet_hours == QuietHours()


@pytest.mark.parametrize("step", ["accept", "refuse"])
async def test_what_is_not_suggested_any_more_is_neither_set_nor_refused(
    house: House, hass_storage: dict[str, Any], step: str
) -> None:
    """The dialog stands open while somebody else switches the learning off."""
    await learned(house, hass_storage)
    result = await begin_fix(house, KEY)
    await set_options(house, learn=False)
    flow = house.hass.data["repairs"]["flow_manager"]
    result = await flow.async_configure(result["flow_id"], {"next_step_id": step})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "other_than_told"
    assert house.runtime.settings.policy.quiet_hours == QuietHours()


async def test_what_was_suggested_otherwise_is_not_asked(house: House) -> None:
    """Nor what was suggested before Nightlatch was switched off."""
    for loaded in (True, False):
        if not loaded:
            assert await house.hass.config_entries.async_unload(house.entry.entry_id)
        flow = LearnedHoursFlow(QuietHours())
        flow.hass, flow.flow_id, flow.handler = house.hass, "open", DOMAIN
        result = await flow.async_step_init()
        assert result["type"] is FlowResultType.ABORT
        assert result["reason"] == "other_than_told"


async def test_what_cannot_be_read_is_learned_anew(
    house: House, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, and holds up nothing."""
    await learned(house, hass_storage)
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    hass_storage[f"nightlatch.{house.entry.entry_id}.door_use"]["version"] = 99
    assert await house.hass.config_entries.async_setup(house.entry.entry_id)
    await house.settle()
    assert "When doors were used cannot be read" in caplog.text
    assert told(house) is None


async def test_whoever_does_not_want_it_learned_does_not_want_it_kept(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """It is deleted within a minute, and on disk with the next stop at the latest."""
    await learned(house, hass_storage)
    await set_options(house, learn=False)
    house.runtime.locks.async_minute()
    assert house.runtime.door_use.use.observed_days == 0
    await restart(house)
    assert house.runtime.door_use.use.observed_days == 0
    key = f"nightlatch.{house.entry.entry_id}.door_use"
    assert not hass_storage.get(key, {"data": {"locks": {}}})["data"]["locks"]


async def test_only_people_at_the_door_count(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """And only where it is learned at all; half hours count that were seen to their end."""
    hass, night = house.hass, Night(house)
    for entity_id, state in ((DOOR, "off"), (BOLT, "locked")):
        hass.states.async_set(entity_id, state)
    night.set_lock(door_entity=DOOR, lock_entity=BOLT)
    await house.settle()
    watch = house.runtime.door_use

    def seen() -> tuple[int, int]:
        use = watch.use
        return (
            sum(word.bit_count() for word in use.used),
            sum(word.bit_count() for word in use.watched),
        )

    async def show(entity_id: str, value: str) -> None:
        hass.states.async_set(entity_id, value)
        await a_turn()

    await show(DOOR, "on")
    assert seen() == (0, 0)
    await set_options(house, learn=True)
    house.runtime.locks.async_minute()
    await house.settle()
    house.managed().async_set_progress(Progress())
    await show(DOOR, "off")
    assert seen() == (0, 0)
    house.managed().async_set_progress(None)
    await show(BOLT, "unlocked")
    assert seen() == (1, 1)
    for _ in range(3):
        freezer.tick(timedelta(minutes=30))
        house.runtime.locks.async_minute()
    # The first one had begun before; the other two were watched to their end.
    assert seen() == (1, 3)
    await show(BOLT, "unavailable")
    house.runtime.locks.async_minute()
    freezer.tick(timedelta(minutes=30))
    house.runtime.locks.async_minute()
    assert seen() == (1, 3)
    hass.states.async_remove(DOOR)
    await house.settle()


@pytest.mark.parametrize(
    ("before", "after", "by", "user", "expected"),
    [
        ("locked", "unlocked", None, None, True),
        ("locked", "unlocking", None, None, True),
        ("unlocking", "unlocked", None, None, False),
        ("unlocked", "locked", None, None, False),
        ("unlocked", "locked", "Auto Lock", None, False),
        ("unlocked", "locked", "Keypad", None, True),
        ("unlocked", "locked", None, "ann", True),
        ("locking", "locked", None, "ann", False),
        ("unavailable", "unlocked", None, None, False),
        ("locked", "unknown", None, None, False),
        ("locked", "jammed", None, None, False),
        ("locked", "locked", "Keypad", "ann", False),
    ],
)
def test_what_a_bolt_does_by_itself_is_nobody_at_the_door(
    before: str, after: str, by: str | None, user: str | None, expected: bool
) -> None:
    """A bolt is drawn by somebody; it is shot by itself, unless it is told whose deed."""
    was = State(BOLT, before)
    now = State(BOLT, after, {"changed_by": by}, context=Context(user_id=user))
    assert is_use(was, now) is expected
    assert not is_use(None, now)
    assert not is_use(was, None)


def test_a_gap_in_what_was_recorded_was_not_watched() -> None:
    """Whatever came before it and after it."""
    begin = datetime(2026, 11, 1, tzinfo=dt_util.UTC)
    hours = [begin + timedelta(hours=each) for each in range(5)]
    states = [
        State(DOOR, value, last_changed=at, last_updated=at)
        for value, at in zip(("off", "on", "unavailable", "off"), hours, strict=False)
    ]
    assert list(watched_spans(states, hours[4])) == [
        (hours[0], hours[2]),
        (hours[3], hours[4]),
    ]
    assert list(watched_spans(states[:3], hours[4])) == [(hours[0], hours[2])]


@pytest.mark.parametrize(
    ("state", "name"),
    [("on", "Our *guests*"), ("unavailable", "Our *guests*"), (None, GUESTS)],
)
async def test_holidays_and_guests_hold_what_would_run_by_itself(
    house: House, state: str | None, name: str
) -> None:
    """So does an entity that is not there; it is said which one it is, and then it runs."""

    def show(state: str) -> None:
        house.hass.states.async_set(GUESTS, state, {"friendly_name": "Our *guests*"})

    if state is not None:
        show(state)
    night = Night(house, hold_entity=GUESTS)
    night.automate()
    await house.release("1.1.0")
    await night.look()
    lock = house.managed()
    plan, release = house.runtime.planner.plan(lock), lock.release
    assert (plan.waiting, plan.held_by) == (Waiting.HOLD, name)
    assert house.state("sensor.front_door_next_step").state == "waits_while_on"
    assert release is not None
    told = await async_standing(house.hass, lock, release, house.runtime.planner)
    assert told[0] == f"**By itself** as soon as {neutral(name)} is off."
    assert told_step(house.hass, next_step(lock, plan), plan) == (
        f"Version 1.1.0 waits while {neutral(name)} is on, or says nothing."
    )
    show("off")
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_the_form_of_quiet_hours_keeps_what_is_learned_and_what_holds(
    house: House,
) -> None:
    """Both are off at first; who opens it again finds them, and can take them away."""
    settings = house.runtime.settings
    hours = {"weekdays": ["4"], "start": "23:00:00", "end": "04:30:00"}
    result = await open_options(house, "quiet_hours")
    assert suggested(result, "learn") is False
    assert not settings.learns
    refused = await save(
        house, result, **{**hours, "weekdays": []}, hold_entity=GUESTS, learn=True
    )
    assert refused["errors"] == {"weekdays": "no_weekday"}
    await save(house, refused, **hours, hold_entity=GUESTS, learn=True)
    assert (settings.learns, settings.hold_entity) == (True, GUESTS)
    result = await open_options(house, "quiet_hours")
    assert suggested(result, "learn") is True
    assert suggested(result, "hold_entity") == GUESTS
    # What a form leaves out is a switch as it was, and an entity that was taken away.
    await save(house, result, **hours)
    assert (settings.learns, settings.hold_entity) == (True, None)
    await save(house, await open_options(house, "quiet_hours"), **hours, learn=False)
    assert not settings.learns
    result = await open_options(house, "quiet_hours")
    with pytest.raises(InvalidData, match="hold_entity"):
        await save(house, result, **hours, hold_entity="light.hall")


async def test_a_clock_that_is_not_set_yet_forgets_nothing(
    house: House, hass_storage: dict[str, Any], freezer: FrozenDateTimeFactory
) -> None:
    """A door that is used before the clock is right is not used years ago."""
    Night(house).set_lock(door_entity=DOOR)
    await learned(house, hass_storage)
    hass, watch = house.hass, house.runtime.door_use
    hass.states.async_set(DOOR, "off")
    now = dt_util.utcnow()
    days = watch.use.observed_days
    assert days == 30
    freezer.move_to("2024-03-01 03:00:00+00:00")
    hass.states.async_set(DOOR, "on")
    await a_turn()
    freezer.move_to(now)
    assert watch.use.observed_days == days
    hass.states.async_set(DOOR, "off")
    await a_turn()
    assert watch.use.observed_days == days


@pytest.mark.parametrize("restarts", [False, True])
async def test_nothing_is_kept_of_the_door_of_a_lock_that_is_gone(
    house: House, hass_storage: dict[str, Any], restarts: bool
) -> None:
    """Not on disk either; and off deletes also where nothing is remembered any more."""
    await learned(house, hass_storage)
    key = f"nightlatch.{house.entry.entry_id}.door_use"
    before = hass_storage[key]
    assert before["data"]["locks"]
    await house.remove("Front door")
    if restarts:
        # Home Assistant has stopped without unloading anything.
        assert await house.hass.config_entries.async_unload(house.entry.entry_id)
        hass_storage[key] = before
        assert await house.hass.config_entries.async_setup(house.entry.entry_id)
    else:
        house.runtime.locks.async_minute()
    await until(lambda: not hass_storage[key]["data"]["locks"])
    await set_options(house, learn=False)
    house.runtime.locks.async_minute()
    await until(lambda: key not in hass_storage)


async def test_what_could_not_be_deleted_is_deleted_a_minute_later(
    house: House,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A disk that refuses once does not keep for ever when somebody was at the door."""
    await learned(house, hass_storage)
    key = f"nightlatch.{house.entry.entry_id}.door_use"
    remove = DoorUseFile.async_remove
    tried = asyncio.Event()

    async def refuse(file: DoorUseFile) -> None:
        tried.set()
        raise OSError

    monkeypatch.setattr(DoorUseFile, "async_remove", refuse)
    await set_options(house, learn=False)
    house.runtime.locks.async_minute()
    await tried.wait()
    await a_turn()
    assert key in hass_storage
    monkeypatch.setattr(DoorUseFile, "async_remove", remove)
    house.runtime.locks.async_minute()
    await until(lambda: key not in hass_storage)


async def test_a_clock_that_is_years_ahead_for_a_while_forgets_nothing(
    house: House, hass_storage: dict[str, Any], freezer: FrozenDateTimeFactory
) -> None:
    """Nor is what is suggested another one; the clock has to stand for days first."""
    Night(house).set_lock(door_entity=DOOR)
    hass = house.hass
    hass.states.async_set(DOOR, "off")
    await learned(house, hass_storage)
    (lock_id,) = house.runtime.locks
    watch = house.runtime.door_use
    now, known = dt_util.utcnow(), watch._uses[lock_id]
    seconds = hass.loop.time()
    clock = house.runtime.scheduler._believed_clock
    clock._seconds = lambda: seconds
    await clock.async_look(now)
    assert watch.use.observed_days == 30
    freezer.move_to(now + DAY * 1000)
    for state in ("on", "off", "on"):
        seconds += 600
        freezer.tick(timedelta(minutes=10))
        hass.states.async_set(DOOR, state)
        await a_turn()
        await clock.async_look(dt_util.utcnow())
        house.runtime.locks.async_minute()
    await house.settle()
    assert watch._uses[lock_id] == known
    # What is certain to be three days later is believed.
    for _ in range(73):
        seconds += 3600
        freezer.tick(timedelta(hours=1))
        await clock.async_look(dt_util.utcnow())
    hass.states.async_set(DOOR, "off")
    hass.states.async_set(DOOR, "on")
    await a_turn()
    assert watch._uses[lock_id].week > known.week
    assert watch.use.observed_days == 0


@pytest.mark.parametrize(("days", "passes"), [(21, True), (42, False), (-21, False)])
async def test_some_weeks_pass_by_a_clock_that_is_not_believed_yet(
    house: House,
    hass_storage: dict[str, Any],
    freezer: FrozenDateTimeFactory,
    days: int,
    passes: bool,
) -> None:
    """Else a house that is never on for days would learn nothing; but not many do."""
    Night(house).set_lock(door_entity=DOOR)
    house.hass.states.async_set(DOOR, "off")
    await learned(house, hass_storage)
    (lock_id,) = house.runtime.locks
    watch, now = house.runtime.door_use, dt_util.utcnow()
    clock, known = house.runtime.scheduler._believed_clock, watch._uses[lock_id]
    clock._latest = ClockRecord(since=now, seen=now, believed=now)
    clock._began = None
    freezer.move_to(now + DAY * days)
    await clock.async_look(dt_util.utcnow())
    assert not clock.is_believed(dt_util.utcnow())
    house.hass.states.async_set(DOOR, "on")
    await a_turn()
    assert (watch._uses[lock_id].week == known.week + 3) is passes
    assert passes or watch._uses[lock_id] == known


async def test_hours_are_suggested_within_what_the_owner_allows(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """Across midnight too; what leaves no room is refused in words."""
    hours = {"weekdays": ["4"], "start": "23:00:00", "end": "04:30:00"}
    result = await open_options(house, "quiet_hours")
    assert suggested(result, "learn_start") == "22:00:00"
    assert suggested(result, "learn_end") == "06:00:00"
    for begin, end, why in (
        ("23:00:00", "23:00:00", "learn_equal_ends"),
        ("23:30:00", "00:15:00", "learn_too_short"),
        ("02:10:00", "03:20:00", "learn_too_short"),
    ):
        result = await save(
            house, result, **hours, learn=True, learn_start=begin, learn_end=end
        )
        assert result["errors"] == {"learn_end": why}
        assert (result["description_placeholders"] or {})["minutes"] == "60"
    await save(
        house, result, **hours, learn=True, learn_start="23:30:00", learn_end="01:00:00"
    )
    assert house.runtime.settings.learn_within == QuietHours(
        start=time(23, 30), end=time(1)
    )
    result = await open_options(house, "quiet_hours")
    assert suggested(result, "learn_start") == "23:30:00"
    # Whoever leaves them out keeps them.
    await save(house, result, **hours)
    await learned(house, hass_storage)
    shown = told(house)
    assert shown is None or shown["start"] in {"23:30", "00:00"}
    assert house.runtime.settings.learn_within.start == time(23, 30)
    proposal = house.runtime.door_use._weighed
    assert proposal is not None
    assert proposal.proposal.hours.start in {time(23, 30), time(0)}


async def learned_of_two(house: House, hass_storage: dict[str, Any]) -> None:
    """Let two doors be learned; the front door alone is used at night."""
    today = dt_util.now().date()
    days = [today - DAY * ago for ago in range(1, 41)]
    every = [HalfHour(day, each) for day in days for each in range(HALF_HOURS)]
    quiet = DoorUse().at(today).noting(watched=every)
    busy = quiet.noting(used=[each for each in every if each.of_day in {4, 5, 6}])
    doors = {
        house.subentry("Front door").subentry_id: busy.to_dict(),
        house.subentry("Back door").subentry_id: quiet.to_dict(),
    }
    await keep_learned(house, hass_storage, doors)


def suggested_now(house: House) -> set[tuple[str, str]]:
    """Return which hours are suggested: by the kind of repair and its lock."""
    house.runtime.issues.async_sync()
    return {
        (
            str(each.translation_key),
            (each.translation_placeholders or {}).get("lock", ""),
        )
        for each in ir.async_get(house.hass).issues.values()
        if each.domain == "nightlatch"
        and "start" in (each.translation_placeholders or {})
    }


async def test_a_door_that_is_used_unlike_the_others_gets_hours_of_its_own(
    two_doors: House, hass_storage: dict[str, Any]
) -> None:
    """After what is suggested for all; with one press, for it alone, seen in its picture."""
    house, lock = two_doors, two_doors.managed
    await learned_of_two(house, hass_storage)
    assert suggested_now(house) == {(KEY, "")}
    picture = house.runtime.door_use.picture_of
    front = lock().subentry_id
    assert picture(front) is None
    await choose(house, "refuse")
    await house.settle()
    assert suggested_now(house) == {("own_hours_wanted", "Front door")}
    entity_id = picture(front)
    assert entity_id is not None
    image = await async_get_image(house.hass, entity_id)
    assert b'class="suggested"' in image.content
    assert picture(lock(BACK_DOOR).subentry_id) is None
    await choose(house, "accept", "own_hours_wanted")
    await house.settle()
    hours = lock().policy.quiet_hours
    assert hours is not None
    assert not {4, 5, 6} & set(range(hours.start.hour * 2, hours.end.hour * 2))
    assert lock(BACK_DOOR).policy.quiet_hours is None
    assert house.runtime.settings.policy.quiet_hours == QuietHours()
    house.runtime.locks.async_minute()
    await house.settle()
    assert suggested_now(house) == set()
    image = await async_get_image(house.hass, entity_id)
    assert b'class="suggested"' not in image.content
    await set_options(house, learn=False)
    await house.settle()
    assert picture(front) is None


async def test_a_lock_with_hours_of_its_own_is_suggested_others_and_can_refuse(
    two_doors: House, hass_storage: dict[str, Any]
) -> None:
    """Once and for all, over a restart too; the household, which is quiet, is asked nothing."""
    house = two_doors
    own = QuietHours(start=time(2), end=time(4))
    Night(house).set_lock(quiet_hours=own.to_dict())
    await set_options(house, quiet_hours=QuietHours().to_dict())
    await learned_of_two(house, hass_storage)
    assert suggested_now(house) == {("own_hours_learned", "Front door")}
    week = house.runtime.door_use.week_of(house.managed())
    assert week is not None
    assert (week.hours, week.suggested is None) == (own, False)
    result = await begin_fix(house, "own_hours_learned")
    assert result["description_placeholders"]["lock"] == "Front door"
    await choose(house, "refuse", "own_hours_learned")
    assert suggested_now(house) == set()
    await restart(house)
    assert suggested_now(house) == set()
    assert house.managed().policy.quiet_hours == own
