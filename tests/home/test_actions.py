"""What automations and dashboards can ask of a lock, and who may."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import probatio
import pyotp
import pytest
from pytest_homeassistant_custom_component.common import MockUser  # type: ignore[import-untyped]

from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.texts.release_notes import async_release_notes
from homeassistant.auth import auth_manager_from_config
from homeassistant.auth.models import User
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.util import dt as dt_util
from tests.rig.lock import Mode

from .asked import cancel, install, plan_of
from .flows import until
from .house import FRONT_DOOR, UPDATE, House
from .night import Night

NO_WAY_BACK = (
    "There is no way back: once the new one has started the lock refuses the old one."
)

pytestmark = pytest.mark.usefixtures("house")


async def act(
    house: House, action: str, user: User | None = None, **data: Any
) -> dict[str, Any]:
    """Call one of our actions for the front door; return its answer."""
    if action == "approve":
        # What the vendors here release first.
        data = {"version": "1.1.0", **data}
    answer: Any = await house.hass.services.async_call(
        "nightlatch",
        action,
        {"entity_id": UPDATE, **data},
        blocking=True,
        context=Context(user_id=user.id) if user else None,
        return_response=action == "get_plan",
    )
    await house.settle()
    return dict(answer[UPDATE]) if answer else {}


async def refused(
    house: House, action: str, user: User | None = None, **data: Any
) -> str:
    """Call an action that must be refused; return the key of what was said."""
    with pytest.raises(HomeAssistantError) as caught:
        await act(house, action, user, **data)
    said = str(caught.value)
    assert "Front door" in said
    assert "{" not in said
    return str(caught.value.translation_key)


async def add_user(house: House, **fields: Any) -> User:
    """Let somebody live here."""
    user: User = MockUser(**{"name": "Ann", **fields}).add_to_hass(house.hass)
    return user


class Authenticator:
    """The app on somebody's phone."""

    def __init__(self) -> None:
        """Make a secret."""
        self._totp = pyotp.TOTP(pyotp.random_base32())

    @property
    def secret(self) -> str:
        """What Home Assistant shows as a picture."""
        return self._totp.secret

    def code(self, steps: int = 0) -> str:
        """Return the code of now, or of some steps later."""
        return self._totp.at(dt_util.utcnow(), steps)


async def with_authenticator(house: House, user: User) -> Authenticator:
    """Let a person set up an authenticator app, as in the own profile."""
    house.hass.auth._mfa_modules.update(
        (
            await auth_manager_from_config(house.hass, [], [{"type": "totp"}])
        )._mfa_modules
    )
    app = Authenticator()
    module = house.hass.auth.get_auth_mfa_module("totp")
    assert module is not None
    await module.async_setup_user(user.id, {"secret": app.secret})
    return app


# The plan.


async def test_the_plan_of_a_lock_without_a_release(house: House) -> None:
    """There is little to say."""
    assert await act(house, "get_plan") == {
        "next_step": "up_to_date",
        "starts_at": None,
        "waiting_for": "nothing_offered",
        "source_problem": None,
        "way": None,
        "installed_version": "1.0.0",
        "version": None,
        "rollback_versions": [],
    }


async def test_the_plan_tells_everything(house: House) -> None:
    """The release, each check, what it means in words, and when."""
    night = Night(house)
    night.automate(no_door_sensor=False)
    await house.release("1.1.0")
    plan = await act(house, "get_plan")
    assert plan["version"] == "1.1.0"
    assert plan["waiting_for"] == Waiting.NOTICE
    assert dt_util.parse_datetime(plan["starts_at"], raise_on_error=True) > (
        dt_util.utcnow()
    )
    assert plan["minutes"] == 5
    assert plan["approved_by"] is None
    assert plan["way_back"] == "none"
    assert not plan["ready"]
    checks = {check["rule"]: check for check in plan["checks"]}
    assert len(checks) == 31
    # Its vendor has signed for it: that is what there is to know of a keeper.
    assert checks["keeper"]["verdict"] == "pass"
    assert plan["keeper"] is None
    assert plan["evidence"] == "signature_verified"
    assert plan["overrides_until"] is None
    assert checks["door"] == {
        "family": "door",
        "rule": "door",
        "verdict": "blocker",
        "reason": "preflight_door_not_said",
        "message": "It is not known whether the door is shut. Reconfigure the lock: link "
        "a door sensor, or say that this door has none.",
        "override": "door",
    }
    assert plan["blockers"] == [checks["door"]["message"]]
    first = ["summary", "next_step", "starts_at", "waiting_for", "source_problem"]
    assert list(plan)[:5] == first
    assert checks["battery"]["verdict"] == "pass"
    assert (checks["battery"]["measured"], checks["battery"]["limit"]) == (
        "90 %",
        "40 %",
    )
    assert "message" not in checks["battery"]
    assert plan["summary"] == [
        "The lock goes from 1.0.0 to 1.1.0.",
        "It takes about 2 min; do not rely on the lock for up to 5 min.",
        NO_WAY_BACK,
        "It closes KL-2026-07.",
        "Meanwhile these do not work: Bluetooth, auto-lock.",
    ]


