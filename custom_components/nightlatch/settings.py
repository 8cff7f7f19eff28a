"""What the owner has set: out of the entry's options and a lock's data, and back.

What is missing has a default; what cannot be read any more has too, with a word in the
log, for a setting must never keep a household from starting.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
import logging
from pathlib import Path
from typing import Any

from .const import (
    CONF_APPROVAL,
    CONF_AUDIT_MONTHS,
    CONF_BATTERY_ENTITY,
    CONF_CONSENT,
    CONF_DOOR_ENTITY,
    CONF_END,
    CONF_EVERYTHING,
    CONF_GATE_ENTITY,
    CONF_HOLD_ENTITY,
    CONF_IMPORTANCE,
    CONF_INDEXES,
    CONF_LEARN,
    CONF_LEARN_WITHIN,
    CONF_LOCK_ENTITY,
    CONF_MAY_MOVE_BOLT,
    CONF_MODE,
    CONF_NO_BATTERY,
    CONF_NO_DOOR_SENSOR,
    CONF_NOT_LOW_SUFFICES,
    CONF_NOTICE_AT,
    CONF_NOTIFY,
    CONF_PANEL,
    CONF_PAUSED,
    CONF_PHONES,
    CONF_QUIET_HOURS,
    CONF_SECOND_ENTRY,
    CONF_SECOND_PLACE,
    CONF_SOAK_DAYS,
    CONF_START,
    CONF_TWO_ENTRY_DOORS,
    CONF_VAULT_LIMIT,
    CONF_WEEKDAYS,
)
from .core.feeds.public_index import IndexName
from .core.records.decisions import Consent
from .core.records.stored import as_text, as_time, as_truth, as_whole, optional
from .core.schedule.policy import (
    ApprovalNeed,
    HouseholdPolicy,
    Importance,
    LockPolicy,
    Mode,
)
from .core.schedule.proposal import ALLOWED
from .core.schedule.quiet_hours import QuietHours

_LOGGER = logging.getLogger(__name__)

MOST_AUDIT_MONTHS = 1200
"""After which an audit log is cut at the latest, if it is cut by its age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who is told what."""

    notify: tuple[str, ...] = ()
    """Notify entities."""
    phones: tuple[str, ...] = ()
    """Notify actions of phones, such as ``mobile_app_pixel``; these have buttons."""
    everything: bool = False
    """Whether they are told of every step; else once an evening, once a morning, and
    of failures at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings:
    """Where the vault keeps its copies, and how many."""

    second_place: Path | None = None
    """The folder of the second copy."""
    limit: int = 64
    """Megabytes (of 1,000,000 bytes) for each place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The entities of other integrations that belong to a lock."""

    lock_entity: str | None = None
    battery_entity: str | None = None
    door_entity: str | None = None


def parse_household_policy(options: Mapping[str, Any]) -> HouseholdPolicy:
    """Return what the owner has set for all locks."""
    default = HouseholdPolicy()
    return HouseholdPolicy(
        quiet_hours=_read(
            options, CONF_QUIET_HOURS, QuietHours.from_dict, default.quiet_hours
        ),
        paused=_read(options, CONF_PAUSED, as_truth, default.paused),
        notice_at=_read(options, CONF_NOTICE_AT, time.fromisoformat, default.notice_at),
        soak_days=_read(options, CONF_SOAK_DAYS, as_whole, default.soak_days),
        two_entry_doors=_read(
            options, CONF_TWO_ENTRY_DOORS, as_truth, default.two_entry_doors
        ),
    )


def parse_people(options: Mapping[str, Any]) -> People:
    """Return who is told what."""
    return People(
        notify=_read(options, CONF_NOTIFY, _texts, ()),
        phones=_read(options, CONF_PHONES, _texts, ()),
        everything=_read(options, CONF_EVERYTHING, as_truth, False),
    )


def parse_indexes(options: Mapping[str, Any]) -> frozenset[IndexName]:
    """Return which public indexes may be asked; none unless the owner says so."""
    return _read(options, CONF_INDEXES, _indexes, frozenset())


def parse_panel(options: Mapping[str, Any]) -> bool:
    """Return whether there is a panel in the sidebar."""
    return _read(options, CONF_PANEL, as_truth, True)


def parse_gate(options: Mapping[str, Any]) -> str | None:
    """Return the entity that must be on for anything to start by itself."""
    return _read(options, CONF_GATE_ENTITY, _text_or_none, None)


def parse_hold(options: Mapping[str, Any]) -> str | None:
    """Return the entity that must not be on: a calendar of holidays, say, or guests."""
    return _read(options, CONF_HOLD_ENTITY, _text_or_none, None)


def parse_learn(options: Mapping[str, Any]) -> bool:
    """Return whether it is learned when doors are used; not unless the owner says so."""
    return _read(options, CONF_LEARN, as_truth, False)


