"""Versions: a strict order within a scheme, and no guess beyond it."""

from collections.abc import Callable
import re

from hypothesis import assume, given, strategies as st
import pytest

from custom_components.nightlatch.core.versions import (
    Version,
    VersionError,
    VersionScheme,
    is_other_version,
    is_same_version,
    is_told_as,
    told_version,
)

DOTTED = VersionScheme.DOTTED
INTEGER = VersionScheme.INTEGER

numbers = st.integers(0, 10**10 - 1) | st.integers(0, 3)
zeros = st.integers(0, 4).map(lambda count: "0" * count)
# With leading zeros now and then, as some vendors write them.
written = st.tuples(zeros, numbers).map(lambda pair: f"{pair[0]}{pair[1]}"[-10:])
dotted = st.lists(written, min_size=1, max_size=6).map(".".join)
versions = st.builds(Version.parse, st.just(DOTTED), dotted) | st.builds(
    Version.parse, st.just(INTEGER), written
)
dotted_versions = st.builds(Version.parse, st.just(DOTTED), dotted)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("3.3.5", "3.10.0"),
        ("1.9", "1.10"),
        ("1.0", "1.0.1"),
        ("1.99.99", "2"),
        ("0", "0.0.0.0.0.1"),
        ("6.5.07", "6.5.8"),
    ],
)
def test_numbers_are_compared_as_numbers(older: str, newer: str) -> None:
    """Not as texts."""
    old, new = Version.parse(DOTTED, older), Version.parse(DOTTED, newer)
    assert old < new
    assert new > old
    assert old <= new
    assert new >= old
    assert old != new


@pytest.mark.parametrize(
    ("one", "two"),
    [("1.0", "1.0.0"), ("6.5.07", "6.5.7"), ("0", "0.0"), ("28.00", "28")],
)
def test_two_ways_to_write_a_version_are_equal(one: str, two: str) -> None:
    """And neither is newer."""
    first, second = Version.parse(DOTTED, one), Version.parse(DOTTED, two)
    assert first == second
    assert hash(first) == hash(second)
    assert not first < second
    assert not first > second
    assert first <= second
    assert first >= second
    assert (str(first), str(second)) == (one, two)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "1.",
        ".1",
        "1..2",
        "1.2-beta",
        "1.2b1",
        "1.2-",
        "1.2-3-4",
        "1.2.3.4+5",
        "1.2.3.4-5",
        "1.2.3.4_c51f7548",
        "1.2_c51f",
        "1.2_c51g7548",
        "2026-11-30",
        "9-3",
        "vv1.2",
        "undefined",
        "undefined-9",
        "other-4.3.0",
        "-4.3.0",
        "1.2 ",
        " 1.2",
        "1.2\n",
        "6.5.x",
        "1,2",
        "-1",
        "1.-2",
        "0x10",
        "1e3",
        "1_000",
        "\u0661.\u0662",
        "\u00b2",
        "1.2.3.4.5.6.7",
        "12345678901",
        "1.12345678901",
    ],
)
@pytest.mark.parametrize("scheme", [DOTTED, INTEGER])
def test_what_is_no_version_is_refused(scheme: VersionScheme, text: str) -> None:
    """A guess would be a downgrade one day."""
    with pytest.raises(VersionError, match=f"is no {scheme} version"):
        Version.parse(scheme, text)


def test_an_integer_version_has_no_dots() -> None:
    """Each scheme has its own form."""
    assert Version.parse(INTEGER, "20260312").numbers == (20260312,)
    with pytest.raises(VersionError):
        Version.parse(INTEGER, "1.2")


@given(dotted_versions, st.builds(Version.parse, st.just(INTEGER), written))
def test_unlike_schemes_are_never_compared(one: Version, two: Version) -> None:
    """Not even where the numbers are the same."""
    assert one != two
    comparisons: list[Callable[[], bool]] = [
        lambda: one < two,
        lambda: one <= two,
        lambda: one > two,
        lambda: one >= two,
    ]
    for compare in comparisons:
        with pytest.raises(VersionError, match="do not compare"):
            compare()


@given(dotted_versions, dotted_versions)
def test_exactly_one_of_older_equal_newer_holds(one: Version, two: Version) -> None:
    """A total order."""
    assert [one < two, one == two, one > two].count(True) == 1
    assert (one <= two) is (one < two or one == two)
    assert (one >= two) is (one > two or one == two)
    assert (one < two) is (two > one)


