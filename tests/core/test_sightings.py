"""What is heard without proof: how much is made of it."""

import pytest

from custom_components.nightlatch.core.sightings import (
    ASK_AGAIN,
    FORGOTTEN_AFTER,
    LONGEST_PAUSE,
    SILENT_FOR,
    Patience,
    Sightings,
)


def test_pauses_between_what_a_hint_causes_double_up_to_a_limit() -> None:
    """Each time exactly when the pause is over, and not a moment before."""
    patience, now, pause = Patience(), 1000.0, ASK_AGAIN
    assert patience.allows(now)
    pauses = []
    for _ in range(12):
        assert not patience.allows(now + pause - 0.5)
        now += pause
        assert patience.allows(now)
        pauses.append(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    assert pauses[:3] == [ASK_AGAIN, 2 * ASK_AGAIN, 4 * ASK_AGAIN]
    assert pauses[-1] == LONGEST_PAUSE


def test_hints_that_are_refused_do_not_lengthen_the_pause() -> None:
    """Else whoever advertises without end would keep the lock from being looked at."""
    patience = Patience()
    assert patience.allows(0.0)
    assert not any(patience.allows(second) for second in range(1, int(ASK_AGAIN)))
    assert patience.allows(ASK_AGAIN)


def test_the_first_hint_after_a_day_of_silence_counts_at_once_again() -> None:
    """And the pauses begin anew; until exactly then they do not."""
    patience, now = Patience(), 0.0
    for _ in range(12):
        assert patience.allows(now)
        now += LONGEST_PAUSE
    last = now - LONGEST_PAUSE
    assert patience.allows(last + FORGOTTEN_AFTER)
    assert not patience.allows(last + FORGOTTEN_AFTER + ASK_AGAIN)
    later = last + 2 * FORGOTTEN_AFTER + 1
    assert patience.allows(later)
    assert not patience.allows(later + ASK_AGAIN - 1)
    assert patience.allows(later + ASK_AGAIN)


@pytest.mark.parametrize("began", [0.0, 500.0])
def test_a_bootloader_is_worth_a_look_when_it_was_heard_alone_for_a_while(
    began: float,
) -> None:
    """From the first time on, also where that is when the clock began."""
    sightings = Sightings()
    assert not sightings.seems_stranded
    assert not sightings.bootloader_heard(began)
    assert sightings.seems_stranded
    assert not sightings.bootloader_heard(began + SILENT_FOR - 1)
    assert sightings.bootloader_heard(began + SILENT_FOR)


def test_a_lock_whose_application_is_heard_is_not_stranded() -> None:
    """Whatever else is advertised; and the while begins anew."""
    sightings = Sightings()
    sightings.bootloader_heard(0.0)
    sightings.application_heard()
    assert not sightings.seems_stranded
    assert not sightings.bootloader_heard(SILENT_FOR)
    assert sightings.bootloader_heard(2 * SILENT_FOR)
