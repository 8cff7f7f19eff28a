"""What the owner sets: in the options, in a lock's form, and on a dashboard."""

from datetime import time
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_mock_service  # type: ignore[import-untyped]

from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.core.schedule.policy import (
    ApprovalNeed,
    HouseholdPolicy,
    Importance,
    LockPolicy,
    Mode,
)
from custom_components.nightlatch.core.schedule.quiet_hours import QuietHours
from custom_components.nightlatch.settings import (
    Links,
    People,
    parse_gate,
    parse_household_policy,
    parse_links,
    parse_lock_policy,
    parse_people,
)
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import Context
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from tests.rig.scene import lock_form

from .asked import checks_of, plan_of
from .flows import start_settings, submit, suggested
from .house import House

CONSENT = {"user_id": "1", "user_name": "Ann", "at": "2026-11-01T12:00:00+00:00"}


async def open_options(house: House, step: str) -> ConfigFlowResult:
    """Open a page of the household's options."""
    flow = house.hass.config_entries.options
    result: ConfigFlowResult = await flow.async_init(house.entry.entry_id)
    assert result["type"] is FlowResultType.MENU
    result = await flow.async_configure(result["flow_id"], {"next_step_id": step})
    assert result["step_id"] == step
    return result


async def save(
    house: House, result: ConfigFlowResult, **answer: Any
) -> ConfigFlowResult:
    """Send a page of the options."""
    saved: ConfigFlowResult = await house.hass.config_entries.options.async_configure(
        result["flow_id"], answer
    )
    await house.settle()
    return saved


async def press(
    house: House, domain: str, action: str, entity_id: str, **data: Any
) -> None:
    """Do something on a dashboard."""
    await house.hass.services.async_call(
        domain, action, {"entity_id": entity_id, **data}, blocking=True
    )
    await house.settle()


# The options of the household.


async def test_quiet_hours(house: House) -> None:
    """The next ones are shown, and what is set holds at once, without a reload."""
    runtime = house.runtime
    result = await open_options(house, "quiet_hours")
    assert suggested(result, "start") == "02:00:00"
    windows = result["description_placeholders"]["windows"]  # type: ignore[index]
    assert windows.count("02:00 - 05:00") == 3
    # A day of the week as people say it, not as this machine does.
    assert re.match(r"- [A-Z][a-z]+day \d{4}-\d\d-\d\d, 02:00 - 05:00", windows)
    refused = await save(house, result, weekdays=[], start="23:00:00", end="04:30:00")
    assert refused["errors"] == {"weekdays": "no_weekday"}
    saved = await save(
        house,
        refused,
        weekdays=["4", "5"],
        start="23:00:00",
        end="04:30:00",
        gate_entity="schedule.night",
    )
    assert saved["type"] is FlowResultType.CREATE_ENTRY
    assert house.runtime is runtime
    assert runtime.settings.policy.quiet_hours == QuietHours(
        weekdays=frozenset({4, 5}), start=time(23), end=time(4, 30)
    )
    assert runtime.settings.gate_entity == "schedule.night"
    result = await open_options(house, "quiet_hours")
    assert suggested(result, "gate_entity") == "schedule.night"
    await save(house, result, weekdays=["4"], start="23:00:00", end="04:30:00")
    assert runtime.settings.gate_entity is None


async def test_how_careful_a_night_is(house: House) -> None:
    """Other pages keep what they have."""
    await save(
        house,
        await open_options(house, "quiet_hours"),
        weekdays=["4"],
        start="23:00:00",
        end="04:30:00",
    )
    result = await open_options(house, "night")
    assert suggested(result, "notice_at") == "20:00:00"
    assert suggested(result, "soak_days") == 3
    await save(house, result, notice_at="19:30:00", soak_days=7, two_entry_doors=True)
    policy = house.runtime.settings.policy
    assert (policy.notice_at, policy.soak_days) == (time(19, 30), 7)
    assert policy.two_entry_doors
    assert policy.quiet_hours.weekdays == {4}


async def test_who_is_told(house: House) -> None:
    """Phones that there are can be chosen, and one that is gone stays."""
    async_mock_service(house.hass, "notify", "mobile_app_anna")
    async_mock_service(house.hass, "notify", "of_another_kind")
    result = await open_options(house, "people")
    await save(
        house,
        result,
        phones=["mobile_app_anna"],
        notify=["notify.mail"],
        everything=True,
    )
    assert house.runtime.settings.people == People(
        notify=("notify.mail",), phones=("mobile_app_anna",), everything=True
    )
    house.hass.services.async_remove("notify", "mobile_app_anna")
    result = await open_options(house, "people")
    assert suggested(result, "phones") == ["mobile_app_anna"]
    await save(house, result, phones=["mobile_app_anna"], everything=False)
    assert house.runtime.settings.people.phones == ("mobile_app_anna",)


