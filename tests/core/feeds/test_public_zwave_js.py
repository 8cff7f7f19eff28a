"""What the service of Z-Wave JS has on an offered version."""

from pathlib import Path
from typing import Any

import aiohttp
from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import FeedError
from custom_components.nightlatch.core.feeds.conditional import ConditionalFetcher
from custom_components.nightlatch.core.feeds.public_index import (
    Contradiction,
    IndexName,
)
from custom_components.nightlatch.core.feeds.zwave_js import (
    ZwaveJsIndex,
    ZwaveQuery,
    condition_holds,
    find,
    find_in_definition,
    parse_definition,
    request_for,
    version_numbers,
)
from tests.rig.vendor_http import VendorServer

from .conftest import Clock
from .public import document, field_of, text

pytestmark = pytest.mark.usefixtures("socket_enabled")

ANSWER = document("zwave-answer.json")


def bolt(
    version: str = "1.4", region: str | None = None, other: str | None = None
) -> ZwaveQuery:
    """Return what is known of a lock."""
    return ZwaveQuery(
        manufacturer_id=0x0452,
        product_type=4,
        product_id=1,
        firmware_version=version,
        region=region,
        other_versions={1: other} if other else {},
    )


def test_the_record_of_the_offered_version_is_told() -> None:
    """However the offer writes its patch number."""
    found = find(ANSWER, bolt(), "1.5")
    assert (found.index, found.lists_device) == (IndexName.ZWAVE_JS, True)
    assert found.contradiction is None
    assert found.release is not None
    assert (found.release.version, found.release.number) == ("1.5", None)
    assert found.release.notes == "* Version 1.5"
    (image,) = found.release.images
    assert image.digest == "sha256:" + "ab" * 32
    assert image.url == "https://files.acme.example/bolt-1.5.gbl"
    assert find(ANSWER, bolt(), "1.5.0") == found


@pytest.mark.parametrize(
    ("offered", "region", "contradiction", "listed"),
    [
        ("1.3", None, Contradiction.DOWNGRADE, True),
        ("1.6", None, None, True),
        ("1.7", "europe", None, True),
        ("1.7", "usa", Contradiction.OTHER_HARDWARE, True),
        ("1.7", None, None, False),
        ("1.8", None, None, False),
    ],
)
def test_an_offer_is_held_against_its_record(
    offered: str, region: str | None, contradiction: Contradiction | None, listed: bool
) -> None:
    """A beta is told as one, and is no contradiction."""
    found = find(ANSWER, bolt(region=region), offered)
    assert found.contradiction is contradiction
    assert (found.release is not None) is listed
    if found.release is not None:
        assert found.release.beta is (offered == "1.6")


def test_each_chip_has_its_file() -> None:
    """And a file without TLS has its hash still."""
    found = find(ANSWER, bolt(region="europe"), "1.7")
    assert found.release is not None
    first, second = found.release.images
    assert (first.target, first.url, first.digest) == (0, None, "sha256:" + "01" * 32)
    assert (second.target, second.url) == (1, "https://files.acme.example/b.hex")


def test_an_older_version_is_a_downgrade_whatever_the_service_says() -> None:
    """It may have been asked about another version."""
    assert find(ANSWER, bolt("2.0"), "1.5").contradiction is Contradiction.DOWNGRADE


def test_an_unknown_device_is_missing() -> None:
    """One without updates is there."""
    assert not find([], bolt(), "1.5").lists_device
    empty = [dict(ANSWER[0], updates=[])]
    assert find(empty, bolt(), "1.5").lists_device
    other = [dict(ANSWER[0], productId="0x0002")]
    assert not find(other, bolt(), "1.5").lists_device


def test_a_question_has_all_that_is_known() -> None:
    """The region and the other chips only where they are."""
    assert request_for(bolt()) == {
        "devices": [
            {
                "manufacturerId": "0x0452",
                "productType": "0x0004",
                "productId": "0x0001",
                "firmwareVersion": "1.4",
            }
        ]
    }
    asked: Any = request_for(bolt(region="usa", other="2.3"))
    assert asked["region"] == "usa"
    assert asked["devices"][0]["additionalFirmwareVersions"] == {"1": "2.3"}


