"""What must never sink, does not."""

from dataclasses import replace
from datetime import UTC, datetime
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.records.stored import MAX_WHOLE
from custom_components.nightlatch.core.records.trust import (
    MAX_HALTS,
    FeedFloor,
    Halts,
    LockFloor,
    RoleFloor,
    Trust,
)
from custom_components.nightlatch.core.versions import Version, VersionScheme

key_ids = st.frozensets(st.sampled_from("abcd"), min_size=1)
role_floors = st.builds(RoleFloor, version=st.integers(1, 9), key_ids=key_ids)
halts = st.builds(
    Halts,
    of_keeper=st.none() | st.booleans(),
    root=st.integers(0, 2),
    snapshot=st.integers(0, 2),
    releases=st.frozensets(st.tuples(st.just("KL-1"), st.sampled_from("123"))),
)
feed_floors = st.builds(
    FeedFloor,
    root=st.integers(1, 4),
    timestamp=role_floors,
    snapshot=role_floors,
    targets=role_floors,
    halts=halts,
)
WRITTEN = {
    VersionScheme.DOTTED: "{}",
    VersionScheme.INTEGER: "{}",
    VersionScheme.HEX: "0x{}",
    VersionScheme.TEXT_INTEGER: "1.0 ({})",
}
versions = st.builds(
    lambda scheme, number: Version.parse(scheme, WRITTEN[scheme].format(number)),
    st.sampled_from(VersionScheme),
    st.integers(0, 9),
)
lock_floors = st.builds(
    LockFloor,
    version=versions,
    security_version=st.integers(0, 3),
    firmware_version=st.integers(0, 3),
)
trusts = st.builds(
    Trust,
    time=st.none()
    | st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)),
    time_resets=st.integers(0, 2),
    feeds=st.dictionaries(st.sampled_from(["one", "two"]), feed_floors),
    locks=st.dictionaries(st.sampled_from(["door", "gate"]), lock_floors),
)


def role(version: int, keys: str = "a") -> RoleFloor:
    """Return a floor of a role."""
    return RoleFloor(version=version, key_ids=frozenset(keys))


def feed(root: int, timestamp: RoleFloor) -> FeedFloor:
    """Return a floor of a feed."""
    return FeedFloor(root=root, timestamp=timestamp, snapshot=role(5), targets=role(5))


@pytest.mark.parametrize(
    ("seen", "admitted"),
    [
        (role(5, "ab"), True),
        (role(6, "ab"), True),
        (role(4, "ab"), False),
        # A key was added: the floor holds.
        (role(4, "abc"), False),
        # A key was taken away: it may have been a thief who had signed so high.
        (role(4, "a"), True),
        (role(1, "c"), True),
    ],
)
def test_a_floor_binds_while_no_key_is_revoked(seen: RoleFloor, admitted: bool) -> None:
    """As TUF lets vendors recover from versions that a thief has signed."""
    assert role(5, "ab").admits(seen) is admitted


@pytest.mark.parametrize(
    ("seen", "sunk"),
    [
        ({"root": 2, "timestamp": 5, "snapshot": 5, "targets": 5}, None),
        ({"root": 3, "timestamp": 6, "snapshot": 6, "targets": 6}, None),
        ({"root": 1, "timestamp": 6, "snapshot": 6, "targets": 6}, "root"),
        ({"root": 2, "timestamp": 4, "snapshot": 6, "targets": 6}, "timestamp"),
        ({"root": 2, "timestamp": 6, "snapshot": 4, "targets": 6}, "snapshot"),
        ({"root": 2, "timestamp": 6, "snapshot": 6, "targets": 4}, "targets"),
    ],
)
def test_the_role_that_sinks_is_named(seen: dict[str, int], sunk: str | None) -> None:
    """Each role counts by itself."""
    root = seen.pop("root")
    floors: dict[str, Any] = {name: role(version) for name, version in seen.items()}
    assert feed(2, role(5)).sunk(FeedFloor(root=root, **floors)) == sunk


def test_with_revoked_keys_the_later_root_counts() -> None:
    """The versions that it had before are no measure for the new keys."""
    before = feed(1, role(1_000_000, "a"))
    after = feed(2, role(7, "b"))
    assert before.merged(after).timestamp == role(7, "b")
    assert after.merged(before).timestamp == role(7, "b")


def test_with_added_keys_the_higher_version_counts() -> None:
    """Under the keys of the later root."""
    merged = feed(1, role(9, "a")).merged(feed(2, role(7, "ab")))
    assert merged.timestamp == role(9, "ab")


