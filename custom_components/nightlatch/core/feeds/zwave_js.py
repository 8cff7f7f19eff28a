"""The firmware update service of Z-Wave JS.

It answers which updates there are for a device, out of definition files that makers
have agreed to. ``find`` reads an answer of the service; ``find_in_definition`` reads
one of the files, whose conditions the service would have evaluated.

Sources: zwave-js/firmware-updates, README.md (API v4), schemas/firmware.json and
docs/firmware-files.md; for ``$if`` the section "Conditional settings" of the
documentation of node-zwave-js, and src/lib/LogicParser.ts of the service.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
import operator
import re
from typing import Final

from ..errors import FeedError
from .conditional import MAX_STALE, ConditionalFetcher
from .public_index import (
    MAX_UINT16,
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
MAX_TOKENS: Final = 256
"""In a condition."""
MAX_DEPTH: Final = 16
"""Of parentheses in a condition."""
MAX_AGE: Final = timedelta(days=1)

_MAX_TARGET = 255
_CHANNELS = ("stable", "beta")
_HEX_ID = re.compile(r"0x[0-9a-f]{4}")
_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}(?:\.[0-9]{1,3})?")
_INTEGRITY = re.compile(r"sha256:[0-9a-fA-F]{64}")
_TOKEN = re.compile(
    r"\s*(?:(?P<symbol>&&|\|\||[=!]==?|[<>]=?|[()\[\]])"
    r"|(?P<version>[0-9]+(?:\.[0-9]+){1,2})"
    r"|(?P<number>0x[0-9a-fA-F]+|[0-9]+)"
    r"|(?P<name>[A-Za-z_$][\w$]*))",
    re.ASCII,
)

type _Numbers = tuple[int, ...]

_COMPARISONS: Final[Mapping[str, Callable[[_Numbers, _Numbers], bool]]] = {
    "==": operator.eq,
    "===": operator.eq,
    "!=": operator.ne,
    "!==": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedDevice:
    """A device that a definition is for."""

    manufacturer_id: int
    product_type: int
    product_id: int
    min_version: str
    max_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedUpgrade:
    """An upgrade of a definition."""

    condition: str | None
    region: str | None
    release: IndexedRelease


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareDefinition:
    """A definition file."""

    devices: tuple[DefinedDevice, ...]
    upgrades: tuple[DefinedUpgrade, ...]


def version_numbers(text: str) -> tuple[int, int, int] | None:
    """Return a version's three numbers, a missing patch being 0; ``None`` for others.

    Source: the service's README, "1.6 is equivalent to 1.6.0".
    """
    if not _VERSION.fullmatch(text):
        return None
    major, minor, patch = (*(int(part) for part in text.split(".")), 0)[:3]
    return major, minor, patch


# The service.


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
    return _finding(matches, listed=bool(own))


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
    matches: Sequence[tuple[Contradiction | None, IndexedRelease]], *, listed: bool
) -> Finding:
    # Of several entries for the version, the one that a controller would install.
    contradiction, release = min(
        matches,
        key=lambda match: (match[0] is not None, match[1].beta),
        default=(None, None),
    )
    return Finding(
        index=IndexName.ZWAVE_JS,
        lists_device=listed,
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


# The definition files.


def parse_definition(document: object) -> FirmwareDefinition:
    """Read a definition file, its comments already gone.

    Raises ``FeedError``: FIELD_INVALID, also for a condition that cannot be read.
    """
    fields = Fields(document)
    return FirmwareDefinition(
        devices=tuple(
            _defined_device(device) for device in fields.parts("devices", MAX_DEVICES)
        ),
        upgrades=tuple(
            _defined_upgrade(upgrade)
            for upgrade in fields.parts("upgrades", MAX_UPDATES)
        ),
    )


def _defined_device(fields: Fields) -> DefinedDevice:
    manufacturer, kind, product = _identity(fields)
    minimum, maximum = "0.0", "255.255"
    if fields.has("firmwareVersion"):
        versions = fields.part("firmwareVersion")
        minimum, maximum = _version(versions, "min"), _version(versions, "max")
    return DefinedDevice(
        manufacturer_id=manufacturer,
        product_type=kind,
        product_id=product,
        min_version=minimum,
        max_version=maximum,
    )


def _defined_upgrade(fields: Fields) -> DefinedUpgrade:
    condition = fields.text("$if") if fields.has("$if") else None
    if condition is not None:
        _Condition(condition, _NOTHING_KNOWN, fields.path("$if")).holds()
    return DefinedUpgrade(
        condition=condition, region=_region(fields), release=_release(fields)
    )


def find_in_definition(
    definition: FirmwareDefinition, query: ZwaveQuery, offered: str
) -> Finding:
    """Find the offered version in a definition file.

    An upgrade whose condition does not hold is NOT_APPLICABLE, one for another radio
    region OTHER_HARDWARE.
    """
    listed = any(_is_device(device, query) for device in definition.devices)
    matches = [
        (_defined_contradiction(upgrade, query), upgrade.release)
        for upgrade in definition.upgrades
        if listed
        and _same(upgrade.release.version, offered)
        and _is_meant(upgrade.region, query)
    ]
    return _finding(matches, listed=listed)


def _is_device(device: DefinedDevice, query: ZwaveQuery) -> bool:
    identity = (device.manufacturer_id, device.product_type, device.product_id)
    if identity != _asked(query):
        return False
    installed = query.firmware_version
    too_old = _is_older(installed, device.min_version)
    return not too_old and not _is_older(device.max_version, installed)


def _defined_contradiction(
    upgrade: DefinedUpgrade, query: ZwaveQuery
) -> Contradiction | None:
    found = _contradiction(upgrade.release, upgrade.region, query, downgrade=False)
    if found is not None or upgrade.condition is None:
        return found
    # Who runs the version already is not asked whether it may be installed.
    if _same(upgrade.release.version, query.firmware_version):
        return None
    applies = condition_holds(upgrade.condition, query)
    return None if applies else Contradiction.NOT_APPLICABLE


# Conditions.

_NOTHING_KNOWN = ZwaveQuery(
    manufacturer_id=0, product_type=0, product_id=0, firmware_version="0.0"
)


def condition_holds(condition: str, query: ZwaveQuery) -> bool:
    """Return whether an ``$if`` holds for a device.

    Comparisons of ``firmwareVersion``, ``firmwareVersion[target]``, ``manufacturerId``,
    ``productType`` or ``productId`` with a version or a number, joined by ``&&``, ``||``
    and parentheses; ``&&`` binds closer. A version that is not known fulfils nothing.

    Raises ``FeedError``: FIELD_INVALID.
    """
    return _Condition(condition, query, "$if").holds()


class _Condition:
    """Reads a condition from left to right, and works it out on the way."""

    def __init__(self, text: str, query: ZwaveQuery, path: str) -> None:
        """Cut the text into tokens."""
        self._query = query
        self._path = path
        self._tokens = self._cut(text)
        self._next = 0
        self._depth = 0

    def holds(self) -> bool:
        value = self._either()
        if self._next < len(self._tokens):
            raise self._unreadable()
        return value

    def _unreadable(self) -> FeedError:
        return wrong(self._path, "is no condition that is understood")

    def _cut(self, text: str) -> list[tuple[str, str]]:
        tokens: list[tuple[str, str]] = []
        text, position = text.strip(), 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None or len(tokens) >= MAX_TOKENS:
                raise self._unreadable()
            tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        return tokens

    def _take(self, kind: str) -> str:
        """Return the next token, which must be of a kind."""
        if self._next >= len(self._tokens) or self._tokens[self._next][0] != kind:
            raise self._unreadable()
        self._next += 1
        return self._tokens[self._next - 1][1]

    def _skip(self, symbol: str) -> bool:
        """Pass over a symbol if it comes next."""
        follows = self._tokens[self._next : self._next + 1] == [("symbol", symbol)]
        self._next += follows
        return follows

    def _expect(self, symbol: str) -> None:
        if not self._skip(symbol):
            raise self._unreadable()

    def _either(self) -> bool:
        value = self._both()
        while self._skip("||"):
            # Both sides are read, even where the first one has settled it.
            other = self._both()
            value = value or other
        return value

    def _both(self) -> bool:
        value = self._single()
        while self._skip("&&"):
            other = self._single()
            value = value and other
        return value

    def _single(self) -> bool:
        if self._skip("("):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise self._unreadable()
            value = self._either()
            self._expect(")")
            self._depth -= 1
            return value
        return self._comparison()

    def _comparison(self) -> bool:
        left, is_version = self._left()
        compare = _COMPARISONS.get(self._take("symbol"))
        if compare is None:
            raise self._unreadable()
        right = self._right(is_version)
        return left is not None and compare(left, right)

    def _left(self) -> tuple[_Numbers | None, bool]:
        """Return what a name stands for, and whether that is a version."""
        query = self._query
        match self._take("name"):
            case "firmwareVersion":
                version: str | None = query.firmware_version
                if self._skip("["):
                    target = self._number()
                    self._expect("]")
                    version = query.other_versions.get(target) if target else version
                return version_numbers(version or ""), True
            case "manufacturerId":
                return (query.manufacturer_id,), False
            case "productType":
                return (query.product_type,), False
            case "productId":
                return (query.product_id,), False
        raise self._unreadable()

    def _number(self) -> int:
        text = self._take("number")
        number = int(text, 16) if text.startswith("0x") else int(text)
        if number > MAX_UINT16:
            raise self._unreadable()
        return number

    def _right(self, is_version: bool) -> _Numbers:
        if not is_version:
            return (self._number(),)
        numbers = version_numbers(self._take("version"))
        if numbers is None:
            raise self._unreadable()
        return numbers


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
