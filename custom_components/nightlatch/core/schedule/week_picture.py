"""The week as a picture: when doors are used, and the quiet hours on it.

A drawing (SVG) out of values and words alone: nothing is fetched, nothing runs in it, and
what comes from outside is only ever text. It fits the light and the dark by itself, as
whoever shows it asks for. It is as large as it is, whatever was learned: each cell has one
of a few colours, and those of a colour are one path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from .door_use import DAYS, HALF_HOURS
from .quiet_hours import QuietHours

STEPS: Final = (0.02, 0.1, 0.25, 0.5)
"""Below which share of days a colour ends; what is above the last has one too."""
LONGEST_WORD: Final = 40
"""Characters of a day's name."""
LONGEST_SENTENCE: Final = 400
"""Characters of what the picture is called, and of what it tells."""

_CELL: Final = 14
_ROW: Final = 32
_GAP: Final = 2
_LEFT: Final = 168
_TOP: Final = 36
_BELOW: Final = 48
_RIGHT: Final = 16
_WIDTH: Final = _LEFT + _CELL * HALF_HOURS + _RIGHT
_GRID: Final = _TOP + _ROW * DAYS
_HEIGHT: Final = _GRID + _BELOW
_HOURS_APART: Final = 6
_NAMED: Final = 'role="img" aria-labelledby="t d"'
# From never to always, each darker (in the dark: brighter) than the one before; the first
# is for what was never watched.
_LIGHT: Final = ("#eef0f2", "#dbe9f4", "#a9cfe8", "#6aaed6", "#2e7fb8", "#0b4f8a")
_DARK: Final = ("#22262a", "#1f3444", "#2b5878", "#3f86b5", "#74b4dd", "#c4e3f7")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What stands in the picture, in the language of who looks."""

    title: str
    """What it is."""
    told: str
    """What it shows, for who cannot see it."""
    weekdays: tuple[str, ...]
    """The names of the days; Monday is the first."""
    hours: str
    """What the quiet hours that hold are called."""
    suggested: str
    """What those are called that are suggested."""


def draw_week(
    rates: Sequence[Sequence[float | None]],
    words: Words,
    hours: QuietHours,
    suggested: QuietHours | None = None,
) -> str:
    """Return the picture; ``rates`` are by day and half hour, None where never watched."""
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {_NAMED}>',
        f'<title id="t">{_text(words.title, LONGEST_SENTENCE)}</title>',
        f'<desc id="d">{_text(words.told, LONGEST_SENTENCE)}</desc>',
        f"<style>{_style()}</style>",
        '<rect class="ground" width="100%" height="100%" rx="8"/>',
        *_cells(rates),
        *_labels(words),
        *_framed("hours", _outline(hours, 0)),
    ]
    legend = [("hours", words.hours)]
    if suggested is not None:
        parts += _framed("suggested", _outline(suggested, 3))
        legend.append(("suggested", words.suggested))
    for index, (kind, word) in enumerate(legend):
        left, middle = _LEFT + index * _CELL * HALF_HOURS // 2, _GRID + 30
        parts.append(
            f'<path class="{kind}" d="M{left} {middle - 7}h22v14h-22z"/>'
            f'<text x="{left + 30}" y="{middle + 6}">{_text(word)}</text>'
        )
    return "".join((*parts, "</svg>"))


def _framed(kind: str, outline: str) -> tuple[str, str]:
    """Return a frame, and what sets it off from cells of any colour."""
    return (
        f'<path class="off" d="{outline}"/>',
        f'<path class="{kind}" d="{outline}"/>',
    )


def shade(rate: float | None) -> int:
    """Return which colour a share of days has: 0 for none, then the larger the more."""
    if rate is None:
        return 0
    return 1 + sum(rate >= step for step in STEPS)


def _cells(rates: Sequence[Sequence[float | None]]) -> list[str]:
    """Return one path for each colour, with a square for each half hour that has it."""
    squares: list[list[str]] = [[] for _ in _LIGHT]
    wide, high = _CELL - _GAP, _ROW - _GAP
    for day, of_day in enumerate(rates):
        for index, rate in enumerate(of_day):
            left, top = _LEFT + index * _CELL, _TOP + day * _ROW
            squares[shade(rate)].append(f"M{left} {top}h{wide}v{high}h-{wide}z")
    return [
        f'<path class="c{index}" d="{"".join(each)}"/>'
        for index, each in enumerate(squares)
        if each
    ]


def _labels(words: Words) -> list[str]:
    days = [
        f'<text class="day" x="{_LEFT - 8}" y="{_TOP + _ROW * day + 22}">'
        f"{_text(name)}</text>"
        for day, name in enumerate(words.weekdays)
    ]
    hours = [
        f'<text class="hour" x="{_LEFT + hour * 2 * _CELL}" y="{_TOP - 9}">{hour}</text>'
        for hour in range(0, HALF_HOURS // 2 + 1, _HOURS_APART)
    ]
    return days + hours


def _outline(hours: QuietHours, within: int) -> str:
    """Return a frame around some hours, for each day on which they begin.

    What goes across midnight is open there, and goes on a line below.
    """
    begin = hours.start.hour * 2 + hours.start.minute / 30
    end = hours.end.hour * 2 + hours.end.minute / 30
    drawn = []
    for day in sorted(hours.weekdays):
        if begin < end:
            drawn.append(_frame(day, begin, end, within))
            continue
        drawn.append(_frame(day, begin, HALF_HOURS, within, open_right=True))
        if end:
            drawn.append(_frame((day + 1) % DAYS, 0, end, within, open_left=True))
    return "".join(drawn)


def _frame(
    day: int,
    begin: float,
    end: float,
    within: int,
    *,
    open_left: bool = False,
    open_right: bool = False,
) -> str:
    left, right = (round(_LEFT + each * _CELL) - _GAP // 2 for each in (begin, end))
    top, bottom = _TOP + day * _ROW - 1 + within, _TOP + (day + 1) * _ROW - 1 - within
    left += 0 if open_left else within
    right -= 0 if open_right else within
    if open_right:
        return f"M{right} {top}H{left}V{bottom}H{right}"
    if open_left:
        return f"M{left} {top}H{right}V{bottom}H{left}"
    return f"M{left} {top}H{right}V{bottom}H{left}z"


def _style() -> str:
    return (
        "text{font:16px Roboto,system-ui,sans-serif;fill:#3c4043}"
        # Shown on a phone it is less than half as wide.
        "@media(max-width:500px){text{font-size:26px}}"
        ".day{text-anchor:end}.hour{text-anchor:middle}"
        # Shown where it is the other way round, it brings its own ground.
        ".ground{fill:#fff}"
        ".hours,.suggested,.off{fill:none;stroke-width:2;stroke:#141414}"
        ".off{stroke:#fff;stroke-width:6}"
        ".suggested{stroke:#b3261e;stroke-dasharray:5 3}"
        f"{_colours(_LIGHT)}"
        "@media(prefers-color-scheme:dark){"
        "text{fill:#c7cbd1}.hours{stroke:#fff}.suggested{stroke:#ffb74d}"
        ".ground{fill:#16191c}.off{stroke:#16191c}"
        f"{_colours(_DARK)}}}"
    )


def _colours(colours: Sequence[str]) -> str:
    return "".join(f".c{index}{{fill:{each}}}" for index, each in enumerate(colours))


def _text(value: str, longest: int = LONGEST_WORD) -> str:
    """Return a text as it stands in XML, without what XML has no place for."""
    printable = "".join(each if each.isprintable() else " " for each in value)
    return escape(printable[:longest])