def test_a_later_root_with_the_same_keys_lifts_nothing() -> None:
    """Nobody was found out: older metadata stay refused, whichever is read first."""
    before, after = feed(1, role(9, "ab")), feed(2, role(7, "ab"))
    assert before.merged(after) == feed(2, role(9, "ab"))
    assert after.merged(before) == feed(2, role(9, "ab"))


@pytest.mark.parametrize(
    ("one", "two"), [("1.1.0", "1.1.0-315"), ("1.1.0-315", "1.1.0+7")]
)
def test_versions_without_an_order_merge_the_same_both_ways(one: str, two: str) -> None:
    """Into one of them; what does have an order does not sink."""
    first, second = (
        LockFloor(
            version=Version.parse(VersionScheme.DOTTED, text),
            security_version=security,
            firmware_version=3 - security,
        )
        for text, security in ((one, 1), (two, 2))
    )
    merged = first.merged(second)
    assert merged == second.merged(first)
    assert merged.version in {first.version, second.version}
    assert (merged.security_version, merged.firmware_version) == (2, 2)


def test_versions_of_another_scheme_do_not_replace_those_of_newer_firmware() -> None:
    """The vendor's counter tells which one is newer."""
    dotted = Version.parse(VersionScheme.DOTTED, "9.9")
    integer = Version.parse(VersionScheme.INTEGER, "20260101")
    old = LockFloor(version=dotted, security_version=4, firmware_version=1)
    new = LockFloor(version=integer, security_version=2, firmware_version=2)
    expected = LockFloor(version=integer, security_version=4, firmware_version=2)
    assert old.merged(new) == new.merged(old) == expected


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        # The one that knows more keys is the later.
        (role(9, "b"), role(7, "ab"), role(9, "ab")),
        # As many, but others: the keys of the higher version, and nothing of the lower.
        (role(9, "a"), role(7, "b"), role(9, "a")),
        (role(9, "b"), role(9, "a"), role(9, "b")),
        (role(9, "a"), role(7, "a"), role(9, "a")),
    ],
)
def test_under_the_same_root_both_ways_of_merging_agree(
    one: RoleFloor, two: RoleFloor, expected: RoleFloor
) -> None:
    """Else what is kept would depend on which file was read first."""
    assert feed(2, one).merged(feed(2, two)) == feed(2, expected)
    assert feed(2, two).merged(feed(2, one)) == feed(2, expected)


ONE, TWO = ("KL-1", "1"), ("KL-1", "2")


def test_only_later_metadata_that_list_a_release_let_it_go_on() -> None:
    """One that is not listed any more stays halted."""
    heard = Halts().then(1, 5, {ONE: True, TWO: True})
    assert heard.then(1, 6, {TWO: False}).releases == {ONE}
    assert heard.then(1, 6, {ONE: False, TWO: True}).releases == {TWO}


def test_what_older_metadata_say_of_halts_does_not_count() -> None:
    """Whichever way round; of the same age each counts."""
    older, later = Halts().then(1, 5, {ONE: False}), Halts().then(1, 6, {ONE: True})
    assert older.merged(later) == later.merged(older) == later
    other = Halts().then(1, 6, {TWO: True})
    assert later.merged(other).releases == {ONE, TWO}


def test_there_is_an_end_to_the_halts_that_are_kept() -> None:
    """Those that the feed lists go first."""
    many = {("A", str(number)): True for number in range(MAX_HALTS)}
    kept = Halts().then(1, 1, many).then(1, 2, {("Z", "1"): True}).releases
    assert ("Z", "1") in kept
    assert len(kept) == MAX_HALTS


def test_floors_from_before_halts_were_kept_are_read() -> None:
    """And nothing is halted by them."""
    raw = Trust(feeds={"one": feed(1, role(1))}).to_dict()
    del raw["feeds"]["one"]["halts"]
    assert not Trust.from_dict(raw).halted_by(*ONE)


def test_it_is_known_whose_halts_they_are() -> None:
    """Over a restart; where two states of one feed differ, they are the vendor's."""
    of_keeper = Halts().then(1, 5, {ONE: True}, of_keeper=True)
    trust = Trust(
        feeds={
            "keeper": replace(feed(1, role(1)), halts=of_keeper),
            "vendor": replace(feed(1, role(1)), halts=Halts().then(1, 5, {ONE: True})),
        }
    )
    assert trust.keepers == Trust.from_dict(trust.to_dict()).keepers == {"keeper"}
    raw = trust.to_dict()
    del raw["feeds"]["keeper"]["halts"]["of_keeper"]
    assert Trust.from_dict(raw).keepers == frozenset()
    other = Halts().then(1, 5, {TWO: True})
    assert not of_keeper.merged(other).of_keeper
    assert not other.merged(of_keeper).of_keeper


