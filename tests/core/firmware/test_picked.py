"""Files as people really pick them: what is read, and what each of the others is called."""

from collections.abc import Callable, Mapping
import io
import json
from pathlib import Path
import stat
import subprocess
from typing import Any
import zipfile

from hypothesis import example, given
import pytest

from custom_components.nightlatch.core.errors import FirmwareError, FirmwareProblem
from custom_components.nightlatch.core.firmware.continuity import (
    Ran,
    Signer,
    same_signer,
)
from custom_components.nightlatch.core.firmware.keys import KeyKind
from custom_components.nightlatch.core.firmware.mcuboot import McubootImage
from custom_components.nightlatch.core.firmware.nordic import NordicPackage
from custom_components.nightlatch.core.firmware.packages import (
    inspect_artifact,
    open_artifact,
    signer_of,
    verify_artifact,
)
from custom_components.nightlatch.core.model import Payload, PayloadFormat
from tests.rig.crafted_zip import CraftedMember, craft_zip
from tests.rig.dfu_package import make_init_packet, make_manifest
from tests.rig.mcuboot_image import make_mcuboot_image

from .imgtool_vendor import PINNED_KEYS, tool_image
from .test_nordic_properties import mutated
from .test_packages import release
from .vendor import FW_VERSION, HW_VERSION, IMAGE, KEY, PINNED

INIT_PACKET = make_init_packet(
    IMAGE, key=KEY, fw_version=FW_VERSION, hw_version=HW_VERSION
)
MANIFEST = make_manifest("application", bin_file="kl1.bin", dat_file="kl1.dat")
DFU: Mapping[str, bytes] = {
    "kl1.bin": IMAGE,
    "kl1.dat": INIT_PACKET,
    "manifest.json": MANIFEST,
}
OWN_HEADER = bytes.fromhex("55dfbf01") + bytes(28)


def zipped(files: Mapping[str, bytes], *, comment: bytes = b"") -> bytes:
    """Zip files as Python does, which the nRF Connect SDK uses too."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = comment
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def sdk_manifest(*images: dict[str, Any], **more: Any) -> bytes:
    """Return a manifest as the nRF Connect SDK writes them."""
    files = [
        {
            "type": "application",
            "board": "kestrel_one",
            "soc": "nRF52840",
            "load_address": 0xC200,
            "image_index": "0",
            "slot_index_primary": "1",
            "slot_index_secondary": "2",
            "version_MCUBOOT": "1.2.3+4",
            "size": 5000,
            "file": "app_update.bin",
            "modtime": 1796000000,
            **image,
        }
        for image in images
    ]
    return json.dumps(
        {"format-version": 0, "time": 1796000000, "files": files, **more}, indent=4
    ).encode()


def sdk_zip(image: bytes, *images: dict[str, Any], **more: Any) -> bytes:
    """Return a ``dfu_application.zip``."""
    manifest = sdk_manifest(*(images or ({},)), **more)
    return zipped({"app_update.bin": image, "manifest.json": manifest})


def refusal(data: bytes) -> FirmwareError:
    """Return why a file is refused; it must be."""
    with pytest.raises(FirmwareError) as refused:
        inspect_artifact(data)
    return refused.value


def why(data: bytes) -> tuple[FirmwareProblem, str]:
    """Return the reason, and what is told of it."""
    error = refusal(data)
    return error.reason, error.details.get("detail", "")


# Zips of the nRF Connect SDK.


@pytest.mark.parametrize("kind", KeyKind)
@pytest.mark.parametrize("counter", [None, 7])
def test_the_image_in_a_zip_of_the_sdk_is_the_image(
    kind: KeyKind, counter: int | None, tmp_path: Path
) -> None:
    """The very bytes that MCUboot's tool has made are what is verified and sent."""
    image = tool_image(tmp_path, kind, security_counter=counter)
    data = sdk_zip(image)
    inside, plain = inspect_artifact(data), inspect_artifact(image)
    assert inside.zipped
    assert not plain.zipped
    assert inside.format is PayloadFormat.MCUBOOT
    assert (inside.version, inside.firmware_version, inside.signature) == (
        plain.version,
        plain.firmware_version,
        plain.signature,
    )
    # What is kept, and what a feed names, is the file.
    assert inside.size == len(data)
    assert inside.sha256 != plain.sha256
    payload = Payload(format=PayloadFormat.MCUBOOT, firmware_version=counter or 0)
    artifact = verify_artifact(
        data,
        release(payload),
        keys=tuple(PINNED_KEYS.values()),
        minimum_firmware_version=None,
    )
    assert artifact.firmware == image
    assert artifact.key_fingerprint == PINNED_KEYS[kind].fingerprint
    assert signer_of(data, tuple(PINNED_KEYS.values())) == PINNED_KEYS[kind]


