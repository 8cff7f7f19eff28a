"""The zigbee-OTA collection: the images that Zigbee2MQTT, and often ZHA, installs.

Its ``index.json`` lists the newest image of each device, ``index1.json`` the one
before. Images that turned out bad are moved to a folder, and described in its README.

Source: Koenkk/zigbee-OTA, README.md (``RepoImageMeta`` and the extra fields) and
retracted-images/README.md.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
import re
from typing import Final

from yarl import URL

from ..errors import FeedError, FeedProblem
from .conditional import MAX_STALE, ConditionalFetcher
from .public_index import (
    MAX_UINT16,
    MAX_UINT32,
    Contradiction,
    Fields,
    Finding,
    IndexedImage,
    IndexedRelease,
    IndexName,
    read_json,
    read_list,
    version_number,
)

COLLECTION_URL: Final = "https://raw.githubusercontent.com/Koenkk/zigbee-OTA/master"
MAX_RECORDS: Final = 20_000
"""In one of the indexes."""
MAX_DOCUMENT: Final = 8 * 1024 * 1024
"""Bytes of an index."""
MAX_RECALL_LIST: Final = 256 * 1024
"""Bytes of the list of retracted images."""
MAX_AGE: Final = timedelta(days=1)

_NEWEST = "index.json"
_BEFORE = "index1.json"
_RECALL_LIST = "retracted-images/README.md"
_MAX_NAMES = 256
_MAX_IMAGE = 64 * 1024 * 1024
_SHA512 = re.compile(r"[0-9a-fA-F]{128}")

_HEADING = re.compile(r"#{1,6}\s+(.+)")
# A recall begins at the margin; what is known of it is indented below.
_RECALL = re.compile(r"[-*+]\s+(.+)")
_FILE = re.compile(r"[\w.@+-]+\.(?:ota|zigbee|otz|gbl|bin|fw|sbl-ota)\b", re.IGNORECASE)
_VERSION = re.compile(r"(?<![\w.])v?([0-9]+(?:\.[0-9]+){1,3}|(?<=v)[0-9]+)(?![\w.])")
_MARKUP = re.compile(r"[*_`|<>\[\]()]")
_RULER = re.compile(r":?-+:?")
# Words in the heads of a table's columns, by what the column tells.
_COLUMNS: Final = {
    "file": ("file name", "filename", "file", "image"),
    "manufacturer_code": ("manufacturer code", "manufacturercode", "manufacturer id"),
    "image_type": ("image type", "imagetype"),
    "file_version": ("file version", "fileversion"),
    "version": ("version",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ZigbeeQuery:
    """What is known of a Zigbee device."""

    manufacturer_code: int
    """Of its node descriptor."""
    image_type: int
    """That it asks the OTA Upgrade cluster for."""
    model_id: str | None
    """``ModelIdentifier`` of the Basic cluster."""
    manufacturer_name: str | None
    """``ManufacturerName`` of the Basic cluster."""
    installed: int
    """``CurrentFileVersion`` of the OTA Upgrade cluster."""
    hardware_version: int | None = None
    """``HWVersion`` of the Basic cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """An image that was taken back; what the list does not tell is ``None`` or empty."""

    name: str = ""
    """The device and the version in words, as the list has them."""
    versions: frozenset[str] = frozenset()
    """Versions in the words, without a ``v`` before them."""
    files: frozenset[str] = frozenset()
    """File names in lower case."""
    manufacturer_code: int | None = None
    image_type: int | None = None
    file_version: int | None = None

    def covers(
        self, query: ZigbeeQuery, file_version: int, file_name: str | None
    ) -> bool:
        """Return whether it is about an image for a device."""
        if self.file_version is not None and self.file_version != file_version:
            return False
        if file_name is not None and file_name.lower() in self.files:
            return True
        numbers = (self.manufacturer_code, self.image_type)
        if self.file_version is not None and (
            numbers == (query.manufacturer_code, query.image_type)
        ):
            return True
        return self._names(query, file_version)

    def _names(self, query: ZigbeeQuery, file_version: int) -> bool:
        if not query.model_id or not self.versions & _spellings(file_version):
            return False
        # The whole name of the model, not a part of a longer word.
        model = re.escape(query.model_id.lower())
        return bool(re.search(rf"(?<![\w.-]){model}(?![\w.-])", self.name.lower()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    file_name: str | None
    number: int
    model_id: str | None
    manufacturer_names: tuple[str, ...]
    min_installed: int
    max_installed: int
    min_hardware: int
    max_hardware: int
    release: IndexedRelease

    def contradiction(
        self, query: ZigbeeQuery, recalls: Iterable[Recall]
    ) -> Contradiction | None:
        if any(one.covers(query, self.number, self.file_name) for one in recalls):
            return Contradiction.RECALLED
        hardware = query.hardware_version
        if hardware is not None and not (
            self.min_hardware <= hardware <= self.max_hardware
        ):
            return Contradiction.OTHER_HARDWARE
        if self.number < query.installed:
            return Contradiction.DOWNGRADE
        if self.number != query.installed and not (
            self.min_installed <= query.installed <= self.max_installed
        ):
            return Contradiction.NOT_APPLICABLE
        return None


def find(
    documents: Sequence[object],
    recalls: Sequence[Recall],
    query: ZigbeeQuery,
    offered: str,
    source: str | None = None,
) -> Finding:
    """Find the offered version among the images for a device.

    ``documents`` are the indexes. A version is offered as a number, in decimal or after
    ``0x``; ``source`` is where its image is, if that is told.

    Manufacturer code and image type do not tell models apart: three locks of one maker
    share both. So a record that names a model or makers is for no others. One that names
    no model, as most do not, is for a device if its image is the offered one, or no record
    with the same numbers names another model; else nobody knows, and it says nothing
    against the device either, unless it was taken back.

    Raises ``FeedError``: FIELD_INVALID.
    """
    alike = [record for document in documents for record in _alike(document, query)]
    models = {record.model_id for record in alike} - {None}
    shared = bool(models - {query.model_id})
    own = [record for record in alike if _is_for(record, query, shared, source)]
    number = version_number(offered)
    matches = [
        (record.contradiction(query, recalls), record)
        for record in own
        if record.number == number
    ]
    # One record for each hardware may have the same version.
    matches.sort(key=lambda match: match[0] is not None)
    if matches:
        contradiction, record = matches[0]
        return _finding(record.release, contradiction)
    if number is None:
        return _finding(None, None)
    others = [record for record in alike if record.number == number]
    files = {None, *(each.file_name for each in others if each.model_id is None)}
    if any(recall.covers(query, number, name) for recall in recalls for name in files):
        return _finding(None, Contradiction.RECALLED)
    if others and all(_names_others(record, query) for record in others):
        return _finding(None, Contradiction.OTHER_MODEL)
    return _finding(None, None)


def _finding(
    release: IndexedRelease | None,
    contradiction: Contradiction | None,
) -> Finding:
    return Finding(
        index=IndexName.ZIGBEE_OTA,
        release=release,
        contradiction=contradiction,
    )


def _alike(document: object, query: ZigbeeQuery) -> Iterator[_Record]:
    """Return the records with the numbers of a device."""
    for index, item in enumerate(read_list(document, "(document)", MAX_RECORDS)):
        # Others are not looked into: a slip in one of them is no matter of this lock.
        fields = Fields(item, f"[{index}]")
        numbers = (
            fields.number("manufacturerCode", MAX_UINT16),
            fields.number("imageType", MAX_UINT16),
        )
        if numbers == (query.manufacturer_code, query.image_type):
            yield _read_record(fields)


def _is_for(
    record: _Record, query: ZigbeeQuery, shared: bool, source: str | None
) -> bool:
    if _names_others(record, query):
        return False
    if record.model_id is None and shared:
        return source is not None and record.release.images[0].url == source
    return True


def _names_others(record: _Record, query: ZigbeeQuery) -> bool:
    """Return whether a record says that it is for other models or makers."""
    names = record.manufacturer_names
    if names and query.manufacturer_name not in names:
        return True
    return record.model_id not in {None, query.model_id}


def _read_record(fields: Fields) -> _Record:
    def bound(name: str, otherwise: int) -> int:
        value = fields.maybe_number(name, MAX_UINT32)
        return otherwise if value is None else value

    number = fields.number("fileVersion", MAX_UINT32)
    digest = fields.pattern("sha512", _SHA512, "128 hexadecimal digits").lower()
    names = fields.has("manufacturerName")
    return _Record(
        file_name=fields.text("fileName"),
        number=number,
        model_id=fields.maybe_text("modelId"),
        manufacturer_names=fields.texts("manufacturerName", _MAX_NAMES)
        if names
        else (),
        min_installed=bound("minFileVersion", 0),
        max_installed=bound("maxFileVersion", MAX_UINT32),
        min_hardware=bound("hardwareVersionMin", 0),
        max_hardware=bound("hardwareVersionMax", MAX_UINT32),
        release=IndexedRelease(
            version=str(number),
            number=number,
            notes=fields.notes("releaseNotes"),
            url=None,
            images=(
                IndexedImage(
                    url=fields.url("url"),
                    size=fields.number("fileSize", _MAX_IMAGE),
                    digest=f"sha512:{digest}",
                ),
            ),
        ),
    )


def parse_recalls(text: str) -> tuple[Recall, ...]:
    """Read the list of retracted images, which people write for people.

    It is Markdown: recalls are items of lists under the names of makers, or rows of
    tables. What does not look like one is passed over, so this raises nothing. An item
    tells of its device and version in words only; file names and numbers are taken
    where there are any.
    """
    recalls: list[Recall] = []
    maker = ""
    columns: dict[int, str] = {}
    for line in text.splitlines():
        if match := _HEADING.match(line):
            maker = _plain(match[1])
        elif line.lstrip().startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not columns:
                columns = _read_columns(cells)
            elif not all(_RULER.fullmatch(cell) for cell in cells):
                recalls += _row(cells, columns)
            continue
        elif match := _RECALL.match(line):
            recalls.append(_described(f"{maker} {_plain(match[1])}", match[1]))
        elif line[:1].isspace() and recalls:
            recalls[-1] = replace(
                recalls[-1], files=recalls[-1].files | _file_names(line)
            )
        columns = {}
    return tuple(recalls)


def _plain(text: str) -> str:
    return _MARKUP.sub(" ", text).strip()


def _file_names(text: str) -> frozenset[str]:
    return frozenset(name.lower() for name in _FILE.findall(text))


def _described(name: str, source: str) -> Recall:
    files = _file_names(source)
    # Versions that are parts of a file's name say nothing that the name does not.
    words = _FILE.sub(" ", name)
    return Recall(name=name, versions=frozenset(_VERSION.findall(words)), files=files)


def _read_columns(cells: list[str]) -> dict[int, str]:
    columns: dict[int, str] = {}
    for index, cell in enumerate(cells):
        head = _plain(cell).lower()
        for kind, heads in _COLUMNS.items():
            if head in heads:
                columns[index] = kind
    # A table without a known column still has words in its cells.
    return columns or {-1: ""}


def _row(cells: list[str], columns: Mapping[int, str]) -> Iterator[Recall]:
    told = {
        kind: _plain(cells[index])
        for index, kind in columns.items()
        if 0 <= index < len(cells)
    }
    described = _described(" ".join(_plain(cell) for cell in cells), " ".join(cells))
    version = told.get("version", "").lstrip("v")
    versions = described.versions | ({version} if version else set())
    yield replace(
        described,
        versions=versions,
        manufacturer_code=version_number(told.get("manufacturer_code", "")),
        image_type=version_number(told.get("image_type", "")),
        file_version=version_number(told.get("file_version", "")),
    )


def _spellings(file_version: int) -> frozenset[str]:
    """Return the texts that makers write for a file version.

    As seen in the collection: 21 is ``21`` (Lumi), 0x24040005 is ``24.4.5`` (IKEA),
    0x00001006 is ``1.0.6`` (SONOFF), 0x00020006 is ``2.0.6`` (Develco) and 0x11070000
    is ``17.7.0`` (Danalock). A text that fits by chance only makes a person look.
    """
    high, upper, lower, low = file_version.to_bytes(4, "big")
    spellings = {
        str(file_version),
        f"{high}.{upper}.{lower}.{low}",
        f"{high}.{upper}.{lower}",
        f"{high:x}.{upper:x}.{file_version & MAX_UINT16:x}",
    }
    if not high:
        spellings.add(f"{upper}.{lower}.{low}")
    if file_version <= MAX_UINT16:
        spellings.add(f"{lower >> 4}.{lower & 0xF}.{low}")
    return frozenset(spellings)


class ZigbeeOtaIndex:
    """Asks the collection."""

    def __init__(
        self, fetcher: ConditionalFetcher, *, url: str = COLLECTION_URL
    ) -> None:
        """Take how to fetch, and another place where a copy of the collection is."""
        self._fetcher = fetcher
        self._url = url

    async def lookup(
        self,
        query: ZigbeeQuery,
        offered: str,
        *,
        source: str | None = None,
        max_age: timedelta = MAX_AGE,
        max_stale: timedelta = MAX_STALE,
    ) -> Finding:
        """Ask what the collection has on the offered version.

        Raises ``FeedError`` with a reason of ``ConditionalFetcher.get``, also where the
        index or the list of recalls is not there, or FIELD_INVALID.
        """

        async def get(path: str, limit: int, *, required: bool = True) -> bytes:
            body = await self._fetcher.get(
                f"{self._url}/{path}",
                limit=limit,
                max_age=max_age,
                max_stale=max_stale,
            )
            if body is None and required:
                # That nothing is recalled can only be said with the list at hand.
                host = URL(self._url).host or ""
                raise FeedError(
                    FeedProblem.HTTP_STATUS, host=host, file=path, status=404
                )
            return body or b""

        newest = await get(_NEWEST, MAX_DOCUMENT)
        before = await get(_BEFORE, MAX_DOCUMENT, required=False)
        recalls = await get(_RECALL_LIST, MAX_RECALL_LIST)
        bodies = {_NEWEST: newest} | ({_BEFORE: before} if before else {})
        # Hundreds of kilobytes: nothing for the event loop.
        return await asyncio.to_thread(
            _find_in, bodies, recalls, query, offered, source
        )

    async def lookup_named(
        self,
        model_id: str,
        manufacturer_name: str | None,
        installed: int,
        offered: str,
        *,
        source: str | None = None,
        max_age: timedelta = MAX_AGE,
        max_stale: timedelta = MAX_STALE,
    ) -> Finding:
        """Ask about a device whose numbers are not known, only what it calls itself.

        The numbers are those of the record whose image is offered, where ``source`` tells
        that; else of the records that name the same model. Where those do not agree, the
        device counts as not listed. Raises as ``lookup``.
        """
        body = await self._fetcher.get(
            f"{self._url}/{_NEWEST}",
            limit=MAX_DOCUMENT,
            max_age=max_age,
            max_stale=max_stale,
        )
        numbers = await asyncio.to_thread(_numbers_of, body or b"[]", model_id, source)
        if numbers is None:
            return Finding(
                index=IndexName.ZIGBEE_OTA,
                release=None,
                contradiction=None,
            )
        query = ZigbeeQuery(
            manufacturer_code=numbers[0],
            image_type=numbers[1],
            model_id=model_id,
            manufacturer_name=manufacturer_name,
            installed=installed,
        )
        return await self.lookup(
            query, offered, source=source, max_age=max_age, max_stale=max_stale
        )


def _numbers_of(
    body: bytes, model_id: str, source: str | None
) -> tuple[int, int] | None:
    """Return manufacturer code and image type of a model, if all records agree.

    That at ``source`` knows them, whatever others say.
    """
    named: set[tuple[int, int]] = set()
    at_source: set[tuple[int, int]] = set()
    for number, raw in enumerate(
        read_list(read_json(body, _NEWEST), "(document)", MAX_RECORDS)
    ):
        fields = Fields(raw, f"[{number}]")
        is_offered = source is not None and fields.is_text("url", source)
        if not is_offered and not fields.is_text("modelId", model_id):
            continue
        (at_source if is_offered else named).add(
            (
                fields.number("manufacturerCode", MAX_UINT16),
                fields.number("imageType", MAX_UINT16),
            )
        )
    found = at_source or named
    return found.pop() if len(found) == 1 else None


def _find_in(
    bodies: Mapping[str, bytes],
    recalls: bytes,
    query: ZigbeeQuery,
    offered: str,
    source: str | None,
) -> Finding:
    documents = [read_json(body, name) for name, body in bodies.items()]
    listed = parse_recalls(recalls.decode("utf-8", "replace"))
    return find(documents, listed, query, offered, source)