def test_what_was_kept_without_saying_whose_it_is_learns_that() -> None:
    """At the next check, also where nothing else is new: a keeper may sign seldom."""
    heard = Halts().then(1, 5, {ONE: True}, of_keeper=True)
    raw = Trust(feeds={"keeper": replace(feed(1, role(1)), halts=heard)}).to_dict()
    del raw["feeds"]["keeper"]["halts"]["of_keeper"]
    before = Trust.from_dict(raw)
    assert before.keepers == frozenset()
    assert Trust.from_dict(before.to_dict()) == before
    again = Trust(feeds={"keeper": replace(feed(1, role(1)), halts=heard)})
    assert before.merged(again).keepers == {"keeper"}
    assert again.merged(before).keepers == {"keeper"}


def test_it_is_known_which_feeds_have_halted_a_release() -> None:
    """Also over a restart; a release of another model is another one."""
    halting = replace(feed(1, role(1)), halts=Halts().then(1, 5, {ONE: True}))
    trust = Trust(feeds={"one": halting, "two": halting, "no": feed(1, role(1))})
    trust = Trust.from_dict(json.loads(json.dumps(trust.to_dict())))
    assert trust.halted_by(*ONE) == {"one", "two"}
    assert trust.halted_by("KL-2", ONE[1]) == trust.halted_by(*TWO) == frozenset()


@given(
    told=st.lists(
        st.dictionaries(
            st.tuples(st.sampled_from("AB"), st.integers(0, 90).map(str)),
            st.booleans(),
            max_size=64,
        ),
        max_size=40,
    )
)
def test_halts_are_bounded_and_say_what_was_told_last(
    told: list[dict[tuple[str, str], bool]],
) -> None:
    """Of each release that is listed; what is not listed any more is only dropped."""
    heard = Halts()
    for number, each in enumerate(told):
        before, heard = heard, heard.then(1, number, each)
        assert len(heard.releases) <= MAX_HALTS
        halted = {release for release, is_halted in each.items() if is_halted}
        assert heard.releases & each.keys() == halted
        assert heard.releases - each.keys() <= before.releases
        assert before.merged(heard).releases >= heard.releases


