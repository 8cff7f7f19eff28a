"""What becomes of a file that somebody has brought, and what is refused."""

from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import example, given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.errors import (
    FileError,
    FileProblem,
    FirmwareError,
    FirmwareProblem,
    NightlatchError,
)
from custom_components.nightlatch.core.firmware.continuity import possible_signers
from custom_components.nightlatch.core.firmware.keys import load_firmware_key
from custom_components.nightlatch.core.firmware.nordic import read_package
from custom_components.nightlatch.core.firmware.packages import inspect_artifact
from custom_components.nightlatch.core.from_file import (
    FileReading,
    KnownLock,
    Proof,
    RanBefore,
    Said,
    read_file,
    release_of,
    safe_name,
)
from custom_components.nightlatch.core.model import (
    USUAL,
    Artifact,
    Evidence,
    FirmwareKey,
    LockIdentity,
    Payload,
    PayloadFormat,
    Purpose,
    Release,
    Source,
    Traits,
    Transport,
)
from custom_components.nightlatch.core.records.kept_release import KeptRelease
from custom_components.nightlatch.core.records.trust import LockFloor
from custom_components.nightlatch.core.versions import Version, VersionScheme
from tests.rig.dfu_package import generate_key, make_package, public_pem
from tests.rig.mcuboot_image import SigningKey, make_mcuboot_image

from .firmware.test_continuity import with_whole_key
from .firmware.test_nordic_properties import mutated

VENDOR, STRANGER = generate_key(), generate_key()
PINNED = load_firmware_key(public_pem(VENDOR))
ED25519 = ed25519.Ed25519PrivateKey.generate()
IDENTITY = LockIdentity(model="KL-1", hardware_revision="B", firmware_version="1.0.0")
SAID = Said(model="KL-1", hardware="B", version="1.1.0")
KNOWN = KnownLock(vendor="Kestrel", identity=IDENTITY, scheme=VersionScheme.DOTTED)


def dotted(text: str) -> Version:
    """Return a version."""
    return Version.parse(VersionScheme.DOTTED, text)


def dfu(number: int = 110, key: Any = VENDOR, **knobs: Any) -> bytes:
    """Return a DFU package."""
    return make_package(
        f"firmware {number}".encode(), key=key, fw_version=number, **knobs
    )


def image(version: str = "1.1.0", key: SigningKey = VENDOR, **knobs: Any) -> bytes:
    """Return an image of MCUboot."""
    return make_mcuboot_image(version.encode(), key=key, version=version, **knobs)


def release(data: bytes, version: str, **fields: Any) -> Release:
    """Return what a feed says of an artifact."""
    inspection = inspect_artifact(data)
    fields = {
        "model": "KL-1",
        "hardware_revisions": ("A", "B"),
        "release_notes": "Better.",
        "evidence": Evidence.SIGNATURE_VERIFIED,
        **fields,
    }
    return Release(
        vendor="Kestrel",
        version=dotted(version),
        artifact=Artifact(
            path="kl-1/any.zip", length=len(data), sha256=inspection.sha256
        ),
        payload=Payload(
            format=inspection.format,
            hardware_version=inspection.hardware_version,
            firmware_version=inspection.firmware_version,
        ),
        **fields,
    )


def ran(
    data: bytes,
    version: str = "1.0.0",
    *,
    evidence: Evidence = Evidence.SIGNATURE_PRESENT,
    signer: FirmwareKey | None = None,
) -> RanBefore:
    """Return what ran before; unless told otherwise of a signer whom nobody knows."""
    return RanBefore(
        kept=KeptRelease(
            release=release(data, version, evidence=evidence),
            # One of the two that it may be, and not the real one.
            signer=signer or _other_than_vendor(data),
            source=Source.FILE,
        ),
        data=data,
    )


def _other_than_vendor(data: bytes) -> FirmwareKey:
    possible = possible_signers(data)
    return next((key for key in possible if key != PINNED), PINNED)


def floor(
    version: str = "1.0.0", *, counter: int = 100, security_version: int = 0
) -> LockFloor:
    """Return the newest firmware that ran."""
    return LockFloor(
        version=dotted(version),
        security_version=security_version,
        firmware_version=counter,
    )


