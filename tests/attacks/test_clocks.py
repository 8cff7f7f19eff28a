"""Dates that nobody lives to see, clocks that were wrong, and one lock that fails.

None of it may end the look of the minute, let something old pass for new, let anybody
wait for years, or keep another lock from its update.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from custom_components.nightlatch import runtime
from custom_components.nightlatch.actions import lock as services
from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.model import BatteryReading, Origin, OutcomeKind
from custom_components.nightlatch.core.moments import FURTHEST
from custom_components.nightlatch.core.preflight.base import Reason, blockers
from custom_components.nightlatch.core.records.decisions import Decisions
from custom_components.nightlatch.core.records.outcome_record import OutcomeRecord
from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.kinds.base import KindServices
from custom_components.nightlatch.kinds.factory import make_kind
from custom_components.nightlatch.locks.lock import ManagedLock
from homeassistant.config_entries import ConfigSubentry
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv, issue_registry as ir
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import load_yaml_dict
from tests.home.asked import checks_of, plan_of, runtime_of
from tests.home.flows import until
from tests.home.house import BACK_DOOR, FRONT_DOOR, UPDATE, House
from tests.home.night import Night
from tests.home.test_calendar import around, events

from .table import Tried

SIDE_DOOR = "C0:11:22:33:44:77"
ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin")
YEARS_AHEAD = timedelta(days=3650)
FAR = (
    "9999-12-31T23:59:59+00:00",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59+14:00",
    "9999-12-31 23:59:59",
    "2100-01-01 00:00:00",
)
PAST = (
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00-14:00",
    "0001-01-01 00:00:00",
    "1970-01-01 00:00:00",
    "2026-01-01 00:00:00",
)


def dated() -> Iterator[tuple[str, str]]:
    """Yield the actions and their fields in which a date is given."""
    described = load_yaml_dict(
        str(Path(services.__file__).parents[1] / "services.yaml")
    )
    for action, about in described.items():
        if not isinstance(about, dict) or action.startswith("."):
            continue
        for name, field in about.get("fields", {}).items():
            if {"datetime", "date"} & set(field["selector"]):
                yield action, name


def taken(house: House) -> set[tuple[str, str]]:
    """Return the actions and their fields in which a date is taken."""
    return {
        (action, str(key))
        for action, registered in house.hass.services.async_services_internal()[
            DOMAIN
        ].items()
        for key, takes in _fields(registered.schema)
        if takes in {cv.datetime, cv.date}
    }


def _fields(schema: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the keys of a schema with what they take, wherever they stand in it."""
    if isinstance(schema, dict):
        yield from schema.items()
    elif (validators := getattr(schema, "validators", None)) is not None:
        for each in validators:
            yield from _fields(each)
    elif (inner := getattr(schema, "schema", None)) is not None:
        yield from _fields(inner)


async def refused(house: House, action: str, field: str, value: str) -> str | None:
    """Return the key of the error that an action is refused with."""
    with pytest.raises(HomeAssistantError) as raised:
        await house.hass.services.async_call(
            DOMAIN, action, {"entity_id": UPDATE, field: value}, blocking=True
        )
    return raised.value.translation_key


def shown(house: House) -> set[tuple[str, str]]:
    """Return the faults that are told, by their kind and the lock's name."""
    return {
        (str(issue.translation_key), (issue.translation_placeholders or {})["fault"])
        for issue in ir.async_get(house.hass).issues.values()
        if issue.domain == DOMAIN
        and issue.translation_key in {"lock_fault", "part_fault"}
    }


