"""How a lock stands, by all that is published: one word, and what it rests on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
import json
from typing import Any, Final

from ..model import Release, Severity
from ..versions import VersionScheme
from .published import Match, PublishedAdvisory, VersionSpan

ENDS_SOON: Final = timedelta(days=180)
"""So long before its support ends people are told: time to look for another lock."""
MAX_SHOWN: Final = 12 * 1024
"""Bytes of advisories that are shown; the recorder keeps 16 KiB of all attributes."""

_RANKS = {severity: rank for rank, severity in enumerate(Severity)}
_NOT_SAID = Severity.HIGH
"""As which a hole counts that nobody has measured."""


class SecurityState(StrEnum):
    """How a lock stands."""

    UP_TO_DATE = "up_to_date"
    """Its vendor says what is known, and nothing of it is about what the lock runs."""
    UPDATE_CLOSES = "update_closes"
    """There is a hole, none worse without a remedy, and a version without it."""
    VULNERABLE = "vulnerable"
    """There is a hole, and nobody names a version without it; a lesser one may have one."""
    UNKNOWN = "unknown_security"
    """Nobody says, or it cannot be compared."""
    SUPPORT_ENDED = "support_ended"
    SUPPORT_ENDING = "support_ending"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAdvisory:
    """An advisory that is, or may be, about what a lock runs."""

    advisory: PublishedAdvisory
    match: Match
    is_closed_by_offer: bool
    """Whether what is offered to the lock is without it."""

    @property
    def urgency(self) -> Severity:
        """Return how much it matters."""
        severity = self.advisory.severity
        return _NOT_SAID if severity is None else severity

    @property
    def is_open_to_an_update(self) -> bool:
        """Return whether some update is known to be without it.

        Where it is not certain that the lock has the hole, only what is offered counts:
        nobody is sent to look for an update that may not be for this lock.
        """
        known = self.match is Match.EXACT and self.advisory.fix is not None
        return self.is_closed_by_offer or known


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What is published that is, or may be, about what a lock runs; the worst first."""

    open: tuple[OpenAdvisory, ...] = ()

    @property
    def closed_by_offer(self) -> tuple[PublishedAdvisory, ...]:
        """Return what the release on offer closes."""
        return tuple(each.advisory for each in self.open if each.is_closed_by_offer)

    @property
    def urgency_of_offer(self) -> Severity:
        """Return how bad the worst hole is that the lock has and the offer closes.

        What it only may have hurries nobody, unless its own vendor has signed that; nor
        does what nothing on offer closes.
        """
        certain = (
            each.urgency
            for each in self.open
            if each.is_closed_by_offer
            and (each.match is Match.EXACT or each.advisory.model is not None)
        )
        return max(certain, key=_RANKS.__getitem__, default=Severity.NONE)


def assess(
    runs: str,
    scheme: VersionScheme,
    *,
    told_by_feed: Iterable[PublishedAdvisory],
    facts: Iterable[PublishedAdvisory],
    releases: Iterable[Release],
    offer: Release | None,
) -> Assessment:
    """Return what is about what a lock runs, out of all that is published.

    What the vendor says of an advisory in its signed feed counts more than what others
    have written of it; what its releases say that they close, least, for they name no
    version that has the hole. What a keeper says counts less than the reviewed facts.
    """
    of_releases = _of_releases(releases)
    known: dict[str, list[PublishedAdvisory]] = {}
    signed = tuple(told_by_feed)
    by_vendor = tuple(each for each in signed if each.keeper is None)
    by_keeper = tuple(each for each in signed if each.keeper is not None)
    for told in (by_vendor, tuple(facts), by_keeper, of_releases):
        others = set(known)
        for advisory in told:
            if advisory.id not in others:
                known.setdefault(advisory.id, []).append(advisory)
    closed = (
        {advisory.id for advisory in offer.advisories}
        if offer is not None and offer.keeper is None
        else set()
    )
    found: list[OpenAdvisory] = []
    for told_of_it in known.values():
        worst = _worst(told_of_it, runs, scheme)
        if worst is None:
            continue
        advisory, match = worst
        without = offer is not None and (
            advisory.id in closed
            or all(
                each.match(offer.version.text, scheme) is Match.NOT_AFFECTED
                for each in told_of_it
            )
        )
        found.append(
            OpenAdvisory(advisory=advisory, match=match, is_closed_by_offer=without)
        )
    return Assessment(open=tuple(sorted(found, key=_order)))


def state_of(
    assessment: Assessment,
    *,
    vendor_speaks: bool,
    gives_updates: bool,
    support_end: date | None,
    today: date,
) -> SecurityState:
    """Return how a lock stands, in one word.

    ``vendor_speaks`` tells whether its vendor says what is known, whole and fresh: only
    then is silence good news.
    """
    found = assessment.open
    closable = _worst_of(each for each in found if each.is_open_to_an_update)
    stays = _worst_of(
        each
        for each in found
        if each.match is Match.EXACT and not each.is_open_to_an_update
    )
    # An update that leaves the worse hole open is not what counts most.
    if stays > closable:
        return SecurityState.VULNERABLE
    if closable >= 0:
        return SecurityState.UPDATE_CLOSES
    support = support_of(gives_updates, support_end, today)
    if support is SecurityState.SUPPORT_ENDED:
        return support
    if found:
        return SecurityState.UNKNOWN
    if support is not None:
        return support
    return SecurityState.UP_TO_DATE if vendor_speaks else SecurityState.UNKNOWN


def _worst_of(found: Iterable[OpenAdvisory]) -> int:
    """Return the rank of the worst; below all ranks where there is none."""
    return max((_RANKS[each.urgency] for each in found), default=-1)


def support_of(
    gives_updates: bool, support_end: date | None, today: date
) -> SecurityState | None:
    """Return whether support has ended, or ends soon; None where nobody says so."""
    if not gives_updates or (support_end is not None and support_end < today):
        return SecurityState.SUPPORT_ENDED
    if support_end is not None and support_end - today <= ENDS_SOON:
        return SecurityState.SUPPORT_ENDING
    return None


def shown(lines: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Return as many lines as may be shown, and how many are left out."""
    size, told = 2, []
    for line in lines:
        # As Home Assistant counts: in UTF-8, and not as escapes.
        size += len(json.dumps(line, ensure_ascii=False).encode()) + 2
        if size > MAX_SHOWN:
            break
        told.append(line)
    return told, len(lines) - len(told)


def _worst(
    told: Iterable[PublishedAdvisory], runs: str, scheme: VersionScheme
) -> tuple[PublishedAdvisory, Match] | None:
    """Return the advisory that is about a version the most certainly, if any is."""
    matches = [(advisory, advisory.match(runs, scheme)) for advisory in told]
    for wanted in (Match.EXACT, Match.POSSIBLE):
        for advisory, match in matches:
            if match is wanted:
                return advisory, match
    return None


def _of_releases(releases: Iterable[Release]) -> tuple[PublishedAdvisory, ...]:
    """Return what releases say that they close: what came before may have it."""
    return tuple(
        PublishedAdvisory(
            id=advisory.id,
            keeper=release.keeper,
            model=release.model,
            url=advisory.url,
            severity=None if release.severity is Severity.NONE else release.severity,
            perhaps=(VersionSpan(highest=release.version.text),),
            cleared=(VersionSpan(lowest=release.version.text),),
            fixed_in=release.version.text,
        )
        for release in releases
        for advisory in release.advisories
    )


def _order(found: OpenAdvisory) -> tuple[int, bool, str]:
    return (
        -_RANKS[found.urgency],
        found.match is not Match.EXACT,
        found.advisory.id,
    )
