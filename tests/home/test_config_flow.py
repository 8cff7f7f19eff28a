"""Adding and changing the household and its feeds: nothing is trusted unseen."""

from collections.abc import Callable
from datetime import timedelta
import hashlib
import json

from cryptography.hazmat.primitives import serialization
import pytest
from securesystemslib.signer import CryptoSigner, SSlibKey

from custom_components.nightlatch.const import DOMAIN
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntryState,
    SubentryFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
from tests.rig.dfu_package import generate_key
from tests.rig.scene import MODELS, VENDOR
from tests.rig.vendor import Vendor
from tests.rig.vendor_http import Redirect, Silence

from .flows import add_feed, start_flow, start_reconfigure, submit, suggested
from .house import STATUS, TROUBLE, House
from .uploads import Upload


def key_fingerprint(vendor: Vendor) -> str:
    """Return what a vendor prints in the manual: SHA-256 over the public key."""
    return hashlib.sha256(
        vendor.firmware_key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).hexdigest()


def problem_in(result: SubentryFlowResult) -> str:
    """Return what the form says that is wrong, and see that it can be filled in again."""
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {"base": "feed_refused"}
    assert result["description_placeholders"] is not None
    return result["description_placeholders"]["problem"]


# The household.


async def test_the_household_is_added_with_nothing_to_fill_in(
    hass: HomeAssistant, enable_custom_integrations: None
) -> None:
    """And only once."""
    assert await async_setup_component(hass, "bluetooth", {})
    flow = hass.config_entries.flow
    result = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["type"] is FlowResultType.FORM
    assert not result["errors"]

    result = await flow.async_configure(result["flow_id"], {})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Nightlatch"
    assert result["data"] == {}
    await hass.async_block_till_done()
    assert result["result"].state is ConfigEntryState.LOADED

    assert "next_flow" not in result

    # Who presses that again means a lock.
    result = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "nothing"


# A feed.


async def test_a_feed_is_trusted_after_its_keys_were_shown(empty_house: House) -> None:
    """Root keys and firmware keys, as the vendor publishes them elsewhere."""
    vendor = empty_house.vendor
    result = await start_flow(empty_house.hass, empty_house.entry, "feed")
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "user"
    assert not result["errors"]

    result = await submit(
        empty_house.hass, result, url=vendor.url, root=vendor.root.decode()
    )

    assert result["step_id"] == "confirm"
    root = json.loads(vendor.root)["signed"]
    assert result["description_placeholders"] == {
        "vendor": VENDOR,
        "models": "- Kestrel One\n- Kestrel Cellar",
        "releases": "1",
        "root_version": "1",
        "root_expires": root["expires"][:10],
        "threshold": "2",
        "root_keys": "\n".join(
            f"- `{key_id}`" for key_id in sorted(root["roles"]["root"]["keyids"])
        ),
        "firmware_keys": f"- `{key_fingerprint(vendor)}`",
    }
    assert not empty_house.entry.subentries
    assert empty_house.runtime.store.trust.feeds == {}

    result = await submit(empty_house.hass, result)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == VENDOR
    assert result["unique_id"] == vendor.url
    assert result["data"] == {
        "url": vendor.url,
        "root": vendor.root.decode().strip(),
        "firmware_keys": [vendor.firmware_key_pem],
    }
    await empty_house.settle()
    assert empty_house.state(TROUBLE).state == "off"
    assert empty_house.state(STATUS).state == "ok"


