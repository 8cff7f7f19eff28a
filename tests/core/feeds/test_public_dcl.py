"""What Matter's ledger has on an offered version."""

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import aiohttp
from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import FeedError
from custom_components.nightlatch.core.feeds.conditional import ConditionalFetcher
from custom_components.nightlatch.core.feeds.dcl import (
    MAX_RECORDS,
    DclIndex,
    DclQuery,
    find,
    read_versions,
)
from custom_components.nightlatch.core.feeds.public_index import (
    MAX_NOTES,
    Contradiction,
    Fields,
    Finding,
    IndexedImage,
    IndexName,
    clean_notes,
    https_url,
    read_json,
    version_number,
)
from tests.rig.vendor_http import VendorServer

from .conftest import Clock
from .public import document, field_of, text

NUMBERS = (100, 200, 210, 300, 400)
pytestmark = pytest.mark.usefixtures("socket_enabled")

VERSIONS = document("dcl-versions.json")
RECORDS = [document(f"dcl-version-{number}.json") for number in NUMBERS]


def query(installed: int = 200) -> DclQuery:
    """Return what is known of the door."""
    return DclQuery(vendor_id=65521, product_id=4097, installed=installed)


def look(offered: str, installed: int = 200) -> Finding:
    """Find an offered version among all records."""
    return find(VERSIONS, RECORDS, query(installed), offered)


def changed(**fields: object) -> dict[str, Any]:
    """Return a record with other fields; ``...`` takes one away."""
    record = document("dcl-version-300.json")
    record["modelVersion"] |= fields
    record["modelVersion"] = {
        key: value for key, value in record["modelVersion"].items() if value is not ...
    }
    return dict(record)


def found_in(record: object) -> Finding:
    """Find version 300 in one record."""
    return find(VERSIONS, [record], query(), "300")


def test_the_record_of_the_offered_version_is_told() -> None:
    """With its image."""
    found = look("3.0")
    assert found.index is IndexName.DCL
    assert found.contradiction is None
    assert found.release is not None
    assert (found.release.version, found.release.number) == ("3.0", 300)
    assert found.release.url == "https://acme.example/notes/300"
    assert found.release.images == (
        IndexedImage(
            url="https://files.acme.example/door-300.ota",
            size=204800,
            digest="sha256:" + bytes(range(32)).hex(),
        ),
    )


@pytest.mark.parametrize(
    ("offered", "installed", "number", "contradiction"),
    [
        ("2.0", 100, 200, None),
        ("200", 100, 200, None),
        ("2.1", 200, 210, Contradiction.RECALLED),
        ("2.0", 300, 200, Contradiction.DOWNGRADE),
        ("3.0", 100, 400, Contradiction.NOT_APPLICABLE),
        ("3.0", 300, 400, None),
        ("3.0", 400, 400, None),
        ("3.0 (300)", 200, 300, None),
        ("3.0 (400)", 200, 400, Contradiction.NOT_APPLICABLE),
        ("2.0 (400)", 200, 400, Contradiction.NOT_APPLICABLE),
        ("9.9", 200, None, None),
        ("", 200, None, None),
    ],
)
def test_an_offer_is_held_against_its_record(
    offered: str,
    installed: int,
    number: int | None,
    contradiction: Contradiction | None,
) -> None:
    """By text, by number or both; two versions may share a text."""
    found = look(offered, installed)
    assert (found.release.number if found.release else None) == number
    assert found.contradiction is contradiction


def test_a_product_that_is_not_listed_has_nothing_against_it() -> None:
    """Neither with an answer of 404 nor with an empty list."""
    nothing = Finding(index=IndexName.DCL, release=None, contradiction=None)
    assert find(None, (), query(), "3.0") == nothing
    empty = {"modelVersions": {"vid": 65521, "pid": 4097, "softwareVersions": []}}
    assert find(empty, (), query(), "3.0") == nothing


def test_a_version_without_an_image_has_none() -> None:
    """The ledger's fields are there and empty."""
    found = look("1.0", 100)
    assert found.release is not None
    assert found.release.images == ()


