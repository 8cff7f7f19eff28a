"""Versions of firmware, each scheme with its own strict order.

Vendors number firmware in ways that do not compare with each other, and general
version libraries guess where they cannot know (they call ``6.5.07`` neither older nor
newer than ``6.5.7``, nor the same). A wrong guess here is a downgrade of a lock, so a
text that does not fit its scheme is refused, unlike schemes are never compared, and
within a scheme nothing is ordered by what has no order, such as a hash.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
import re
from typing import override

# Longer numbers are no versions but attempts to be clever.
_MAX_DIGITS = 10
_NUMBER = rf"[0-9]{{1,{_MAX_DIGITS}}}"
_NUMBERS = rf"{_NUMBER}(?:\.{_NUMBER}){{0,5}}"
# Where something stands behind them there has to be a dot, or dates would be versions;
# and no fourth, or one with a fourth could stand between two that have no order.
_SEVERAL = rf"{_NUMBER}(?:\.{_NUMBER}){{1,2}}"
_DOTTED = re.compile(
    rf"[vV]?(?P<built>{_NUMBER}(?:\.{_NUMBER}){{0,2}})\+(?P<build>{_NUMBER})"
    rf"|[vV]?(?P<plain>{_NUMBERS})"
    rf"|(?:(?P<label>undefined)-|[vV]?)(?P<several>{_SEVERAL})"
    rf"(?:-(?P<revision>{_NUMBERS}))?"
    r"(?:(?:_|-g|\+g?)(?P<hash>[0-9A-Fa-f]{6,64}))?"
)
_INTEGER = re.compile(_NUMBER)
_HEX = re.compile(r"0[xX][0-9A-Fa-f]{1,16}")
_TEXT_INTEGER = re.compile(
    rf"[^\s()](?:[^()]{{0,62}}[^\s()])? \(([0-9]{{1,{_MAX_DIGITS}}})\)"
)
# Major, minor and revision of an image's header: the build comes behind these.
_BEFORE_BUILD = 3

_SAYS_NOTHING = frozenset(
    {"", "-", "-1", "?", "n/a", "none", "null", "unavailable", "undefined", "unknown"}
)
_ONLY_ZEROS = re.compile(r"[vV]?(?:0[xX])?0+(?:[.+-]0+)*")


class VersionScheme(StrEnum):
    """How a vendor numbers firmware."""

    DOTTED = "dotted"
    """One to six decimal numbers with dots between: ``1.10.0``.

    A ``v`` in front says nothing. Behind up to three numbers a build may stand, which is
    the fourth: ``1.2.0+3`` as in the header of MCUboot's images. Behind two or three, a
    revision (``1.1.0-315``), a hash (``2025.11.5_c51f7548``) or both.
    """
    INTEGER = "integer"
    """One decimal number: ``20260312``."""
    HEX = "hex"
    """One hexadecimal number, as in Zigbee's OTA headers: ``0x0000001a``."""
    TEXT_INTEGER = "text_integer"
    """A text for people and the number that counts: ``1.0.1 (1011)``, as of Matter."""


_PATTERNS = {
    VersionScheme.DOTTED: _DOTTED,
    VersionScheme.INTEGER: _INTEGER,
    VersionScheme.HEX: _HEX,
    VersionScheme.TEXT_INTEGER: _TEXT_INTEGER,
}