# A lock's form.


async def test_all_that_can_be_said_of_a_lock(house: House) -> None:
    """It is kept, shown again, and can be taken back."""
    form = lock_form(
        "Front door",
        lock_entity="lock.front",
        door_entity="binary_sensor.front",
        importance="entry",
        mode="automatic",
        consent=True,
        approval="person",
        may_move_bolt=True,
        soak_days=10,
        own=True,
        weekdays=["6"],
        start="01:00:00",
        end="03:00:00",
    )
    await reconfigure(house, **form)
    lock = house.managed()
    assert lock.links == Links(
        lock_entity="lock.front", door_entity="binary_sensor.front"
    )
    policy = lock.policy
    assert policy.mode is Mode.AUTOMATIC
    assert policy.consent is not None
    assert policy.importance is Importance.ENTRY
    assert policy.approval is ApprovalNeed.PERSON
    assert policy.has_door_sensor
    assert policy.may_move_bolt
    assert policy.soak_days == 10
    assert policy.quiet_hours == QuietHours(
        weekdays=frozenset({6}), start=time(1), end=time(3)
    )
    given = policy.consent
    await reconfigure(house, **form)
    assert house.managed().policy.consent == given

    await reconfigure(house, **lock_form("Front door"))
    policy = house.managed().policy
    assert (policy.mode, policy.consent, policy.quiet_hours) == (Mode.ASK, None, None)
    assert policy.soak_days is None
    assert house.managed().links == Links()


async def test_a_lock_may_have_a_soak_of_its_own(house: House) -> None:
    """Plan and checks say the same of it, and the form shows it."""
    await house.release("1.1.0", severity="low")
    lock = house.managed()
    for own, days in ((None, 3), (10, 10), (0, 0)):
        fields = {} if own is None else {"soak_days": own}
        form = lock_form("Front door", mode="automatic", consent=True, **fields)
        await reconfigure(house, **form)
        (soak,) = [each for each in checks_of(lock) if each.rule == "soak"]
        assert soak.limit == f"{days} d"
        assert (plan_of(lock).waiting is Waiting.SOAK) is (days > 0)
        result = await start_settings(
            house.hass, house.entry, house.subentry("Front door")
        )
        assert result["data_schema"] is not None
        updates = result["data_schema"].schema["updates"].schema.schema
        (field,) = [key for key in updates if key == "soak_days"]
        assert (field.description or {}).get("suggested_value") == own


async def reconfigure(house: House, **form: Any) -> None:
    """Send a lock's form."""
    result = await start_settings(house.hass, house.entry, house.subentry("Front door"))
    result = await submit(house.hass, result, **form)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await house.settle()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"no_door_sensor": False}, "door_not_said"),
        ({"mode": "automatic"}, "consent_missing"),
        ({"own": True, "weekdays": []}, "no_weekday"),
    ],
)
async def test_what_must_be_said(
    house: House, fields: dict[str, Any], error: str
) -> None:
    """Nothing that was filled in is lost."""
    result = await start_settings(house.hass, house.entry, house.subentry("Front door"))
    result = await submit(house.hass, result, **lock_form("Green door", **fields))
    assert result["errors"] == {"base": error}
    assert suggested(result, "name") == "Green door"
    result = await submit(house.hass, result, **lock_form("Green door"))
    assert result["type"] is FlowResultType.ABORT
    assert house.entry.subentries[house.managed().subentry_id].title == "Green door"


# Dashboards.


