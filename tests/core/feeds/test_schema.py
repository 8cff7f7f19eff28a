"""What a feed may say: every field, its limits, and whatever else may come."""

from collections.abc import Callable
from datetime import date
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds.schema import (
    MAX_ARTIFACT,
    MAX_NOTES,
    MAX_RECOVERY,
    Descriptor,
    ListedFile,
    parse_descriptor,
    parse_release,
)
from custom_components.nightlatch.core.model import (
    USUAL,
    Disruption,
    Evidence,
    Halt,
    Payload,
    PayloadFormat,
    Release,
    Rollout,
    Severity,
    Traits,
    Transport,
)
from custom_components.nightlatch.core.versions import VersionScheme

PATH = "acme/nd-100/1.0.0.zip"
SHA256 = "ab" * 32


def pem(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey,
) -> str:
    """Return the public key of a key."""
    return (
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        .decode()
    )


P256 = pem(ec.generate_private_key(ec.SECP256R1()))
OTHER_P256 = pem(ec.generate_private_key(ec.SECP256R1()))
P384 = pem(ec.generate_private_key(ec.SECP384R1()))
ED25519 = pem(ed25519.Ed25519PrivateKey.generate())
RSA_2048 = pem(rsa.generate_private_key(65537, 2048))
RSA_3072 = pem(rsa.generate_private_key(65537, 3072))
RSA_1024 = pem(rsa.generate_private_key(65537, 1024))
ANY_KEY = "must be an ECDSA P-256, Ed25519, RSA-2048 or RSA-3072 public key in PEM"
MCUBOOT = {"format": "mcuboot", "security_counter": 3}

MODEL = {"model": "ND-100", "name": "Night Door", "version_scheme": "dotted"}
DESCRIPTOR: dict[str, Any] = {
    "schema": 1,
    "kind": "feed",
    "vendor": "Acme",
    "models": [
        {
            **MODEL,
            "bluetooth": {
                "local_name": "ND-100*",
                "service_uuid": "0000fe59-0000-1000-8000-00805f9b34fb",
                "manufacturer_id": 0x0059,
            },
            "recovery": "1. Take out the batteries.\n2. Wait.",
        },
        {"model": "ND-9", "name": "Old Door", "version_scheme": "integer"},
    ],
    "firmware_keys": [P256],
    "releases": [PATH],
}
RELEASE: dict[str, Any] = {
    "schema": 1,
    "kind": "release",
    "vendor": "Acme",
    "model": "ND-100",
    "hardware_revisions": ["A", "B"],
    "version": "1.2.0",
    "version_scheme": "dotted",
    "security_version": 1,
    "payload": {
        "format": "nordic-dfu",
        "hardware_version": 52,
        "firmware_version": 12,
    },
    "minimum_installed_version": "1.0",
    "minimum_battery": 30,
    "expected_duration": 60,
    "disrupts": ["bluetooth", "keypad"],
    "release_notes": "Fixes\n\t- 🔒👩‍🔧",
    "release_url": "https://acme.example/1.2.0",
    "advisories": [{"id": "CVE-2026-1", "url": "https://cve.example/1"}, {"id": "X"}],
    "severity": "critical",
    "support_end": "2031-12-31",
    "released": "2026-02-28",
}


def wrap(ours: object) -> object:
    """Return a target's custom object."""
    return {"nightlatch": ours, "other": "tools' things"}


def read_descriptor(**fields: Any) -> Descriptor:
    """Read the descriptor with some fields changed."""
    return parse_descriptor(wrap({**DESCRIPTOR, **fields}))


def read_release(
    *,
    length: int = 1000,
    hashes: dict[str, Any] | None = None,
    without: str | None = None,
    descriptor: Descriptor | None = None,
    **fields: Any,
) -> Release:
    """Read the release with some fields changed, or one left out."""
    custom = {**RELEASE, **fields}
    custom.pop(without or "", None)
    target = ListedFile(
        path=PATH,
        length=length,
        hashes={"sha256": SHA256} if hashes is None else hashes,
        custom=wrap(custom),
    )
    return parse_release(target, descriptor or read_descriptor())


