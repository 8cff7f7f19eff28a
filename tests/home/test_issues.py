"""Repairs: what a person must do, and only that; gone as soon as it is done."""

from typing import Any

import pytest

from custom_components.nightlatch.const import DOMAIN
from homeassistant.components.lock import LockState
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.translation import async_get_translations
from tests.rig.lock import Step
from tests.rig.scene import VENDOR

from .asked import a_turn, read
from .flows import until
from .house import FRONT_DOOR, House
from .night import Night
from .test_bad_feed import another_firmware_key
from .test_watch import send_to_bootloader

# What a person may say in the dialog of an issue: that a lock may be helped.
FIXABLE = {"in_bootloader", "stranded"}


async def issues(house: House) -> dict[str, str]:
    """Return what Home Assistant shows under Repairs: the text of each issue by key."""
    texts = await async_get_translations(house.hass, "en", "issues", [DOMAIN])
    await a_turn()
    found = {}
    for issue in ir.async_get(house.hass).issues.values():
        if issue.domain != DOMAIN or not issue.active:
            continue
        key = issue.translation_key
        assert key is not None
        where = f"component.{DOMAIN}.issues.{key}"
        filled = issue.translation_placeholders or {}
        title = texts[f"{where}.title"].format(**filled)
        # There is nothing to click away: it goes when it is done.
        assert issue.is_fixable == (key in FIXABLE)
        if issue.is_fixable:
            where += ".fix_flow.step.confirm"
        found[key] = f"{title}\n{texts[f'{where}.description'].format(**filled)}"
    return found


async def text_of_issue(house: House, key: str) -> str:
    """Return the text of the only issue that there is."""
    found = await issues(house)
    assert list(found) == [key]
    return found[key]


def severity(house: House, key: str) -> ir.IssueSeverity | None:
    """Return how urgent an issue is shown."""
    return next(
        issue.severity
        for issue in ir.async_get(house.hass).issues.values()
        if issue.translation_key == key
    )


async def test_nothing_to_do(house: House) -> None:
    """An update that waits, or is held, is nothing to repair."""
    assert await issues(house) == {}
    await house.release("1.1.0")
    house.locks[FRONT_DOOR].set_battery(10)
    with pytest.raises(HomeAssistantError):
        await house.install()
    assert await issues(house) == {}


async def test_a_lock_in_its_bootloader(house: House) -> None:
    """Until it runs its application again."""
    lock = house.locks[FRONT_DOOR]
    send_to_bootloader(lock)
    await until(lambda: house.managed().in_bootloader)
    found = await issues(house)
    assert list(found) == ["in_bootloader"]
    assert found["in_bootloader"].startswith("Front door waits in its bootloader")
    assert severity(house, "in_bootloader") is ir.IssueSeverity.ERROR
    await until(lambda: not house.managed().in_bootloader)
    assert await issues(house) == {}
    await house.settle()


