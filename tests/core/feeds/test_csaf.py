"""What an advisory of a feed may say: a strict subset of CSAF 2.0."""

from contextlib import suppress
from copy import deepcopy
from datetime import date
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.advisories.published import (
    Match,
    PublishedAdvisory,
)
from custom_components.nightlatch.core.advisories.security import shown
from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds.csaf import (
    MAX_DETAILS,
    MAX_MITIGATION,
    MAX_PRODUCTS,
    MAX_VULNERABILITIES,
    parse_advisory,
)
from custom_components.nightlatch.core.model import Model, Severity
from custom_components.nightlatch.core.versions import VersionScheme

MODELS = (
    Model(model="ND-100", name="Door", version_scheme=VersionScheme.DOTTED),
    Model(model="ND-9", name="Old door", version_scheme=VersionScheme.INTEGER),
)
V3 = "CVSS:3.1/AV:A/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
ADVISORY: dict[str, Any] = {
    "schema": 1,
    "kind": "advisory",
    "document": {
        "category": "csaf_security_advisory",
        "csaf_version": "2.0",
        "title": "Unseen pairing",
        "publisher": {"category": "vendor", "name": "Acme"},
        "tracking": {
            "id": "ACME-2026-1",
            "status": "final",
            "version": "1",
            "current_release_date": "2026-11-01T09:00:00Z",
        },
        "references": [{"summary": "Advisory", "url": "https://acme.example/1"}],
    },
    "product_tree": {
        "branches": [
            {
                "category": "vendor",
                "name": "Acme",
                "branches": [
                    {
                        "category": "product_name",
                        "name": "ND-100",
                        "branches": [
                            {
                                "category": "product_version_range",
                                "name": "vers:generic/>=1.0|<1.1",
                                "product": {"product_id": "A", "name": "old"},
                            },
                            {
                                "category": "product_version",
                                "name": "1.1",
                                "product": {"product_id": "B", "name": "new"},
                            },
                        ],
                    },
                    {
                        "category": "product_name",
                        "name": "ND-9",
                        "branches": [
                            {
                                "category": "product_version_range",
                                "name": "vers:generic/*",
                                "product": {"product_id": "C", "name": "all"},
                            }
                        ],
                    },
                ],
            }
        ]
    },
    "vulnerabilities": [
        {
            "cve": "CVE-2026-0001",
            "product_status": {
                "known_affected": ["A"],
                "fixed": ["B"],
                "under_investigation": ["C"],
            },
            "scores": [{"products": ["A"], "cvss_v3": {"vectorString": V3}}],
            "remediations": [
                {"category": "vendor_fix", "details": "1.1", "product_ids": ["A"]},
                {"category": "mitigation", "details": "Unplug it."},
                {"category": "workaround", "details": "Go.", "product_ids": ["C"]},
            ],
        }
    ],
}


def changed(value: object, *path: str | int) -> dict[str, Any]:
    """Return the advisory with something else at a place; ``...`` takes it away."""
    custom = deepcopy(ADVISORY)
    node: Any = custom
    for step in path[:-1]:
        node = node[step]
    if value is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return custom


def read(custom: dict[str, Any]) -> tuple[PublishedAdvisory, ...]:
    """Read an advisory of Acme."""
    return parse_advisory(custom, "Acme", MODELS)


HOLE = ("vulnerabilities", 0)
VENDOR = ("product_tree", "branches", 0)
DOOR = (*VENDOR, "branches", 0)
OLD = (*DOOR, "branches", 0)
TRACKING = ("document", "tracking")


def test_an_advisory_is_read() -> None:
    """Once for each model, with what is said of it alone."""
    door, old = read(ADVISORY)
    assert (door.id, door.model, old.model) == ("CVE-2026-0001", "ND-100", "ND-9")
    assert (door.severity, old.severity) == (Severity.HIGH, None)
    assert (door.fix, old.fix) == ("1.1", None)
    assert door.url == "https://acme.example/1"
    assert door.published == date(2026, 11, 1)
    assert (door.mitigation, old.mitigation) == ("Unplug it.", "Unplug it.\nGo.")


@pytest.mark.parametrize(
    ("runs", "match"),
    [
        ("1.0", Match.EXACT),
        ("1.0.9", Match.EXACT),
        ("1.1", Match.NOT_AFFECTED),
        # The version with the fix stands for what comes after it.
        ("1.2", Match.NOT_AFFECTED),
        ("0.9", Match.NOT_AFFECTED),
        ("1.0-rc1", Match.POSSIBLE),
    ],
)
def test_versions_are_matched_by_the_scheme_of_the_model(
    runs: str, match: Match
) -> None:
    """As everything of the feed."""
    door, old = read(ADVISORY)
    assert door.match(runs, VersionScheme.DOTTED) is match
    assert old.match("7", VersionScheme.INTEGER) is Match.POSSIBLE


