"""A DFU zip is read in one way only, and never costs more than it may."""

from collections.abc import Callable
import json
from random import Random
import stat
import threading
from typing import Any
import zipfile
import zlib

import pytest

from custom_components.nightlatch.core.errors import FirmwareProblem
from custom_components.nightlatch.core.firmware.nordic import (
    MAX_FIRMWARE_SIZE,
    MAX_PACKAGE_SIZE,
    read_package,
)
from custom_components.nightlatch.core.firmware.zip_package import MAX_MANIFEST_SIZE
from tests.rig.crafted_zip import CraftedMember, craft_zip, deflate
from tests.rig.dfu_package import make_init_packet, make_manifest, make_package

from .vendor import FW_VERSION, HW_VERSION, IMAGE, KEY, reason, refusal, verify

INIT_PACKET = make_init_packet(
    IMAGE, key=KEY, fw_version=FW_VERSION, hw_version=HW_VERSION
)
MANIFEST = make_manifest("application", bin_file="lock.bin", dat_file="lock.dat")
FILES = {"bin_file": "lock.bin", "dat_file": "lock.dat"}


def package(image: bytes = IMAGE, **knobs: Any) -> bytes:
    """Return the vendor's zip, with something about it turned away from right."""
    return make_package(
        image, key=KEY, fw_version=FW_VERSION, hw_version=HW_VERSION, **knobs
    )


def manifest_of(document: object) -> bytes:
    """Return a zip with another manifest."""
    return package(manifest=json.dumps(document).encode())


def crafted(
    *extra: CraftedMember,
    binary: dict[str, Any] | None = None,
    **knobs: Any,
) -> bytes:
    """Return a zip written by hand; ``binary`` are lies told of ``lock.bin``."""
    return craft_zip(
        [
            CraftedMember(**{"name": b"lock.bin", "data": IMAGE} | (binary or {})),
            CraftedMember(name=b"lock.dat", data=INIT_PACKET),
            CraftedMember(name=b"manifest.json", data=MANIFEST),
            *extra,
        ],
        **knobs,
    )


