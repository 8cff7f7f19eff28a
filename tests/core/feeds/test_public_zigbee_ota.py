"""What the collection of Zigbee images has on an offered version."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds.conditional import ConditionalFetcher
from custom_components.nightlatch.core.feeds.public_index import (
    Contradiction,
    Finding,
    IndexName,
)
from custom_components.nightlatch.core.feeds.zigbee_ota import (
    Recall,
    ZigbeeOtaIndex,
    ZigbeeQuery,
    find,
    parse_recalls,
)
from tests.rig.vendor_http import VendorServer

from .conftest import Clock
from .public import document, field_of, text

pytestmark = pytest.mark.usefixtures("socket_enabled")

DOCUMENTS = (document("zigbee-index.json"), document("zigbee-index1.json"))
RECALLS = parse_recalls(text("zigbee-retracted.md"))


def door(
    model: str | None, installed: int = 1, maker: str | None = None
) -> ZigbeeQuery:
    """Return one of three locks that share their numbers."""
    return ZigbeeQuery(
        manufacturer_code=0x115F,
        image_type=257,
        model_id=model,
        manufacturer_name=maker,
        installed=installed,
    )


def bolt(model: str | None = "Bolt 3", installed: int = 0x11030000) -> ZigbeeQuery:
    """Return a lock whose newest record names no model."""
    return ZigbeeQuery(
        manufacturer_code=0x115C,
        image_type=4,
        model_id=model,
        manufacturer_name=None,
        installed=installed,
    )


def gate(
    installed: int = 0x10, hardware: int | None = 2, maker: str | None = "ACME"
) -> ZigbeeQuery:
    """Return a lock whose records have all bounds."""
    return ZigbeeQuery(
        manufacturer_code=0x1234,
        image_type=7,
        model_id="Gate",
        manufacturer_name=maker,
        installed=installed,
        hardware_version=hardware,
    )


def look(query: ZigbeeQuery, offered: str, recalls: tuple[Recall, ...] = ()) -> Finding:
    """Find an offered version."""
    return find(DOCUMENTS, recalls, query, offered)


def test_the_record_of_the_offered_version_is_told() -> None:
    """With its image and cleaned notes."""
    found = look(bolt(), "0x11070000")
    assert found.index is IndexName.ZIGBEE_OTA
    assert found.contradiction is None
    assert found.release is not None
    assert found.release.number == 0x11070000
    assert found.release.version == str(0x11070000)
    assert found.release.notes == "Locks\nbetter."
    (image,) = found.release.images
    assert image.url == "https://files.acme.example/bolt-17-7.ota"
    assert image.digest == "sha512:" + "00" * 64
    assert look(bolt(), str(0x11070000)) == found


@pytest.mark.parametrize(
    ("model", "offered", "number", "contradiction"),
    [
        ("acme.lock.one", "19", 19, None),
        ("acme.lock.two", "9", 9, None),
        ("acme.lock.three", "13", 13, None),
        ("acme.lock.two", "19", None, Contradiction.OTHER_MODEL),
        ("acme.lock.two", "20", None, None),
        ("acme.lock.four", "9", None, Contradiction.OTHER_MODEL),
        (None, "9", None, Contradiction.OTHER_MODEL),
        ("acme.lock.one", "1.9", None, None),
    ],
)
def test_models_that_share_their_numbers_are_told_apart(
    model: str | None,
    offered: str,
    number: int | None,
    contradiction: Contradiction | None,
) -> None:
    """An image for one of them would make a brick of another."""
    found = look(door(model), offered)
    assert (found.release.number if found.release else None) == number
    assert found.contradiction is contradiction


def test_a_record_without_a_model_is_for_whoever_is_named_with_its_numbers() -> None:
    """Whether it is for another model nobody knows; that is no veto."""
    assert look(bolt("Bolt 3"), "0x11070000").release is not None
    other = look(bolt("Bolt 4"), "0x11070000")
    assert other.release is None
    assert other.contradiction is None
    # The image itself is the one that is offered.
    source = "https://files.acme.example/bolt-17-7.ota"
    told = find(DOCUMENTS, (), bolt("Bolt 4"), "0x11070000", source)
    assert told.release is not None
    assert told.contradiction is None
    elsewhere = find(DOCUMENTS, (), bolt("Bolt 4"), "0x11070000", f"{source}.old")
    assert elsewhere.release is None
    # Where no record names one, it is for all.
    alone = find([DOCUMENTS[0]], (), bolt(None), "0x11070000")
    assert alone.release is not None


@pytest.mark.parametrize(
    ("query", "contradiction"),
    [
        (gate(), None),
        (gate(hardware=None), None),
        (gate(hardware=1), None),
        (gate(hardware=4), Contradiction.OTHER_HARDWARE),
        (gate(installed=0x20), None),
        (gate(installed=0x21), Contradiction.DOWNGRADE),
        (gate(installed=0x0F, maker="Acme Inc."), Contradiction.NOT_APPLICABLE),
        (gate(maker="Other"), Contradiction.OTHER_MODEL),
        (gate(maker=None), Contradiction.OTHER_MODEL),
    ],
)
def test_bounds_are_respected(
    query: ZigbeeQuery, contradiction: Contradiction | None
) -> None:
    """Of the installed version, of the hardware and of the maker's name."""
    assert look(query, "32").contradiction is contradiction


