"""What ``verify_package`` proves of a package before a lock may have it."""

from dataclasses import replace
import hashlib
from typing import Any

import pytest

from custom_components.nightlatch.core.errors import FirmwareError, FirmwareProblem
from custom_components.nightlatch.core.firmware.keys import KeyKind, load_firmware_key
from custom_components.nightlatch.core.firmware.nordic import (
    NordicPackage,
    read_package,
)
from custom_components.nightlatch.core.model import FirmwareKey
from tests.rig.dfu_package import (
    FwType,
    HashType,
    SignatureType,
    SignedOver,
    make_init_command,
    make_init_packet,
    make_package,
    public_pem,
)

from .vendor import (
    FW_VERSION,
    HW_VERSION,
    IMAGE,
    KEY,
    OTHER_KEY,
    OTHER_PINNED,
    PINNED,
    PRIVATE_KEYS,
    reason,
    refusal,
    verify,
)


def package(**knobs: Any) -> NordicPackage:
    """Return the vendor's package, with something about it turned away from right."""
    image = knobs.pop("image", IMAGE)
    arguments: dict[str, Any] = {
        "key": KEY,
        "fw_version": FW_VERSION,
        "hw_version": HW_VERSION,
    }
    init_packet = make_init_packet(IMAGE, **(arguments | knobs))
    return NordicPackage(init_packet=init_packet, firmware=image)


def test_keys_of_other_kinds_stand_in_no_way() -> None:
    """A vendor has them for other locks."""
    other = load_firmware_key(public_pem(PRIVATE_KEYS[KeyKind.ED25519]))
    assert verify(package(), keys=(other, PINNED)).key_fingerprint == PINNED.fingerprint


# Each has a wrong InitCommand, but one that the vendor's own key has signed.
WRONGLY_SIGNED_OFF = [
    pytest.param({"hw_version": 51}, FirmwareProblem.WRONG_HARDWARE, id="hardware"),
    pytest.param(
        {"fw_version": FW_VERSION + 1}, FirmwareProblem.WRONG_VERSION, id="newer"
    ),
    pytest.param(
        {"fw_version": FW_VERSION - 1}, FirmwareProblem.WRONG_VERSION, id="older"
    ),
    pytest.param(
        {"hw_version": None}, FirmwareProblem.INIT_PACKET_INVALID, id="no-hw_version"
    ),
    pytest.param(
        {"fw_version": None}, FirmwareProblem.INIT_PACKET_INVALID, id="no-fw_version"
    ),
    pytest.param({"fw_type": None}, FirmwareProblem.INIT_PACKET_INVALID, id="no-type"),
    pytest.param(
        {"fw_type": FwType.SOFTDEVICE}, FirmwareProblem.WRONG_TYPE, id="softdevice"
    ),
    pytest.param(
        {"fw_type": FwType.BOOTLOADER}, FirmwareProblem.WRONG_TYPE, id="bootloader"
    ),
    pytest.param(
        {"fw_type": FwType.SOFTDEVICE_BOOTLOADER},
        FirmwareProblem.WRONG_TYPE,
        id="softdevice-and-bootloader",
    ),
    pytest.param(
        {"fw_type": FwType.EXTERNAL_APPLICATION},
        FirmwareProblem.WRONG_TYPE,
        id="external-application",
    ),
    pytest.param({"fw_type": 7}, FirmwareProblem.WRONG_TYPE, id="unknown-type"),
    pytest.param({"is_debug": True}, FirmwareProblem.DEBUG_BUILD, id="debug-build"),
    pytest.param(
        {"is_debug": True, "hw_version": 51, "fw_version": 0},
        FirmwareProblem.DEBUG_BUILD,
        id="debug-build-for-any-lock",
    ),
    pytest.param(
        {"app_size": len(IMAGE) - 1}, FirmwareProblem.SIZE_MISMATCH, id="size-small"
    ),
    pytest.param(
        {"app_size": len(IMAGE) + 1}, FirmwareProblem.SIZE_MISMATCH, id="size-large"
    ),
    pytest.param(
        {"hash_type": HashType.CRC}, FirmwareProblem.HASH_TYPE, id="crc-for-hash"
    ),
    pytest.param(
        {"hash_type": HashType.SHA512}, FirmwareProblem.HASH_TYPE, id="sha512"
    ),
    pytest.param(
        {"hash_reversed": False}, FirmwareProblem.HASH_MISMATCH, id="hash-not-reversed"
    ),
]


