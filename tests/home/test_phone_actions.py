"""The buttons of notifications: each does what it says, and is always answered."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockUser  # type: ignore[import-untyped]

from custom_components.nightlatch.core.model import Halt, Purpose
from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.events import Happening
from custom_components.nightlatch.notifications.actions import EVENT, Verb, action_id
from homeassistant.auth.models import User
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from tests.rig.bootloader import Opcode
from tests.rig.lock import Mode

from .asked import cancel, install, plan_of
from .flows import until
from .house import BACK_DOOR, FRONT_DOOR, UPDATE, House
from .night import Night
from .test_actions import with_authenticator

STALE = "This button is about something that is over already. Nothing was changed."


def button(night: Night, title: str) -> dict[str, Any]:
    """Return the newest button with a title."""
    buttons = [
        each for call in night.told for each in call.data["data"].get("actions", ())
    ]
    found: dict[str, Any] = [each for each in buttons if each["title"] == title][-1]
    return found


async def press(
    night: Night, action: str, user: User | None = None, reply: str | None = None
) -> str:
    """Press a button; return the answer."""
    before = len(night.told)
    data = {"action": action} | ({} if reply is None else {"reply_text": reply})
    night.house.hass.bus.async_fire(
        EVENT, data, context=Context(user_id=user.id) if user else None
    )
    await night.house.settle()
    answers = [
        call.data["message"]
        for call in night.told[before:]
        if call.data["data"]["tag"] == "nightlatch-answer"
    ]
    assert len(answers) == 1
    assert "{" not in answers[0]
    return str(answers[0])


async def press_title(
    night: Night, title: str, user: User | None = None, reply: str | None = None
) -> str:
    """Press the newest button with a title; return the answer."""
    return await press(night, button(night, title)["action"], user, reply)


async def announced(house: House) -> Night:
    """Tell people in the evening of a night that is still to come."""
    hour = (dt_util.now() + timedelta(hours=2)).time()
    night = Night(
        house,
        quiet_hours={
            "weekdays": list(range(7)),
            "start": hour.isoformat("minutes"),
            "end": (dt_util.now() + timedelta(hours=6)).time().isoformat("minutes"),
        },
    )
    for lock in tuple(house.runtime.locks.values()):
        night.automate(lock.name)
    await house.release("1.1.0")
    await night.look()
    assert plan_of(house.managed()).waiting is Waiting.QUIET_HOURS
    return night


async def test_postpone_from_the_evening_notice(house: House) -> None:
    """Not tonight, but tomorrow."""
    night = await announced(house)
    planned = plan_of(house.managed()).starts_at
    assert planned is not None
    for _ in range(2):
        answer = await press_title(night, "Postpone to tomorrow")
        assert answer == "Front door is not updated before tomorrow."
        plan = plan_of(house.managed())
        assert plan.waiting is Waiting.POSTPONED
        assert plan.starts_at is not None
        # The same hour; the night of a clock change is an hour longer or shorter.
        later = plan.starts_at - planned
        assert timedelta(hours=22) < later < timedelta(hours=26)


async def test_a_fault_is_answered_too(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A button is never pressed in silence."""
    night = await announced(house)
    monkeypatch.setattr(house.managed().decided, "async_postpone", None)
    answer = await press_title(night, "Postpone to tomorrow")
    assert answer == (
        "Front door: nothing was done, because something in Nightlatch has failed."
        " The log under Settings > System > Logs says more."
    )
    assert "Front door: the button failed" in caplog.text
    caplog.clear()


async def test_tonight_is_said_of_one_release(house: House) -> None:
    """What comes before then is another one, and waits to be asked for."""
    night = await announced(house)
    night.set_lock(mode="ask")
    await house.settle()
    await house.managed().decided.async_schedule(dt_util.utcnow() + timedelta(hours=2))
    assert plan_of(house.managed()).waiting is Waiting.CHOSEN_TIME
    await house.release("1.2.0")
    assert plan_of(house.managed()).waiting is Waiting.PERSON