async def test_keys_are_shown_as_their_vendor_publishes_them(
    empty_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By all that stands beside them where the vendor's tool names them so."""
    vendor = empty_house.vendor
    plain: list[str] = []

    def owned_signer() -> CryptoSigner:
        signer = CryptoSigner.generate_ed25519()
        plain.append(signer.public_key.keyid)
        fields = {
            **signer.public_key.to_dict(),
            "x-tuf-on-ci-keyowner": f"@kestrel-{len(plain)}",
        }
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        key_id = hashlib.sha256(canonical.encode()).hexdigest()
        return CryptoSigner(signer._private_key, SSlibKey.from_dict(key_id, fields))

    monkeypatch.setattr("tests.rig.vendor.new_signer", owned_signer)
    vendor.rotate("root")
    data = vendor.keep().files["metadata/2.root.json"]
    result = await start_flow(empty_house.hass, empty_house.entry, "feed")
    result = await submit(empty_house.hass, result, url=vendor.url, root=data.decode())
    assert result["step_id"] == "confirm", result
    assert result["description_placeholders"] is not None
    shown = result["description_placeholders"]["root_keys"]
    published = json.loads(data)["signed"]["roles"]["root"]["keyids"]
    assert len(published) == len(plain) == 3
    lines = shown.splitlines()
    assert [line[3:67] for line in lines] == sorted(published)
    for line in lines:
        assert line[2:].startswith("`")
        assert any(f"it: `{key_id}`)." in line for key_id in plain)


async def test_a_root_that_is_newer_than_nightlatch(empty_house: House) -> None:
    """Which key it is about is said, and what to do."""
    vendor = empty_house.vendor
    root = json.loads(vendor.root)
    root["signed"]["keys"]["ef" * 32] = {
        "keytype": "slh-dsa",
        "scheme": "slh-dsa-128s/1",
        "keyval": {"public": "00"},
    }
    result = await start_flow(empty_house.hass, empty_house.entry, "feed")
    result = await submit(
        empty_house.hass, result, url=vendor.url, root=json.dumps(root)
    )
    problem = problem_in(result)
    assert "(slh-dsa/slh-dsa-128s/1) that is newer than this Nightlatch" in problem
    assert "Update Nightlatch" in problem


async def test_the_root_can_be_uploaded(empty_house: House, upload: Upload) -> None:
    """As the file that the vendor has given; it counts more than what was pasted."""
    result = await start_flow(empty_house.hass, empty_house.entry, "feed")
    result = await submit(
        empty_house.hass,
        result,
        url=empty_house.vendor.url,
        root="an old one",
        root_file=await upload(empty_house.vendor.root),
    )
    assert result["step_id"] == "confirm"
    result = await submit(empty_house.hass, result)
    assert result["data"]["root"] == empty_house.vendor.root.decode().strip()


async def test_an_upload_need_not_be_repeated_after_an_error(
    empty_house: House, upload: Upload
) -> None:
    """Home Assistant lets it be read only once, so it is shown as if pasted."""
    vendor = empty_house.vendor
    result = await start_flow(empty_house.hass, empty_house.entry, "feed")
    result = await submit(
        empty_house.hass,
        result,
        url=f"{vendor.url}elsewhere",
        root_file=await upload(vendor.root),
    )
    problem_in(result)
    assert suggested(result, "root") == vendor.root.decode().strip()
    assert suggested(result, "root_file") is None

    result = await submit(
        empty_house.hass, result, url=vendor.url, root=suggested(result, "root")
    )

    assert result["step_id"] == "confirm"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"\xff\xfe{}", "the file is no text", id="no-text"),
        pytest.param(b" " * 512_001, "the file is too large", id="too-large"),
    ],
)
async def test_an_uploaded_root_that_is_none(
    empty_house: House, upload: Upload, content: bytes, said: str
) -> None:
    """Something else was picked from the folder; the right one can be picked then."""
    vendor = empty_house.vendor
    result = await start_flow(empty_house.hass, empty_house.entry, "feed")
    result = await submit(
        empty_house.hass, result, url=vendor.url, root_file=await upload(content)
    )
    assert problem_in(result).startswith(
        f"The root of {vendor.url} cannot be trusted: {said}. "
    )

    result = await submit(
        empty_house.hass, result, url=vendor.url, root_file=await upload(vendor.root)
    )

    assert result["step_id"] == "confirm"


async def test_who_gives_no_root_is_told_what_to_give(
    empty_house: House, upload: Upload
) -> None:
    """In other words for who pastes it than for who picks a file."""
    vendor = empty_house.vendor
    # What is beside it in the folder, and signed as well.
    beside = vendor.keep().files["metadata/timestamp.json"].decode()
    for given, told in (
        ({}, "Give the vendor's root.json: paste it, or pick the file."),
        (
            {"root": vendor.root.decode()[1:]},
            "This is not a root.json. Paste the whole file, from { to }.",
        ),
        (
            {"root": beside},
            "This is not a root.json. Paste the whole file, from { to }.",
        ),
        (
            {"root_file": await upload(beside.encode())},
            (
                "This file is not a root.json."
                " Pick the file of that name that the vendor gives out."
            ),
        ),
    ):
        result = await start_flow(empty_house.hass, empty_house.entry, "feed")
        result = await submit(empty_house.hass, result, url=vendor.url, **given)
        assert result["errors"] == {"base": "feed_refused"}
        assert problem_in(result) == told


