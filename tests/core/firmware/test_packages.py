"""One door for artifacts of both formats."""

from datetime import date
import hashlib
from io import BytesIO
import json
from pathlib import Path
from typing import Any
import zipfile

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import FirmwareError, FirmwareProblem
from custom_components.nightlatch.core.firmware.keys import KeyKind
from custom_components.nightlatch.core.firmware.mcuboot import MAGIC, McubootImage
from custom_components.nightlatch.core.firmware.packages import (
    MAX_ARTIFACT_SIZE,
    Inspection,
    inspect_artifact,
    open_artifact,
    signer_of,
    verify_artifact,
)
from custom_components.nightlatch.core.model import Payload, PayloadFormat, Release
from custom_components.nightlatch.core.versions import Version, VersionScheme
from tests.rig.dfu_package import make_package
from tests.rig.mcuboot_image import make_mcuboot_image

from .imgtool_vendor import PINNED_KEYS, tool_image
from .vendor import FW_VERSION, HW_VERSION, IMAGE, KEY, OTHER_KEY, OTHER_PINNED, PINNED

KEYS = tuple(PINNED_KEYS.values())


def package(**knobs: Any) -> bytes:
    """Return a DFU zip."""
    knobs = {
        "key": KEY,
        "fw_version": FW_VERSION,
        "hw_version": HW_VERSION,
        **knobs,
    }
    return make_package(IMAGE, **knobs)


def release(payload: Payload, version: str = "1.2.3") -> Release:
    """Return the release that an artifact should be."""
    return Release(
        vendor="Acme",
        model="ND-100",
        hardware_revisions=("A",),
        version=Version.parse(VersionScheme.DOTTED, version),
        payload=payload,
        released=date(2026, 11, 1),
    )


NORDIC = Payload(
    format=PayloadFormat.NORDIC_DFU,
    hardware_version=HW_VERSION,
    firmware_version=FW_VERSION,
)
MCUBOOT = Payload(format=PayloadFormat.MCUBOOT, firmware_version=7)


def verify(data: bytes, payload: Payload, minimum: int | None = None) -> PayloadFormat:
    """Verify an artifact; return the format that it was verified as."""
    artifact = verify_artifact(
        data, release(payload), keys=KEYS, minimum_firmware_version=minimum
    )
    artifact.check()
    return artifact.format


def reason(data: bytes, payload: Payload, minimum: int | None = None) -> str:
    """Return the reason for which an artifact is refused."""
    with pytest.raises(FirmwareError) as refused:
        verify(data, payload, minimum)
    return refused.value.reason


def test_each_format_is_verified_as_what_the_release_says(tmp_path: Path) -> None:
    """Never as what the file looks like."""
    image = tool_image(tmp_path, security_counter=7)
    assert verify(package(), NORDIC) is PayloadFormat.NORDIC_DFU
    assert verify(image, MCUBOOT) is PayloadFormat.MCUBOOT
    for data, payload, problem, detail in (
        (
            image,
            NORDIC,
            FirmwareProblem.NOT_A_PACKAGE,
            "it is an image of MCUboot",
        ),
        (
            package(),
            MCUBOOT,
            FirmwareProblem.IMAGE_INVALID,
            "it is a DFU package of Nordic's",
        ),
    ):
        with pytest.raises(FirmwareError) as refused:
            verify(data, payload)
        assert refused.value.reason is problem
        assert refused.value.details == {"detail": detail}


def test_an_image_in_a_zip_is_taken_out_of_it(tmp_path: Path) -> None:
    """As the nRF Connect SDK packs it; what is proven is the image."""
    image = tool_image(tmp_path, security_counter=7)
    manifest = {"format-version": 0, "files": [{"file": "app.bin"}]}
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        archive.writestr("app.bin", image)
    data = packed.getvalue()
    opened = open_artifact(data)
    assert isinstance(opened, McubootImage)
    assert opened.data == image
    assert verify(data, MCUBOOT) is PayloadFormat.MCUBOOT
    assert inspect_artifact(data).zipped


def test_what_the_feed_says_is_held_against_the_artifact(tmp_path: Path) -> None:
    """For either format."""
    image = tool_image(tmp_path, security_counter=8)
    assert reason(image, MCUBOOT) is FirmwareProblem.WRONG_VERSION
    assert reason(package(fw_version=3), NORDIC) is FirmwareProblem.WRONG_VERSION
    assert reason(package(hw_version=3), NORDIC) is FirmwareProblem.WRONG_HARDWARE


