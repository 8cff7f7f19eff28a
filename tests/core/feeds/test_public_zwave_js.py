"""What the service of Z-Wave JS has on an offered version."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from custom_components.nightlatch.core.errors import FeedError
from custom_components.nightlatch.core.feeds.conditional import ConditionalFetcher
from custom_components.nightlatch.core.feeds.public_index import (
    Contradiction,
    Finding,
    IndexName,
)
from custom_components.nightlatch.core.feeds.zwave_js import (
    ZwaveJsIndex,
    ZwaveQuery,
    find,
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
    assert found.index is IndexName.ZWAVE_JS
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
    """One without updates is there; nothing is known against either."""
    nothing = Finding(index=IndexName.ZWAVE_JS, release=None, contradiction=None)
    assert find([], bolt(), "1.5") == nothing
    empty = [dict(ANSWER[0], updates=[])]
    assert find(empty, bolt(), "1.5") == nothing
    other = [dict(ANSWER[0], productId="0x0002")]
    assert find(other, bolt(), "1.5") == nothing


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
    assert (await gone.lookup(bolt(), "1.5")).release is None
    await server.stop()
