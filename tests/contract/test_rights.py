"""Who may do what: what people are told is what the code does."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.notifications.actions import DEEDS, Verb
from custom_components.nightlatch.rights import (
    ACTIONS,
    RIGHTS,
    Deed,
    Who,
    async_check_right,
    async_person,
    may,
    may_see,
)
from homeassistant.auth.models import Group, User
from homeassistant.auth.permissions.models import PermissionLookup
from homeassistant.exceptions import HomeAssistantError

from .integration import ROOT, load_yaml, translations

_DOCS = ROOT.parents[1] / "docs" / "actions.md"


def table() -> dict[str, tuple[str, str, str]]:
    """Return the rows of the table, by what is done."""
    text = _DOCS.read_text("utf-8")
    section = text.partition("### Who may do what\n")[2].partition("\n###")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ][2:]
    return {what: (who, automations, ways) for what, who, automations, ways in rows}


def row_of(deed: Deed) -> tuple[str, str, str]:
    """Return what people are told of a deed."""
    return table()[deed.replace("_", " ")]


def test_every_deed_has_its_right_and_its_row() -> None:
    """And no row is left over."""
    assert RIGHTS.keys() == set(Deed)
    assert table().keys() == {deed.replace("_", " ") for deed in Deed}


@pytest.mark.parametrize("deed", Deed)
def test_the_docs_say_who_may(deed: Deed) -> None:
    """As the code does."""
    right = RIGHTS[deed]
    who, automations, ways = row_of(deed)
    assert who == right.who
    assert automations == ("no" if right.needs_person else "yes")
    assert ways


def test_every_action_is_in_the_table() -> None:
    """Where it is described, where it is registered, and where people read of it."""
    assert ACTIONS.keys() == load_yaml("services.yaml").keys()
    for name, deed in ACTIONS.items():
        assert f"`{name}`" in row_of(deed)[2]


def test_no_other_action_is_told_of() -> None:
    """A row tells what there is."""
    told = {
        name
        for _, _, ways in table().values()
        for name in re.findall(r"`([a-z_]+)`", ways)
    }
    assert told - ACTIONS.keys() == {"overrides", "accept_security_risk"}


@pytest.mark.parametrize("verb", Verb)
def test_every_button_is_in_the_table(verb: Verb) -> None:
    """Under the name that it has on the phone."""
    title = translations()["exceptions"][f"button_{verb}"]["message"]
    assert f"*{title}* on a phone" in row_of(DEEDS[verb])[2]


# What the code does with it, whoever asks.

_LOOKUP = PermissionLookup(None, None)  # type: ignore[arg-type]
_UPDATE = "update.front_door"
_LOCK: Any = SimpleNamespace(name="Front door", update_entity_id=_UPDATE)
_GONE: Any = SimpleNamespace(name="Front door", update_entity_id=None)


def user(name: str | None = "Ann", **fields: Any) -> User:
    """Return an account of Home Assistant that may nothing."""
    return User(name=name, perm_lookup=_LOOKUP, id="1", is_active=True, **fields)


def resident(*, control: bool = True, entity: str = _UPDATE) -> User:
    """Return one that may control, or only read, one entity."""
    may = {"control": True} if control else {"read": True}
    policy: Any = {"entities": {"entity_ids": {entity: may}}}
    return user(groups=[Group(name="Residents", policy=policy, id="residents")])


ADMINISTRATOR = user(is_owner=True)
SYSTEM = user(is_owner=True, system_generated=True)


def house_of(account: User | None) -> Any:
    """Return a Home Assistant that has one account."""

    async def async_get_user(user_id: str) -> User | None:
        return account if account is not None and user_id == account.id else None

    return SimpleNamespace(auth=SimpleNamespace(async_get_user=async_get_user))


async def refusal(
    account: User | None,
    deed: Deed,
    *,
    user_id: str | None = "1",
    lock: Any = _LOCK,
    check: Any = async_check_right,
) -> tuple[str | None, dict[str, str] | None]:
    """Return why somebody may not, and what the sentence names; (None, None) if so."""
    try:
        found = await check(house_of(account), deed, user_id, lock)
    except HomeAssistantError as err:
        # Else Home Assistant would look for the sentence elsewhere, and find none.
        key = err.translation_key if err.translation_domain == DOMAIN else None
        return key, err.translation_placeholders
    assert found is (None if user_id is None else account)
    return None, None


@pytest.mark.parametrize("deed", Deed)
async def test_whoever_has_the_right_may_and_nobody_else(deed: Deed) -> None:
    """Account by account, for each deed."""
    right = RIGHTS[deed]
    named = {"lock": "Front door"}
    person = {
        Deed.CONSENT: "consent_needs_a_person",
        Deed.ERASE_PERSON: "erasing_needs_a_person",
    }.get(deed, "approval_needs_a_person")
    no_person = (person, named) if right.needs_person else (None, None)
    missing = (
        "user_not_allowed" if right.who is Who.CONTROL else "user_no_administrator"
    )
    refused = (missing, {**named, "user": "Ann"})
    may_control = (None, None) if right.who is Who.CONTROL else refused

    assert await refusal(ADMINISTRATOR, deed) == (None, None)
    assert await refusal(ADMINISTRATOR, deed, lock=_GONE) == (None, None)
    assert await refusal(SYSTEM, deed) == no_person
    assert await refusal(None, deed, user_id=None) == no_person
    assert await refusal(resident(), deed) == may_control
    assert await refusal(resident(), deed, lock=_GONE) == refused
    assert await refusal(resident(control=False), deed) == refused
    assert await refusal(resident(entity="update.back_door"), deed) == refused
    unknown = ("user_unknown", named)
    assert await refusal(None, deed) == unknown
    assert await refusal(ADMINISTRATOR, deed, user_id="2") == unknown
    gone = user(is_owner=True)
    gone.is_active = False
    assert await refusal(gone, deed) == unknown


async def test_without_a_lock_it_is_about_the_household() -> None:
    """Then nobody controls it but administrators; and who has no name has an id."""
    refused = ("user_not_allowed", {"lock": "Nightlatch", "user": "1"})
    assert await refusal(user(None), Deed.CHECK, lock=None) == refused
    assert await refusal(ADMINISTRATOR, Deed.CHECK, lock=None) == (None, None)
    unknown = ("user_unknown", {"lock": "Nightlatch"})
    assert await refusal(None, Deed.CHECK, lock=None) == unknown


async def test_a_person_is_needed_where_one_is_asked_for() -> None:
    """Even where the right itself does not ask for one."""
    named = {"lock": "Front door"}
    assert await refusal(None, Deed.CHECK, user_id=None, check=async_person) == (
        "approval_needs_a_person",
        named,
    )
    assert await refusal(ADMINISTRATOR, Deed.CHECK, check=async_person) == (None, None)
    assert await refusal(user(), Deed.CHECK, check=async_person) == (
        "user_not_allowed",
        {**named, "user": "Ann"},
    )


@pytest.mark.parametrize("deed", Deed)
async def test_what_is_shown_as_allowed_is_allowed(deed: Deed) -> None:
    """And nothing else: a button is there for whoever would not be refused."""
    away = user(is_owner=True)
    away.is_active = False
    for lock in (_LOCK, _GONE):
        for account in (
            ADMINISTRATOR,
            SYSTEM,
            away,
            user(),
            resident(),
            resident(control=False),
            resident(entity="update.back_door"),
        ):
            refused, _ = await refusal(account, deed, lock=lock)
            assert may(deed, account, lock) == (refused is None)


def test_a_lock_is_seen_by_who_may_see_its_update() -> None:
    """Where it has no update entity there is nothing by which others could be allowed."""
    away = user(is_owner=True)
    away.is_active = False
    assert may_see(ADMINISTRATOR, _LOCK)
    assert may_see(ADMINISTRATOR, _GONE)
    assert may_see(resident(control=False), _LOCK)
    assert not may_see(resident(control=False), _GONE)
    assert not may_see(resident(control=False, entity="update.back_door"), _LOCK)
    assert not may_see(user(), _LOCK)
    assert not may_see(away, _LOCK)