def test_what_is_said_not_to_have_it_is_cleared() -> None:
    """By the vendor, of this version and no other."""
    custom = changed(
        {"known_not_affected": ["B"], "known_affected": ["A"]}, *HOLE, "product_status"
    )
    (door,) = read(custom)
    assert door.match("1.1", VersionScheme.DOTTED) is Match.NOT_AFFECTED
    assert door.fixed_in is None


def test_an_older_branch_with_the_fix_clears_no_newer_one() -> None:
    """The fix of 1.x says nothing of 2.0, and is none for who runs that."""
    custom = changed(
        {"known_affected": ["A"], "fixed": ["B", "D"]}, *HOLE, "product_status"
    )
    custom["vulnerabilities"][0].pop("remediations")
    versions = custom["product_tree"]["branches"][0]["branches"][0]["branches"]
    versions[0] |= {"category": "product_version", "name": "1.0.5"}
    versions.append(
        {
            "category": "product_version",
            "name": "2.1",
            "product": {"product_id": "D"},
        }
    )
    (door,) = read(custom)
    assert door.fixed_in == "2.1"
    matches = {
        version: door.match(version, VersionScheme.DOTTED)
        for version in ("1.0.5", "1.1", "2.0", "2.1", "3.0")
    }
    assert matches == {
        "1.0.5": Match.EXACT,
        "1.1": Match.NOT_AFFECTED,
        "2.0": Match.POSSIBLE,
        "2.1": Match.NOT_AFFECTED,
        "3.0": Match.NOT_AFFECTED,
    }


@pytest.mark.parametrize("text", [">=1.0|<1.0", ">1.0|<=1.0", ">1.0|<1.0"])
def test_a_span_without_any_version_is_refused(text: str) -> None:
    """It would be about nothing, and so say of all versions that they are without it."""
    with pytest.raises(FeedError, match="lowest first"):
        read(changed(f"vers:generic/{text}", *OLD, "name"))


def test_a_hole_without_a_cve_has_another_id() -> None:
    """What its vendor calls it."""
    custom = changed(..., *HOLE, "cve")
    custom["vulnerabilities"][0]["ids"] = [{"system_name": "Acme", "text": "ACME-7"}]
    assert {each.id for each in read(custom)} == {"ACME-7"}


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        ({"cvss_v2": {"vectorString": "AV:N/AC:L/Au:N/C:C/I:C/A:C"}}, Severity.HIGH),
        ({"cvss_v3": {"vectorString": V3}}, Severity.HIGH),
        ({"cvss_v4": {"vectorString": V4}}, Severity.CRITICAL),
        (
            {"cvss_v3": {"vectorString": V3}, "cvss_v4": {"vectorString": V4}},
            Severity.CRITICAL,
        ),
    ],
)
def test_the_worst_score_counts(score: dict[str, Any], severity: Severity) -> None:
    """Of whichever version of CVSS."""
    custom = changed([{"products": ["A"], **score}], *HOLE, "scores")
    assert read(custom)[0].severity is severity


