"""The picture of the week shows what was seen, and nothing else."""

from datetime import time
from itertools import pairwise
import re
from typing import Final
from xml.etree import ElementTree as ET

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.schedule.quiet_hours import QuietHours
from custom_components.nightlatch.core.schedule.week_picture import (
    STEPS,
    Words,
    draw_week,
    shade,
)

SVG: Final = "{http://www.w3.org/2000/svg}"
LARGEST: Final = 24_000
"""Bytes: what anybody's phone loads in no time."""
WORDS: Final = Words(
    title="When the doors are used",
    told="A table of half hours.",
    weekdays=("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"),
    hours="Quiet hours",
    suggested="Suggested",
)
NIGHT: Final = QuietHours()
RATES = st.lists(
    st.lists(st.none() | st.floats(0, 1), min_size=48, max_size=48),
    min_size=7,
    max_size=7,
)


def drawn(
    rates: list[list[float | None]],
    words: Words = WORDS,
    hours: QuietHours = NIGHT,
    suggested: QuietHours | None = None,
) -> ET.Element:
    """Return the picture as whoever shows it reads it."""
    picture = draw_week(rates, words, hours, suggested)
    assert len(picture.encode()) < LARGEST
    return ET.fromstring(picture)


def paths(root: ET.Element, kind: str) -> list[str]:
    """Return what is drawn as a kind of thing."""
    return [
        path.get("d", "")
        for path in root.iter(f"{SVG}path")
        if path.get("class") == kind
    ]


def cells(root: ET.Element) -> dict[tuple[int, int], int]:
    """Return the shade of each cell, by where it stands."""
    found = {}
    for each in range(len(STEPS) + 2):
        for path in paths(root, f"c{each}"):
            for left, top in re.findall(r"M(\d+) (\d+)h", path):
                assert (int(left), int(top)) not in found
                found[int(left), int(top)] = each
    return found


@given(rates=RATES)
def test_each_half_hour_of_the_week_is_one_cell(
    rates: list[list[float | None]],
) -> None:
    """Seven rows of forty-eight, each with the shade of its rate, whatever was seen."""
    found = cells(drawn(rates, suggested=NIGHT))
    tops, lefts = (sorted({place[each] for place in found}) for each in (1, 0))
    assert (len(found), len(tops), len(lefts)) == (336, 7, 48)
    for (left, top), colour in found.items():
        assert colour == shade(rates[tops.index(top)][lefts.index(left)])


@given(one=st.floats(0, 1), other=st.floats(0, 1))
def test_more_use_is_never_shown_as_less(one: float, other: float) -> None:
    """And what was never watched is not shown as quiet."""
    assert (shade(one) - shade(other)) * (one - other) >= 0
    assert shade(None) < shade(0) <= shade(one) <= len(STEPS) + 1
    assert {shade(step) for step in (0, *STEPS)} == set(range(1, len(STEPS) + 2))