def test_the_vendors_package_is_accepted_as_it_is() -> None:
    """What comes out are the bytes that went in, sealed under the key that signed."""
    zipped = make_package(IMAGE, key=KEY, fw_version=FW_VERSION, hw_version=HW_VERSION)
    read = read_package(zipped)
    artifact = verify(read)
    artifact.check()
    assert artifact.firmware == IMAGE
    assert artifact.init_packet == read.init_packet
    assert artifact.key_fingerprint == PINNED.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"firmware": IMAGE[:-1] + b"\x00"},
        {"firmware": IMAGE + b"\x00"},
        {"init_packet": b""},
    ],
    ids=["firmware-altered", "firmware-extended", "init-packet-gone"],
)
def test_bytes_that_change_after_verifying_are_noticed(change: dict[str, Any]) -> None:
    """The transport sends exactly what was verified, or nothing."""
    with pytest.raises(FirmwareError) as refused:
        replace(verify(package()), **change).check()
    assert refused.value.reason is FirmwareProblem.CHANGED_AFTER_VERIFYING


def test_bytes_that_move_between_the_parts_are_noticed() -> None:
    """The digest knows where the init packet ends and the firmware begins."""
    good = verify(package())
    moved = replace(
        good,
        init_packet=good.init_packet + good.firmware[:1],
        firmware=good.firmware[1:],
    )
    with pytest.raises(FirmwareError):
        moved.check()


@pytest.mark.parametrize(
    "knobs",
    [
        pytest.param({"is_debug": None}, id="is_debug-left-out"),
        pytest.param({"boot_validation": ()}, id="no-boot-validation"),
        pytest.param(
            {"boot_validation": ((1, b""), (2, bytes(32)), (3, bytes(64)))},
            id="three-boot-validations",
        ),
        pytest.param({"sd_req": ()}, id="no-softdevice"),
        pytest.param({"sd_req": (0x100, 0xCAFE, 0xFFFE)}, id="several-softdevices"),
    ],
)
def test_other_shapes_of_a_genuine_package_are_accepted(knobs: dict[str, Any]) -> None:
    """Vendors' tools differ in what they leave out."""
    assert verify(package(**knobs)).firmware == IMAGE


@pytest.mark.parametrize(("knobs", "expected"), WRONGLY_SIGNED_OFF)
def test_what_is_not_for_this_lock_is_refused_though_signed(
    knobs: dict[str, Any], expected: FirmwareProblem
) -> None:
    """The vendor's signature does not make a package fit every lock."""
    assert reason(package(**knobs)) is expected


@pytest.mark.parametrize(
    "knobs", [pytest.param(case.values[0], id=case.id) for case in WRONGLY_SIGNED_OFF]
)
def test_contents_that_nobody_vouches_for_are_never_reported(
    knobs: dict[str, Any],
) -> None:
    """Under a stranger's key the only thing wrong is the signature, and it says no more."""
    refused = refusal(package(key=OTHER_KEY, **knobs))
    assert refused.reason is FirmwareProblem.SIGNATURE_INVALID
    assert refused.details == {}


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        pytest.param({"key": OTHER_KEY}, FirmwareProblem.SIGNATURE_INVALID, id="key"),
        pytest.param(
            {"big_endian": True}, FirmwareProblem.SIGNATURE_INVALID, id="big-endian"
        ),
        pytest.param(
            {"signed_over": SignedOver.COMMAND},
            FirmwareProblem.SIGNATURE_INVALID,
            id="over-Command",
        ),
        pytest.param(
            {"signature": bytes(64)}, FirmwareProblem.SIGNATURE_INVALID, id="zeros"
        ),
        pytest.param(
            {"signature": b"\xff" * 64}, FirmwareProblem.SIGNATURE_INVALID, id="ones"
        ),
        pytest.param({"signature": b""}, FirmwareProblem.SIGNATURE_INVALID, id="empty"),
        pytest.param({"unsigned": True}, FirmwareProblem.NOT_SIGNED, id="unsigned"),
        pytest.param(
            {"signature_type": SignatureType.ED25519},
            FirmwareProblem.SIGNATURE_TYPE,
            id="ed25519",
        ),
        pytest.param(
            {"signature_type": 9}, FirmwareProblem.SIGNATURE_TYPE, id="unknown-type"
        ),
        pytest.param(
            {"signature_type": None},
            FirmwareProblem.INIT_PACKET_INVALID,
            id="no-signature-type",
        ),
    ],
)
def test_a_signature_that_does_not_hold_is_refused(
    knobs: dict[str, Any], expected: FirmwareProblem
) -> None:
    """Only r and s little-endian, over the InitCommand, by a pinned key, will do."""
    assert reason(package(**knobs)) is expected


@pytest.mark.parametrize("bit", range(0, 512, 7))
def test_a_flipped_bit_breaks_the_signature(bit: int) -> None:
    """Wherever in r or s it lies."""
    assert reason(package(flip_signature_bit=bit)) is FirmwareProblem.SIGNATURE_INVALID


@pytest.mark.parametrize("cut", [slice(0, 63), slice(1, 64), slice(0, 32)])
def test_a_signature_of_another_length_is_refused(cut: slice) -> None:
    """It is not padded or cut to fit."""
    good = package().init_packet[-64:]
    assert reason(package(signature=good[cut])) is FirmwareProblem.SIGNATURE_INVALID