async def test_a_date_that_nobody_lives_to_see_is_refused(
    house: House, attack: Tried
) -> None:
    """By every action that takes one, in every zone; the scheduler goes on."""
    night = Night(house)
    await house.release("1.1.0")
    lock = house.managed()
    decided, tries = lock.decisions, 0
    assert set(dated()) == taken(house) != set()
    for zone in ZONES:
        await house.hass.config.async_set_time_zone(zone)
        beyond = dt_util.utcnow() + FURTHEST + timedelta(days=1)
        for action, field in dated():
            for value in (*FAR, beyond.isoformat(), *PAST):
                # To postpone for longer is what only administrators may: to pin.
                too_far = {"postpone": "postponed_too_long"}.get(
                    action, "time_is_too_far"
                )
                expected = "time_is_past" if value in PAST else too_far
                assert await refused(house, action, field, value) == expected, value
                tries += 1
    assert lock.decisions == decided
    attack(
        "dates far ahead and long past, in all actions and four zones",
        tries,
        "each refused with a sentence; nothing kept",
    )
    await night.look()
    assert shown(house) == set()


async def test_dates_that_were_kept_out_of_range_stop_nobody(
    two_doors: House, attack: Tried
) -> None:
    """An earlier version took them: the other door gets its update in any zone."""
    await two_doors.release("1.1.0")
    lock = two_doors.managed()
    tries = 0
    for zone in ZONES:
        await two_doors.hass.config.async_set_time_zone(zone)
        for value in (datetime.max, datetime.min):
            at = value.replace(tzinfo=UTC)
            for kept in (
                Decisions(postponed_until=at),
                Decisions(scheduled_at=at),
                Decisions(first_seen=dict.fromkeys(lock.decisions.first_seen, at)),
            ):
                lock.decided.kept = kept
                assert plan_of(lock).release is not None
                lock.async_changed()
                await around(two_doors)
                tries += 1
    night = Night(two_doors)
    night.automate("Back door")
    night.automate("Front door")
    lock.decided.kept = Decisions(
        postponed_until=datetime.max.replace(tzinfo=UTC), announced="x"
    )
    await night.look()
    assert shown(two_doors) == set()
    assert two_doors.locks[BACK_DOOR].version == "1.1.0"
    # Nobody can have chosen that: it is told like anything that is new.
    assert lock.decisions.postponed_until is None
    attack(
        "kept dates at both ends of the calendar, in four zones",
        tries,
        "planned, shown, and the other lock installed",
    )


async def test_the_calendar_may_be_asked_for_all_of_time(
    house: House, attack: Tried
) -> None:
    """Also where an installation was dated at the end of it."""
    lock = house.managed()
    ends = [each.replace(tzinfo=UTC) for each in (datetime.min, datetime.max)]
    lock.record = replace(
        lock.record, history=tuple(outcome(at, str(at)) for at in ends)
    )
    tries = 0
    for zone in ZONES:
        await house.hass.config.async_set_time_zone(zone)
        for start, end in (
            (ends[0] + timedelta(days=2), ends[1] - timedelta(days=2)),
            (ends[0] + timedelta(days=2), dt_util.utcnow()),
            (dt_util.utcnow(), ends[1] - timedelta(days=2)),
        ):
            await events(house, start, end)
            tries += 1
    assert shown(house) == set()
    attack("calendar asked for all of time", tries, "answered")


def outcome(at: datetime, attempt: str = "1", **fields: Any) -> OutcomeRecord:
    """Return how an installation ended."""
    return OutcomeRecord(
        **{
            "attempt": attempt,
            "kind": OutcomeKind.FAILED,
            "origin": Origin.SCHEDULE,
            "started": at,
            "ended": at,
            "seconds": 60.0,
            "from_version": "1.0.0",
            "to_version": "1.1.0",
            **fields,
        }
    )


