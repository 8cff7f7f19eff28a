"""An installation that somebody stops: what they press and read, and what the lock runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.rig.demo import FRONT
from tests.rig.lock import Mode

from .house import UPDATES, RunningHouse
from .visit import Visit

_STEP = "config_subentries.lock.step"
_UPDATE = UPDATES[FRONT]
_OUTCOME = "sensor.front_door_last_installation"


@contextmanager
def installing(visit: Visit) -> Iterator[tuple[str, str]]:
    """Let a person begin an installation; yield what the lock runs, and what comes."""
    house = visit.house
    offered = house.release()
    before = house.demo.lock.version
    assert before is not None
    house.approve(offered)
    house.slow_down()
    try:
        visit.open_details(_UPDATE)
        visit.see(offered)
        visit.press_update(_UPDATE)
        house.until_state(
            _UPDATE, lambda state: state["attributes"]["update_percentage"]
        )
        yield before, offered
    finally:
        house.speed_up()


def stays(house: RunningHouse, before: str, offered: str) -> None:
    """Look that the lock goes on with what it ran, and can be brought to the other."""
    state = house.until_state(
        _UPDATE, lambda state: not state["attributes"]["in_progress"]
    )
    assert state["attributes"]["installed_version"] == before
    assert state["attributes"]["latest_version"] == offered
    lock = house.demo.lock
    house.until(lambda: lock.mode is Mode.APPLICATION)
    assert lock.version == before
    assert house.state(_OUTCOME)["state"] == "cancelled"


def test_it_is_cancelled_where_the_lock_is_looked_after(owner: Visit) -> None:
    """It is asked first; afterwards the lock runs what it ran, and can be updated."""
    words, house = owner.words, owner.house
    cancel = words(f"{_STEP}.reconfigure.menu_options.cancel")
    with installing(owner) as (before, offered):
        owner.reconfigure(FRONT)
        owner.see(cancel)
        said = owner.look("reconfigure-running")
        # Nothing that would be refused now is offered.
        assert words(f"{_STEP}.reconfigure.menu_options.approve") not in said
        assert words(f"{_STEP}.reconfigure.menu_options.try_way") not in said
        owner.choose(cancel)
        owner.see(words(f"{_STEP}.cancel.title"))
        assert FRONT in owner.look("cancel")
        owner.submit()
        told = owner.ended()
        assert words("config_subentries.lock.abort.cancelled").format(lock=FRONT) in (
            told
        )
        owner.look("cancelled")
        owner.close()
        stays(house, before, offered)
    owner.reconfigure(FRONT)
    owner.see(words(f"{_STEP}.reconfigure.menu_options.help"))
    assert cancel not in owner.read(owner.dialog)
    house.approve(offered)
    owner.open_details(_UPDATE)
    owner.see(offered)
    owner.look("update-cancelled")
    owner.press_update(_UPDATE)
    house.until_installed(FRONT, offered)
    assert house.demo.lock.version == offered


def test_it_is_cancelled_in_the_panel(owner: Visit) -> None:
    """One press, and the panel says what became of it."""
    words, house = owner.words, owner.house
    with installing(owner) as (before, offered):
        owner.open("/nightlatch")
        owner.see(FRONT)
        panel = owner.page.locator("nightlatch-panel")
        owner.look("panel-running", panel)
        ours = panel.locator("nightlatch-lock").filter(has_text=FRONT)
        ours.get_by_role("progressbar").wait_for()
        label = words("config_panel.deed.cancel")
        ours.get_by_role("button", name=label, exact=True).click()
        ours.get_by_role("progressbar").wait_for(state="detached")
        stays(house, before, offered)
        said = owner.look("panel-cancelled", panel)
    assert words("selector.outcome.options.cancelled") in said
    assert before in owner.read(ours)
    assert offered in owner.read(ours)


def test_it_is_too_late_to_cancel_it(visit: Visit) -> None:
    """Whoever thinks for too long is told so, and nothing is done to the lock."""
    words, house = visit.words, visit.house
    with installing(visit) as (_, offered):
        visit.reconfigure(FRONT)
        visit.choose(words(f"{_STEP}.reconfigure.menu_options.cancel"))
        visit.see(words(f"{_STEP}.cancel.title"))
    house.until_installed(FRONT, offered)
    visit.submit()
    assert words("config_subentries.lock.abort.nothing_to_decide") in visit.ended()
    assert house.demo.lock.version == offered