def test_a_longer_signature_is_refused() -> None:
    """What follows s is not ignored."""
    good = package().init_packet[-64:]
    assert (
        reason(package(signature=good + b"\x00")) is FirmwareProblem.SIGNATURE_INVALID
    )


def test_the_signature_is_over_the_bytes_as_received() -> None:
    """An InitCommand in an unusual order is signed, and verified, in that order."""
    usual = make_init_command(IMAGE, fw_version=FW_VERSION, hw_version=None)
    # hw_version first, then the rest; a re-encoding would put it second.
    init = b"\x10\x34" + usual
    assert verify(package(init_command=init)).init_packet.count(init) == 1


def test_any_of_the_pinned_keys_will_do_and_is_named() -> None:
    """A vendor who changes keys has two for a while."""
    artifact = verify(package(key=OTHER_KEY), keys=(PINNED, OTHER_PINNED))
    assert artifact.key_fingerprint == OTHER_PINNED.fingerprint


def test_no_key_verifies_nothing() -> None:
    """A feed without keys trusts nobody."""
    with pytest.raises(FirmwareError) as refused:
        verify(package(), keys=())
    assert refused.value.reason is FirmwareProblem.SIGNATURE_INVALID


def test_a_key_under_a_false_fingerprint_is_refused() -> None:
    """The owner has agreed to the fingerprint, so it must be that of the key."""
    false = FirmwareKey(fingerprint=PINNED.fingerprint, pem=OTHER_PINNED.pem)
    with pytest.raises(FirmwareError) as refused:
        verify(package(key=OTHER_KEY), keys=(false,))
    assert refused.value.reason is FirmwareProblem.KEY_INVALID


@pytest.mark.parametrize("minimum", [None, 0, FW_VERSION - 1, FW_VERSION])
def test_the_minimum_itself_and_more_may_run(minimum: int | None) -> None:
    """The floor is the lowest version that is still allowed."""
    verify(package(), minimum_firmware_version=minimum)


def test_less_than_the_minimum_is_a_downgrade() -> None:
    """Even when the feed offers just that version."""
    with pytest.raises(FirmwareError) as refused:
        verify(package(), minimum_firmware_version=FW_VERSION + 1)
    assert refused.value.reason is FirmwareProblem.DOWNGRADE
    assert refused.value.details == {
        "minimum": str(FW_VERSION + 1),
        "found": str(FW_VERSION),
    }


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (IMAGE[:-1], FirmwareProblem.SIZE_MISMATCH),
        (IMAGE + b"\x00", FirmwareProblem.SIZE_MISMATCH),
        (IMAGE[:-1] + bytes([IMAGE[-1] ^ 1]), FirmwareProblem.HASH_MISMATCH),
        (bytes(len(IMAGE)), FirmwareProblem.HASH_MISMATCH),
    ],
    ids=["cut", "extended", "one-bit", "other"],
)
def test_another_binary_than_the_signed_one_is_refused(
    image: bytes, expected: FirmwareProblem
) -> None:
    """The init packet vouches for one binary only."""
    assert reason(package(image=image)) is expected


def test_a_hash_of_another_length_is_refused() -> None:
    """A hash that is cut is no hash, even where what is left agrees."""
    digest = hashlib.sha256(IMAGE).digest()
    whole = make_init_command(IMAGE, fw_version=FW_VERSION, hw_version=HW_VERSION)
    stored = b"\x42\x24\x08\x03\x12\x20" + digest[::-1]
    assert stored in whole
    cut = whole.replace(stored, b"\x42\x23\x08\x03\x12\x1f" + digest[::-1][1:])
    assert reason(package(init_command=cut)) is FirmwareProblem.HASH_MISMATCH


@pytest.mark.parametrize(
    ("knobs", "details"),
    [
        ({"hw_version": 51}, {"expected": "52", "found": "51"}),
        (
            {"fw_version": 7},
            {"expected": str(FW_VERSION), "found": "7"},
        ),
        ({"fw_type": FwType.BOOTLOADER}, {"found": "bootloader"}),
        ({"fw_type": 7}, {"found": "7"}),
        ({"app_size": 3}, {"expected": "3", "found": str(len(IMAGE))}),
        ({"hash_type": HashType.CRC}, {"found": "1"}),
        (
            {"hash_reversed": False},
            {
                "expected": hashlib.sha256(IMAGE).digest()[::-1].hex(),
                "found": hashlib.sha256(IMAGE).hexdigest(),
            },
        ),
        ({"signature_type": 1}, {"found": "1"}),
        ({"hw_version": None}, {"detail": "InitCommand has no hw_version"}),
        ({"is_debug": True}, {}),
    ],
)
def test_a_refusal_says_what_was_found(
    knobs: dict[str, Any], details: dict[str, str]
) -> None:
    """The details are what its sentence needs."""
    assert refusal(package(**knobs)).details == details