async def test_an_upload_that_is_gone(empty_house: House, upload: Upload) -> None:
    """Home Assistant was restarted in between, or the form was sent twice."""
    vendor = empty_house.vendor
    file_id = await upload(vendor.root)
    for step in ("confirm", "user"):
        result = await start_flow(empty_house.hass, empty_house.entry, "feed")
        result = await submit(
            empty_house.hass, result, url=vendor.url, root_file=file_id
        )
        assert result["step_id"] == step
    assert "the upload is gone" in problem_in(result)


def _other_root(_: House) -> bytes:
    return Vendor().root


def _expire_root(house: House) -> bytes:
    house.vendor.renew("root", valid=-timedelta(days=1))
    return house.vendor.root


def _spoil(house: House) -> bytes:
    """Serve the metadata of a feed that is signed, but says nothing sensible."""
    house.vendor.describe(models=[])
    return house.vendor.root


def _remove_descriptor(house: House) -> bytes:
    house.vendor.remove_descriptor()
    return house.vendor.root


def _fall_silent(house: House) -> bytes:
    house.vendor.misbehave("*", Silence())
    return house.vendor.root


def _redirect(house: House) -> bytes:
    house.vendor.misbehave("*", Redirect("https://elsewhere.example/"))
    return house.vendor.root


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(
            _other_root, "do not carry enough valid signatures", id="stranger"
        ),
        pytest.param(_expire_root, "has expired", id="expired"),
        pytest.param(_spoil, "the field models", id="wrong-field"),
        pytest.param(
            _remove_descriptor, "not a Nightlatch feed", id="other-repository"
        ),
        pytest.param(_fall_silent, "does not answer", id="silent"),
        pytest.param(_redirect, "sends on to another address", id="redirect"),
    ],
)
async def test_a_feed_that_does_not_hold_is_refused(
    empty_house: House, spoil: Callable[[House], bytes], said: str
) -> None:
    """With the reason; when that is gone the same form goes on."""
    vendor = empty_house.vendor
    result = await start_flow(empty_house.hass, empty_house.entry, "feed")
    good = vendor.root.decode()
    root = spoil(empty_house)
    result = await submit(empty_house.hass, result, url=vendor.url, root=root.decode())
    problem = problem_in(result)
    assert said in problem
    assert vendor.url in problem
    assert "?" not in problem
    assert not empty_house.entry.subentries

    vendor.behave()
    vendor.renew("root")
    vendor.describe(
        schema=1,
        kind="feed",
        vendor=VENDOR,
        models=[dict(model) for model in MODELS],
        firmware_keys=[vendor.firmware_key_pem],
        releases=[],
    )
    result = await submit(empty_house.hass, result, url=vendor.url, root=good)
    assert result["step_id"] == "confirm"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://feed.example/", "not HTTPS"),
        ("ftp://feed.example/", "not HTTPS"),
        ("feed.example", "not the address of a feed"),
        ("https://me:secret@feed.example/", "not the address of a feed"),
        ("https://feed.example/?customer=7", "not the address of a feed"),
        ("https://127.0.0.1:1/", "does not answer"),
    ],
)
async def test_an_address_that_is_none_of_a_feed(
    empty_house: House, url: str, said: str
) -> None:
    """It stays in the form, to be corrected."""
    vendor = empty_house.vendor
    result = await start_flow(empty_house.hass, empty_house.entry, "feed")
    result = await submit(empty_house.hass, result, url=url, root=vendor.root.decode())
    assert said in problem_in(result)
    assert suggested(result, "url") == url
    assert vendor.requests == []

    result = await submit(
        empty_house.hass,
        result,
        url=f"  {vendor.url.rstrip('/')} ",
        root=suggested(result, "root"),
    )
    assert result["step_id"] == "confirm"