def test_a_device_that_is_not_listed_has_nothing_against_it() -> None:
    """Its numbers are in no record."""
    query = ZigbeeQuery(
        manufacturer_code=1,
        image_type=1,
        model_id="Bolt 3",
        manufacturer_name=None,
        installed=1,
    )
    found = look(query, "9")
    assert found.release is None
    assert found.contradiction is None


@pytest.mark.parametrize(
    ("query", "offered", "contradiction"),
    [
        (bolt(), "0x11070000", Contradiction.RECALLED),
        (bolt(), "0x11040000", None),
        (bolt("Bolt 4"), "0x11070000", None),
        (door("acme.lock.two"), "9", Contradiction.RECALLED),
        (door("acme.lock.one"), "19", None),
        (gate(), "32", None),
        (gate(hardware=0), "32", None),
    ],
)
def test_a_recall_counts(
    query: ZigbeeQuery, offered: str, contradiction: Contradiction | None
) -> None:
    """By model and version in words."""
    recalls = tuple(recall for recall in RECALLS if "gate-20.ota" not in recall.files)
    assert look(query, offered, recalls).contradiction is contradiction


def test_a_recall_counts_by_file_name() -> None:
    """If the record is the one with that file."""
    found = look(gate(), "32", RECALLS)
    # The other record of the version is for other hardware.
    assert found.contradiction is Contradiction.RECALLED
    assert found.release is not None


def test_a_recall_counts_by_numbers() -> None:
    """Also when the record is gone from the indexes."""
    query = ZigbeeQuery(
        manufacturer_code=0x1001,
        image_type=2,
        model_id="Other",
        manufacturer_name=None,
        installed=1,
    )
    assert look(query, "10", RECALLS).contradiction is Contradiction.RECALLED
    assert look(query, "11", RECALLS).contradiction is None


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("Shutter v21", 21),
        ("Shutter v24.4.5", 0x24040005),
        ("Shutter v1.0.6", 0x00001006),
        ("Shutter v17.7.0", 0x11070000),
        ("Shutter 1.2.3.4", 0x01020304),
        ("Shutter v2.3.4", 0x00020304),
    ],
)
def test_versions_in_words_are_those_of_makers(words: str, number: int) -> None:
    """Each maker packs them in another way."""
    (recall,) = parse_recalls(f"## Retracted\n\n### Maker\n* **{words}**\n")
    query = ZigbeeQuery(
        manufacturer_code=1,
        image_type=1,
        model_id="shutter",
        manufacturer_name=None,
        installed=1,
    )
    assert recall.covers(query, number, None)
    assert not recall.covers(query, number + 0x0100_0000, None)


def test_a_table_may_have_only_words() -> None:
    """Then the words count, and a version's column."""
    (recall,) = (recall for recall in RECALLS if "Shutter" in recall.name)
    assert "1.0.6" in recall.versions
    (other,) = parse_recalls("|Thing|\n|---|\n|Lock v3|\n")
    assert other.versions == {"3"}


def changed(**fields: object) -> dict[str, Any]:
    """Return a record with other fields; ``...`` takes one away."""
    record = dict(DOCUMENTS[0][1]) | fields
    return {key: value for key, value in record.items() if value is not ...}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"manufacturerCode": ...}, "manufacturerCode"),
        ({"manufacturerCode": 0x10000}, "manufacturerCode"),
        ({"imageType": "257"}, "imageType"),
        ({"fileVersion": ...}, "fileVersion"),
        ({"fileVersion": 1.5}, "fileVersion"),
        ({"fileSize": -1}, "fileSize"),
        ({"fileName": ...}, "fileName"),
        ({"sha512": "ab"}, "sha512"),
        ({"url": 1}, "url"),
        ({"modelId": 1}, "modelId"),
        ({"manufacturerName": "ACME"}, "manufacturerName"),
        ({"manufacturerName": [1]}, "manufacturerName"),
        ({"minFileVersion": "1"}, "minFileVersion"),
        ({"hardwareVersionMax": True}, "hardwareVersionMax"),
        ({"releaseNotes": []}, "releaseNotes"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, object], field: str) -> None:
    """If the record has the numbers of the device."""
    with pytest.raises(FeedError) as caught:
        find([[changed(**fields)]], (), door("acme.lock.one"), "19")
    assert field_of(caught.value) == f"[0].{field}"


