"""What may be kept of how a lock is set: only what cannot be a code.

By an allow-list. A value is kept where its form leaves no room for a code: on or off,
one of the options that its entity lists, a time, a number that is none of a keypad's. Of
everything else only that it is set, or that it is not.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
import math
import re

VALUE_LIMIT = 255
"""Characters; Home Assistant's states are not longer."""
NAME_LIMIT = 100
UNIT_LIMIT = 32
SLOT_LIMIT = 999
"""The highest number of a code's slot that is kept; a longer one could be the code."""

SET, NOT_SET = "set", "not_set"
ON, OFF = "on", "off"

# The shortest code of a keypad has four digits.
_SHORTEST_CODE = 1000
# Digits in a text that is kept all the same, such as "Flat 12".
_MOST_DIGITS = 2
_NOTHING = {"", "0", "none", "null", "unset", "empty"}

# In the languages that names of entities are given in; parts of words.
_SPEAKS_OF_CODES = re.compile(
    "code|codi|kode?|pass ?w|pass ?phr|kennwort|geheim|secret|credential|token|auth"
    "|contrase|clave|wachtwoord|heslo|hasl|lösenord|losenord|parol|senha|sifre|şifre"
    "|пароль|код|密码|密碼|暗証|コード|パスワード|비밀번호"
)
# Whole words.
_WORDS_OF_CODES = frozenset(
    {
        "card",
        "cards",
        "fob",
        "key",
        "keys",
        "nfc",
        "nip",
        "otp",
        "pin",
        "pins",
        "puk",
        "rfid",
        "tag",
        "tags",
        "uid",
    }
)
# Texts whose names have one of these words, and none of the others, are kept.
_HARMLESS_TEXTS = frozenset(
    {
        "description",
        "greeting",
        "label",
        "language",
        "locale",
        "location",
        "message",
        "name",
        "note",
        "room",
        "title",
        "zone",
    }
)
_WORD = re.compile(r"[a-z]+(?:_[a-z]+)*")
_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_WORD = re.compile(r"[\W_]+")
_LONG_NUMBER = re.compile(r"\d{4,}")


class SettingKind(StrEnum):
    """What a setting is, which says what its value looks like."""

    NUMBER = "number"
    SELECT = "select"
    SWITCH = "switch"
    TEXT = "text"
    TIME = "time"
    DATE = "date"
    DATETIME = "datetime"
    PARAMETER = "parameter"
    """A configuration parameter of a Z-Wave node."""
    LOCK_OPTION = "lock_option"
    """An option of the Door Lock command class of a Z-Wave node."""
    FLAG = "flag"
    """What is only shown: whether it is calibrated, whether it locks by itself."""
    CODE_SLOTS = "code_slots"
    """Which places for codes are in use: their numbers, with commas between."""


