"""Who may do what, at every way in: the table of rights, tried by everybody.

Whatever an account is refused with counts as refused only if it is told so; whatever
else comes of a call, it was let in. What is refused changes nothing.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import CLIENT_ID, MockUser  # type: ignore[import-untyped]
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator  # type: ignore[import-untyped]

from custom_components.nightlatch.actions.audit_download import PATH as AUDIT_LOG
from custom_components.nightlatch.actions.download import path_of
from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.notifications.actions import (
    DEEDS,
    EVENT,
    Verb,
    action_id,
)
from custom_components.nightlatch.report.link import PATH as REPORT
from custom_components.nightlatch.rights import ACTIONS, RIGHTS, Deed, Right, Who
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.auth.models import Group, User
from homeassistant.auth.permissions.system_policies import ADMIN_POLICY
from homeassistant.core import Context, SupportsResponse, split_entity_id
from homeassistant.exceptions import HomeAssistantError, Unauthorized, UnknownUser
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.home.flows import until
from tests.home.house import FRONT_DOOR, UPDATE, House
from tests.home.night import Night
from tests.home.test_actions import with_authenticator
from tests.home.test_rollback import WORDS, update
from tests.home.test_watch import send_to_bootloader

from .table import Tried

CONTROL = {"entities": {"all": {"read": True, "control": True}}}
READ = {"entities": {"all": {"read": True}}}

REFUSED = {
    "erasing_needs_a_person",
    "approval_needs_a_person",
    "consent_needs_a_person",
    "user_no_administrator",
    "user_not_allowed",
    "user_unknown",
}
# As a phone shows them.
REFUSED_IN_WORDS = re.compile(
    r"may not control|only an administrator|does not exist here|only a person can"
)


@dataclass(frozen=True)
class Caller:
    """Somebody, or something, that asks for what it may or may not do."""

    name: str
    user_id: str | None
    administrator: bool = False
    control: bool = False
    person: bool = True
    user: User | None = None

    def may(self, right: Right) -> bool:
        """Return what the table says."""
        if right.needs_person and not self.person:
            return False
        return self.administrator or (right.who is Who.CONTROL and self.control)


def callers(house: House) -> tuple[Caller, ...]:
    """Let everybody live here."""
    admins = Group(name="Administrators", id=GROUP_ID_ADMIN, policy=ADMIN_POLICY)

    def add(name: str, policy: dict[str, Any] | None = None, **fields: Any) -> MockUser:
        user = MockUser(name=name, **fields).add_to_hass(house.hass)
        if policy is not None:
            user.mock_policy(policy)
        return user

    def made(user: MockUser, **rights: Any) -> Caller:
        return Caller(name=user.name, user_id=user.id, user=user, **rights)

    return (
        made(add("owner", is_owner=True), administrator=True),
        made(add("administrator", groups=[admins]), administrator=True),
        made(add("user with control", CONTROL), control=True),
        made(add("user who may only read", READ)),
        made(add("user with nothing", {})),
        made(add("inactive administrator", groups=[admins], is_active=False)),
        made(add("inactive owner", is_owner=True, is_active=False)),
        made(add("inactive user with control", CONTROL, is_active=False)),
        made(
            add("system account", groups=[admins], system_generated=True),
            administrator=True,
            person=False,
        ),
        made(
            add("system account with control", CONTROL, system_generated=True),
            control=True,
            person=False,
        ),
        made(add("system account that may only read", READ, system_generated=True)),
        Caller(name="deleted user", user_id="0" * 32),
        Caller(name="user without an id", user_id=""),
        Caller(name="automation", user_id=None, administrator=True, person=False),
    )


async def let_in(
    house: House, caller: Caller, domain: str, service: str, **data: Any
) -> bool:
    """Call a service; return whether the caller was let in, whatever came of it."""
    services = house.hass.services
    responds = services.supports_response(domain, service)
    try:
        await services.async_call(
            domain,
            service,
            data,
            blocking=True,
            context=Context(user_id=caller.user_id),
            return_response=responds is not SupportsResponse.NONE,
        )
    except Unauthorized, UnknownUser:
        return False
    except HomeAssistantError as err:
        return err.translation_key not in REFUSED
    finally:
        await house.settle()
    return True


def asking(
    house: House, domain: str, service: str, **data: Any
) -> Callable[[Caller], Awaitable[bool]]:
    """Return what lets a caller ask for one thing."""

    async def ask(caller: Caller) -> bool:
        return await let_in(house, caller, domain, service, **data)

    return ask


def state_of(house: House) -> tuple[Any, ...]:
    """Return everything that nobody may change who was refused."""
    lock = house.managed()
    return (
        lock.decisions,
        lock._policy,
        house.runtime.settings.policy,
        house.locks[FRONT_DOOR].version,
        house.state().attributes["skipped_version"],
        dict(house.entry.options),
        {key: dict(each.data) for key, each in house.entry.subentries.items()},
    )


async def hold_to(
    house: House,
    everybody: Iterable[Caller],
    way: str,
    right: Right,
    ask: Callable[[Caller], Awaitable[bool]],
    *,
    prepare: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """Let everybody ask; return how many were refused."""
    refused = 0
    for caller in everybody:
        if prepare is not None:
            await prepare()
        before = state_of(house)
        was_let_in = await ask(caller)
        assert was_let_in is caller.may(right), (way, caller.name, was_let_in)
        if not was_let_in:
            refused += 1
            assert state_of(house) == before, (way, caller.name)
    return refused


def result(everybody: tuple[Caller, ...], refused: int) -> str:
    """Return what came of a way in, for the table."""
    return f"{refused} refused, {len(everybody) - refused} let in, as the table says"


@pytest.fixture
async def held_house(house: House) -> House:
    """Offer a release that its battery holds, so that nothing is installed by this."""
    await house.release("1.1.0")
    house.locks[FRONT_DOOR].set_battery(3)
    return house


# What each action of ours is asked with.
ASKED_WITH: dict[str, dict[str, Any]] = {
    "approve": {"version": "1.1.0"},
    "cancel": {},
    "check_now": {},
    "erase_person": {"person": "somebody whom nobody knows"},
    "export_audit_log": {},
    "export_firmware": {},
    "export_report": {},
    "export_snapshot": {},
    "get_plan": {},
    "list_snapshots": {},
    "pin_version": {},
    "postpone": {"days": 2},
    "restore_snapshot": {},
    "revoke_approval": {},
    "rollback": {},
    "schedule": {"at": "2100-01-01 03:00:00"},
    "test_vault": {},
    "unpin": {},
}
# What is asked of no lock.
OF_THE_HOUSEHOLD = {"erase_person", "export_audit_log", "export_report", "test_vault"}


async def test_every_action(held_house: House, attack: Tried) -> None:
    """An action that is not in the table cannot even be registered."""
    house = held_house
    everybody = callers(house)
    actions = house.hass.services.async_services_for_domain(DOMAIN)
    assert actions.keys() == ACTIONS.keys() == ASKED_WITH.keys()
    for name, data in sorted(ASKED_WITH.items()):
        target = {} if name in OF_THE_HOUSEHOLD else {"entity_id": UPDATE}
        refused = await hold_to(
            house,
            everybody,
            name,
            RIGHTS[ACTIONS[name]],
            asking(house, DOMAIN, name, **target, **data),
        )
        attack(f"action {name}", len(everybody), result(everybody, refused))


async def test_overrides_take_more_than_an_approval(
    held_house: House, attack: Tried
) -> None:
    """To judge a check better is for administrators."""
    everybody = callers(held_house)
    ask = asking(
        held_house,
        DOMAIN,
        "approve",
        entity_id=UPDATE,
        version="1.1.0",
        overrides=["battery", "door", "way_in", "soak"],
    )
    refused = await hold_to(
        held_house, everybody, "overrides", RIGHTS[Deed.OVERRIDE], ask
    )
    attack("action approve, overrides", len(everybody), result(everybody, refused))


async def test_a_closed_hole_is_opened_by_administrators_only(
    house: House, attack: Tried
) -> None:
    """Each with an authenticator of the own, and a code that is not the right one."""
    await update(house, security_version=2)
    everybody = callers(house)
    for caller in everybody:
        if caller.user is not None:
            await with_authenticator(house, caller.user)

    ask = asking(
        house,
        DOMAIN,
        "rollback",
        entity_id=UPDATE,
        code="000000",
        accept_security_risk=WORDS,
    )
    refused = await hold_to(house, everybody, "open hole", RIGHTS[Deed.OPEN_HOLE], ask)
    attack(
        "action rollback, below the floor", len(everybody), result(everybody, refused)
    )


# Entities. None: Home Assistant's own, and it only reads.
ENTITY_SERVICES: dict[tuple[str, str, str], Deed | None] = {
    ("button", "check_now", "press"): Deed.CHECK,
    ("button", "let_go", "press"): Deed.LET_GO,
    ("calendar", "*", "create_event"): None,
    ("calendar", "*", "get_events"): None,
    ("switch", "install_automatically", "toggle"): Deed.CONSENT,
    ("switch", "install_automatically", "turn_on"): Deed.CONSENT,
    ("switch", "install_automatically", "turn_off"): Deed.CHANGE_SETTINGS,
    ("switch", "*", "toggle"): Deed.CHANGE_SETTINGS,
    ("switch", "*", "turn_on"): Deed.CHANGE_SETTINGS,
    ("switch", "*", "turn_off"): Deed.CHANGE_SETTINGS,
    ("time", "*", "set_value"): Deed.CHANGE_SETTINGS,
    ("update", "firmware", "install"): Deed.INSTALL,
    # Home Assistant's own, which asks for more than our table.
    ("update", "firmware", "skip"): Deed.INSTALL,
    ("update", "firmware", "clear_skipped"): Deed.INSTALL,
}
# Home Assistant asks by itself only, and lets these through. Neither can have a session.
NOT_OURS = {("update", "skip"), ("update", "clear_skipped")}
WITHOUT_SESSION = {"inactive owner", "user without an id"}


async def test_every_service_of_every_entity(held_house: House, attack: Tried) -> None:
    """Also of those that are disabled at first; one that is forgotten fails here."""
    house = held_house
    everybody = callers(house)
    registry = er.async_get(house.hass)
    entries = er.async_entries_for_config_entry(registry, house.entry.entry_id)
    for entry in entries:
        registry.async_update_entity(entry.entity_id, disabled_by=None)
    await house.reload()
    hours = house.runtime.settings.policy.quiet_hours.to_dict()
    night = Night(house, notice_at="20:00")

    async def prepare() -> None:
        night.set_lock(mode="ask", consent=None, quiet_hours=hours)
        await house.settle()

    await prepare()
    tries: dict[tuple[str, str, str], tuple[int, int]] = {}
    for entry in entries:
        domain, _ = split_entity_id(entry.entity_id)
        for service in house.hass.services.async_services_for_domain(domain):
            way = (domain, str(entry.translation_key), service)
            if way not in ENTITY_SERVICES:
                way = (domain, "*", service)
            if (deed := ENTITY_SERVICES[way]) is None:
                continue
            data = {"time": "03:10:00"} if domain == "time" else {}
            who = [
                caller
                for caller in everybody
                if (domain, service) not in NOT_OURS
                or caller.name not in WITHOUT_SESSION
            ]
            refused = await hold_to(
                house,
                who,
                f"{service} of {entry.entity_id}",
                RIGHTS[deed],
                asking(house, domain, service, entity_id=entry.entity_id, **data),
                prepare=prepare,
            )
            before = tries.get(way, (0, 0))
            tries[way] = (before[0] + len(who), before[1] + refused)
    assert tries.keys() == {way for way, deed in ENTITY_SERVICES.items() if deed}
    for (domain, key, service), (asked, refused) in sorted(tries.items()):
        attack(
            f"{domain}.{service} of {key}",
            asked,
            f"{refused} refused, {asked - refused} let in, as the table says",
        )


@pytest.mark.parametrize("verb", Verb)
async def test_every_button_of_a_notification(
    house: House, verb: Verb, attack: Tried
) -> None:
    """What a phone sends carries whose it is; each is answered."""
    assert set(DEEDS) == set(Verb)
    night = Night(house)
    await house.release("1.1.0")
    house.locks[FRONT_DOOR].set_battery(3)
    everybody = callers(house)
    lock = house.managed()

    async def ask(caller: Caller) -> bool:
        before = len(night.told)
        house.hass.bus.async_fire(
            EVENT,
            {"action": action_id(verb, lock)},
            context=Context(user_id=caller.user_id),
        )
        await house.settle()
        (answer,) = (
            call.data["message"]
            for call in night.told[before:]
            if call.data["data"]["tag"] == "nightlatch-answer"
        )
        assert "{" not in answer
        return REFUSED_IN_WORDS.search(answer) is None

    refused = await hold_to(house, everybody, verb, RIGHTS[DEEDS[verb]], ask)
    attack(f"button {verb}", len(everybody), result(everybody, refused))


async def test_forms_repairs_and_downloads(
    house: House, hass_client_no_auth: ClientSessionGenerator, attack: Tried
) -> None:
    """For administrators: Home Assistant sees to that, and here it is seen that it does."""
    hass = house.hass
    for component in ("config", "repairs"):
        assert await async_setup_component(hass, component, {})
    everybody = [
        caller
        for caller in callers(house)
        if caller.user is not None and caller.user.is_active
    ]
    send_to_bootloader(house.locks[FRONT_DOOR])
    issues = ir.async_get(hass).issues
    await until(lambda: any(each.is_fixable for each in issues.values()))
    issue = next(each for each in issues.values() if each.is_fixable)
    client = await hass_client_no_auth()
    entry_id = house.entry.entry_id
    flows = "/api/config/config_entries"
    ways: dict[str, tuple[str, dict[str, Any] | None]] = {
        "form of the household": (f"{flows}/options/flow", {"handler": entry_id}),
        "form of a lock": (f"{flows}/subentries/flow", {"handler": [entry_id, "lock"]}),
        "form of a feed": (f"{flows}/subentries/flow", {"handler": [entry_id, "feed"]}),
        "form of Nightlatch": (f"{flows}/flow", {"handler": DOMAIN}),
        "repair": (
            "/api/repairs/issues/fix",
            {"handler": DOMAIN, "issue_id": issue.issue_id},
        ),
        "download of firmware": (path_of("0" * 64), None),
        "download of the audit log": (AUDIT_LOG, None),
        "the report": (REPORT, None),
    }
    for way, (path, body) in ways.items():
        refused = 0
        for caller in everybody:
            assert caller.user is not None
            token = hass.auth.async_create_access_token(
                await hass.auth.async_create_refresh_token(
                    caller.user,
                    None if caller.user.system_generated else CLIENT_ID,
                )
            )
            response = await client.request(
                "GET" if body is None else "POST",
                path,
                json=body,
                headers={"Authorization": f"Bearer {token}"},
            )
            denied = response.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
            assert denied is not caller.administrator, (way, caller.name, response)
            refused += denied
        response = await client.request(
            "GET" if body is None else "POST", path, json=body
        )
        assert response.status == HTTPStatus.UNAUTHORIZED
        attack(
            way,
            len(everybody) + 1,
            f"{refused + 1} refused, {len(everybody) - refused} let in",
        )