def take(
    data: bytes, known: KnownLock = KNOWN, said: Said = SAID, name: str = "new.zip"
) -> tuple[FileReading, Release]:
    """Read a file and make a release of it."""
    reading = read_file(data, known)
    return reading, release_of(reading, known, said, name)


def refused(
    data: bytes, known: KnownLock = KNOWN, said: Said = SAID
) -> tuple[Any, dict[str, str]]:
    """Return why a file is refused, and what is told of it."""
    with pytest.raises(NightlatchError) as caught:
        take(data, known, said)
    return caught.value.reason, caught.value.details


# What it becomes.


def test_a_dfu_package_as_a_person_says_it_is() -> None:
    """The model and the version are theirs; the rest is its own."""
    data = dfu()
    reading, made = take(data, name="../Kestrel One (1.1.0).zip")
    assert made == Release(
        vendor="Kestrel",
        model="KL-1",
        hardware_revisions=("B",),
        version=dotted("1.1.0"),
        artifact=Artifact(
            path="Kestrel_One_1.1.0_.zip",
            length=len(data),
            sha256=reading.inspection.sha256,
        ),
        payload=Payload(
            format=PayloadFormat.NORDIC_DFU, hardware_version=52, firmware_version=110
        ),
        transport=Transport.NORDIC_DFU,
        evidence=Evidence.SIGNATURE_PRESENT,
    )
    assert reading.data == data
    assert not reading.hardware_version_known


def test_an_image_has_its_version() -> None:
    """And its security counter; it goes another way."""
    reading, made = take(image(security_counter=3))
    assert reading.inspection.version == "1.1.0"
    assert made.transport is Transport.SMP
    assert made.payload == Payload(
        format=PayloadFormat.MCUBOOT, hardware_version=None, firmware_version=3
    )


def test_a_release_of_the_feed_is_that_release() -> None:
    """To the byte; whatever a person says of it."""
    data = dfu()
    listed = release(data, "1.1.0")
    known = replace(
        KNOWN, pinned=(PINNED,), offered=(release(dfu(105), "1.0.5"), listed)
    )
    reading, made = take(data, known, Said())
    assert reading.listed is made is listed
    assert reading.proof is Proof.PINNED
    assert reading.hardware_version_known


def test_what_runs_may_not_be_known_to_have_closed_a_hole() -> None:
    """What comes after it is taken to leave it closed."""
    known = replace(KNOWN, floor=floor(security_version=4))
    assert take(dfu(), known)[1].security_version == 4


# Who has signed it.


def test_a_pinned_key_verifies() -> None:
    """It is the vendor's, as the owner has approved."""
    known = replace(KNOWN, pinned=(load_firmware_key(public_pem(STRANGER)), PINNED))
    for data in (dfu(), image()):
        reading, made = take(data, known)
        assert reading.signer == PINNED
        assert reading.compared_with is None
        assert made.evidence is Evidence.SIGNATURE_VERIFIED


def test_where_keys_are_pinned_nothing_else_counts() -> None:
    """Neither what ran before, nor what the feed lists."""
    data = dfu(key=STRANGER)
    known = replace(
        KNOWN,
        pinned=(PINNED,),
        ran=(ran(dfu(100, STRANGER)),),
        offered=(release(data, "1.1.0"),),
    )
    assert refused(data, known)[0] is FirmwareProblem.SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("before", "after"),
    [(dfu(100), dfu()), (image("1.0.0"), image())],
    # Signatures are made anew by each worker that runs tests.
    ids=["dfu", "mcuboot"],
)
def test_the_signer_of_what_ran_before(before: bytes, after: bytes) -> None:
    """Where no key is known, that is evidence; and it says what it was compared with."""
    reading, made = take(after, replace(KNOWN, ran=(ran(before),)))
    assert reading.proof is Proof.CONTINUITY
    assert reading.signer == PINNED
    assert reading.compared_with == "1.0.0"
    assert made.evidence is Evidence.SAME_SIGNER


@pytest.mark.parametrize(
    "evidence", [Evidence.SIGNATURE_VERIFIED, Evidence.SAME_SIGNER]
)
@pytest.mark.parametrize("kind", ["dfu", "ed25519"])
def test_a_signer_who_was_known_for_sure(evidence: Evidence, kind: str) -> None:
    """That key has to verify it, of whatever kind it is."""
    key: SigningKey = VENDOR if kind == "dfu" else ED25519
    before, after = (
        (dfu(100), dfu())
        if kind == "dfu"
        else (image("1.0.0", key), image("1.1.0", key))
    )
    signer = load_firmware_key(public_pem(key))
    known = replace(KNOWN, ran=(ran(before, evidence=evidence, signer=signer),))
    reading, _ = take(after, known)
    assert reading.proof is Proof.CONTINUITY
    assert reading.signer == signer


