"""An update, from being offered to being proven: what a person reads and presses."""

import re

from tests.rig.demo import FRONT

from .house import UPDATES
from .visit import Visit

_STEP = "config_subentries.lock.step"


def test_an_update_that_waits_for_a_code(visit: Visit) -> None:
    """A wrong code is told and can be mended; then it is installed, and followed."""
    version = visit.house.release()
    visit.open("/nightlatch")
    visit.see(FRONT)
    panel = visit.page.locator("nightlatch-panel")
    said = visit.look("panel-waits", panel)
    assert version in said
    visit.reconfigure(FRONT)
    said = visit.look("reconfigure")
    words = visit.words
    assert words(f"{_STEP}.reconfigure.menu_options.approve") in said
    visit.choose(words(f"{_STEP}.reconfigure.menu_options.approve"))
    visit.see(words(f"{_STEP}.approve.title"))
    said = visit.look("approve")
    assert version in said
    visit.fill(words(f"{_STEP}.approve.data.code"), "12")
    visit.submit()
    visit.see(re.compile("six digits"))
    visit.look("approve-refused")
    visit.fill(words(f"{_STEP}.approve.data.code"), visit.house.code())
    visit.submit()
    assert version in visit.ended()
    visit.look("approved")
    visit.close()
    _install(visit, version)


def _install(visit: Visit, version: str) -> None:
    house, update = visit.house, UPDATES[FRONT]
    house.slow_down()
    try:
        visit.open_details(update)
        visit.see(version)
        visit.look("update-approved")
        visit.press_update(update)
        house.until_state(
            update, lambda state: state["attributes"]["update_percentage"]
        )
        visit.look("update-running")
    finally:
        house.speed_up()
    house.until_installed(FRONT, version)
    assert house.demo.lock.version == version
    visit.open_details(update)
    visit.see(version)
    visit.look("update-installed")
