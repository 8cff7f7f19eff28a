"""Texts from outside, made fit to stand among our own.

Home Assistant's frontend renders as Markdown, with HTML in it, what dialogs describe and
abort with, what repairs describe, release notes and their summary, and notifications of
its own. Phones render HTML of theirs, other notifiers Markdown of another kind. So what
a vendor, a lock or another program says loses there what could be taken for a link, a
picture, a tag or a line of ours. It keeps its look: what means something is replaced by
what only looks like it, which reads well also where nothing is rendered.
"""

# Look-alikes are what this is about.
# ruff: noqa: RUF001

from collections.abc import Iterable, Iterator, Mapping
import re
from typing import Final
import unicodedata

MAX_VALUE: Final = 4096
"""Characters of a text from outside that stands in a sentence."""
MAX_QUOTED: Final = 32 * 1024
"""Characters of one that stands by itself."""
MAX_QUOTED_LINE: Final = 1000
"""Characters of one of its lines."""

_LOOKS_LIKE = str.maketrans(
    {
        "<": "‹",
        "[": "［",
        "]": "］",
        "`": "ˋ",
        "*": "∗",
        "\\": "＼",
        "|": "¦",
        "~": "∼",
    }
)
# Entities, and what is made a link without any brackets.
_ALSO_LOOKS_LIKE = (
    (re.compile(r"&(?=#?\w)"), "＆"),
    (re.compile(r"(?<=\S)@(?=\S)"), "＠"),
    (re.compile(r":(?=//)"), "∶"),
    (re.compile(r"(?<=www)\.", re.IGNORECASE), "․"),
)
# What makes a line more than a line, at its start.
_HEADING = re.compile(r"#{1,6}(?=\s|$)")
_BULLET = re.compile(r"[-+*]\s+(?=\S)")
_MEANS_MORE = re.compile(r"[#>=+-]|_(?=[_\s]*$)|[0-9]+(?=[.)])")
_PLAIN_ADDRESS = re.compile(r"https?://[A-Za-z0-9._:/%-]+")
_STARTS = {"#": "＃", ">": "›"}
_POINT = re.compile(r"^(?:[-+]|[0-9]{1,9}[.)])(?=\s)")
_LOOKS_LIKE_A_POINT = str.maketrans({"-": "‐", "+": "＋", ".": "․", ")": "）"})

# Ends of sentences that bring their own space with them.
_FULL_WIDTH = ("。", "！", "？", "；", "：", "”", "）")

# Control and format characters, lone surrogates, and separators of lines.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Some scripts, and emoji, cannot be written without these.
_JOINERS = frozenset("\u200c\u200d")
_MARKS = frozenset({"Mn", "Me"})
_MOST_MARKS = 4
"""On one letter; a pile of them covers the lines above."""


class Composed(str):
    """A text that we have put together: what is from outside in it is fit already."""

    __slots__ = ()


def neutral(value: object, limit: int = MAX_VALUE) -> str:
    """Return a value as one line that means nothing but what it says.

    What we have put together ourselves stays as it is.
    """
    if isinstance(value, Composed):
        return value
    if not isinstance(value, (str, int, float)):
        return "…"
    # Nothing of what is too long is looked at.
    text = str(value)[: limit + 1] if isinstance(value, str) else str(value)
    line = " ".join(_visible(text).split())
    if len(line) > limit:
        line = f"{line[: limit - 1]}…"
    line = line.translate(_LOOKS_LIKE)
    for pattern, looks_like in _ALSO_LOOKS_LIKE:
        line = pattern.sub(looks_like, line)
    # What begins a point of a list lets what comes after it begin something else.
    line = _POINT.sub(lambda point: point[0].translate(_LOOKS_LIKE_A_POINT), line)
    return _STARTS.get(line[:1], line[:1]) + line[1:]


def neutral_all(placeholders: Mapping[str, object]) -> dict[str, str]:
    """Return the placeholders of a text that Home Assistant puts together."""
    return {key: neutral(value) for key, value in placeholders.items()}


def together(sentences: Iterable[str]) -> Composed:
    """Return sentences as one text: parted by blanks, where their language parts them.

    By how a sentence ends: what is from outside may be in another one than ours.
    """
    text = ""
    for sentence in map(neutral, sentences):
        blank = " " if text and sentence and not text.endswith(_FULL_WIDTH) else ""
        text += f"{blank}{sentence}"
    return Composed(text)


def listed(lines: Iterable[str]) -> Composed:
    """Return lines as a list."""
    return Composed("\n".join(f"- {neutral(line)}" for line in lines))


def one_after_another(parts: Iterable[str]) -> str:
    """Return paragraphs and lists with a line between them.

    Two lists with nothing else between them would be one: the second gets other points.
    """
    joined: list[str] = []
    for part in filter(None, parts):
        last = joined[-1].rpartition("\n")[2] if joined else ""
        if last.startswith("- ") and part.startswith("- "):
            joined.append(f"*{part[1:]}".replace("\n- ", "\n* "))
        else:
            joined.append(part)
    return "\n\n".join(joined)


def quoted(text: str, heading: str) -> Composed:
    """Return a text of several lines, fenced off under a heading of ours.

    Of its form it keeps paragraphs, lines and the points of lists.
    """
    # The heading stands inside: a quote that begins with certain words would be made
    # an alert by the frontend, whatever was done about its brackets.
    lines = [f"> {heading}", ">"]
    before = ""
    for kind, line in _lines(text):
        if kind == "more":
            if before == "point" and len(lines[-1]) + len(line) < MAX_QUOTED_LINE:
                lines[-1] += f" {line}"
                continue
            kind = "text"  # noqa: PLW2901
        if kind == before == "text":
            lines[-1] += "\\"
        elif kind != before and lines[-1] != ">":
            lines.append(">")
        if kind:
            point = "- " if kind == "point" else ""
            lines.append(f"> {point}{_only_text(line)}")
        before = kind
    while lines[-1] == ">":
        lines.pop()
    return Composed("\n".join(lines))


def summed_up(text: str, limit: int) -> str:
    """Return the beginning of a text of several lines as one line."""
    lines = (f"- {line}" if kind == "point" else line for kind, line in _lines(text))
    return neutral(" ".join(filter(None, lines)), limit)


def typed_address(text: str) -> str:
    """Return an address that a person has typed, to be compared with what was typed."""
    return Composed(text) if _PLAIN_ADDRESS.fullmatch(text) else text


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Return the lines of a text, each with what it is.

    The beginning of a point, more of it, text, or nothing.
    """
    for raw in text[:MAX_QUOTED].splitlines():
        line = _HEADING.sub("", _visible(raw).strip(), count=1)
        kind = "more" if raw[:1].isspace() else "text"
        if bullet := _BULLET.match(line):
            kind, line = "point", line[bullet.end() :]
        line = neutral(line.replace("**", ""), MAX_QUOTED_LINE)
        yield (kind if line else "", line)


def _only_text(line: str) -> str:
    """Return a line that is nothing but text, also where it begins a line."""
    if start := _MEANS_MORE.match(line):
        at = start.end() if start[0].isdecimal() else 0
        return f"{line[:at]}\\{line[at:]}"
    return line


def _visible(text: str) -> str:
    """Return a text without what is not seen, or hides what is."""
    kept: list[str] = []
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        marks = marks + 1 if category in _MARKS else 0
        if marks > _MOST_MARKS:
            continue
        if category in _INVISIBLE and char not in _JOINERS:
            # Without what parts them, two words would be another one.
            kept.append(" " if category != "Cf" else "")
        else:
            kept.append(char)
    return "".join(kept)
