"""The journal's entry is read back as it was, or not at all."""

from dataclasses import replace
from datetime import UTC, datetime
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.installation.journal import JournalEntry
from custom_components.nightlatch.core.installation.states import State
from custom_components.nightlatch.core.model import Origin, Purpose, Source
from custom_components.nightlatch.core.preflight.situation import Bolt

from .bench import NOW, new_entry

TIMES = st.datetimes(
    min_value=datetime(2020, 1, 1),
    max_value=datetime(2100, 1, 1),
    timezones=st.just(UTC),
)


@given(
    entry=st.builds(
        JournalEntry,
        attempt=st.text(),
        lock_id=st.text(),
        name=st.text(),
        address=st.text(),
        feed_id=st.text(),
        model=st.text(),
        version=st.text(),
        sha256=st.text(),
        origin=st.sampled_from(Origin),
        started=TIMES,
        from_version=st.text(),
        window_end=st.none() | TIMES,
        state=st.sampled_from(State),
        touched=st.booleans(),
        bolt_before=st.none() | st.sampled_from(Bolt),
        activated=st.booleans(),
        trial=st.booleans(),
        purpose=st.sampled_from(Purpose),
        source=st.sampled_from(Source),
    )
)
def test_an_entry_survives_the_disk(entry: JournalEntry) -> None:
    """All of it."""
    assert JournalEntry.from_dict(json.loads(json.dumps(entry.to_dict()))) == entry


@pytest.mark.parametrize("field", list(new_entry().to_dict()))
@pytest.mark.parametrize("junk", [[], {}, 5, "no such thing"])
def test_junk_is_refused(field: str, junk: Any) -> None:
    """And nothing else than a ``ValueError`` comes of it."""
    raw = replace(new_entry(), window_end=NOW, bolt_before=Bolt.LOCKED).to_dict()
    raw[field] = junk
    if isinstance(junk, str) and field not in {
        "origin",
        "started",
        "window_end",
        "state",
        "touched",
        "bolt_before",
        "activated",
        "trial",
        "purpose",
        "source",
    }:
        assert JournalEntry.from_dict(raw).to_dict() == raw
        return
    with pytest.raises(ValueError, match="Not an entry of the journal"):
        JournalEntry.from_dict(raw)


def test_an_entry_of_an_earlier_version_is_read() -> None:
    """What is under way when Nightlatch is updated goes on."""
    raw = new_entry().to_dict()
    for field in ("touched", "activated", "trial", "purpose", "source"):
        del raw[field]
    assert JournalEntry.from_dict(raw) == new_entry()


def test_a_missing_field_is_refused() -> None:
    """Half an entry tells nothing."""
    raw = new_entry().to_dict()
    del raw["state"]
    with pytest.raises(ValueError, match="Not an entry of the journal"):
        JournalEntry.from_dict(raw)
