"""Which versions an advisory is about: what cannot be compared is never cleared."""

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.advisories.published import (
    Match,
    PublishedAdvisory,
    VersionSpan,
    read_span,
)
from custom_components.nightlatch.core.versions import VersionScheme

DOTTED = VersionScheme.DOTTED


def advisory(
    *affected: str, perhaps: str | None = None, fixed_in: str | None = None
) -> PublishedAdvisory:
    """Return an advisory about some versions."""
    return PublishedAdvisory(
        id="CVE-2026-0001",
        affected=tuple(map(read_span, affected)),
        perhaps=(read_span(perhaps),) if perhaps else (),
        cleared=(read_span(f">={fixed_in}"),) if fixed_in else (),
        fixed_in=fixed_in,
    )


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("*", VersionSpan()),
        ("<1.1", VersionSpan(highest="1.1")),
        ("<=1.1", VersionSpan(highest="1.1", has_highest=True)),
        (">1.0", VersionSpan(lowest="1.0", has_lowest=False)),
        (">=1.0|<1.1", VersionSpan(lowest="1.0", highest="1.1")),
        (
            "1.0.1 (33)",
            VersionSpan(lowest="1.0.1 (33)", highest="1.0.1 (33)", has_highest=True),
        ),
    ],
)
def test_a_span_is_read(text: str, span: VersionSpan) -> None:
    """As vers writes it."""
    assert read_span(text) == span


@pytest.mark.parametrize("text", ["", "<", ">=1|<2|<3", "<1|>=0", "!=1", "1|2", "=1"])
def test_what_is_no_span_is_refused(text: str) -> None:
    """Half of it could be the wrong half."""
    with pytest.raises(ValueError, match="no span"):
        read_span(text)


@pytest.mark.parametrize(
    ("told", "runs", "match"),
    [
        (advisory("<1.1"), "1.0.9", Match.EXACT),
        (advisory("<1.1"), "1.1", Match.NOT_AFFECTED),
        (advisory(">=1.0|<1.1"), "0.9", Match.NOT_AFFECTED),
        (advisory(">1.0|<1.1"), "1.0", Match.NOT_AFFECTED),
        (advisory("*"), "7", Match.EXACT),
        (advisory("<=1.1"), "1.1", Match.EXACT),
        # Nobody has said that what followed on the last one is without it.
        (advisory("<=1.1"), "1.2", Match.POSSIBLE),
        (advisory("<=1.1", fixed_in="1.3"), "1.2", Match.POSSIBLE),
        (advisory("<=1.1", fixed_in="1.3"), "1.3", Match.NOT_AFFECTED),
        # Of one version that was looked at nothing follows for others.
        (advisory("1.1"), "1.1.0", Match.EXACT),
        (advisory("1.1"), "1.0", Match.POSSIBLE),
        (advisory("1.1"), "1.2", Match.POSSIBLE),
        (advisory(), "1.0", Match.POSSIBLE),
        (advisory(fixed_in="2"), "1.0", Match.POSSIBLE),
        (advisory(">=1|<1.1", perhaps="<1"), "0.9", Match.POSSIBLE),
        # A branch that was mended for itself.
        (advisory(">=2|<2.4", fixed_in="1.9.5"), "2.1", Match.EXACT),
        # What cannot be compared.
        (advisory("<1.1"), "1.2-beta1", Match.POSSIBLE),
        (advisory("<1.1"), "6.5.x", Match.POSSIBLE),
        (advisory("6.5.x"), "6.5.7", Match.POSSIBLE),
        (advisory("6.5.x"), "6.5.X", Match.EXACT),
        (advisory("<1.1.0-5"), "1.1.0", Match.POSSIBLE),
        (advisory("<1.1", fixed_in="1.1"), "unknown", Match.POSSIBLE),
        (advisory("<1.1", fixed_in="1.1"), "0.0.0", Match.POSSIBLE),
        (advisory("<1.1", fixed_in="1.1"), "", Match.POSSIBLE),
    ],
)
def test_whom_an_advisory_is_about(
    told: PublishedAdvisory, runs: str, match: Match
) -> None:
    """Certainly, perhaps, or not; and "not" only where somebody has said so."""
    assert told.match(runs, DOTTED) is match


def test_of_another_model_it_is_never_certain() -> None:
    """Nor does a model that only may be meant clear a version that has it."""
    possible = PublishedAdvisory(
        id="CVE-2026-0001", affected=(VersionSpan(highest="1.1"),), of_this_model=False
    )
    assert possible.match("1.0", DOTTED) is Match.POSSIBLE
    assert possible.match("1.1", DOTTED) is Match.NOT_AFFECTED


SPANS = st.builds(
    VersionSpan,
    lowest=st.none() | st.sampled_from(["0", "1.0", "1.1", "x", "2.0-3"]),
    highest=st.none() | st.sampled_from(["1.0", "1.1", "2.0", "y", "0x10"]),
    has_lowest=st.booleans(),
    has_highest=st.booleans(),
)


@given(
    st.lists(SPANS, max_size=3).map(tuple),
    st.lists(SPANS, max_size=3).map(tuple),
    st.text(max_size=20) | st.sampled_from(["1.0", "1.2", "1.1_abcdef", "2.0-beta"]),
    st.sampled_from(VersionScheme),
)
def test_only_what_somebody_has_said_clears_a_version(
    affected: tuple[VersionSpan, ...],
    cleared: tuple[VersionSpan, ...],
    runs: str,
    scheme: VersionScheme,
) -> None:
    """Whatever stands there, and whatever a lock tells."""
    told = PublishedAdvisory(id="CVE-1", affected=affected, cleared=cleared)
    if told.match(runs, scheme) is Match.NOT_AFFECTED:
        assert not any(span.has(runs, scheme) for span in affected)
        assert any(span.has(runs, scheme) for span in cleared) or (
            affected and all(span.has(runs, scheme) is False for span in affected)
        )


@given(st.text(max_size=80))
def test_no_text_is_too_odd_for_a_span(text: str) -> None:
    """A span, or the one error."""
    try:
        span = read_span(text)
    except ValueError:
        return
    assert span.has("1.0", DOTTED) in {True, False, None}
