"""Back to what ran before: who may, to what, and what is said before anything happens."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import probatio
import pytest

from custom_components.nightlatch.core.errors import VaultError, VaultProblem
from custom_components.nightlatch.core.model import Purpose, Source
from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.vault.store import HouseholdVault
from homeassistant.auth.models import User
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.util import dt as dt_util
from tests.rig.bootloader import Opcode
from tests.rig.dfu_package import make_package
from tests.rig.lock import Mode
from tests.rig.scene import HARDWARE_VERSION, make_firmware

from .asked import cancel, plan_of
from .flows import until
from .house import EVENT, FRONT_DOOR, OUTCOME, PROBLEM, UPDATE, House
from .mcuboot_house import McubootHouse
from .night import Night
from .test_actions import Authenticator, act, add_user, refused, with_authenticator

COUNTER = 10_000
"""Of all firmware here that can come back: the lock takes what is not lower."""
WORDS = "I know that the pairing hole is open again."


@pytest.fixture
async def owner(house: House) -> User:
    """Let somebody live here who may do everything."""
    return await add_user(house, is_owner=True)


@pytest.fixture
async def app(house: House, owner: User) -> Authenticator:
    """Give the owner an authenticator app."""
    return await with_authenticator(house, owner)


async def release(house: House, version: str, **fields: Any) -> None:
    """Release firmware whose counter does not rise, so that there is a way back."""
    package = make_package(
        make_firmware(version),
        key=house.vendor.firmware_key,
        fw_version=COUNTER,
        hw_version=HARDWARE_VERSION,
    )
    payload = {
        "format": "nordic-dfu",
        "hardware_version": HARDWARE_VERSION,
        "firmware_version": COUNTER,
    }
    await house.release(version, package=package, payload=payload, **fields)


async def update(house: House, version: str = "1.1.0", **fields: Any) -> None:
    """Bring the lock to newer firmware from which there is a way back."""
    await release(house, version, **fields)
    await house.install()
    assert house.state().attributes["installed_version"] == version


async def test_back_to_what_ran_before(
    house: House, owner: User, app: Authenticator
) -> None:
    """Out of the vault, though the feed no longer has it; what was left stays away."""
    night = Night(house)
    await update(house)
    house.vendor.withdraw("kl-1/1.0.0.zip")
    await house.check()
    plan = await act(house, "get_plan")
    assert plan["rollback_versions"] == ["1.0.0"]

    await act(house, "rollback", owner, code=app.code())

    assert house.locks[FRONT_DOOR].version == "1.0.0"
    state = house.state()
    assert state.attributes["installed_version"] == "1.0.0"
    assert state.attributes["latest_version"] == "1.1.0"
    assert state.attributes["skipped_version"] == "1.1.0"
    assert state.state == STATE_OFF
    assert house.state(OUTCOME).state == "succeeded"
    assert house.state(PROBLEM).state == STATE_OFF
    assert house.state(EVENT).attributes["purpose"] == "rollback"
    outcome = house.managed().record.history[-1]
    assert outcome.purpose is Purpose.ROLLBACK
    assert outcome.approval is not None
    assert outcome.approval.second_factor
    assert outcome.approval.user_id == owner.id
    assert outcome.approval.words == ""
    assert house.managed().decisions.choice is None
    # Nobody was asked whether they want an update to it.
    assert night.types().count("update_available") == 1
    # The floor has not sunk, and the lock is not brought up again by itself.
    floor = house.runtime.store.trust.locks[FRONT_DOOR]
    assert floor.version.text == "1.1.0"
    night.automate()
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.0.0"

    # And forth again, to what ran before what runs now.
    await act(house, "rollback", owner, code=app.code(1))
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert house.state().state == STATE_OFF
    assert house.managed().decisions.skipped == "1.0.0"


async def test_what_a_lock_was_brought_back_from_stays_away_whatever_it_tells(
    mcuboot_house: McubootHouse,
) -> None:
    """It says the number of its build besides, which is not in the vendor's version."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    owner = await add_user(house, is_owner=True)
    app = await with_authenticator(house, owner)
    night = Night(house)
    for version in ("1.1.0", "1.2.0"):
        await mcuboot_house.release(version)
        await house.install()
    assert lock.version == "1.2.0+0"
    await act(house, "rollback", owner, code=app.code())
    assert lock.version == "1.1.0+0"
    await house.settle()
    state = house.state()
    assert state.attributes["latest_version"] == "1.2.0"
    assert state.attributes["skipped_version"] == "1.2.0"
    assert state.state == STATE_OFF
    night.automate()
    await night.look()
    assert plan_of(house.managed()).waiting is Waiting.SKIPPED
    assert lock.version == "1.1.0+0"
    # What is newer than that nobody has left out.
    await mcuboot_house.release("1.3.0")
    await house.settle()
    assert house.state().state == STATE_ON