def parse_learn_within(options: Mapping[str, Any]) -> QuietHours:
    """Return within which hours others may be suggested."""
    return _read(options, CONF_LEARN_WITHIN, QuietHours.from_dict, ALLOWED)


def parse_vault(options: Mapping[str, Any]) -> VaultSettings:
    """Return where the vault keeps its copies, and how many."""
    default = VaultSettings()
    return VaultSettings(
        second_place=_read(
            options, CONF_SECOND_PLACE, _folder_or_none, default.second_place
        ),
        limit=_read(options, CONF_VAULT_LIMIT, as_whole, default.limit),
    )


def parse_audit_months(options: Mapping[str, Any]) -> int:
    """Return for how many months the audit log is kept; 0 where time does not count."""
    return _read(options, CONF_AUDIT_MONTHS, _months, 0)


def parse_lock_policy(data: Mapping[str, Any]) -> LockPolicy:
    """Return what the owner has set for one lock."""
    return LockPolicy(
        mode=_read(data, CONF_MODE, Mode, Mode.ASK),
        importance=_read(data, CONF_IMPORTANCE, _importance, Importance.ENTRY),
        approval=_read(data, CONF_APPROVAL, ApprovalNeed, ApprovalNeed.NONE),
        quiet_hours=_read(data, CONF_QUIET_HOURS, _quiet_hours_or_none, None),
        soak_days=_read(data, CONF_SOAK_DAYS, _whole_or_none, None),
        has_door_sensor=_has_door_sensor(data),
        has_battery=not _read(data, CONF_NO_BATTERY, as_truth, False),
        not_low_suffices=_read(data, CONF_NOT_LOW_SUFFICES, as_truth, False),
        second_entry=_read(data, CONF_SECOND_ENTRY, as_truth, False),
        consent=_read(data, CONF_CONSENT, _consent_or_none, None),
        may_move_bolt=_read(data, CONF_MAY_MOVE_BOLT, as_truth, False),
    )


def parse_links(data: Mapping[str, Any]) -> Links:
    """Return the entities that belong to a lock."""
    return Links(
        lock_entity=data.get(CONF_LOCK_ENTITY),
        battery_entity=data.get(CONF_BATTERY_ENTITY),
        door_entity=data.get(CONF_DOOR_ENTITY),
    )


def quiet_hours_to_form(hours: QuietHours) -> dict[str, Any]:
    """Return quiet hours as a form shows them."""
    return {
        CONF_WEEKDAYS: [str(day) for day in sorted(hours.weekdays)],
        CONF_START: hours.start.isoformat(),
        CONF_END: hours.end.isoformat(),
    }


def quiet_hours_from_form(values: Mapping[str, Any]) -> QuietHours:
    """Return quiet hours out of what a form gives."""
    return QuietHours(
        weekdays=frozenset(int(day) for day in values[CONF_WEEKDAYS]),
        start=time.fromisoformat(values[CONF_START]),
        end=time.fromisoformat(values[CONF_END]),
    )


def consent_as_dict(consent: Consent) -> dict[str, Any]:
    """Return a consent as a lock's data hold it."""
    return {
        "user_id": consent.user_id,
        "user_name": consent.user_name,
        "at": consent.at.isoformat(),
    }


def _read[T](
    raw: Mapping[str, Any], key: str, parse: Callable[[Any], T], default: T
) -> T:
    if key not in raw:
        return default
    try:
        return parse(raw[key])
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        _LOGGER.warning("The setting %s is not valid and was left out: %s", key, err)
        return default


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(as_text(each) for each in value)


def _indexes(value: Any) -> frozenset[IndexName]:
    return frozenset(map(IndexName, value))


def _months(value: Any) -> int:
    months = as_whole(value)
    if not 0 <= months <= MOST_AUDIT_MONTHS:
        raise ValueError(f"{months} are too many months, or too few")
    return months


def _text_or_none(value: Any) -> str | None:
    return optional(as_text, value) or None


def _whole_or_none(value: Any) -> int | None:
    return optional(as_whole, value)


def _folder_or_none(value: Any) -> Path | None:
    text = _text_or_none(value)
    return None if text is None else Path(text)


def _importance(value: Any) -> Importance:
    return Importance[as_text(value).upper()]


def _quiet_hours_or_none(value: Any) -> QuietHours | None:
    return None if value is None else QuietHours.from_dict(value)


def _consent_or_none(value: Any) -> Consent | None:
    if value is None:
        return None
    return Consent(
        user_id=optional(as_text, value["user_id"]),
        user_name=optional(as_text, value["user_name"]),
        at=as_time(value["at"]),
    )


def _has_door_sensor(data: Mapping[str, Any]) -> bool | None:
    """Return what the owner has said; None where nothing was said."""
    if data.get(CONF_DOOR_ENTITY):
        return True
    return False if data.get(CONF_NO_DOOR_SENSOR) else None