@pytest.mark.parametrize("hour", range(0, 24, 3))
async def test_postpone_at_any_hour(house: House, hour: int) -> None:
    """Also where the quiet hours of somebody who works at night go across noon."""
    start = dt_util.now().replace(hour=hour, minute=0)
    night = Night(
        house,
        quiet_hours={
            "weekdays": list(range(7)),
            "start": start.time().isoformat("minutes"),
            "end": (start + timedelta(hours=4)).time().isoformat("minutes"),
        },
    )
    night.automate()
    await house.release("1.1.0")
    lock = house.managed()
    assert lock.release is not None
    await lock.decided.async_note_announced(lock.release)
    before = plan_of(lock)
    assert before.window_end is not None
    await press(night, action_id(Verb.POSTPONE, lock))
    starts_at = plan_of(lock).starts_at
    assert starts_at is not None
    assert starts_at > before.window_end + timedelta(hours=18)


async def test_skipping_what_runs_cancels_it(house: House) -> None:
    """Otherwise the answer would be a lie."""
    night = Night(house)
    await house.release("1.1.0")
    lock = house.locks[FRONT_DOOR]
    lock.bootloader.delays = dict.fromkeys(Opcode, 0.3)
    house.hass.async_create_background_task(
        press_install(house), "somebody who presses Install"
    )
    await until(lambda: lock.mode is Mode.BOOTLOADER)
    skip = button(night, "Skip this version")["action"]
    assert await press(night, skip) == "Front door: this version is skipped."
    await until(lambda: lock.mode is Mode.APPLICATION)
    assert lock.version == "1.0.0"
    assert night.types()[-1] == "update_cancelled"
    assert house.managed().decisions.skipped == "1.1.0"


async def test_what_activates_cannot_be_postponed_any_more(house: House) -> None:
    """The answer says so, and nothing is promised."""
    night = Night(house)
    await house.release("1.1.0")
    lock = house.locks[FRONT_DOOR]
    lock.activation_time = 0.4
    pressed = house.hass.async_create_task(install(house.managed()))
    await until(lambda: lock.mode is Mode.ACTIVATING)
    told = len(night.messages)
    data = {"action": button(night, "Skip this version")["action"]}
    house.hass.bus.async_fire(EVENT, data)
    await until(lambda: len(night.messages) > told)
    assert "is activating the new firmware" in night.messages[told]
    assert "skipped" not in night.messages[told]
    assert house.managed().decisions.skipped is None
    await pressed
    assert lock.version == "1.1.0"
    await house.settle()


async def press_install(house: House) -> None:
    """Install, and see that somebody cancels it."""
    with pytest.raises(HomeAssistantError, match="cancelled"):
        await install(house.managed())


async def test_each_door_has_a_notice_and_buttons_of_its_own(two_doors: House) -> None:
    """What is said of one decides nothing about the other."""
    night = await announced(two_doors)
    front, back = (two_doors.managed(each) for each in (FRONT_DOOR, BACK_DOOR))
    titles = [call.data["title"] for call in night.told]
    assert titles == ["Front door · Nightlatch", "Back door · Nightlatch"]
    tags = {call.data["data"]["tag"] for call in night.told}
    assert tags == {f"nightlatch-{front.subentry_id}", f"nightlatch-{back.subentry_id}"}
    for call, name in zip(night.told, ("Front door", "Back door"), strict=True):
        assert call.data["message"].startswith(f"{name} will be updated to 1.1.0")
    skip = night.told[0].data["data"]["actions"][1]
    assert skip["title"] == "Skip this version"
    answer = await press(night, skip["action"])
    assert answer == "Front door: this version is skipped."
    assert night.told[-1].data["title"] == "Front door · Nightlatch"
    assert plan_of(front).waiting is Waiting.SKIPPED
    assert plan_of(back).waiting is Waiting.QUIET_HOURS


async def test_a_tap_opens_the_dialog_of_the_lock(house: House) -> None:
    """On Android and on iOS; also where the phone sends no buttons."""
    night = await announced(house)
    await press_title(night, "Postpone to tomorrow")
    assert len(night.told) == 2
    for call in night.told:
        data = call.data["data"]
        assert data["clickAction"] == f"entityId:{UPDATE}"
        assert data["url"] == f"/?more-info-entity-id={UPDATE}"