def problem(read: Callable[[], object]) -> tuple[str, str]:
    """Return the field that is refused, and why."""
    with pytest.raises(FeedError) as caught:
        read()
    assert caught.value.reason is FeedProblem.FIELD_INVALID
    return caught.value.details["field"], caught.value.details["problem"]


# The descriptor.


def test_a_descriptor_is_read() -> None:
    """With everything that it may say."""
    descriptor = read_descriptor()
    assert descriptor.vendor == "Acme"
    assert descriptor.releases == (PATH,)
    assert [key.pem for key in descriptor.firmware_keys] == [P256]
    door, old = descriptor.models
    assert door.version_scheme is VersionScheme.DOTTED
    assert door.bluetooth is not None
    assert door.bluetooth.local_name == "ND-100*"
    assert door.bluetooth.service_uuid == "0000fe59-0000-1000-8000-00805f9b34fb"
    assert door.bluetooth.manufacturer_id == 0x0059
    assert old.version_scheme is VersionScheme.INTEGER
    assert old.bluetooth is None
    assert door.recovery == "1. Take out the batteries.\n2. Wait."
    assert old.recovery == ""


@pytest.mark.parametrize(
    "field", ["schema", "kind", "vendor", "models", "firmware_keys", "releases"]
)
def test_a_descriptor_must_be_complete(field: str) -> None:
    """Nothing is guessed."""
    custom = {key: value for key, value in DESCRIPTOR.items() if key != field}
    assert problem(lambda: parse_descriptor(wrap(custom)))[0] == field