NUMBERS = frozenset(
    {SettingKind.NUMBER, SettingKind.PARAMETER, SettingKind.LOCK_OPTION}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A setting as it was read, before it was decided what may be kept of it."""

    key: str
    """What tells it from all others, also after it was renamed."""
    kind: SettingKind
    name: str
    """What people call it."""
    labels: tuple[str, ...] = ()
    """What else it is called, without the names of its device."""
    ids: tuple[str, ...] = ()
    """What programs call it; the names of its device may be in there."""
    value: str | None
    """None while nobody knows."""
    shown: str | None = None
    """The value in words, where it has some."""
    unit: str | None = None
    options: tuple[str, ...] = ()
    """Of a select: all that it can be."""
    maximum: float | None = None
    """Of a number: the highest that it can be."""
    masked: bool = False
    """Whether it is shown as a password is."""
    writable: bool = True
    """Whether there is a way to set it."""
    configures: bool = True
    """Whether its integration says that it configures the lock; else it may operate it."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """What may be kept of a value."""

    value: str | None
    secret: bool = False
    """Whether only that it is set, or that it is not."""


def words_of(text: str) -> str:
    """Return the words of a name or an identifier, in lower case, with blanks between."""
    return _NO_WORD.sub(" ", _CAMEL_CASE.sub(" ", text)).strip().lower()


def without_numbers(name: str) -> str:
    """Return a name without the code that somebody may have written into it."""
    return _LONG_NUMBER.sub("…", name)


def speaks_of_codes(*names: str) -> bool:
    """Return whether what is called so may be a code."""
    for words in map(words_of, names):
        if _SPEAKS_OF_CODES.search(words) or _WORDS_OF_CODES & set(words.split()):
            return True
    return False


def kept_of(seen: Seen) -> Redacted:
    """Return what may be kept of a setting; its value is None while it is unknown."""
    if seen.value is None:
        return Redacted(None)
    match seen.kind:
        case SettingKind.CODE_SLOTS:
            return Redacted(_slots(seen.value))
        case SettingKind.SWITCH:
            return Redacted(seen.value if seen.value in {ON, OFF} else None)
        case SettingKind.TIME | SettingKind.DATE | SettingKind.DATETIME:
            return Redacted(_moment(seen.kind, seen.value))
        case SettingKind.SELECT:
            if seen.value not in seen.options or len(seen.value) > VALUE_LIMIT:
                return Redacted(None)
            secret = _is_called_a_code(seen) and _digits(seen.value) > _MOST_DIGITS
        case SettingKind.TEXT:
            secret = not _is_harmless_text(seen)
        case SettingKind.FLAG:
            return _flag(seen)
        case _:
            if (number := as_number(seen.value)) is None:
                return Redacted(None)
            secret = _may_be_code(seen, number)
    return (
        Redacted(_set_or_not(seen.value), secret=True)
        if secret
        else Redacted(seen.value)
    )


def as_number(value: str) -> float | None:
    """Return a value as a number; None where it is none."""
    if len(value) > UNIT_LIMIT:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def set_or_not(value: str) -> str:
    """Return all that may be known of a value beside one that is secret."""
    return value if value in {SET, NOT_SET} else _set_or_not(value)


def _set_or_not(value: str) -> str:
    return NOT_SET if value.strip().lower() in _NOTHING else SET


def _is_called_a_code(seen: Seen) -> bool:
    return seen.masked or speaks_of_codes(seen.name, *seen.labels, *seen.ids)


def _may_be_code(seen: Seen, number: float) -> bool:
    if seen.masked:
        return True
    if seen.unit or (
        seen.maximum is not None and max(seen.maximum, number) < _SHORTEST_CODE
    ):
        # A length, how often a wrong one may be entered, for how long it locks out.
        return False
    return speaks_of_codes(seen.name, *seen.labels, *seen.ids)


def _is_harmless_text(seen: Seen) -> bool:
    if len(seen.value or "") > VALUE_LIMIT or _digits(seen.value or "") > _MOST_DIGITS:
        return False
    words = set(words_of(" ".join((seen.name, *seen.labels))).split())
    return bool(words & _HARMLESS_TEXTS) and not _is_called_a_code(seen)


def _digits(text: str) -> int:
    return sum(each.isdigit() for each in text)


def _flag(seen: Seen) -> Redacted:
    """Keep on, off, a word without digits, or a number that is no code."""
    value = seen.value or ""
    if (number := as_number(value)) is not None:
        if _may_be_code(seen, number):
            return Redacted(_set_or_not(value), secret=True)
        return Redacted(value)
    if _is_called_a_code(seen) and value not in {ON, OFF}:
        return Redacted(_set_or_not(value), secret=True)
    return Redacted(
        value if len(value) <= NAME_LIMIT and _WORD.fullmatch(value) else None
    )


def _moment(kind: SettingKind, value: str) -> str | None:
    try:
        match kind:
            case SettingKind.TIME:
                return time.fromisoformat(value).isoformat()
            case SettingKind.DATE:
                return date.fromisoformat(value).isoformat()
            case _:
                return datetime.fromisoformat(value).isoformat()
    except ValueError:
        return None


def _slots(value: str) -> str | None:
    """Return the numbers in their order, each once; None where anything else is in it."""
    numbers = set()
    for each in value.split(",") if value else []:
        if not each.isascii() or not each.isdecimal() or int(each) > SLOT_LIMIT:
            return None
        numbers.add(int(each))
    return ",".join(map(str, sorted(numbers)))
