"""A zip with firmware: its manifest, the files that it names, and what lies beside them.

People and their computers put things into zips that do no harm: a folder around all of
it, a note, what a Mac keeps of its own. They are passed over and never looked into.
Whatever else the manifest does not name is refused: it may be a part of the update that
would be left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import json
from typing import Any, Final

from ..errors import FirmwareError, FirmwareProblem
from ..phrase import Phrase
from .archive import Member, read_archive, refused

MAX_MANIFEST_SIZE: Final = 4 * 1024
"""Bytes."""

_MANIFEST = "manifest.json"
_MAX_NAME = 100
# What macOS and Windows leave in folders; a zip of them has it too.
_LEFT_FOLDERS = frozenset({"__MACOSX"})
_LEFT_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_LEFT_START = "._"
# What tells people something, or helps them to check a download.
_NOTES = frozenset(
    {"asc", "htm", "html", "md", "md5", "pdf", "rst", "rtf", "sha256", "sig", "txt"}
)
_NOTES_WITHOUT_SUFFIX = frozenset({"changelog", "license", "notice", "readme"})
# What may well be the file that was meant, once it is taken out of the zip.
_FIRMWARE = frozenset({"bin", "zip"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipPackage:
    """What a zip holds beside nothing of importance; nothing of it is proven."""

    manifest: dict[str, Any]
    size: int
    """Bytes of the whole zip."""
    members: Mapping[str, Member]
    """All others than the manifest, by their paths beside it or in the zip."""

    def take(self, *names: object, limit: int) -> list[bytes]:
        """Return the files that the manifest names; there must be no other firmware.

        Raises ``FirmwareError``: MANIFEST_INVALID where it names something that is not
        there, TOO_LARGE, MEMBER_REFUSED.
        """
        texts = [name for name in names if isinstance(name, str)]
        if len(texts) < len(names):
            raise manifest_invalid("a file name is no text")
        if len(set(texts)) < len(texts) or not self.members.keys() >= set(texts):
            raise manifest_invalid("it does not name each file of the package once")
        for path in sorted(self.members.keys() - set(texts)):
            if not _is_note(path):
                raise refused(path, "the manifest does not name it")
        for name in texts:
            if len(name) > _MAX_NAME or not name.isascii():
                raise refused(name, "its name is no plain file name")
            if "/" in name or name.startswith("."):
                raise refused(name, "its name leads elsewhere")
        return [self.members[name].read(limit) for name in texts]


def read_zip_package(data: bytes) -> ZipPackage:
    """Take a zip apart, wherever in it the package lies.

    Raises ``FirmwareError``: NOT_A_PACKAGE, MEMBER_REFUSED, TOO_LARGE,
    MANIFEST_INVALID.
    """
    members = {
        path: member
        for path, member in read_archive(data).items()
        if not _is_left(path)
    }
    manifests = [path for path in members if _base(path) == _MANIFEST]
    if not manifests:
        raise FirmwareError(
            FirmwareProblem.NOT_A_PACKAGE, detail=_without_manifest(members)
        )
    if len(manifests) > 1:
        raise FirmwareError(
            FirmwareProblem.NOT_A_PACKAGE,
            detail=Phrase(
                "it is a zip with {count} packages in it", count=len(manifests)
            ),
        )
    (path,) = manifests
    folder = path.removesuffix(_MANIFEST)
    return ZipPackage(
        manifest=_read_manifest(members.pop(path).read(MAX_MANIFEST_SIZE)),
        size=len(data),
        # What lies elsewhere begins with a slash, as no name in a manifest may.
        members={
            name.removeprefix(folder) if name.startswith(folder) else f"/{name}": member
            for name, member in members.items()
        },
    )


def manifest_invalid(template: str, **values: object) -> FirmwareError:
    """Return the error for a manifest that does not say what is what."""
    detail = Phrase(template, **values)
    return FirmwareError(FirmwareProblem.MANIFEST_INVALID, detail=detail)


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _suffix(path: str) -> str:
    return _base(path).rpartition(".")[2].lower()


def _is_left(path: str) -> bool:
    base = _base(path)
    return (
        not _LEFT_FOLDERS.isdisjoint(path.split("/")[:-1])
        or base in _LEFT_FILES
        or base.startswith(_LEFT_START)
    )


def _is_note(path: str) -> bool:
    base = _base(path).lower()
    return _suffix(path) in _NOTES if "." in base else base in _NOTES_WITHOUT_SUFFIX


def _without_manifest(members: Mapping[str, Member]) -> Phrase:
    """Return what is wrong with a zip that has no manifest."""
    if any(_suffix(path) in _FIRMWARE for path in members):
        return Phrase(
            "it is a zip without a manifest, around other files; unpack it and see "
            "whether one of them is the right one"
        )
    return Phrase("it is a zip without a manifest")


def _read_manifest(raw: bytes) -> dict[str, Any]:
    try:
        # Some editors put a byte order mark in front.
        document = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_unique)
    except ValueError, RecursionError:
        raise manifest_invalid("it is no unambiguous JSON") from None
    if not isinstance(document, dict):
        raise manifest_invalid("it is no JSON object")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object that gives no key twice."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key comes twice")
    return result
