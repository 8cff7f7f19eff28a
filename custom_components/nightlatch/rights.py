"""Who may do what: one table, which holds for every way in.

An action, an entity, the button of a notification: whichever it is asked by, each names
a deed of this table and has it checked here. Forms and repairs are open to
administrators only, which Home Assistant sees to. docs/actions.md tells people the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

from .const import DOMAIN
from .lock_view import LockView
from .markup import neutral_all


class Deed(StrEnum):
    """What somebody may want to do."""

    SEE_PLAN = "see_plan"
    CHECK = "check"
    POSTPONE = "postpone"
    SKIP = "skip"
    CANCEL = "cancel"
    APPROVE = "approve"
    REVOKE = "revoke"
    ROLL_BACK = "roll_back"
    INSTALL = "install"
    SCHEDULE = "schedule"
    PIN = "pin"
    OVERRIDE = "override"
    """Judge a check better than Nightlatch."""
    OPEN_HOLE = "open_hole"
    """Go back below the security floor."""
    CONSENT = "consent"
    """To updates that install by themselves."""
    CHANGE_SETTINGS = "change_settings"
    RESTORE_SETTINGS = "restore_settings"
    """Of the lock itself, out of its snapshots; and to read those."""
    LET_GO = "let_go"
    EXPORT = "export"
    TEST_VAULT = "test_vault"
    EXPORT_AUDIT_LOG = "export_audit_log"
    EXPORT_REPORT = "export_report"
    ERASE_PERSON = "erase_person"
    """From the names of the audit log."""


class Who(StrEnum):
    """Which accounts may."""

    CONTROL = "control"
    """Who may control the update entity of the lock."""
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Right:
    """Who may do something."""

    who: Who
    needs_person: bool = False
    """Whether an automation or a system account may not, whatever its rights are."""


RIGHTS: Final[Mapping[Deed, Right]] = {
    Deed.SEE_PLAN: Right(Who.CONTROL),
    Deed.CHECK: Right(Who.CONTROL),
    Deed.POSTPONE: Right(Who.CONTROL),
    Deed.SKIP: Right(Who.CONTROL),
    Deed.CANCEL: Right(Who.CONTROL),
    Deed.REVOKE: Right(Who.CONTROL),
    Deed.APPROVE: Right(Who.CONTROL, needs_person=True),
    Deed.ROLL_BACK: Right(Who.CONTROL, needs_person=True),
    Deed.INSTALL: Right(Who.ADMINISTRATOR),
    Deed.SCHEDULE: Right(Who.ADMINISTRATOR),
    Deed.PIN: Right(Who.ADMINISTRATOR),
    Deed.OVERRIDE: Right(Who.ADMINISTRATOR, needs_person=True),
    Deed.OPEN_HOLE: Right(Who.ADMINISTRATOR, needs_person=True),
    Deed.CONSENT: Right(Who.ADMINISTRATOR, needs_person=True),
    Deed.CHANGE_SETTINGS: Right(Who.ADMINISTRATOR),
    Deed.RESTORE_SETTINGS: Right(Who.ADMINISTRATOR),
    Deed.LET_GO: Right(Who.ADMINISTRATOR),
    Deed.EXPORT: Right(Who.ADMINISTRATOR),
    Deed.TEST_VAULT: Right(Who.ADMINISTRATOR),
    Deed.EXPORT_AUDIT_LOG: Right(Who.ADMINISTRATOR),
    Deed.EXPORT_REPORT: Right(Who.ADMINISTRATOR),
    Deed.ERASE_PERSON: Right(Who.ADMINISTRATOR, needs_person=True),
}
"""The table. *Install* is as in Home Assistant itself, whose ``update.install`` is for
administrators; what only holds back, or says yes to what an administrator has planned,
is open to whoever may control the lock's update."""

ACTIONS: Final[Mapping[str, Deed]] = {
    "approve": Deed.APPROVE,
    "cancel": Deed.CANCEL,
    "check_now": Deed.CHECK,
    "erase_person": Deed.ERASE_PERSON,
    "export_audit_log": Deed.EXPORT_AUDIT_LOG,
    "export_firmware": Deed.EXPORT,
    "export_report": Deed.EXPORT_REPORT,
    "export_snapshot": Deed.RESTORE_SETTINGS,
    "get_plan": Deed.SEE_PLAN,
    "list_snapshots": Deed.RESTORE_SETTINGS,
    "pin_version": Deed.PIN,
    "postpone": Deed.POSTPONE,
    "restore_snapshot": Deed.RESTORE_SETTINGS,
    "revoke_approval": Deed.REVOKE,
    "rollback": Deed.ROLL_BACK,
    "schedule": Deed.SCHEDULE,
    "test_vault": Deed.TEST_VAULT,
    "unpin": Deed.PIN,
}
"""What each action of ours is. ``approve`` and ``rollback`` look further into what they
are asked: overrides, and what opens a hole again, are deeds of their own."""

_NEEDS_PERSON = {
    Deed.CONSENT: "consent_needs_a_person",
    Deed.ERASE_PERSON: "erasing_needs_a_person",
}
_MISSING = {
    Who.CONTROL: "user_not_allowed",
    Who.ADMINISTRATOR: "user_no_administrator",
}


async def async_check_right(
    hass: HomeAssistant,
    deed: Deed,
    user_id: str | None,
    lock: LockView | None = None,
) -> User | None:
    """Return who it is, None for what has no person behind it; refuse who may not.

    Without a lock it is about the household. Raises ``HomeAssistantError``.
    """
    right = RIGHTS[deed]
    user = await hass.auth.async_get_user(user_id) if user_id is not None else None
    if user_id is not None and (user is None or not user.is_active):
        # Not to be taken for an automation: somebody has asked, and is nobody here.
        raise _refusal("user_unknown", lock)
    if right.needs_person and not _is_person(user):
        raise _refusal(_NEEDS_PERSON.get(deed, "approval_needs_a_person"), lock)
    if user is not None and not _holds(right.who, user, lock):
        raise _refusal(_MISSING[right.who], lock, user=user.name or user.id)
    return user


async def async_person(
    hass: HomeAssistant, deed: Deed, user_id: str | None, lock: LockView
) -> User:
    """Return which person does what takes one; refuse who may not, as above."""
    user = await async_check_right(hass, deed, user_id, lock)
    if user is None:
        raise _refusal("approval_needs_a_person", lock)
    return user


@callback
def may(deed: Deed, user: User, lock: LockView | None = None) -> bool:
    """Return whether somebody may do something, without a word: for what is shown.

    Without a lock it is about the household.
    """
    right = RIGHTS[deed]
    return (
        user.is_active
        and (_is_person(user) or not right.needs_person)
        and _holds(right.who, user, lock)
    )


@callback
def may_see(user: User, lock: LockView) -> bool:
    """Return whether somebody may see what the entities of a lock show."""
    return user.is_active and (
        user.is_admin
        or (
            lock.update_entity_id is not None
            and user.permissions.check_entity(lock.update_entity_id, POLICY_READ)
        )
    )


def _is_person(user: User | None) -> bool:
    return user is not None and not user.system_generated


def _holds(who: Who, user: User, lock: LockView | None) -> bool:
    if user.is_admin:
        return True
    entity_id = lock.update_entity_id if lock is not None else None
    return (
        who is Who.CONTROL
        and entity_id is not None
        and user.permissions.check_entity(entity_id, POLICY_CONTROL)
    )


def _refusal(
    key: str, lock: LockView | None, **placeholders: str
) -> HomeAssistantError:
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=neutral_all(
            {"lock": lock.name if lock is not None else "Nightlatch", **placeholders}
        ),
    )