async def test_loopback_without_tls_is_for_developers(
    empty_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home's own machine is no exception."""
    monkeypatch.setattr(
        "custom_components.nightlatch.coordinator.ALLOW_LOOPBACK_HTTP", False
    )
    vendor = empty_house.vendor
    result = await start_flow(empty_house.hass, empty_house.entry, "feed")
    result = await submit(
        empty_house.hass, result, url=vendor.url, root=vendor.root.decode()
    )
    assert "not HTTPS" in problem_in(result)
    assert vendor.requests == []


@pytest.mark.parametrize("spelling", ["{}", "{}/", " {}/ "])
async def test_a_feed_is_added_only_once(house: House, spelling: str) -> None:
    """However its address is written."""
    url = spelling.format(house.vendor.url.rstrip("/"))
    result = await start_flow(house.hass, house.entry, "feed")
    result = await submit(house.hass, result, url=url, root="")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_two_dialogs_do_not_add_a_feed_twice(empty_house: House) -> None:
    """The one that is finished first counts."""
    vendor = empty_house.vendor
    results = []
    for _ in range(2):
        result = await start_flow(empty_house.hass, empty_house.entry, "feed")
        results.append(
            await submit(
                empty_house.hass, result, url=vendor.url, root=vendor.root.decode()
            )
        )
    first = await submit(empty_house.hass, results[0])
    assert first["type"] is FlowResultType.CREATE_ENTRY
    second = await submit(empty_house.hass, results[1])
    assert second["type"] is FlowResultType.ABORT
    assert second["reason"] == "already_configured"
    await empty_house.settle()


# Changing a feed.


async def test_a_new_firmware_key_is_approved_by_reconfiguring(house: House) -> None:
    """Until then nothing is installed; afterwards the new key's releases are offered."""
    vendor = house.vendor
    vendor.firmware_key = generate_key()
    vendor.describe(firmware_keys=[vendor.firmware_key_pem])
    await house.check()
    assert house.state(STATUS).state == "feed_firmware_key_changed"
    assert house.state(TROUBLE).state == "on"

    result = await start_reconfigure(house.hass, house.entry, house.subentry(VENDOR))
    assert result["step_id"] == "reconfigure"
    assert suggested(result, "url") == vendor.url
    assert suggested(result, "root") == vendor.root.decode().strip()
    result = await submit(
        house.hass, result, url=vendor.url, root=suggested(result, "root")
    )
    assert result["step_id"] == "confirm"
    assert result["description_placeholders"] is not None
    assert (
        key_fingerprint(vendor) in result["description_placeholders"]["firmware_keys"]
    )
    result = await submit(house.hass, result)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await house.settle()

    assert house.subentry(VENDOR).data["firmware_keys"] == [vendor.firmware_key_pem]
    assert house.state(STATUS).state == "ok"
    assert house.state(TROUBLE).state == "off"
    await house.release("1.1.0")
    assert house.state().state == "on"
    assert house.feed.firmware_keys[0].fingerprint == key_fingerprint(vendor)


async def test_a_feed_that_has_moved(house: House) -> None:
    """Its entities go on; another feed is asked, and the old one no longer."""
    await house.release("1.1.0")
    moved = Vendor(name="Kestrel of the North", models=MODELS)
    await moved.start()
    asked = len(house.vendor.requests)
    result = await start_reconfigure(house.hass, house.entry, house.subentry(VENDOR))
    result = await submit(house.hass, result, url=moved.url, root=moved.root.decode())
    await submit(house.hass, result)
    await house.settle()

    assert house.subentry(VENDOR).unique_id == moved.url
    assert house.state(STATUS).state == "ok"
    assert house.state().state == "off"
    assert len(house.vendor.requests) == asked
    await moved.stop()
    await house.check()
    assert house.state(STATUS).state == "feed_unreachable"


async def test_reconfiguring_recovers_from_an_error(house: House) -> None:
    """What was refused changes nothing."""
    before = house.subentry(VENDOR).data
    result = await start_reconfigure(house.hass, house.entry, house.subentry(VENDOR))
    result = await submit(
        house.hass, result, url=house.vendor.url, root=Vendor().root.decode()
    )
    assert "valid signatures" in problem_in(result)
    assert house.subentry(VENDOR).data == before

    result = await submit(
        house.hass, result, url=house.vendor.url, root=house.vendor.root.decode()
    )
    assert result["step_id"] == "confirm"
    result = await submit(house.hass, result)
    assert result["reason"] == "reconfigure_successful"
    assert house.subentry(VENDOR).data == before


async def test_a_feed_does_not_become_another_one_that_is_there(house: House) -> None:
    """Two feeds at one address would be one too many."""
    other = Vendor(name="Acme")
    await other.start()
    await add_feed(house.hass, house.entry, url=other.url, root=other.root)
    result = await start_reconfigure(house.hass, house.entry, house.subentry("Acme"))
    result = await submit(
        house.hass, result, url=house.vendor.url, root=house.vendor.root.decode()
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    await other.stop()


async def test_nothing_is_added_or_changed_while_nightlatch_does_not_run(
    house: House,
) -> None:
    """For it takes the household's clock and floors to look at a feed."""
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    for kind, title in (("feed", VENDOR), ("lock", "Front door")):
        for result in (
            await start_flow(house.hass, house.entry, kind),
            await start_reconfigure(house.hass, house.entry, house.subentry(title)),
        ):
            assert result["type"] is FlowResultType.ABORT
            assert result["reason"] == "entry_not_loaded"