@pytest.mark.parametrize(
    ("kind", "length", "name"),
    [
        (1, 32, "sha256"),
        (2, 16, "sha256-128"),
        (3, 15, "sha256-120"),
        (4, 12, "sha256-96"),
        (5, 8, "sha256-64"),
        (6, 4, "sha256-32"),
        (7, 48, "sha384"),
        (8, 64, "sha512"),
        (9, 28, "sha3-224"),
        (10, 32, "sha3-256"),
        (11, 48, "sha3-384"),
        (12, 64, "sha3-512"),
    ],
)
def test_every_kind_of_checksum_is_known(kind: int, length: int, name: str) -> None:
    """And its length is checked."""
    digest = bytes(range(length))
    encoded = base64.b64encode(digest).decode()
    found = found_in(changed(otaChecksumType=kind, otaChecksum=encoded))
    assert found.release is not None
    assert found.release.images[0].digest == f"{name}:{digest.hex()}"
    other = base64.b64encode(digest + b"!").decode()
    with pytest.raises(FeedError) as caught:
        found_in(changed(otaChecksumType=kind, otaChecksum=other))
    assert field_of(caught.value) == "modelVersion.otaChecksum"


@pytest.mark.parametrize("kind", [0, 13, ...])
def test_an_unknown_checksum_is_none(kind: object) -> None:
    """It is not guessed what it might be."""
    found = found_in(changed(otaChecksumType=kind))
    assert found.release is not None
    assert found.release.images[0].digest is None


@pytest.mark.parametrize("size", [204800, "204800"])
def test_a_size_is_a_number_or_a_text(size: object) -> None:
    """The ledger's gateway writes 64-bit numbers as texts."""
    found = found_in(changed(otaFileSize=size))
    assert found.release is not None
    assert found.release.images[0].size == 204800


def test_an_address_without_tls_is_not_passed_on() -> None:
    """Nor a size that is not there."""
    found = found_in(changed(otaUrl="http://files.acme.example/a", otaFileSize=...))
    assert found.release is not None
    assert found.release.images[0].url is None
    assert found.release.images[0].size is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"softwareVersionValid": ...}, "softwareVersionValid"),
        ({"softwareVersionValid": "true"}, "softwareVersionValid"),
        ({"softwareVersion": -1}, "softwareVersion"),
        ({"softwareVersion": True}, "softwareVersion"),
        ({"softwareVersion": 1 << 32}, "softwareVersion"),
        ({"softwareVersionString": 3}, "softwareVersionString"),
        ({"softwareVersionString": ""}, "softwareVersionString"),
        ({"softwareVersionString": "3\n"}, "softwareVersionString"),
        ({"softwareVersionString": "3" * 300}, "softwareVersionString"),
        ({"minApplicableSoftwareVersion": ...}, "minApplicableSoftwareVersion"),
        ({"maxApplicableSoftwareVersion": "9"}, "maxApplicableSoftwareVersion"),
        ({"otaFileSize": "many"}, "otaFileSize"),
        ({"otaFileSize": "9" * 19}, "otaFileSize"),
        ({"otaChecksum": "###"}, "otaChecksum"),
        ({"otaChecksum": "é"}, "otaChecksum"),
        ({"otaUrl": 1}, "otaUrl"),
        ({"vid": 1}, "vid"),
        ({"pid": 1}, "pid"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, object], field: str) -> None:
    """And nothing of the record counts."""
    with pytest.raises(FeedError) as caught:
        found_in(changed(**fields))
    assert field_of(caught.value) == f"modelVersion.{field}"


