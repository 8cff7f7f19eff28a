"""A keeper who would like to be taken for the maker."""

import pytest

from custom_components.nightlatch.core.model import Evidence
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from tests.home.flows import start_reconfigure, submit
from tests.home.house import BACK_DOOR, FRONT_DOOR, House
from tests.home.test_keepers_feed import (
    KEEPER,
    OF_KEEPER,
    TITLE,
    add_keepers_feed,
    keep,
    package,
    release,
)
from tests.home.test_stages import HALTED
from tests.rig.dfu_package import generate_key
from tests.rig.scene import MODELS, VENDOR, publish
from tests.rig.vendor import Vendor

from .table import Tried


async def test_two_files_of_a_keepers_do_not_prove_each_other(
    empty_house: House, attack: Tried
) -> None:
    """One under the version that the lock came with, and one that is newer."""
    house, thief = empty_house, generate_key()
    house.vendor.firmware_key = thief
    publish(house.vendor, "1.0.0", package=package(thief, "1.0.0"))
    payload = {
        "format": "nordic-dfu",
        "hardware_version": 52,
        "firmware_version": 2**32 - 1,
    }
    house.vendor.amend("kl-1/1.0.0.zip", payload=payload)
    keep(house.vendor, firmware_keys=[house.vendor.firmware_key_pem])
    await add_keepers_feed(house, house.vendor)
    await house.add_lock(FRONT_DOOR, "Front door")
    await release(house, "1.1.0", package=package(thief, "1.1.0"))
    lock = house.managed()
    await house.settle()
    assert house.runtime.vault.running(lock) is None
    offers = tuple(lock.kind.on_offer())
    assert {each.evidence for each in offers} == {Evidence.SIGNATURE_PRESENT}
    assert lock.policy.approval == "person"
    # Nor is a counter believed that no release of the maker's ever reaches.
    assert lock.floor is not None
    assert lock.floor.firmware_version == 0
    with pytest.raises(HomeAssistantError):
        await house.install()
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    attack(
        "A keeper's own file under the version that the lock came with",
        len(offers),
        "proves nothing; a person has to approve the next one",
    )


async def test_a_keeper_does_not_become_the_maker(
    empty_house: House, attack: Tried
) -> None:
    """Neither at the next check, nor when the owner is led to Reconfigure."""
    house = empty_house
    keep(house.vendor)
    await add_keepers_feed(house, house.vendor)
    await house.add_lock(FRONT_DOOR, "Front door")
    await release(house, "1.1.0")
    said = {k: v for k, v in house.vendor.descriptor.items() if k != "keeper"}
    said |= {"schema": 1, "signed_by": "maker"}
    house.vendor._put("targets", "nightlatch.json", b"{}", said)
    house.vendor.renew()
    await house.check()
    assert house.feed.trouble == "feed_signed_by_changed"
    (issue,) = [
        each
        for each in ir.async_get(house.hass).issues.values()
        if each.translation_key == "signed_by_changed"
    ]
    assert issue.translation_placeholders == {
        "feed": TITLE,
        "before": KEEPER,
        "now": VENDOR,
    }
    with pytest.raises(HomeAssistantError):
        await house.install()
    subentry = house.subentry(TITLE)
    result = await start_reconfigure(house.hass, house.entry, subentry)
    vendor = house.vendor
    result = await submit(house.hass, result, url=vendor.url, root=vendor.root.decode())
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {"base": "feed_refused"}
    assert result["description_placeholders"] is not None
    assert KEEPER in result["description_placeholders"]["problem"]
    assert house.subentry(TITLE).data["keeper"] == KEEPER
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    await house.reload()
    assert house.feed.trouble == "feed_signed_by_changed"
    attack(
        "A keeper's feed that says it is the maker's from now on",
        3,
        "refused, with a repair; Reconfigure does not make it the maker's",
    )


async def test_a_vendors_own_feed_wins(house: House, attack: Tried) -> None:
    """Also over a keeper's that was there first in the list, with a higher version."""
    keeper = Vendor(name=VENDOR, models=MODELS)
    publish(keeper, "9.0.0", **OF_KEEPER)
    keep(keeper)
    await keeper.start()
    try:
        shown = await add_keepers_feed(house, keeper)
        assert shown["description_placeholders"] is not None
        beside = shown["description_placeholders"]["beside"]
        assert "maker's own feed is here already" in beside
        assert "Kestrel One" in beside
        feeds = house.runtime.feeds
        feeds_by_title = {feed.title: feed for feed in feeds.values()}
        assert set(feeds_by_title) == {VENDOR, TITLE}
        await house.add_lock(BACK_DOOR, "Back door")
        for address in (FRONT_DOOR, BACK_DOOR):
            lock = house.managed(address)
            assert lock.feed is feeds_by_title[VENDOR]
            assert lock.release is None
    finally:
        await keeper.stop()
    attack(
        "A keeper's feed for locks whose maker has one here",
        2,
        "the maker's wins for old locks and new ones, and the form says so",
    )


async def test_a_keeper_cannot_halt_what_a_lock_of_the_makers_may_go_back_to(
    house: House, attack: Tried
) -> None:
    """A file that the maker no longer lists; the keeper does, halted."""
    data = package(house.vendor.firmware_key, "1.1.0")
    path = await house.release("1.1.0", package=data)
    lock = house.managed()
    kept = lock.release
    assert kept is not None
    house.vendor.withdraw(path)
    await house.check()
    keeper = Vendor(name=VENDOR, models=MODELS)
    publish(keeper, "1.1.0", package=data, **OF_KEEPER, **HALTED)
    keep(keeper)
    await keeper.start()
    try:
        await add_keepers_feed(house, keeper)
        trust = house.runtime.store.trust
        keepers = next(
            feed.trusted_as
            for feed in house.runtime.feeds.values()
            if feed.title == TITLE
        )
        assert trust.halted_by(kept.model, kept.key) == {keepers}
        assert lock.as_told(kept).halted is None
    finally:
        await keeper.stop()
    attack(
        "A keeper halts what another feed's lock may go back to",
        1,
        "halted for locks of the keeper's feed only",
    )
