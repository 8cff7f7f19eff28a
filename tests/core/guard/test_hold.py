"""Holding back: ours are ours, those of people are theirs."""

from dataclasses import replace

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.guard.hold import (
    Hold,
    HoldRecord,
    after_change,
    held_by_us,
    hold_of,
    must_let_go,
    must_lift,
    skipped_by_person,
    to_skip,
    wanted_after_all,
)
from custom_components.nightlatch.core.guard.offer import (
    NoOffer,
    left_at_source,
    offers_on,
    release_of,
)
from custom_components.nightlatch.core.guard.source import (
    SourceKind,
    SourceReading,
    source_kind,
)
from custom_components.nightlatch.core.model import LockIdentity
from custom_components.nightlatch.core.versions import told_version

OFFERED = SourceReading(available=True, installed="1", offered="2")
HELD = replace(OFFERED, skipped="2")
AWAY = SourceReading(available=False)
NOTHING, OURS = HoldRecord(), HoldRecord(held="2")


@pytest.mark.parametrize(
    ("record", "reading", "hold"),
    [
        (NOTHING, OFFERED, Hold.OPEN),
        (OURS, HELD, Hold.HELD),
        (NOTHING, HELD, Hold.SKIPPED),
        (OURS, OFFERED, Hold.OPEN),
        (HoldRecord(cleared="2"), OFFERED, Hold.CLEARED),
        (HoldRecord(cleared="1.5"), OFFERED, Hold.OPEN),
        (NOTHING, replace(OFFERED, offered="1"), Hold.NOTHING_OFFERED),
        (NOTHING, replace(OFFERED, installs_by_itself=True), Hold.NOT_POSSIBLE),
        (OURS, AWAY, Hold.NOT_POSSIBLE),
    ],
)
def test_how_it_is(record: HoldRecord, reading: SourceReading, hold: Hold) -> None:
    """By what is recorded and what is seen."""
    assert hold_of(record, reading, offered_on=True) is hold


def test_a_person_takes_a_hold_away() -> None:
    """That counts for this version, and is kept."""
    record = after_change(OURS, HELD, OFFERED)
    assert record == HoldRecord(cleared="2")
    assert hold_of(record, OFFERED, offered_on=True) is Hold.CLEARED
    newer = replace(OFFERED, offered="3")
    assert (
        hold_of(after_change(record, OFFERED, newer), newer, offered_on=True)
        is Hold.OPEN
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (AWAY, OFFERED),
        (replace(HELD, offered=None), OFFERED),
        (OFFERED, OFFERED),
        (HELD, AWAY),
    ],
)
def test_what_home_assistant_forgets_is_not_a_person(
    before: SourceReading, after: SourceReading
) -> None:
    """It is held again."""
    assert after_change(OURS, before, after) == OURS


def test_only_our_own_skip_is_lifted() -> None:
    """Never a person's."""
    assert must_lift(OURS, HELD)
    assert not must_lift(NOTHING, HELD)
    assert not must_lift(OURS, replace(HELD, skipped="3"))
    assert not must_lift(OURS, OFFERED)


THEIRS = HoldRecord(skipped="2")
INSTALLED = replace(OFFERED, installed="2")


@pytest.mark.parametrize(
    "meanwhile",
    [
        (AWAY,),
        (INSTALLED,),
        (replace(OFFERED, offered="1"),),
        (replace(OFFERED, offered=None), AWAY),
        (replace(INSTALLED, skipped=None), AWAY, INSTALLED),
    ],
)
def test_a_skip_of_a_person_is_kept(meanwhile: tuple[SourceReading, ...]) -> None:
    """Though Home Assistant forgets it: it is no offer of ours, and is skipped again."""
    record, before = NOTHING, OFFERED
    for after in (HELD, *meanwhile, OFFERED):
        record = after_change(record, before, after)
        before = after
    assert record == THEIRS
    assert hold_of(record, OFFERED, offered_on=True) is Hold.SKIPPED
    assert skipped_by_person(record, OFFERED) == "2"
    assert to_skip(record, OFFERED, offered_on=True) == THEIRS
    assert to_skip(record, HELD, offered_on=True) is None
    assert not must_lift(record, HELD)
    assert HoldRecord.from_dict(record.to_dict()) == record


