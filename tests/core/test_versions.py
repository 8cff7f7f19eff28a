"""Versions: a strict order within a scheme, and no guess beyond it."""

from collections.abc import Callable

from hypothesis import assume, given, strategies as st
import pytest

from custom_components.nightlatch.core.versions import (
    Version,
    VersionError,
    VersionScheme,
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
        "v1.2",
        "1.2-beta",
        "1.2+3",
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
    assert all(part.isascii() and part.isdigit() for part in text.split("."))


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