@pytest.fixture
def inflated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect how many bytes come out of each inflater."""
    sizes: list[int] = []
    make: Callable[[int], Any] = zlib.decompressobj

    class Counting:
        def __init__(self, wbits: int) -> None:
            self._inner = make(wbits)

        def decompress(self, data: bytes, max_length: int) -> bytes:
            result: bytes = self._inner.decompress(data, max_length)
            sizes.append(len(result))
            return result

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    monkeypatch.setattr(zlib, "decompressobj", Counting)
    return sizes


@pytest.mark.parametrize("compress", [True, False], ids=["deflated", "stored"])
def test_a_package_is_taken_apart(compress: bool) -> None:
    """Both parts come out as they went in."""
    read = read_package(package(compress=compress))
    assert read.firmware == IMAGE
    assert read.init_packet == INIT_PACKET
    verify(read)


@pytest.mark.parametrize(
    "binary",
    [
        pytest.param({}, id="plain"),
        pytest.param({"extra": b"UT\x05\x00\x03abcd"}, id="local-extra-field"),
        pytest.param({"external_attributes": 0o100644 << 16}, id="regular-file"),
        pytest.param(
            {"flags": 8, "local_size": 0, "descriptor": bytes(12)}, id="descriptor-12"
        ),
        pytest.param(
            {"flags": 8, "local_size": 0, "descriptor": b"PK\x07\x08" + bytes(12)},
            id="descriptor-16",
        ),
    ],
)
def test_zips_of_other_tools_are_read(binary: dict[str, Any]) -> None:
    """They differ in extra fields, file modes and where sizes stand."""
    assert read_package(crafted(binary=binary)).firmware == IMAGE


def test_any_plain_file_names_will_do() -> None:
    """The manifest decides what is what, not the names."""
    name = "Front door (rev. B) v2.1.0+7.bin"
    assert read_package(package(bin_file=name)).firmware == IMAGE


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(IMAGE, id="binary"),
        pytest.param(INIT_PACKET, id="init-packet"),
        pytest.param(b"PK\x03\x04", id="start-only"),
        pytest.param(b"PK\x05\x06" + bytes(18), id="zip-of-nothing"),
        pytest.param(b"PK\x03\x04" + bytes(100), id="no-directory"),
        pytest.param(package()[:-1], id="cut"),
        pytest.param(package()[1:], id="beheaded"),
        pytest.param(package() + b"\x00", id="extended"),
        pytest.param(package() * 2, id="two-zips"),
        pytest.param(
            crafted(comment=b"hello", comment_length=4), id="behind-the-comment"
        ),
        pytest.param(crafted(comment=crafted()), id="another-zip-as-comment"),
        pytest.param(crafted(prefix=b"#!/bin/sh\n"), id="prefix"),
        pytest.param(crafted(prefix=crafted()), id="another-zip-before"),
        pytest.param(crafted(before_directory=b"x"), id="gap"),
        pytest.param(crafted(after_directory=b"x"), id="after-directory"),
        pytest.param(crafted(count=2), id="too-low-count"),
        pytest.param(crafted(count=4), id="too-high-count"),
        pytest.param(crafted(disk=1), id="several-disks"),
        pytest.param(crafted(directory_offset=0), id="directory-at-0"),
        pytest.param(crafted(directory_offset=0xFFFF_FFFF), id="zip64"),
        pytest.param(crafted(binary={"disk": 1}), id="member-on-disk-1"),
        pytest.param(crafted(binary={"offset": 1}), id="first-member-at-1"),
        pytest.param(crafted(binary={"offset": 0x7FFF_FFFF}), id="member-outside"),
        pytest.param(crafted(comment_length=1), id="comment-cut-off"),
        pytest.param(crafted(end_signature=b"PK\x05\x07"), id="no-end-record"),
        pytest.param(crafted(directory_size=1), id="directory-of-one-byte"),
        pytest.param(crafted(binary={"signature": b"PK\x01\x03"}), id="no-entry"),
        pytest.param(
            crafted(CraftedMember(name=b"x", absent=True, offset=0x7FFF_FFFF)),
            id="member-behind-the-end",
        ),
        pytest.param(
            crafted(CraftedMember(name=b"x", absent=True, offset=len(crafted()))),
            id="member-behind-the-directory",
        ),
        pytest.param(
            crafted(CraftedMember(name=b"x", absent=True)),
            id="member-where-the-directory-is",
        ),
        pytest.param(
            crafted(CraftedMember(name=b"x", absent=True, offset=0)),
            id="two-members-in-one-place",
        ),
        pytest.param(
            crafted(CraftedMember(name=b"x", absent=True, offset=10)),
            id="member-within-a-header",
        ),
        pytest.param(
            crafted(CraftedMember(name=b"x", absent=True, offset=100)),
            id="member-within-another",
        ),
        pytest.param(
            crafted(binary={"compressed_size": 3}), id="member-shorter-than-its-place"
        ),
        pytest.param(
            crafted(binary={"compressed_size": 0x7FFF_FFFF}), id="member-beyond-the-end"
        ),
        pytest.param(crafted(binary={"descriptor": b"x"}), id="unannounced-descriptor"),
        pytest.param(
            crafted(binary={"flags": 8, "descriptor": b"x"}), id="odd-descriptor"
        ),
        pytest.param(
            crafted(binary={"local_signature": b"PK\x01\x02"}), id="no-local-header"
        ),
        pytest.param(
            craft_zip([CraftedMember(name=str(i).encode()) for i in range(65)]),
            id="65-members",
        ),
        pytest.param(
            craft_zip(
                [
                    CraftedMember(name=b"lock.bin", data=IMAGE),
                    CraftedMember(name=b"lock.dat", data=INIT_PACKET),
                ]
            ),
            id="no-manifest",
        ),
    ],
)
def test_what_is_no_plain_zip_is_refused(data: bytes) -> None:
    """Every byte must have its one place."""
    assert reason(data) is FirmwareProblem.NOT_A_PACKAGE


@pytest.mark.parametrize(
    "name",
    [
        "../lock.bin",
        "..",
        ".",
        ".hidden",
        "a/b",
        "/etc/passwd",
        "a\\b",
        "\\\\server\\share",
        "C:lock.bin",
        "C:\\lock.bin",
        "folder/",
        "folder//lock.bin",
        "folder/../lock.bin",
        "lock\tbin",
        "lock\x7fbin",
        "Schloß.bin",
        "x" * 101,
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    """Though nothing is ever unpacked into a file."""
    assert reason(package(extra_members=[(name, b"x")])) is (
        FirmwareProblem.MEMBER_REFUSED
    )
    assert reason(package(bin_file=name)) is FirmwareProblem.MEMBER_REFUSED


@pytest.mark.parametrize("name", [b"", b"lock\x00.bin", b"lock.bin\x00", b"\xff\xfe"])
def test_a_name_that_is_no_text_is_refused(name: bytes) -> None:
    """Zip tools cut names at NUL, each in its own way."""
    refused = refusal(crafted(CraftedMember(name=name)))
    assert refused.reason is FirmwareProblem.MEMBER_REFUSED
    assert refused.details["detail"] == "its name is no plain file name"


@pytest.mark.parametrize(
    ("binary", "detail"),
    [
        ({"flags": 1}, "it is encrypted"),
        ({"flags": 1 << 6}, "it is encrypted"),
        ({"flags": 1 << 13}, "it is encrypted"),
        ({"method": 12}, "its compression is unknown"),
        ({"method": 99}, "its compression is unknown"),
        ({"external_attributes": stat.S_IFLNK << 16}, "it is no regular file"),
        ({"external_attributes": stat.S_IFDIR << 16}, "it is no regular file"),
        ({"external_attributes": stat.S_IFIFO << 16}, "it is no regular file"),
        ({"local_name": b"evil.bin"}, "the zip describes it in two ways"),
        ({"local_method": 0}, "the zip describes it in two ways"),
        ({"local_size": 1}, "the zip describes it in two ways"),
        ({"crc": 1}, "its checksum is wrong"),
        ({"raw": b"\xff" * 8}, "its data are damaged"),
        ({"raw": deflate(IMAGE)[:-1]}, "its data are damaged"),
        ({"raw": deflate(IMAGE) + b"x"}, "its data are damaged"),
        ({"raw": b""}, "its data are damaged"),
        ({"size": len(IMAGE) + 1}, "its size is not the declared one"),
        ({"size": len(IMAGE) - 1}, "its size is not the declared one"),
        ({"size": 0}, "its size is not the declared one"),
        ({"method": 0, "size": 1}, "its size is not the declared one"),
        ({"data": b""}, "it is empty"),
    ],
)
def test_a_member_that_is_not_what_it_seems_is_refused(
    binary: dict[str, Any], detail: str
) -> None:
    """The detail says what is wrong with it, and the member is named."""
    refused = refusal(crafted(binary=binary))
    assert refused.reason is FirmwareProblem.MEMBER_REFUSED
    assert refused.details == {"member": "lock.bin", "detail": detail}


def test_a_checksum_that_fits_a_part_does_not_help() -> None:
    """Data behind the declared end are seen, even if the declared part is consistent."""
    part = IMAGE[:100]
    binary = {"size": len(part), "crc": zlib.crc32(part)}
    assert refusal(crafted(binary=binary)).details["detail"] == (
        "its size is not the declared one"
    )


def test_a_symbolic_link_of_an_ordinary_tool_is_refused() -> None:
    """It is a member like any other, until something follows it."""
    link = zipfile.ZipInfo("lock.dat")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert reason(
        package(dat_file="x.dat", extra_members=[(link, b"/etc/passwd")])
    ) is (FirmwareProblem.MEMBER_REFUSED)


@pytest.mark.parametrize("name", ["lock.bin", "lock.dat", "manifest.json"])
def test_a_member_that_comes_twice_is_refused(name: str) -> None:
    """Which of the two counts would depend on the reader."""
    refused = refusal(package(extra_members=[(name, b"x")]))
    assert refused.reason is FirmwareProblem.MEMBER_REFUSED
    assert refused.details == {"member": name, "detail": "its name comes twice"}


@pytest.mark.parametrize(
    "name", ["extra", "Lock.bin", "manifest.json2", "more/lock.bin", "txt", "a.txt.bin"]
)
def test_a_member_that_the_manifest_does_not_name_is_refused(name: str) -> None:
    """It may be a part of the update, and would be left out."""
    refused = refusal(package(extra_members=[(name, b"x")]))
    assert refused.reason is FirmwareProblem.MEMBER_REFUSED
    assert refused.details == {
        "member": name,
        "detail": "the manifest does not name it",
    }


def test_a_refused_name_is_made_fit_to_be_shown() -> None:
    """Whoever made the zip does not write into the log."""
    refused = refusal(crafted(CraftedMember(name=b"\x1b[2J\n" + b"x" * 200)))
    assert refused.details["member"] == "\\x1b[2J\\n" + "x" * 35


@pytest.mark.parametrize(
    "member",
    [
        CraftedMember(name=b"folder/", data=b"x"),
        CraftedMember(name=b"folder/", size=0, raw=deflate(b"x")),
        CraftedMember(name=b"folder/", raw=b"x", size=0, method=0),
    ],
)
def test_a_folder_with_data_of_its_own_is_refused(member: CraftedMember) -> None:
    """No tool makes one, and nobody would see them."""
    refused = refusal(crafted(member))
    assert refused.reason is FirmwareProblem.MEMBER_REFUSED
    assert refused.details["member"] == "folder/"


def test_two_folders_of_one_name_are_refused() -> None:
    """As are two files."""
    folder = CraftedMember(name=b"folder/")
    assert refusal(crafted(folder, folder)).details["detail"] == "its name comes twice"


@pytest.mark.parametrize(
    "manifest",
    [
        {"application": FILES, "dfu_version": 0.5},
        {"application": FILES | {"init_packet_data": {}}},
        {"dfu_version": 0.5, "softdevice_bootloader": FILES},
    ],
)
def test_a_package_for_legacy_dfu_is_called_that(manifest: dict[str, Any]) -> None:
    """It carries no signature, whatever else it holds."""
    data = manifest_of({"manifest": manifest})
    assert refusal(data).reason is FirmwareProblem.LEGACY_DFU
    assert refusal(data).details == {}


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (("bootloader",), "bootloader"),
        (("softdevice",), "softdevice"),
        (("softdevice_bootloader",), "softdevice_bootloader"),
        (("application", "bootloader"), "bootloader"),
        (("application", "softdevice", "bootloader"), "bootloader, softdevice"),
        (("application", "softdevice_bootloader"), "softdevice_bootloader"),
    ],
)
def test_packages_with_more_than_an_application_are_refused(
    parts: tuple[str, ...], found: str
) -> None:
    """Their other images cannot be taken back if anything goes wrong."""
    refused = refusal(package(parts=parts))
    assert refused.reason is FirmwareProblem.WRONG_TYPE
    assert refused.details == {"found": found}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(package(manifest=b""), id="empty"),
        pytest.param(package(manifest=b"{"), id="no-json"),
        pytest.param(package(manifest=MANIFEST + b"x"), id="more-than-json"),
        pytest.param(
            package(manifest=b"\xef\xbb\xbf" * 2 + MANIFEST), id="byte-order-marks"
        ),
        pytest.param(package(manifest=MANIFEST.decode().encode("utf-16")), id="utf-16"),
        pytest.param(package(manifest=b"\xff"), id="no-text"),
        pytest.param(package(manifest=b"[" * MAX_MANIFEST_SIZE), id="deep"),
        pytest.param(package(manifest=b"9" * MAX_MANIFEST_SIZE), id="endless-number"),
        pytest.param(
            package(
                manifest=MANIFEST.replace(
                    b'"bin_file"', b'"bin_file": "lock.bin", "bin_file"'
                )
            ),
            id="file-named-twice",
        ),
        pytest.param(
            package(manifest=b'{"manifest": {}, ' + MANIFEST[1:]), id="key-twice"
        ),
        pytest.param(manifest_of([]), id="list"),
        pytest.param(manifest_of({}), id="no-manifest"),
        pytest.param(manifest_of({"manifest": []}), id="no-parts-in-a-list"),
        pytest.param(manifest_of({"manifest": ["application"]}), id="parts-a-list"),
        pytest.param(manifest_of({"manifest": {}}), id="no-parts"),
        pytest.param(
            manifest_of({"manifest": {"application": FILES}, "x": 1}), id="more-keys"
        ),
        pytest.param(
            manifest_of({"manifest": {"Application": FILES}}), id="unknown-part"
        ),
        pytest.param(
            manifest_of({"manifest": {"application": "lock.bin"}}), id="files-a-text"
        ),
        pytest.param(
            manifest_of({"manifest": {"application": {"bin_file": "lock.bin"}}}),
            id="one-file",
        ),
        pytest.param(
            manifest_of({"manifest": {"application": FILES | {"x": "y"}}}),
            id="more-about-files",
        ),
        pytest.param(
            manifest_of({"manifest": {"application": FILES | {"dat_file": 1}}}),
            id="name-a-number",
        ),
        pytest.param(
            manifest_of({"manifest": {"application": FILES | {"dat_file": ["a"]}}}),
            id="name-a-list",
        ),
        pytest.param(
            manifest_of({"manifest": {"application": FILES | {"dat_file": "x.dat"}}}),
            id="file-not-there",
        ),
        pytest.param(
            manifest_of({"manifest": {"application": FILES | {"dat_file": "\ud800"}}}),
            id="name-no-text",
        ),
        pytest.param(
            manifest_of(
                {"manifest": {"application": FILES | {"dat_file": "../lock.dat"}}}
            ),
            id="file-elsewhere",
        ),
        pytest.param(
            manifest_of(
                {"manifest": {"application": FILES | {"dat_file": "lock.bin"}}}
            ),
            id="one-file-for-both",
        ),
        pytest.param(
            manifest_of(
                {"manifest": {"application": FILES | {"dat_file": "manifest.json"}}}
            ),
            id="manifest-for-init-packet",
        ),
    ],
)
def test_a_manifest_that_is_not_strict_is_refused(data: bytes) -> None:
    """It names one application with its two files, and nothing else."""
    assert reason(data) is FirmwareProblem.MANIFEST_INVALID


def test_a_deep_manifest_is_refused_where_the_stack_is_small() -> None:
    """The threads of an executor have little of it on some systems."""
    refused: list[FirmwareProblem] = []
    deep = package(manifest=b"[" * MAX_MANIFEST_SIZE)
    before = threading.stack_size(256 * 1024)
    thread = threading.Thread(target=lambda: refused.append(reason(deep)))
    thread.start()
    threading.stack_size(before)
    thread.join()
    assert refused == [FirmwareProblem.MANIFEST_INVALID]


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        (
            {"manifest": {"application": FILES}, "more": 1},
            "it has other keys than manifest",
        ),
        ({"manifest": {}}, "it names no image"),
        (
            {"manifest": {"application": FILES, "one": {}, "two": {}}},
            "it names 2 images of an unknown kind",
        ),
        (
            {"manifest": {"application": {"bin_file": "lock.bin"}}},
            "its application has other keys than its two files",
        ),
        (
            {"manifest": {"application": {**FILES, "bin_file": 1}}},
            "a file name is no text",
        ),
    ],
)
def test_what_is_wrong_with_a_manifest_is_told(document: object, detail: str) -> None:
    """To whoever has made it."""
    assert refusal(manifest_of(document)).details == {"detail": detail}


def test_too_large_a_zip_is_not_even_looked_at() -> None:
    """Whatever it contains."""
    refused = refusal(bytes(MAX_PACKAGE_SIZE + 1))
    assert refused.reason is FirmwareProblem.TOO_LARGE
    assert refused.details == {
        "size": str(MAX_PACKAGE_SIZE + 1),
        "limit": str(MAX_PACKAGE_SIZE),
    }
    assert reason(bytes(MAX_PACKAGE_SIZE)) is not FirmwareProblem.TOO_LARGE


def test_the_largest_firmware_is_read() -> None:
    """The limits leave room for every chip."""
    image = Random(2).randbytes(MAX_FIRMWARE_SIZE)
    assert read_package(package(image)).firmware == image


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        (b"lock.bin", MAX_FIRMWARE_SIZE),
        (b"lock.dat", MAX_FIRMWARE_SIZE),
        (b"manifest.json", MAX_MANIFEST_SIZE),
    ],
)
def test_a_member_over_its_limit_is_not_inflated(
    name: bytes, limit: int, inflated: list[int]
) -> None:
    """The declared size already is too large."""
    bomb = CraftedMember(name=name, raw=deflate(bytes(limit + 1)), size=limit + 1)
    others = {b"lock.bin": IMAGE, b"lock.dat": INIT_PACKET, b"manifest.json": MANIFEST}
    others.pop(name)
    refused = refusal(
        craft_zip(
            [
                bomb,
                *(CraftedMember(name=key, data=data) for key, data in others.items()),
            ]
        )
    )
    assert refused.reason is FirmwareProblem.TOO_LARGE
    assert refused.details == {"size": str(limit + 1), "limit": str(limit)}
    assert sum(inflated) <= len(MANIFEST) + len(IMAGE)


@pytest.mark.parametrize("declared", [0, 1, 1000, 65_535])
def test_a_bomb_that_lies_inflates_one_byte_too_much(
    declared: int, inflated: list[int]
) -> None:
    """A hundred megabytes hide behind a small declared size."""
    bomb = {"raw": deflate(bytes(100_000_000)), "size": declared}
    refused = refusal(crafted(binary=bomb))
    assert refused.reason is FirmwareProblem.MEMBER_REFUSED
    assert inflated == [len(MANIFEST), declared + 1]


def test_a_bomb_that_does_not_lie_is_not_inflated(inflated: list[int]) -> None:
    """No firmware shrinks to a hundredth."""
    refused = refusal(crafted(binary={"data": bytes(MAX_FIRMWARE_SIZE)}))
    assert refused.reason is FirmwareProblem.MEMBER_REFUSED
    assert refused.details["detail"] == "it inflates more than 100 times"
    assert inflated == [len(MANIFEST)]


def test_a_small_member_may_shrink_as_it_likes() -> None:
    """A ratio says nothing of a few kilobytes."""
    assert read_package(package(bytes(65_535))).firmware == bytes(65_535)