async def test_the_plan_of_a_plain_release(house: House) -> None:
    """What is not known of it is not told."""
    await house.release("1.1.0", advisories=[], disrupts=[])
    plan = await act(house, "get_plan")
    assert plan["ready"]
    assert plan["waiting_for"] == Waiting.PERSON
    assert len(plan["summary"]) == 3
    assert NO_WAY_BACK in plan["summary"]


# What changes the plan.


async def test_a_time_can_be_chosen_and_given_up(house: House) -> None:
    """It is cancelled as what runs is."""
    at = dt_util.utcnow() + timedelta(hours=5)
    assert await refused(house, "schedule", at=at) == "nothing_to_install"
    await house.release("1.1.0")
    await act(house, "schedule", at=at)
    plan = await act(house, "get_plan")
    assert dt_util.parse_datetime(plan["starts_at"]) == at.replace(
        microsecond=at.microsecond
    )
    assert plan["waiting_for"] == "chosen_time"
    await act(house, "cancel")
    assert (await act(house, "get_plan"))["starts_at"] is None
    assert await refused(house, "cancel") == "nothing_to_cancel"
    past = dt_util.utcnow() - timedelta(hours=5)
    assert await refused(house, "schedule", at=past) == "time_is_past"


async def test_it_can_be_postponed(house: House) -> None:
    """For days, or until a time; for one day if nothing is said."""
    await house.release("1.1.0")
    lock = house.managed()
    await act(house, "postpone")
    for days in (1, 3):
        await act(house, "postpone", None, **({} if days == 1 else {"days": days}))
        until_ = lock.decisions.postponed_until
        assert until_ is not None
        assert abs(until_ - dt_util.utcnow() - timedelta(days=days)) < timedelta(
            minutes=1
        )
    at = dt_util.utcnow() + timedelta(hours=5)
    await act(house, "postpone", until=at)
    assert lock.decisions.postponed_until == at


async def test_a_version_can_be_pinned(house: House) -> None:
    """The one that runs, if nothing is said."""
    await house.release("1.1.0")
    await act(house, "pin_version")
    assert house.managed().decisions.pinned == "1.0.0"
    await house.reload()
    assert house.managed().decisions.pinned == "1.0.0"
    await act(house, "unpin")
    assert house.managed().decisions.pinned is None
    await act(house, "pin_version", version="1.1.0")
    assert house.managed().decisions.pinned == "1.1.0"


async def test_feed_and_lock_can_be_asked(house: House) -> None:
    """As with the button."""
    asked = len(house.vendor.requests)
    await act(house, "check_now")
    assert len(house.vendor.requests) > asked


async def test_what_runs_can_be_cancelled_until_it_activates(house: House) -> None:
    """Then it says that it cannot."""
    await house.release("1.1.0")
    lock = house.locks[FRONT_DOOR]
    lock.activation_time = 0.4
    press = house.hass.async_create_task(install(house.managed()))
    await until(lambda: lock.mode is Mode.ACTIVATING)
    with pytest.raises(HomeAssistantError) as caught:
        await cancel(house.managed())
    assert caught.value.translation_key == "too_late_to_cancel"
    await press
    assert lock.version == "1.1.0"


async def test_only_administrators_decide(house: House) -> None:
    """As with Home Assistant's own update actions."""
    await house.release("1.1.0")
    guest = await add_user(house, is_owner=False)
    for action in ("pin_version", "postpone", "cancel", "check_now"):
        with pytest.raises(Unauthorized):
            await act(house, action, guest)


async def test_it_can_be_postponed_for_a_time_only(house: House) -> None:
    """For ever would be a pin, which is for administrators."""
    await house.release("1.1.0")
    at = dt_util.utcnow() + timedelta(days=91)
    assert await refused(house, "postpone", until=at) == "postponed_too_long"
    assert house.managed().decisions.postponed_until is None


