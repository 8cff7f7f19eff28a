"""Artifacts for whoever installs by USB: the action, the link, and who gets nothing."""

import base64
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
import hashlib
from http import HTTPStatus
from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator  # type: ignore[import-untyped]

from custom_components.nightlatch.actions import export as exporting
from custom_components.nightlatch.actions.download import file_name_of, path_of
from custom_components.nightlatch.core.errors import VaultError, VaultProblem
from custom_components.nightlatch.core.model import Artifact, Release, Transport
from custom_components.nightlatch.core.versions import Version, VersionScheme
from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.rig.scene import MODELS, VENDOR, WATCHED_MODEL, publish, publish_by_hand
from tests.rig.vendor import Vendor

from .asked import runtime_of
from .flows import add_feed, start_reconfigure, until
from .house import UPDATE, House
from .test_actions import add_user
from .test_firmware_file import package
from .test_watched import UPDATE as WATCHED_UPDATE, WatchedHouse, watched_house

__all__ = ["watched_house"]

type Export = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def export(house: House) -> Export:
    """Call the action as the owner of the house."""
    owner = await add_user(house, is_owner=True)

    async def call(entity_id: str = UPDATE, **data: Any) -> dict[str, Any]:
        answer: Any = await house.hass.services.async_call(
            "nightlatch",
            "export_firmware",
            {"entity_id": entity_id, **data},
            blocking=True,
            context=Context(user_id=owner.id),
            return_response=True,
        )
        return dict(answer[entity_id])

    return call


async def test_what_is_offered_next_is_fetched_and_given(
    house: House, export: Export, hass_client: ClientSessionGenerator
) -> None:
    """With its digest, and what to do with it."""
    data = package(house.vendor.firmware_key)
    publish(house.vendor, "1.1.0", package=data)
    await house.check()
    sha256 = hashlib.sha256(data).hexdigest()
    answer = await export()
    assert answer["version"] == "1.1.0"
    assert answer["sha256"] == sha256
    assert answer["size"] == len(data)
    assert answer["file_name"] == "KL-1-1.1.0.zip"
    assert answer["evidence"] == "signature_verified"
    assert [step.partition(" ")[0] for step in answer["steps"]] == [
        "Download",
        "Connect",
        "Install",
        "Then",
    ]
    assert sha256 in answer["steps"][0]
    valid_until = dt_util.parse_datetime(answer["valid_until"], raise_on_error=True)
    assert (
        timedelta(minutes=14) < valid_until - dt_util.utcnow() < timedelta(minutes=16)
    )
    kept = house.runtime.vault.release(sha256)
    assert kept is not None
    assert kept.signer == house.feed.firmware_keys[0]

    client = await hass_client()
    response = await client.get(path_of(sha256))
    assert response.status == HTTPStatus.OK
    assert await response.read() == data
    assert response.content_type == "application/zip"
    headers = response.headers
    assert headers["Content-Disposition"] == 'attachment; filename="KL-1-1.1.0.zip"'
    assert headers["X-Checksum-SHA256"] == sha256
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    assert headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_what_runs_is_given_where_nothing_is_offered(
    house: House, export: Export
) -> None:
    """Or whichever version is named."""
    assert (await export())["version"] == "1.0.0"
    await house.release("1.1.0")
    assert (await export(version="1.0.0"))["version"] == "1.0.0"
    assert (await export())["version"] == "1.1.0"


async def test_what_the_feed_has_no_longer_is_in_the_vault(
    house: House, export: Export
) -> None:
    """It was kept when it was last asked for."""
    before = await export()
    house.vendor.describe(releases=[])
    await house.check()
    after = await export()
    for answer in (before, after):
        del answer["url"], answer["valid_until"]
    assert after == before


# Who gets it.


async def asked_for(
    house: House, hass_client: ClientSessionGenerator
) -> dict[str, Any]:
    """Return what somebody gets who asks over Home Assistant's web API."""
    assert await async_setup_component(house.hass, "api", {})
    client = await hass_client()
    response = await client.post(
        "/api/services/nightlatch/export_firmware?return_response",
        json={"entity_id": UPDATE},
    )
    answer: dict[str, Any] = (await response.json())["service_response"][UPDATE]
    return answer


