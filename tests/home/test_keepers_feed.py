"""A keeper's feed: shown as exactly that, and believed no further than its images prove."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import shutil
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.model import Evidence
from custom_components.nightlatch.core.preflight.base import Reason, Verdict
from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.issues.recovery_steps import recovery_steps
from custom_components.nightlatch.monitoring.next_step import next_step
from custom_components.nightlatch.monitoring.proof import told_evidence
from custom_components.nightlatch.report.content import async_report_of
from custom_components.nightlatch.texts.release_notes import async_release_notes
from homeassistant.config_entries import SubentryFlowResult
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from tests.rig.dfu_package import generate_key, make_package, public_pem
from tests.rig.scene import (
    HARDWARE_VERSION,
    MODELS,
    VENDOR,
    firmware_version,
    make_firmware,
    publish,
    release_fields,
)
from tests.rig.vendor import Vendor
from tests.rig.vendor_http import Status

from .asked import checks_of, plan_of
from .flows import start_flow, submit
from .house import FRONT_DOOR, House
from .night import Night
from .test_actions import act, add_user
from .test_issues import issues
from .test_stages import HALTED, NONE

KEEPER = "Northside Homes"
FOUND = {"url": "https://kestrel.example/kl-1", "fetched": "2026-11-30"}
TITLE = f"{VENDOR}, kept by {KEEPER}"
OF_KEEPER: dict[str, Any] = {"security_version": 0, "found": FOUND}


def keep(vendor: Vendor, **fields: Any) -> None:
    """Let a feed be a keeper's, who has found all that is in it."""
    for path in vendor.descriptor["releases"]:
        vendor.amend(path, **OF_KEEPER)
    signs = {"schema": 2, "signed_by": "keeper", "keeper": KEEPER}
    vendor.describe(**signs, **fields)


def package(key: ec.EllipticCurvePrivateKey, version: str) -> bytes:
    """Return a package that somebody has signed."""
    return make_package(
        make_firmware(version),
        key=key,
        fw_version=firmware_version(version),
        hw_version=HARDWARE_VERSION,
    )


async def offer_feed(house: House, vendor: Vendor) -> SubentryFlowResult:
    """Give a feed's address and root; return the form that shows what it is."""
    result = await start_flow(house.hass, house.entry, "feed")
    return await submit(house.hass, result, url=vendor.url, root=vendor.root.decode())


async def add_keepers_feed(house: House, vendor: Vendor) -> SubentryFlowResult:
    """Add a keeper's feed; return the form that has told so."""
    shown = await offer_feed(house, vendor)
    assert shown["step_id"] == "confirm_keeper", shown
    result = await submit(house.hass, shown)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await house.settle()
    return shown


async def release(house: House, version: str, **fields: Any) -> None:
    """Let the keeper sign for a version, and the house see it."""
    publish(house.vendor, version, **OF_KEEPER, **fields)
    await house.check()


async def approved(house: House) -> None:
    """Install what the keeper offers, with a person's approval."""
    offered = house.managed().release
    assert offered is not None
    owner = await add_user(house, is_owner=True)
    await act(house, "approve", owner, version=offered.version.text)
    await house.install()
    await house.settle()


async def test_a_keepers_feed_is_shown_as_exactly_that(empty_house: House) -> None:
    """When it is added, in the dialog, the plan, the checks, the panel and the report."""
    house = empty_house
    keep(house.vendor)
    shown = (await add_keepers_feed(house, house.vendor))["description_placeholders"]
    assert shown is not None
    assert (shown["keeper"], shown["vendor"], shown["beside"]) == (KEEPER, VENDOR, "")
    assert house.feed.firmware_keys[0].fingerprint in shown["firmware_keys"]
    feed = house.subentry(TITLE)
    assert feed.data["keeper"] == KEEPER
    await house.add_lock(FRONT_DOOR, "Front door")
    await release(house, "1.1.0")

    lock = house.managed()
    told = (
        f"{KEEPER} has chosen it and signed for it; {VENDOR}, the maker, has not. Nothing"
        " proves that the maker made it, so it takes a person's approval."
    )
    found = f"{KEEPER} says that the file was found at"
    assert told in told_evidence(lock)
    assert found in told_evidence(lock)
    attributes = house.state().attributes
    assert (attributes["evidence"], attributes["keeper"]) == (
        "signature_present",
        KEEPER,
    )
    plan = await act(house, "get_plan")
    assert (plan["evidence"], plan["keeper"]) == ("signature_present", KEEPER)
    (check,) = [each for each in checks_of(lock) if each.rule == "keeper"]
    assert (check.reason, check.verdict) == (Reason.KEEPER_ALONE, Verdict.WARNING)
    assert lock.release is not None
    planner = house.runtime.planner
    notes = await async_release_notes(house.hass, lock, lock.release, planner)
    assert told in notes
    assert f"What it closes is the word of {KEEPER}" in notes
    assert f"{KEEPER}, who keeps the feed, says:" in notes
    assert "Its vendor says" not in notes
    step = next_step(lock, plan_of(lock))
    report = await async_report_of(house.hass, house.runtime, lock, step)
    assert report["keeper"] == KEEPER
    assert told in report["evidence_text"]
    assert {each["keeper"] for each in report["advisories"]} == {KEEPER}
    # Only a maker can say that nothing is known.
    assert lock.security != "up_to_date"


