"""How a lock was set before something was done to it, and what is different since.

What gets in here has gone through ``setting_of``, which keeps nothing that could be a
code. Everything is bounded: the number of settings, their names and their values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
import math
from typing import Any

from .redaction import (
    NAME_LIMIT,
    NUMBERS,
    UNIT_LIMIT,
    Seen,
    SettingKind,
    as_number,
    kept_of,
    set_or_not,
    without_numbers,
)
from .settable import WhyNot, fixed_reason, is_setting
from .stored import as_text, as_time, as_truth, as_whole, optional

SETTING_LIMIT = 300
"""Of one snapshot; a Z-Wave lock with everything has about a hundred."""
KEY_LIMIT = 200
# All numbers of slots together are the longest value.
_ROOM_FOR_A_VALUE = 4096
# What an installation has left unknown is known from the one before, if that is recent.
_STILL_TRUE = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of a lock, as it was seen."""

    key: str
    """What tells it from all others, also after it was renamed."""
    kind: SettingKind
    name: str
    value: str | None
    """None while nobody knows; of a secret one only ``set`` or ``not_set``."""
    shown: str | None = None
    """The value in words, where it has some."""
    unit: str | None = None
    fixed: WhyNot | None = None
    """Why it can never be set back; None where it may be."""

    def __post_init__(self) -> None:
        """Refuse what is too long to have come from here; raises ``ValueError``."""
        for text, limit in (
            (self.key, KEY_LIMIT),
            (self.name, NAME_LIMIT),
            (self.value or "", _ROOM_FOR_A_VALUE),
            (self.shown or "", NAME_LIMIT),
            (self.unit or "", UNIT_LIMIT),
        ):
            if len(text) > limit:
                raise ValueError(f"{text[:20]}... has more than {limit} characters")

    @property
    def secret(self) -> bool:
        """Return whether only that it is set is known, or that it is not."""
        return self.fixed is WhyNot.SECRET

    def is_same(self, other: Setting) -> bool:
        """Return whether both have the same value, as far as both are known."""
        if self.value is None or other.value is None:
            return self.value is other.value
        if self.secret or other.secret:
            return set_or_not(self.value) == set_or_not(other.value)
        if self.unit != other.unit:
            return False
        if self.kind in NUMBERS:
            mine, others = as_number(self.value), as_number(other.value)
            if mine is not None and others is not None:
                return math.isclose(mine, others, rel_tol=1e-9)
        return self.value == other.value

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "key": self.key,
            "kind": self.kind,
            "name": self.name,
            "value": self.value,
            "shown": self.shown,
            "unit": self.unit,
            "fixed": self.fixed,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Setting:
        """Read what ``to_dict`` gave; raises what ``stored`` and a mapping raise."""
        return cls(
            key=as_text(raw["key"]),
            kind=SettingKind(raw["kind"]),
            name=as_text(raw["name"]),
            value=optional(as_text, raw["value"]),
            shown=optional(as_text, raw["shown"]),
            unit=optional(as_text, raw["unit"]),
            fixed=None if raw["fixed"] is None else WhyNot(raw["fixed"]),
        )


def setting_of(seen: Seen) -> Setting | None:
    """Return what may be kept of a setting; None where it is none, or is too odd."""
    if len(seen.key) > KEY_LIMIT or not is_setting(seen.kind, seen.name, *seen.labels):
        return None
    kept = kept_of(seen)
    plain = kept.value is not None and not kept.secret
    return Setting(
        key=seen.key,
        kind=seen.kind,
        name=without_numbers(seen.name)[:NAME_LIMIT],
        value=kept.value,
        shown=seen.shown[:NAME_LIMIT] if seen.shown and plain else None,
        unit=seen.unit[:UNIT_LIMIT] if seen.unit else None,
        fixed=fixed_reason(seen, secret=kept.secret),
    )