def test_what_seems_installed_for_a_moment_lifts_no_hold() -> None:
    """No person has cleared it: it is held again."""
    record = after_change(OURS, HELD, INSTALLED)
    assert record.cleared is None
    record = after_change(record, INSTALLED, OFFERED)
    assert to_skip(record, OFFERED, offered_on=True) == OURS


def test_a_person_lifts_their_own_skip() -> None:
    """At the source, or here; it is held for us then."""
    there = after_change(THEIRS, HELD, OFFERED)
    assert there == NOTHING
    assert to_skip(there, OFFERED, offered_on=True) == OURS
    assert wanted_after_all(THEIRS, HELD) == OURS
    assert wanted_after_all(THEIRS, OFFERED) == NOTHING
    assert wanted_after_all(OURS, HELD) == OURS


def test_a_skip_is_of_one_version() -> None:
    """Another one is offered: that was not skipped by anybody."""
    newer = replace(OFFERED, offered="3")
    record = after_change(THEIRS, HELD, newer)
    assert record == NOTHING
    assert after_change(record, newer, OFFERED) == NOTHING
    assert skipped_by_person(NOTHING, replace(newer, skipped="3")) == "3"


def test_a_record_of_an_earlier_version() -> None:
    """It knows of no skips but ours."""
    assert HoldRecord.from_dict({"held": "2", "cleared": None}) == OURS


VERSIONS = st.none() | st.sampled_from(["1", "2", "3"])


@given(
    st.lists(
        st.builds(
            SourceReading,
            available=st.booleans(),
            installed=st.just("1"),
            offered=VERSIONS,
            skipped=VERSIONS,
        )
    )
)
def test_a_skip_of_a_person_is_never_ours(readings: list[SourceReading]) -> None:
    """In whatever order things happen: ours is only what was open before."""
    record, before = NOTHING, AWAY
    for after in readings:
        record = after_change(record, before, after)
        if hold_of(record, after, offered_on=True) is Hold.OPEN:
            record = held_by_us(record, after)
            assert record.held == after.offered
            before = replace(after, skipped=after.offered)
        else:
            before = after
        if hold_of(record, before, offered_on=True) is Hold.SKIPPED:
            assert not must_lift(record, before)


