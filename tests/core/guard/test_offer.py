"""What another integration offers, as a release: never older, never guessed."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.guard.offer import (
    NoOffer,
    offered_version,
    release_of,
    runs,
)
from custom_components.nightlatch.core.guard.source import (
    Completion,
    SourceKind,
    SourceReading,
    source_kind,
)
from custom_components.nightlatch.core.model import Evidence, LockIdentity, Transport
from custom_components.nightlatch.core.records.trust import LockFloor
from custom_components.nightlatch.core.select import PassedOver, reason_against
from custom_components.nightlatch.core.versions import Version, VersionScheme

IDENTITY = LockIdentity(
    model="U200", hardware_revision=None, firmware_version="1.0.0", manufacturer="Aqara"
)
MATTER = source_kind("matter", "node")
ZIGBEE2MQTT = source_kind("mqtt", "0x1_update", zigbee2mqtt=True)


def reading(installed: str | None, offered: str | None) -> SourceReading:
    """Return what a source says."""
    return SourceReading(available=True, installed=installed, offered=offered)


@pytest.mark.parametrize(
    ("integration", "unique_id", "completion", "transport"),
    [
        ("zwave_js", "1.2-update", Completion.RETURNS, Transport.ZWAVE),
        ("matter", "x", Completion.RETURNS, Transport.MATTER),
        ("zha", "x", Completion.RETURNS, Transport.ZIGBEE),
        ("esphome", "AA:BB:CC:DD:EE:FF", Completion.RETURNS, Transport.NETWORK),
        ("esphome", "AA:BB-update-ota", Completion.REPORTS, Transport.NETWORK),
        ("shelly", "x", Completion.REPORTS, Transport.NETWORK),
        ("mqtt", "x", Completion.REPORTS, Transport.OTHER),
        ("somebody", "x", Completion.REPORTS, Transport.OTHER),
    ],
)
def test_how_each_integration_updates(
    integration: str, unique_id: str, completion: Completion, transport: Transport
) -> None:
    """By what it is."""
    kind = source_kind(integration, unique_id)
    assert (kind.completion, kind.transport) == (completion, transport)


@pytest.mark.parametrize(
    ("integration", "installed", "offered", "scheme"),
    [
        ("zwave_js", "1.9", "1.10", VersionScheme.DOTTED),
        ("zha", "0x11040000", "0x11070000", VersionScheme.HEX),
        ("matter", "1.0.1", "1.0.1 (1012)", VersionScheme.TEXT_INTEGER),
        ("matter", "1.0.1", "1.0.2", VersionScheme.DOTTED),
        ("somebody", "9", "10", VersionScheme.DOTTED),
        ("matter", "1.0.0+0", "1.2.11+0", VersionScheme.DOTTED),
        ("matter", "1.1.0-315", "1.4.0", VersionScheme.DOTTED),
        ("esphome", "2025.11.5_c51f7548", "2025.12.0", VersionScheme.DOTTED),
        ("mqtt", "v4.2.2", "v4.3.0", VersionScheme.DOTTED),
        ("mqtt", "3.0.0-54", "3.0.0-60", VersionScheme.DOTTED),
        ("zwave_js", "10.00.00264232", "10.00.00264300", VersionScheme.DOTTED),
        (
            "somebody",
            "undefined-4.3.0-1.8.14",
            "undefined-4.3.0-1.9.0",
            VersionScheme.DOTTED,
        ),
    ],
)
def test_what_is_newer_is_a_release(
    integration: str, installed: str, offered: str, scheme: VersionScheme
) -> None:
    """In the scheme in which that integration writes."""
    release = release_of(
        reading(installed, offered), IDENTITY, source_kind(integration, "x")
    )
    assert not isinstance(release, NoOffer)
    assert (release.version.text, release.version.scheme) == (offered, scheme)
    assert release.evidence is Evidence.NOTHING_KNOWN
    assert release.payload is None
    identity = replace(IDENTITY, firmware_version=installed)
    assert reason_against(release, identity, scheme, None) is None


@pytest.mark.parametrize(
    ("installed", "offered", "why"),
    [
        (None, "2", NoOffer.SILENT),
        ("1", None, NoOffer.SILENT),
        ("1", "1", NoOffer.UP_TO_DATE),
        ("285671424", "285474816", NoOffer.NOT_NEWER),
        ("285474816", "17.7.0", NoOffer.NOT_COMPARABLE),
        ("beta", "285474816", NoOffer.NOT_COMPARABLE),
    ],
)
def test_what_is_no_release(
    installed: str | None, offered: str | None, why: NoOffer
) -> None:
    """With the reason."""
    assert release_of(reading(installed, offered), IDENTITY, ZIGBEE2MQTT) is why


def test_who_is_not_there_offers_nothing() -> None:
    """Whatever it said before."""
    away = replace(reading("1", "2"), available=False)
    assert release_of(away, IDENTITY, ZIGBEE2MQTT) is NoOffer.SILENT


@given(st.sampled_from(VersionScheme), st.integers(0, 10**9), st.integers(0, 10**9))
def test_numbers_decide(scheme: VersionScheme, one: int, two: int) -> None:
    """Within one scheme; whatever the text looks like."""
    written = {
        VersionScheme.DOTTED: "1.{}",
        VersionScheme.INTEGER: "{}",
        VersionScheme.HEX: "{:#x}",
        VersionScheme.TEXT_INTEGER: "1.0 ({})",
    }[scheme]
    old, new = (Version.parse(scheme, written.format(each)) for each in (one, two))
    assert (old < new) is (one < two)


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_text_is_too_odd(installed: str, offered: str) -> None:
    """What cannot be compared is refused in order."""
    for kind in (MATTER, ZIGBEE2MQTT, source_kind("zha", "x")):
        version = offered_version(installed, offered, kind.schemes)
        found = release_of(reading(installed, offered), IDENTITY, kind)
        if version is None and installed != offered:
            assert found is NoOffer.NOT_COMPARABLE


def test_a_numbered_text_counts_until_it_is_no_longer_offered() -> None:
    """Matter's integration writes the number only for what is not installed yet."""
    version = Version.parse(VersionScheme.TEXT_INTEGER, "1.0.1 (1012)")
    assert not runs(reading("1.0.1", "1.0.1 (1012)"), version)
    assert runs(reading("1.0.1", "1.0.1"), version)


