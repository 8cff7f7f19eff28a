"""What public indexes add to what another integration offers, where the owner lets."""

import asyncio
from datetime import timedelta
import hashlib
import json
from typing import Any, override

from aiohttp import web
from aiohttp.test_utils import TestServer
import pytest

from custom_components.nightlatch import indexes as public_indexes
from custom_components.nightlatch.adapters.zigbee_offer import ToldOffer, told_offer
from custom_components.nightlatch.caches import INDEXES, cache_of
from custom_components.nightlatch.core.feeds.conditional import ConditionalFetcher
from custom_components.nightlatch.core.feeds.dcl import DclQuery
from custom_components.nightlatch.core.feeds.public_index import IndexName
from custom_components.nightlatch.core.feeds.zigbee_ota import ZigbeeOtaIndex
from custom_components.nightlatch.core.feeds.zwave_js import ZwaveQuery
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util
from tests.core.firmware.test_zigbee import PLAIN, SIGNATURE, gbl

from .flows import until
from .zigbee_house import NEW, ZigbeeHouse

IMAGE_URL = "https://images.example/side-door.ota"
SIGNED, UNSIGNED = gbl(*PLAIN, *SIGNATURE), gbl(*PLAIN)


class Collection:
    """A collection of images as Zigbee2MQTT's, on this machine."""

    away = False
    served: bytes | None = SIGNED

    def __init__(self) -> None:
        """Begin with one image."""
        self.image = SIGNED
        self.recalls = ""
        self.fields: dict[str, Any] = {}
        self.asked: list[str] = []
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self.server = TestServer(app)

    def record(self) -> dict[str, Any]:
        """Return what is listed."""
        return {
            "fileName": "side-door.ota",
            "fileVersion": NEW,
            "fileSize": len(self.image),
            "imageType": 4,
            "manufacturerCode": 0x115C,
            "modelId": "V3-BTZB",
            "otaHeaderString": "",
            "sha512": hashlib.sha512(self.image).hexdigest(),
            "url": IMAGE_URL,
            "releaseNotes": "The bolt stops earlier.",
            **self.fields,
        }

    async def _answer(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        self.asked.append(path)
        if self.away:
            return web.Response(status=503)
        if path.endswith("index.json"):
            return web.Response(text=json.dumps([self.record()]))
        if path.endswith(".md"):
            return web.Response(text=self.recalls)
        return web.Response(status=404)


@pytest.fixture
async def collection(socket_enabled: None) -> Any:
    """Run a collection."""
    collection = Collection()
    await collection.server.start_server(host="127.0.0.1")
    yield collection
    await collection.server.close()


class Fetcher(ConditionalFetcher):
    """Takes images, which must be at HTTPS addresses, from the collection."""

    collection: Collection

    @override
    async def get(self, url: str, **limits: Any) -> bytes | None:
        """Return a document."""
        if url == IMAGE_URL:
            return self.collection.served
        return await super().get(url, **limits)


def let(house: ZigbeeHouse, collection: Collection, *indexes: str) -> None:
    """Let indexes be asked; that of Zigbee is the one on this machine."""
    fetcher = Fetcher(
        async_get_clientsession(house.hass),
        cache_of(house.hass, INDEXES),
        dt_util.utcnow,
        allow_loopback_http=True,
    )
    fetcher.collection = collection
    asking = house.runtime.indexes
    asking.zigbee_ota = ZigbeeOtaIndex(
        fetcher, url=str(collection.server.make_url("/")).rstrip("/")
    )
    asking._fetcher = fetcher
    house.runtime.settings.async_set_option("indexes", list(indexes))


async def test_nobody_is_asked_unless_the_owner_lets(
    zigbee_house: ZigbeeHouse, collection: Collection
) -> None:
    """Which locks a home has is nobody's business."""
    let(zigbee_house, collection)
    await zigbee_house.hass.async_block_till_done(wait_background_tasks=True)
    let(zigbee_house, collection, "dcl", "zwave_js")
    await zigbee_house.hass.async_block_till_done(wait_background_tasks=True)
    assert collection.asked == []
    assert zigbee_house.managed.known is None


@pytest.mark.parametrize(
    ("image", "evidence"),
    [(SIGNED, "signature_present"), (UNSIGNED, "integrity_only")],
)
async def test_what_is_known_is_shown(
    zigbee_house: ZigbeeHouse, collection: Collection, image: bytes, evidence: str
) -> None:
    """Release notes, and whether the image carries a signature at all."""
    collection.image = collection.served = image
    let(zigbee_house, collection, "zigbee_ota")
    await until(lambda: zigbee_house.managed.known is not None)
    state = zigbee_house.state()
    assert state.attributes["evidence"] == evidence
    assert state.attributes["release_summary"] == "The bolt stops earlier."


async def test_a_contradiction_is_a_veto(
    zigbee_house: ZigbeeHouse, collection: Collection
) -> None:
    """Whatever the other integration offers."""
    collection.fields["minFileVersion"] = NEW - 1
    let(zigbee_house, collection, "zigbee_ota")
    await until(lambda: zigbee_house.managed.known is not None)
    with pytest.raises(HomeAssistantError) as caught:
        await zigbee_house.install()
    placeholders = caught.value.translation_placeholders
    assert placeholders is not None
    assert "not for a lock that runs" in placeholders["blockers"]
    assert zigbee_house.bridge.requests == []


async def test_a_recall_at_the_last_moment_is_heard(
    zigbee_house: ZigbeeHouse, collection: Collection
) -> None:
    """It is asked once more before anything is told to the other integration."""
    let(zigbee_house, collection, "zigbee_ota")
    await until(lambda: zigbee_house.managed.known is not None)
    collection.recalls = "| file |\n|---|\n| side-door.ota |\n"
    with pytest.raises(HomeAssistantError) as caught:
        await zigbee_house.install()
    placeholders = caught.value.translation_placeholders
    assert placeholders is not None
    assert "taken back" in placeholders["blockers"]
    assert zigbee_house.bridge.requests == []


async def test_an_index_that_is_away_changes_nothing(
    zigbee_house: ZigbeeHouse, collection: Collection
) -> None:
    """It only cannot speak against it."""
    collection.away = True
    let(zigbee_house, collection, "zigbee_ota")
    await zigbee_house.hass.async_block_till_done(wait_background_tasks=True)
    assert zigbee_house.managed.known is None
    await zigbee_house.install()
    assert zigbee_house.lock.installed_version == NEW


@pytest.mark.parametrize(
    ("query", "index", "wanted"),
    [
        (DclQuery(vendor_id=1, product_id=2, installed=3), "dcl", "dcl"),
        (
            ZwaveQuery(
                manufacturer_id=1,
                product_type=2,
                product_id=3,
                firmware_version="1.0",
            ),
            "zwave_js",
            "zwave_js",
        ),
    ],
)
async def test_each_radio_has_its_index(
    zigbee_house: ZigbeeHouse, query: Any, index: str, wanted: str
) -> None:
    """And only that one is asked, if the owner lets."""
    asking = zigbee_house.runtime.indexes
    zigbee_house.runtime.settings.indexes = frozenset()
    assert await asking._async_find(query, "1.1") is None
    zigbee_house.runtime.settings.indexes = frozenset({IndexName(wanted)})
    asked = []

    class Index:
        async def lookup(self, *arguments: object, max_age: timedelta) -> None:
            asked.append(arguments)

    setattr(asking, index, Index())
    await asking._async_find(query, "1.1")
    assert asked == [(query, "1.1")]


async def test_another_image_than_the_listed_one_is_a_veto(
    zigbee_house: ZigbeeHouse, collection: Collection
) -> None:
    """What its index says of it is not about it."""
    collection.served = b"something else"
    let(zigbee_house, collection, "zigbee_ota")
    await until(lambda: zigbee_house.managed.known is not None)
    assert zigbee_house.state().attributes["evidence"] == "nothing_known"
    with pytest.raises(HomeAssistantError) as caught:
        await zigbee_house.install()
    placeholders = caught.value.translation_placeholders
    assert placeholders is not None
    assert "its digest is another" in placeholders["blockers"]
    assert zigbee_house.bridge.requests == []


async def test_what_the_bridge_tells_of_the_image_is_read(
    zigbee_house: ZigbeeHouse, collection: Collection
) -> None:
    """Its notes are shown, and its record is found though that names no model."""
    house = zigbee_house
    collection.fields |= {"modelId": None, "releaseNotes": ""}
    house.lock.latest_source = IMAGE_URL
    house.lock.latest_release_notes = "The motor rests.\u202e"

    def told() -> bool:
        # Listening begins some time after the entity is there.
        house.bridge.tell(house.lock)
        attributes = house.state().attributes
        return bool(attributes["release_summary"] == "The motor rests.")

    await until(told)
    assert house.state().attributes["release_url"] == IMAGE_URL
    let(house, collection, "zigbee_ota")
    await until(lambda: house.managed.known is not None)
    assert house.state().attributes["evidence"] == "signature_present"
    # Of another version it says nothing.
    house.lock.latest_source = house.lock.latest_release_notes = None
    house.bridge.offer(house.lock, NEW + 1)
    await until(lambda: house.state().attributes["latest_version"] == str(NEW + 1))
    assert house.state().attributes["release_summary"] is None
    assert house.state().attributes["release_url"] is None


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "[]",
        "{",
        '{"update": 1}',
        '{"update": {}}',
        '{"update": {"latest_version": null}}',
    ],
)
def test_what_says_nothing_of_an_offer(payload: str) -> None:
    """The bridge's message has much else in it."""
    assert told_offer(payload) is None