def changed(**fields: object) -> list[dict[str, Any]]:
    """Return the answer with other fields in its first update."""
    update = {
        key: value
        for key, value in (ANSWER[0]["updates"][1] | fields).items()
        if value is not ...
    }
    return [dict(ANSWER[0], updates=[update])]


GOOD = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"version": "1"}, "version"),
        ({"version": ...}, "version"),
        ({"downgrade": ...}, "downgrade"),
        ({"downgrade": 0}, "downgrade"),
        ({"channel": "alpha"}, "channel"),
        ({"region": "moon"}, "region"),
        ({"changelog": 1}, "changelog"),
        ({"files": {}}, "files"),
        ({"files": [1]}, "files[0]"),
        ({"files": ...}, "integrity"),
        ({"files": [{"integrity": GOOD}]}, "files[0].url"),
        ({"files": [{"integrity": "md5:00", "url": "a"}]}, "files[0].integrity"),
        (
            {"files": [{"integrity": GOOD, "url": "a", "target": 256}]},
            "files[0].target",
        ),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, object], field: str) -> None:
    """With its place in the answer."""
    with pytest.raises(FeedError) as caught:
        find(changed(**fields), bolt(), "1.5")
    assert field_of(caught.value) == f"[0].updates[0].{field}"


@pytest.mark.parametrize(
    "answer", [{}, [1], [{}], [{"manufacturerId": 1}], [dict(ANSWER[0], updates=1)]]
)
def test_an_answer_is_a_list_of_devices(answer: object) -> None:
    """Anything else is refused."""
    with pytest.raises(FeedError):
        find(answer, bolt(), "1.5")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1.5", (1, 5, 0)),
        ("1.5.2", (1, 5, 2)),
        ("1", None),
        ("1.5-beta", None),
        ("1.5.2.3", None),
    ],
)
def test_versions_have_two_or_three_numbers(
    text: str, numbers: tuple[int, int, int] | None
) -> None:
    """A missing patch is 0."""
    assert version_numbers(text) == numbers


# The definition files.

DEFINITION = document("zwave-definition.json")


@pytest.mark.parametrize(
    ("query", "offered", "listed", "contradiction"),
    [
        (bolt(), "1.5", True, None),
        (bolt("1.6"), "1.5", True, Contradiction.DOWNGRADE),
        (bolt("1.6", "europe"), "1.8", True, None),
        (bolt("1.6", "usa"), "1.8", True, None),
        (bolt("1.6", "japan"), "1.8", True, Contradiction.OTHER_HARDWARE),
        (bolt("1.4", "europe"), "1.8", True, Contradiction.NOT_APPLICABLE),
        (bolt("1.8", "europe"), "1.8", True, None),
        (bolt(other="2.0"), "1.9", True, None),
        (bolt(other="1.9"), "1.9", True, Contradiction.NOT_APPLICABLE),
        (bolt(), "1.9", True, Contradiction.NOT_APPLICABLE),
        (bolt("0.9"), "1.5", False, None),
        (bolt("2.0"), "1.5", False, None),
    ],
)
def test_a_definition_is_evaluated(
    query: ZwaveQuery, offered: str, listed: bool, contradiction: Contradiction | None
) -> None:
    """Its conditions, regions and versions of devices."""
    found = find_in_definition(parse_definition(DEFINITION), query, offered)
    assert found.lists_device is listed
    assert found.contradiction is contradiction
    assert (found.release is not None) is listed


def test_a_definition_may_be_for_every_version() -> None:
    """And is for its own devices only."""
    device = dict(DEFINITION["devices"][0])
    del device["firmwareVersion"]
    definition = parse_definition(dict(DEFINITION, devices=[device]))
    assert find_in_definition(definition, bolt("0.1"), "1.5").lists_device
    other = ZwaveQuery(
        manufacturer_id=1, product_type=4, product_id=1, firmware_version="1.4"
    )
    assert not find_in_definition(definition, other, "1.5").lists_device