@pytest.mark.parametrize(
    ("fields", "field", "why"),
    [
        ({"schema": 0}, "schema", "must be a whole number from 1"),
        ({"schema": True}, "schema", "must be a whole number from 1"),
        ({"schema": 1.0}, "schema", "must be a whole number from 1"),
        ({"kind": "release"}, "kind", "must be feed"),
        ({"vendor": ""}, "vendor", "must have 1 to 64 characters"),
        ({"vendor": "x" * 65}, "vendor", "must have 1 to 64 characters"),
        ({"vendor": 7}, "vendor", "must be a text"),
        (
            {"vendor": "Ac\u00a0me"},
            "vendor",
            "must have printable characters and plain spaces only",
        ),
        ({"vendor": " Acme"}, "vendor", "must not begin or end with a space"),
        (
            {"vendor": "Ac\nme"},
            "vendor",
            "must have printable characters and plain spaces only",
        ),
        (
            {"vendor": "Ac\u200bme"},
            "vendor",
            "must have printable characters and plain spaces only",
        ),
        (
            {"vendor": "Ac\ud800me"},
            "vendor",
            "must have printable characters and plain spaces only",
        ),
        ({"models": []}, "models", "must have 1 to 64 items"),
        ({"models": [MODEL] * 65}, "models", "must have 1 to 64 items"),
        ({"models": {"0": MODEL}}, "models", "must be a list"),
        ({"models": ["ND"]}, "models[0]", "must be an object"),
        ({"models": [MODEL, MODEL]}, "models[1]", "is there twice"),
        ({"models": [MODEL, {**MODEL, "name": 1}]}, "models[1].name", "must be a text"),
        (
            {"models": [{"model": "A", "name": "A"}]},
            "models[0].version_scheme",
            "is missing",
        ),
        (
            {"models": [{**MODEL, "bluetooth": {"colour": "blue"}}]},
            "models[0].bluetooth",
            "must give at least one mark",
        ),
        (
            {"models": [{**MODEL, "recovery": "Wait.\x1b[2J"}]},
            "models[0].recovery",
            "must not have control characters but newline and tab",
        ),
        (
            {"models": [{**MODEL, "recovery": "ä" * (MAX_RECOVERY // 2 + 1)}]},
            "models[0].recovery",
            "must have at most 4096 bytes",
        ),
        (
            {"models": [{**MODEL, "tells_hardware_revision": 0}]},
            "models[0].tells_hardware_revision",
            "must be true or false",
        ),
        (
            {"models": [{**MODEL, "support_url": "http://a.example/ask"}]},
            "models[0].support_url",
            "must be an https:// URL of at most 2048 characters",
        ),
        (
            {"models": [{**MODEL, "confirms_itself": "yes"}]},
            "models[0].confirms_itself",
            "must be true or false",
        ),
        (
            {"models": [{**MODEL, "has_battery": None}]},
            "models[0].has_battery",
            "must be true or false",
        ),
        (
            {"models": [{**MODEL, "firmware_revision": ["{version}"]}]},
            "models[0].firmware_revision",
            "must be a text",
        ),
        (
            {"models": [{**MODEL, "firmware_revision": "FW [0-9.]+"}]},
            "models[0].firmware_revision",
            "must have {version} once, and * at its end only",
        ),
        (
            {"models": [{**MODEL, "firmware_revision": "FW {version}*"}]},
            "models[0].firmware_revision",
            "must say what ends the version, between {version} and *",
        ),
        (
            {"models": [{**MODEL, "firmware_revision": "FW 1.{version}"}]},
            "models[0].firmware_revision",
            "must have no digit and no dot before {version}",
        ),
        (
            {"models": [{**MODEL, "firmware_revision": "FW {version}.*"}]},
            "models[0].firmware_revision",
            "must have no letter, digit or dot behind {version}",
        ),
        (
            {"models": [{**MODEL, "firmware_revision": "{version}" + " " * 56}]},
            "models[0].firmware_revision",
            "must have 1 to 64 characters",
        ),
        (
            {"models": [{**MODEL, "bluetooth": {"manufacturer_id": 65536}}]},
            "models[0].bluetooth.manufacturer_id",
            "must be a whole number from 0 to 65535",
        ),
        (
            {"models": [{**MODEL, "bluetooth": {"service_uuid": "fe59"}}]},
            "models[0].bluetooth.service_uuid",
            "must be a 128-bit UUID in lower case of at most 36 characters",
        ),
        ({"firmware_keys": []}, "firmware_keys", "must have 1 to 8 items"),
        ({"firmware_keys": [P256, P256]}, "firmware_keys[1]", "is there twice"),
        (
            {"firmware_keys": [P384]},
            "firmware_keys[0]",
            ANY_KEY,
        ),
        (
            {"firmware_keys": [P256, RSA_1024]},
            "firmware_keys[1]",
            ANY_KEY,
        ),
        (
            {"firmware_keys": ["x" * 1025]},
            "firmware_keys[0]",
            "must be a PEM text of at most 1024 characters",
        ),
        ({"releases": [PATH] * 65}, "releases", "must have 0 to 64 items"),
        ({"releases": [PATH, PATH]}, "releases[1]", "is there twice"),
    ],
)
def test_a_wrong_field_of_a_descriptor_is_named(
    fields: dict[str, Any], field: str, why: str
) -> None:
    """With its way down, and what it should be."""
    assert problem(lambda: read_descriptor(**fields)) == (field, why)


@pytest.mark.parametrize("name", ["ND*", "*", "N*D-100", "ND-1?0", "ND-[12]00", "ND"])
def test_a_bluetooth_name_must_tell_enough(name: str) -> None:
    """Three plain characters at least, and no other wildcard than the star."""
    models = [{**MODEL, "bluetooth": {"local_name": name}}]
    field, _ = problem(lambda: read_descriptor(models=models))
    assert field == "models[0].bluetooth.local_name"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../1.0.zip",
        "acme/../1.0.zip",
        "acme//1.0.zip",
        "acme/.hidden",
        "acme\\1.0.zip",
        "acme/1.0.zip?x=1",
        "acme/1%2e0.zip",
        "https://elsewhere.example/1.0.zip",
        "acme/1.0.zip\n",
        "äcme/1.0.zip",
        "a" * 257,
    ],
)
def test_a_path_cannot_lead_elsewhere(path: str) -> None:
    """It becomes part of a URL."""
    assert problem(lambda: read_descriptor(releases=[path]))[0] == "releases[0]"


# A release.


def test_a_release_is_read() -> None:
    """With everything that it may say."""
    release = read_release()
    assert release.version.text == "1.2.0"
    assert release.minimum_installed_version is not None
    assert release.minimum_installed_version.text == "1.0"
    assert release.hardware_revisions == ("A", "B")
    assert release.artifact is not None
    assert release.payload is not None
    assert release.artifact.path == PATH
    assert release.artifact.length == 1000
    assert release.artifact.sha256 == SHA256
    assert release.payload.format is PayloadFormat.NORDIC_DFU
    assert release.disrupts == (Disruption.BLUETOOTH, Disruption.KEYPAD)
    assert release.release_notes == RELEASE["release_notes"]
    assert [advisory.id for advisory in release.advisories] == ["CVE-2026-1", "X"]
    assert release.severity is Severity.CRITICAL
    assert release.support_end == date(2031, 12, 31)
    assert release.released == date(2026, 2, 28)
    assert release.extra == {}


def read_unusual(
    traits: dict[str, Any], without: str | None = None, **fields: Any
) -> Release:
    """Read the release of a model whose locks are not as most."""
    descriptor = read_descriptor(models=[{**MODEL, **traits}])
    return read_release(descriptor=descriptor, without=without, **fields)


def test_a_release_knows_what_is_unusual_about_its_locks() -> None:
    """It is kept with it, so it counts also while the feed is silent."""
    said = {
        "tells_hardware_revision": False,
        "has_battery": False,
        "firmware_revision": "Acme FW v{version}+*",
        "confirms_itself": True,
    }
    release = read_unusual(said, without="minimum_battery")
    assert release.traits == Traits(
        tells_hardware=False,
        has_battery=False,
        firmware_text="Acme FW v{version}+*",
        confirms_itself=True,
    )
    usual = {
        "tells_hardware_revision": True,
        "has_battery": True,
        "confirms_itself": False,
    }
    assert read_unusual(usual).traits == read_release().traits == USUAL


@pytest.mark.parametrize(
    ("traits", "fields", "field", "why"),
    [
        (
            {"has_battery": False},
            {},
            "minimum_battery",
            "must not be there: its model is said to have no battery",
        ),
        (
            {"firmware_revision": "v{version}+*"},
            {"version": "1.2.0+7"},
            "version",
            "cannot be told as the firmware_revision of its model says",
        ),
        (
            {"firmware_revision": "v{version}+*"},
            {"minimum_installed_version": "1.1.0+7"},
            "minimum_installed_version",
            "cannot be told as the firmware_revision of its model says",
        ),
    ],
)
def test_a_release_says_nothing_that_its_model_cannot_keep(
    traits: dict[str, Any], fields: dict[str, Any], field: str, why: str
) -> None:
    """It could never be installed, or never be seen to run."""
    assert problem(lambda: read_unusual(traits, **fields)) == (field, why)


REQUIRED = [
    "schema",
    "kind",
    "vendor",
    "model",
    "hardware_revisions",
    "version",
    "version_scheme",
    "security_version",
    "payload",
]


@pytest.mark.parametrize("field", REQUIRED)
def test_what_a_release_must_say(field: str) -> None:
    """Nothing is guessed."""
    assert problem(lambda: read_release(without=field))[0] == field


@pytest.mark.parametrize("field", sorted(RELEASE.keys() - set(REQUIRED)))
def test_what_a_release_may_leave_out(field: str) -> None:
    """It reads the same otherwise."""
    release = read_release(without=field)
    assert not getattr(release, field) or release.severity is Severity.NONE


@pytest.mark.parametrize("field", sorted(RELEASE))
def test_no_field_may_be_null(field: str) -> None:
    """What is not known is left out."""
    fields: dict[str, Any] = {field: None}
    assert problem(lambda: read_release(**fields))[0] == field


@pytest.mark.parametrize(
    ("fields", "field", "why"),
    [
        ({"vendor": "Emca"}, "vendor", "is not the vendor of this feed"),
        ({"model": "ND-200"}, "model", "is not among the models of this feed"),
        (
            {"version_scheme": "integer", "version": "12"},
            "version_scheme",
            "must be dotted, as its model's",
        ),
        (
            {"version_scheme": "semver"},
            "version_scheme",
            "must be one of: dotted, integer, hex, text_integer",
        ),
        ({"version": "1.2.0-beta"}, "version", "is no dotted version"),
        ({"version": "1.2.x"}, "version", "is no dotted version"),
        ({"version": 2}, "version", "must be a text"),
        (
            {"minimum_installed_version": "1.2"},
            "minimum_installed_version",
            "must be older than the release",
        ),
        (
            {"minimum_installed_version": "1-beta"},
            "minimum_installed_version",
            "is no dotted version",
        ),
        (
            {"security_version": True},
            "security_version",
            "must be a whole number from 0 to 2147483647",
        ),
        (
            {"security_version": -1},
            "security_version",
            "must be a whole number from 0 to 2147483647",
        ),
        (
            {"payload": {**RELEASE["payload"], "format": "mystery"}},
            "payload.format",
            "must be one of: nordic-dfu, mcuboot",
        ),
        (
            {"payload": {**RELEASE["payload"], "firmware_version": 2**32}},
            "payload.firmware_version",
            "must be a whole number from 0 to 4294967295",
        ),
        (
            {"payload": {"format": ["mcuboot"]}},
            "payload.format",
            "must be one of: nordic-dfu, mcuboot",
        ),
        ({"payload": {"format": "mcuboot"}}, "payload.security_counter", "is missing"),
        (
            {"payload": {"format": "mcuboot", "security_counter": -1}},
            "payload.security_counter",
            "must be a whole number from 0 to 4294967295",
        ),
        (
            {"payload": MCUBOOT, "version": "1.2.3.4.5"},
            "version",
            "must be dotted and at most 255.255.65535.4294967295, as of images",
        ),
        (
            {"payload": MCUBOOT, "version": "1.2.3-4"},
            "version",
            "must be dotted and at most 255.255.65535.4294967295, as of images",
        ),
        (
            {"minimum_installed_version": "1.1.0-3", "version": "1.1.0"},
            "minimum_installed_version",
            "must be older than the release",
        ),
        (
            {"payload": MCUBOOT, "version": "1.256"},
            "version",
            "must be dotted and at most 255.255.65535.4294967295, as of images",
        ),
        (
            {"payload": {"format": "nordic-dfu", "hardware_version": 52}},
            "payload.firmware_version",
            "is missing",
        ),
        ({"hardware_revisions": []}, "hardware_revisions", "must have 1 to 64 items"),
        (
            {"hardware_revisions": ["A", "A"]},
            "hardware_revisions[1]",
            "is there twice",
        ),
        (
            {"minimum_battery": 101},
            "minimum_battery",
            "must be a whole number from 0 to 100",
        ),
        (
            {"expected_duration": 0},
            "expected_duration",
            "must be a whole number from 1 to 14400",
        ),
        (
            {"disrupts": ["bluetooth", "coffee"]},
            "disrupts[1]",
            "must be one of: bluetooth, keypad, auto_lock, motor",
        ),
        (
            {"release_notes": "a\x1b[2Jb"},
            "release_notes",
            "must not have control characters but newline and tab",
        ),
        (
            {"release_notes": "safe \u202eelif"},
            "release_notes",
            "must not have control characters but newline and tab",
        ),
        (
            {"release_notes": "ä" * (MAX_NOTES // 2 + 1)},
            "release_notes",
            "must have at most 32768 bytes",
        ),
        (
            {"advisories": [{"id": "CVE-1"}, {"id": "CVE-1", "url": "https://a.b/"}]},
            "advisories[1]",
            "is there twice",
        ),
        ({"advisories": [{"url": "https://a.b/"}]}, "advisories[0].id", "is missing"),
        (
            {"severity": "huge"},
            "severity",
            "must be one of: none, low, medium, high, critical",
        ),
        ({"support_end": "2031-02-30"}, "support_end", "must be a date that exists"),
        ({"support_end": "20310228"}, "support_end", "must be a date: YYYY-MM-DD"),
        ({"released": 20310228}, "released", "must be a date: YYYY-MM-DD"),
        ({"length": 0}, "length", "must be from 1 to 16777216 bytes"),
        ({"length": MAX_ARTIFACT + 1}, "length", "must be from 1 to 16777216 bytes"),
        (
            {"hashes": {"sha512": "ab" * 64}},
            "hashes.sha256",
            "must be 64 lower-case hexadecimal digits",
        ),
        (
            {"hashes": {"sha256": SHA256.upper()}},
            "hashes.sha256",
            "must be 64 lower-case hexadecimal digits",
        ),
        (
            {"unknown": "x" * 20_000},
            "(others)",
            "must have at most 256 values and 16384 characters",
        ),
        (
            {"unknown": [[[0] * 100] * 2] * 2},
            "(others)",
            "must have at most 256 values and 16384 characters",
        ),
    ],
)
def test_a_wrong_field_of_a_release_is_named(
    fields: dict[str, Any], field: str, why: str
) -> None:
    """With its way down, and what it should be."""
    assert problem(lambda: read_release(**fields)) == (field, why)


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.example/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://user:word@acme.example/",
        "https://user@acme.example/",
        "https://acme.example/ x",
        'https://acme.example/"onload=',
        "https://acme.example/<b>",
        "https://acme.example/ä",
        "https://acme.example:99999/",
        "https://[::1/",
        "https://acme.example/" + "x" * 2048,
    ],
)
@pytest.mark.parametrize("field", ["release_url", "advisories"])
def test_a_url_is_https_and_nothing_else(url: str, field: str) -> None:
    """It will be a link in somebody's browser."""
    fields: dict[str, Any] = {"advisories": [{"id": "CVE-1", "url": url}]}
    expected = "advisories[0].url"
    if field == "release_url":
        fields, expected = {field: url}, field
    assert problem(lambda: read_release(**fields))[0] == expected


def test_unknown_fields_are_kept_apart() -> None:
    """A later schema 1 may say more; nothing of it is obeyed."""
    extra: dict[str, Any] = {"phase": {"percent": 5}, "notes_2": ["a", None, True]}
    assert read_release(**extra).extra == extra


def test_unknown_fields_inside_of_others_do_no_harm() -> None:
    """They are not read."""
    payload = {**RELEASE["payload"], "bootloader": 2}
    assert read_release(payload=payload).payload == read_release().payload


@pytest.mark.parametrize("schema", [3, 10**4000])
def test_a_newer_schema_is_told_from_a_mistake(schema: int) -> None:
    """Whatever else it says may mean something else."""
    reads: list[tuple[str, Callable[[], object]]] = [
        ("2", lambda: parse_descriptor(wrap({"schema": schema}))),
        ("2", lambda: read_release(schema=schema, kind="parcel")),
    ]
    for supported, read in reads:
        with pytest.raises(FeedError) as caught:
            read()
        assert caught.value.reason is FeedProblem.SCHEMA_TOO_NEW
        assert caught.value.details["supported"] == supported
        assert len(caught.value.details["schema"]) < 20


# What a vendor lets out by and by, or not at all.


def test_a_release_may_be_let_out_in_stages() -> None:
    """To a share of the locks, in whole percent; without the field, to all."""
    assert read_release().rollout is None
    staged = read_release(schema=2, rollout={"percent": 5})
    assert staged.rollout == Rollout(percent=5)
    assert staged.extra == {}
    salted = read_release(schema=2, rollout={"percent": 0, "salt": "first"})
    assert salted.rollout == Rollout(percent=0, salt="first")


def test_a_release_may_be_halted() -> None:
    """With a reason, or without one."""
    assert read_release().halted is None
    assert read_release(schema=2, halted={}).halted == Halt()
    told = read_release(schema=2, halted={"reason": "It drains batteries."})
    assert told.halted == Halt(why="It drains batteries")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"rollout": {"percent": 101}}, "rollout.percent"),
        ({"rollout": {"percent": -1}}, "rollout.percent"),
        ({"rollout": {"percent": 5.0}}, "rollout.percent"),
        ({"rollout": {"percent": True}}, "rollout.percent"),
        ({"rollout": {"percent": "5"}}, "rollout.percent"),
        ({"rollout": {}}, "rollout.percent"),
        ({"rollout": 5}, "rollout"),
        ({"rollout": None}, "rollout"),
        ({"rollout": {"percent": 5, "salt": ""}}, "rollout.salt"),
        ({"rollout": {"percent": 5, "salt": "x" * 65}}, "rollout.salt"),
        ({"rollout": {"percent": 5, "salt": 1}}, "rollout.salt"),
        ({"halted": True}, "halted"),
        ({"halted": None}, "halted"),
        ({"halted": {"reason": ""}}, "halted.reason"),
        ({"halted": {"reason": "two\nlines"}}, "halted.reason"),
        ({"halted": {"reason": "x" * 257}}, "halted.reason"),
    ],
)
def test_a_stage_or_a_halt_that_is_not_understood_is_not_overlooked(
    fields: dict[str, Any], field: str
) -> None:
    """The release is refused, and so reaches no lock."""
    assert problem(lambda: read_release(schema=2, **fields))[0] == field