async def test_the_household_on_a_dashboard(house: House) -> None:
    """Times, days and a pause."""
    assert house.state("time.nightlatch_quiet_hours_begin").state == "02:00:00"
    for entity_id, value in (
        ("time.nightlatch_quiet_hours_begin", "23:15:00"),
        ("time.nightlatch_quiet_hours_end", "04:45:00"),
        ("time.nightlatch_evening_notice", "18:00:00"),
    ):
        await press(house, "time", "set_value", entity_id, time=value)
        assert house.state(entity_id).state == value
    policy = house.runtime.settings.policy
    assert (policy.quiet_hours.start, policy.quiet_hours.end) == (
        time(23, 15),
        time(4, 45),
    )
    assert policy.notice_at == time(18)

    monday = "switch.nightlatch_quiet_hours_1_monday"
    # Off by default: the form has all seven in one field.
    assert house.hass.states.get(monday) is None
    er.async_get(house.hass).async_update_entity(monday, disabled_by=None)
    await house.reload()
    assert house.state(monday).state == "on"
    await press(house, "switch", "turn_off", monday)
    assert house.runtime.settings.policy.quiet_hours.weekdays == frozenset(range(1, 7))
    await press(house, "switch", "turn_on", monday)
    assert house.runtime.settings.policy.quiet_hours.weekdays == frozenset(range(7))

    automatic = "switch.nightlatch_automatic_installations"
    await press(house, "switch", "turn_off", automatic)
    assert house.runtime.settings.policy.paused
    assert house.state(automatic).state == "off"
    await press(house, "switch", "turn_on", automatic)
    assert not house.runtime.settings.policy.paused


async def test_whoever_turns_it_on_consents(house: House) -> None:
    """With a name, where Home Assistant knows it; turning it off takes it back."""
    entity_id = "switch.front_door_install_automatically"
    user = MockUser(name="Ann", is_owner=True).add_to_hass(house.hass)
    assert house.state(entity_id).state == "off"
    await house.hass.services.async_call(
        "switch",
        "turn_on",
        {"entity_id": entity_id},
        blocking=True,
        context=Context(user_id=user.id),
    )
    await house.settle()
    assert house.state(entity_id).state == "on"
    consent = house.managed().policy.consent
    assert consent is not None
    assert (consent.user_id, consent.user_name) == (user.id, "Ann")
    await press(house, "switch", "turn_off", entity_id)
    assert house.managed().policy.consent is None
    with pytest.raises(HomeAssistantError) as caught:
        await press(house, "switch", "turn_on", entity_id)
    assert caught.value.translation_key == "consent_needs_a_person"
    assert house.managed().policy.consent is None


async def test_a_locks_own_quiet_hours_on_a_dashboard(house: House) -> None:
    """They begin with those of the household."""
    registry = er.async_get(house.hass)
    switch = "switch.front_door_own_quiet_hours"
    begin, end = (f"time.front_door_quiet_hours_{each}" for each in ("begin", "end"))
    for entity_id in (switch, begin, end):
        registry.async_update_entity(entity_id, disabled_by=None)
    await house.reload()
    assert house.state(switch).state == "off"
    assert house.state(begin).state == "unavailable"
    await press(house, "switch", "turn_on", switch)
    assert house.state(begin).state == "02:00:00"
    await press(house, "time", "set_value", begin, time="01:00:00")
    await press(house, "time", "set_value", end, time="02:30:00")
    hours = house.managed().policy.quiet_hours
    assert hours == QuietHours(start=time(1), end=time(2, 30))
    assert house.runtime.settings.policy.quiet_hours == QuietHours()
    await press(house, "switch", "turn_off", switch)
    assert house.managed().policy.quiet_hours is None
    assert house.state(begin).state == "unavailable"


# What is kept.


def test_nothing_said_means_the_defaults() -> None:
    """A household from before there were options."""
    assert parse_household_policy({}) == HouseholdPolicy()
    assert parse_people({}) == People()
    assert parse_gate({}) is None
    assert parse_gate({"gate_entity": ""}) is None
    assert parse_lock_policy({}) == LockPolicy()
    assert parse_links({}) == Links()
    assert LockPolicy().has_door_sensor is None


@pytest.mark.parametrize("junk", [5, [5], {"a": 1}, "no such thing"])
def test_a_setting_that_cannot_be_read_is_left_out(
    junk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and never keeps a household from starting."""
    options = dict.fromkeys(
        ("quiet_hours", "paused", "notice_at", "soak_days", "two_entry_doors"), junk
    )
    if junk == 5:
        del options["soak_days"]
    assert parse_household_policy(options) == HouseholdPolicy()
    assert "The setting quiet_hours is not valid" in caplog.text
    data = dict.fromkeys(
        ("mode", "importance", "approval", "second_entry", "consent", "quiet_hours"),
        junk,
    )
    if junk != 5:
        data["soak_days"] = junk
    assert parse_lock_policy(data) == LockPolicy()


def test_a_consent_is_read_back() -> None:
    """With who, and when."""
    consent = parse_lock_policy({"consent": CONSENT}).consent
    assert consent is not None
    assert consent.user_name == "Ann"
    assert parse_lock_policy({"consent": None}).consent is None