def test_another_signer_than_before_is_refused() -> None:
    """It names what it was compared with."""
    known = replace(KNOWN, ran=(ran(dfu(100)),))
    assert refused(dfu(key=STRANGER), known) == (
        FileProblem.OTHER_SIGNER,
        {"version": "1.0.0"},
    )


def test_without_anything_that_ran_it_only_has_a_signature() -> None:
    """Nobody can say whose; the key is one of those that are possible."""
    reading, made = take(dfu())
    assert reading.proof is Proof.NONE
    assert reading.signer in possible_signers(dfu())
    assert made.evidence is Evidence.SIGNATURE_PRESENT


def test_a_whole_key_that_what_ran_has_named() -> None:
    """Then it is known whose it is, as far as that can be."""
    data = with_whole_key(b"firmware", ED25519, version="1.1.0")
    reading, made = take(data, replace(KNOWN, ran=(_ran_ed25519(),)))
    assert reading.proof is Proof.CONTINUITY
    assert reading.signer == load_firmware_key(public_pem(ED25519))
    assert made.evidence is Evidence.SAME_SIGNER


def test_a_whole_key_of_which_nothing_is_known() -> None:
    """It can at least be checked that the signature holds under it."""
    data = with_whole_key(b"firmware", ED25519, version="1.1.0")
    reading, made = take(data)
    assert reading.proof is Proof.NONE
    assert reading.signer == load_firmware_key(public_pem(ED25519))
    assert made.evidence is Evidence.SIGNATURE_PRESENT


def test_the_same_firmware_once_more_is_not_newer() -> None:
    """Of two possible signers: it shows nothing, and there is nothing to do."""
    known = replace(KNOWN, ran=(ran(dfu()),))
    assert refused(dfu(), known)[0] is FileProblem.COUNTER_NOT_NEWER


def test_a_key_that_nobody_knows() -> None:
    """Ed25519 leaves none, so that nobody could check the signature here."""
    assert refused(image(key=ED25519)) == (
        FileProblem.KEY_UNKNOWN,
        {"found": "ed25519"},
    )


def test_a_key_that_is_only_named() -> None:
    """By both, which anybody could have written."""
    known = replace(KNOWN, ran=(_ran_ed25519(),))
    assert refused(image(key=ED25519), known) == (
        FileProblem.KEY_ONLY_NAMED,
        {"found": "ed25519", "version": "1.0.0"},
    )


def _ran_ed25519() -> RanBefore:
    return ran(image("1.0.0", ED25519), signer=PINNED)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", FirmwareProblem.NOT_A_PACKAGE),
        (b"%PDF-1.7 a manual", FirmwareProblem.NOT_A_PACKAGE),
        (dfu()[:-9], FirmwareProblem.NOT_A_PACKAGE),
        (dfu(unsigned=True), FirmwareProblem.NOT_SIGNED),
        (image(unsigned=True), FirmwareProblem.NOT_SIGNED),
        (dfu(signature=bytes(64)), FirmwareProblem.SIGNATURE_INVALID),
        (dfu(is_debug=True), FirmwareProblem.DEBUG_BUILD),
        (dfu(app_size=3), FirmwareProblem.SIZE_MISMATCH),
        (dfu(hash_reversed=False), FirmwareProblem.HASH_MISMATCH),
        (dfu(parts=("bootloader",)), FirmwareProblem.WRONG_TYPE),
        (image(digest=bytes(32)), FirmwareProblem.HASH_MISMATCH),
        (image(tail=b"more"), FirmwareProblem.IMAGE_INVALID),
        (image(dependencies=[(1, "1.0.0")]), FirmwareProblem.NEEDS_OTHER_IMAGE),
    ],
    ids=[
        "empty",
        "manual",
        "cut_off",
        "dfu_unsigned",
        "image_unsigned",
        "signature",
        "debug",
        "size",
        "byte_order",
        "bootloader",
        "digest",
        "tail",
        "dependency",
    ],
)
def test_what_no_feed_could_offer_a_file_cannot_either(
    data: bytes, reason: FirmwareProblem
) -> None:
    """The checks are the same."""
    assert refused(data)[0] is reason