@pytest.mark.parametrize("above", [False, True])
def test_the_floor_holds_for_both(above: bool, tmp_path: Path) -> None:
    """Whatever the counter is called."""
    image = tool_image(tmp_path, security_counter=7)
    for data, payload in ((package(), NORDIC), (image, MCUBOOT)):
        floor = payload.firmware_version + above
        if above:
            assert reason(data, payload, floor) is FirmwareProblem.DOWNGRADE
        else:
            assert verify(data, payload, floor)


def test_a_package_says_what_it_is() -> None:
    """Without anybody vouching for it."""
    data = package(key=OTHER_KEY)
    assert inspect_artifact(data) == Inspection(
        format=PayloadFormat.NORDIC_DFU,
        hardware_version=HW_VERSION,
        firmware_version=FW_VERSION,
        version=None,
        signature=KeyKind.ECDSA_P256,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        zipped=True,
    )


@pytest.mark.parametrize("kind", KeyKind)
@pytest.mark.parametrize("counter", [None, 7])
def test_an_image_says_what_it_is(
    kind: KeyKind, counter: int | None, tmp_path: Path
) -> None:
    """Without anybody vouching for it."""
    data = tool_image(tmp_path, kind, security_counter=counter)
    assert inspect_artifact(data) == Inspection(
        format=PayloadFormat.MCUBOOT,
        hardware_version=None,
        firmware_version=counter or 0,
        version="1.2.3+4",
        signature=kind,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        zipped=False,
    )


def test_what_is_not_signed_is_not_looked_at_further() -> None:
    """It could not be installed anyway."""
    unsigned = make_mcuboot_image(IMAGE, key=KEY, unsigned=True)
    for data in (package(unsigned=True), unsigned):
        with pytest.raises(FirmwareError) as refused:
            inspect_artifact(data)
        assert refused.value.reason is FirmwareProblem.NOT_SIGNED


def test_a_signature_of_another_type_is_said_to_be_one() -> None:
    """No bootloader of Nordic's takes it."""
    with pytest.raises(FirmwareError) as refused:
        inspect_artifact(package(signature_type=1))
    assert refused.value.reason is FirmwareProblem.SIGNATURE_TYPE
    assert refused.value.details == {"found": "1"}


def test_the_signer_is_found_among_keys(tmp_path: Path) -> None:
    """Of all kinds at once."""
    keys = (OTHER_PINNED, *KEYS)
    assert signer_of(package(), keys) == PINNED
    for kind, key in PINNED_KEYS.items():
        assert signer_of(tool_image(tmp_path, kind), keys) == key
    for data in (package(), tool_image(tmp_path)):
        with pytest.raises(FirmwareError) as refused:
            signer_of(data, (OTHER_PINNED, PINNED_KEYS[KeyKind.ED25519]))
        assert refused.value.reason is FirmwareProblem.SIGNATURE_INVALID


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", MAGIC]))
def test_whatever_else_it_is_it_is_refused(data: bytes, start: bytes) -> None:
    """And raises nothing but a refusal."""
    with pytest.raises(FirmwareError):
        inspect_artifact(start + data)


def test_what_begins_like_neither_is_no_artifact() -> None:
    """Nothing is guessed."""
    with pytest.raises(FirmwareError) as refused:
        inspect_artifact(IMAGE)
    assert refused.value.reason is FirmwareProblem.NOT_A_PACKAGE


def test_what_is_larger_than_any_artifact_is_not_looked_at() -> None:
    """Whatever it is; the largest that there may be still is."""
    with pytest.raises(FirmwareError) as refused:
        open_artifact(bytes(MAX_ARTIFACT_SIZE + 1))
    assert refused.value.reason is FirmwareProblem.TOO_LARGE
    assert refused.value.details == {
        "size": str(MAX_ARTIFACT_SIZE + 1),
        "limit": str(MAX_ARTIFACT_SIZE),
    }
    with pytest.raises(FirmwareError) as refused:
        open_artifact(bytes(MAX_ARTIFACT_SIZE))
    assert refused.value.reason is FirmwareProblem.NOT_A_PACKAGE


def test_the_largest_artifact_is_that_of_the_larger_format() -> None:
    """Whoever reads files goes by it."""
    assert MAX_ARTIFACT_SIZE == 4 * 1024 * 1024
