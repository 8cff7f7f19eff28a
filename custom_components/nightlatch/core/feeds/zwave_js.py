"""The firmware update service of Z-Wave JS.

It answers which updates there are for a device, out of definition files that makers
have agreed to, and whose conditions it has evaluated.

Sources: zwave-js/firmware-updates, README.md (API v4), schemas/firmware.json and
docs/firmware-files.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
import re
from typing import Final

from .conditional import MAX_STALE, ConditionalFetcher
from .public_index import (
    Contradiction,
    Fields,
    Finding,
    IndexedImage,
    IndexedRelease,
    IndexName,
    read_json,
    read_list,
    wrong,
)

SERVICE_URL: Final = "https://firmware.zwave-js.io/api/v4/updates"
REGIONS: Final = frozenset(
    {
        "europe",
        "usa",
        "australia/new zealand",
        "hong kong",
        "india",
        "israel",
        "russia",
        "china",
        "japan",
        "korea",
    }
)
"""Radio regions, as the service names them."""
MAX_DOCUMENT: Final = 1024 * 1024
"""Bytes."""
MAX_DEVICES: Final = 256
MAX_UPDATES: Final = 256
MAX_FILES: Final = 16
MAX_AGE: Final = timedelta(days=1)

_MAX_TARGET = 255
_CHANNELS = ("stable", "beta")
_HEX_ID = re.compile(r"0x[0-9a-f]{4}")
_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}(?:\.[0-9]{1,3})?")
_INTEGRITY = re.compile(r"sha256:[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ZwaveQuery:
    """What is known of a Z-Wave device."""

    manufacturer_id: int
    product_type: int
    product_id: int
    firmware_version: str
    """Of its first chip: two or three numbers, as ``1.5``."""
    region: str | None = None
    """One of ``REGIONS``, or none where the radio's is not known."""
    other_versions: Mapping[int, str] = field(default_factory=dict)
    """Of its other chips, by their targets from 1."""


def version_numbers(text: str) -> tuple[int, int, int] | None:
    """Return a version's three numbers, a missing patch being 0; ``None`` for others.

    Source: the service's README, "1.6 is equivalent to 1.6.0".
    """
    if not _VERSION.fullmatch(text):
        return None
    major, minor, patch = (*(int(part) for part in text.split(".")), 0)[:3]
    return major, minor, patch


def request_for(query: ZwaveQuery) -> dict[str, object]:
    """Return what the service is to be asked about a device."""
    device: dict[str, object] = {
        "manufacturerId": f"0x{query.manufacturer_id:04x}",
        "productType": f"0x{query.product_type:04x}",
        "productId": f"0x{query.product_id:04x}",
        "firmwareVersion": query.firmware_version,
    }
    if query.other_versions:
        device["additionalFirmwareVersions"] = {
            str(target): version for target, version in query.other_versions.items()
        }
    request: dict[str, object] = {"devices": [device]}
    if query.region is not None:
        request["region"] = query.region
    return request


def find(answer: object, query: ZwaveQuery, offered: str) -> Finding:
    """Find the offered version in an answer of the service.

    A device that the service does not know is missing there; one without updates has
    an empty list. Raises ``FeedError``: FIELD_INVALID.
    """
    devices = [
        Fields(item, f"[{index}]")
        for index, item in enumerate(read_list(answer, "(document)", MAX_DEVICES))
    ]
    own = [device for device in devices if _identity(device) == _asked(query)]
    matches: list[tuple[Contradiction | None, IndexedRelease]] = []
    for device in own:
        for update in device.parts("updates", MAX_UPDATES):
            release, region = _release(update), _region(update)
            if _same(release.version, offered) and _is_meant(region, query):
                downgrade = update.flag("downgrade")
                matches.append(
                    (_contradiction(release, region, query, downgrade), release)
                )
    return _finding(matches)


def _asked(query: ZwaveQuery) -> tuple[int, int, int]:
    return query.manufacturer_id, query.product_type, query.product_id


