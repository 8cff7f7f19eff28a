"""What the vault keeps of a release is read back as it was, or not at all."""

from dataclasses import asdict
from datetime import date
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.model import (
    Advisory,
    Artifact,
    Disruption,
    Evidence,
    FirmwareKey,
    Found,
    Payload,
    PayloadFormat,
    Release,
    Severity,
    Source,
    Traits,
    Transport,
)
from custom_components.nightlatch.core.records.kept_release import KeptRelease
from custom_components.nightlatch.core.versions import Version, VersionScheme

texts = st.text(max_size=20)
counters = st.integers(0, 2**32 - 1)
versions = st.tuples(counters, counters).map(
    lambda parts: Version.parse(VersionScheme.DOTTED, f"{parts[0]}.{parts[1]}")
)
releases = st.builds(
    Release,
    vendor=texts,
    model=texts,
    hardware_revisions=st.lists(texts, max_size=3).map(tuple),
    version=versions,
    security_version=counters,
    artifact=st.builds(Artifact, path=texts, length=counters, sha256=texts),
    payload=st.none()
    | st.builds(
        Payload,
        format=st.sampled_from(PayloadFormat),
        hardware_version=st.none() | counters,
        firmware_version=counters,
    ),
    transport=st.sampled_from(Transport),
    evidence=st.sampled_from(Evidence),
    minimum_installed_version=st.none() | versions,
    minimum_battery=st.none() | st.integers(0, 100),
    expected_duration=st.none() | counters,
    disrupts=st.lists(st.sampled_from(Disruption), max_size=3).map(tuple),
    release_notes=texts,
    release_url=st.none() | texts,
    advisories=st.lists(
        st.builds(Advisory, id=texts, url=st.none() | texts), max_size=2
    ).map(tuple),
    severity=st.sampled_from(Severity),
    support_end=st.none() | st.dates(),
    released=st.none() | st.dates(),
    traits=st.builds(
        Traits,
        tells_hardware=st.booleans(),
        has_battery=st.booleans(),
        firmware_text=st.none() | texts,
        confirms_itself=st.booleans(),
    ),
    keeper=st.none() | texts,
    found=st.none()
    | st.builds(Found, url=texts, fetched=st.dates(), digest_published=st.booleans()),
)
kept_releases = st.builds(
    KeptRelease,
    release=releases,
    signer=st.none() | st.builds(FirmwareKey, fingerprint=texts, pem=texts),
    source=st.sampled_from(Source),
)
KEPT = KeptRelease(
    release=Release(
        vendor="Kestrel Locks",
        model="KL-1",
        hardware_revisions=("A",),
        version=Version.parse(VersionScheme.DOTTED, "1.0.0"),
        minimum_installed_version=Version.parse(VersionScheme.DOTTED, "0.9.0"),
        artifact=Artifact(path="kl-1/1.0.0.zip", length=1, sha256="0" * 64),
        payload=Payload(
            format=PayloadFormat.NORDIC_DFU, hardware_version=52, firmware_version=1
        ),
        disrupts=(Disruption.MOTOR,),
        advisories=(Advisory(id="CVE-1"),),
        support_end=date(2030, 1, 1),
    ),
    signer=FirmwareKey(fingerprint="0" * 64, pem="-"),
)


@given(kept=kept_releases)
def test_it_survives_the_vault(kept: KeptRelease) -> None:
    """All that is needed to install it once more, and to say what it is."""
    assert KeptRelease.from_about(json.loads(json.dumps(kept.to_about()))) == kept


def test_no_field_of_a_release_is_forgotten() -> None:
    """But what no version of Nightlatch has understood, and what the feed says of the day.

    A stage is widened and a halt lifted: what is kept goes by what its feed says now.
    """
    kept = set(KEPT.to_about()["release"]) - {"version_scheme"}
    assert kept == set(asdict(KEPT.release)) - {"extra", "halted", "rollout"}


@pytest.mark.parametrize("field", list(KEPT.to_about()["release"]))
@pytest.mark.parametrize("junk", [0.5, [[]]])
def test_junk_is_refused(field: str, junk: Any) -> None:
    """And nothing else than a ``ValueError`` comes of it."""
    about = KEPT.to_about()
    about["release"][field] = junk
    with pytest.raises(ValueError, match="Not a release that was kept"):
        KeptRelease.from_about(about)


@pytest.mark.parametrize("part", ["release", "signer", "source"])
def test_a_missing_part_is_refused(part: str) -> None:
    """Half of it would install nothing."""
    about = KEPT.to_about()
    del about[part]
    with pytest.raises(ValueError, match="Not a release that was kept"):
        KeptRelease.from_about(about)


def test_what_earlier_versions_have_kept() -> None:
    """Nothing was said then of how its locks are."""
    about = KEPT.to_about()
    del about["release"]["traits"]
    assert KeptRelease.from_about(about) == KEPT
