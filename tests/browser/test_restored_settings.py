"""What an update has changed of a lock's settings: shown, and set back by a person."""

import re

from tests.rig.bolt_bridge import AUTO_LOCK_DELAY, FACTORY_SETTINGS
from tests.rig.demo import GARDEN, set_by_owner

from .visit import Visit

_DIFFERS = "settings_differ"


def test_the_settings_are_restored(owner: Visit) -> None:
    """What the update has changed is shown, set back at the lock, and looked at."""
    words, house = owner.words, owner.house
    (bridged,) = house.demo.gateway.locks.values()
    house.tell(lambda: set_by_owner(house.demo))
    wanted = bridged.settings[AUTO_LOCK_DELAY]
    assert wanted != FACTORY_SETTINGS[AUTO_LOCK_DELAY]
    house.release(GARDEN)
    house.install(GARDEN)
    assert bridged.settings == FACTORY_SETTINGS
    house.until_issue(_DIFFERS)
    fix = f"issues.{_DIFFERS}.fix_flow"
    title = words(f"{fix}.step.init.title").format(lock=GARDEN)
    owner.open_repair(title)
    restore = words(f"{fix}.step.init.menu_options.restore")
    owner.see(re.compile(restore))
    said = owner.look("settings-differ")
    assert wanted in said
    assert FACTORY_SETTINGS[AUTO_LOCK_DELAY] in said
    owner.choose(restore)
    owner.dialog.locator("step-flow-create-entry").wait_for()
    owner.look("settings-restored")
    house.until(lambda: bridged.settings[AUTO_LOCK_DELAY] == wanted)
    assert bridged.commands == []
    house.until_no_issue(_DIFFERS)