def luminance(colour: str) -> float:
    """Return how bright a colour is, as contrast is computed with."""
    parts = [int(colour[each : each + 2], 16) / 255 for each in (0, 2, 4)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
        for each in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colours_go_one_way_in_the_light_and_the_other_in_the_dark() -> None:
    """Each step differs from the next one, also for who sees no colours."""
    style = drawn([[0.0] * 48] * 7).findtext(f"{SVG}style") or ""
    light, media, dark = style.partition("@media(prefers-color-scheme:dark)")
    assert media
    for part, backwards in ((light, True), (dark, False)):
        colours = re.findall(r"\.c\d\{fill:#([0-9a-f]{6})\}", part)
        assert len(colours) == len(STEPS) + 2
        bright = [luminance(each) for each in colours]
        assert bright == sorted(bright, reverse=backwards)
        for one, other in pairwise(bright[1:]):
            assert (max(one, other) + 0.05) / (min(one, other) + 0.05) > 1.25


def test_hours_are_framed_on_the_days_on_which_they_begin() -> None:
    """Those across midnight go on a day later; those of Sunday on Monday."""
    begin = {day: path for day in (0, 6) for path in [frames(day, time(2), time(5))]}
    assert [len(each) for each in begin.values()] == [1, 1]
    late = frames(6, time(23), time(1))
    assert len(late) == 2
    (sunday, monday) = late
    assert sunday[1] - monday[1] == 6 * 32
    assert (sunday[0], monday[0]) == (168 + 46 * 14 - 1, 167)
    assert len(frames(6, time(23), time(0))) == 1
    whole = frames(2, time(0), time(0))
    assert len(whole) == 1
    nobody = QuietHours(weekdays=frozenset())
    assert paths(drawn([[None] * 48] * 7, hours=nobody), "hours")[0] == ""


def frames(day: int, start: time, end: time) -> list[tuple[int, int]]:
    """Return where the frames of some hours begin."""
    hours = QuietHours(weekdays=frozenset({day}), start=start, end=end)
    path = paths(drawn([[0.0] * 48] * 7, hours=hours), "hours")[0]
    # The one that is open on its right is drawn from there.
    found = []
    for x, y, h in re.findall(r"M(\d+) (\d+)H(\d+)", path):
        found.append((min(int(x), int(h)), int(y)))
    return found


def test_a_suggestion_is_drawn_where_there_is_one() -> None:
    """And told below; without one, neither."""
    without, with_one = (
        drawn([[0.0] * 48] * 7, suggested=each)
        for each in (None, QuietHours(start=time(4), end=time(5)))
    )
    assert (len(paths(without, "suggested")), len(paths(with_one, "suggested"))) == (
        0,
        2,
    )
    told = ["".join(each.itertext()) for each in with_one.iter(f"{SVG}text")]
    assert WORDS.suggested in told
    assert WORDS.suggested not in "".join(without.itertext())
    assert paths(with_one, "suggested") != paths(with_one, "hours")


@pytest.mark.parametrize(
    "outside",
    ["<script>alert(1)</script>", "]]>&lt;", "a\x00\ud800\ufffe\x1b", "x" * 5000, ""],
)
def test_words_are_only_ever_text(outside: str) -> None:
    """Whatever they are, the picture can be read, and has no more in it than before."""
    words = Words(
        title=outside,
        told=outside,
        weekdays=(outside,) * 7,
        hours=outside,
        suggested=outside,
    )
    plain, odd = (
        drawn([[0.3] * 48] * 7, each, NIGHT, NIGHT) for each in (WORDS, words)
    )
    assert [each.tag for each in odd.iter()] == [each.tag for each in plain.iter()]
    title = odd.findtext(f"{SVG}title") or ""
    assert (
        title == "".join(each if each.isprintable() else " " for each in outside)[:400]
    )


def test_who_cannot_see_it_is_told_what_it_is() -> None:
    """Title and description are named by the picture itself."""
    root = drawn([[0.0] * 48] * 7)
    assert root.get("role") == "img"
    named = {each.get("id"): each.text for each in root.iter() if each.get("id")}
    assert [named[each] for each in (root.get("aria-labelledby") or "").split()] == [
        WORDS.title,
        WORDS.told,
    ]


def contrast(one: str, other: str) -> float:
    """Return by how much two colours differ, as contrast is computed."""
    dark, bright = sorted(map(luminance, (one, other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_what_is_drawn_is_seen_on_whatever_it_lies(dark: bool) -> None:
    """The picture has its own ground, and frames are set off from cells of any colour."""
    root = drawn([[0.9] * 48] * 7, suggested=NIGHT)
    parts = (root.findtext(f"{SVG}style") or "").partition(
        "@media(prefers-color-scheme:dark)"
    )
    # What the dark does not say anew holds from the light.
    style = parts[0] + (parts[2] if dark else "")

    def colour(kind: str, what: str) -> str:
        rule = rf"(?:^|[}}{{,]){re.escape(kind)}(?:,[^{{]*)?\{{[^}}]*?{what}:#(\w+)"
        (*_, last) = re.findall(rule, style)
        return last if len(last) == 6 else "".join(each * 2 for each in last)

    ground = colour(".ground", "fill")
    (box,) = root.iter(f"{SVG}rect")
    assert (box.get("width"), box.get("height")) == ("100%", "100%")
    assert contrast(colour("text", "fill"), ground) > 4.5
    assert colour(".off", "stroke") == ground
    for kind in (".hours", ".suggested"):
        assert contrast(colour(kind, "stroke"), ground) > 4.5
    outlines = [paths(root, kind) for kind in ("off", "hours", "suggested")]
    assert outlines[0] == [outlines[1][0], outlines[2][0]]
