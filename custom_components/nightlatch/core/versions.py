"""Versions of firmware, each scheme with its own strict total order.

Vendors number firmware in ways that do not compare with each other, and general
version libraries guess where they cannot know (they call ``6.5.07`` neither older nor
newer than ``6.5.7``, nor the same). A wrong guess here is a downgrade of a lock, so a
text that does not fit its scheme is refused, and unlike schemes are never compared.
"""

from dataclasses import dataclass
from enum import StrEnum
import re
from typing import override

# Longer numbers are no versions but attempts to be clever.
_MAX_DIGITS = 10
_DOTTED = re.compile(rf"[0-9]{{1,{_MAX_DIGITS}}}(?:\.[0-9]{{1,{_MAX_DIGITS}}}){{0,5}}")
_INTEGER = re.compile(rf"[0-9]{{1,{_MAX_DIGITS}}}")
_HEX = re.compile(r"0[xX][0-9A-Fa-f]{1,16}")
_TEXT_INTEGER = re.compile(
    rf"[^\s()](?:[^()]{{0,62}}[^\s()])? \(([0-9]{{1,{_MAX_DIGITS}}})\)"
)


class VersionScheme(StrEnum):
    """How a vendor numbers firmware."""

    DOTTED = "dotted"
    """One to six decimal numbers with dots between: ``1.10.0``."""
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

    Two versions of a scheme are equal when their numbers are, so ``1.0`` equals
    ``1.0.0`` and ``6.5.07`` equals ``6.5.7``.
    """

    scheme: VersionScheme
    text: str
    numbers: tuple[int, ...]

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
        numbers = [int(part) for part in text.split(".")]
        while len(numbers) > 1 and numbers[-1] == 0:
            numbers.pop()
        return cls(scheme, text, tuple(numbers))

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

    def _comparable(self, other: Version) -> tuple[int, ...]:
        if self.scheme is not other.scheme:
            raise VersionError(f"{self.scheme} and {other.scheme} do not compare")
        return other.numbers

    @override
    def __eq__(self, other: object) -> bool:
        """Compare by numbers; versions of unlike schemes are never equal."""
        if not isinstance(other, Version):
            return NotImplemented
        return self.scheme is other.scheme and self.numbers == other.numbers

    @override
    def __hash__(self) -> int:
        """Hash like ``__eq__`` compares."""
        return hash((self.scheme, self.numbers))

    def __lt__(self, other: Version) -> bool:
        """Return whether this version is older."""
        return self.numbers < self._comparable(other)

    def __le__(self, other: Version) -> bool:
        """Return whether this version is older or the same."""
        return self.numbers <= self._comparable(other)

    def __gt__(self, other: Version) -> bool:
        """Return whether this version is newer."""
        return self.numbers > self._comparable(other)

    def __ge__(self, other: Version) -> bool:
        """Return whether this version is newer or the same."""
        return self.numbers >= self._comparable(other)

    @override
    def __str__(self) -> str:
        """Return the text as the vendor wrote it."""
        return self.text