@given(dotted_versions, dotted_versions, dotted_versions)
def test_the_order_is_transitive(one: Version, two: Version, three: Version) -> None:
    """So the newest of many is well defined."""
    assume(one <= two <= three)
    assert one <= three


@given(dotted_versions, st.integers(0, 5), st.lists(st.integers(1, 3), max_size=6))
def test_zeros_at_the_end_and_in_front_change_nothing(
    version: Version, trailing: int, leading: list[int]
) -> None:
    """Equal versions have one canonical form."""
    parts = version.text.split(".")
    for index, count in enumerate(leading[: len(parts)]):
        parts[index] = ("0" * count + parts[index])[-10:].rjust(1, "0")
        assume(int(parts[index]) == int(version.text.split(".")[index]))
    parts += ["0"] * min(trailing, 6 - len(parts))
    other = Version.parse(DOTTED, ".".join(parts))
    assert other == version
    assert other.numbers == version.numbers
    assert hash(other) == hash(version)


@given(st.sampled_from(VersionScheme), st.text())
def test_any_text_is_a_version_or_is_refused(scheme: VersionScheme, text: str) -> None:
    """And a version says what it was read from."""
    try:
        version = Version.parse(scheme, text)
    except VersionError:
        return
    assert version.text == text
    assert any(part.isascii() and part.isdigit() for part in text)


@given(versions, st.none() | st.integers() | st.text())
def test_a_version_equals_nothing_else(version: Version, other: object) -> None:
    """Not even its own text."""
    assert version != other
    assert version != version.text


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        (VersionScheme.HEX, "10"),
        (VersionScheme.HEX, "0x"),
        (VersionScheme.HEX, "0x1g"),
        (VersionScheme.HEX, "0x" + "1" * 17),
        (VersionScheme.TEXT_INTEGER, "1.0"),
        (VersionScheme.TEXT_INTEGER, "(1)"),
        (VersionScheme.TEXT_INTEGER, "1.0 (x)"),
        (VersionScheme.TEXT_INTEGER, "1.0 (1) (2)"),
        (VersionScheme.TEXT_INTEGER, "1.0 (12345678901)"),
    ],
)
def test_what_is_no_version_of_a_hub_is_refused(
    scheme: VersionScheme, text: str
) -> None:
    """As for the others."""
    with pytest.raises(VersionError):
        Version.parse(scheme, text)


@pytest.mark.parametrize(
    ("scheme", "older", "newer"),
    [
        (INTEGER, "9", "20260312"),
        (VersionScheme.HEX, "0x0000000f", "0x00000010"),
        (VersionScheme.HEX, "0x11040000", "0x11070000"),
        (VersionScheme.TEXT_INTEGER, "2.0 (1011)", "1.9 beta (1012)"),
    ],
)
def test_the_number_decides(scheme: VersionScheme, older: str, newer: str) -> None:
    """Whatever stands around it."""
    low, high = Version.parse(scheme, older), Version.parse(scheme, newer)
    assert low < high
    assert (low.scheme, low.text) == (scheme, older)


def test_a_version_of_zeros_is_a_number() -> None:
    """As for every other scheme."""
    for text in ("0", "0.0", "00.0.0"):
        assert Version.parse(DOTTED, text).numbers == (0,)


@pytest.mark.parametrize(
    ("version", "label", "is_it"),
    [
        ("1.0.1 (1011)", "1.0.1", True),
        ("1.0.1 (1011)", "1.0.2", False),
        ("1.0.1 (1011)", "1.0.1 (1011)", False),
        ("1.0.1 (1011)", " (", False),
        ("1.0.1 (1011)", "", False),
    ],
)
def test_a_label_is_the_version_without_its_number(
    version: str, label: str, is_it: bool
) -> None:
    """As Home Assistant writes what a lock with Matter runs."""
    text_integer = Version.parse(VersionScheme.TEXT_INTEGER, version)
    assert text_integer.numbers_label(label) is is_it


def test_only_versions_with_a_text_have_a_label() -> None:
    """Those of other schemes are numbers as a whole."""
    assert not Version.parse(DOTTED, "1.0").numbers_label("")
    assert not Version.parse(INTEGER, "1").numbers_label("1")


