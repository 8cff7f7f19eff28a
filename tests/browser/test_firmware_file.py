"""Firmware that somebody has as a file: chosen, given up again, or installed."""

import re

from tests.rig.demo import FRONT
from tests.rig.scene import HARDWARE_REVISION, MODEL, make_release

from .house import UPDATES
from .visit import Visit

_LOCK = "config_subentries.lock"
_STEP = f"{_LOCK}.step"
_UPDATE = UPDATES[FRONT]


def bring_file(visit: Visit, version: str) -> None:
    """Choose a file of the vendor's for the front door, and say what it is for."""
    words = visit.words
    visit.reconfigure(FRONT)
    visit.choose(words(f"{_STEP}.reconfigure.menu_options.firmware_file"))
    visit.see(words(f"{_STEP}.firmware_file.title"))
    assert FRONT in visit.look("file")
    visit.pick_file("holiday.zip", b"This is not firmware.")
    visit.submit()
    alert = visit.dialog.locator("ha-alert").first
    alert.wait_for()
    # What to bring instead is said in the same words as above.
    assert FRONT in visit.read(alert)
    assert "(.zip)" in visit.read(alert)
    visit.look("file-refused")
    name = f"kestrel-one-{version}.zip"
    visit.pick_file(name, make_release(visit.house.demo.vendor, version))
    visit.submit()
    visit.see(words(f"{_STEP}.firmware_details.title"))
    assert name in visit.look("file-details")
    said_of_it = {"model": "KL-9", "hardware": HARDWARE_REVISION, "version": version}
    for key, value in said_of_it.items():
        visit.fill(words(f"{_STEP}.firmware_details.data.{key}"), value)
    visit.submit()
    visit.see(re.compile("KL-9"))
    visit.look("file-other-model")
    visit.fill(words(f"{_STEP}.firmware_details.data.model"), MODEL)
    visit.submit()
    visit.see(words(f"{_STEP}.firmware_confirm.title"))
    said = visit.look("file-confirm")
    assert name in said
    assert version in said
    visit.submit()
    told = visit.ended()
    assert version in told
    assert FRONT in told
    visit.look("file-offered")
    visit.close()


def test_a_file_is_given_up_again(owner: Visit) -> None:
    """The lock is offered what the file has, and then again what its feed has."""
    words, house = owner.words, owner.house
    before, of_feed = house.demo.lock.version, house.release()
    version = house.next_version()
    bring_file(owner, version)
    house.until_state(
        _UPDATE, lambda state: state["attributes"]["latest_version"] == version
    )
    owner.open_details(_UPDATE)
    owner.see(version)
    said = owner.look("update-from-file")
    # Whoever sees it offered is led to where it is given up.
    assert words("selector.release_fact.options.is_chosen") in said
    owner.reconfigure(FRONT)
    give_up = words(f"{_STEP}.reconfigure.menu_options.give_up")
    owner.see(give_up)
    owner.choose(give_up)
    owner.see(words(f"{_STEP}.give_up.title"))
    assert version in owner.look("give-up")
    owner.submit()
    told = words(f"{_LOCK}.abort.given_up").format(lock=FRONT, version=version)
    assert told in owner.ended()
    owner.look("given-up")
    owner.close()
    house.until_state(
        _UPDATE, lambda state: state["attributes"]["latest_version"] == of_feed
    )
    owner.reconfigure(FRONT)
    owner.see(words(f"{_STEP}.reconfigure.menu_options.help"))
    assert give_up not in owner.read(owner.dialog)
    assert house.demo.lock.version == before


def test_a_file_is_installed(visit: Visit) -> None:
    """It takes the same approval as any other release, and the lock then runs it."""
    words, house = visit.words, visit.house
    before, version = house.demo.lock.version, house.next_version()
    bring_file(visit, version)
    # Nothing is installed by that.
    assert house.demo.lock.version == before
    visit.reconfigure(FRONT)
    visit.choose(words(f"{_STEP}.reconfigure.menu_options.approve"))
    visit.see(words(f"{_STEP}.approve.title"))
    assert version in visit.read(visit.dialog)
    visit.fill(words(f"{_STEP}.approve.data.code"), house.code())
    visit.submit()
    assert version in visit.ended()
    visit.close()
    visit.open_details(_UPDATE)
    visit.see(version)
    visit.press_update(_UPDATE)
    house.until_installed(FRONT, version)
    assert house.demo.lock.version == version
    # What was chosen has been done; there is nothing left to give up.
    visit.reconfigure(FRONT)
    visit.see(words(f"{_STEP}.reconfigure.menu_options.help"))
    give_up = words(f"{_STEP}.reconfigure.menu_options.give_up")
    assert give_up not in visit.read(visit.dialog)
