"""A feed that turns bad when a person presses *Install*, and packages that are."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.rig.bootloader import SecureDfuBootloader
from tests.rig.crafted_zip import CraftedMember, craft_zip
from tests.rig.dfu_package import (
    FwType,
    HashType,
    generate_key,
    make_init_packet,
    make_manifest,
    make_package,
    make_zip,
)
from tests.rig.lock import Mode
from tests.rig.scene import HARDWARE_VERSION, firmware_version, make_firmware, publish
from tests.rig.vendor import Vendor, new_signer
from tests.rig.vendor_http import Changed, Cut, Drip, Endless, Redirect, Silence, Status

from .ending import ends_badly, ends_well
from .house import FRONT_DOOR, STATUS, TROUBLE, House


def flip_last_bit(body: bytes) -> bytes:
    """Return the bytes with one bit changed."""
    return body[:-1] + bytes((body[-1] ^ 1,))


def number_of(vendor: Vendor, role: str) -> int:
    """Return the version of a role that is served now."""
    names = [
        path.removeprefix("metadata/").partition(".")[0]
        for path in vendor.keep().files
        if path.endswith(f".{role}.json")
    ]
    return max(int(name) for name in names)


def unsigned(vendor: Vendor) -> None:
    """Sign with no key at all."""
    vendor.renew("timestamp", signed_by=[])


def under_signed(vendor: Vendor) -> None:
    """Sign with one of the two keys that it takes."""
    vendor.renew("targets", signed_by=vendor.signers("targets")[:1])


def signed_by_stranger(vendor: Vendor) -> None:
    """Sign with a key that was never named."""
    vendor.renew("snapshot", signed_by=[new_signer()])


def mixed(vendor: Vendor) -> None:
    """Serve targets of another moment than the snapshot names."""
    old = vendor.keep().files[f"metadata/{number_of(vendor, 'targets')}.targets.json"]
    vendor.renew("targets")
    vendor.overlay[f"metadata/{number_of(vendor, 'targets')}.targets.json"] = old


def another_firmware_key(vendor: Vendor) -> None:
    """Name a key that the owner has not approved."""
    vendor.describe(firmware_keys=[vendor.firmware_key_pem, Vendor().firmware_key_pem])


@dataclass(frozen=True, kw_only=True)
class BadFeed:
    """What the vendor, or somebody on the way, does."""

    key: str
    do: Callable[[Vendor], None]


BAD_FEEDS = {
    "expired-timestamp": BadFeed(
        key="feed_expired", do=lambda vendor: vendor.expire("timestamp")
    ),
    "expired-targets": BadFeed(
        key="feed_expired", do=lambda vendor: vendor.expire("targets")
    ),
    "expired-root": BadFeed(
        key="feed_expired", do=lambda vendor: vendor.expire("root")
    ),
    "unsigned": BadFeed(key="feed_unsigned", do=unsigned),
    "under-signed": BadFeed(key="feed_unsigned", do=under_signed),
    "stranger": BadFeed(key="feed_unsigned", do=signed_by_stranger),
    "mixed": BadFeed(key="feed_mixed", do=mixed),
    "no-feed-any-more": BadFeed(key="feed_not_a_feed", do=Vendor.remove_descriptor),
    "from-the-future": BadFeed(
        key="feed_schema_too_new", do=lambda vendor: vendor.describe(schema=99)
    ),
    "wrong-field": BadFeed(
        key="feed_field_invalid", do=lambda vendor: vendor.describe(models="none")
    ),
    "another-firmware-key": BadFeed(
        key="feed_firmware_key_changed", do=another_firmware_key
    ),
    "withdrawn": BadFeed(
        key="feed_release_withdrawn",
        do=lambda vendor: vendor.withdraw("kl-1/1.1.0.zip"),
    ),
    "described-otherwise": BadFeed(
        key="feed_release_changed",
        do=lambda vendor: vendor.amend("kl-1/1.1.0.zip", minimum_battery=1),
    ),
    "other-file": BadFeed(
        key="feed_release_changed",
        do=lambda vendor: vendor.replace("kl-1/1.1.0.zip", b"another file"),
    ),
    "file-not-signed": BadFeed(
        key="feed_artifact_mismatch",
        do=lambda vendor: vendor.misbehave("targets/*", Changed(flip_last_bit)),
    ),
    "redirect": BadFeed(
        key="feed_redirected",
        do=lambda vendor: vendor.misbehave(
            "metadata/timestamp.json", Redirect("https://elsewhere.example/")
        ),
    ),
    "redirect-of-the-file": BadFeed(
        key="feed_redirected",
        do=lambda vendor: vendor.misbehave("targets/*", Redirect("/elsewhere")),
    ),
    "server-error": BadFeed(
        key="feed_http_status",
        do=lambda vendor: vendor.misbehave("metadata/timestamp.json", Status(500)),
    ),
    "file-missing": BadFeed(
        key="feed_http_status",
        do=lambda vendor: vendor.misbehave("targets/*", Status(404)),
    ),
    "drip": BadFeed(
        key="feed_too_slow",
        do=lambda vendor: vendor.misbehave("targets/*", Drip(1, 0.01)),
    ),
    "endless-metadata": BadFeed(
        key="feed_too_large",
        do=lambda vendor: vendor.misbehave("metadata/timestamp.json", Endless()),
    ),
    "endless-file": BadFeed(
        key="feed_too_large",
        do=lambda vendor: vendor.misbehave("targets/*", Endless()),
    ),
    "silence": BadFeed(
        key="feed_unreachable", do=lambda vendor: vendor.misbehave("*", Silence())
    ),
    "cut-off": BadFeed(
        key="feed_unreachable",
        do=lambda vendor: vendor.misbehave("targets/*", Cut(after=100)),
    ),
}


@pytest.mark.parametrize("bad", BAD_FEEDS.values(), ids=BAD_FEEDS.keys())
async def test_a_feed_that_turns_bad(two_doors: House, bad: BadFeed) -> None:
    """Nothing is sent; once the feed is good again the same button installs."""
    vendor = two_doors.vendor
    lock = two_doors.locks[FRONT_DOOR]
    await two_doors.release("1.1.0")
    before = vendor.keep()
    described = vendor.descriptor
    bad.do(vendor)

    await ends_badly(two_doors, bad.key)

    assert lock.version == "1.0.0"
    assert lock.bootloader.counters.requests == 0
    # That this did not happen to be about what was fetched before.
    assert vendor.keep().files.keys() >= before.files.keys()

    vendor.behave()
    vendor.describe(**described)
    publish(vendor, "1.1.0")
    vendor.renew("root")
    vendor.renew("targets")
    await two_doors.check()
    assert two_doors.state(TROUBLE).state == "off"
    await ends_well(two_doors)


async def test_a_replayed_feed(two_doors: House) -> None:
    """Genuine, but of yesterday: somebody hides an update."""
    vendor = two_doors.vendor
    yesterday = vendor.keep()
    await two_doors.release("1.1.0")
    vendor.replay(yesterday)

    await ends_badly(two_doors, "feed_rolled_back")

    await two_doors.check()
    assert two_doors.state(STATUS).state == "feed_rolled_back"
    vendor.behave()
    await two_doors.check()
    await ends_well(two_doors)


async def test_a_server_that_is_gone(two_doors: House) -> None:
    """The house goes on with what it has."""
    await two_doors.release("1.1.0")
    await two_doors.vendor.stop()
    await ends_badly(two_doors, "feed_unreachable")
    await two_doors.vendor.start()
    await ends_well(two_doors)


# Packages that are signed as targets of the feed, and yet must not be sent.


def _zip(*members: CraftedMember) -> bytes:
    return craft_zip(
        [
            CraftedMember(
                name=b"manifest.json",
                data=make_manifest("application", bin_file="a.bin", dat_file="a.dat"),
            ),
            *members,
        ]
    )


def _package(vendor: Vendor, **knobs: Any) -> bytes:
    """Return the package of 1.1.0, with something turned away from right."""
    return make_package(
        make_firmware("1.1.0"),
        **{
            "key": vendor.firmware_key,
            "fw_version": firmware_version("1.1.0"),
            "hw_version": HARDWARE_VERSION,
            **knobs,
        },
    )


def _flipped(vendor: Vendor) -> bytes:
    """Return a package whose binary has one bit flipped after signing."""
    image = make_firmware("1.1.0")
    init_packet = make_init_packet(
        image,
        key=vendor.firmware_key,
        fw_version=firmware_version("1.1.0"),
        hw_version=HARDWARE_VERSION,
    )
    return make_package(
        flip_last_bit(image), key=vendor.firmware_key, init_packet=init_packet
    )


BAD_PACKAGES: dict[str, tuple[str, Callable[[Vendor], bytes]]] = {
    "no-zip": ("firmware_not_a_package", lambda _: b"MZ" + bytes(500)),
    "lies-of-its-size": (
        "firmware_member_refused",
        lambda _: _zip(
            CraftedMember(name=b"a.bin", data=bytes(4096), size=16),
            CraftedMember(name=b"a.dat", data=b"init"),
        ),
    ),
    "bomb": (
        "firmware_too_large",
        lambda _: _zip(
            CraftedMember(name=b"a.bin", data=bytes(3 * 1024 * 1024)),
            CraftedMember(name=b"a.dat", data=b"init"),
        ),
    ),
    "climbs-out": (
        "firmware_member_refused",
        lambda vendor: _package(
            vendor, extra_members=(("../configuration.yaml", b"lock:"),)
        ),
    ),
    "no-manifest": (
        "firmware_not_a_package",
        lambda _: make_zip((("a.bin", b"1234"), ("a.dat", b"init"))),
    ),
    "bootloader-inside": (
        "firmware_wrong_type",
        lambda vendor: _package(vendor, parts=("bootloader",)),
    ),
    "init-packet-garbled": (
        "firmware_init_packet_invalid",
        lambda vendor: _package(vendor, init_packet=b"\xff" * 40),
    ),
    "another-key": (
        "firmware_signature_invalid",
        lambda vendor: _package(vendor, key=generate_key()),
    ),
    "signature-flipped": (
        "firmware_signature_invalid",
        lambda vendor: _package(vendor, flip_signature_bit=7),
    ),
    "no-signature": (
        "firmware_not_signed",
        lambda vendor: _package(vendor, unsigned=True),
    ),
    "other-signature": (
        "firmware_signature_type",
        lambda vendor: _package(vendor, signature_type=1),
    ),
    "other-hardware": (
        "firmware_wrong_hardware",
        lambda vendor: _package(vendor, hw_version=HARDWARE_VERSION + 1),
    ),
    "older-version-inside": (
        "firmware_wrong_version",
        lambda vendor: _package(vendor, fw_version=firmware_version("0.9.0")),
    ),
    "other-hash": (
        "firmware_hash_type",
        lambda vendor: _package(vendor, hash_type=HashType.SHA128),
    ),
    "bit-flipped": ("firmware_hash_mismatch", _flipped),
    "other-size": (
        "firmware_size_mismatch",
        lambda vendor: _package(vendor, app_size=64),
    ),
    "debug-build": (
        "firmware_debug_build",
        lambda vendor: _package(vendor, is_debug=True),
    ),
    "softdevice": (
        "firmware_wrong_type",
        lambda vendor: _package(vendor, fw_type=FwType.SOFTDEVICE),
    ),
}


@pytest.mark.parametrize(
    ("key", "make"), BAD_PACKAGES.values(), ids=BAD_PACKAGES.keys()
)
async def test_a_package_that_must_not_be_sent(
    two_doors: House, key: str, make: Callable[[Vendor], bytes]
) -> None:
    """The lock hears nothing of it; the next release installs."""
    bootloader = two_doors.locks[FRONT_DOOR].bootloader
    connects = two_doors.links[FRONT_DOOR].counters.connects
    await two_doors.release("1.1.0", package=make(two_doors.vendor))

    said = await ends_badly(two_doors, key)

    assert "Nothing was changed" in said
    assert two_doors.links[FRONT_DOOR].counters.connects == connects
    assert two_doors.locks[FRONT_DOOR].mode is Mode.APPLICATION
    await two_doors.release("1.2.0")
    await ends_well(two_doors, "1.2.0")
    assert isinstance(bootloader, SecureDfuBootloader)
    assert bootloader.counters.requests > 0


async def test_a_feed_that_expires_while_nobody_can_renew_it(
    two_doors: House,
) -> None:
    """What was offered stays in sight, but nothing of it is installed."""
    await two_doors.release("1.1.0")
    two_doors.vendor.renew("timestamp", valid=timedelta(seconds=-1))
    await two_doors.check()
    assert two_doors.state(STATUS).state == "feed_expired"
    assert two_doors.state(TROUBLE).state == "on"
    assert two_doors.state().state == "on"
    await ends_badly(two_doors, "feed_expired")
