"""Firmware that somebody brings as a file, from picking it to the lock that runs it."""

from collections.abc import Callable
from datetime import timedelta
import json
from pathlib import Path
import shutil
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
import pytest

from custom_components.nightlatch.adapters.vault_folder import first_folder
from custom_components.nightlatch.core.errors import VaultError, VaultProblem
from custom_components.nightlatch.core.firmware.keys import load_firmware_key
from custom_components.nightlatch.core.installation import recovery
from custom_components.nightlatch.core.model import Evidence
from custom_components.nightlatch.core.preflight.base import Reason, Verdict
from custom_components.nightlatch.core.records.kept_release import KeptRelease
from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.flows import firmware_file as flows
from homeassistant.config_entries import SubentryFlowResult
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from tests.rig import bootloader
from tests.rig.dfu_package import generate_key, make_package, make_zip, public_pem
from tests.rig.scene import (
    HARDWARE_VERSION,
    firmware_version,
    make_firmware,
    make_mcuboot_firmware,
    publish,
)
from tests.rig.vendor import Vendor
from tests.rig.vendor_http import Status

from .asked import install, plan_of
from .flows import start_reconfigure, submit, suggested, until
from .house import FRONT_DOOR, House
from .impatience import IMAGE_SIZE
from .mcuboot_house import McubootHouse
from .night import Night
from .test_actions import act, add_user, with_authenticator
from .test_issues import text_of_issue
from .test_recovery import hear_answers, issue_keys, lose_answers
from .test_something_wrong import look, options
from .test_watch import send_to_bootloader
from .uploads import Upload

SAID = {"model": "KL-1", "hardware": "B", "version": "1.1.0"}
WHY = "It drains batteries"
WORDS = "I accept firmware of unknown origin for Front door"


def package(
    key: ec.EllipticCurvePrivateKey, version: str = "1.1.0", **knobs: Any
) -> bytes:
    """Return a DFU package as the maker gives it out."""
    return make_package(
        make_firmware(version),
        key=key,
        fw_version=firmware_version(version),
        hw_version=HARDWARE_VERSION,
        **knobs,
    )


async def begin(house: House) -> SubentryFlowResult:
    """Open the form that takes a file."""
    menu = await start_reconfigure(
        house.hass, house.entry, house.subentry("Front door")
    )
    assert menu["type"] is FlowResultType.MENU
    assert menu["menu_options"] is not None
    assert "firmware_file" in menu["menu_options"]
    return await submit(house.hass, menu, next_step_id="firmware_file")


def told(result: SubentryFlowResult, what: str = "problem") -> str:
    """Return what a form says."""
    assert result["description_placeholders"] is not None
    text = result["description_placeholders"][what]
    assert "{" not in text
    return text


def refused(result: SubentryFlowResult, step: str) -> str:
    """Return why a form came again."""
    assert result["type"] is FlowResultType.FORM, result
    assert result["step_id"] == step
    assert result["errors"] == {"base": "file_refused"}
    return told(result)


def offers_nothing(house: House) -> bool:
    """Return whether nothing has come of it."""
    lock = house.managed()
    return lock.release is None and lock.decisions.choice is None


class Flow:
    """A person who goes through the forms."""

    def __init__(self, house: House, upload: Upload) -> None:
        """Take what is needed for it."""
        self._house = house
        self._upload = upload

    async def to_details(self, data: bytes, name: str = "kl1.zip") -> Any:
        """Pick a file, and return the form that comes."""
        result = await begin(self._house)
        file_id = await self._upload(data, name)
        return await submit(self._house.hass, result, file=file_id)

    async def to_confirm(self, data: bytes, **said: str) -> Any:
        """Pick a file, say what it is, and return the form that comes."""
        result = await self.to_details(data)
        assert result["step_id"] == "firmware_details", result
        return await submit(self._house.hass, result, **SAID | said)

    async def to_end(self, data: bytes, **said: str) -> None:
        """Go through all of it."""
        result = await self.to_confirm(data)
        assert result["step_id"] == "firmware_confirm", result
        result = await submit(self._house.hass, result, **said)
        assert result["type"] is FlowResultType.ABORT, result
        assert result["reason"] == "firmware_offered"
        await self._house.settle()