def test_a_signer_is_recognised_in_and_out_of_a_zip(tmp_path: Path) -> None:
    """What ran may have come as either."""
    first = tool_image(tmp_path, version="1.0.0")
    second = tool_image(tmp_path)
    for before, after in ((first, sdk_zip(second)), (sdk_zip(first), second)):
        found = same_signer([Ran(data=before)], after)
        assert (found.signer, found.key) == (Signer.SAME, PINNED)
    first = tool_image(tmp_path, KeyKind.ED25519, version="1.0.0")
    second = tool_image(tmp_path, KeyKind.ED25519)
    assert same_signer([Ran(data=first)], sdk_zip(second)).names_same_key


@pytest.mark.parametrize(
    "image",
    [{}, {"image_index": 0}, {"type": "mcuboot", "version": "1"}, {"slot": "0"}],
)
@pytest.mark.parametrize("more", [{}, {"format-version": 1}, {"name": "Kestrel One"}])
def test_what_else_the_sdk_writes_does_not_matter(
    image: dict[str, Any], more: dict[str, Any], tmp_path: Path
) -> None:
    """Its versions differ in that."""
    signed = tool_image(tmp_path)
    assert open_artifact(sdk_zip(signed, image, **more)) == open_artifact(signed)


@pytest.mark.parametrize("count", [2, 3])
def test_an_update_of_several_cores_is_none_of_one(count: int, tmp_path: Path) -> None:
    """To send one of them could leave a lock with two that do not fit together."""
    images = [
        {"image_index": str(index), "file": f"{index}.bin"} for index in range(count)
    ]
    error = refusal(sdk_zip(tool_image(tmp_path), *images))
    assert error.reason is FirmwareProblem.SEVERAL_IMAGES
    assert error.details == {"count": str(count)}


@pytest.mark.parametrize("index", ["1", 1, True, False, None, "x" * 99, "0\x1b[2J"])
def test_an_image_for_another_core_is_none_for_the_application(
    index: object, tmp_path: Path
) -> None:
    """Whatever its number looks like."""
    error = refusal(sdk_zip(tool_image(tmp_path), {"image_index": index}))
    assert error.reason is FirmwareProblem.WRONG_TYPE
    assert error.details["found"].isprintable()
    assert len(error.details["found"]) < 30


@pytest.mark.parametrize(
    ("manifest", "detail"),
    [
        ({"format-version": 2}, "its format is newer than this Nightlatch"),
        ({"format-version": True}, "its format is newer than this Nightlatch"),
        ({"format-version": "0"}, "its format is newer than this Nightlatch"),
        ({"format-version": [0]}, "its format is newer than this Nightlatch"),
        ({"files": []}, "it names no image"),
        ({"files": {}}, "it names no image"),
        ({"files": ["app_update.bin"]}, "it does not say what its image is"),
        ({"files": [{}]}, "a file name is no text"),
        ({"files": [{"file": 1}]}, "a file name is no text"),
        ({"files": [{"file": "x"}]}, "it does not name each file of the package once"),
        (
            {"files": [{"file": "manifest.json"}]},
            "it does not name each file of the package once",
        ),
    ],
)
def test_a_manifest_that_does_not_say_what_is_what(
    manifest: dict[str, Any], detail: str, tmp_path: Path
) -> None:
    """Nothing is guessed."""
    data = sdk_zip(tool_image(tmp_path), **manifest)
    assert why(data) == (FirmwareProblem.MANIFEST_INVALID, detail)


def test_what_is_no_image_of_mcuboot_is_none_in_a_zip_either(tmp_path: Path) -> None:
    """As for other boot loaders, or for a programmer."""
    image = tool_image(tmp_path)
    assert refusal(sdk_zip(b"suit")).reason is FirmwareProblem.IMAGE_INVALID
    assert refusal(sdk_zip(b"")).reason is FirmwareProblem.IMAGE_INVALID
    assert refusal(sdk_zip(OWN_HEADER + image)).reason is FirmwareProblem.OWN_HEADER
    padded = tool_image(tmp_path, pad=True)
    assert refusal(sdk_zip(padded)).reason is FirmwareProblem.PADDED


