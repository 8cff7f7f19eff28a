"""How a lock was set, and what is different since; over restarts as well."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.records.redaction import (
    NAME_LIMIT,
    SET,
    UNIT_LIMIT,
    Seen,
    SettingKind,
)
from custom_components.nightlatch.core.records.settable import WhyNot
from custom_components.nightlatch.core.records.settings_record import (
    DETAIL_LIMIT,
    SNAPSHOT_LIMIT,
    SettingsRecord,
)
from custom_components.nightlatch.core.records.snapshot import (
    KEY_LIMIT,
    SETTING_LIMIT,
    Change,
    Difference,
    Occasion,
    Reading,
    Setting,
    Snapshot,
    compare,
    setting_of,
    unseen,
)

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)


def setting(key: str, value: str | None, **fields: Any) -> Setting:
    """Return a number."""
    return Setting(
        **{
            "key": key,
            "kind": SettingKind.NUMBER,
            "name": key.upper(),
            "value": value,
            **fields,
        }
    )


def reading(**values: str | None) -> Reading:
    """Return numbers as they are now."""
    return Reading(settings=tuple(setting(key, value) for key, value in values.items()))


def snapshot(attempt: str, **values: str | None) -> Snapshot:
    """Return numbers as they were before an installation."""
    return Snapshot(
        id=f"of-{attempt}",
        attempt=attempt,
        occasion=Occasion.INSTALLATION,
        taken_at=NOW,
        version="1.0.0",
        settings=reading(**values).settings,
    )


def changes(differences: tuple[Difference, ...]) -> dict[str, tuple[Any, ...]]:
    """Return what is different in a short form."""
    return {
        each.before.key: (
            each.change,
            each.before.value,
            each.now.value if each.now else None,
        )
        for each in differences
    }


# What is the same.


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (setting("a", "30"), setting("a", "30.0"), True),
        (setting("a", "30"), setting("a", "31"), False),
        (setting("a", "0.1"), setting("a", "0.10000000000000001"), True),
        (setting("a", "30", unit="s"), setting("a", "30", unit="min"), False),
        (setting("a", "30"), setting("a", None), False),
        (setting("a", None), setting("a", None), True),
        (
            setting("a", "30", kind=SettingKind.TEXT),
            setting("a", "30.0", kind=SettingKind.TEXT),
            False,
        ),
        # Of one that was renamed since, less or more is known; that is no change.
        (
            setting("a", SET, fixed=WhyNot.SECRET),
            setting("a", "30"),
            True,
        ),
        (setting("a", "x"), setting("a", "not_set", fixed=WhyNot.SECRET), False),
        # Not even that it has no number.
        (setting("a", "many"), setting("a", "more"), False),
    ],
)
def test_what_is_the_same(one: Setting, other: Setting, same: bool) -> None:
    """Numbers as numbers, everything else to the letter."""
    assert one.is_same(other) is same
    assert other.is_same(one) is same


def test_what_is_different() -> None:
    """Changed, gone, or not known any more; what was not known cannot be."""
    before = reading(same="1", changed="2", gone="3", lost="4", never=None, found=None)
    now = reading(found="9", lost=None, changed="0", same="1.0", new="7", never=None)
    assert changes(compare(before.settings, now)) == {
        "changed": (Change.CHANGED, "2", "0"),
        "gone": (Change.GONE, "3", None),
        "lost": (Change.UNKNOWN, "4", None),
    }
    assert {each.key for each in unseen(before.settings, now)} == {"gone", "lost"}


values = st.none() | st.sampled_from(["0", "1", "2", "on", "off"])
states = st.dictionaries(st.sampled_from("abcdef"), values)


@given(states, states)
def test_comparing(before: dict[str, str | None], now: dict[str, str | None]) -> None:
    """Nothing is left out, nothing made up, and nothing differs from itself."""
    found = changes(compare(reading(**before).settings, reading(**now)))
    assert found.keys() == {
        key
        for key, value in before.items()
        if value is not None and now.get(key) != value
    }
    assert not compare(reading(**before).settings, reading(**before))


# Bounds.


def test_too_much_is_left_out_and_counted() -> None:
    """A lock that shows everything must not fill the disk."""
    seen = [
        Seen(key=f"k{number}", kind=SettingKind.NUMBER, name="n", value="1")
        for number in range(SETTING_LIMIT + 7)
    ]
    # Each counts once.
    found = Reading.of([*seen[:5], *seen])
    assert (len(found.settings), found.left_out) == (SETTING_LIMIT, 7)
    assert found.find("k3") == found.settings[3]
    assert found.find("k999") is None


def test_what_is_too_long_is_cut_or_left_out() -> None:
    """Names and units are only shown; a key has to be whole."""
    odd = Seen(
        key="k",
        kind=SettingKind.SELECT,
        name="n" * 500,
        value="v",
        options=("v",),
        shown="s" * 500,
        unit="u" * 500,
    )
    kept = setting_of(odd)
    assert kept is not None
    assert (len(kept.name), len(kept.shown or ""), len(kept.unit or "")) == (
        NAME_LIMIT,
        NAME_LIMIT,
        UNIT_LIMIT,
    )
    assert setting_of(replace(odd, key="k" * (KEY_LIMIT + 1))) is None


def test_a_file_with_more_than_that_is_not_read() -> None:
    """It does not come from here."""
    with pytest.raises(ValueError, match="has more than"):
        setting("k" * (KEY_LIMIT + 1), "1")
    many = {f"k{number}": "1" for number in range(SETTING_LIMIT + 1)}
    with pytest.raises(ValueError, match="more than"):
        snapshot("a", **many)


# The record of a lock.


def test_snapshots_are_found() -> None:
    """By their ids, by what they were taken before; the newest by itself."""
    record = SettingsRecord()
    assert record.snapshot() is None
    for attempt in ("one", "two"):
        record = record.remembering(snapshot(attempt, a="1"))
    newest, first = record.snapshot(), record.snapshot("of-one")
    assert newest is not None
    assert newest.attempt == "two"
    assert first is not None
    assert first.attempt == "one"
    assert record.snapshot("of-three") is None
    assert record.taken_before("one") == first
    assert record.taken_before("three") is None


def test_the_oldest_go() -> None:
    """A bounded number is kept."""
    record = SettingsRecord()
    for number in range(SNAPSHOT_LIMIT + 3):
        record = record.remembering(snapshot(str(number), a="1"))
    assert [each.attempt for each in record.snapshots] == [
        str(number) for number in range(3, SNAPSHOT_LIMIT + 3)
    ]


def test_restoring_pushes_out_only_what_was_before_a_restore() -> None:
    """However often somebody tries."""
    record = SettingsRecord()
    for number in range(4):
        record = record.remembering(snapshot(f"update {number}", a="1"))
    for number in range(9):
        record = record.remembering(
            replace(snapshot(f"restore {number}", a="1"), occasion=Occasion.RESTORE)
        )
    assert [each.attempt for each in record.snapshots] == [
        *(f"update {number}" for number in range(4)),
        *(f"restore {number}" for number in range(6, 9)),
    ]


def test_an_installation_that_changes_nothing() -> None:
    """There is nothing to decide."""
    record = SettingsRecord().remembering(snapshot("one", a="1")).comparing("one")
    assert record.to_compare == record.snapshot()
    record = record.compared(reading(a="1"))
    assert record.to_compare is None
    assert record.differences == ()
    assert record.snapshots[0].compared


def test_an_installation_without_a_snapshot() -> None:
    """There is nothing to compare with."""
    record = SettingsRecord()
    assert record.comparing("one") == record
    assert record.compared(reading(a="1")) == record


def after_a_change(**now: str | None) -> SettingsRecord:
    """Return the record of a lock that was 1 and 2 before an installation."""
    record = SettingsRecord().remembering(snapshot("one", a="1", b="2"))
    return record.comparing("one").compared(reading(**now))


def test_what_was_put_right_is_settled() -> None:
    """Whoever did it."""
    record = after_a_change(a="0", b="0")
    assert changes(record.differences) == {
        "a": (Change.CHANGED, "1", "0"),
        "b": (Change.CHANGED, "2", "0"),
    }
    record = record.looked_at(reading(a="1", b="7"))
    assert changes(record.differences) == {"b": (Change.CHANGED, "2", "7")}
    assert record.looked_at(reading(b="2.0")).differences == ()


def test_what_is_not_seen_for_a_while_stays_what_it_was() -> None:
    """Integrations lose sight of their locks all the time."""
    record = after_a_change(a="0", b=None)
    assert record.looked_at(reading(a=None, b=None)) == record
    assert record.looked_at(reading()) == record
    seen = record.looked_at(reading(a=None, b="5"))
    assert changes(seen.differences)["b"] == (Change.CHANGED, "2", "5")
    gone = after_a_change(a="1")
    assert changes(gone.differences) == {"b": (Change.GONE, "2", None)}
    back = gone.looked_at(reading(b=None))
    assert changes(back.differences) == {"b": (Change.UNKNOWN, "2", None)}


def test_a_person_agrees() -> None:
    """Then the new state is the state."""
    record = after_a_change(a="0", b="2").kept()
    assert record.differences == ()
    record = record.remembering(snapshot("two", a="0", b="2")).comparing("two")
    assert record.compared(reading(a="0", b="2")).differences == ()


def test_what_nobody_has_agreed_to_stays_different() -> None:
    """Though another installation has found it so, and left it so."""
    record = after_a_change(a="0", b="2")
    record = record.remembering(snapshot("two", a="0", b="2")).comparing("two")
    assert changes(record.compared(reading(a="0", b="9")).differences) == {
        "a": (Change.CHANGED, "1", "0"),
        "b": (Change.CHANGED, "2", "9"),
    }
    # And what the second one has put right is right.
    assert changes(record.compared(reading(a="1", b="2")).differences) == {}


def test_one_that_had_no_time_to_settle() -> None:
    """What has another value counts; the rest may come back yet."""
    record = SettingsRecord().remembering(snapshot("one", a="1", b="2", c="3"))
    record = record.comparing("one").compared(reading(a="0", b=None), settled=False)
    assert changes(record.differences) == {"a": (Change.CHANGED, "1", "0")}
    # What cannot be seen before the next one is still measured by what was before.
    later = NOW + timedelta(hours=1)
    record = record.remembering(replace(snapshot("two", a="0", b=None), taken_at=later))
    record = record.comparing("two").compared(reading(a="0", b="9", c="3"))
    assert changes(record.differences) == {
        "a": (Change.CHANGED, "1", "0"),
        "b": (Change.CHANGED, "2", "9"),
    }


@pytest.mark.parametrize(
    ("fields", "later", "filled"),
    [
        ({}, timedelta(hours=1), "1"),
        ({}, timedelta(days=8), None),
        ({"compared": True}, timedelta(hours=1), None),
    ],
)
def test_a_lock_in_its_bootloader_shows_nothing(
    fields: dict[str, Any], later: timedelta, filled: str | None
) -> None:
    """Its recovery is measured by what was before it got there."""
    first = replace(snapshot("one", a="1"), **fields)
    record = SettingsRecord().remembering(first)
    record = record.remembering(replace(snapshot("two", a=None), taken_at=NOW + later))
    second = record.snapshot()
    assert second is not None
    assert [each.value for each in second.settings] == [filled]


def test_filling_is_bounded() -> None:
    """As everything is."""
    first = snapshot("one", **{f"a{number}": "1" for number in range(SETTING_LIMIT)})
    second = snapshot("two", **{f"b{number}": "1" for number in range(9)})
    assert len(second.filled_from(first).settings) == SETTING_LIMIT


def test_why_something_was_not_set_back_is_kept() -> None:
    """In a length that can be shown."""
    record = after_a_change(a="0", b="0").tried({"a": (WhyNot.REFUSED, "x" * 999)})
    tried, other = record.differences
    assert (tried.why_not, len(tried.detail)) == (WhyNot.REFUSED, DETAIL_LIMIT)
    assert other.why_not is None


# On disk.

settings_ = st.builds(
    Setting,
    key=st.text(max_size=KEY_LIMIT),
    kind=st.sampled_from(SettingKind),
    name=st.text(max_size=NAME_LIMIT),
    value=st.none() | st.text(max_size=50),
    shown=st.none() | st.text(max_size=50),
    unit=st.none() | st.text(max_size=UNIT_LIMIT),
    fixed=st.none() | st.sampled_from(WhyNot),
)
snapshots = st.builds(
    Snapshot,
    id=st.text(),
    attempt=st.text(),
    occasion=st.sampled_from(Occasion),
    taken_at=st.datetimes(
        datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)
    ),
    version=st.text(),
    settings=st.lists(settings_, max_size=3).map(tuple),
    left_out=st.integers(0, 99),
    compared=st.booleans(),
)
records = st.builds(
    SettingsRecord,
    snapshots=st.lists(snapshots, max_size=2).map(tuple),
    pending=st.none() | st.text(),
    differences=st.lists(
        st.builds(
            Difference,
            before=settings_,
            now=st.none() | settings_,
            why_not=st.none() | st.sampled_from(WhyNot),
            detail=st.text(),
        ),
        max_size=2,
    ).map(tuple),
)


@given(records)
def test_it_survives_a_restart(record: SettingsRecord) -> None:
    """To the last letter."""
    assert SettingsRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


def damaged(raw: Any, path: tuple[Any, ...], value: object) -> Any:
    """Return a copy with another value somewhere, or without one."""
    if not path:
        return value
    copied = dict(raw) if isinstance(raw, dict) else list(raw)
    copied[path[0]] = damaged(copied[path[0]], path[1:], value)
    return copied


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((), []),
        ((), None),
        (("snapshots",), 5),
        (("snapshots", 0), None),
        (("snapshots", 0, "taken_at"), "2026-11-25T10:00:00"),
        (("snapshots", 0, "occasion"), "birthday"),
        (("snapshots", 0, "compared"), 1),
        (("snapshots", 0, "settings", 0, "kind"), "bolt"),
        (("snapshots", 0, "settings", 0, "value"), 5),
        (("snapshots", 0, "settings", 0, "name"), "n" * 500),
        (("snapshots", 0, "settings", 0, "fixed"), "never"),
        (("differences", 0, "before"), None),
        (("pending",), 7),
    ],
)
def test_what_is_damaged_is_not_read(path: tuple[Any, ...], value: object) -> None:
    """Half of it would be a guess."""
    raw = after_a_change(a="0", b="2").to_dict()
    assert SettingsRecord.from_dict(raw) == after_a_change(a="0", b="2")
    with pytest.raises(ValueError, match="Not how a lock was set"):
        SettingsRecord.from_dict(damaged(raw, path, value))
