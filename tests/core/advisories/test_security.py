"""How a lock stands: by feed, facts and releases, the worst first."""

from datetime import date, timedelta
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.advisories.published import (
    Match,
    PublishedAdvisory,
    VersionSpan,
    read_span,
)
from custom_components.nightlatch.core.advisories.security import (
    ENDS_SOON,
    MAX_SHOWN,
    Assessment,
    SecurityState,
    assess,
    shown,
    state_of,
)
from custom_components.nightlatch.core.model import Advisory, Release, Severity
from custom_components.nightlatch.core.versions import Version, VersionScheme

TODAY = date(2026, 11, 30)


def published(
    number: int = 1, affected: str = "<1.1", **fields: Any
) -> PublishedAdvisory:
    """Return an advisory."""
    return PublishedAdvisory(
        id=f"CVE-2026-{number:04}", affected=(read_span(affected),), **fields
    )


def release(version: str = "1.1", *closes: str, **fields: Any) -> Release:
    """Return a release."""
    return Release(
        vendor="Acme",
        model="ND-100",
        hardware_revisions=("A",),
        version=Version.parse(VersionScheme.DOTTED, version),
        advisories=tuple(Advisory(id=each) for each in closes),
        **fields,
    )


def assessed(
    runs: str = "1.0",
    feed: tuple[PublishedAdvisory, ...] = (),
    facts: tuple[PublishedAdvisory, ...] = (),
    releases: tuple[Release, ...] = (),
    offer: Release | None = None,
) -> Assessment:
    """Return what is about a lock."""
    return assess(
        runs,
        VersionScheme.DOTTED,
        told_by_feed=feed,
        facts=facts,
        releases=releases,
        offer=offer,
    )


def state(assessment: Assessment, **fields: Any) -> SecurityState:
    """Return how a lock stands, whose vendor speaks."""
    return state_of(
        assessment,
        **{
            "vendor_speaks": True,
            "gives_updates": True,
            "support_end": None,
            "today": TODAY,
            **fields,
        },
    )


def test_silence_is_good_news_only_from_who_speaks() -> None:
    """Nobody else could know."""
    assert state(Assessment()) is SecurityState.UP_TO_DATE
    assert state(Assessment(), vendor_speaks=False) is SecurityState.UNKNOWN


@pytest.mark.parametrize(
    ("affected", "fields", "expected"),
    [
        ("<1.1", {}, SecurityState.UPDATE_CLOSES),
        ("<=1.0", {"fixed_in": "1.2"}, SecurityState.UPDATE_CLOSES),
        ("<=1.0", {}, SecurityState.VULNERABLE),
        ("<1.1", {"of_this_model": False}, SecurityState.UNKNOWN),
        ("2.0", {}, SecurityState.UNKNOWN),
        ("<0.9", {}, SecurityState.UP_TO_DATE),
    ],
)
def test_a_hole_is_told_as_what_can_be_done_about_it(
    affected: str, fields: dict[str, Any], expected: SecurityState
) -> None:
    """Without any release that is offered here."""
    assert state(assessed(feed=(published(affected=affected, **fields),))) is expected


def test_a_worse_hole_without_a_fix_counts_more_than_what_an_update_closes() -> None:
    """Whoever reads of an update must not believe that all is well after it."""
    small = published(1, "<1.1", severity=Severity.LOW, fixed_in="1.1")
    big = published(2, "<=1.0", severity=Severity.CRITICAL)
    assert state(assessed(feed=(small, big))) is SecurityState.VULNERABLE
    lesser = published(2, "<=1.0", severity=Severity.LOW)
    assert state(assessed(feed=(small, lesser))) is SecurityState.UPDATE_CLOSES


def test_what_is_offered_closes_what_only_may_be_there() -> None:
    """Then there is something to do; and it hurries nobody."""
    found = assessed(
        facts=(published(of_this_model=False, severity=Severity.CRITICAL),),
        offer=release("1.1"),
    )
    assert state(found) is SecurityState.UPDATE_CLOSES
    assert found.urgency_of_offer is Severity.NONE