async def test_the_first_image_waits_for_a_person(empty_house: House) -> None:
    """Whatever the owner has switched on for the lock: nothing proves who made it."""
    house = empty_house
    keep(house.vendor)
    await add_keepers_feed(house, house.vendor)
    await house.add_lock(FRONT_DOOR, "Front door")
    night = Night(house)
    night.automate()
    await release(house, "1.1.0")
    await night.look()
    assert plan_of(house.managed()).waiting is Waiting.APPROVAL
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    await approved(house)
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_what_has_the_same_signer_runs_by_itself(empty_house: House) -> None:
    """Once a person has approved an image of that signer's on this very lock."""
    house = empty_house
    keep(house.vendor)
    await add_keepers_feed(house, house.vendor)
    await house.add_lock(FRONT_DOOR, "Front door")
    await release(house, "1.1.0")
    await approved(house)

    night = Night(house)
    night.automate()
    await release(house, "1.2.0")
    lock = house.managed()
    assert lock.release is not None
    assert lock.release.evidence is Evidence.SAME_SIGNER
    assert "same signer as what runs on the lock" in told_evidence(lock)
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.2.0"
    kept = house.runtime.vault.running(lock)
    assert kept is not None
    assert (kept.release.keeper, kept.release.evidence) == (
        KEEPER,
        Evidence.SAME_SIGNER,
    )


async def test_an_image_of_another_key_is_not_sent(empty_house: House) -> None:
    """Though the owner has seen that key: it did not sign what runs."""
    house, other = empty_house, generate_key()
    keys = [house.vendor.firmware_key_pem, public_pem(other)]
    keep(house.vendor, firmware_keys=keys)
    await add_keepers_feed(house, house.vendor)
    await house.add_lock(FRONT_DOOR, "Front door")
    await release(house, "1.1.0")
    await approved(house)
    night = Night(house)
    night.automate()
    await release(house, "1.2.0", package=package(other, "1.2.0"))
    await night.look()
    outcome = house.managed().record.outcome
    assert outcome is not None
    assert (outcome.to_version, outcome.reason) == (
        "1.2.0",
        "firmware_signature_invalid",
    )
    assert not outcome.touched
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_it_is_said_that_the_keeper_has_halted_or_staged_it(
    empty_house: House,
) -> None:
    """And whose the words are at the door: its vendor has said none of that."""
    house = empty_house
    models = [{**each, "recovery": "Pull the handle."} for each in MODELS]
    keep(house.vendor, models=models)
    await add_keepers_feed(house, house.vendor)
    await house.add_lock(FRONT_DOOR, "Front door")
    lock, planner = house.managed(), house.runtime.planner
    steps = recovery_steps(lock, house.runtime.vault, house.runtime.remedies)
    assert f"{KEEPER}, who keeps the feed, says:" in steps
    assert "vendor says" not in steps
    for said, rule, words in (
        (HALTED, "halted", (f"Halted by {KEEPER}", f"{KEEPER} says: ")),
        (NONE, "stage", (f"{KEEPER} lets it out by and by",)),
    ):
        await release(house, "1.1.0", **said)
        assert lock.release is not None
        notes = await async_release_notes(house.hass, lock, lock.release, planner)
        for each in words:
            assert each in notes
        assert "ts vendor" not in notes
        (check,) = [
            each
            for each in planner.checks(lock, lock.release, unattended=True)
            if each.rule == rule
        ]
        assert check.details["keeper"] == KEEPER
        house.vendor.withdraw("kl-1/1.1.0.zip")


async def test_what_its_maker_has_halted_is_halted_in_a_keepers_feed_too(
    empty_house: House,
) -> None:
    """The keeper may not have heard of it; it is one file, and the maker knows better."""
    house = empty_house
    keep(house.vendor)
    await add_keepers_feed(house, house.vendor)
    await house.add_lock(FRONT_DOOR, "Front door")
    await release(house, "1.1.0")
    await approved(house)
    maker = Vendor(name=VENDOR, models=MODELS)
    maker.firmware_key = house.vendor.firmware_key
    bad = package(maker.firmware_key, "1.2.0")
    path = publish(maker, "1.2.0", package=bad, **HALTED)
    await maker.start()
    try:
        await submit(house.hass, await offer_feed(house, maker))
        await house.settle()
        feeds = {feed.title: feed for feed in house.runtime.feeds.values()}
        night, lock = Night(house), house.managed()
        assert lock.feed is feeds[TITLE]
        night.automate()
        publish(house.vendor, "1.2.0", package=bad, **OF_KEEPER)
        await feeds[TITLE].async_refresh()
        await house.settle()
        assert lock.release is not None
        assert lock.release.version.text == "1.2.0"
        assert plan_of(lock).waiting is Waiting.HALTED
        notes = await async_release_notes(
            house.hass, lock, lock.release, house.runtime.planner
        )
        assert "Halted by its vendor" in notes
        await night.look()
        assert house.locks[FRONT_DOOR].version == "1.1.0"

        maker.amend(path, schema=1, halted=None)
        for feed in feeds.values():
            await feed.async_refresh()
        await house.settle()
        await house.install()
        assert house.locks[FRONT_DOOR].version == "1.2.0"
    finally:
        await maker.stop()