class Occasion(StrEnum):
    """What a snapshot was taken before."""

    INSTALLATION = "installation"
    RESTORE = "restore"
    """Of another snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How a lock was set at one moment."""

    id: str
    attempt: str
    """The installation that it was taken before; of a restore: the restored snapshot."""
    occasion: Occasion
    taken_at: datetime
    """Aware, UTC."""
    version: str
    """What the lock ran."""
    settings: tuple[Setting, ...]
    left_out: int = 0
    """How many were not kept because there were too many."""
    compared: bool = False
    """Whether it was looked since what is different."""

    def __post_init__(self) -> None:
        """Refuse what is too much to have come from here; raises ``ValueError``."""
        if len(self.settings) > SETTING_LIMIT:
            raise ValueError(f"There are more than {SETTING_LIMIT} settings")

    def filled_from(self, earlier: Snapshot | None) -> Snapshot:
        """Return this with what was known shortly before and is not known now.

        A lock that an installation has left in its bootloader shows nothing; what it
        showed before that is what its recovery has to be measured by.
        """
        if (
            earlier is None
            or earlier.compared
            or self.taken_at - earlier.taken_at > _STILL_TRUE
        ):
            return self
        known = {each.key: each for each in earlier.settings if each.value is not None}
        seen = {each.key for each in self.settings}
        filled = [
            known.get(each.key, each) if each.value is None else each
            for each in self.settings
        ]
        filled += [each for key, each in known.items() if key not in seen]
        return replace(self, settings=tuple(filled[:SETTING_LIMIT]))

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "id": self.id,
            "attempt": self.attempt,
            "occasion": self.occasion,
            "taken_at": self.taken_at.isoformat(),
            "version": self.version,
            "settings": [each.to_dict() for each in self.settings],
            "left_out": self.left_out,
            "compared": self.compared,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Snapshot:
        """Read what ``to_dict`` gave; raises what ``stored`` and a mapping raise."""
        return cls(
            id=as_text(raw["id"]),
            attempt=as_text(raw["attempt"]),
            occasion=Occasion(raw["occasion"]),
            taken_at=as_time(raw["taken_at"]),
            version=as_text(raw["version"]),
            settings=tuple(map(Setting.from_dict, raw["settings"])),
            left_out=as_whole(raw["left_out"]),
            compared=as_truth(raw["compared"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a lock is set now."""

    settings: tuple[Setting, ...] = ()
    left_out: int = 0

    @classmethod
    def of(cls, seen: Iterable[Seen]) -> Reading:
        """Return what may be kept of what was seen; each setting counts once."""
        kept: dict[str, Setting] = {}
        left_out = 0
        for each in seen:
            if each.key in kept or (setting := setting_of(each)) is None:
                continue
            if len(kept) < SETTING_LIMIT:
                kept[each.key] = setting
            else:
                left_out += 1
        return cls(settings=tuple(kept.values()), left_out=left_out)

    def find(self, key: str) -> Setting | None:
        """Return one of the settings."""
        return next((each for each in self.settings if each.key == key), None)


class Change(StrEnum):
    """In what way a setting is not as it was."""

    CHANGED = "changed"
    GONE = "gone"
    """There is no such setting any more."""
    UNKNOWN = "unknown"
    """It was known, and is not now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A setting that is not as it was."""

    before: Setting
    now: Setting | None
    """None where it is gone."""
    why_not: WhyNot | None = None
    """Why it was not set back, when somebody wanted that."""
    detail: str = ""
    """What was said to that."""

    @property
    def change(self) -> Change:
        """Return in what way it is different."""
        if self.now is None:
            return Change.GONE
        return Change.UNKNOWN if self.now.value is None else Change.CHANGED

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "before": self.before.to_dict(),
            "now": self.now.to_dict() if self.now else None,
            "why_not": self.why_not,
            "detail": self.detail,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Difference:
        """Read what ``to_dict`` gave; raises what ``stored`` and a mapping raise."""
        return cls(
            before=Setting.from_dict(raw["before"]),
            now=None if raw["now"] is None else Setting.from_dict(raw["now"]),
            why_not=None if raw["why_not"] is None else WhyNot(raw["why_not"]),
            detail=as_text(raw["detail"]),
        )


def compare(before: Iterable[Setting], now: Reading) -> tuple[Difference, ...]:
    """Return what is not as it was; what was not known before cannot have changed."""
    current = {each.key: each for each in now.settings}
    return tuple(
        Difference(before=each, now=current.get(each.key))
        for each in before
        if each.value is not None
        and ((seen := current.get(each.key)) is None or not each.is_same(seen))
    )


def unseen(before: Iterable[Setting], now: Reading) -> tuple[Setting, ...]:
    """Return what was known before and is not there, or not known, now."""
    known = {each.key for each in now.settings if each.value is not None}
    return tuple(
        each for each in before if each.value is not None and each.key not in known
    )