def _identity(fields: Fields) -> tuple[int, int, int]:
    manufacturer, kind, product = (
        int(fields.pattern(name, _HEX_ID, "0x and four hexadecimal digits"), 16)
        for name in ("manufacturerId", "productType", "productId")
    )
    return manufacturer, kind, product


def _same(version: str, offered: str) -> bool:
    return version_numbers(version) == version_numbers(offered)


def _is_meant(region: str | None, query: ZwaveQuery) -> bool:
    """Return whether an entry counts; without a known region only those without one.

    So does the service (README, API v3).
    """
    return region is None or query.region is not None


def _finding(
    matches: Sequence[tuple[Contradiction | None, IndexedRelease]],
) -> Finding:
    # Of several entries for the version, the one that a controller would install.
    contradiction, release = min(
        matches,
        key=lambda match: (match[0] is not None, match[1].beta),
        default=(None, None),
    )
    return Finding(
        index=IndexName.ZWAVE_JS,
        release=release,
        contradiction=contradiction,
    )


def _contradiction(
    release: IndexedRelease, region: str | None, query: ZwaveQuery, downgrade: bool
) -> Contradiction | None:
    if region not in (None, query.region):
        return Contradiction.OTHER_HARDWARE
    if downgrade or _is_older(release.version, query.firmware_version):
        return Contradiction.DOWNGRADE
    return None


def _is_older(version: str, installed: str) -> bool:
    new, old = version_numbers(version), version_numbers(installed)
    return new is not None and old is not None and new < old


def _release(fields: Fields) -> IndexedRelease:
    return IndexedRelease(
        version=_version(fields, "version"),
        number=None,
        notes=fields.notes("changelog"),
        url=None,
        images=_images(fields),
        beta=_one_of(fields, "channel", _CHANNELS) == "beta",
    )


def _version(fields: Fields, name: str) -> str:
    return fields.pattern(name, _VERSION, "two or three numbers with dots between")


def _region(fields: Fields) -> str | None:
    return _one_of(fields, "region", sorted(REGIONS))


def _one_of(fields: Fields, name: str, words: Sequence[str]) -> str | None:
    word = fields.maybe_text(name)
    if word is not None and word not in words:
        raise wrong(fields.path(name), f"must be one of: {', '.join(words)}")
    return word


def _images(fields: Fields) -> tuple[IndexedImage, ...]:
    """Return the files, or the one that stands in the upgrade itself."""
    if fields.has("files"):
        return tuple(_image(file) for file in fields.parts("files", MAX_FILES))
    return (_image(fields),)


def _image(fields: Fields) -> IndexedImage:
    # Of the decoded data: for a bare image, of the file itself.
    integrity = fields.pattern("integrity", _INTEGRITY, "sha256: and 64 digits")
    if not fields.has("url"):
        raise wrong(fields.path("url"), "is missing")
    return IndexedImage(
        url=fields.url("url"),
        size=None,
        digest=integrity.lower(),
        target=fields.maybe_number("target", _MAX_TARGET) or 0,
    )


class ZwaveJsIndex:
    """Asks the service."""

    def __init__(self, fetcher: ConditionalFetcher, *, url: str = SERVICE_URL) -> None:
        """Take how to fetch, and another place where the service runs."""
        self._fetcher = fetcher
        self._url = url

    async def lookup(
        self,
        query: ZwaveQuery,
        offered: str,
        *,
        max_age: timedelta = MAX_AGE,
        max_stale: timedelta = MAX_STALE,
    ) -> Finding:
        """Ask what the service has on the offered version.

        Raises ``FeedError`` with a reason of ``ConditionalFetcher.post_json``, or
        FIELD_INVALID.
        """
        body = await self._fetcher.post_json(
            self._url,
            request_for(query),
            limit=MAX_DOCUMENT,
            max_age=max_age,
            max_stale=max_stale,
        )
        answer = [] if body is None else read_json(body, "(document)")
        return find(answer, query, offered)
