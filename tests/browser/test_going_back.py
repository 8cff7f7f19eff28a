"""A lock that goes back to what it ran before an update."""

import pytest

from tests.rig.demo import GARDEN

from .house import UPDATES
from .visit import Visit

_LOCK = "config_subentries.lock"
_STEP = f"{_LOCK}.step"
_UPDATE = UPDATES[GARDEN]


def test_the_lock_goes_back(owner: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of the vault, with a code; what it came from is not offered again."""
    words, house = owner.words, owner.house
    lock, (bridged,) = house.demo.garden, house.demo.gateway.locks.values()
    monkeypatch.setattr(bridged, "forgets_settings", False)
    # It tells the number of its build as well, which the vendor does not.
    runs, lock_before = house.runs(GARDEN), lock.version
    before = runs.removesuffix("+0")
    newer = house.release(GARDEN)
    house.install(GARDEN)
    lock_newer = lock.version
    assert lock_newer != lock_before
    assert house.runs(GARDEN) == f"{newer}+0"
    owner.reconfigure(GARDEN)
    back = words(f"{_STEP}.reconfigure.menu_options.roll_back")
    owner.see(back)
    owner.choose(back)
    owner.see(words(f"{_STEP}.roll_back.title"))
    said = owner.look("roll-back")
    assert newer in said
    assert before in said
    code = words(f"{_STEP}.roll_back.data.code")
    owner.fill(code, "12")
    owner.submit()
    owner.dialog.locator("ha-alert").first.wait_for()
    owner.look("roll-back-refused")
    assert lock.version == lock_newer
    owner.fill(code, house.code())
    owner.submit()
    told = words(f"{_LOCK}.abort.rollback_begun").format(lock=GARDEN, version=before)
    assert told in owner.ended()
    owner.look("roll-back-begun")
    owner.close()
    house.until_installed(GARDEN, runs)
    assert lock.version == lock_before
    house.until_state(
        _UPDATE, lambda state: state["attributes"]["skipped_version"] == newer
    )
    owner.open_details(_UPDATE)
    owner.see(newer)
    owner.look("update-went-back")