@pytest.mark.parametrize("value", [{}, None, "x"])
def test_an_index_is_a_list(value: object) -> None:
    """Of objects."""
    with pytest.raises(FeedError):
        find([value], (), door("acme.lock.one"), "19")
    with pytest.raises(FeedError):
        find([[value or 3]] if value != {} else [[3]], (), door(None), "19")


def test_a_slip_elsewhere_does_no_harm() -> None:
    """Other devices' records are not looked into."""
    odd = changed(imageType=3, fileVersion="?")
    assert find([[odd]], (), door("acme.lock.one"), "19").release is None


@given(st.text(max_size=300) | st.text("|-#* \nv1.2ota", max_size=200))
def test_any_list_of_recalls_is_read(listed: str) -> None:
    """People write it, so nothing in it is an error."""
    for recall in parse_recalls(listed):
        recall.covers(bolt(), 0x11070000, "bolt.ota")


@pytest.fixture
async def collection() -> AsyncIterator[Collection]:
    """Return a server with the whole collection."""
    collection = Collection()
    await collection.server.start()
    yield collection
    await collection.server.stop()


class Collection:
    """A server with the collection's lists."""

    def __init__(self) -> None:
        """Have all of them."""
        self.files = {
            "index.json": text("zigbee-index.json").encode(),
            "index1.json": text("zigbee-index1.json").encode(),
            "retracted-images/README.md": text("zigbee-retracted.md").encode(),
        }
        self.server = VendorServer(self.files.get)

    def index(self, session: aiohttp.ClientSession, cache: Path) -> ZigbeeOtaIndex:
        """Return who asks it."""
        fetcher = ConditionalFetcher(session, cache, Clock(), allow_loopback_http=True)
        return ZigbeeOtaIndex(fetcher, url=self.server.url.rstrip("/"))


async def test_the_collection_is_asked(
    session: aiohttp.ClientSession, tmp_path: Path, collection: Collection
) -> None:
    """For both indexes and the recalls, once."""
    index = collection.index(session, tmp_path)
    found = await index.lookup(bolt(), "0x11070000")
    assert found.contradiction is Contradiction.RECALLED
    assert (await index.lookup(bolt(), "0x11040000")).release is not None
    assert len(collection.server.requests) == 3


def test_a_recall_of_an_image_without_a_model_counts_by_file_name() -> None:
    """Also for a lock of which nobody knows whether the image is for it."""
    (name,) = (
        each["fileName"]
        for document in DOCUMENTS
        for each in document
        if each["fileVersion"] == 0x11070000
    )
    recalls = parse_recalls(f"| file |\n|---|\n| {name} |\n")
    found = look(bolt("Bolt 4"), "0x11070000", recalls)
    assert found.contradiction is Contradiction.RECALLED


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("https://files.acme.example/bolt-17-7.ota", 0x11070000),
        (None, None),
        ("https://files.acme.example/another.ota", None),
    ],
)
async def test_the_image_on_offer_tells_the_numbers(
    session: aiohttp.ClientSession,
    tmp_path: Path,
    collection: Collection,
    source: str | None,
    number: int | None,
) -> None:
    """Though its record names no model, as most of them."""
    index = collection.index(session, tmp_path)
    collection.files["retracted-images/README.md"] = b""
    found = await index.lookup_named(
        "Nobody's", None, 0x11030000, str(0x11070000), source=source
    )
    assert (found.release.number if found.release else None) == number
    assert found.contradiction is None


async def test_the_versions_before_may_be_missing(
    session: aiohttp.ClientSession, tmp_path: Path, collection: Collection
) -> None:
    """Then only the newest are listed."""
    del collection.files["index1.json"]
    index = collection.index(session, tmp_path)
    assert (await index.lookup(bolt(), "0x11040000")).release is None


@pytest.mark.parametrize("name", ["index.json", "retracted-images/README.md"])
async def test_the_other_lists_must_not_be_missing(
    session: aiohttp.ClientSession, tmp_path: Path, collection: Collection, name: str
) -> None:
    """Without them nobody knows whether an image was recalled."""
    del collection.files[name]
    with pytest.raises(FeedError) as caught:
        await collection.index(session, tmp_path).lookup(bolt(), "0x11040000")
    assert caught.value.reason is FeedProblem.HTTP_STATUS
    assert caught.value.details["file"] == name