# Approvals.


async def test_a_lock_that_needs_approval_is_not_installed_without(
    house: House,
) -> None:
    """By nobody, and it says how to approve it."""
    night = Night(house)
    night.automate(approval="person")
    await house.release("1.1.0")
    with pytest.raises(HomeAssistantError) as caught:
        await house.install()
    assert caught.value.translation_key == "approval_missing"
    await night.look()
    assert plan_of(house.managed()).waiting is Waiting.APPROVAL

    owner = await add_user(house, is_owner=True)
    await act(house, "approve", owner)
    assert (await act(house, "get_plan"))["approved_by"] == "Ann"
    await act(house, "revoke_approval")
    with pytest.raises(HomeAssistantError):
        await house.install()

    await act(house, "approve", owner)
    await house.install()
    (outcome,) = house.managed().record.history
    assert outcome.approval is not None
    assert outcome.approval.user_id == owner.id
    assert not outcome.approval.second_factor
    # It was for this one.
    assert house.managed().decisions.approval is None


async def test_an_approval_can_be_taken_back_until_the_transfer(house: House) -> None:
    """It is looked at again just before."""
    Night(house).set_lock(approval="person")
    owner = await add_user(house, is_owner=True)
    await house.release("1.1.0")
    await act(house, "approve", owner)
    async with house.runtime.queue.short_use():
        press = house.hass.async_create_task(install(house.managed()))
        await until(lambda: bool(house.runtime.queue.waiting))
        await house.managed().decided.async_revoke()
    with pytest.raises(HomeAssistantError, match="needs the approval of a person"):
        await press
    assert house.locks[FRONT_DOOR].version == "1.0.0"


async def test_who_may_approve(house: House) -> None:
    """A person, and not just anybody."""
    owner = await add_user(house, is_owner=True)
    assert await refused(house, "approve", owner) == "nothing_to_approve"
    await house.release("1.1.0")
    assert await refused(house, "approve") == "approval_needs_a_person"
    system = await add_user(house, system_generated=True)
    with pytest.raises(HomeAssistantError):
        await act(house, "approve", system)
    guest = await add_user(house, is_owner=False)
    guest.mock_policy({"entities": {"entity_ids": {UPDATE: {"control": True}}}})  # type: ignore[attr-defined]
    await act(house, "approve", guest)
    assert (await act(house, "get_plan"))["approved_by"] == "Ann"


async def test_the_owner_may_override_a_check(house: House) -> None:
    """That one, this time; who did is on record."""
    owner = await add_user(house, is_owner=True)
    await house.release("1.1.0")
    house.locks[FRONT_DOOR].set_battery(21)
    with pytest.raises(HomeAssistantError, match="at 21 %"):
        await house.install()
    await act(house, "approve", owner, overrides=["battery"])
    await house.install()
    (outcome,) = house.managed().record.history
    assert outcome.approval is not None
    assert outcome.approval.overrides == {"battery"}


async def test_an_approval_names_what_was_seen(house: House) -> None:
    """The feed has brought another one since: that was not approved."""
    owner = await add_user(house, is_owner=True)
    await house.release("1.1.0")
    await house.release("1.2.0")
    with pytest.raises(HomeAssistantError, match=r"1\.1\.0.*1\.2\.0") as caught:
        await act(house, "approve", owner, version="1.1.0", overrides=["battery"])
    assert caught.value.translation_key == "approval_other_version"
    assert house.managed().decisions.approval is None
    with pytest.raises(probatio.Invalid):
        await house.hass.services.async_call(
            "nightlatch",
            "approve",
            {"entity_id": UPDATE},
            blocking=True,
            context=Context(user_id=owner.id),
        )
    await act(house, "approve", owner, version=" 1.2.0 ", overrides=["battery"])
    assert house.managed().decided.approved_by == "Ann"