@pytest.fixture
def flow(house: House, upload: Upload) -> Flow:
    """Return a person at the front door's forms."""
    return Flow(house, upload)


async def ran(house: House, key: ec.EllipticCurvePrivateKey) -> None:
    """Let the vault have what the front door runs, signed by somebody."""
    path = publish(house.vendor, "1.0.0", package=package(key, "1.0.0"))
    await house.check()
    release = next(
        each
        for each in house.managed().kind.on_offer()
        if each.artifact is not None and each.artifact.path == path
    )
    data = await house.feed.feed.fetch(release)
    signer = house.feed.firmware_keys[0]
    kept = KeptRelease(release=release, signer=signer)
    await house.runtime.vault.async_keep(kept, data)


async def without_feed(house: House) -> None:
    """Let the owner remove the feed, and with it the vendor's key."""
    await house.remove("Kestrel Locks")
    assert house.managed().feed is None


# From the file to the lock.


async def test_a_file_of_the_vendor_is_installed(house: House, flow: Flow) -> None:
    """After everything was shown, and a person has approved it."""
    data = package(house.vendor.firmware_key)
    result = await flow.to_details(data, "KestrelOne-1.1.0.zip")
    assert result["step_id"] == "firmware_details"
    assert result["description_placeholders"] == {
        "lock": "Front door",
        "file": "KestrelOne-1.1.0.zip",
        "model": "KL-1",
        "hardware": "B",
        "version": "1.0.0",
        "problem": "",
    }
    assert suggested(result, "version") is None
    result = await submit(house.hass, result, **SAID)
    assert result["step_id"] == "firmware_confirm"
    assert told(result, "file") == "KestrelOne-1.1.0.zip"
    assert told(result, "size") == str(len(data))
    fingerprint = house.feed.firmware_keys[0].fingerprint
    assert told(result, "summary").splitlines() == [
        "- It is a DFU package; its own counter is 10100.",
        (
            "- That it is for the model KL-1, hardware B, is what you say; the file does "
            "not."
        ),
        (
            "- It says that it is for hardware number 52, as firmware for this lock did "
            "before."
        ),
        f"- It is signed with the vendor's key {fingerprint}, which you have approved.",
        "- The lock goes from 1.0.0 to 1.1.0.",
        "- It takes about 2 min; do not rely on the lock for up to 5 min.",
        told(result, "summary").splitlines()[6],
        (
            "- Nothing is installed now. The file is kept in the vault and offered at the "
            "update entity; a person has to approve it under Reconfigure of this lock, "
            "or under Repairs, before it can be installed."
        ),
    ]
    assert "way back" in told(result, "summary").splitlines()[6]
    assert offers_nothing(house)

    result = await submit(house.hass, result)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "firmware_offered"
    assert told(result, "version") == "1.1.0"
    await house.settle()
    state = house.state()
    assert (state.state, state.attributes["latest_version"]) == ("on", "1.1.0")
    assert state.attributes["evidence"] == "signature_verified"
    assert house.locks[FRONT_DOOR].version == "1.0.0"

    with pytest.raises(HomeAssistantError) as caught:
        await house.install()
    assert caught.value.translation_key == "approval_missing"
    await act(house, "approve", await add_user(house, is_owner=True))
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    (outcome,) = house.managed().record.history
    assert outcome.to_version == "1.1.0"
    assert outcome.approval is not None
    assert house.managed().decisions.choice is None