async def test_the_link_needs_no_password(
    house: House,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """It has the rights of the session that it was made in."""
    answer = await asked_for(house, hass_client)
    stranger = await hass_client_no_auth()
    response = await stranger.get(answer["url"])
    assert response.status == HTTPStatus.OK
    assert hashlib.sha256(await response.read()).hexdigest() == answer["sha256"]

    other = answer["url"].replace(answer["sha256"], "0" * 64)
    for url in (answer["url"].partition("?")[0], other):
        response = await stranger.get(url)
        assert response.status == HTTPStatus.UNAUTHORIZED


async def test_a_link_that_has_run_out(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Nobody gets anything with it."""
    monkeypatch.setattr(exporting, "_VALID", timedelta(seconds=-1))
    answer = await asked_for(house, hass_client)
    stranger = await hass_client_no_auth()
    assert (await stranger.get(answer["url"])).status == HTTPStatus.UNAUTHORIZED


async def test_who_is_no_administrator_gets_nothing(
    house: House,
    export: Export,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_read_only_access_token: str,
) -> None:
    """Neither the action nor the artifact; nor does a link of nobody."""
    answer = await export()
    client = await hass_client(hass_read_only_access_token)
    response = await client.get(path_of(answer["sha256"]))
    assert response.status == HTTPStatus.UNAUTHORIZED
    stranger = await hass_client_no_auth()
    nobodys = async_sign_path(
        house.hass,
        path_of(answer["sha256"]),
        timedelta(minutes=1),
        use_content_user=True,
    )
    assert (await stranger.get(nobodys)).status == HTTPStatus.UNAUTHORIZED

    guest = await add_user(house, is_owner=False)
    with pytest.raises(Unauthorized):
        await house.hass.services.async_call(
            "nightlatch",
            "export_firmware",
            {"entity_id": UPDATE},
            blocking=True,
            context=Context(user_id=guest.id),
            return_response=True,
        )


async def test_an_automation_gets_no_link_that_others_could_use(
    house: House, export: Export
) -> None:
    """It has no session whose rights the link could have."""
    answer: Any = await house.hass.services.async_call(
        "nightlatch",
        "export_firmware",
        {"entity_id": UPDATE},
        blocking=True,
        return_response=True,
    )
    assert answer[UPDATE]["url"] == path_of(answer[UPDATE]["sha256"])
    assert answer[UPDATE]["valid_until"] is None


# Where there is nothing to give.


@pytest.mark.parametrize(
    ("sha256", "status"),
    [
        ("0" * 64, HTTPStatus.NOT_FOUND),
        ("0" * 63, HTTPStatus.NOT_FOUND),
        ("../secrets.yaml", HTTPStatus.NOT_FOUND),
    ],
)
async def test_an_artifact_that_is_not_there(
    house: House, hass_client: ClientSessionGenerator, sha256: str, status: HTTPStatus
) -> None:
    """By a digest that nobody knows, or by none."""
    client = await hass_client()
    response = await client.get(path_of(sha256))
    assert response.status == status


async def test_a_version_that_nobody_has(house: House, export: Export) -> None:
    """It says what to do."""
    with pytest.raises(HomeAssistantError) as caught:
        await export(version="9.9.9")
    assert caught.value.translation_key == "firmware_not_to_be_had"
    assert "9.9.9 for Front door" in str(caught.value)


async def test_a_feed_that_does_not_answer(house: House, export: Export) -> None:
    """What is not kept yet cannot be fetched then."""
    await house.release("1.1.0")
    await house.vendor.stop()
    with pytest.raises(HomeAssistantError) as caught:
        await export()
    assert caught.value.translation_key == "feed_unreachable"
    await house.remove("Kestrel Locks")
    with pytest.raises(HomeAssistantError) as caught:
        await export(version="1.1.0")
    assert caught.value.translation_key == "firmware_not_to_be_had"


async def test_what_the_feed_gives_is_proven_before_it_is_kept(
    house: House, export: Export
) -> None:
    """A feed may hold what its vendor did not sign."""
    data = package(house.vendor.firmware_key, "1.1.0", flip_signature_bit=7)
    publish(house.vendor, "1.1.0", package=data)
    await house.check()
    with pytest.raises(HomeAssistantError) as caught:
        await export()
    assert caught.value.translation_key == "firmware_signature_invalid"
    assert house.runtime.vault.release(hashlib.sha256(data).hexdigest()) is None


async def test_a_vault_that_is_locked(
    house: House,
    export: Export,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Action and download say so; the rest of Home Assistant goes on."""
    sha256 = (await export())["sha256"]
    monkeypatch.setattr(
        type(house.runtime.vault),
        "problem",
        property(lambda _: VaultError(VaultProblem.LOCKED)),
    )
    with pytest.raises(HomeAssistantError) as caught:
        await export()
    assert caught.value.translation_key == "vault_locked"

    async def locked(*_: Any) -> bytes:
        raise VaultError(VaultProblem.LOCKED)

    monkeypatch.setattr(type(house.runtime.vault), "async_get", locked)
    client = await hass_client()
    for digest in (sha256, "0" * 64):
        response = await client.get(path_of(digest))
        assert response.status == HTTPStatus.SERVICE_UNAVAILABLE
        answer = await response.json()
        assert answer["code"] == "vault_locked"
        assert answer["message"]


# Locks that only a person updates.


@pytest.fixture
async def attic(watched_house: WatchedHouse) -> AsyncGenerator[WatchedHouse]:
    """Add a watched lock whose vendor has a feed."""
    vendor = Vendor(name=VENDOR, models=MODELS)
    publish_by_hand(vendor, "1.1.0")
    await vendor.start()
    hass = watched_house.hass
    await add_feed(hass, watched_house.entry, url=vendor.url, root=vendor.root)
    dr.async_get(hass).async_update_device(
        watched_house.device.id, model_id=WATCHED_MODEL, sw_version="1.0.0"
    )
    await watched_house.add_lock()
    await until(lambda: watched_house.managed.release is not None)
    yield watched_house
    await vendor.stop()


async def test_what_a_person_installs_comes_out_of_the_feed(
    attic: WatchedHouse, hass_client: ClientSessionGenerator
) -> None:
    """With the steps of the maker; its feed alone vouches for it."""
    answer: Any = await attic.hass.services.async_call(
        "nightlatch",
        "export_firmware",
        {"entity_id": WATCHED_UPDATE},
        blocking=True,
        return_response=True,
    )
    answer = answer[WATCHED_UPDATE]
    assert answer["version"] == "1.1.0"
    assert answer["file_name"] == "KL-C-1.1.0.txt"
    assert answer["evidence"] == "integrity_only"
    assert any("SwitchBot support" in step for step in answer["steps"])
    kept = runtime_of(attic.managed).vault.release(answer["sha256"])
    assert kept is not None
    assert kept.signer is None
    client = await hass_client()
    response = await client.get(answer["url"])
    assert response.content_type == "application/octet-stream"
    assert hashlib.sha256(await response.read()).hexdigest() == answer["sha256"]


async def test_a_watched_lock_takes_no_file(attic: WatchedHouse) -> None:
    """Nothing of ours brings it firmware."""
    subentry = attic.entry.subentries[attic.managed.subentry_id]
    result = await start_reconfigure(attic.hass, attic.entry, subentry)
    assert result["menu_options"] == ["settings", "help"]


async def test_a_lock_of_which_there_is_no_artifact(
    watched_house: WatchedHouse,
) -> None:
    """Only another integration knows what is new for it."""
    watched_house.offers("1.1")
    await watched_house.add_lock(version_entity="update.attic_firmware")
    await until(lambda: watched_house.managed.release is not None)
    with pytest.raises(HomeAssistantError) as caught:
        await watched_house.hass.services.async_call(
            "nightlatch",
            "export_firmware",
            {"entity_id": WATCHED_UPDATE},
            blocking=True,
            return_response=True,
        )
    assert caught.value.translation_key == "firmware_not_to_be_had"


async def test_while_nightlatch_does_not_run(
    house: House, hass_client: ClientSessionGenerator
) -> None:
    """There is no vault to look into."""
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    client = await hass_client()
    response = await client.get(path_of("0" * 64))
    assert response.status == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("kl-c/2.0.0.txt", "KL-1-2.0.0.txt"),
        ("kl-c/2.0.0.UF2", "KL-1-2.0.0.uf2"),
        ("kl-c/firmware", "KL-1-2.0.0.bin"),
        ("kl-c/firmware.", "KL-1-2.0.0.bin"),
        ("kl-c/firmware.z/p", "KL-1-2.0.0.bin"),
        ("kl-c/firmware.toolong", "KL-1-2.0.0.bin"),
    ],
)
def test_the_name_of_what_a_person_installs(path: str, name: str) -> None:
    """It keeps its kind, where that is a harmless one."""
    release = Release(
        vendor="Kestrel Locks",
        model="KL-1",
        hardware_revisions=(),
        version=Version.parse(VersionScheme.DOTTED, "2.0.0"),
        artifact=Artifact(path=path, length=1, sha256="0" * 64),
        transport=Transport.BY_HAND,
    )
    assert file_name_of(release) == name