class VersionError(ValueError):
    """A text is no version of its scheme, or two versions cannot be compared."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of one scheme, with its text as the vendor wrote it.

    Two versions of a scheme are equal when all that they say is, so ``1.0`` equals
    ``1.0.0`` and ``1.0.0+0``, and ``6.5.07`` equals ``6.5.7``. The numbers decide first,
    then the revision. Versions with the same numbers of which only one has a revision
    have no order (some count such builds before a release, some after it), nor have
    those that differ by their hash only.
    """

    scheme: VersionScheme
    text: str
    written: tuple[int, ...]
    """All numbers as they are written, the build being the fourth."""
    label: str = ""
    """What stands in front, in place of another number: ``undefined``."""
    revision: tuple[int, ...] | None = None
    hash: str = ""
    """Of what it was built from; it tells two apart and orders nothing."""

    @classmethod
    def parse(cls, scheme: VersionScheme, text: str) -> Version:
        """Read a version; raise ``VersionError`` where the text does not fit."""
        match = _PATTERNS[scheme].fullmatch(text)
        if match is None:
            raise VersionError(f"{text!r} is no {scheme} version")
        if scheme is VersionScheme.HEX:
            return cls(scheme, text, (int(text, 16),))
        if scheme is VersionScheme.TEXT_INTEGER:
            return cls(scheme, text, (int(match[1]),))
        if scheme is VersionScheme.INTEGER:
            return cls(scheme, text, (int(text),))
        if (built := match["built"]) is not None:
            numbers = _numbers(built)
            padding = (0,) * (_BEFORE_BUILD - len(numbers))
            return cls(scheme, text, (*numbers, *padding, int(match["build"])))
        revision = match["revision"]
        return cls(
            scheme,
            text,
            _numbers(match["plain"] or match["several"]),
            label=match["label"] or "",
            revision=None if revision is None else _shortest(_numbers(revision)),
            hash=(match["hash"] or "").lower(),
        )

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return the numbers that count, without zeros at the end."""
        return _shortest(self.written)

    @property
    def has_build(self) -> bool:
        """Return whether the last of its numbers is written as a build."""
        return (
            self.scheme is VersionScheme.DOTTED and "+" in self.text and not self.hash
        )

    @property
    def is_plain(self) -> bool:
        """Return whether it has nothing but numbers, and so an order with all such."""
        return not self.label and self.revision is None and not self.hash

    @property
    def rank(self) -> tuple[str, tuple[int, ...], bool, tuple[int, ...], str]:
        """Return what sorts all versions of a scheme, also those without an order.

        It is in step with the order. It is for choosing the same one of many always,
        never for telling which is newer.
        """
        revision = self.revision
        return (
            self.label,
            self.numbers,
            revision is not None,
            revision or (),
            self.hash,
        )

    def numbers_label(self, label: str) -> bool:
        """Return whether this is ``label`` with the number behind it that counts.

        Home Assistant's Matter integration writes the number only where the text for
        people is the one that is installed already, and the number is another
        (``components/matter/update.py``, 2026.10). Matter offers nothing older (Matter
        Core Specification 1.4, 11.20.3.2).
        """
        return (
            self.scheme is VersionScheme.TEXT_INTEGER
            and self.text.rpartition(" (")[0] == label
        )

    def is_told_by(self, text: str) -> bool:
        """Return whether a lock that tells a text runs this version.

        It may tell more than the version names: the build, revision or hash of it.
        """
        try:
            told = Version.parse(self.scheme, text)
        except VersionError:
            return False
        numbers = told.written
        if told.has_build and len(self.written) <= _BEFORE_BUILD:
            numbers = numbers[:_BEFORE_BUILD]
        return (
            (self.label, self.numbers) == (told.label, _shortest(numbers))
            and self.revision in (None, told.revision)
            and self.hash in ("", told.hash)
        )

    def _check_order(self, other: Version) -> None:
        """Raise ``VersionError`` where there is no order; else ranks are in step with it."""
        if self.scheme is not other.scheme:
            raise VersionError(f"{self.scheme} and {other.scheme} do not compare")
        if self != other and not _differ_in_order(self, other):
            raise VersionError(f"{self.text!r} and {other.text!r} do not compare")

    @override
    def __eq__(self, other: object) -> bool:
        """Compare by all that is said; those of unlike schemes are never equal."""
        if not isinstance(other, Version):
            return NotImplemented
        return self.scheme is other.scheme and self.rank == other.rank

    @override
    def __hash__(self) -> int:
        """Hash like ``__eq__`` compares."""
        return hash((self.scheme, self.rank))

    def __lt__(self, other: Version) -> bool:
        """Return whether this version is older."""
        self._check_order(other)
        return self.rank < other.rank

    def __le__(self, other: Version) -> bool:
        """Return whether this version is older or the same."""
        self._check_order(other)
        return self.rank <= other.rank

    def __gt__(self, other: Version) -> bool:
        """Return whether this version is newer."""
        self._check_order(other)
        return self.rank > other.rank

    def __ge__(self, other: Version) -> bool:
        """Return whether this version is newer or the same."""
        self._check_order(other)
        return self.rank >= other.rank

    @override
    def __str__(self) -> str:
        """Return the text as the vendor wrote it."""
        return self.text


def told_version(text: str | None) -> str | None:
    """Return a text that another program gives as a version; None where it says nothing.

    Programs write ``-1``, ``unknown``, ``0.0.0`` and the like before they know.
    """
    if text is None or text.strip().lower() in _SAYS_NOTHING:
        return None
    return None if _ONLY_ZEROS.fullmatch(text.strip()) else text


def is_version(scheme: VersionScheme, text: str) -> bool:
    """Return whether a text is a version of a scheme, and says something."""
    try:
        Version.parse(scheme, text)
    except VersionError:
        return False
    return told_version(text) is not None


def is_same_version(one: str, two: str) -> bool:
    """Return whether two texts say the same, however they are written."""
    if one == two:
        return True
    try:
        first, second = (
            Version.parse(VersionScheme.DOTTED, each.strip()) for each in (one, two)
        )
    except VersionError:
        return one.strip().casefold() == two.strip().casefold()
    return first == second


def is_told_as(version: str, told: str) -> bool:
    """Return whether a lock that tells a text runs what a release of a version brings.

    As ``Version.is_told_by``, where all that was kept of the release is its version.
    """
    if is_same_version(version, told):
        return True
    try:
        return Version.parse(VersionScheme.DOTTED, version).is_told_by(told)
    except VersionError:
        return False


def is_other_version(before: str, runs: str) -> bool:
    """Return whether something was installed between two texts that a lock has told.

    Nothing was where one of them says nothing.
    """
    if told_version(before) is None or told_version(runs) is None:
        return False
    return not is_same_version(before, runs)


def _differ_in_order(one: Version, other: Version) -> bool:
    """Return whether two differ in what has an order: their numbers or revisions."""
    if one.label != other.label:
        return False
    if one.numbers != other.numbers:
        return not (_differ_by_build(one, other) or _differ_by_build(other, one))
    revisions = {one.revision, other.revision}
    return len(revisions) > 1 and None not in revisions


def _differ_by_build(one: Version, other: Version) -> bool:
    """Return whether one has a build where another has a revision or a hash."""
    return (
        one.is_plain
        and not other.is_plain
        and _shortest(one.numbers[:_BEFORE_BUILD]) == other.numbers
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _shortest(numbers: Iterable[int]) -> tuple[int, ...]:
    """Return numbers without zeros at the end; the first stays."""
    shortest = list(numbers)
    while len(shortest) > 1 and shortest[-1] == 0:
        shortest.pop()
    return tuple(shortest)
