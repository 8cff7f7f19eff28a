"""What makers say of updates: reviewed, sourced, and never somebody else's."""

from datetime import date
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.vendor_facts import (
    Aftercare,
    Caution,
    Demand,
    Fact,
    KnownFacts,
    Recovery,
    Step,
    VendorFacts,
    facts_for,
    load_facts,
    read_facts,
)

FACTS = read_facts()
CVE = {"id": "CVE-2026-0001", "url": "https://a.example", "affected": ["<1.1"]}
GOOD = {
    "vendors": ["Kestrel"],
    "steps": ["step_app"],
    "source": "the manual",
    "checked": "2026-11-24",
    "confidence": "read",
}


def known(
    vendor: str, model: str = "Lock", integration: str | None = None
) -> VendorFacts:
    """Return what is known of a lock."""
    return facts_for(FACTS, vendor, (model,), integration)


def test_every_fact_has_its_source() -> None:
    """And the day on which it was looked at."""
    assert FACTS
    for fact in FACTS:
        assert fact.source
        assert date(2026, 1, 1) <= fact.checked <= date(2030, 1, 1)


def test_an_advisory_says_whether_it_is_about_the_model() -> None:
    """One that may be about it tells nothing else of the lock."""
    raw = {**GOOD, "models": ["one"], "maybe_models": ["o*"], "advisories": [CVE]}
    facts = load_facts(json.dumps([{**raw, "support_end": "2030-06-30"}]))
    sure = facts_for(facts, "Kestrel", ("One",), None)
    perhaps = facts_for(facts, "Kestrel", ("Other",), None)
    assert [each.of_this_model for each in sure.advisories] == [True]
    assert [each.of_this_model for each in perhaps.advisories] == [False]
    assert (sure.steps, perhaps.steps) == ((Step.APP,), ())
    assert (sure.support_end, perhaps.support_end) == (date(2030, 6, 30), None)
    assert facts_for(facts, "Kestrel", ("Two",), None) == VendorFacts()


def test_where_a_maker_can_be_asked_is_known_of_sure_models_only() -> None:
    """A page of the maker, over ``https``, with who says so."""
    raw = {**GOOD, "models": ["one"], "maybe_models": ["o*"], "advisories": [CVE]}
    raw["contact"] = "https://kestrel.example/ask"
    facts = load_facts(json.dumps([raw]))
    (fact,) = facts_for(facts, "Kestrel", ("One",), None).contacts
    assert (fact.contact, fact.source) == ("https://kestrel.example/ask", "the manual")
    assert not facts_for(facts, "Kestrel", ("Other",), None).contacts
    for contact in ("http://kestrel.example", "javascript:x", "mailto:a@b.example"):
        with pytest.raises(ValueError, match="is not https"):
            load_facts(json.dumps([{**raw, "contact": contact}]))


def test_every_advisory_has_a_link() -> None:
    """And is about a maker by name: none is about everybody's locks."""
    told = [(fact, each) for fact in FACTS for each in fact.advisories]
    assert told
    for fact, advisory in told:
        assert advisory.url
        assert "*" not in fact.vendors


def test_who_gives_no_updates() -> None:
    """Of all others it is taken for granted that they do."""
    assert not known("KeyWe").gives_updates
    assert known("Nuki").gives_updates


def test_nobody_gets_the_facts_of_another_maker() -> None:
    """Where nothing is known, nothing is said."""
    facts = known("Kestrel Locks", "Lock Pro")
    assert facts == VendorFacts()
    assert not facts.needs_presence
    assert facts.minimum_battery is None
    assert facts.command_pause == 0


def test_switchbot() -> None:
    """From the indoor side, and to be calibrated; so never unattended."""
    facts = known("SwitchBot", "Lock Pro", "switchbot")
    assert facts.needs_presence
    assert facts.steps == (Step.APP,)
    assert Demand.INDOORS in facts.demands
    assert {Aftercare.RECALIBRATE, Aftercare.RE_PAIR} <= set(facts.aftercare)
    assert known("SwitchBot", "Curtain 3") == VendorFacts()


def test_yale() -> None:
    """The offline key matters to those who use it."""
    assert known("Yale", integration="yalexs_ble").aftercare == (Aftercare.OFFLINE_KEY,)
    assert known("Yale", integration="zwave_js").aftercare == ()


def test_nuki() -> None:
    """It moves by itself, which is no reason for a person to be there."""
    facts = known("Nuki Home Solutions GmbH", "Smart Lock 3.0", "nuki")
    assert Aftercare.POSITIONING in facts.aftercare
    assert Demand.PIN in facts.demands
    assert not facts.needs_presence
    assert len(facts.sources(Aftercare.POSITIONING)) == 1


def test_matter() -> None:
    """A second command comes too early for some."""
    assert known("Aqara", "Smart Lock U400", "matter").command_pause == 45
    assert known("Aqara", "Smart Lock U200", "matter").command_pause == 15
    assert known("Aqara", "Smart Lock U100", "matter").command_pause == 0
    assert known("Aqara", "Smart Lock U200", "zha").command_pause == 0