async def test_a_lock_in_its_bootloader_is_told_of_whatever_else_is_at_fault(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A plan that cannot be made hides no lock that a person must see to."""
    send_to_bootloader(house.locks[FRONT_DOOR])
    await until(lambda: house.managed().in_bootloader)
    issue_id = f"in_bootloader_{house.managed().subentry_id}"
    registry = ir.async_get(house.hass)
    ir.async_delete_issue(house.hass, DOMAIN, issue_id)

    def at_fault(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(house.runtime.planner, "plan", at_fault)
        house.runtime.scheduler._issues.async_sync_lock(house.managed())
    assert registry.async_get_issue(DOMAIN, issue_id) is not None
    assert "Front door: repairs failed" in caplog.text
    caplog.clear()
    await until(lambda: not house.managed().in_bootloader)
    await house.settle()


async def test_issues_are_gone_through_once_for_all_locks(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at many locks that each have one costs no look at all for each."""
    issues_of_house = two_doors.runtime.scheduler._issues
    looked = 0
    go_through = issues_of_house._issues_there

    def counted() -> dict[str, set[str]]:
        nonlocal looked
        looked += 1
        return go_through()

    monkeypatch.setattr(issues_of_house, "_issues_there", counted)
    issues_of_house.async_sync_household()
    for lock in two_doors.runtime.locks.values():
        issues_of_house.async_sync_lock(lock)
    assert looked == 1


async def test_a_lock_that_does_not_come_back(house: House) -> None:
    """The issue says what happened and what to do; it goes when the lock answers."""
    await house.release("1.1.0")
    lock = house.locks[FRONT_DOOR]
    lock.cut_power_at(Step.ACTIVATED)
    with pytest.raises(HomeAssistantError) as caught:
        await house.install()
    found = await issues(house)
    assert list(found) == ["needs_hand"]
    assert found["needs_hand"].startswith("Front door needs a hand\n")
    assert str(caught.value) in found["needs_hand"]
    assert severity(house, "needs_hand") is ir.IssueSeverity.ERROR

    lock.restore_power()
    await until(lambda: house.state().attributes["installed_version"] == "1.1.0")
    await house.settle()
    assert await issues(house) == {}


async def test_a_bolt_that_jams_after_an_update(house: House) -> None:
    """The lock answers, but nobody gets in."""
    night = Night(house)
    house.hass.states.async_set("lock.front", LockState.LOCKED)
    night.set_lock(lock_entity="lock.front")
    house.locks[FRONT_DOOR].comes_back_as = "1.0.7"
    house.hass.states.async_set("lock.front", LockState.JAMMED)
    await read(house.managed())
    await house.settle()
    found = await issues(house)
    assert list(found) == ["needs_hand"]
    assert "jam" in found["needs_hand"]

    house.hass.states.async_set("lock.front", LockState.UNLOCKED)
    house.managed().async_changed()
    assert await issues(house) == {}


async def test_a_feed_that_was_removed(house: House) -> None:
    """Until it is there again, or the lock is gone as well."""
    await house.remove(VENDOR)
    found = await issues(house)
    assert list(found) == ["feed_gone"]
    assert found["feed_gone"].startswith("Front door has no feed any more")
    assert severity(house, "feed_gone") is ir.IssueSeverity.WARNING
    await house.remove("Front door")
    assert await issues(house) == {}


async def test_another_firmware_key(house: House) -> None:
    """Only the owner can say whether it is the vendor's."""
    another_firmware_key(house.vendor)
    await house.check()
    found = await issues(house)
    assert list(found) == ["firmware_key_changed"]
    assert VENDOR in found["firmware_key_changed"]
    await house.remove("Front door")
    await house.remove(VENDOR)
    assert await issues(house) == {}


async def test_what_failed_too_often_goes_to_the_vendor(house: House) -> None:
    """With the evidence: how to get it, and what happened last."""
    night = Night(house)
    night.automate()
    await house.release("1.1.0")
    for _ in range(4):
        house.locks[FRONT_DOOR].buttonless_status = 6
        assert await issues(house) == {}
        with pytest.raises(HomeAssistantError):
            await house.install()
    found = await issues(house)
    assert list(found) == ["contact_vendor"]
    text = found["contact_vendor"]
    assert text.startswith("Front door: ask the vendor")
    assert "Version 1.1.0 failed" in text
    assert "refused to start its bootloader" in text
    assert "Download diagnostics" in text
    # Another release is another try.
    await house.release("1.2.0")
    assert await issues(house) == {}


async def test_what_was_ignored_stays_ignored(house: House) -> None:
    """Over a restart, though the issue is not there at once."""
    await house.remove(VENDOR)
    registry = ir.async_get(house.hass)
    ((domain, issue_id),) = [key for key in registry.issues if key[0] == DOMAIN]
    ir.async_ignore_issue(house.hass, domain, issue_id, True)
    issue: Any = registry.async_get_issue(domain, issue_id)
    # As it is read from disk at the next start, before anybody has created it.
    registry.issues[(domain, "other")] = type(issue)(
        **{
            **{slot: getattr(issue, slot) for slot in issue.__slots__},
            "issue_id": "other",
            "active": False,
        }
    )
    house.runtime.locks.async_changed()
    assert (domain, "other") in registry.issues
    kept = registry.async_get_issue(domain, issue_id)
    assert kept is not None
    assert kept.dismissed_version is not None


async def test_nothing_stays_when_nightlatch_is_removed(house: House) -> None:
    """Nobody else would ever delete them."""
    await house.remove(VENDOR)
    assert await issues(house)
    await house.hass.config_entries.async_remove(house.entry.entry_id)
    await house.hass.async_block_till_done()
    assert not [key for key in ir.async_get(house.hass).issues if key[0] == DOMAIN]
