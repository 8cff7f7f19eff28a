"""What public indexes of firmware say of a release that somebody else offers.

Matter's ledger, the collection of Zigbee images and the service of Z-Wave JS list
firmware for many makers. None of them signs what it answers, so a record here never
proves a release: it can only speak against one, or add what the offer does not tell.

The documents are other people's. Each field that is used is checked for its type, its
range and its length; fields that are not known are ignored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
import json
import re
from typing import Final
import unicodedata

from yarl import URL

from ..errors import FeedError, FeedProblem

MAX_NOTES: Final = 32 * 1024
"""Characters; longer release notes are cut."""
MAX_TEXT: Final = 256
"""Characters of a name, a version or the like."""
MAX_URL: Final = 2048
"""Characters."""
MAX_UINT16: Final = 0xFFFF
MAX_UINT32: Final = 0xFFFF_FFFF
MAX_INT63: Final = (1 << 63) - 1

_MAX_NUMBER_TEXT = 20
_DECIMAL = re.compile(r"[0-9]+")
_HEXADECIMAL = re.compile(r"0x[0-9A-Fa-f]+")
# Control characters, lone surrogates, and marks that turn the direction of writing.
_NOT_IN_A_TEXT = frozenset({"Cc", "Cs"})
_TURNS_WRITING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class IndexName(StrEnum):
    """The public indexes that are known."""

    DCL = "dcl"
    """The Distributed Compliance Ledger of the Connectivity Standards Alliance."""
    ZIGBEE_OTA = "zigbee_ota"
    """The collection of images that Zigbee2MQTT installs from."""
    ZWAVE_JS = "zwave_js"
    """The firmware update service of Z-Wave JS."""


class Contradiction(StrEnum):
    """What an index has against the offered version."""

    RECALLED = "index_recalled"
    """The index has taken it back."""
    NOT_APPLICABLE = "index_not_applicable"
    """It is not for a device with the version that is installed."""
    OTHER_HARDWARE = "index_other_hardware"
    """It is for another hardware version, or for another radio region."""
    OTHER_MODEL = "index_other_model"
    """The index has it only for another model that goes by the same numbers."""
    OTHER_IMAGE = "index_other_image"
    """The file at the listed address is not the listed one."""
    DOWNGRADE = "index_downgrade"
    """It is older than what is installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedImage:
    """A file of a release."""

    url: str | None
    """Where the file is, if that is an ``https://`` URL."""
    size: int | None
    """Bytes."""
    digest: str | None
    """``sha256:`` and hexadecimal digits, or another algorithm's name before them.

    A shortened digest names its bits too: ``sha256-128:``.
    """
    target: int = 0
    """Which of a device's chips it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedRelease:
    """What an index says of one version."""

    version: str
    """As the index writes it."""
    number: int | None
    """The version as a number, where the index has numbers."""
    notes: str = ""
    url: str | None = None
    """A page about the release, if that is at an ``https://`` URL."""
    images: tuple[IndexedImage, ...] = ()
    released: date | None = None
    beta: bool = False
    """The index does not call it fit for everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What an index says of a device and of the version that it is offered."""

    index: IndexName
    release: IndexedRelease | None
    """The record of exactly the offered version, for this device."""
    contradiction: Contradiction | None


def read_json(body: bytes, what: str) -> object:
    """Return the JSON value of a document.

    Raises ``FeedError``: FIELD_INVALID with ``what`` as the field.
    """
    try:
        value: object = json.loads(body)
    # A document may be nested deeper than the parser goes.
    except (ValueError, RecursionError) as err:
        raise wrong(what, "is not JSON") from err
    return value


def wrong(field: str, problem: str) -> FeedError:
    """Return the error for a field that is not as its schema says."""
    return FeedError(FeedProblem.FIELD_INVALID, field=field, problem=problem)


def read_list(value: object, path: str, maximum: int) -> list[object]:
    """Return a list of at most ``maximum`` items; raise ``FeedError``."""
    if not isinstance(value, list):
        raise wrong(path, "must be a list")
    if len(value) > maximum:
        raise wrong(path, f"must have at most {maximum} items")
    return value


