"""What the fields of a feed may hold: validators for all that a vendor signs.

A signature proves who said something, not that it makes sense. So each field is checked
for its type, size and characters before anything else sees it.
"""

from collections.abc import Callable
from datetime import date
from enum import StrEnum
import re
from typing import Any, Final
import unicodedata

import probatio as vol
from yarl import URL

from ..errors import FeedError, FeedProblem
from ..phrase import Phrase

MAX_ITEMS: Final = 64
"""In any list."""
MAX_LINE: Final = 64
"""Characters of a name."""
MAX_URL: Final = 2048
"""Characters."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_URL = re.compile(r"https://[!#-;=?-\[\]_a-z~]+")
_NOT_IN_A_TEXT = frozenset({"Cc", "Cs"})
# Marks that turn the direction of writing (Unicode UAX #9, 2.1 and 2.2) make a text read
# otherwise than it is. Other format characters are needed for emoji and some scripts.
_TURNS_WRITING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def validated(schema: vol.Schema, raw: dict[str, Any]) -> dict[str, Any]:
    """Return an object as its schema takes it; raise ``FeedError``: FIELD_INVALID."""
    try:
        fields: dict[str, Any] = schema(raw)
    except vol.Invalid as err:
        first = err.errors[0] if isinstance(err, vol.MultipleInvalid) else err
        told = first.error_message
        if first.code == "required":
            told = Phrase("is missing")
        elif first.code == "not_a_dictionary":
            told = Phrase("must be an object")
        elif not isinstance(told, Phrase):
            told = Phrase("is not of the kind that it must be")
        raise _wrong(_field(first.path), told) from err
    return fields


def wrong(field: str, template: str, **values: object) -> FeedError:
    """Return the error for a field that is not as it must be."""
    return _wrong(field, Phrase(template, **values))


def unfit(template: str, **values: object) -> vol.Invalid:
    """Return what a validator raises."""
    return vol.Invalid(Phrase(template, **values))


def _wrong(field: str, problem: Phrase) -> FeedError:
    return FeedError(FeedProblem.FIELD_INVALID, field=field, problem=problem)


def _field(path: list[Any]) -> str:
    """Return a path like ``models[0].bluetooth.local_name``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")


def exactly(word: str) -> Callable[[object], str]:
    """Return a validator for one word."""

    def check(value: object) -> str:
        if value != word:
            raise unfit("must be {word}", word=word)
        return word

    return check


def line(maximum: int = MAX_LINE) -> Callable[[object], str]:
    """Return a validator for a text of one line."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise unfit("must be a text")
        if not 1 <= len(value) <= maximum:
            raise unfit("must have 1 to {maximum} characters", maximum=maximum)
        # Control and format characters, lone surrogates and odd spaces can make a line
        # look like another one.
        if not value.isprintable():
            raise unfit("must have printable characters and plain spaces only")
        if value != value.strip():
            raise unfit("must not begin or end with a space")
        return value

    return check


def text_of(maximum: int) -> Callable[[object], str]:
    """Return a validator for a text of several lines."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise unfit("must be a text")
        for char in value:
            forbidden = (
                unicodedata.category(char) in _NOT_IN_A_TEXT and char not in "\n\t"
            )
            if forbidden or char in _TURNS_WRITING:
                raise unfit("must not have control characters but newline and tab")
        if len(value.encode()) > maximum:
            raise unfit("must have at most {maximum} bytes", maximum=maximum)
        return value

    return check


def pattern(
    form: re.Pattern[str], what: Phrase, maximum: int
) -> Callable[[object], str]:
    """Return a validator for a text of a form, with what a person calls that."""

    def check(value: object) -> str:
        if (
            not isinstance(value, str)
            or len(value) > maximum
            or not form.fullmatch(value)
        ):
            raise unfit(
                "must be {what} of at most {maximum} characters",
                what=what,
                maximum=maximum,
            )
        return value

    return check


def https(value: object) -> str:
    """Validate an address."""
    text = pattern(_URL, Phrase("an https:// URL"), MAX_URL)(value)
    try:
        url = URL(text)
    except ValueError as err:
        raise unfit("must be an https:// URL") from err
    if not url.host:
        raise unfit("must name a host")
    if url.user is not None or url.password is not None:
        raise unfit("must not have a user name or password")
    return text


def whole(minimum: int, maximum: int) -> Callable[[object], int]:
    """Return a validator for a whole number."""

    def check(value: object) -> int:
        if (
            not isinstance(value, int)
            or isinstance(value, bool)
            or not minimum <= value <= maximum
        ):
            raise unfit(
                "must be a whole number from {minimum} to {maximum}",
                minimum=minimum,
                maximum=maximum,
            )
        return value

    return check


def truth(value: object) -> bool:
    """Validate that something is true or false."""
    if not isinstance(value, bool):
        raise unfit("must be true or false")
    return value


def one_of[E: StrEnum](
    kind: type[E],
) -> Callable[[object], E]:
    """Return a validator for a word out of a list."""

    def check(value: object) -> E:
        for member in kind:
            if value == member.value:
                return member
        raise unfit("must be one of: {words}", words=", ".join(kind))

    return check


def list_of(
    item: object,
    minimum: int = 0,
    maximum: int = MAX_ITEMS,
    by: Callable[[Any], object] = lambda item: item,
) -> vol.Schema:
    """Return a validator for a list of unlike items, measured before it is read."""

    def sized(value: object) -> list[object]:
        if not isinstance(value, list):
            raise unfit("must be a list")
        if not minimum <= len(value) <= maximum:
            raise unfit(
                "must have {minimum} to {maximum} items",
                minimum=minimum,
                maximum=maximum,
            )
        return value

    def unlike(value: list[Any]) -> list[Any]:
        seen = set()
        for index, part in enumerate(value):
            if by(part) in seen:
                raise vol.Invalid(Phrase("is there twice"), path=[index])
            seen.add(by(part))
        return value

    return vol.Schema(vol.All(sized, [item], unlike))


def day(value: object) -> date:
    """Validate a date, written as in ISO 8601."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise unfit("must be a date: YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError as err:
        raise unfit("must be a date that exists") from err


def fields_of(fields: dict[Any, Any]) -> vol.Schema:
    """Return a schema that lets fields through which it does not know."""
    return vol.Schema(fields, extra=vol.ALLOW_EXTRA)
