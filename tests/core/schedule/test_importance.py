"""What a form proposes for how important a door is."""

import pytest

from custom_components.nightlatch.core.schedule.importance import guessed_importance
from custom_components.nightlatch.core.schedule.policy import Importance


@pytest.mark.parametrize(
    ("name", "area", "guess"),
    [
        ("Front door", None, Importance.ENTRY),
        ("Haustür", "Garten", Importance.ENTRY),
        ("Hintereingang", None, Importance.SIDE),
        ("Seiteneingang Garage", None, Importance.SIDE),
        ("Kellertür", None, Importance.SIDE),
        ("Porte du jardin", None, Importance.SIDE),
        ("Drzwi wejściowe", "Ogród", Importance.ENTRY),
        ("Nuki 3", "Garage", Importance.SIDE),
        ("Nuki 3", "Schlafzimmer", Importance.INSIDE),
        ("Cantina", None, Importance.SIDE),
        ("Medicine cabinet", "Hall", Importance.INSIDE),
    ],
)
def test_a_door_is_guessed_by_its_name_first(
    name: str, area: str | None, guess: Importance
) -> None:
    """In the languages that are spoken here; by its area where its name says nothing."""
    assert guessed_importance(name, area) is guess


def test_what_says_both_is_the_more_important() -> None:
    """Never two entry doors in one night: whoever guesses too low breaks that."""
    assert guessed_importance("Garage entrance", None) is Importance.ENTRY
    assert guessed_importance("Office hallway", "Attic") is Importance.ENTRY


def test_nothing_is_guessed_of_what_says_nothing() -> None:
    """Nor of what only has such a word within another one."""
    assert guessed_importance("Nuki 3", None) is None
    assert guessed_importance("Kestrel Two", "Zone 4") is None
    assert guessed_importance("Tesoffice", "") is None