async def test_who_has_pressed_install_hears_the_end(house: House) -> None:
    """At once, not at breakfast; also that it waits, and why."""
    night = Night(house)
    house.hass.states.async_set("binary_sensor.front", "on")
    night.set_lock(door_entity="binary_sensor.front")
    await night.look()
    await house.release("1.1.0")
    await house.settle()
    await press_title(night, "Install now")
    told = len(night.messages)
    await night.look()
    assert night.messages[told:] == [
        "Front door waits with its update to 1.1.0. The door is open. Shut it."
    ]
    await night.look()
    assert len(night.messages) == told + 1
    house.hass.states.async_set(
        "binary_sensor.front",
        "off",
        timestamp=(dt_util.utcnow() - timedelta(minutes=3)).timestamp(),
    )
    await night.look()
    assert night.messages[told + 1 :] == ["Front door runs 1.1.0 and works."]
    assert house.runtime.store.digest == ()
    assert house.runtime.store.digest_held == {}


async def test_install_now(house: House) -> None:
    """As if the button of the update entity were pressed."""
    night = Night(house)
    await house.release("1.1.0")
    await house.settle()
    answer = await press_title(night, "Install now")
    assert answer.startswith("Front door: the update starts within a minute")
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    (outcome,) = house.managed().record.history
    assert outcome.origin == "person"
    assert await press_title(night, "Install now") == STALE


async def test_install_tonight(house: House) -> None:
    """In the next quiet hours that are long enough, though the lock asks."""
    now = dt_util.now()
    night = Night(
        house,
        quiet_hours={
            "weekdays": list(range(7)),
            "start": (now + timedelta(hours=2)).time().isoformat("minutes"),
            "end": (now + timedelta(hours=4)).time().isoformat("minutes"),
        },
    )
    await house.release("1.1.0")
    await house.settle()
    answer = await press_title(night, "Install tonight")
    assert answer == "Front door will be updated in the next quiet hours."
    plan = plan_of(house.managed())
    assert plan.waiting is Waiting.CHOSEN_TIME
    assert plan.starts_at is not None
    assert timedelta(hours=1, minutes=58) < plan.starts_at - dt_util.utcnow()
    assert plan.starts_at - dt_util.utcnow() < timedelta(hours=2, minutes=1)


async def test_no_quiet_hours_to_install_in(house: House) -> None:
    """Then nothing is promised, and nothing approved."""
    night = Night(house, quiet_hours={"weekdays": [], "start": "01:00", "end": "02:00"})
    night.set_lock(approval="person")
    await house.release("1.1.0")
    await house.settle()
    ann: User = MockUser(name="Ann", is_owner=True).add_to_hass(house.hass)
    answer = await press_title(night, "Approve for tonight", ann)
    assert "quiet hours" in answer
    assert "Front door" in answer
    assert house.managed().decisions.approval is None


async def test_what_is_being_installed_is_not_asked_for_again(house: House) -> None:
    """Said, not done twice."""
    night = Night(house)
    await house.release("1.1.0")
    await house.settle()
    async with house.runtime.queue.short_use():
        house.hass.async_create_background_task(press_install(house), "install")
        await until(lambda: bool(house.runtime.queue.waiting))
        data = {"action": button(night, "Install now")["action"]}
        house.hass.bus.async_fire(EVENT, data)
        await until(lambda: len(night.messages) == 2)
        assert house.managed().decisions.scheduled_at is None
        await cancel(house.managed())
    assert "Front door" in night.messages[1]
    assert "already" in night.messages[1]


async def test_a_button_decides_only_about_what_it_was_shown_for(house: House) -> None:
    """The vendor has released something else since."""
    night = Night(house)
    await house.release("1.1.0")
    await house.settle()
    skip = button(night, "Skip this version")["action"]
    await house.release("1.2.0")
    await house.settle()
    assert await press(night, skip) == STALE
    assert house.managed().decisions.skipped is None
    assert await press_title(night, "Skip this version") != STALE
    assert house.managed().decisions.skipped == "1.2.0"


