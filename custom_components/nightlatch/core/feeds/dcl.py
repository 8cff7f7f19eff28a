"""Matter's Distributed Compliance Ledger (DCL).

A maker writes each version of a Matter product to the ledger, with the place and the
hash of its image, and with which installed versions it is for. A version is taken back
by setting ``softwareVersionValid`` to false.

Sources: distributed-compliance-ledger, docs/transactions/model.md (fields of
ADD_MODEL_VERSION and EDIT_MODEL_VERSION) and its REST paths under ``/dcl/model``;
Matter Core Specification 1.4.1, 11.23.7 (DeviceSoftwareVersionModel schema). The REST
answer is plain JSON: that a record is the maker's is the ledger's word, which is not
checked here.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
import re
from typing import Final

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
    version_number,
    wrong,
)

DCL_URL: Final = "https://on.dcl.csa-iot.org/dcl/model/versions"
"""The main net, which certified products are on."""
MAX_LISTED: Final = 1024
"""Versions of one product."""
MAX_RECORDS: Final = 48
"""Records that are asked for to find one version."""
MAX_DOCUMENT: Final = 64 * 1024
"""Bytes."""
MAX_AGE: Final = timedelta(days=1)

# otaChecksumType is a number of IANA's "Named Information Hash Algorithm Registry"
# (RFC 6920, 9.4), by which 2 to 6 are SHA-256 cut to its first bits.
_CHECKSUMS: Final = {
    1: ("sha256", 32),
    2: ("sha256-128", 16),
    3: ("sha256-120", 15),
    4: ("sha256-96", 12),
    5: ("sha256-64", 8),
    6: ("sha256-32", 4),
    7: ("sha384", 48),
    8: ("sha512", 64),
    9: ("sha3-224", 28),
    10: ("sha3-256", 32),
    11: ("sha3-384", 48),
    12: ("sha3-512", 64),
}
# Home Assistant's Matter integration writes the number after a text that two versions
# share.
_WITH_NUMBER = re.compile(r"(.+) \(([0-9]{1,10})\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DclQuery:
    """What is known of a Matter device: of its Basic Information cluster."""

    vendor_id: int
    product_id: int
    installed: int
    """``SoftwareVersion``, not its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    number: int
    valid: bool
    minimum: int
    maximum: int
    release: IndexedRelease

    def contradiction(self, installed: int) -> Contradiction | None:
        if not self.valid:
            return Contradiction.RECALLED
        if self.number < installed:
            return Contradiction.DOWNGRADE
        # Who runs the version already is not asked whether it may be installed.
        if self.number != installed and not self.minimum <= installed <= self.maximum:
            return Contradiction.NOT_APPLICABLE
        return None


def find(
    versions: object | None, records: Sequence[object], query: DclQuery, offered: str
) -> Finding:
    """Find the offered version among the records of a product.

    ``versions`` is the answer to ``/{vid}/{pid}``, ``None`` if there was none; and
    ``records`` are answers to ``/{vid}/{pid}/{softwareVersion}``. A version is offered
    by its text, its number, or by both as ``1.0.1.1 (1011)``.

    Raises ``FeedError``: FIELD_INVALID.
    """
    if versions is None:
        return _finding(None, query)
    # What is not about the product that was asked for is refused.
    read_versions(versions, query)
    found = [_read_record(record, query) for record in records]
    return _finding(_offered(found, query, offered), query)


def read_versions(document: object, query: DclQuery) -> list[int]:
    """Return the numbers of all versions of a product, the newest first.

    Raises ``FeedError``: FIELD_INVALID.
    """
    fields = Fields(document).part("modelVersions")
    _check_product(fields, query)
    numbers = fields.numbers("softwareVersions", MAX_UINT32, MAX_LISTED)
    return sorted(set(numbers), reverse=True)


def _check_product(fields: Fields, query: DclQuery) -> None:
    for name, expected in (("vid", query.vendor_id), ("pid", query.product_id)):
        if fields.number(name, MAX_UINT16) != expected:
            raise wrong(fields.path(name), "is not the one that was asked for")


def _finding(record: _Record | None, query: DclQuery) -> Finding:
    return Finding(
        index=IndexName.DCL,
        release=record.release if record else None,
        contradiction=record.contradiction(query.installed) if record else None,
    )


