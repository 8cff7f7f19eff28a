"""Faults that are kept to where they happen."""

from dataclasses import dataclass

from custom_components.nightlatch.faults import Faults


@dataclass
class Door:
    """A lock, as far as faults are about it."""

    subentry_id: str
    name: str


FRONT, BACK = Door("front", "Front door"), Door("back", "Back door")


def test_what_fails_for_one_lock_is_told_of_it_until_it_works_again() -> None:
    """And of no other one."""
    faults = Faults()
    with faults.apart("look", FRONT):
        raise RuntimeError
    assert faults.of(FRONT) == "look: RuntimeError"
    assert faults.of(BACK) is None
    assert faults.of(None) is None
    before = faults.revision
    with faults.apart("look", FRONT):
        pass
    assert faults.of(FRONT) is None
    assert faults.revision > before


def test_of_a_lock_that_is_gone_nothing_is_told() -> None:
    """What fails for others stays."""
    faults = Faults()
    for door in (FRONT, BACK):
        with faults.apart("look", door):
            raise RuntimeError
    before = faults.revision
    faults.forget(FRONT.subentry_id)
    assert faults.of(FRONT) is None
    assert faults.of(BACK) == "look: RuntimeError"
    assert faults.revision > before