def test_what_is_told_of_an_offer_is_not_believed_blindly() -> None:
    """An address that nobody may follow is none, and notes are a text."""
    assert told_offer(
        '{"update": {"latest_version": 7, "latest_source": "http://x.example/a.ota",'
        ' "latest_release_notes": 3}}'
    ) == ToldOffer(version="7")


@pytest.mark.parametrize("how", ["no_address", "gone"])
async def test_an_image_that_cannot_be_looked_into(
    zigbee_house: ZigbeeHouse, collection: Collection, how: str
) -> None:
    """Its digest is known all the same."""
    if how == "no_address":
        collection.fields["url"] = "http://images.example/side-door.ota"
    else:
        collection.served = None
    let(zigbee_house, collection, "zigbee_ota")
    await until(lambda: zigbee_house.managed.known is not None)
    assert zigbee_house.state().attributes["evidence"] == "integrity_only"


async def test_a_lock_that_the_bridge_does_not_name_is_not_asked_about(
    zigbee_house: ZigbeeHouse, collection: Collection
) -> None:
    """What it calls itself on the radio is not known then."""
    zigbee_house.bridge.locks.clear()
    zigbee_house.bridge._publish_devices()
    let(zigbee_house, collection, "zigbee_ota")
    await zigbee_house.hass.async_block_till_done(wait_background_tasks=True)
    assert zigbee_house.managed.known is None
    assert collection.asked == []