def _offered(
    records: Sequence[_Record], query: DclQuery, offered: str
) -> _Record | None:
    named = [record for record in records if _is(record, offered)]
    # Versions may share a text. The offer is the one that can be installed, and the
    # newest of several.
    return max(
        named,
        key=lambda record: (
            record.contradiction(query.installed) is None,
            record.number,
        ),
        default=None,
    )


def _is(record: _Record, offered: str) -> bool:
    if match := _WITH_NUMBER.fullmatch(offered):
        # The number counts; a maker may write the text otherwise than its device does.
        return int(match[2]) == record.number
    return offered == record.release.version or version_number(offered) == record.number


def _read_record(document: object, query: DclQuery) -> _Record:
    fields = Fields(document).part("modelVersion")
    _check_product(fields, query)
    number = fields.number("softwareVersion", MAX_UINT32)
    return _Record(
        number=number,
        valid=fields.flag("softwareVersionValid"),
        minimum=fields.number("minApplicableSoftwareVersion", MAX_UINT32),
        maximum=fields.number("maxApplicableSoftwareVersion", MAX_UINT32),
        release=IndexedRelease(
            version=fields.text("softwareVersionString"),
            number=number,
            notes=fields.notes("firmwareInformation"),
            url=fields.url("releaseNotesUrl"),
            images=_images(fields),
        ),
    )


def _images(fields: Fields) -> tuple[IndexedImage, ...]:
    url = fields.url("otaUrl")
    size = fields.long_number("otaFileSize")
    digest = _digest(fields)
    # A record without an image has empty fields.
    if url is None and not size and digest is None:
        return ()
    return (IndexedImage(url=url, size=size or None, digest=digest),)


def _digest(fields: Fields) -> str | None:
    kind = fields.maybe_number("otaChecksumType", MAX_UINT32)
    text = fields.maybe_text("otaChecksum")
    if text is None or kind not in _CHECKSUMS:
        return None
    name, length = _CHECKSUMS[kind]
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as err:
        raise wrong(fields.path("otaChecksum"), "must be Base64") from err
    if len(digest) != length:
        raise wrong(fields.path("otaChecksum"), f"must be {length} bytes of {name}")
    return f"{name}:{digest.hex()}"


class DclIndex:
    """Asks the ledger."""

    def __init__(self, fetcher: ConditionalFetcher, *, url: str = DCL_URL) -> None:
        """Take how to fetch, and another place to ask than the main net."""
        self._fetcher = fetcher
        self._url = url

    async def lookup(
        self,
        query: DclQuery,
        offered: str,
        *,
        max_age: timedelta = MAX_AGE,
        max_stale: timedelta = MAX_STALE,
    ) -> Finding:
        """Ask what the ledger has on the offered version.

        The list of versions has numbers only, so records are asked for until one has
        the offered text: newer ones than the installed first, the newest of them
        before others, ``MAX_RECORDS`` at most.

        Raises ``FeedError`` with a reason of ``ConditionalFetcher.get``, or
        FIELD_INVALID.
        """
        product = f"{self._url}/{query.vendor_id}/{query.product_id}"

        async def get(url: str) -> object | None:
            body = await self._fetcher.get(
                url, limit=MAX_DOCUMENT, max_age=max_age, max_stale=max_stale
            )
            return None if body is None else read_json(body, url.rpartition("/")[2])

        versions = await get(product)
        if versions is None:
            return find(None, (), query, offered)
        records: list[object] = []
        found = find(versions, records, query, offered)
        for number in _in_order(read_versions(versions, query), query, offered):
            # A version can be deleted between the two answers.
            if (record := await get(f"{product}/{number}")) is None:
                continue
            records.append(record)
            found = find(versions, records, query, offered)
            if found.release is not None and found.contradiction is None:
                break
        return found


def _in_order(numbers: list[int], query: DclQuery, offered: str) -> list[int]:
    """Return the numbers to ask for; only one where the offer itself is a number."""
    match = _WITH_NUMBER.fullmatch(offered)
    number = int(match[2]) if match else version_number(offered)
    if number in numbers:
        return [number]
    # The numbers come with the newest first, and so they stay among equals.
    return sorted(numbers, key=lambda one: one <= query.installed)[:MAX_RECORDS]