def test_danalock() -> None:
    """The variant decides, and the label may be wrong."""
    assert Demand.VARIANT in known("Danalock", "V3-BTZB", "mqtt").demands
    assert Aftercare.PUSH_STATES in known("Poly-Control ApS", "V3", "zha").aftercare


def test_zigbee_wants_a_full_battery() -> None:
    """Whoever made the lock."""
    assert known("Whoever", integration="zha").minimum_battery == 70
    assert known("Whoever", integration="mqtt").minimum_battery == 70


def test_tedee() -> None:
    """Who may have to calibrate it must be there."""
    assert known("Tedee").needs_presence


def test_what_else_to_know() -> None:
    """Also where nobody says how it is updated."""
    assert known("U-tec").cautions == (Caution.KEEPS_FAILING,)
    assert known("U-tec").steps == ()


@pytest.mark.parametrize(
    ("vendor", "model", "integration", "recovery"),
    [
        ("Nuki", "Smart Lock 3.0", "nuki", [Recovery.KEY_WORKS, Recovery.MOVES]),
        ("Tedee", "GO", "tedee", [Recovery.CALIBRATE]),
        ("Kwikset", "Halo", "kwikset", [Recovery.FRESH_BATTERIES]),
        ("Lockly", "Vision", None, [Recovery.POWER_OUTSIDE]),
        ("LOQED", "Touch", "loqed", [Recovery.MOVES]),
        ("SwitchBot", "Lock Pro", "switchbot", [Recovery.ADD_AGAIN]),
        ("SwitchBot", "Lock Pro", "matter", []),
        ("Kestrel Locks", "KL-1", None, []),
    ],
)
def test_what_helps_where_a_lock_does_not_work(
    vendor: str, model: str, integration: str | None, recovery: list[Recovery]
) -> None:
    """As far as anybody says, and with who says it."""
    facts = known(vendor, model, integration)
    assert list(facts.recovery) == recovery
    for each in recovery:
        assert facts.sources(each)


@pytest.mark.parametrize(
    "change",
    [
        {"vendors": []},
        {"vendors": "Kestrel"},
        {"vendors": [" "]},
        {"models": "lock"},
        {"models": []},
        {"integrations": "zha"},
        {"integrations": [1]},
        {"steps": ["step_magic"]},
        {"cautions": ["caution_dragons"]},
        {"recovery": ["recovery_prayer"]},
        {"url": "https://"},
        {"steps": []},
        {"source": " "},
        {"source": None},
        {"checked": "last week"},
        {"checked": None},
        {"confidence": "hearsay"},
        {"url": "http://kestrel.example"},
        {"minimum_battery": 101},
        {"minimum_battery": True},
        {"command_pause": 0.5},
        {"opinion": "nice"},
        {"support_end": "2030"},
        {"advisories": [{"id": "CVE-2026-1", "url": "https://a.example"}]},
        {"advisories": [{"id": "CVE-2026-0001"}]},
        {"advisories": [{**CVE, "url": "http://a.example"}]},
        {"advisories": [{**CVE, "affected": ["<1|<2"]}]},
        {"advisories": [{**CVE, "affected": "<1"}]},
        {"advisories": [{**CVE, "cvss": "9.8"}]},
        {"advisories": [{**CVE, "fixed_in": "<2"}]},
        {"advisories": [{**CVE, "mitigations": ["pray"]}]},
        {"advisories": [{**CVE, "published": "yesterday"}]},
        {"advisories": [{**CVE, "opinion": "bad"}]},
    ],
)
def test_what_is_no_fact_is_refused(change: dict[str, Any]) -> None:
    """With the number of the entry."""
    assert len(load_facts(json.dumps([GOOD]))) == 1
    with pytest.raises(ValueError, match="fact 1"):
        load_facts(json.dumps([GOOD, {**GOOD, **change}]))


@pytest.mark.parametrize("text", ["{}", "[1]", "nonsense"])
def test_what_is_no_list_of_facts_is_refused(text: str) -> None:
    """At once."""
    with pytest.raises(ValueError):  # noqa: PT011  of several kinds
        load_facts(text)


@given(st.none() | st.text(), st.lists(st.none() | st.text()), st.none() | st.text())
def test_no_name_is_too_odd(
    vendor: str | None, models: list[str | None], integration: str | None
) -> None:
    """Registries hold whatever a device says."""
    facts_for(FACTS, vendor, models, integration)


def test_facts_are_gone_through_once_for_all_locks_of_a_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And once more for each other kind; the file is read once."""
    asked: list[str] = []

    def counted(fact: Fact, vendor: str, integration: str | None) -> bool:
        asked.append(vendor)
        return "*" in fact.vendors or vendor.casefold() in fact.vendors

    known = KnownFacts(load_facts(json.dumps([GOOD])))
    monkeypatch.setattr(Fact, "_is_for", counted)
    first = known.of("Kestrel", ("One", None), "hub")
    once = len(asked)
    assert once
    assert all(known.of("Kestrel", ("One", None), "hub") is first for _ in range(30))
    assert len(asked) == once
    assert known.of("Other", ("One", None), "hub") == VendorFacts() != first
    assert asked[-1] == "Other"
    assert read_facts() is read_facts()