async def test_a_release_of_the_feed_needs_no_words(house: House, flow: Flow) -> None:
    """All is known of it; it is only not fetched."""
    data = package(house.vendor.firmware_key)
    publish(house.vendor, "1.1.0", package=data)
    await house.check()
    result = await flow.to_details(data)
    assert result["step_id"] == "firmware_confirm"
    assert (
        "- Kestrel Locks lists this very file as its release for the model KL-1, "
        "hardware B." in told(result, "summary")
    )
    await submit(house.hass, result)
    await house.settle()
    release = house.managed().release
    assert release is not None
    assert release.advisories
    assert house.managed().policy.approval == "person"


async def test_a_file_gets_around_no_halt(house: House, flow: Flow) -> None:
    """Whether its vendor has halted it before somebody brings it, or after that."""
    data = package(house.vendor.firmware_key)
    path = publish(house.vendor, "1.1.0", package=data)
    halt: dict[str, Any] = {"schema": 2, "halted": {"reason": WHY}}
    house.vendor.amend(path, **halt)
    await house.check()
    result = await flow.to_details(data)
    await submit(house.hass, result)
    await house.settle()
    await act(house, "approve", await add_user(house, is_owner=True))
    with pytest.raises(HomeAssistantError, match=WHY):
        await house.install()
    house.vendor.amend(path, schema=1, halted=None)
    await house.check()
    release = house.managed().release
    assert release is not None
    assert release.halted is None
    house.vendor.amend(path, **halt)
    await house.check()
    with pytest.raises(HomeAssistantError, match=WHY):
        await house.install()
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    house.vendor.amend(path, schema=1, halted=None)
    await house.check()
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def offer(house: House, flow: Flow) -> str:
    """Bring a release of the feed as a file, and let the owner approve it."""
    data = package(house.vendor.firmware_key)
    path = publish(house.vendor, "1.1.0", package=data)
    await house.check()
    result = await flow.to_details(data)
    await submit(house.hass, result)
    await house.settle()
    await act(house, "approve", await add_user(house, is_owner=True))
    return path


def warnings(house: House) -> list[Reason | None]:
    """Return what the plan warns of."""
    lock = house.managed()
    assert lock.release is not None
    checks = house.runtime.planner.checks_of_offer(lock)
    return [check.reason for check in checks if check.verdict is Verdict.WARNING]


async def test_a_halt_is_asked_for_right_before_a_file_is_installed(
    house: House, flow: Flow
) -> None:
    """What the feed said hours ago is not what its vendor says now."""
    path = await offer(house, flow)
    house.vendor.amend(path, schema=2, halted={"reason": WHY})
    with pytest.raises(HomeAssistantError, match=WHY):
        await house.install()
    assert house.locks[FRONT_DOOR].version == "1.0.0"


async def test_a_feed_that_is_away_holds_up_no_file(house: House, flow: Flow) -> None:
    """But that nobody knows of a halt then is said."""
    await offer(house, flow)
    assert Reason.HALT_UNHEARD not in warnings(house)
    house.vendor.misbehave("*", Status(503))
    await house.check()
    assert Reason.HALT_UNHEARD in warnings(house)
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


@pytest.mark.parametrize("what", ["feed removed", "feed replayed after a restart"])
async def test_a_halt_that_was_heard_is_never_unheard(
    house: House, flow: Flow, what: str
) -> None:
    """Whoever replays what was signed before hides nothing from who has seen it."""
    path = await offer(house, flow)
    before = house.vendor.keep()
    house.vendor.amend(path, schema=2, halted={"reason": WHY})
    await house.check()
    if what == "feed removed":
        await without_feed(house)
    else:
        house.vendor.replay(before)
        shutil.rmtree(house.cache("Kestrel Locks"))
        await house.reload()
        assert house.feed.data is None
    with pytest.raises(HomeAssistantError, match="halted"):
        await house.install()
    assert house.locks[FRONT_DOOR].version == "1.0.0"