async def test_what_the_lock_refuses_is_said_before_it_is_touched(
    house: House, owner: User, app: Authenticator
) -> None:
    """Nordic's bootloader takes no lower counter than it has run; and no code is spent."""
    await house.release("1.1.0")
    plan = await act(house, "get_plan")
    assert plan["way_back"] == "none"
    assert (
        "There is no way back: once the new one has started the lock refuses the old one."
        in plan["summary"]
    )
    await house.install()
    assert (await act(house, "get_plan"))["rollback_versions"] == []
    connects = house.links[FRONT_DOOR].counters.connects
    code = app.code()
    with pytest.raises(
        HomeAssistantError, match="takes no firmware with a lower"
    ) as no:
        await act(house, "rollback", owner, code=code)
    assert no.value.translation_key == "preflight_blocked"
    assert house.links[FRONT_DOOR].counters.connects == connects
    assert house.managed().decisions.choice is None
    assert house.state().state == STATE_OFF
    await house.release("1.2.0")
    await act(house, "approve", owner, version="1.2.0", code=code)


@pytest.mark.parametrize(
    ("fields", "way_back"),
    [({"counter": COUNTER}, "kept"), ({"counter": COUNTER + 1}, "none")],
)
async def test_the_plan_says_beforehand_whether_there_is_a_way_back(
    house: House,
    fields: dict[str, int],
    way_back: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the counters of the packages, though nothing is kept yet."""
    package = make_package(
        make_firmware("1.1.0"),
        key=house.vendor.firmware_key,
        fw_version=fields["counter"],
        hw_version=HARDWARE_VERSION,
    )
    payload = {
        "format": "nordic-dfu",
        "hardware_version": HARDWARE_VERSION,
        "firmware_version": fields["counter"],
    }
    await house.release("1.1.0", package=package, payload=payload)
    plan = await act(house, "get_plan")
    assert plan["way_back"] == way_back
    with monkeypatch.context() as patch:
        closed = VaultError(VaultProblem.LOCKED)
        patch.setattr(HouseholdVault, "problem", property(lambda _: closed))
        assert (await act(house, "get_plan"))["way_back"] == "not_kept"
    house.vendor.withdraw("kl-1/1.0.0.zip")
    await house.check()
    plan = await act(house, "get_plan")
    assert plan["way_back"] == "not_kept"
    assert any("is not in the vault" in line for line in plan["summary"])


# The security floor.


async def test_a_closed_hole_is_opened_only_in_words(
    house: House, owner: User, app: Authenticator
) -> None:
    """A tick is not enough, nor a word; what was said is on record."""
    await update(house, security_version=2)
    code = app.code()
    for words in ("", "   "):
        with pytest.raises(HomeAssistantError, match="under Accept security risk"):
            await act(house, "rollback", owner, code=code, accept_security_risk=words)
    said = await refused(
        house, "rollback", owner, code=code, accept_security_risk=" Yes, do. "
    )
    assert said == "rollback_words_too_few"
    with pytest.raises(probatio.Invalid):
        await act(house, "rollback", owner, code=code, accept_security_risk="x" * 501)
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert house.managed().decisions.choice is None

    await act(house, "rollback", owner, code=code, accept_security_risk=f" {WORDS} ")
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    approval = house.managed().record.history[-1].approval
    assert approval is not None
    assert approval.words == WORDS
    assert approval.overrides == {"security_floor"}
    entries = [
        entry
        for entry in await house.runtime.audit.log.async_entries()
        if entry.event == "approved"
    ]
    assert [entry.details["words"] for entry in entries] == [WORDS]
    # By itself it never goes below the floor.
    assert house.runtime.store.trust.locks[FRONT_DOOR].security_version == 2


async def test_an_approval_opens_no_hole(house: House, owner: User) -> None:
    """Only who goes back says so, in words."""
    await house.release("1.1.0")
    with pytest.raises(probatio.Invalid):
        await act(house, "approve", owner, overrides=["security_floor"])


async def test_what_needs_no_words_may_have_some(
    house: House, owner: User, app: Authenticator
) -> None:
    """They are kept, and override nothing."""
    await update(house)
    await act(house, "rollback", owner, code=app.code(), accept_security_risk="Why not")
    approval = house.managed().record.history[-1].approval
    assert approval is not None
    assert (approval.words, approval.overrides) == ("Why not", frozenset())


# Who may, and to what.


async def test_who_may(house: House, owner: User, app: Authenticator) -> None:
    """A person with a code; never an automation, never a stranger."""
    await update(house)
    assert await refused(house, "rollback") == "approval_needs_a_person"
    guest = await add_user(house, is_owner=False)
    with pytest.raises(Unauthorized):
        await act(house, "rollback", guest, code=app.code())
    guest.mock_policy({"entities": {"entity_ids": {UPDATE: {"control": True}}}})  # type: ignore[attr-defined]
    assert await refused(house, "rollback", guest, code="1") == "code_not_set_up"
    assert await refused(house, "rollback", owner) == "code_missing"
    assert await refused(house, "rollback", owner, code=" ") == "code_missing"
    assert await refused(house, "rollback", owner, code="000000") == "code_wrong"
    other = await add_user(house, is_owner=True)
    assert await refused(house, "rollback", other, code="1") == "code_not_set_up"
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert house.managed().decisions.choice is None
    assert house.state().state == STATE_OFF


async def test_to_what(
    house: House, owner: User, app: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what was seen to run on this very lock, and is kept."""
    assert await refused(house, "rollback", owner) == "rollback_nothing_before"
    await update(house)
    await update(house, "1.2.0")

    async def said(version: str | None = None) -> str:
        data = {} if version is None else {"version": version}
        return await refused(house, "rollback", owner, code="000000", **data)

    assert await said("1.2.0") == "rollback_runs_already"
    # The feed has it, and that is no reason.
    await release(house, "1.0.5")
    assert await said("1.0.5") == "rollback_never_ran"
    vault = house.runtime.vault
    ran_before = vault.ran_before(house.managed())
    assert [kept.release.version.text for kept in ran_before] == ["1.1.0", "1.0.0"]
    with monkeypatch.context() as patch:
        patch.setattr(vault, "ran_before", lambda _: ran_before[1:])
        assert await said() == "rollback_not_kept"
        assert await said("1.0.0") == "code_wrong"
    with monkeypatch.context() as patch:
        locked = VaultError(VaultProblem.LOCKED)
        patch.setattr(HouseholdVault, "problem", property(lambda _: locked))
        with pytest.raises(HomeAssistantError) as caught:
            await act(house, "rollback", owner, code="1")
        assert caught.value.translation_key == "vault_locked"
        assert (await act(house, "get_plan"))["rollback_versions"] == []
    await act(house, "rollback", owner, version="1.0.0", code=app.code())
    assert house.locks[FRONT_DOOR].version == "1.0.0"


def while_the_code_is_checked(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    happens: Callable[[], Awaitable[None]],
) -> None:
    """Let something happen meanwhile."""
    module = house.hass.auth.get_auth_mfa_module("totp")
    assert module is not None
    validate = module.async_validate

    async def slowly(user_id: str, user_input: dict[str, Any]) -> bool:
        await happens()
        return await validate(user_id, user_input)

    monkeypatch.setattr(module, "async_validate", slowly)


async def test_an_installation_that_begins_meanwhile_is_left_alone(
    house: House, owner: User, app: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A choice would take away from it what it was approved for."""
    await update(house)
    await release(house, "1.2.0")
    begun: list[asyncio.Task[None]] = []

    async def install() -> None:
        begun.append(house.hass.async_create_task(house.install()))
        await until(lambda: house.managed().progress is not None)

    while_the_code_is_checked(house, monkeypatch, install)
    async with house.runtime.queue.short_use():
        code = app.code()
        with pytest.raises(HomeAssistantError) as caught:
            await house.hass.services.async_call(
                "nightlatch",
                "rollback",
                {"entity_id": UPDATE, "code": code},
                blocking=True,
                context=Context(user_id=owner.id),
            )
        assert caught.value.translation_key == "installation_running"
        assert house.managed().decisions.choice is None
    await begun[0]
    assert house.locks[FRONT_DOOR].version == "1.2.0"


async def test_what_is_decided_meanwhile_counts(
    house: House, owner: User, app: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else has chosen something: two who decide at once are both told."""
    await update(house)
    lock = house.managed()
    (kept,) = house.runtime.vault.ran_before(lock)

    async def choose() -> None:
        await lock.decided.async_choose(kept.release, Source.VAULT, Purpose.ROLLBACK)

    while_the_code_is_checked(house, monkeypatch, choose)
    said = await refused(house, "rollback", owner, code=app.code())
    assert said == "rollback_outdated"
    assert lock.decisions.choice is not None
    assert lock.decisions.approval is None
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_nothing_is_chosen_while_something_is_installed(house: House) -> None:
    """Whoever would choose it: it would lose what it was approved for."""
    await update(house)
    await release(house, "1.2.0")
    lock = house.managed()
    (kept,) = house.runtime.vault.ran_before(lock)
    async with house.runtime.queue.short_use():
        press = house.hass.async_create_task(house.install())
        await until(lambda: lock.progress is not None)
        with pytest.raises(HomeAssistantError) as caught:
            await lock.decided.async_choose(kept.release, Source.FILE, Purpose.UPDATE)
        assert caught.value.translation_key == "installation_running"
        assert lock.decisions.choice is None
    await press


async def test_not_while_something_runs(
    house: House, owner: User, app: Authenticator
) -> None:
    """One at a time; and the code is not used up."""
    await update(house)
    await release(house, "1.2.0")
    async with house.runtime.queue.short_use():
        press = house.hass.async_create_task(house.install())
        await until(lambda: house.managed().progress is not None)
        code = app.code()
        said = await refused(house, "rollback", owner, code=code)
    assert said == "installation_running"
    await press
    await act(house, "rollback", owner, code=code)
    assert house.locks[FRONT_DOOR].version == "1.1.0"


# What stands against it, and what comes of it.


async def test_what_is_known_to_stand_against_it_costs_no_code(
    house: House, owner: User, app: Authenticator
) -> None:
    """As with every installation all of it is listed."""
    await update(house)
    Night(house).set_lock(door_entity="binary_sensor.front")
    house.hass.states.async_set("binary_sensor.front", STATE_ON)
    await house.settle()
    code = app.code()
    with pytest.raises(HomeAssistantError, match="The door is open"):
        await act(house, "rollback", owner, code=code)
    assert house.managed().decisions.choice is None
    house.hass.states.async_set(
        "binary_sensor.front",
        STATE_OFF,
        force_update=True,
        timestamp=dt_util.utcnow().timestamp() - 600,
    )
    await act(house, "rollback", owner, code=code)
    assert house.locks[FRONT_DOOR].version == "1.0.0"


async def test_there_is_no_way_back_to_what_is_halted(
    house: House, owner: User, app: Authenticator
) -> None:
    """Nobody knows better than its vendor; and it costs no code."""
    await update(house)
    house.vendor.amend("kl-1/1.0.0.zip", schema=2, halted={"reason": "It opens."})
    await house.check()
    assert (await act(house, "get_plan"))["rollback_versions"] == []
    code = app.code()
    with pytest.raises(HomeAssistantError, match="It opens"):
        await act(house, "rollback", owner, code=code)
    assert house.managed().decisions.choice is None
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    house.vendor.amend("kl-1/1.0.0.zip", schema=1, halted=None)
    await house.check()
    await act(house, "rollback", owner, code=code)
    assert house.locks[FRONT_DOOR].version == "1.0.0"


async def test_back_to_what_a_removed_feed_has_halted_takes_words(
    house: House, owner: User, app: Authenticator
) -> None:
    """Nobody can lift that halt any more; who goes back knows of it."""
    await update(house)
    house.vendor.amend("kl-1/1.0.0.zip", schema=2, halted={"reason": "It opens."})
    await house.check()
    await house.remove(house.vendor.name)
    assert (await act(house, "get_plan"))["rollback_versions"] == ["1.0.0"]
    code = app.code()
    with pytest.raises(HomeAssistantError, match="removed here has halted"):
        await act(house, "rollback", owner, code=code)
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    await act(house, "rollback", owner, code=code, accept_security_risk=WORDS)
    assert house.locks[FRONT_DOOR].version == "1.0.0"


async def test_what_the_lock_says_against_it_ends_it(
    house: House, owner: User, app: Authenticator
) -> None:
    """Nothing was touched, and its own release is on offer again."""
    night = Night(house)
    await update(house)
    house.locks[FRONT_DOOR].set_battery(10)
    with pytest.raises(HomeAssistantError, match="battery is at 10 %"):
        await act(house, "rollback", owner, code=app.code())
    assert house.managed().decisions.choice is None
    assert house.managed().decisions.approval is None
    assert night.types()[-1] == "update_held"
    state = house.state()
    assert (state.state, state.attributes["latest_version"]) == (STATE_OFF, "1.1.0")


async def test_a_rollback_that_fails_is_over(
    house: House, owner: User, app: Authenticator
) -> None:
    """The lock runs what it ran, and works."""
    await update(house)
    house.locks[FRONT_DOOR].buttonless_status = 6
    with pytest.raises(HomeAssistantError, match="refused to start its bootloader"):
        await act(house, "rollback", owner, code=app.code())
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert house.managed().decisions.choice is None
    assert house.state().state == STATE_OFF
    assert house.state(OUTCOME).state == "failed"
    assert house.state(PROBLEM).state == STATE_OFF


async def test_a_rollback_that_waits_can_be_cancelled(
    house: House, owner: User, app: Authenticator
) -> None:
    """Then it is wanted no longer."""
    await update(house)
    async with house.runtime.queue.short_use():
        press = house.hass.async_create_task(
            act(house, "rollback", owner, code=app.code())
        )
        await until(lambda: house.managed().progress is not None)
        await cancel(house.managed())
        with pytest.raises(HomeAssistantError) as caught:
            await press
    assert caught.value.translation_key == "installation_cancelled"
    assert house.managed().decisions.choice is None


async def test_a_rollback_that_is_cut_off_goes_on(
    house: House, owner: User, app: Authenticator
) -> None:
    """After a restart, with the consent that was given for it."""
    await update(house)
    lock = house.locks[FRONT_DOOR]
    lock.bootloader.delays = dict.fromkeys(Opcode, 0.2)
    press = house.hass.async_create_task(act(house, "rollback", owner, code=app.code()))
    await until(lambda: lock.mode is Mode.BOOTLOADER)
    await house.hass.config_entries.async_reload(house.entry.entry_id)
    with pytest.raises(HomeAssistantError) as caught:
        await press
    assert caught.value.translation_key == "installation_interrupted"
    lock.bootloader.delays = {}
    await until(lambda: house.state().attributes["installed_version"] == "1.0.0")
    await house.settle()
    outcome = house.managed().record.history[-1]
    assert (outcome.kind, outcome.purpose) == ("succeeded", "rollback")
    assert outcome.approval is not None
    assert house.managed().decisions.choice is None
    assert house.managed().decisions.skipped == "1.1.0"


async def test_what_is_chosen_is_shown_and_can_be_given_up(house: House) -> None:
    """An older version shows as one that can be installed, and says what it is."""
    await update(house)
    lock = house.managed()
    await lock.decided.async_pin("1.1.0")
    await lock.decided.async_skip("1.0.0")
    (kept,) = house.runtime.vault.ran_before(lock)
    await lock.decided.async_choose(kept.release, Source.VAULT, Purpose.ROLLBACK)
    await house.settle()
    state = house.state()
    assert state.state == STATE_ON
    assert state.attributes["latest_version"] == "1.0.0"
    assert state.attributes["skipped_version"] is None
    assert state.attributes["title"] == "Kestrel One"
    assert (state.attributes["purpose"], state.attributes["source"]) == (
        "rollback",
        "vault",
    )
    notes = await _notes(house)
    assert notes.startswith("Somebody wants this version back, which ran on the lock")
    with pytest.raises(HomeAssistantError) as caught:
        await house.install()
    assert caught.value.translation_key == "approval_missing"

    await act(house, "cancel")
    state = house.state()
    assert (state.state, state.attributes["latest_version"]) == (STATE_OFF, "1.1.0")
    assert "purpose" not in state.attributes
    await lock.decided.async_choose(kept.release, Source.FILE, Purpose.UPDATE)
    assert (await _notes(house)).startswith("Somebody has chosen this release")


async def _notes(house: House) -> str:
    component = house.hass.data["update"]
    entity: Any = component.get_entity(UPDATE)
    notes: str = await entity.async_release_notes()
    return notes


async def test_without_the_feed(house: House, owner: User, app: Authenticator) -> None:
    """What was kept needs no feed any more."""
    await update(house)
    await house.remove("Kestrel Locks")
    await act(house, "rollback", owner, code=app.code())
    assert house.locks[FRONT_DOOR].version == "1.0.0"
