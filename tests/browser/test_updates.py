"""An update, from being offered to being proven: what a person reads and presses."""

from tests.rig.demo import FRONT

from .house import UPDATES
from .visit import Visit

_STEP = "config_subentries.lock.step"


def test_an_update_that_waits_for_a_code(owner: Visit) -> None:
    """A wrong code is told and can be mended; then it is installed, and followed."""
    version = owner.house.release()
    owner.open("/nightlatch")
    owner.see(FRONT)
    panel = owner.page.locator("nightlatch-panel")
    said = owner.look("panel-waits", panel)
    assert version in said
    owner.reconfigure(FRONT)
    said = owner.look("reconfigure")
    words = owner.words
    assert words(f"{_STEP}.reconfigure.menu_options.approve") in said
    owner.choose(words(f"{_STEP}.reconfigure.menu_options.approve"))
    owner.see(words(f"{_STEP}.approve.title"))
    said = owner.look("approve")
    assert version in said
    owner.fill(words(f"{_STEP}.approve.data.code"), "12")
    owner.submit()
    owner.dialog.locator("ha-alert").first.wait_for()
    owner.look("approve-refused")
    owner.fill(words(f"{_STEP}.approve.data.code"), owner.house.code())
    owner.submit()
    assert version in owner.ended()
    owner.look("approved")
    owner.close()
    _install(owner, version)


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