# What it is for.


@pytest.mark.parametrize(
    ("said", "reason", "details"),
    [
        (
            replace(SAID, model="KL-2"),
            FileProblem.OTHER_MODEL,
            {"found": "KL-2", "expected": "KL-1"},
        ),
        (
            replace(SAID, model=""),
            FileProblem.NOT_SAID,
            {},
        ),
        (
            replace(SAID, model="kl-1"),
            FileProblem.OTHER_MODEL,
            {"found": "kl-1", "expected": "KL-1"},
        ),
        (
            replace(SAID, hardware="A"),
            FileProblem.OTHER_HARDWARE,
            {"found": "A", "expected": "B"},
        ),
        (
            replace(SAID, hardware=""),
            FileProblem.NOT_SAID,
            {},
        ),
        (
            replace(SAID, version="1.1-beta"),
            FileProblem.VERSION_INVALID,
            {"version": "1.1-beta", "installed": "1.0.0"},
        ),
        (
            replace(SAID, version=""),
            FileProblem.NOT_SAID,
            {},
        ),
    ],
)
def test_what_a_person_says_has_to_be_the_lock(
    said: Said, reason: FileProblem, details: dict[str, str]
) -> None:
    """Exactly; and the version one as the lock writes it."""
    assert refused(dfu(), said=said) == (reason, details)


@pytest.mark.parametrize(
    ("traits", "offered", "said", "problem"),
    [
        (Traits(tells_hardware=False), ("A", "B"), "B", None),
        (Traits(tells_hardware=False), ("A",), "B", FileProblem.OTHER_HARDWARE),
        (Traits(tells_hardware=False), (), "B", FileProblem.HARDWARE_UNKNOWN),
        (USUAL, ("A", "B"), "B", FileProblem.HARDWARE_UNKNOWN),
    ],
)
def test_a_lock_whose_model_tells_no_hardware(
    traits: Traits, offered: tuple[str, ...], said: str, problem: FileProblem | None
) -> None:
    """It may have what its vendor makes firmware for; nothing else is taken on trust."""
    known = replace(
        KNOWN,
        identity=replace(IDENTITY, hardware_revision=None),
        traits=traits,
        offered=(
            release(dfu(105), "1.0.5", hardware_revisions=offered, traits=traits),
        ),
    )
    if problem is None:
        _, made = take(dfu(), known, replace(SAID, hardware=said))
        assert made.hardware_revisions == (said,)
        assert made.traits == traits
    else:
        found, _ = refused(dfu(), known, replace(SAID, hardware=said))
        assert found is problem


def test_a_lock_that_does_not_tell_its_hardware() -> None:
    """Nobody could know whether a file fits it."""
    known = replace(KNOWN, identity=replace(IDENTITY, hardware_revision=None))
    assert refused(dfu(), known)[0] is FileProblem.HARDWARE_UNKNOWN


@pytest.mark.parametrize(
    ("fields", "reason", "details"),
    [
        ({"model": "KL-2"}, FileProblem.OTHER_MODEL, {"found": "KL-2"}),
        (
            {"hardware_revisions": ("C", "D")},
            FileProblem.OTHER_HARDWARE,
            {"found": "C, D", "expected": "B"},
        ),
        (
            {"minimum_installed_version": dotted("1.0.7")},
            FileProblem.NEEDS_NEWER_FIRST,
            {"step": "1.0.7", "installed": "1.0.0"},
        ),
    ],
)
def test_what_the_feed_lists_for_something_else(
    fields: dict[str, Any], reason: FileProblem, details: dict[str, str]
) -> None:
    """A person cannot say otherwise."""
    data = dfu()
    known = replace(
        KNOWN, pinned=(PINNED,), offered=(release(data, "1.1.0", **fields),)
    )
    told, found = refused(data, known)
    assert told is reason
    assert found.items() >= details.items()