async def test_an_index_that_takes_too_long_holds_nothing_up(
    zigbee_house: ZigbeeHouse,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The installation goes on with what is known."""
    let(zigbee_house, collection, "zigbee_ota")
    await until(lambda: zigbee_house.managed.known is not None)
    monkeypatch.setattr(public_indexes, "_RECHECK_TIMEOUT", 0.1)
    asking = zigbee_house.runtime.indexes

    async def dawdle(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(asking, "_async_find", dawdle)
    await zigbee_house.install()
    assert zigbee_house.lock.installed_version == NEW


async def test_what_was_known_is_forgotten_when_nobody_is_asked(
    zigbee_house: ZigbeeHouse, collection: Collection
) -> None:
    """The owner has taken it back."""
    let(zigbee_house, collection, "zigbee_ota")
    await until(lambda: zigbee_house.managed.known is not None)
    zigbee_house.runtime.settings.async_set_option("indexes", [])
    await until(lambda: zigbee_house.managed.known is None)


async def test_it_is_not_asked_again_each_minute(
    zigbee_house: ZigbeeHouse, collection: Collection
) -> None:
    """Nor about a lock for which there is nothing new."""
    let(zigbee_house, collection, "zigbee_ota")
    await until(lambda: zigbee_house.managed.known is not None)
    collection.asked.clear()
    zigbee_house.runtime.indexes.async_look()
    zigbee_house.bridge.offer(zigbee_house.lock, zigbee_house.lock.installed_version)
    await until(lambda: not zigbee_house.kind.delegate.reading().offers_update)
    zigbee_house.runtime.indexes.async_look()
    await zigbee_house.hass.async_block_till_done(wait_background_tasks=True)
    assert collection.asked == []