def test_a_definition_without_a_region_is_for_those_who_do_not_know_theirs() -> None:
    """As the service has it."""
    definition = parse_definition(DEFINITION)
    assert find_in_definition(definition, bolt("1.6"), "1.8").release is None


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("firmwareVersion >= 1.4", True),
        ("firmwareVersion > 1.4", False),
        ("firmwareVersion <= 1.4.0", True),
        ("firmwareVersion < 1.10", True),
        ("firmwareVersion === 1.4", True),
        ("firmwareVersion == 1.4.1", False),
        ("firmwareVersion !== 1.4", False),
        ("firmwareVersion != 1.5", True),
        ("firmwareVersion[0] === 1.4", True),
        ("firmwareVersion[1] >= 2.0", True),
        ("firmwareVersion[2] >= 0.0", False),
        ("firmwareVersion[2] !== 1.0", False),
        ("productId === 0x0001 && productType === 4", True),
        ("manufacturerId === 0x0452", True),
        ("productId === 2 || firmwareVersion < 1.0", False),
        # && binds closer than ||.
        ("productId === 1 || productId === 2 && productId === 3", True),
        ("(productId === 1 || productId === 2) && productId === 3", False),
        ("((firmwareVersion >= 1.0)) && (firmwareVersion < 2.0)", True),
    ],
)
def test_conditions_are_worked_out(condition: str, holds: bool) -> None:
    """As the service does it."""
    assert condition_holds(condition, bolt(other="2.1")) is holds


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "firmwareVersion",
        "firmwareVersion >= ",
        "firmwareVersion >= 1",
        "firmwareVersion >= firmwareVersion",
        "firmwareVersion >= 1.2.3.4",
        "firmwareVersion >= 1000.0",
        "firmwareVersion && 1.0",
        "firmwareVersion[1 >= 1.0",
        "firmwareVersion >= 1.0 &&",
        "firmwareVersion >= 1.0 firmwareVersion",
        "(firmwareVersion >= 1.0",
        "productId === 1.0",
        "productId === 0x10000",
        "battery > 50",
        "__import__('os')",
        "firmwareVersion >= 1.0; 1",
        "(" * 100,
        "(" * 2000,
        "productId === 1 || " * 100,
    ],
)
def test_other_conditions_are_refused(condition: str) -> None:
    """Nothing of them is carried out."""
    with pytest.raises(FeedError) as caught:
        condition_holds(condition, bolt())
    assert field_of(caught.value) == "$if"
    definition = dict(DEFINITION)
    definition["upgrades"] = [dict(DEFINITION["upgrades"][0], **{"$if": condition})]
    with pytest.raises(FeedError) as caught:
        parse_definition(definition)
    assert field_of(caught.value) == "upgrades[0].$if"


@given(st.text("()&|<>=!.[] 01xfirmwareVersionproductId", max_size=120))
def test_any_condition_is_worked_out_or_refused(condition: str) -> None:
    """With the one error."""
    try:
        result = condition_holds(condition, bolt())
    except FeedError:
        result = False
    assert isinstance(result, bool)


async def test_the_service_is_asked(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """With a named agent; where there is no service, nothing is listed."""
    files = {"updates": text("zwave-answer.json").encode()}
    server = VendorServer(files.get)
    await server.start()
    fetcher = ConditionalFetcher(session, tmp_path, Clock(), allow_loopback_http=True)
    index = ZwaveJsIndex(fetcher, url=f"{server.url}updates")
    assert await index.lookup(bolt(), "1.5") == find(ANSWER, bolt(), "1.5")
    assert server.requests[0].method == "POST"
    assert "Nightlatch" in server.requests[0].headers["User-Agent"]
    gone = ZwaveJsIndex(fetcher, url=f"{server.url}gone")
    assert not (await gone.lookup(bolt(), "1.5")).lists_device
    await server.stop()