def test_another_hardware_than_packages_had_before() -> None:
    """Its number is signed; those of this hardware are in the feed, or in the vault."""
    for known in (
        replace(KNOWN, pinned=(PINNED,), offered=(release(dfu(105), "1.0.5"),)),
        replace(KNOWN, ran=(ran(dfu(100)),)),
    ):
        assert refused(dfu(hw_version=51), known) == (
            FirmwareProblem.WRONG_HARDWARE,
            {"expected": "52", "found": "51"},
        )
        assert take(dfu(), known)[0].hardware_version_known
    elsewhere = release(dfu(105), "1.0.5", hardware_revisions=("A",))
    known = replace(KNOWN, pinned=(PINNED,), offered=(elsewhere,))
    assert not take(dfu(hw_version=51), known)[0].hardware_version_known


def test_another_format_than_the_lock_takes() -> None:
    """As far as anything is known of what it takes."""
    known = replace(KNOWN, pinned=(PINNED,), offered=(release(dfu(105), "1.0.5"),))
    assert refused(image(), known) == (
        FileProblem.OTHER_FORMAT,
        {"found": "mcuboot", "expected": "nordic-dfu"},
    )
    assert refused(dfu(), replace(KNOWN, ran=(ran(image("1.0.0")),)))[0] is (
        FileProblem.OTHER_FORMAT
    )


# Whether it is newer.


@pytest.mark.parametrize("version", ["1.0.0", "0.9.9", "1"])
def test_a_file_that_is_not_newer(version: str) -> None:
    """Going back is another matter."""
    reason, details = refused(dfu(), said=replace(SAID, version=version))
    assert reason is FileProblem.NOT_NEWER
    assert details.items() >= {"version": version, "installed": "1.0.0"}.items()


def test_a_lock_whose_version_compares_with_none() -> None:
    """A guess could be a downgrade."""
    known = replace(KNOWN, identity=replace(IDENTITY, firmware_version="beta"))
    assert refused(dfu(), known)[0] is FileProblem.NOT_COMPARABLE


@pytest.mark.parametrize(
    ("counter", "known"),
    [
        (100, replace(KNOWN, floor=floor())),
        (99, replace(KNOWN, floor=floor())),
        (100, replace(KNOWN, ran=(ran(dfu(100)),))),
        (104, replace(KNOWN, floor=floor(counter=104), ran=(ran(dfu(100)),))),
    ],
)
def test_a_package_has_to_prove_that_it_is_newer(
    counter: int, known: KnownLock
) -> None:
    """For its version is only what somebody says, and its counter is signed."""
    reason, details = refused(dfu(counter), known)
    assert reason is FileProblem.COUNTER_NOT_NEWER
    assert int(details["found"]) == counter <= int(details["ran"])
    assert take(dfu(105), known)[1].version.text == "1.1.0"


@pytest.mark.parametrize(
    ("counter", "version", "reason"),
    [
        (100, "1.0.0", None),
        (105, "1.1.0", None),
        (99, "1.0.0", FileProblem.BELOW_FLOOR),
        (99, "1.1.0", FileProblem.BELOW_FLOOR),
    ],
)
def test_a_lock_in_its_bootloader_may_get_what_it_ran(
    counter: int, version: str, reason: FileProblem | None
) -> None:
    """It has nothing to lose by it; what is older it would refuse itself."""
    known = replace(
        KNOWN, purpose=Purpose.RECOVERY, floor=floor(), ran=(ran(dfu(100)),)
    )
    said = replace(SAID, version=version)
    if reason is not None:
        assert refused(dfu(counter), known, said)[0] is reason
        return
    reading, made = take(dfu(counter), known, said)
    assert reading.purpose is Purpose.RECOVERY
    assert made.version.text == version


def test_a_hole_stays_closed_for_a_lock_in_its_bootloader() -> None:
    """Unless it is what it ran: a door that opens sinks no lower."""
    known = replace(
        KNOWN,
        purpose=Purpose.RECOVERY,
        floor=floor(security_version=2),
        pinned=(PINNED,),
    )
    old, ran_last = dfu(100), dfu(101)
    known = replace(known, offered=(release(old, "0.9.0"), release(ran_last, "1.0.0")))
    assert refused(old, known)[0] is FileProblem.BELOW_FLOOR
    assert take(ran_last, known)[0].listed is not None