# What stands behind the numbers, and in front of them.

few = st.integers(0, 3).map(str)
few_numbers = st.lists(few, min_size=2, max_size=3).map(".".join)
tails = st.one_of(
    st.just(""),
    few.map("+{}".format),
    few.map("-{}".format),
    st.sampled_from(
        ["_c51f7548", "_00000000", "-1_c51f7548", "-1_abcdef01", "-g1a2b3c"]
    ),
    st.lists(few, min_size=2, max_size=3).map(".".join).map("-{}".format),
    few.map(".{}".format),
)
odd_texts = st.builds(
    "{}{}{}".format, st.sampled_from(["", "v", "undefined-"]), few_numbers, tails
).filter(
    lambda text: not re.fullmatch(r"undefined-.*\+.*|undefined-\d\.\d\.\d\.\d", text)
)
odd = st.builds(Version.parse, st.just(DOTTED), odd_texts)


def order(one: Version, two: Version) -> str | None:
    """Return how two versions stand to each other; None where they do not compare."""
    try:
        signs = [one < two, one == two, one > two]
    except VersionError:
        both = re.escape(f"{one.text!r} and {two.text!r} do not compare")
        for compare in (one.__lt__, one.__le__, one.__gt__, one.__ge__):
            with pytest.raises(VersionError, match=both):
                compare(two)
        assert one != two
        return None
    assert signs.count(True) == 1
    assert (one <= two, one >= two) == (signs[0] or signs[1], signs[1] or signs[2])
    return "<=>"[signs.index(True)]


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("1.0.0+0", "1.2.11+0", "<"),
        ("1.0.0+0", "1.0.0", "="),
        ("1.1.0+0", "1.1.0+1", "<"),
        ("1.1+2", "1.1.0+10", "<"),
        ("1.1.0+7", "1.1.0.7", "="),
        ("1.1.0+7", "1.1.1", "<"),
        ("1.1.0-315", "1.4.0", "<"),
        ("1.1.0-315", "1.1.0-316", "<"),
        ("1.1.0-315", "1.0.9", ">"),
        ("3.0.0-54", "3.0.0-6", ">"),
        ("1.1.0-315", "1.1.0", None),
        ("1.1.0-315", "1.1.0+315", None),
        ("1.1.0-315", "1.1.0.315", None),
        ("1.1.0-315", "1.1.1+0", "<"),
        ("1.1.0-315", "1.0.9.9", ">"),
        ("2025.11.5_c51f7548", "2025.12.0", "<"),
        ("2025.11.5_c51f7548", "2025.11.5_C51F7548", "="),
        ("2025.11.5_c51f7548", "2025.11.5_00000000", None),
        ("2025.11.5_c51f7548", "2025.11.5", None),
        ("1.2.3-4-g1a2b3c", "1.2.3-5-g000000", "<"),
        ("1.2.3-4-g1a2b3c", "1.2.3-4-g000000", None),
        ("1.0.0+1a2b3c", "1.0.1", "<"),
        ("v4.2.2", "4.2.2", "="),
        ("V1.0", "v1.0.0", "="),
        ("v1.1.0-315", "1.1.0-315", "="),
        ("V1.1.0-315", "1.1.0-316", "<"),
        ("v4.2.2", "4.3", "<"),
        ("10.00.00264232", "10.0.264233", "<"),
        ("undefined-4.3.0-1.8.14", "undefined-4.3.0-1.9.0", "<"),
        ("undefined-4.3.0-1.8.14", "undefined-4.4.0-1.8.14", "<"),
        ("undefined-4.3.0-1.8.14", "4.4.0-1.8.14", None),
        ("undefined-4.3.0-1.8.14", "5.0.0", None),
    ],
)
def test_versions_as_real_locks_tell_them(
    one: str, two: str, expected: str | None
) -> None:
    """Numbers first, then build or revision; a hash decides nothing."""
    first, second = Version.parse(DOTTED, one), Version.parse(DOTTED, two)
    turned = {"<": ">", ">": "<", "=": "=", None: None}
    assert order(first, second) == expected
    assert order(second, first) == turned[expected]
    assert is_same_version(one, two) is (expected == "=")