@pytest.mark.parametrize(
    ("versions", "field"),
    [
        ([], "(document)"),
        ({}, "modelVersions"),
        ({"modelVersions": []}, "modelVersions"),
        (
            {"modelVersions": {"vid": 65521, "pid": 4097, "softwareVersions": {}}},
            "modelVersions.softwareVersions",
        ),
        (
            {"modelVersions": {"vid": 65521, "pid": 4097, "softwareVersions": ["1"]}},
            "modelVersions.softwareVersions",
        ),
        (
            {
                "modelVersions": {
                    "vid": 65521,
                    "pid": 4097,
                    "softwareVersions": [1] * 2000,
                }
            },
            "modelVersions.softwareVersions",
        ),
    ],
)
def test_a_wrong_list_is_named(versions: object, field: str) -> None:
    """Also one that is too long."""
    with pytest.raises(FeedError) as caught:
        read_versions(versions, query())
    assert field_of(caught.value) == field


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["modelVersion", "modelVersions", "vid", "softwareVersions"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(json_values, json_values)
def test_any_json_is_read_or_refused(versions: object, record: object) -> None:
    """With the one error."""
    with contextlib.suppress(FeedError):
        find(versions, [record], query(), "3.0")


# What the indexes share.


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 200_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    """However deep."""
    with pytest.raises(FeedError) as caught:
        read_json(body, "index.json")
    assert field_of(caught.value) == "index.json"


def test_notes_are_cleaned_not_refused() -> None:
    """They cannot read otherwise than they are written."""
    assert clean_notes(" a\r\nb\rc\td\x00\x1b\u202e\ud800 ") == "a\nb\nc\td"
    long = clean_notes("x" * (MAX_NOTES + 5))
    assert len(long) == MAX_NOTES
    assert long.endswith("…")
    with pytest.raises(FeedError):
        Fields({"notes": 3}, "a").notes("notes")


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/",
        "https://",
        "https://me@a.example/",
        "https://:pw@a.example/",
        "https://[::1/",
        "https://a.example/ b",
        "https://a.example/\n",
        "https://a.example/" + "x" * 3000,
        "javascript:alert(1)",
        "",
    ],
)
def test_only_a_plain_https_url_is_passed_on(url: str) -> None:
    """Anything else is no address that anybody should follow."""
    assert https_url(url) is None
    assert https_url("https://a.example/b?c=d") == "https://a.example/b?c=d"


@pytest.mark.parametrize(
    ("offered", "number"),
    [
        ("12", 12),
        ("0x0000000C", 12),
        ("1.2", None),
        ("0x", None),
        ("-1", None),
        ("٣", None),
        ("9" * 5000, None),
    ],
)
def test_a_number_is_read_in_two_ways(offered: str, number: int | None) -> None:
    """As Zigbee2MQTT and as ZHA write it."""
    assert version_number(offered) == number


# Asking.


class Ledger:
    """A server with the ledger's answers."""

    def __init__(self) -> None:
        """Have all records."""
        self.files = {"65521/4097": text("dcl-versions.json").encode()}
        for number in NUMBERS:
            body = text(f"dcl-version-{number}.json").encode()
            self.files[f"65521/4097/{number}"] = body
        self.server = VendorServer(self.files.get)

    async def ask(
        self,
        session: aiohttp.ClientSession,
        cache: Path,
        offered: str,
        installed: int = 200,
    ) -> Finding:
        """Look an offer up."""
        fetcher = ConditionalFetcher(session, cache, Clock(), allow_loopback_http=True)
        await self.server.start()
        try:
            index = DclIndex(fetcher, url=self.server.url.rstrip("/"))
            return await index.lookup(query(installed), offered)
        finally:
            await self.server.stop()

    @property
    def asked(self) -> list[str]:
        """What was asked for, behind the product."""
        paths = [request.path for request in self.server.requests]
        return [path.removeprefix("65521/4097").lstrip("/") for path in paths]


async def test_newer_versions_are_asked_for_first(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Until one can be installed that has the offered text."""
    ledger = Ledger()
    found = await ledger.ask(session, tmp_path, "3.0")
    assert found == look("3.0")
    assert ledger.asked == ["", "400", "300"]


async def test_older_versions_are_asked_for_last(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """A version that was deleted meanwhile is passed over."""
    ledger = Ledger()
    del ledger.files["65521/4097/400"]
    found = await ledger.ask(session, tmp_path, "1.0", 210)
    assert found.contradiction is Contradiction.DOWNGRADE
    assert ledger.asked == ["", "400", "300", "210", "200", "100"]


async def test_a_number_needs_one_record(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """No other one is asked for."""
    ledger = Ledger()
    found = await ledger.ask(session, tmp_path, "2.1 (210)", 200)
    assert found.contradiction is Contradiction.RECALLED
    assert ledger.asked == ["", "210"]


async def test_an_unlisted_product_needs_one_question(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Which the ledger answers with 404."""
    ledger = Ledger()
    ledger.files.clear()
    assert (await ledger.ask(session, tmp_path, "3.0")).release is None
    assert ledger.asked == [""]


async def test_a_long_history_is_not_asked_for_whole(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The newest are."""
    ledger = Ledger()
    numbers = list(range(1000, 1100))
    listed = {"vid": 65521, "pid": 4097, "softwareVersions": numbers}
    ledger.files["65521/4097"] = json.dumps({"modelVersions": listed}).encode()
    found = await ledger.ask(session, tmp_path, "3.0")
    assert found.release is None
    assert len(ledger.asked) == 1 + MAX_RECORDS