@asynccontextmanager
async def with_makers_feed(house: House, name: str = VENDOR) -> AsyncIterator[Vendor]:
    """Let the maker publish 1.2.0 itself, in a feed of its own; yield the maker."""
    maker = Vendor(name=name, models=MODELS)
    maker.firmware_key = house.vendor.firmware_key
    publish(maker, "1.2.0", package=package(maker.firmware_key, "1.2.0"))
    await maker.start()
    try:
        await submit(house.hass, await offer_feed(house, maker))
        await house.settle()
        yield maker
    finally:
        await maker.stop()


async def test_what_its_maker_halts_later_is_halted_at_once_in_a_keepers_feed_too(
    empty_house: House,
) -> None:
    """And goes on at once: nobody waits for the next check of the keeper's."""
    house = empty_house
    keep(house.vendor)
    await add_keepers_feed(house, house.vendor)
    await house.add_lock(FRONT_DOOR, "Front door")
    bad = package(house.vendor.firmware_key, "1.2.0")
    await release(house, "1.2.0", package=bad)
    lock = house.managed()
    async with with_makers_feed(house) as maker:
        (own,) = (f for f in house.runtime.feeds.values() if f.keeper is None)
        path = "kl-1/1.2.0.zip"
        maker.release(path, bad, **release_fields("1.2.0"))
        for halt, is_halted in ((HALTED, True), ({"schema": 1, "halted": None}, False)):
            maker.amend(path, **halt)
            await own.async_refresh()
            await house.hass.async_block_till_done()
            assert lock.release is not None
            assert lock.release.is_halted is is_halted
            assert (plan_of(lock).waiting is Waiting.HALTED) is is_halted


async def test_it_is_told_that_the_maker_publishes_itself_by_now(
    empty_house: House,
) -> None:
    """With the locks that follow the keeper all the same; until that is settled."""
    house = empty_house
    keep(house.vendor)
    await add_keepers_feed(house, house.vendor)
    await house.add_lock(FRONT_DOOR, "Front door")
    assert "maker_publishes" not in await issues(house)
    async with with_makers_feed(house):
        told = (await issues(house))["maker_publishes"]
        assert f"is a feed of {VENDOR}, who makes these locks: Front door" in told
        assert f"They still follow {KEEPER}" in told
        (issue,) = (
            each
            for each in ir.async_get(house.hass).issues.values()
            if each.translation_key == "maker_publishes"
        )
        # Once: what was ignored stays so over a reload.
        ir.async_ignore_issue(house.hass, DOMAIN, issue.issue_id, True)
        await house.reload()
        (issue,) = (
            each
            for each in ir.async_get(house.hass).issues.values()
            if each.translation_key == "maker_publishes"
        )
        assert issue.dismissed_version is not None
        await house.remove(TITLE)
        assert "maker_publishes" not in await issues(house)


async def test_nobody_is_told_to_leave_a_keeper_who_was_not_heard(
    empty_house: House,
) -> None:
    """Somebody else has a model of the same name; what was ignored stays so meanwhile."""
    house = empty_house
    keep(house.vendor)
    await add_keepers_feed(house, house.vendor)
    await house.add_lock(FRONT_DOOR, "Front door")

    async def unheard() -> None:
        house.vendor.misbehave("*", Status(503))
        shutil.rmtree(house.cache(TITLE))
        await house.reload()
        assert house.managed().content is None

    async with with_makers_feed(house, "Another maker"):
        await unheard()
        assert "maker_publishes" not in await issues(house)
        house.vendor.behave()
        await house.reload()
        await house.remove("Another maker")
    async with with_makers_feed(house):
        (issue,) = (
            each
            for each in ir.async_get(house.hass).issues.values()
            if each.translation_key == "maker_publishes"
        )
        ir.async_ignore_issue(house.hass, DOMAIN, issue.issue_id, True)
        await unheard()
        found = ir.async_get(house.hass).async_get_issue(DOMAIN, issue.issue_id)
        assert found is not None
        assert found.dismissed_version is not None
