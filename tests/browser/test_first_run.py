"""Nightlatch is added, and what it is to look after: in a house that has never had it."""

from collections.abc import Iterator

from playwright.sync_api import Browser
import pytest

from tests.rig.demo import ADDRESS, CELLAR, FRONT, GARDEN, SIDE
from tests.rig.scene import VENDOR

from .house import RunningHouse
from .visit import INTEGRATION, Visit, visiting

_ADD = "/config/integrations/dashboard/add?domain=nightlatch"
_LOCK = "config_subentries.lock"
_FEED = "config_subentries.feed"


@pytest.fixture(params=["en", "de"])
def newcomer(
    request: pytest.FixtureRequest, browser: Browser, running_house: RunningHouse
) -> Iterator[Visit]:
    """Let somebody sit down who has just brought Nightlatch into the house."""
    before = len(running_house.complaints)
    running_house.empty()
    with visiting(browser, running_house, request.param) as visit:
        yield visit
    assert running_house.complaints[before:] == []


def test_adding_it_ends_with_the_locks_of_the_house(newcomer: Visit) -> None:
    """What is known well is ticked; what a feed or a lock has to say comes later."""
    visit, words = newcomer, newcomer.words
    visit.open(_ADD)
    visit.press(visit.theirs("ui.common.ok"))
    visit.see(words("config.step.user.description"))
    visit.look("first-run")
    visit.submit()
    visit.see(words(f"{_LOCK}.step.user.description"))
    said = visit.look("first-run-pick")
    for name in (GARDEN, SIDE, CELLAR):
        assert name in said
    assert FRONT not in said
    visit.submit()
    told = visit.ended()
    assert f"{SIDE}, {CELLAR}" in told
    visit.look("first-run-added")
    visit.close()
    # Then the feed, whose keys are seen before anything is believed.
    visit.open(INTEGRATION)
    _add_feed(visit)
    # And the lock that only the feed can tell of.
    visit.page.get_by_text(words(f"{_LOCK}.initiate_flow.user")).first.click()
    visit.see(ADDRESS)
    said = visit.look("add-lock")
    # Of a model that also looks like another it is called by the name that says more.
    assert "(Kestrel Motor, " in said
    visit.dialog.get_by_text(ADDRESS).first.click()
    visit.submit()
    visit.see(words(f"{_LOCK}.step.details.title"))
    said = visit.look("add-lock-details")
    assert VENDOR in said
    assert f"{visit.house.demo.lock.version}" in said
    # Nothing is answered for anybody.
    visit.submit()
    visit.see(words("config.error.door_not_said"))
    visit.look("add-lock-door-not-said")


def _add_feed(visit: Visit) -> None:
    words, vendor = visit.words, visit.house.demo.vendor
    visit.page.get_by_text(words(f"{_FEED}.initiate_flow.user")).first.click()
    visit.see(words(f"{_FEED}.step.user.description"))
    visit.look("feed")
    visit.fill(words(f"{_FEED}.step.user.data.url"), vendor.url)
    root = words(f"{_FEED}.step.user.data.root")
    visit.fill(root, "a root that is none")
    visit.submit()
    visit.see("root.json", timeout=10_000)
    visit.look("feed-refused")
    visit.fill(root, vendor.root.decode())
    visit.submit()
    visit.see(words(f"{_FEED}.step.confirm.title"))
    said = visit.look("feed-keys")
    assert VENDOR in said
    visit.submit()
    visit.dialog.locator("step-flow-create-entry").wait_for()
    visit.look("feed-added")
    visit.press(visit.theirs("ui.panel.config.integrations.config_flow.finish"))
