"""Advisories as they are published, and which versions they are about.

Two sources, one model: a vendor's signed feed, and the reviewed facts that are shipped.
Neither is complete, so nothing here ever says that a lock is safe: a version that cannot
be compared, or of which nobody says anything, may have the hole.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
import re

from ..model import Severity
from ..versions import (
    Version,
    VersionError,
    VersionScheme,
    is_same_version,
    told_version,
)


class Mitigation(StrEnum):
    """What a person can do against a hole that no update closes."""

    BLUETOOTH = "mitigation_bluetooth"
    """Keep Bluetooth of the lock off where it can be, and nobody near it."""
    CLOSE_APP = "mitigation_close_app"
    """End the connection of the app after each use."""
    OWN_NETWORK = "mitigation_own_network"
    """Keep it in a network of its own."""


class Match(StrEnum):
    """Whether an advisory is about what a lock runs."""

    EXACT = "exact"
    POSSIBLE = "possible"
    """Nobody can say, or the version cannot be compared."""
    NOT_AFFECTED = "not_affected"
    """Somebody has said so of this very version."""


@dataclass(frozen=True, slots=True)
class VersionSpan:
    """Versions from one to another, as somebody has written them."""

    lowest: str | None = None
    """None where it begins with the first one."""
    highest: str | None = None
    """None where it has no end."""
    has_lowest: bool = True
    has_highest: bool = False
    """Whether the highest belongs to it; what comes after is another matter then."""

    @property
    def only(self) -> str | None:
        """Return the one version that it is; None where it is a span."""
        both = self.has_lowest and self.has_highest
        return self.lowest if both and self.lowest == self.highest else None

    @property
    def names_fix(self) -> bool:
        """Return whether it ends just before a version: that one is without the hole."""
        return self.highest is not None and not self.has_highest

    def has(self, text: str, scheme: VersionScheme) -> bool | None:
        """Return whether a version is in it; None where that cannot be said.

        What follows on the last version that was seen to be in it has not been said to
        be out of it.
        """
        if self.only is not None:
            return True if _is_same(text, self.only, scheme) else None
        try:
            version = Version.parse(scheme, text)
            if self.lowest is not None:
                lowest = Version.parse(scheme, self.lowest)
                if version < lowest or (version == lowest and not self.has_lowest):
                    return False
            if self.highest is None:
                return True
            highest = Version.parse(scheme, self.highest)
            if version < highest or (version == highest and self.has_highest):
                return True
        except VersionError:
            return None
        return None if self.has_highest else False

    def is_in(self, scheme: VersionScheme) -> bool:
        """Return whether all that it names are versions of a scheme, lowest first.

        And whether there can be a version in it: one that is about none hides what it
        was meant to be about.
        """
        try:
            named = [
                Version.parse(scheme, each)
                for each in (self.lowest, self.highest)
                if each is not None
            ]
            return len(named) < 2 or (
                named[0] < named[1]
                or (named[0] == named[1] and self.has_lowest and self.has_highest)
            )
        except VersionError:
            return False


_COMPARED = re.compile(r"(?:(>=?)([^<>=|*!]+)\|)?(<=?)([^<>=|*!]+)")
_LOWEST_ONLY = re.compile(r"(>=?)([^<>=|*!]+)")
_ONE = re.compile(r"[^<>=|*!]+")


def read_span(text: str) -> VersionSpan:
    """Read ``*``, one version, ``<1.1``, ``<=1.1``, ``>=1.0`` or ``>=1.0|<1.1``.

    As in vers, see https://github.com/package-url/vers-spec, but one span at a time.
    Raises ``ValueError``.
    """
    if text == "*":
        return VersionSpan()
    if (match := _LOWEST_ONLY.fullmatch(text)) is not None:
        return VersionSpan(lowest=match[2], has_lowest=match[1] == ">=")
    if (match := _COMPARED.fullmatch(text)) is not None:
        return VersionSpan(
            lowest=match[2],
            has_lowest=match[1] != ">",
            highest=match[4],
            has_highest=match[3] == "<=",
        )
    if _ONE.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no span of versions")
    return VersionSpan(lowest=text, highest=text, has_highest=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedAdvisory:
    """What somebody has published of a hole in the firmware of one model."""

    id: str
    model: str | None = None
    """As a feed names it; None where facts say of which locks it is."""
    affected: tuple[VersionSpan, ...] = ()
    perhaps: tuple[VersionSpan, ...] = ()
    """Versions of which it is not known yet."""
    cleared: tuple[VersionSpan, ...] = ()
    """Versions that are said not to have it, or no longer."""
    fixed_in: str | None = None
    severity: Severity | None = None
    """None where nobody has said."""
    url: str | None = None
    published: date | None = None
    mitigation: str = ""
    """What a person can do meanwhile, as the vendor says."""
    mitigations: tuple[Mitigation, ...] = ()
    """The same, as the reviewed facts say."""
    keeper: str | None = None
    """Who says so, where that is the keeper of a feed and not the vendor."""
    of_this_model: bool = True
    """Whether it certainly is about the model of the lock."""

    @property
    def statements(self) -> int:
        """Return of how many spans of versions it says something."""
        return len(self.affected) + len(self.perhaps) + len(self.cleared)

    @property
    def fix(self) -> str | None:
        """Return the version that is without the hole; None where nobody names one."""
        if self.fixed_in is not None:
            return self.fixed_in
        ends = (span.highest for span in self.affected if span.names_fix)
        return next(ends, None)

    def match(self, text: str, scheme: VersionScheme) -> Match:
        """Return whether it is about a lock that tells a version.

        Who says that a version has it counts more than who says that it has not.
        """
        if told_version(text) is None:
            return Match.POSSIBLE
        affected = _each(self.affected, text, scheme)
        if True in affected:
            return Match.EXACT if self.of_this_model else Match.POSSIBLE
        if True in _each(self.cleared, text, scheme):
            return Match.NOT_AFFECTED
        told = affected | _each(self.perhaps, text, scheme)
        # Nothing else than being out of all that somebody has named clears a version.
        return Match.NOT_AFFECTED if told == {False} else Match.POSSIBLE


def _each(
    spans: Iterable[VersionSpan], text: str, scheme: VersionScheme
) -> set[bool | None]:
    return {span.has(text, scheme) for span in spans}


def _is_same(one: str, two: str, scheme: VersionScheme) -> bool:
    try:
        return Version.parse(scheme, one) == Version.parse(scheme, two)
    except VersionError:
        return is_same_version(one, two)