@pytest.mark.parametrize("verb", Verb)
async def test_what_is_gone_by_the_time_it_is_done_is_answered(
    house: House, verb: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor takes the release back while the account is looked up."""
    night = Night(house)
    await house.release("1.1.0")
    await house.settle()
    ann: User = MockUser(name="Ann", is_owner=True).add_to_hass(house.hass)
    lock, look_up = house.managed(), house.hass.auth.async_get_user
    action = action_id(verb, lock)

    async def slowly(user_id: str) -> User | None:
        lock.release = None
        return await look_up(user_id)

    monkeypatch.setattr(house.hass.auth, "async_get_user", slowly)
    before = lock.decisions
    assert await press(night, action, ann) == STALE
    assert lock.decisions == before


@pytest.mark.parametrize(
    "action",
    [
        "NIGHTLATCH_",
        "NIGHTLATCH_EXPLODE_ALL",
        "NIGHTLATCH_POSTPONE_ALL",
        "NIGHTLATCH_INSTALL_01JZNOLOCKOFTHATNAME_00000000",
        "NIGHTLATCH_APPROVE",
    ],
)
async def test_what_means_nothing_is_answered(house: House, action: str) -> None:
    """Whatever was pressed, nobody waits in vain."""
    night = Night(house)
    assert await press(night, action) == STALE
    assert plan_of(house.managed()).waiting is Waiting.NOTHING_OFFERED


async def test_the_buttons_of_others_are_left_alone(house: House) -> None:
    """Other automations have notifications with buttons too."""
    night = Night(house)
    house.hass.bus.async_fire(EVENT, {"action": "OPEN_THE_GARAGE"})
    house.hass.bus.async_fire(EVENT, {})
    await house.settle()
    assert night.told == []


# Who may.


async def test_who_may_not_control_the_update_cannot_with_a_button_either(
    house: House,
) -> None:
    """A button is no way around permissions."""
    night = Night(house)
    await house.release("1.1.0")
    await house.settle()
    ann: User = MockUser(name="Ann").add_to_hass(house.hass)
    ann.mock_policy({"entities": {"all": {"read": True}}})  # type: ignore[attr-defined]
    answer = await press_title(night, "Skip this version", ann)
    assert answer.startswith("Front door: Ann may not control")
    assert house.managed().decisions.skipped is None
    assert house.managed().decisions.scheduled_at is None
    ann.mock_policy({"entities": {"all": True}})  # type: ignore[attr-defined]
    answer = await press_title(night, "Install now", ann)
    assert answer.startswith("Front door: only an administrator may do this")
    assert house.managed().decisions.scheduled_at is None
    admin: User = MockUser(name="Bea", is_owner=True).add_to_hass(house.hass)
    await press_title(night, "Install now", admin)
    assert house.managed().decisions.scheduled_at is not None


async def test_who_may_only_approve_leaves_the_time_to_others(house: House) -> None:
    """To say when is for administrators, as Install is."""
    night = Night(house)
    night.set_lock(approval="person")
    await house.release("1.1.0")
    await house.settle()
    ann: User = MockUser(name="Ann").add_to_hass(house.hass)
    ann.mock_policy({"entities": {"all": True}})  # type: ignore[attr-defined]
    answer = await press_title(night, "Approve for tonight", ann)
    assert answer.startswith(
        "Front door: approved. It is updated when an administrator"
    )
    assert house.managed().decided.approved_by == "Ann"
    assert house.managed().decisions.scheduled_at is None


async def test_an_approval_is_given_by_the_person_whose_phone_it_is(
    house: House,
) -> None:
    """Also for a lock that else is updated by itself: it waits for a yes."""
    night = Night(house)
    night.automate(approval="person")
    await house.release("1.1.0")
    await house.settle()
    # Who gets no buttons, or has a phone that does not send them, can say it too.
    (asked,) = night.messages
    assert asked == (
        "Front door: version 1.1.0 waits for your approval. You can give it under "
        "Settings > Repairs too."
    )
    yes = button(night, "Approve for tonight")
    assert "behavior" not in yes
    assert "only a person can approve" in await press(night, yes["action"])
    assert house.managed().decisions.approval is None
    assert night.taken_away == []

    ann: User = MockUser(name="Ann", is_owner=True).add_to_hass(house.hass)
    answer = await press(night, yes["action"], ann)
    assert answer == (
        "Front door: approved; it will be updated in the next quiet hours."
    )
    # No other phone asks any more.
    (tag,) = {
        call.data["data"]["tag"] for call in night.told if call.data["message"] == asked
    }
    assert night.taken_away == [tag]
    await night.look()
    assert night.taken_away == [tag]
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    (outcome,) = house.managed().record.history
    assert outcome.approval is not None
    assert outcome.approval.user_name == "Ann"


async def test_a_request_that_was_answered_elsewhere_is_taken_away(
    house: House,
) -> None:
    """Not only where a button was pressed."""
    night = Night(house)
    await house.release("1.1.0")
    await house.settle()
    assert len(night.messages) == 1
    await house.managed().decided.async_skip("1.1.0")
    await until(lambda: len(night.taken_away) == 1)
    assert night.taken_away[0] == night.told[0].data["data"]["tag"]


async def test_install_now_is_no_way_around_an_approval(house: House) -> None:
    """The notice came before the owner wanted approvals."""
    night = Night(house)
    await house.release("1.1.0")
    await house.settle()
    night.set_lock(approval="person")
    await house.settle()
    answer = await press_title(night, "Install now")
    assert "needs the approval of a person first" in answer
    assert house.managed().decisions.scheduled_at is None


async def test_nor_around_what_a_removed_feed_has_halted(house: House) -> None:
    """It is said what stands against it, as where the update is pressed itself."""
    night = Night(house)
    await house.release("1.1.0")
    await house.settle()
    lock = house.managed()
    assert lock.release is not None
    lock.release = replace(lock.release, halted=Halt(feed_gone=True))
    answer = await press_title(night, "Install now")
    assert "removed here has halted 1.1.0" in answer
    assert lock.decisions.scheduled_at is None


async def test_the_one_time_code_is_typed_into_the_notice(house: House) -> None:
    """A wrong one approves nothing, none neither."""
    night = Night(house)
    night.set_lock(approval="second_factor")
    await house.release("1.1.0")
    await house.settle()
    yes = button(night, "Approve for tonight")
    assert yes["behavior"] == "textInput"
    ann: User = MockUser(name="Ann", is_owner=True).add_to_hass(house.hass)
    app = await with_authenticator(house, ann)
    assert "needs a one-time code" in await press(night, yes["action"], ann)
    assert "the code is wrong" in await press(night, yes["action"], ann, "000000")
    assert "six digits" in await press(night, yes["action"], ann, "000")
    assert house.managed().decisions.approval is None

    answer = await press(night, yes["action"], ann, f" {app.code()} ")
    assert "approved" in answer
    approval = house.managed().decisions.approval
    assert approval is not None
    assert approval.second_factor
    assert not any(app.code() in text for text in night.messages)


def newest(night: Night) -> dict[str, str]:
    """Return what a phone shows: of each tag the newest."""
    return {call.data["data"]["tag"]: call.data["message"] for call in night.told}


async def test_what_has_to_be_seen_to_is_not_replaced_by_what_weighs_less(
    house: House,
) -> None:
    """Nor is what waits for a yes; and its buttons are still about that."""
    night = Night(house, everything=True)
    night.set_lock(mode="ask")
    await house.settle()
    lock = house.managed()
    await house.release("1.1.0")
    await house.settle()
    lock.async_tell(
        Happening.MANUAL_STEP_NEEDED, version="1.1.0", message="Go and look."
    )
    for happening in (Happening.BATTERY_DRAINING, Happening.CANCELLED):
        lock.async_tell(happening, version="1.1.0", installed_version="1.0.0")
        await house.settle()
    shown = list(newest(night).values())
    assert len(shown) == 4
    assert sum("Go and look." in each for each in shown) == 1
    assert await press_title(night, "Skip this version") == (
        "Front door: this version is skipped."
    )


async def test_that_a_door_opens_again_replaces_that_it_does_not(house: House) -> None:
    """It is about the same, and the newer one holds."""
    night = Night(house)
    lock = house.managed()
    lock.async_tell(Happening.BOOTLOADER_FOUND)
    await house.settle()
    assert len(newest(night)) == 1
    lock.async_tell(Happening.INSTALLED, version="1.0.0", purpose=Purpose.RECOVERY)
    await house.settle()
    assert len(newest(night)) == 1