@given(odd, odd)
def test_no_form_breaks_the_order(one: Version, two: Version) -> None:
    """Reflexive and antisymmetric; what is equal is neither older nor newer."""
    assert order(one, one) == "="
    turned = {"<": ">", ">": "<", "=": "=", None: None}
    found = order(one, two)
    assert order(two, one) == turned[found]
    if found == "=":
        assert hash(one) == hash(two)
    if found is not None:
        assert (one.rank < two.rank) is (found == "<")
    if one.is_plain and two.is_plain:
        assert found is not None


@given(st.lists(odd, min_size=3, max_size=3))
def test_no_form_breaks_transitivity(three: list[Version]) -> None:
    """Wherever versions compare at all."""
    one, two, last = sorted(three, key=lambda each: each.rank)
    if order(one, two) and order(two, last):
        assert order(one, last) in {"<", "="}
    if order(one, two) == "=":
        assert order(one, last) == order(two, last)


@pytest.mark.parametrize(
    ("version", "told", "runs"),
    [
        ("1.1.0", "1.1.0+0", True),
        ("1.1.0", "1.1.0+7", True),
        ("1.1", "1.1.0+7", True),
        ("1.1.0+7", "1.1.0+7", True),
        ("1.1.0+7", "1.1.0", False),
        ("1.1.0+7", "1.1.0+8", False),
        ("1.1.0.7", "1.1.0+7", True),
        ("1.1.0.7", "1.1.0+8", False),
        ("1.1.0", "1.1.1+0", False),
        ("1.1.0", "1.1.0.7", False),
        ("1.4.0", "1.4.0-320", True),
        ("1.4.0-320", "1.4.0", False),
        ("2025.12.0", "2025.12.0_00c0ffee", True),
        ("2025.12.0_c51f7548", "2025.12.0_00c0ffee", False),
        ("2025.12.0", "2025.11.5_c51f7548", False),
        ("4.3.0", "undefined-4.3.0", False),
        ("1.1.0", "unknown", False),
    ],
)
def test_a_lock_may_tell_more_than_its_release_is_called(
    version: str, told: str, runs: bool
) -> None:
    """The build, revision or hash of it, but nothing else."""
    assert Version.parse(DOTTED, version).is_told_by(told) is runs
    assert is_told_as(version, told) is runs


@pytest.mark.parametrize(
    ("version", "told", "runs"),
    [
        ("0x1A", "0x1a", True),
        ("0x1a", "0x1b", False),
        ("beta", "Beta", True),
        ("beta", "gamma", False),
        ("beta", "1.0", False),
        ("20260312", "20260312", True),
    ],
)
def test_a_lock_tells_its_release_also_where_that_has_no_numbers(
    version: str, told: str, runs: bool
) -> None:
    """Then the same text says it."""
    assert is_told_as(version, told) is runs


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", " ", "-1", "unknown", "Unknown", "None", "undefined"),
        *("0", "0.0.0", "v0.0.0", "0.0.0+0", "0x00000000", "0.0.0-0"),
    ],
)
def test_what_says_nothing_is_no_version(text: str | None) -> None:
    """And nothing was installed when it comes or goes."""
    assert told_version(text) is None
    assert not is_other_version(text or "", "1.0")
    assert not is_other_version("1.0", text or "")


@pytest.mark.parametrize(
    "text", ["1", "1.0", "0.0.1", "0x00000001", "undefined-4.3.0-1.8.14", "00.01", "10"]
)
def test_what_says_something_is_left_as_it_is(text: str) -> None:
    """Also where it begins with zeros."""
    assert told_version(text) == text


@pytest.mark.parametrize(
    ("before", "runs", "other"),
    [
        ("V1.0", "1.0", False),
        ("1.0", "1.0.0", False),
        ("6.5.07", "6.5.7", False),
        ("0x1A", "0x1a", False),
        ("1.0", "1.1", True),
        ("1.1", "1.0", True),
        ("2025.11.5_c51f7548", "2025.11.5_00000000", True),
        ("beta", "gamma", True),
        ("beta", " Beta", False),
    ],
)
def test_another_way_to_write_it_is_no_installation(
    before: str, runs: str, other: bool
) -> None:
    """What says something else is one."""
    assert is_other_version(before, runs) is other