def test_a_zip_of_the_sdk_is_none_of_nordics_dfu(tmp_path: Path) -> None:
    """And the other way round: what the feed says counts."""
    data = sdk_zip(tool_image(tmp_path))
    nordic = Payload(
        format=PayloadFormat.NORDIC_DFU,
        hardware_version=HW_VERSION,
        firmware_version=FW_VERSION,
    )
    for artifact, payload in (
        (data, nordic),
        (zipped(DFU), Payload(format=PayloadFormat.MCUBOOT, firmware_version=0)),
    ):
        with pytest.raises(FirmwareError) as refused:
            verify_artifact(
                artifact,
                release(payload),
                keys=(PINNED,),
                minimum_firmware_version=None,
            )
        assert refused.value.reason in {
            FirmwareProblem.NOT_A_PACKAGE,
            FirmwareProblem.IMAGE_INVALID,
        }


SIGNED = make_mcuboot_image(IMAGE, key=KEY, version="1.2.3")
SIGNED_ZIP = sdk_zip(SIGNED)


@given(mutated(SIGNED_ZIP))
@example(SIGNED_ZIP)
def test_an_altered_zip_is_refused_or_means_the_same(data: bytes) -> None:
    """What a zip and its manifest say may change; the image may not."""
    payload = Payload(format=PayloadFormat.MCUBOOT, firmware_version=0)
    try:
        artifact = verify_artifact(
            data, release(payload), keys=(PINNED,), minimum_firmware_version=None
        )
    except FirmwareError:
        return
    assert artifact.firmware == SIGNED


# What does no harm.