async def test_what_a_removed_feed_has_halted_is_for_a_person_who_knows_of_it(
    house: House, flow: Flow
) -> None:
    """No approval from before counts; one that names the halt does."""
    path = await offer(house, flow)
    lock, version = house.managed(), "1.1.0"
    owner = await add_user(house, is_owner=True)
    # Of a halt that nobody has spoken of yet, nobody knows.
    await act(house, "approve", owner, version=version, overrides=["halt"])
    house.vendor.amend(path, schema=2, halted={"reason": WHY})
    await house.check()
    await act(house, "approve", owner, version=version, overrides=["halt"])
    await without_feed(house)
    assert plan_of(lock).waiting is Waiting.APPROVAL
    with pytest.raises(HomeAssistantError, match="removed here has halted"):
        await house.install()
    with pytest.raises(HomeAssistantError) as caught:
        await act(house, "approve", owner, version=version)
    assert caught.value.translation_key == "halt_not_known"
    await act(house, "approve", owner, version=version, overrides=["halt"])
    await house.install()
    assert house.locks[FRONT_DOOR].version == version


async def test_it_is_offered_until_somebody_says_otherwise(
    house: House, flow: Flow
) -> None:
    """Whatever the feed brings meanwhile, and over a restart."""
    await flow.to_end(package(house.vendor.firmware_key))
    await house.release("1.2.0")
    assert house.state().attributes["latest_version"] == "1.1.0"
    await house.reload()
    assert house.state().attributes["latest_version"] == "1.1.0"
    await act(house, "cancel")
    assert house.state().attributes["latest_version"] == "1.2.0"


# What is refused, and how it goes on.


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda _: b"", "it is empty", id="empty"),
        pytest.param(lambda _: b"%PDF-1.7", "it is a PDF", id="a-manual"),
        pytest.param(
            lambda key: package(key)[:-1], "does not end with its directory", id="cut"
        ),
        pytest.param(
            lambda key: package(key, unsigned=True), "carries no signature", id="bare"
        ),
        pytest.param(
            lambda key: bytes.fromhex("55dfbf01") + package(key),
            "a header of its maker's own",
            id="own-header",
        ),
        pytest.param(
            lambda key: package(key, parts=("application", "softdevice_bootloader")),
            "more of Front door than its application",
            id="more-parts",
        ),
        pytest.param(
            lambda _: package(generate_key()),
            "not signed with the vendor's key that you have approved",
            id="stranger",
        ),
        pytest.param(
            lambda key: package(key, "0.9.0"), "Nothing proves that", id="older"
        ),
        pytest.param(
            lambda _: bytes(4 * 1024 * 1024 + 1), "larger than firmware", id="too-large"
        ),
    ],
)
async def test_a_file_that_is_none_for_this_lock(
    house: House,
    flow: Flow,
    upload: Upload,
    make: Callable[[ec.EllipticCurvePrivateKey], bytes],
    said: str,
) -> None:
    """The form says why, and takes another one."""
    await ran(house, house.vendor.firmware_key)
    key = house.vendor.firmware_key
    result = await flow.to_details(make(key), "of <my> lock.zip")
    why = refused(result, "firmware_file")
    assert said in why
    if said != "larger than firmware":
        # What is too large is not even read.
        assert "my" in why.partition(".zip: ")[0]
    # Who has picked a file waits for no release, and has no vendor to tell.
    assert "Nothing was changed" in why or "nothing was changed" in why
    assert not any(words in why for words in ("release", "was sent", "ell the vendor"))
    assert "Front door" in why or said == "Nothing proves that"
    assert offers_nothing(house)
    again = await upload(package(key), "right.zip")
    result = await submit(house.hass, result, file=again)
    assert result["step_id"] == "firmware_details"


