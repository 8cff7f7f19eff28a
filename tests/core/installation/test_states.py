"""The states of an installation: a table that people can read, and code that keeps it."""

from pathlib import Path
import re

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.installation.states import (
    CANCELLABLE,
    TOUCHED,
    TRANSITIONS,
    Event,
    State,
    step,
)
from custom_components.nightlatch.core.model import OutcomeKind

# Each is an outcome, by the same name.
ENDS = frozenset(State(kind) for kind in OutcomeKind)
PAGE = Path(__file__).parents[3] / "docs" / "installation.md"


@given(events=st.lists(st.sampled_from(Event), max_size=40))
def test_whatever_happens_it_is_in_a_known_state(events: list[Event]) -> None:
    """What cannot happen is refused, and changes nothing."""
    state = State.PLANNED
    for event in events:
        try:
            after = step(state, event)
        except ValueError:
            assert (state, event) not in TRANSITIONS
            continue
        assert state not in ENDS
        state = after


def test_an_end_is_an_end() -> None:
    """Nothing leads out of one."""
    assert not {state for state, _ in TRANSITIONS} & ENDS


def test_every_state_leads_to_an_end() -> None:
    """Nothing is in progress for ever."""
    leads = set(ENDS)
    while True:
        more = {before for (before, _), after in TRANSITIONS.items() if after in leads}
        if more <= leads:
            break
        leads |= more
    assert leads == set(State)


def test_every_state_and_every_event_is_used() -> None:
    """A table with rows that nobody reaches helps nobody."""
    assert {state for state, _ in TRANSITIONS} | ENDS == set(State)
    assert {event for _, event in TRANSITIONS} == set(Event)
    assert set(TRANSITIONS.values()) == set(State) - {State.PLANNED}


def test_a_lock_is_never_left_without_being_asked() -> None:
    """Once the transfer may have begun, only what the lock says ends it."""
    for (before, _), after in TRANSITIONS.items():
        if after in ENDS and before in TOUCHED:
            assert before in {State.CONFIRMING, State.REVERTING}


def test_it_can_be_cancelled_until_the_lock_activates() -> None:
    """And not any more from then on."""
    assert State.TRANSFERRING in CANCELLABLE
    assert not CANCELLABLE & {
        State.ACTIVATING,
        State.CONFIRMING,
        State.REVERTING,
        *ENDS,
    }


def test_what_does_not_happen_is_said() -> None:
    """With both names."""
    with pytest.raises(ValueError, match="confirmed does not happen while planned"):
        step(State.PLANNED, Event.CONFIRMED)


def test_the_page_has_the_same_table() -> None:
    """docs/installation.md is what people read."""
    rows = re.findall(
        r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|$", PAGE.read_text(), re.MULTILINE
    )
    assert {(State(a), Event(b)): State(c) for a, b, c in rows} == TRANSITIONS
    assert len(rows) == len(TRANSITIONS)
    text = PAGE.read_text()
    for name in (*State, *Event):
        assert f"`{name}`" in text