# What real sources say, and what they say before they know.
TOLD = st.sampled_from(
    [
        *(None, "", "-1", "unknown", "undefined", "0.0.0", "beta"),
        *("1.0", "1.0.0", "1.1.0", "1.0.0+0", "1.2.11+0", "1.1.0-315", "1.1.0-316"),
        *("v4.2.2", "3.0.0-54", "10.00.00264232", "undefined-4.3.0-1.8.14"),
        *("2025.11.5_c51f7548", "2025.11.5_00000000", "2025.12.0"),
        *("285474816", "285671424", "0x11040000", "0x11070000", "1.0.0 (7)"),
    ]
)
IDENTITY = LockIdentity(model="M", hardware_revision=None, firmware_version="1.0.0")
KINDS = st.sampled_from(["zwave_js", "matter", "zha", "esphome", "mqtt"]).map(
    lambda each: source_kind(each, "x")
)
sources = st.builds(
    lambda told, latest, state, auto, install, progress, skipped: SourceReading(
        available=state != "unavailable",
        installed=told_version(told),
        offered=told_version(latest),
        # Home Assistant counts nothing that is skipped or not there.
        says_new=state == "on" and latest is not None and not skipped,
        skipped=latest if skipped else None,
        installs_by_itself=auto,
        can_install=install,
        in_progress=progress,
    ),
    TOLD,
    TOLD,
    st.sampled_from(["on", "off", "unavailable"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
records = st.builds(
    HoldRecord, held=TOLD.map(told_version), cleared=TOLD.map(told_version)
)


@settings(max_examples=2000)
@given(sources, KINDS, records, st.booleans())
def test_nothing_vanishes(
    reading: SourceReading, kind: SourceKind, record: HoldRecord, below_floor: bool
) -> None:
    """What is held is offered on; what waits and is not offered on is told."""
    offer = release_of(reading, IDENTITY, kind)
    release = None if isinstance(offer, NoOffer) or below_floor else offer
    offered_on = offers_on(reading, release)
    hold = hold_of(record, reading, offered_on=offered_on)
    if hold is Hold.OPEN:
        record = held_by_us(record, reading)
        reading = replace(reading, skipped=reading.offered, says_new=False)
    elif must_let_go(record, reading, offered_on=offered_on):
        record = replace(record, held=None)
        reading = replace(reading, skipped=None, says_new=True)
    hold = hold_of(record, reading, offered_on=offered_on)
    assert hold is not Hold.OPEN
    if hold is Hold.HELD:
        assert offered_on
        assert release is not None
        assert release.version.text == reading.offered
    why = left_at_source(reading, offer, release)
    if hold is Hold.NOT_OFFERED_ON:
        assert not offered_on
        assert reading.says_new
        # Where nobody can install it nobody has to decide either.
        assert (why is None) is (not reading.can_install or offer is NoOffer.UP_TO_DATE)
    if (
        reading.says_new
        and reading.can_install
        and not reading.installs_by_itself
        and reading.available
        and reading.offered != reading.installed
    ):
        assert offered_on is (why is None)
    if why is not None:
        assert hold is not Hold.HELD
        assert (why is NoOffer.BELOW_FLOOR) is (not isinstance(offer, NoOffer))


@pytest.mark.parametrize(
    ("installed", "offered", "why"),
    [
        ("beta", "gamma", NoOffer.NOT_COMPARABLE),
        ("1.1.0-315", "1.1.0", NoOffer.NOT_COMPARABLE),
        ("2025.12.0_c51f7548", "2025.12.0_00000000", NoOffer.NOT_COMPARABLE),
        ("2.0", "1.9", NoOffer.NOT_NEWER),
        ("1.0", "1.0.0+0", NoOffer.NOT_NEWER),
        ("-1", "20", NoOffer.SILENT),
        ("0.0.0", "1.0", NoOffer.SILENT),
    ],
)
def test_what_is_not_offered_on_is_not_held(
    installed: str, offered: str, why: NoOffer
) -> None:
    """A hold of before is let go, and people are told why it is theirs to decide."""
    reading = SourceReading(
        available=True,
        installed=told_version(installed),
        offered=told_version(offered),
        says_new=True,
        can_install=True,
    )
    offer = release_of(reading, IDENTITY, source_kind("mqtt", "x"))
    assert left_at_source(reading, offer, None) is why
    assert hold_of(NOTHING, reading, offered_on=False) is Hold.NOT_OFFERED_ON
    # Nothing is left to people that nobody else calls an update.
    quiet = replace(reading, says_new=False)
    assert hold_of(NOTHING, quiet, offered_on=False) is Hold.NOTHING_OFFERED
    assert left_at_source(quiet, offer, None) is None
    held = replace(reading, skipped=offered, says_new=False)
    assert must_let_go(HoldRecord(held=offered), held, offered_on=False)
    assert not must_let_go(NOTHING, held, offered_on=False)


@given(st.none() | st.text(), st.none() | st.text())
def test_what_is_written_is_read_again(held: str | None, cleared: str | None) -> None:
    """Over a restart."""
    record = HoldRecord(held=held, cleared=cleared)
    assert HoldRecord.from_dict(record.to_dict()) == record


@pytest.mark.parametrize("raw", [{}, {"held": 1, "cleared": None}])
def test_what_is_no_record_is_refused(raw: dict[str, object]) -> None:
    """Rather than guessed."""
    with pytest.raises(ValueError, match="hold"):
        HoldRecord.from_dict(raw)