def test_an_offer_that_has_the_hole_closes_nothing() -> None:
    """Nor one that cannot be compared."""
    for version in ("1.0.5", "1.1.0-4"):
        found = assessed(feed=(published(affected="<=1.0.5"),), offer=release(version))
        assert found.closed_by_offer == ()
        assert state(found) is SecurityState.VULNERABLE


def test_the_urgency_is_of_the_worst_that_the_offer_closes() -> None:
    """What has no score counts as high."""
    low = published(1, severity=Severity.LOW)
    unmeasured = published(2)
    stays = published(3, "<=1.1", severity=Severity.CRITICAL)
    offer = release("1.1")
    assert assessed(feed=(low, stays), offer=offer).urgency_of_offer is Severity.LOW
    found = assessed(feed=(low, unmeasured, stays), offer=offer)
    assert found.urgency_of_offer is Severity.HIGH
    assert [each.advisory.id[-1] for each in found.open] == ["3", "2", "1"]
    assert [each.id[-1] for each in found.closed_by_offer] == ["2", "1"]


def test_the_vendor_counts_more_than_others() -> None:
    """Of what it speaks of; what it is silent about stays open."""
    facts = (published(1, "<=1.5"), published(2, "<=1.5"))
    found = assessed(feed=(published(1, "<0.5"),), facts=facts)
    assert [each.advisory.id for each in found.open] == ["CVE-2026-0002"]


def test_a_release_that_closes_something_tells_of_the_hole() -> None:
    """Also one that was passed over for a newer one; what runs may have it."""
    older = release("1.0.5", "CVE-2026-0009", severity=Severity.CRITICAL)
    offer = release("1.1")
    found = assessed(releases=(older, offer), offer=offer)
    (only,) = found.open
    assert (only.match, only.advisory.fix) == (Match.POSSIBLE, "1.0.5")
    assert only.is_closed_by_offer
    assert state(found) is SecurityState.UPDATE_CLOSES
    # It hurries as the one that was passed over would.
    assert found.urgency_of_offer is Severity.CRITICAL
    assert assessed("1.0.5", releases=(older, offer), offer=offer).open == ()


def test_what_the_release_names_it_closes_whatever_the_versions() -> None:
    """The vendor of both has signed it."""
    offer = release("1.1", "CVE-2026-0001")
    found = assessed(
        feed=(published(affected="<=1.0"),), releases=(offer,), offer=offer
    )
    assert found.open[0].is_closed_by_offer


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (TODAY - timedelta(days=1), SecurityState.SUPPORT_ENDED),
        (TODAY, SecurityState.SUPPORT_ENDING),
        (TODAY + ENDS_SOON, SecurityState.SUPPORT_ENDING),
        (TODAY + ENDS_SOON + timedelta(days=1), SecurityState.UP_TO_DATE),
        (date.max, SecurityState.UP_TO_DATE),
        (date.min, SecurityState.SUPPORT_ENDED),
    ],
)
def test_support_ends_after_its_last_day(ends: date, expected: SecurityState) -> None:
    """And half a year before, people are told."""
    assert state(Assessment(), support_end=ends) is expected


def test_a_hole_counts_more_than_the_end_of_support() -> None:
    """And that more than what only may be."""
    ended = {"support_end": TODAY - timedelta(days=1)}
    hole = assessed(feed=(published(affected="<=1.0"),))
    maybe = assessed(feed=(published(affected="2.0"),))
    assert state(hole, **ended) is SecurityState.VULNERABLE
    assert state(maybe, **ended) is SecurityState.SUPPORT_ENDED
    assert state(maybe, support_end=TODAY) is SecurityState.UNKNOWN
    assert state(Assessment(), gives_updates=False) is SecurityState.SUPPORT_ENDED


@given(st.lists(st.text(max_size=3000), max_size=40))
def test_no_more_is_shown_than_is_recorded(texts: list[str]) -> None:
    """The worst come first, and what is left out is counted."""
    lines = [{"id": text} for text in texts]
    told, left_out = shown(lines)
    assert told == lines[: len(told)]
    assert len(told) + left_out == len(lines)
    assert len(json.dumps(told, ensure_ascii=False).encode()) <= MAX_SHOWN


def test_spans_have_ends() -> None:
    """A span without any has every version that can be read."""
    assert VersionSpan().has("1.0", VersionScheme.DOTTED)
