"""What is remembered of a lock survives a restart, and nothing else is taken for it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.model import (
    BatteryReading,
    LockIdentity,
    Manner,
    Origin,
    OutcomeKind,
    Purpose,
    Source,
)
from custom_components.nightlatch.core.moments import EARLIEST, LATEST
from custom_components.nightlatch.core.records.decisions import (
    Approval,
    Choice,
    Decisions,
    Override,
)
from custom_components.nightlatch.core.records.held_record import HeldRecord, HeldRule
from custom_components.nightlatch.core.records.lock_record import (
    BATTERY_LIMIT,
    HISTORY_LIMIT,
    RAN_LIMIT,
    LockRecord,
    identity_from_dict,
)
from custom_components.nightlatch.core.records.outcome_record import OutcomeRecord
from custom_components.nightlatch.core.records.silence import Part

times = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))
# What a person has chosen is brought within these when it is read.
chosen_times = times.filter(lambda time: EARLIEST <= time <= LATEST)
texts = st.text(max_size=20)
identities = st.builds(
    LockIdentity,
    model=texts,
    firmware_version=texts,
    hardware_revision=st.none() | texts,
    manufacturer=st.none() | texts,
    serial_number=st.none() | texts,
    battery=st.none() | st.integers(0, 100),
    firmware_text=st.none() | texts,
    firmware_form=st.none() | texts,
)
approvals = st.builds(
    Approval,
    version=texts,
    sha256=texts,
    user_id=texts,
    user_name=texts,
    at=times,
    second_factor=st.booleans(),
    overrides=st.frozensets(st.sampled_from(Override)),
    words=texts,
)
outcomes = st.builds(
    OutcomeRecord,
    attempt=texts,
    kind=st.sampled_from(OutcomeKind),
    origin=st.sampled_from(Origin),
    started=times,
    ended=times,
    sha256=st.none() | texts,
    touched=st.booleans(),
    reason=st.none() | texts,
    approval=st.none() | approvals,
    environment=texts,
    purpose=st.sampled_from(Purpose),
    tries=st.integers(1, 1_000),
    seconds=st.floats(0, 10_000) | st.integers(0, 10_000),
    from_version=texts,
    to_version=texts,
    message=st.none() | texts,
    lock_number=st.integers(0, 9),
)
records = st.builds(
    LockRecord,
    identity=identities,
    read_at=times,
    running_since=times,
    history=st.lists(outcomes, max_size=3).map(tuple),
    batteries=st.lists(
        st.builds(
            BatteryReading,
            level=st.none() | st.integers(0, 100),
            low=st.booleans(),
            at=st.none() | times,
        ),
        max_size=3,
    ).map(tuple),
    announced=st.none() | texts,
    ran=st.lists(texts, max_size=3).map(tuple),
    to_do=st.lists(texts, max_size=3).map(tuple),
    held=st.none()
    | st.builds(
        HeldRecord,
        sha256=texts,
        from_version=texts,
        night=st.dates(),
        rules=st.dictionaries(
            texts,
            st.builds(
                HeldRule,
                nights=st.integers(1, 9),
                last=st.dates(),
                details=st.dictionaries(texts, texts, max_size=2),
            ),
            max_size=2,
        ),
    ),
    silent_since=st.dictionaries(st.sampled_from(Part), times),
    heard_at=st.none() | times,
    manner=st.none() | st.sampled_from(Manner),
    unsettled=st.none() | st.dictionaries(texts, texts, min_size=1, max_size=2),
    lock_number=st.integers(0, 9),
)
decisions = st.builds(
    Decisions,
    pinned=st.none() | texts,
    skipped=st.none() | texts,
    postponed_until=st.none() | chosen_times,
    scheduled_at=st.none() | chosen_times,
    scheduled_for=st.none() | texts,
    approval=st.none() | approvals,
    choice=st.none()
    | st.builds(
        Choice,
        sha256=texts,
        version=texts,
        source=st.sampled_from(Source),
        purpose=st.sampled_from(Purpose),
    ),
    announced=st.none() | texts,
    first_seen=st.dictionaries(texts, times, max_size=3),
)

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
IDENTITY = LockIdentity(model="KL-1", hardware_revision="B", firmware_version="1.0.0")
RECORD = LockRecord(
    identity=IDENTITY,
    read_at=NOW,
    running_since=NOW,
    history=(
        OutcomeRecord(
            attempt="1",
            kind=OutcomeKind.FAILED,
            origin=Origin.PERSON,
            started=NOW,
            ended=NOW,
            seconds=12.5,
            from_version="1.0.0",
            to_version="1.1.0",
            message="It did not take.",
        ),
    ),
    batteries=(BatteryReading(level=90, at=NOW),),
    announced="1.1.0",
)


@given(records)
def test_a_record_survives_being_stored(record: LockRecord) -> None:
    """As JSON, with everything in it."""
    stored = json.loads(json.dumps(record.to_dict()))
    assert LockRecord.from_dict(stored) == record


def changed(*path: str | int, value: object) -> dict[str, Any]:
    """Return a stored record of which one value is another."""
    raw = RECORD.to_dict()
    inner: Any = raw
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return raw


def without(*path: str | int) -> dict[str, Any]:
    """Return a stored record of which one value is missing."""
    raw = RECORD.to_dict()
    inner: Any = raw
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return raw


JUNK: dict[str, Any] = {
    "nothing": None,
    "a list": [],
    "a text": "record",
    "empty": {},
    "no identity": without("identity"),
    "no model": without("identity", "model"),
    "no time": without("read_at"),
    "no announcement": without("announced"),
    "no outcome's end": without("history", 0, "ended"),
    "an identity that is a text": changed("identity", value="KL-1"),
    "a model that is a number": changed("identity", "model", value=1),
    "a model that is nothing": changed("identity", "model", value=None),
    "a version that is a number": changed("identity", "firmware_version", value=1.0),
    "a revision that is a number": changed("identity", "hardware_revision", value=2),
    "a battery that is a text": changed("identity", "battery", value="90"),
    "a battery that is true": changed("identity", "battery", value=True),
    "a time that is none": changed("read_at", value="yesterday"),
    "a time that is a number": changed("read_at", value=1_700_000_000),
    "a time without a zone": changed("running_since", value="2026-11-22T03:00:00"),
    "an outcome that is empty": changed("history", 0, value={}),
    "an outcome that is a text": changed("history", 0, value="failed"),
    "an unknown outcome": changed("history", 0, "kind", value="exploded"),
    "a duration that is a text": changed("history", 0, "seconds", value="12"),
    "an end without a zone": changed(
        "history", 0, "ended", value="2026-11-22T03:00:00"
    ),
    "a version before that is nothing": changed(
        "history", 0, "from_version", value=None
    ),
    "a message that is a number": changed("history", 0, "message", value=3),
    "an announcement that is a number": changed("announced", value=1.1),
}


@pytest.mark.parametrize("raw", JUNK.values(), ids=JUNK.keys())
def test_anything_else_is_refused(raw: Any) -> None:
    """It would fail later, at a worse time."""
    with pytest.raises(ValueError, match="Not the record of a lock"):
        LockRecord.from_dict(raw)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | texts,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["identity", "read_at", "history", "model"]), inner
            )
        ),
        max_leaves=10,
    )
)
def test_no_junk_raises_anything_but_a_value_error(raw: Any) -> None:
    """Whoever loads it catches that."""
    with pytest.raises(ValueError, match="Not the record of a lock"):
        LockRecord.from_dict(raw)


def test_what_a_later_version_has_added_does_not_matter() -> None:
    """Whoever goes back to this one keeps what it knows."""
    raw = changed("colour", value="red")
    raw["identity"]["colour"] = raw["history"][0]["colour"] = "red"
    assert LockRecord.from_dict(raw) == RECORD


def test_times_are_kept_in_utc() -> None:
    """Wherever the clock that wrote them stood."""
    east = timezone(timedelta(hours=5))
    raw = changed("read_at", value=NOW.astimezone(east).isoformat())
    read_at = LockRecord.from_dict(raw).read_at
    assert read_at == NOW
    assert read_at.tzinfo is UTC


def test_a_version_runs_since_it_was_first_seen() -> None:
    """Reading it again changes nothing about that."""
    later = NOW + timedelta(days=1)
    again = RECORD.reading(replace(IDENTITY, battery=50), later)
    assert again.running_since == NOW
    assert again.read_at == later
    assert again.identity.battery == 50
    assert again.outcome == RECORD.outcome
    assert again.announced == RECORD.announced


def test_another_version_begins_anew() -> None:
    """Older or newer."""
    later = NOW + timedelta(days=1)
    updated = RECORD.reading(replace(IDENTITY, firmware_version="1.1.0"), later)
    assert updated.running_since == later
    assert updated.read_at == later


def test_an_end_told_twice_is_on_record_once() -> None:
    """As when the power goes between keeping it and the end of the journal."""
    outcome = RECORD.history[0]
    again = RECORD.ended(replace(outcome, seconds=99.0))
    assert again.history == (replace(outcome, seconds=99.0),)
    assert again.outcome == again.history[0]
    another = again.ended(replace(outcome, attempt="2"))
    assert [each.attempt for each in another.history] == ["1", "2"]


def test_a_record_does_not_grow_for_ever() -> None:
    """The newest stay."""
    record = RECORD
    for number in range(HISTORY_LIMIT + 5):
        record = record.ended(replace(RECORD.history[0], attempt=f"n{number}"))
        record = record.battery_read(BatteryReading(level=number, at=NOW))
    assert len(record.history) == HISTORY_LIMIT
    assert record.history[-1].attempt == f"n{HISTORY_LIMIT + 4}"
    assert len(record.batteries) == BATTERY_LIMIT
    assert record.batteries[-1].level == HISTORY_LIMIT + 4


# What people have decided.


@given(decisions)
def test_decisions_survive_being_stored(decided: Decisions) -> None:
    """As JSON, with everything in it."""
    stored = json.loads(json.dumps(decided.to_dict()))
    assert Decisions.from_dict(stored) == decided


@pytest.mark.parametrize("field", list(Decisions().to_dict()))
@pytest.mark.parametrize("junk", [5, [5], {"a": 5}])
def test_other_decisions_are_refused(field: str, junk: Any) -> None:
    """A pin that is lost would let an update through."""
    with pytest.raises(ValueError, match="Not what was decided"):
        Decisions.from_dict({**Decisions().to_dict(), field: junk})


def test_a_missing_decision_is_refused() -> None:
    """Half of them is not what was decided."""
    raw = Decisions().to_dict()
    del raw["pinned"]
    with pytest.raises(ValueError, match="Not what was decided"):
        Decisions.from_dict(raw)


def test_the_versions_that_ran_are_remembered_in_their_order() -> None:
    """Each once, without the one that runs, and not for ever."""
    record = RECORD
    for version in ("1.1.0", "1.2.0", "1.0.0", "1.0.0", "1.3.0"):
        record = record.reading(replace(IDENTITY, firmware_version=version), NOW)
    assert record.ran == ("1.1.0", "1.2.0", "1.0.0")
    for number in range(2 * RAN_LIMIT):
        record = record.reading(replace(IDENTITY, firmware_version=f"2.{number}"), NOW)
    assert len(record.ran) == RAN_LIMIT
    assert record.ran[-1] == f"2.{2 * RAN_LIMIT - 2}"


# A clock that was wrong.

AHEAD = NOW.replace(year=2036)
NOT_SET = NOW.replace(year=1970)
OUTCOME = RECORD.history[-1]


@pytest.mark.parametrize("wrong", [AHEAD, NOT_SET])
def test_what_a_wrong_clock_has_dated_is_put_right(wrong: datetime) -> None:
    """It has happened by now; what was read then is not known to be fresh."""
    record = replace(
        RECORD,
        read_at=wrong,
        running_since=wrong,
        history=(OUTCOME, replace(OUTCOME, attempt="b", started=wrong, ended=wrong)),
        batteries=(
            BatteryReading(level=90, at=NOW),
            BatteryReading(level=80, at=wrong),
        ),
    )
    right = record.put_right(NOW)
    assert NOW - right.read_at > timedelta(days=365)
    assert right.running_since == NOW
    assert right.history[0] == OUTCOME
    assert right.history[1].started <= right.history[1].ended == NOW
    assert right.batteries == (BatteryReading(level=90, at=NOW),)
    # Once: it does not go on with the clock.
    assert right.put_right(NOW + timedelta(days=1)) == right


def test_a_clock_that_is_not_set_puts_nothing_right() -> None:
    """All that is on record would be thrown away for its sake."""
    assert RECORD.put_right(NOT_SET) == RECORD
    decided = Decisions(first_seen={"a": NOW}, postponed_until=NOW)
    assert decided.put_right(NOT_SET) == decided


def test_what_is_dated_well_stays_as_it_is() -> None:
    """Also what was dated a moment ahead."""
    assert RECORD.put_right(NOW) == RECORD
    assert RECORD.put_right(NOW - timedelta(minutes=1)) == RECORD
    decided = Decisions(
        first_seen={"a": NOW},
        announced="a",
        postponed_until=NOW + timedelta(days=700),
        approval=replace(APPROVED, at=NOW),
    )
    assert decided.put_right(NOW) == decided


APPROVED = Approval(
    version="1.1.0",
    sha256="a",
    user_id="1",
    user_name="Ann",
    at=AHEAD,
    overrides=frozenset(Override),
)


@pytest.mark.parametrize("time", [AHEAD, NOT_SET])
@pytest.mark.parametrize("which", ["postponed_until", "scheduled_at"])
def test_a_time_that_nobody_can_have_chosen_is_none(which: str, time: datetime) -> None:
    """It neither lasts for years nor has come; people are told anew before anything."""
    times: dict[str, Any] = {which: time}
    decided = Decisions(announced="a", **times)
    assert decided.put_right(NOW) == Decisions()


def test_a_soak_in_years_to_come_begins_once() -> None:
    """Now; and not again each day."""
    decided = Decisions(first_seen={"a": AHEAD, "b": NOT_SET, "c": NOW})
    right = decided.put_right(NOW + timedelta(days=1))
    assert right.first_seen == {
        "a": NOW + timedelta(days=1),
        "b": NOW + timedelta(days=1),
        "c": NOW,
    }
    assert right.put_right(NOW + timedelta(days=3)) == right


def test_a_judgement_about_an_unknown_moment_does_not_hold() -> None:
    """The consent to the release does."""
    right = Decisions(approval=APPROVED).put_right(NOW)
    assert right.approval == replace(APPROVED, overrides=frozenset())


@given(records, decisions, times)
def test_anything_can_be_put_right(
    record: LockRecord, decided: Decisions, now: datetime
) -> None:
    """At any moment, once."""
    assert record.put_right(now).put_right(now) == record.put_right(now)
    assert decided.put_right(now).put_right(now) == decided.put_right(now)


FORM = "Acme FW v{version}+*"


def test_what_was_told_is_read_anew_when_the_vendor_says_how() -> None:
    """It is the same firmware: nobody has installed anything, and the time goes on."""
    now = datetime(2026, 11, 24, tzinfo=UTC)
    before = LockRecord(
        identity=LockIdentity(
            model="M", hardware_revision=None, firmware_version="Acme FW v1.1.0+default"
        ),
        read_at=now,
        running_since=now,
        ran=("Acme FW v1.0.0+default", "0.9.0"),
    )
    told = before.identity.read_as(FORM)
    record = before.reading(told, now + timedelta(days=1))
    assert record.identity.firmware_version == "1.1.0"
    assert record.running_since == now
    assert record.ran == ("1.0.0", "0.9.0")
    assert LockRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    newer = replace(told, firmware_version="Acme FW v1.2.0", firmware_text=None)
    record = record.reading(newer.read_as(FORM), now + timedelta(days=2))
    assert record.running_since == now + timedelta(days=2)
    assert record.ran == ("1.0.0", "0.9.0", "1.1.0")


def test_records_of_earlier_versions_tell_the_version_alone() -> None:
    """Nobody had said how to find it in anything else."""
    raw = {
        "model": "M",
        "hardware_revision": "A",
        "firmware_version": "1.0.0",
        "manufacturer": None,
        "serial_number": None,
        "battery": 90,
    }
    identity = identity_from_dict(raw)
    assert (identity.firmware_text, identity.firmware_form) == (None, None)
    assert identity.read_as(None) == identity


def test_earlier_versions_did_not_say_on_which_lock_an_installation_ended() -> None:
    """What has ended since it runs what it runs was on this one; no more is sure."""
    own = replace(RECORD.history[0], ended=NOW + timedelta(minutes=5), attempt="2")
    former = replace(RECORD.history[0], ended=NOW - timedelta(minutes=5))
    stored = replace(RECORD, lock_number=2, history=(former, own)).to_dict()
    for raw in stored["history"]:
        del raw["lock_number"]
    read = LockRecord.from_dict(stored)
    assert [each.attempt for each in read.own_history] == ["2"]
    assert [each.lock_number for each in read.history] == [0, 2]
    # Said once, it is not guessed again.
    assert LockRecord.from_dict(read.to_dict()) == read


def test_a_wrong_clock_neither_hears_nor_is_silent_for_years() -> None:
    """What it has dated after now is not known, or begins now."""
    now = datetime(2026, 11, 24, tzinfo=UTC)
    before, ahead = now - timedelta(days=1), now + timedelta(days=400)
    record = LockRecord(
        identity=LockIdentity(model="", hardware_revision=None, firmware_version="1"),
        read_at=before,
        running_since=before,
        silent_since={Part.DOOR: ahead, Part.BOLT: before},
        heard_at=ahead,
    )
    right = record.put_right(now)
    assert right.silent_since == {Part.DOOR: now, Part.BOLT: before}
    assert right.heard_at is None
    assert replace(record, heard_at=before).put_right(now).heard_at == before