def test_a_numbered_text_is_held_against_the_floor() -> None:
    """Of the same scheme."""
    release = release_of(reading("1.0.1", "1.0.1 (1012)"), IDENTITY, MATTER)
    assert not isinstance(release, NoOffer)
    floor = LockFloor(
        version=Version.parse(VersionScheme.TEXT_INTEGER, "1.0.1 (1013)"),
        security_version=0,
        firmware_version=0,
    )
    identity = replace(IDENTITY, firmware_version="1.0.1")
    assert (
        reason_against(release, identity, release.version.scheme, floor)
        is PassedOver.BELOW_FLOOR
    )


@pytest.mark.parametrize("installed", [None, "beta"])
def test_what_cannot_be_read_is_not_what_was_wanted(installed: str | None) -> None:
    """A source that says nothing, or nonsense, proves nothing."""
    version = Version.parse(VersionScheme.DOTTED, "1.5")
    assert not runs(reading(installed, None), version)


@pytest.mark.parametrize(
    ("kind", "installed", "build"),
    [
        (ZIGBEE2MQTT, "285474816", "1.17"),
        (ZIGBEE2MQTT, "1.17", None),
        (source_kind("zha", "x"), "0x11040000", None),
        (source_kind("tuya", "x"), "17", None),
        (MATTER, "17", None),
    ],
)
def test_only_of_zigbee_it_is_known_what_a_number_is(
    kind: SourceKind, installed: str, build: str | None
) -> None:
    """What others call 17 need be no image, and what its device shows is not its name."""
    told = replace(reading(installed, None), device_version="1.17")
    assert kind.build(told) == build