async def test_what_comes_while_the_code_is_checked_is_not_approved(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at again after everything that takes time."""
    owner = await add_user(house, is_owner=True)
    await house.release("1.1.0")
    app = await with_authenticator(house, owner)
    module = house.hass.auth.get_auth_mfa_module("totp")
    assert module is not None
    validate = module.async_validate

    async def slowly(user_id: str, user_input: dict[str, Any]) -> bool:
        await house.release("1.2.0")
        return await validate(user_id, user_input)

    monkeypatch.setattr(module, "async_validate", slowly)
    said = await refused(house, "approve", owner, code=app.code())
    assert said == "approval_outdated"
    assert house.managed().decisions.approval is None


@pytest.mark.parametrize("age", [timedelta(days=180), timedelta(minutes=-5)])
async def test_a_judgement_ends(house: House, age: timedelta) -> None:
    """Plan, dialog and refusal say so; the approval itself stays."""
    Night(house).set_lock(approval="person")
    owner = await add_user(house, is_owner=True)
    await house.release("1.1.0")
    house.locks[FRONT_DOOR].set_battery(3)
    await act(house, "check_now")
    await act(house, "approve", owner, overrides=["battery"])
    plan = await act(house, "get_plan")
    checks = {check["rule"]: check for check in plan["checks"]}
    assert checks["battery"]["overridden_by"] == "Ann"
    approval = house.managed().decisions.approval
    assert approval is not None
    until_ = dt_util.parse_datetime(plan["overrides_until"], raise_on_error=True)
    assert until_ == approval.at + timedelta(hours=12)

    lock = house.managed()
    lock.decided.kept = replace(
        lock.decisions, approval=replace(approval, at=dt_util.utcnow() - age)
    )
    plan = await act(house, "get_plan")
    checks = {check["rule"]: check for check in plan["checks"]}
    assert checks["battery"]["verdict"] == "blocker"
    assert checks["battery"]["override_ended"] == "Ann"
    assert "Ann judged this better" in checks["battery"]["message"]
    assert (plan["approved_by"], plan["overrides_until"]) == ("Ann", None)
    assert checks["approval"]["verdict"] == "pass"
    assert lock.release is not None
    notes = await async_release_notes(
        house.hass, lock, lock.release, house.runtime.planner
    )
    assert notes.startswith("Front door: what Ann judged better (")
    with pytest.raises(HomeAssistantError, match="Ann judged this better"):
        await house.install()
    assert house.locks[FRONT_DOOR].version == "1.0.0"


# The second factor.


async def test_a_second_factor(house: House) -> None:
    """The code of the person who calls; each one counts once."""
    Night(house).set_lock(approval="second_factor")
    await house.release("1.1.0")
    owner = await add_user(house, is_owner=True)
    assert await refused(house, "approve", owner) == "code_missing"
    assert await refused(house, "approve", owner, code="1") == "code_not_set_up"
    app = await with_authenticator(house, owner)
    assert await refused(house, "approve", owner, code="000000") == "code_wrong"
    code = app.code()
    await act(house, "approve", owner, code=f" {code} ")
    approval = house.managed().decisions.approval
    assert approval is not None
    assert approval.second_factor
    assert await refused(house, "approve", owner, code=code) == "code_used"
    # The code of somebody else does not help.
    other = await add_user(house, is_owner=True)
    assert await refused(house, "approve", other, code=app.code(1)) == "code_not_set_up"
    await house.install()


async def test_an_approval_without_the_second_factor_does_not_count(
    house: House,
) -> None:
    """As when the owner has asked for more since."""
    owner = await add_user(house, is_owner=True)
    await house.release("1.1.0")
    await act(house, "approve", owner)
    Night(house).set_lock(approval="second_factor")
    with pytest.raises(HomeAssistantError, match="second_factor"):
        await house.install()


async def test_codes_cannot_be_guessed(house: House) -> None:
    """After five wrong ones nobody listens for a while, not even to the right one."""
    owner = await add_user(house, is_owner=True)
    await house.release("1.1.0")
    app = await with_authenticator(house, owner)
    for _ in range(5):
        assert await refused(house, "approve", owner, code="000000") == "code_wrong"
    with pytest.raises(HomeAssistantError, match="again in 15 minutes") as caught:
        await act(house, "approve", owner, code=app.code())
    assert caught.value.translation_key == "code_too_often"


async def test_one_code_at_two_doors_at_once(house: House) -> None:
    """Only one of them opens."""
    owner = await add_user(house, is_owner=True)
    await house.release("1.1.0")
    app = await with_authenticator(house, owner)
    code = app.code()
    calls = [
        house.hass.async_create_task(act(house, "approve", owner, code=code))
        for _ in range(2)
    ]
    ends = [await each_end(call) for call in calls]
    assert sorted(ends, key=str) == [None, "code_used"]


async def each_end(call: Any) -> str | None:
    """Return what a call was refused with."""
    try:
        await call
    except HomeAssistantError as err:
        return str(err.translation_key)
    return None
