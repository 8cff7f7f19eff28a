"""A lock that its maker's app is to reach: let go of, for everybody to see."""

from collections.abc import Iterator
from datetime import datetime, timedelta
import re
from zoneinfo import ZoneInfo

import pytest

from tests.rig.demo import FRONT

from .house import UPDATES, RunningHouse
from .visit import Visit

_BUTTON = "button.front_door_let_go_for_ten_minutes"
_FOR = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def taken_again(house: RunningHouse) -> Iterator[None]:
    """Let it be over with the test, for the others."""
    yield
    house.empty()


def test_a_lock_is_let_go_of(visit: Visit) -> None:
    """Until when stands under Repairs; meanwhile nothing of ours connects to it."""
    words, house = visit.words, visit.house
    lock, zone = house.demo.lock, ZoneInfo(house.time_zone)
    offered = house.release()
    before = lock.version
    house.approve(offered)
    visit.open(f"/config/devices/device/{house.device_of(UPDATES[FRONT])}")
    label = words("entity.button.let_go.name")
    visit.see(label)
    row = visit.page.locator("hui-button-entity-row").filter(has_text=label)
    first = datetime.now(zone) + _FOR
    row.get_by_role("button").last.click()
    house.until_issue("let_go")
    last = datetime.now(zone) + _FOR
    visit.open_repair(re.compile(rf"{FRONT}.*\d\d:\d\d"))
    said = visit.look("let-go")
    until = re.search(r"\d\d:\d\d", said)
    assert until is not None
    assert f"{first:%H:%M}" <= until[0] <= f"{last:%H:%M}"
    assert lock._session is None
    # Whoever wants it installed all the same is told why not.
    visit.open_details(UPDATES[FRONT])
    visit.see(offered)
    visit.look("update-let-go")
    label = visit.theirs("ui.dialogs.more_info_control.update.update")
    details = visit.page.locator("more-info-update")
    details.get_by_role("button", name=label, exact=True).click()
    toast = visit.page.locator("ha-toast")
    toast.get_by_text(FRONT).first.wait_for()
    assert "was let go of" in visit.read(toast.first)
    assert lock._session is None
    assert lock.version == before