async def test_what_a_clock_that_was_ahead_has_written_is_neither_new_nor_for_ever(
    house: House, attack: Tried
) -> None:
    """Ten years ahead at a start, and right again when the house looks."""
    night = Night(house, soak_days=3)
    night.automate()
    await house.release("1.1.0")
    lock, store = house.managed(), house.runtime.store
    assert lock.release is not None
    key, ahead = lock.release.key, dt_util.utcnow() + YEARS_AHEAD
    lock.record = replace(
        lock.record,
        read_at=ahead,
        running_since=ahead,
        history=(outcome(ahead, sha256=key),),
        batteries=(BatteryReading(level=100, at=ahead),),
    )
    lock.decided.kept = Decisions(
        first_seen={key: ahead}, postponed_until=ahead, announced=key
    )
    await lock.async_keep()
    await store.async_set_decisions(lock.subentry_id, lock.decisions)
    await store.async_set_announced(ahead.date())
    await store.async_set_vault_tested(ahead)
    house.runtime.installations.of(lock)._asked_at = ahead
    # What was read nobody knows when is not fresh, before anything is put right.
    stale = {check.reason for check in blockers(checks_of(lock, unattended=True))}
    assert {Reason.BATTERY_STALE, Reason.SOAKING} <= stale
    installer = house.runtime.installations.of(lock)
    assert installer.may_start_by_itself(dt_util.utcnow())

    await night.look()

    now = dt_util.utcnow()
    assert lock.record.running_since <= now
    assert [each.ended <= now for each in lock.record.history] == [True]
    assert lock.record.batteries == ()
    assert lock.decisions.first_seen[key] <= now
    assert lock.decisions.postponed_until is None
    assert store.announced_night != ahead.date()
    plan = plan_of(lock)
    assert plan.waiting in {Waiting.SOAK, Waiting.BACK_OFF}
    assert plan.starts_at is not None
    # It closes a hole, so it soaks for a day.
    assert now + timedelta(hours=20) < plan.starts_at < now + timedelta(days=6)
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    kept = lock.decisions.first_seen
    await house.reload()
    await night.look()
    assert house.managed().decisions.first_seen == kept
    attack(
        "a state that was written ten years ahead",
        9,
        "soak and pauses begin once; nothing read then is fresh",
    )


type Breaking = Callable[[pytest.MonkeyPatch, ManagedLock], None]


def _no_plan(patch: pytest.MonkeyPatch, broken: ManagedLock) -> None:
    _fails_for(patch, broken, "plan")
    _fails_for(patch, broken, "plan_at")


def _fails_for(patch: pytest.MonkeyPatch, broken: ManagedLock, method: str) -> None:
    """Let the planner fail for one lock."""
    planner = runtime_of(broken).planner
    real = getattr(planner, method)

    def failing(lock: ManagedLock, *args: Any, **kwargs: Any) -> Any:
        if lock is broken:
            raise ZeroDivisionError
        return real(lock, *args, **kwargs)

    patch.setattr(planner, method, failing)