def in_a_folder(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of a folder, with an entry for the folder itself."""
    return zipped(
        {
            "Türschloss 1.1/": b"",
            **{f"Türschloss 1.1/{name}": data for name, data in files.items()},
        }
    )


def as_a_mac_does(files: Mapping[str, bytes]) -> bytes:
    """Return a zip with what macOS keeps beside each file, sizes behind the data."""
    kept = {
        **{f"kl1/{name}": data for name, data in files.items()},
        "kl1/.DS_Store": b"\0\0\0\1Bud1",
        **{f"__MACOSX/kl1/._{name}": b"\0\5\26\7" for name in files},
        "__MACOSX/._kl1": b"\0\5\26\7",
    }
    return craft_zip(
        [
            CraftedMember(
                name=name.encode(),
                data=data,
                flags=8,
                local_size=0,
                descriptor=b"PK\x07\x08" + bytes(12),
                external_attributes=(stat.S_IFREG | 0o644) << 16,
            )
            for name, data in kept.items()
        ]
    )


HARMLESS: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "plain": zipped,
    "readme": lambda files: zipped({"README": b"Hello", **files}),
    "note": lambda files: zipped({**files, "note.txt": b"Hello"}),
    "notes": lambda files: zipped(
        {**files, "LIES MICH für Türen.TXT": b"", "docs/kl1.pdf": b"%PDF", "a.md5": b""}
    ),
    "comment": lambda files: zipped(files, comment=b"Kestrel Locks, 1.1.0"),
    "longest-comment": lambda files: zipped(files, comment=b"x" * 65_535),
    "folder": in_a_folder,
    "note-outside": lambda files: zipped(
        {**{f"kl1/{name}": data for name, data in files.items()}, "note.txt": b""}
    ),
    "deep": lambda files: zipped(
        {f"release/kl1/{name}": data for name, data in files.items()}
    ),
    "mac": as_a_mac_does,
    "windows": lambda files: zipped(
        {**files, "Thumbs.db": b"\xd0\xcf", "desktop.ini": b"[]"}
    ),
    "byte-order-mark": lambda files: zipped(
        {**files, "manifest.json": b"\xef\xbb\xbf" + files["manifest.json"]}
    ),
}
each_harmless = pytest.mark.parametrize("make", HARMLESS.values(), ids=HARMLESS)


@each_harmless
def test_what_does_no_harm_to_a_dfu_package_is_passed_over(
    make: Callable[[Mapping[str, bytes]], bytes],
) -> None:
    """What is sent stays the same."""
    assert open_artifact(make(DFU)) == NordicPackage(
        init_packet=INIT_PACKET, firmware=IMAGE
    )


@each_harmless
def test_what_does_no_harm_to_a_zip_of_the_sdk_is_passed_over(
    make: Callable[[Mapping[str, bytes]], bytes], tmp_path: Path
) -> None:
    """What is sent stays the same."""
    image = tool_image(tmp_path)
    files = {"app_update.bin": image, "manifest.json": sdk_manifest({})}
    opened = open_artifact(make(files))
    assert isinstance(opened, McubootImage)
    assert opened.data == image


def test_a_folder_that_an_ordinary_tool_has_zipped_is_read(tmp_path: Path) -> None:
    """With its times, its rights and its comment."""
    folder = tmp_path / "Kestrel One 1.1.0"
    folder.mkdir()
    for name, data in DFU.items():
        (folder / name).write_bytes(data)
    (folder / "README.md").write_text("Hello")
    file = tmp_path / "kl1.zip"
    subprocess.run(
        ["zip", "-q", "-r", "-z", file, folder.name],
        cwd=tmp_path,
        input=b"Kestrel Locks\n",
        check=True,
    )
    assert isinstance(open_artifact(file.read_bytes()), NordicPackage)


@pytest.mark.parametrize(
    ("more", "member"),
    [
        ({"bootloader.bin": b"x"}, "bootloader.bin"),
        ({"softdevice.hex": b":00"}, "softdevice.hex"),
        ({"kl1/kl1.bin": b"x"}, "kl1/kl1.bin"),
        ({"install.sh": b"#!/bin/sh"}, "install.sh"),
    ],
)
def test_what_may_be_a_part_of_the_update_is_not_passed_over(
    more: dict[str, bytes], member: str
) -> None:
    """Half an update is none."""
    error = refusal(zipped({**DFU, **more}))
    assert error.reason is FirmwareProblem.MEMBER_REFUSED
    assert error.details["member"] == member


# What is something else.


def other_parts(*parts: str) -> bytes:
    """Return a DFU zip with other images, or more."""
    manifest = make_manifest(*parts, bin_file="kl1.bin", dat_file="kl1.dat")
    return zipped({**DFU, "manifest.json": manifest})


def test_other_parts_beside_the_application_are_named() -> None:
    """A lock that has lost them does not come back."""
    error = refusal(other_parts("application", "softdevice_bootloader"))
    assert error.reason is FirmwareProblem.WRONG_TYPE
    assert error.details == {"found": "softdevice_bootloader"}


@pytest.mark.parametrize(
    "data",
    [
        OWN_HEADER + zipped(DFU),
        OWN_HEADER,
        b"KESTREL1" + zipped(DFU),
        zipped({**DFU, "kl1.dat": OWN_HEADER + INIT_PACKET}),
    ],
    ids=["zip", "alone", "another", "init-packet"],
)
def test_a_makers_own_header_is_called_that(data: bytes) -> None:
    """Only the maker's app takes it off."""
    assert refusal(data).reason is FirmwareProblem.OWN_HEADER


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"", "it is empty"),
        (
            b":020000040000FA\r\n:10000000",
            "it is a hex file, which is for a programmer on a cable",
        ),
        (b"UF2\nWQ]\x9e", "it is a UF2 file, which is for a programmer on a cable"),
        (b"\x7fELF\1\1\1", "it is an ELF file, which is for a programmer on a cable"),
        (b"%PDF-1.7\n", "it is a PDF"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "it is an archive of another kind than zip"),
        (b"Rar!\x1a\7\1\0", "it is an archive of another kind than zip"),
        (b"\x1f\x8b\x08\0", "it is an archive of another kind than zip"),
        (b"1.1.0: opens the door at once\n", "it is a text"),
        ("ö".encode() * 4000, "it is a text"),
        (b"x" + "ö".encode() * 4000, "it is a text"),
        (b"\n<!DOCTYPE html><html>", "it is a web page"),
        (
            b"\x00\x00\x04\x20\x01\x02\x00\x00" * 99,
            "it is a binary without the header of an image of MCUboot",
        ),
        (
            b"\xff\xfe\xfd" * 3000,
            "it is a binary without the header of an image of MCUboot",
        ),
        (zipped({"kl1.dat": INIT_PACKET}), "it is a zip without a manifest"),
        (
            zipped({"KL-1/dfu_application.zip": zipped(DFU), "KL-1/manual.pdf": b""}),
            (
                "it is a zip without a manifest, around other files; unpack it and see "
                "whether one of them is the right one"
            ),
        ),
        (
            zipped({f"{model}/manifest.json": MANIFEST for model in ("a", "b", "c")}),
            "it is a zip with 3 packages in it",
        ),
    ],
)
def test_everything_else_is_called_what_it_is(data: bytes, detail: str) -> None:
    """So that a person knows what to look for instead."""
    assert why(data) == (FirmwareProblem.NOT_A_PACKAGE, detail)