async def test_an_upload_that_is_gone(house: House, upload: Upload) -> None:
    """Home Assistant lets it be read once."""
    file_id = await upload(package(house.vendor.firmware_key), "kl1.zip")
    await submit(house.hass, await begin(house), file=file_id)
    result = await submit(house.hass, await begin(house), file=file_id)
    assert "no longer there" in refused(result, "firmware_file")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model": "KL-2"}, "for the model KL-2, and Front door is of the model KL-1"),
        ({"hardware": "A"}, "for hardware A, and Front door is hardware B"),
        ({"version": "latest"}, "latest is no version as Front door writes it"),
        ({"version": "1.0.0"}, "a file brings only what is newer"),
    ],
)
async def test_what_is_said_of_it_must_fit(
    house: House, flow: Flow, fields: dict[str, str], said: str
) -> None:
    """Nothing that was filled in is lost."""
    result = await flow.to_confirm(package(house.vendor.firmware_key), **fields)
    assert said in refused(result, "firmware_details")
    for field, value in (SAID | fields).items():
        assert suggested(result, field) == value
    result = await submit(house.hass, result, **{**SAID, "model": " KL-1 "})
    assert result["step_id"] == "firmware_confirm"


async def test_a_feeds_release_for_another_lock(house: House, flow: Flow) -> None:
    """That the feed says so counts more than anything a person could say."""
    data = package(house.vendor.firmware_key)
    publish(house.vendor, "1.1.0", package=data, hardware_revisions=["C"])
    await house.check()
    result = await flow.to_details(data)
    assert "for hardware C, and Front door" in refused(result, "firmware_file")


# Where nobody has told the vendor's key.


async def test_the_signer_of_what_ran_is_recognised(house: House, flow: Flow) -> None:
    """And called just that."""
    await ran(house, house.vendor.firmware_key)
    fingerprint = house.feed.firmware_keys[0].fingerprint
    await without_feed(house)
    result = await flow.to_confirm(package(house.vendor.firmware_key))
    assert result["step_id"] == "firmware_confirm"
    assert result["data_schema"] is not None
    assert not result["data_schema"].schema
    assert (
        "- It is signed by the same signer as 1.0.0, which ran on this lock before (key "
        f"{fingerprint}). Who that is, nobody vouches for." in told(result, "summary")
    )
    await submit(house.hass, result)
    await house.settle()
    assert house.state().attributes["evidence"] == "same_signer"
    await act(house, "approve", await add_user(house, is_owner=True))
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_another_signer_than_before_is_refused(house: House, flow: Flow) -> None:
    """No words help."""
    await ran(house, house.vendor.firmware_key)
    await without_feed(house)
    result = await flow.to_details(package(generate_key()))
    assert "signed by somebody else than 1.0.0, which ran on Front door" in refused(
        result, "firmware_file"
    )


async def test_a_signer_of_whom_nothing_is_known_takes_words(
    house: House, flow: Flow
) -> None:
    """Those very words, for this lock; then they are on record."""
    await without_feed(house)
    stranger = generate_key()
    result = await flow.to_confirm(package(stranger))
    summary = told(result, "summary")
    assert "nobody knows whose: nothing that ran on this lock is kept" in summary
    assert "Nothing is known to compare that with" in summary
    assert f"write: {WORDS}" in summary
    for wrong in ("yes", WORDS.replace("Front", "Back")):
        result = await submit(house.hass, result, words=wrong)
        assert result["errors"] == {"words": "words_differ"}
        assert suggested(result, "words") == wrong
        assert offers_nothing(house)
    result = await submit(house.hass, result, words=f"  {WORDS.lower()}\n")
    assert result["reason"] == "firmware_offered"
    await house.settle()
    assert house.state().attributes["evidence"] == "signature_present"


async def test_what_ran_is_damaged(house: House, flow: Flow) -> None:
    """Then there is nothing to compare with, as if it were not kept."""
    await ran(house, house.vendor.firmware_key)
    await without_feed(house)
    folder = first_folder(house.hass, house.entry.entry_id)
    damage(folder)
    result = await flow.to_confirm(package(house.vendor.firmware_key))
    assert "nothing that ran on this lock is kept" in told(result, "summary")


def damage(folder: Path) -> None:
    """Let a disk forget the ends of all larger files."""
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size > 1_000:
            path.write_bytes(path.read_bytes()[:-1])