def test_whatever_a_feed_halts_leaves_room_in_the_ledger() -> None:
    """A name in which each character takes twelve of JSON is a name as well."""
    heard = Halts()
    for number in range(MAX_HALTS // 64 + 5):
        listed = {
            ("\U0001f512" * 63 + chr(65 + number), f"{each:064x}"): True
            for each in range(64)
        }
        heard = heard.then(1, number, listed)
    full = Trust(feeds={"one": replace(feed(1, role(1)), halts=heard)})
    assert len(json.dumps(full.to_dict())) < 256 * 1024


@pytest.mark.parametrize(
    ("kept", "number"),
    [
        ((), 0),
        (("door",), 0),
        (("door", "door#2", "door#10"), 10),
        (("gate#3", "door#", "door#x", "door#1#4", "7"), 0),
    ],
)
def test_the_latest_lock_at_a_door_is_found_by_its_floor(
    kept: tuple[str, ...], number: int
) -> None:
    """Whatever else has a floor."""
    one = Version.parse(VersionScheme.DOTTED, "1")
    floor = LockFloor(version=one, security_version=0, firmware_version=0)
    assert Trust(locks=dict.fromkeys(kept, floor)).lock_number("door") == number


def test_unlike_schemes_with_the_same_counter_merge_the_same_both_ways() -> None:
    """No counter says which firmware is newer then; one rule does."""
    dotted, integer = (
        LockFloor(
            version=Version.parse(scheme, "7"), security_version=1, firmware_version=1
        )
        for scheme in (VersionScheme.DOTTED, VersionScheme.INTEGER)
    )
    assert dotted.merged(integer) == integer.merged(dotted) == integer


@pytest.mark.parametrize("name", ["root", "timestamp", "snapshot", "targets"])
def test_a_version_that_is_too_high_to_be_kept_is_named(name: str) -> None:
    """The highest that can be kept is none."""

    def at(version: int) -> FeedFloor:
        floors: dict[str, Any] = {
            each: role(5) for each in ("timestamp", "snapshot", "targets")
        }
        if name == "root":
            return FeedFloor(root=version, **floors)
        return FeedFloor(root=2, **{**floors, name: role(version)})

    assert at(MAX_WHOLE).beyond is None
    assert at(MAX_WHOLE + 1).beyond == name


@given(trusts, trusts)
def test_merging_sinks_nothing(one: Trust, two: Trust) -> None:
    """Whichever way round, nothing that was refused becomes acceptable."""
    merged = one.merged(two)
    assert merged == two.merged(one)
    assert merged.merged(one) == merged.merged(two) == merged
    for part in (one, two):
        # But for what a person has put right.
        if part.time is not None and part.time_resets == merged.time_resets:
            assert merged.time is not None
            assert merged.time >= part.time
        for name, floor in part.feeds.items():
            raised = merged.feeds[name]
            assert raised.root >= floor.root
            for kind in ("timestamp", "snapshot", "targets"):
                assert getattr(floor, kind).admits(getattr(raised, kind))
        for name, lock in part.locks.items():
            higher = merged.locks[name]
            assert higher.security_version >= lock.security_version
            assert higher.firmware_version >= lock.firmware_version
            if higher.version.scheme is lock.version.scheme:
                assert higher.version >= lock.version or (
                    higher.firmware_version > lock.firmware_version
                )


@given(trusts)
def test_what_is_written_is_read_again(trust: Trust) -> None:
    """Through JSON, as it is stored."""
    assert Trust.from_dict(json.loads(json.dumps(trust.to_dict()))) == trust


STORED = Trust(
    time=datetime(2026, 11, 22, tzinfo=UTC),
    feeds={"acme": feed(2, role(3))},
    locks={
        "door": LockFloor(
            version=Version.parse(VersionScheme.DOTTED, "1.2"),
            security_version=1,
            firmware_version=12,
        )
    },
).to_dict()


@pytest.mark.parametrize(
    "change",
    [
        {"time": "yesterday"},
        {"time": "2026-11-22T00:00:00"},
        {"time": 7},
        {"feeds": None},
        {"feeds": {"acme": {"root": 1}}},
        {"feeds": {"acme": {**STORED["feeds"]["acme"], "root": "2"}}},
        {"feeds": {"acme": {**STORED["feeds"]["acme"], "root": True}}},
        {"locks": ["door"]},
        {"locks": {"door": {**STORED["locks"]["door"], "version": "new"}}},
        {"locks": {"door": {**STORED["locks"]["door"], "version_scheme": "semver"}}},
        {"locks": {"door": {**STORED["locks"]["door"], "version": 12}}},
    ],
)
def test_a_damaged_store_is_noticed(change: dict[str, Any]) -> None:
    """Floors that are guessed would be none."""
    assert Trust.from_dict(STORED)
    with pytest.raises(ValueError, match=r".+"):
        Trust.from_dict({**STORED, **change})


@given(trusts, trusts)
def test_a_time_counts_as_long_as_nobody_has_put_it_right_since(
    one: Trust, two: Trust
) -> None:
    """Whichever way round; one from before such a day never comes back."""
    merged = one.merged(two)
    assert (merged.time, merged.time_resets) == (
        two.merged(one).time,
        two.merged(one).time_resets,
    )
    latest = max(one.time_resets, two.time_resets)
    assert merged.time_resets == latest
    times = [
        each.time
        for each in (one, two)
        if each.time_resets == latest and each.time is not None
    ]
    assert merged.time == max(times, default=None)


def test_what_earlier_versions_have_kept_was_never_put_right() -> None:
    """They knew no way to."""
    kept = Trust(time=datetime(2026, 11, 1, tzinfo=UTC)).to_dict()
    del kept["time_resets"]
    assert Trust.from_dict(kept).time_resets == 0


def test_the_ledger_has_room_whatever_many_feeds_have_halted() -> None:
    """No floor is left out, nor what feeds halt that say little; nothing is unheard."""
    listed = {
        ("\U0001f512" * 60 + chr(65 + number // 64), f"{number:064x}"): True
        for number in range(MAX_HALTS)
    }
    loud = replace(feed(1, role(1)), halts=Halts().then(3, 7, listed))
    quiet = replace(feed(1, role(1)), halts=Halts().then(1, 5, {ONE: True}))
    names = [f"{number}" for number in range(8)]
    full = Trust(feeds={**dict.fromkeys(names, loud), "quiet": quiet})
    most = 1_000_000
    assert len(json.dumps(full.to_dict())) > most
    fits = full.within(most)
    assert len(json.dumps(fits.to_dict())) <= most
    assert fits.feeds["quiet"] == quiet
    assert fits.feeds.keys() == full.feeds.keys()
    assert loud in fits.feeds.values()
    assert full.merged(fits) == fits.merged(full) == full
    assert fits.within(most) == fits