def clean_notes(text: str) -> str:
    """Return release notes without what could make them read otherwise than they are.

    They are written by many hands, so what is odd in them is left out and no record is
    refused for it.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    shown = "".join(
        char
        for char in lines[: MAX_NOTES + 1]
        if char in "\n\t"
        or (
            unicodedata.category(char) not in _NOT_IN_A_TEXT
            and char not in _TURNS_WRITING
        )
    )
    if len(shown) > MAX_NOTES:
        shown = f"{shown[: MAX_NOTES - 1]}…"
    return shown.strip()


def https_url(text: str) -> str | None:
    """Return a URL that may be shown and followed, ``None`` for any other text."""
    if len(text) > MAX_URL or not text.isprintable() or " " in text:
        return None
    try:
        url = URL(text)
    except ValueError:
        return None
    safe = url.scheme == "https" and url.host and url.user is None
    return text if safe and url.password is None else None


def version_number(text: str) -> int | None:
    """Return the number that a version is, in decimal or after ``0x``."""
    if len(text) > _MAX_NUMBER_TEXT:
        return None
    if _DECIMAL.fullmatch(text):
        return int(text)
    return int(text, 16) if _HEXADECIMAL.fullmatch(text) else None


class Fields:
    """An object of a document, read field by field.

    Every method raises ``FeedError`` with FIELD_INVALID and the path of the field where
    the value is none of its kind. ``null`` counts as a field that is not there.
    """

    def __init__(self, value: object, path: str = "") -> None:
        """Take an object that lies at a path of its document."""
        if not isinstance(value, dict):
            raise wrong(path or "(document)", "must be an object")
        self._raw = value
        self._path = path

    def path(self, name: str) -> str:
        """Return the path of a field."""
        return f"{self._path}.{name}" if self._path else name

    def has(self, name: str) -> bool:
        """Return whether there is such a field."""
        return self._raw.get(name) is not None

    def is_text(self, name: str, text: str) -> bool:
        """Return whether a field is a certain text; of whatever else it is, no word."""
        return self._raw.get(name) == text

    def _value(self, name: str) -> object:
        if not self.has(name):
            raise wrong(self.path(name), "is missing")
        return self._raw[name]

    def part(self, name: str) -> Fields:
        """Return an object."""
        return Fields(self._value(name), self.path(name))

    def parts(self, name: str, maximum: int) -> list[Fields]:
        """Return a list of objects."""
        path = self.path(name)
        return [
            Fields(item, f"{path}[{index}]")
            for index, item in enumerate(read_list(self._value(name), path, maximum))
        ]

    def number(self, name: str, maximum: int) -> int:
        """Return a whole number from 0 to ``maximum``."""
        return self._checked(name, self._value(name), maximum)

    def maybe_number(self, name: str, maximum: int) -> int | None:
        """Return such a number where there is one."""
        return self.number(name, maximum) if self.has(name) else None

    def long_number(self, name: str) -> int | None:
        """Return a 64-bit number, which protocol buffers write as a text in JSON.

        Source: protobuf's ProtoJSON format, "int64, fixed64, uint64: string".
        """
        if not self.has(name):
            return None
        value = self._value(name)
        if isinstance(value, str) and len(value) <= _MAX_NUMBER_TEXT:
            value = int(value) if _DECIMAL.fullmatch(value) else value
        return self._checked(name, value, MAX_INT63)

    def numbers(self, name: str, maximum: int, items: int) -> list[int]:
        """Return a list of whole numbers from 0 to ``maximum``."""
        values = read_list(self._value(name), self.path(name), items)
        return [self._checked(name, value, maximum) for value in values]

    def _checked(self, name: str, value: object, maximum: int) -> int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not isinstance(value, int) or not 0 <= value <= maximum:
            raise wrong(self.path(name), f"must be a whole number from 0 to {maximum}")
        return value

    def flag(self, name: str) -> bool:
        """Return a truth value."""
        value = self._value(name)
        if not isinstance(value, bool):
            raise wrong(self.path(name), "must be true or false")
        return value

    def text(self, name: str, *, empty: bool = False) -> str:
        """Return one line of at most ``MAX_TEXT`` printable characters."""
        return self._line(name, self._value(name), empty)

    def maybe_text(self, name: str) -> str | None:
        """Return such a line where there is one that is not empty."""
        return (self.text(name, empty=True) or None) if self.has(name) else None

    def texts(self, name: str, maximum: int) -> tuple[str, ...]:
        """Return a list of such lines."""
        values = read_list(self._value(name), self.path(name), maximum)
        return tuple(self._line(name, value, empty=False) for value in values)

    def _line(self, name: str, value: object, empty: bool) -> str:
        if not isinstance(value, str):
            raise wrong(self.path(name), "must be a text")
        if len(value) > MAX_TEXT or not (value or empty):
            raise wrong(self.path(name), f"must have 1 to {MAX_TEXT} characters")
        if not value.isprintable():
            raise wrong(self.path(name), "must have printable characters only")
        return value

    def pattern(self, name: str, pattern: re.Pattern[str], what: str) -> str:
        """Return a line that a pattern fits."""
        value = self.text(name)
        if not pattern.fullmatch(value):
            raise wrong(self.path(name), f"must be {what}")
        return value

    def notes(self, name: str) -> str:
        """Return release notes, cleaned; none where the field is not there."""
        return self._long(name, clean_notes) or ""

    def url(self, name: str) -> str | None:
        """Return a URL that may be followed, if the field has one."""
        return self._long(name, https_url)

    def _long[T](self, name: str, read: Callable[[str], T]) -> T | None:
        if not self.has(name):
            return None
        value = self._value(name)
        if not isinstance(value, str):
            raise wrong(self.path(name), "must be a text")
        return read(value)