def _fails(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError


def _kind_does_not_look(patch: pytest.MonkeyPatch, broken: ManagedLock) -> None:
    patch.setattr(broken.kind, "look", _fails)


def _no_checks(patch: pytest.MonkeyPatch, broken: ManagedLock) -> None:
    _fails_for(patch, broken, "checks_of_offer")


def _nobody_hears(patch: pytest.MonkeyPatch, broken: ManagedLock) -> None:
    broken.async_subscribe(_fails)
    broken.async_changed()


def _no_notices(patch: pytest.MonkeyPatch, broken: ManagedLock) -> None:
    patch.setattr(broken.decided, "async_note_announced", _fails)


def _no_installation(patch: pytest.MonkeyPatch, broken: ManagedLock) -> None:
    installer = runtime_of(broken).installations.of(broken)
    patch.setattr(installer, "may_start_by_itself", _fails)


def _clock(patch: pytest.MonkeyPatch, broken: ManagedLock) -> None:
    patch.setattr(broken, "put_right", _fails)


@pytest.mark.parametrize(
    "breaking",
    [
        _no_plan,
        _kind_does_not_look,
        _no_checks,
        _nobody_hears,
        _no_notices,
        _no_installation,
        _clock,
    ],
)
async def test_one_lock_that_fails_stops_no_other(
    two_doors: House,
    breaking: Breaking,
    caplog: pytest.LogCaptureFixture,
    attack: Tried,
) -> None:
    """Two of three get their update; it is logged once, and told until it works."""
    house = two_doors
    await house.add_lock(SIDE_DOOR, "Side door")
    night = Night(house, two_entry_doors=True)
    for title in ("Front door", "Back door", "Side door"):
        night.automate(title)
    await house.release("1.1.0")
    await house.settle()
    others = [house.locks[each] for each in (BACK_DOOR, SIDE_DOOR)]
    caplog.clear()
    with pytest.MonkeyPatch.context() as patch:
        broken = house.managed()
        breaking(patch, broken)
        await night.look()
        await until(lambda: all(each.version == "1.1.0" for each in others))
        await night.look()
        assert len(await around(house)) >= len(others)
        for name in ("Back door", "Side door"):
            assert f"{name} will be updated to 1.1.0" in "\n".join(night.messages)
        told = {fault for kind, fault in shown(house) if kind == "lock_fault"}
        assert told
        assert {kind for kind, _ in shown(house)} == {"lock_fault"}
        errors = [each for each in caplog.records if each.levelname == "ERROR"]
        assert errors
        messages = [each.getMessage() for each in errors]
        assert len(messages) == len(set(messages)), sorted(messages)
        for each in errors:
            assert each.getMessage().startswith("Front door: ")
            assert each.exc_info
    broken._changed.discard(_fails)
    caplog.clear()
    broken.async_changed()
    await runtime_of(broken).notices.async_announce([(broken, plan_of(broken))])
    await house.runtime.store.async_set_announced(datetime.min.date())
    await night.look()
    await night.look()
    assert shown(house) == set()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    attack(
        f"one of three locks fails: {breaking.__name__.strip('_')}",
        2,
        "the others told and installed; logged once; told",
    )


@pytest.mark.parametrize(
    ("part", "does"),
    [
        ("notices", "async_tell_digest"),
        ("indexes", "async_look"),
        ("recovering", "async_look"),
        ("upkeep", "async_look"),
    ],
)
async def test_one_step_that_fails_stops_no_other(
    house: House,
    part: str,
    does: str,
    caplog: pytest.LogCaptureFixture,
    attack: Tried,
) -> None:
    """The lock gets its update; it is logged once, and told until it works."""
    night = Night(house)
    night.automate()
    await house.release("1.1.0")
    await house.settle()
    caplog.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attrgetter(part)(house.runtime), does, _fails)
        await night.look()
        await until(lambda: house.locks[FRONT_DOOR].version == "1.1.0")
        await night.look()
        assert [kind for kind, _ in shown(house)] == ["part_fault"]
        errors = [each for each in caplog.records if each.levelname == "ERROR"]
        assert len(errors) == 1
        assert errors[0].exc_info
    caplog.clear()
    await night.look()
    assert shown(house) == set()
    attack(
        f"one step of the look fails: {part}",
        2,
        "installed all the same; logged once; told",
    )


async def test_one_lock_that_cannot_be_taken_over_stops_no_other(
    two_doors: House, caplog: pytest.LogCaptureFixture, attack: Tried
) -> None:
    """What is told names it; the other is there after a restart."""
    real = make_kind

    def make(
        lock: ManagedLock, subentry: ConfigSubentry, services: KindServices
    ) -> Any:
        if subentry.title == "Front door":
            raise ZeroDivisionError
        return real(lock, subentry, services)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "make_kind", make)
        assert await two_doors.hass.config_entries.async_reload(
            two_doors.entry.entry_id
        )
        await two_doors.settle()
        assert [each.name for each in two_doors.runtime.locks.values()] == ["Back door"]
        ((kind, fault),) = shown(two_doors)
        assert kind == "part_fault"
        assert "Front door" in fault
    caplog.clear()
    await two_doors.reload()
    assert len(two_doors.runtime.locks) == 2
    assert shown(two_doors) == set()
    attack("a lock that cannot be taken over at a start", 1, "the other is there; told")