async def test_what_was_accepted_in_words_is_compared_with_next_time(
    house: House, flow: Flow
) -> None:
    """Once it has run, the next file has to have its signer."""
    await without_feed(house)
    key = house.vendor.firmware_key
    await flow.to_end(package(key), words=WORDS)
    owner = await add_user(house, is_owner=True)
    await act(house, "approve", owner)
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"

    result = await flow.to_details(package(generate_key(), "1.2.0"))
    assert "somebody else than 1.1.0" in refused(result, "firmware_file")
    result = await flow.to_confirm(package(key, "1.2.0"), version="1.2.0")
    assert "signed by the same signer as 1.1.0" in told(result, "summary")
    await submit(house.hass, result)
    await house.settle()
    release = house.managed().release
    assert release is not None
    assert release.evidence is Evidence.SAME_SIGNER
    kept = house.runtime.vault.release(release.key)
    assert kept is not None
    # Of the two that it may have been.
    assert kept.signer == load_firmware_key(public_pem(key))
    await act(house, "approve", owner, version="1.2.0")
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.2.0"


# Images of MCUboot.


def as_the_sdk_zips_it(image: bytes) -> bytes:
    """Return a ``dfu_application.zip`` with one image, as somebody has passed it on."""
    manifest = {
        "format-version": 0,
        "time": 1796000000,
        "files": [
            {"type": "application", "image_index": "0", "file": "app_update.bin"}
        ],
    }
    return make_zip(
        [
            ("KL-1/app_update.bin", image),
            ("KL-1/manifest.json", json.dumps(manifest).encode()),
            ("note.txt", b"From the maker"),
        ]
    )


@pytest.mark.parametrize("zipped", [False, True])
async def test_an_image_is_installed_on_trial(
    mcuboot_house: McubootHouse, upload: Upload, zipped: bool
) -> None:
    """It knows its version; and the lock goes back by itself if it is no good."""
    house = mcuboot_house.house
    key = house.vendor.firmware_key
    image = make_mcuboot_firmware(house.vendor, "1.1.0", size=IMAGE_SIZE)
    await without_feed(house)
    flow = Flow(house, upload)
    data = as_the_sdk_zips_it(image) if zipped else image
    result = await flow.to_details(
        data, "dfu_application.zip" if zipped else "lock.bin"
    )
    assert suggested(result, "version") == "1.1.0"
    said = {**SAID, "model": house.managed().record.identity.model}
    result = await submit(house.hass, result, **{**said, "version": "2.0.0"})
    assert "version 2.0.0, and it calls itself 1.1.0" in refused(
        result, "firmware_details"
    )
    result = await submit(house.hass, result, **said)
    summary = told(result, "summary")
    is_image = "It is an image of MCUboot; its security counter is"
    is_zip = "It is a zip with an image of MCUboot in it; the image's security counter"
    assert (is_zip if zipped else is_image) in summary
    assert "hardware number" not in summary
    assert load_firmware_key(public_pem(key)).fingerprint not in summary
    result = await submit(house.hass, result, words=WORDS)
    assert result["reason"] == "firmware_offered"
    await house.settle()
    release = house.managed().release
    assert release is not None
    kept = house.runtime.vault.release(release.key)
    assert kept is not None
    # It names which of the two possible keys it is signed with.
    assert kept.signer == load_firmware_key(public_pem(key))

    await act(house, "approve", await add_user(house, is_owner=True))
    await house.install()
    assert mcuboot_house.lock.version == "1.1.0+0"
    assert house.managed().record.identity.firmware_version == "1.1.0+0"


# What stands in the way.


