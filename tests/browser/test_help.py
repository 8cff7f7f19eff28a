"""Something is wrong with a lock: what a person reads, and the one thing to do."""

from collections.abc import Iterator
import re
from typing import Any

import pytest

from tests.rig import bootloader
from tests.rig.demo import FRONT
from tests.rig.lock import Mode
from tests.rig.lock_services import MODEL

from .house import RunningHouse
from .visit import Visit

_STEP = "config_subentries.lock.step"
_RECOVERED = "binary_sensor.front_door_being_updated"
_PROBLEM = "binary_sensor.front_door_update_problem"
# Milliseconds; a lock that is away is looked for in vain several times.
_LOOKS = 150_000


def something_is_wrong(visit: Visit, name: str) -> str:
    """Choose it, watch it being looked at, and return what it ends with."""
    words = visit.words
    visit.reconfigure(FRONT)
    visit.choose(words(f"{_STEP}.reconfigure.menu_options.help"))
    visit.dialog.locator("step-flow-progress").wait_for()
    visit.see(words(f"{_STEP}.help_end.title"), _LOOKS)
    return visit.look(name)


@pytest.fixture(autouse=True)
def out_of_its_bootloader(house: RunningHouse) -> Iterator[None]:
    """Whatever becomes of a test, the others need the lock."""
    yield
    lock = house.demo.lock
    if lock.mode is Mode.BOOTLOADER:
        house.tell(lock.reset)


def test_a_lock_out_of_range(owner: Visit) -> None:
    """It has to be woken; nobody sends the person to its maker first."""
    lock = owner.house.demo.lock
    owner.house.tell(lock.cut_power)
    try:
        said = something_is_wrong(owner, "help-out-of-range")
    finally:
        owner.house.tell(lock.restore_power)
    assert FRONT in said
    _offers(owner, said, "help", "help_evidence")


def test_a_low_battery(owner: Visit) -> None:
    """It is told with its level."""
    lock = owner.house.demo.lock
    owner.house.tell(lambda: lock.set_battery(20))
    try:
        said = something_is_wrong(owner, "help-low-battery")
    finally:
        owner.house.tell(lambda: lock.set_battery(90))
    assert re.search(r"20\s?%", said)
    _offers(owner, said, "help", "help_evidence")


def test_a_wrong_model(owner: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its maker is asked, with what is known."""
    strings: dict[Any, Any] = owner.house.demo.lock._strings
    monkeypatch.setitem(strings, MODEL, "NL-200")
    said = something_is_wrong(owner, "help-wrong-model")
    assert "NL-200" in said
    _offers(owner, said, "help_evidence", "help")
    owner.choose(owner.words(f"{_STEP}.help_end.menu_options.help_evidence"))
    told = owner.ended()
    owner.look("help-evidence")
    assert "<a" not in told
    link = owner.dialog.get_by_role("link").first.get_attribute("href")
    assert link is not None
    assert "/api/nightlatch/evidence/" in link


def test_a_stranded_lock(owner: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is brought out by what is offered first, since what it ran is kept."""
    house, lock = owner.house, owner.house.demo.lock
    version = house.release()
    house.approve(version)
    house.install(FRONT)
    monkeypatch.setattr(bootloader, "INACTIVITY_TIMEOUT", 600.0)
    house.tell(lock._jump)
    house.until(lambda: lock.mode is Mode.BOOTLOADER)
    said = something_is_wrong(owner, "help-stranded")
    _offers(owner, said, "help_recover", "help")
    owner.choose(owner.words(f"{_STEP}.help_end.menu_options.help_recover"))
    assert FRONT in owner.ended()
    owner.look("help-recovery-begun")
    house.until(lambda: lock.mode is Mode.APPLICATION)
    # Until it is proven it is still being recovered, and not stranded anew.
    house.until_state(_RECOVERED, lambda state: state["state"] == "off")
    house.until_state(_PROBLEM, lambda state: state["state"] == "off")


def _offers(visit: Visit, said: str, *steps: str) -> None:
    """Look that a menu offers these, in this order."""
    labels = [visit.words(f"{_STEP}.help_end.menu_options.{step}") for step in steps]
    places = [said.rindex(label) for label in labels]
    assert places == sorted(places), said