@pytest.mark.parametrize("field", [{"rollout": {"percent": 5}}, {"halted": {}}])
def test_what_must_not_be_overlooked_needs_the_schema_that_knows_it(
    field: dict[str, Any],
) -> None:
    """Nightlatch before it would install the release everywhere."""
    assert problem(lambda: read_release(schema=1, **field)) == (
        "schema",
        "must be a whole number from 2",
    )


# Whatever may come.

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=80)
    | st.sampled_from([1, "feed", "release", "dotted", "1.0", "https://a.b/", "A"]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.text(max_size=10)
            | st.sampled_from([*DESCRIPTOR, *RELEASE, "nightlatch"]),
            inner,
            max_size=8,
        )
    ),
    max_leaves=30,
)


def places(value: object, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the ways to all parts of a value."""
    found = [way]
    if isinstance(value, dict):
        for key, part in value.items():
            found += places(part, (*way, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            found += places(part, (*way, index))
    return found


def replaced(value: Any, way: tuple[Any, ...], part: object) -> Any:
    """Return a copy of a value with another part."""
    if not way:
        return part
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[way[0]] = replaced(value[way[0]], way[1:], part)
    return copy


@given(anything)
def test_whatever_comes_is_read_or_refused(value: object) -> None:
    """Never anything but our own error."""
    descriptor = read_descriptor()
    target = ListedFile(path=PATH, length=1, hashes={"sha256": SHA256}, custom=value)
    for read in (
        lambda: parse_descriptor(value),
        lambda: parse_descriptor(wrap(value)),
        lambda: parse_release(target, descriptor),
    ):
        with pytest.raises(FeedError):
            read()


@given(st.sampled_from(places(DESCRIPTOR)), anything)
def test_a_descriptor_with_one_part_replaced_is_read_or_refused(
    way: tuple[Any, ...], part: object
) -> None:
    """What is read is within its limits."""
    try:
        descriptor = parse_descriptor(wrap(replaced(DESCRIPTOR, way, part)))
    except FeedError:
        return
    assert 1 <= len(descriptor.vendor) <= 64
    assert descriptor.vendor.isprintable()
    assert descriptor.models
    assert descriptor.firmware_keys


@given(st.sampled_from(places(RELEASE)), anything)
def test_a_release_with_one_part_replaced_is_read_or_refused(
    way: tuple[Any, ...], part: object
) -> None:
    """What is read is within its limits."""
    custom = wrap(replaced(RELEASE, way, part))
    target = ListedFile(path=PATH, length=1, hashes={"sha256": SHA256}, custom=custom)
    try:
        release = parse_release(target, read_descriptor())
    except FeedError:
        return
    assert release.model == "ND-100"
    assert release.version.scheme is VersionScheme.DOTTED
    assert len(release.release_notes.encode()) <= MAX_NOTES
    assert 1 <= len(release.hardware_revisions) <= 64
    assert 0 <= (release.minimum_battery or 0) <= 100


names = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=64)
numbers = st.lists(st.integers(0, 10**10 - 1), min_size=1, max_size=6).map(
    lambda parts: ".".join(map(str, parts))
)


@given(
    version=numbers,
    security_version=st.integers(0, 2**31 - 1),
    revisions=st.lists(names, min_size=1, max_size=64, unique=True),
    notes=st.text(st.characters(exclude_categories=["C"]), max_size=200),
    battery=st.integers(0, 100),
    released=st.dates(),
    severity=st.sampled_from(Severity),
)
def test_what_is_valid_comes_out_as_it_went_in(
    *,
    version: str,
    security_version: int,
    revisions: list[str],
    notes: str,
    battery: int,
    released: date,
    severity: Severity,
) -> None:
    """For every value within the limits."""
    release = read_release(
        without="minimum_installed_version",
        version=version,
        security_version=security_version,
        hardware_revisions=revisions,
        release_notes=notes,
        minimum_battery=battery,
        released=released.isoformat(),
        severity=severity.value,
    )
    assert release.version.text == version
    assert release.security_version == security_version
    assert release.hardware_revisions == tuple(revisions)
    assert release.release_notes == notes
    assert release.minimum_battery == battery
    assert release.released == released
    assert release.severity is severity


def test_firmware_that_a_person_installs() -> None:
    """There is nothing to send, and that must be said, not forgotten."""
    release = read_release(payload={"format": "by-hand"})
    assert release.payload is None
    assert release.transport is Transport.BY_HAND
    assert release.evidence is Evidence.INTEGRITY_ONLY
    assert read_release().transport is Transport.NORDIC_DFU


@pytest.mark.parametrize(
    "key",
    [P256, ED25519, RSA_2048, RSA_3072],
    # The keys are made anew by each worker that runs tests.
    ids=["p256", "ed25519", "rsa2048", "rsa3072"],
)
def test_firmware_for_locks_with_mcuboot(key: str) -> None:
    """Under any kind of key that their boot loaders know."""
    release = read_release(
        descriptor=read_descriptor(firmware_keys=[key]), payload=MCUBOOT
    )
    assert release.payload == Payload(
        format=PayloadFormat.MCUBOOT, hardware_version=None, firmware_version=3
    )
    assert release.transport is Transport.SMP
    assert release.evidence is Evidence.SIGNATURE_VERIFIED
    assert release.extra == {}


@pytest.mark.parametrize(
    "version",
    ["1", "1.2.3", "1.1.0+0", "255.255.65535.4294967295", "255.255.65535+4294967295"],
)
def test_versions_that_an_image_can_have(version: str) -> None:
    """Major, minor, revision and build."""
    release = read_release(
        without="minimum_installed_version", payload=MCUBOOT, version=version
    )
    assert release.version.text == version


def test_an_image_cannot_have_a_version_of_another_scheme() -> None:
    """Its header has three numbers and a build."""
    descriptor = read_descriptor(models=[{**MODEL, "version_scheme": "integer"}])
    assert problem(
        lambda: read_release(
            without="minimum_installed_version",
            descriptor=descriptor,
            payload=MCUBOOT,
            version="7",
            version_scheme="integer",
        )
    ) == (
        "version",
        "must be dotted and at most 255.255.65535.4294967295, as of images",
    )


@pytest.mark.parametrize("keys", [[ED25519], [RSA_2048, RSA_3072]])
def test_a_key_of_the_vendor_has_to_fit_the_payload(keys: list[str]) -> None:
    """No bootloader of Nordic's could check a signature of these."""
    descriptor = read_descriptor(firmware_keys=keys)
    assert problem(lambda: read_release(descriptor=descriptor)) == (
        "payload.format",
        "needs one of these kinds of firmware key: ecdsa-p256",
    )
    both = read_descriptor(firmware_keys=[*keys, P256])
    assert read_release(descriptor=both).transport is Transport.NORDIC_DFU


def test_firmware_of_a_person_needs_no_key_that_fits() -> None:
    """Nobody here checks it."""
    descriptor = read_descriptor(firmware_keys=[ED25519])
    release = read_release(descriptor=descriptor, payload={"format": "by-hand"})
    assert release.payload is None