@pytest.mark.parametrize(
    ("value", "path", "field"),
    [
        ("release", ("kind",), "kind"),
        ("2.1", ("document", "csaf_version"), "document.csaf_version"),
        ("draft", (*TRACKING, "status"), "document.tracking.status"),
        (
            "yesterday",
            (*TRACKING, "current_release_date"),
            "document.tracking.current_release_date",
        ),
        (
            ["https://a.example"],
            ("document", "references"),
            "document.references[0]",
        ),
        ("Emca", (*VENDOR, "name"), "product_tree.branches[0].name"),
        ("ND-7", (*DOOR, "name"), "product_tree.branches[0].branches[0].name"),
        ("x", (*OLD, "category"), "product_tree.branches[0].branches[0].branches[0]"),
        ("vers:generic/<1|<2", (*OLD, "name"), "product_tree"),
        ("vers:semver/<1", (*OLD, "name"), "product_tree"),
        ("vers:generic/<1.x", (*OLD, "name"), "product_tree"),
        ("vers:generic/>=2|<1", (*OLD, "name"), "product_tree"),
        ("before 1.1", (*OLD, "name"), "product_tree"),
        ("B", (*OLD, "product", "product_id"), "product_tree"),
        ([], ("vulnerabilities",), "vulnerabilities"),
        (
            ADVISORY["vulnerabilities"] * (MAX_VULNERABILITIES + 1),
            ("vulnerabilities",),
            "vulnerabilities",
        ),
        (..., (*HOLE, "cve"), "vulnerabilities[0].cve"),
        ("CVE-1", (*HOLE, "cve"), "vulnerabilities[0].cve"),
        ({}, (*HOLE, "product_status"), "vulnerabilities[0].product_status"),
        ([], (*HOLE, "product_status"), "vulnerabilities[0].product_status"),
        # Who leaves one of these out could hide a version.
        (
            ["A"],
            (*HOLE, "product_status", "first_affected"),
            "vulnerabilities[0].product_status.first_affected",
        ),
        (
            ["Z"],
            (*HOLE, "product_status", "fixed"),
            "vulnerabilities[0].product_status.fixed[0]",
        ),
        (
            [{"products": ["Z"], "cvss_v3": {"vectorString": V3}}],
            (*HOLE, "scores"),
            "vulnerabilities[0].scores[0].products[0]",
        ),
        ([{"products": ["A"]}], (*HOLE, "scores"), "vulnerabilities[0].scores[0]"),
        (
            [{"products": ["A"], "cvss_v3": {"vectorString": V4}}],
            (*HOLE, "scores"),
            "vulnerabilities[0].scores[0].cvss_v3.vectorString",
        ),
        (
            [{"products": ["A"], "cvss_v3": {"vectorString": "9.8"}}],
            (*HOLE, "scores"),
            "vulnerabilities[0].scores[0].cvss_v3.vectorString",
        ),
        (
            [{"products": ["A"], "cvss_v3": {"vectorString": 9}}],
            (*HOLE, "scores"),
            "vulnerabilities[0].scores[0].cvss_v3.vectorString",
        ),
        (
            [{"category": "mitigation", "details": "x" * (MAX_DETAILS + 1)}],
            (*HOLE, "remediations"),
            "vulnerabilities[0].remediations[0].details",
        ),
        (
            [{"category": "mitigation", "details": "x", "product_ids": ["Z"]}],
            (*HOLE, "remediations"),
            "vulnerabilities[0].remediations[0].product_ids[0]",
        ),
    ],
)
def test_what_could_be_misread_is_refused(
    value: object, path: tuple[str | int, ...], field: str
) -> None:
    """With the place where it stands."""
    with pytest.raises(FeedError) as caught:
        read(changed(value, *path))
    assert caught.value.reason is FeedProblem.FIELD_INVALID
    assert caught.value.details["field"].startswith(field)


def test_no_hole_has_more_to_be_done_than_can_be_shown() -> None:
    """Else the worst one would be the one that is left out."""
    most = [
        {"category": "mitigation", "details": str(number) * (MAX_DETAILS - 1)}
        for number in range(4)
    ]
    (door, _) = read(changed([*most], *HOLE, "remediations"))
    assert len(door.mitigation) == MAX_MITIGATION - 1
    one_more = {"category": "workaround", "details": "Go."}
    with pytest.raises(FeedError) as caught:
        read(changed([*most, one_more], *HOLE, "remediations"))
    assert caught.value.details["field"] == "vulnerabilities[0].remediations"
    line = {"id": "CVE-2026-0001", "mitigation": door.mitigation}
    assert shown([line, line])[0] == [line, line]


def test_there_are_only_so_many_versions() -> None:
    """Whatever lists they are spread over."""
    custom = deepcopy(ADVISORY)
    models = [
        Model(model=f"M{number}", name="x", version_scheme=VersionScheme.INTEGER)
        for number in range(MAX_PRODUCTS // 64 + 1)
    ]
    custom["product_tree"]["branches"][0]["branches"] = [
        {
            "category": "product_name",
            "name": model.model,
            "branches": [
                {
                    "category": "product_version",
                    "name": str(number),
                    "product": {"product_id": f"{model.model}-{number}"},
                }
                for number in range(64)
            ],
        }
        for model in models
    ]
    with pytest.raises(FeedError, match="at most 256"):
        parse_advisory(custom, "Acme", models)


PLACES: list[tuple[str | int, ...]] = [
    ("document",),
    ("product_tree",),
    ("vulnerabilities",),
    HOLE,
    VENDOR,
    DOOR,
    OLD,
    (*OLD, "name"),
    (*HOLE, "product_status"),
    (*HOLE, "scores"),
    (*HOLE, "remediations"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["branches", "name", "category", "product", "cve", "known_affected"]
            )
            | st.text(max_size=5),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(st.sampled_from(PLACES), JSON)
def test_no_advisory_is_too_odd(path: tuple[str | int, ...], value: object) -> None:
    """It is read, or refused with the one error."""
    told: tuple[PublishedAdvisory, ...] = ()
    with suppress(FeedError):
        told = read(changed(value, *path))
    assert all(each.model in {"ND-100", "ND-9"} for each in told)