async def test_a_vault_that_cannot_be_used(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said before anybody picks a file."""
    monkeypatch.setattr(
        type(house.runtime.vault),
        "problem",
        property(lambda _: VaultError(VaultProblem.LOCKED)),
    )
    result = await begin(house)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "vault_unusable"
    assert told(result)


async def test_a_vault_that_is_full_at_last(
    house: House, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was filled in is still there, and it can be tried again."""
    result = await flow.to_confirm(package(house.vendor.firmware_key))
    vault = type(house.runtime.vault)
    with monkeypatch.context() as patched:

        async def full(*_: Any) -> None:
            raise VaultError(VaultProblem.FULL, place="here")

        patched.setattr(vault, "async_keep", full)
        result = await submit(house.hass, result)
        assert refused(result, "firmware_confirm")
        assert offers_nothing(house)
    result = await submit(house.hass, result)
    assert result["reason"] == "firmware_offered"


async def test_nothing_is_taken_while_an_installation_runs(
    house: House, flow: Flow
) -> None:
    """Neither at the beginning nor at the end."""
    confirm = await flow.to_confirm(package(house.vendor.firmware_key))
    await house.release("1.1.0")
    async with house.runtime.queue.short_use():
        press = house.hass.async_create_task(install(house.managed()))
        await until(lambda: house.managed().progress is not None)
        for result in (
            await begin(house),
            await submit(house.hass, confirm),
        ):
            assert result["type"] is FlowResultType.ABORT
            assert result["reason"] == "installing"
    await press
    assert house.managed().decisions.choice is None


@pytest.mark.parametrize("step", ["settings", "file", "details", "confirm"])
async def test_nightlatch_is_stopped_meanwhile(
    house: House, flow: Flow, upload: Upload, step: str
) -> None:
    """Then nothing happens, and it says so."""
    data = package(house.vendor.firmware_key)
    menu = await start_reconfigure(
        house.hass, house.entry, house.subentry("Front door")
    )
    forms = {
        "settings": (menu, {"next_step_id": "settings"}),
        "file": (await begin(house), {"file": await upload(data, "kl1.zip")}),
        "details": (await flow.to_details(data), SAID),
        "confirm": (await flow.to_confirm(data), {}),
    }
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    result, answer = forms[step]
    result = await submit(house.hass, result, **answer)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"


# A lock in its bootloader, with nothing to bring it out with.


@pytest.fixture
async def stranded(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Send the front door's lock to its bootloader; its vendor has nothing any more."""
    monkeypatch.setattr(bootloader, "INACTIVITY_TIMEOUT", 300.0)
    house.vendor.withdraw("kl-1/1.0.0.zip")
    await house.check()
    send_to_bootloader(house.locks[FRONT_DOOR])
    await until(lambda: house.managed().in_bootloader)
    assert issue_keys(house) == ["in_bootloader_by_hand"]
    return house


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
async def test_a_file_brings_a_lock_out_of_its_bootloader(
    stranded: House, flow: Flow, version: str
) -> None:
    """What it ran as well as what is newer: nothing else would, and a person says so."""
    house = stranded
    text = await text_of_issue(house, "in_bootloader_by_hand")
    assert "Take firmware for it from a file" in text
    data = package(house.vendor.firmware_key, version)
    result = await flow.to_confirm(data, version=version)
    assert told(result, "summary").splitlines()[-1] == (
        f"- Front door waits in its bootloader, and ran 1.0.0 last. Submit sends it "
        f"{version} at once, whatever time it is and whatever its battery says; the "
        "update entity shows how far it is. The file is kept in the vault."
    )
    result = await submit(house.hass, result)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "recovery_begun"
    await until(lambda: not house.managed().in_bootloader)
    await house.settle()
    assert house.locks[FRONT_DOOR].version == version
    outcome = house.managed().record.history[-1]
    went_back = version == "1.0.0"
    assert outcome.kind == ("rolled_back" if went_back else "succeeded")
    assert (outcome.purpose, outcome.origin) == ("recovery", "person")
    assert issue_keys(house) == []


async def test_a_file_of_an_unknown_signer_brings_a_lock_out_of_its_bootloader(
    house: House, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its vendor has no feed; what nothing proves takes words as ever."""
    monkeypatch.setattr(bootloader, "INACTIVITY_TIMEOUT", 300.0)
    await without_feed(house)
    send_to_bootloader(house.locks[FRONT_DOOR])
    await until(lambda: house.managed().in_bootloader)
    data = package(house.vendor.firmware_key, "1.0.0")
    result = await flow.to_confirm(data, version="1.0.0")
    result = await submit(house.hass, result, words="I do not")
    assert result["errors"] == {"words": "words_differ"}
    result = await submit(house.hass, result, words=WORDS)
    assert result["reason"] == "recovery_begun"
    await until(lambda: not house.managed().in_bootloader)
    await house.settle()
    assert house.locks[FRONT_DOOR].version == "1.0.0"


async def test_a_file_is_sent_again_to_a_lock_in_its_bootloader(
    stranded: House, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as it takes: from then on it is helped as any that we have sent there."""
    house = stranded
    monkeypatch.setattr(recovery, "_PAUSES", (timedelta(seconds=0.05),))
    lose_answers(house)
    result = await flow.to_confirm(package(house.vendor.firmware_key))
    sha256 = told(result, "sha256")
    await submit(house.hass, result)
    await until(lambda: "stranded" in issue_keys(house))
    await house.settle()
    # And what has no other use is kept for that.
    assert house.managed().release is None
    assert house.runtime.upkeep.wanted() == {sha256: 0}
    hear_answers(house)

    def is_out() -> bool:
        house.runtime.recovering.async_look()
        return not house.managed().in_bootloader

    await until(is_out)
    await house.settle()
    assert issue_keys(house) == []


async def test_a_file_takes_the_code_that_the_lock_takes(
    stranded: House, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends a lock to its bootloader gets around nothing with that."""
    house = stranded
    Night(house).set_lock(approval="second_factor")
    owner = await add_user(house, is_owner=True)
    app = await with_authenticator(house, owner)
    monkeypatch.setattr(flows, "user_of_form", lambda: owner.id)
    data = package(house.vendor.firmware_key, "1.0.0")
    result = await flow.to_confirm(data, version="1.0.0")
    result = await submit(house.hass, result, code="000000")
    assert result["errors"] == {"base": "refused"}
    assert "code" in told(result)
    assert house.managed().progress is None
    result = await submit(house.hass, result, code=app.code())
    assert result["reason"] == "recovery_begun"
    await until(lambda: not house.managed().in_bootloader)
    await house.settle()


async def test_the_help_takes_a_file_where_nothing_else_is_there(
    stranded: House, flow: Flow
) -> None:
    """Before its maker is asked."""
    result, _ = await look(stranded, "Front door")
    assert options(result) == ["firmware_file", "help_evidence", "help"]
    result = await submit(stranded.hass, result, next_step_id="firmware_file")
    assert result["step_id"] == "firmware_file"


async def test_what_is_older_brings_no_lock_out_of_its_bootloader(
    stranded: House, flow: Flow
) -> None:
    """It would refuse it itself."""
    data = package(stranded.vendor.firmware_key, "0.9.0")
    result = await flow.to_confirm(data, version="0.9.0")
    assert "has run something newer than 0.9.0" in refused(result, "firmware_details")
    assert stranded.managed().in_bootloader


async def test_a_lock_has_left_its_bootloader_meanwhile(
    stranded: House, flow: Flow
) -> None:
    """Then there is nothing to send."""
    house = stranded
    data = package(house.vendor.firmware_key, "1.0.0")
    result = await flow.to_confirm(data, version="1.0.0")
    lock = house.locks[FRONT_DOOR]
    lock.cut_power()
    lock.restore_power()
    await until(lambda: not house.managed().in_bootloader)
    result = await submit(house.hass, result)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "left_bootloader"
    assert offers_nothing(house)


async def test_another_vendor_is_no_help(house: House, flow: Flow) -> None:
    """Only the keys of the lock's own feed are pinned for it."""
    other = Vendor(name="Acme")
    result = await flow.to_details(package(other.firmware_key))
    assert "Do not install it by other means" in refused(result, "firmware_file")