def test_a_file_takes_as_long_as_other_firmware_for_such_locks() -> None:
    """As far as anybody says so."""
    assert take(dfu(), KNOWN)[1].expected_duration is None
    known = replace(
        KNOWN,
        offered=(
            release(dfu(90), "0.9.0", expected_duration=90),
            release(dfu(100), "1.0.0", expected_duration=120),
            release(image("1.0.0"), "1.0.0", expected_duration=600),
            release(dfu(100), "1.0.0", model="KL-2", expected_duration=900),
        ),
        pinned=(PINNED,),
    )
    assert take(dfu(), known)[1].expected_duration == 120


def test_what_the_feed_lists_may_keep_its_counter() -> None:
    """There its version is signed by the feed."""
    data = dfu(100)
    known = replace(
        KNOWN, floor=floor(), pinned=(PINNED,), offered=(release(data, "1.1.0"),)
    )
    assert take(data, known)[0].listed is not None


def test_an_image_may_keep_its_counter_and_have_no_lower_one() -> None:
    """Its version is signed; the lock would refuse it."""
    known = replace(KNOWN, floor=floor(counter=3))
    take(image(security_counter=3), known)
    assert refused(image(security_counter=2), known)[0] is FileProblem.BELOW_FLOOR


def test_a_version_that_ran_before_and_was_left() -> None:
    """It is newer than what runs, and older than what ran."""
    known = replace(KNOWN, floor=floor("1.2.0", counter=104))
    assert refused(dfu(), known)[0] is FileProblem.BELOW_FLOOR


def test_an_image_is_not_what_somebody_else_calls_it() -> None:
    """It says its version itself."""
    assert refused(image("1.1.0"), said=replace(SAID, version="1.2.0")) == (
        FileProblem.OTHER_VERSION,
        {"version": "1.2.0", "found": "1.1.0"},
    )
    take(image("1.1.0+7"))
    take(image("1.1.0+7"), said=replace(SAID, version="1.1.0.7"))


def test_what_the_feed_says_wrongly_of_a_version_stays_the_feeds() -> None:
    """Then it is the vendor who has to put it right."""
    data = image("1.1.0")
    known = replace(KNOWN, pinned=(PINNED,), offered=(release(data, "1.2.0"),))
    assert refused(data, known)[0] is FirmwareProblem.WRONG_VERSION


# Whatever comes in.

BEFORE_DFU, AFTER_DFU = dfu(100), dfu()
BEFORE_IMAGE, AFTER_IMAGE = image("1.0.0"), image()


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    """And raise nothing else."""
    for beginning in (b"", AFTER_DFU[:40], AFTER_IMAGE[:64]):
        with pytest.raises(NightlatchError):
            take(beginning + data)


@settings(max_examples=200)
@given(mutated(AFTER_DFU))
@example(AFTER_DFU)
def test_an_altered_package_is_refused_or_means_the_same(data: bytes) -> None:
    """What ran before tells, though nobody knows the key."""
    try:
        take(data, replace(KNOWN, ran=(ran(BEFORE_DFU),)))
    except NightlatchError:
        return
    assert read_package(data) == read_package(AFTER_DFU)


@settings(max_examples=200)
@given(mutated(AFTER_IMAGE))
@example(AFTER_IMAGE)
def test_an_altered_image_is_refused_or_means_the_same(data: bytes) -> None:
    """Nothing but erased flash may stand behind it."""
    try:
        take(data, replace(KNOWN, ran=(ran(BEFORE_IMAGE),)))
    except NightlatchError:
        return
    assert data.rstrip(b"\xff") == AFTER_IMAGE.rstrip(b"\xff")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("kl-1_1.1.0.zip", "kl-1_1.1.0.zip"),
        ("../../etc/passwd", "etc_passwd"),
        ("Türschloß 1.1\n.zip", "T_rschlo_1.1_.zip"),
        ('a"b;c\r\nd', "a_b_c_d"),
        ("...", "firmware"),
        ("", "firmware"),
        ("x" * 300, "x" * 60),
    ],
)
def test_a_name_that_is_safe(text: str, name: str) -> None:
    """On every system, and in a header."""
    assert safe_name(text) == name


def test_refusals_are_of_two_families() -> None:
    """Those of the firmware itself, and those of bringing it as a file."""
    with pytest.raises(FirmwareError):
        read_file(b"", KNOWN)
    with pytest.raises(FileError):
        take(dfu(), said=Said())
