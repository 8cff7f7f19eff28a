"""Texts from outside that want to be more than texts: templates, links, lines of ours."""

import ast
from collections.abc import Callable, Iterator
import re
import string
import tracemalloc
from typing import Any, cast

from hypothesis import given, settings, strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
import pytest

from custom_components.nightlatch.const import EVENT_NIGHTLATCH
from custom_components.nightlatch.core.model import Advisory
from custom_components.nightlatch.logbook import async_describe_events
from custom_components.nightlatch.markup import (
    MAX_QUOTED,
    MAX_VALUE,
    Composed,
    listed,
    neutral,
    neutral_all,
    quoted,
    summed_up,
    typed_address,
)
from custom_components.nightlatch.texts.release_notes import async_release_notes
from custom_components.nightlatch.translation import filled
from homeassistant.core import Event, HomeAssistant
from tests.contract.integration import (
    leaves,
    modules,
    name_of,
    placeholders,
    translations,
)
from tests.home.house import House

from .table import Tried

# Templates.

TEMPLATES = (
    "{x:>300000000}",
    "{version:>300000000}",
    "{version!r:*^99999999}",
    "{type.__class__.__mro__}",
    "{0.__class__}",
    "{name[0]}",
    "{",
    "}",
    "{}",
    "{{",
    "{name",
    "%(name)999999999s",
    "%n%n%n",
    "${name}",
    "$name",
    "{{ states('lock.front_door') }}",
    "{% for x in range(999999999) %}{% endfor %}",
    "{a, plural, one {#} other {#}}",
    "'{lock}'",
)
# Of Python's ways to fill a text, those that obey the text.
_OBEYING = {"format", "format_map", "vformat", "substitute", "safe_substitute"}


def test_nothing_in_the_code_fills_a_template_in_another_way(attack: Tried) -> None:
    """There is one way to do it, and it takes values as they are."""
    looked_at = 0
    for module, tree in modules().items():
        for node in ast.walk(tree):
            looked_at += 1
            assert not _obeys(node), f"{module}: {ast.unparse(node)}"
    attack("a template in the code", looked_at, "none but messages.filled")


def _obeys(node: ast.AST) -> bool:
    match node:
        case ast.Call():
            return name_of(node.func) in _OBEYING
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            return isinstance(left, ast.JoinedStr) or (
                isinstance(right, (ast.Tuple, ast.Dict))
                or (isinstance(left, ast.Constant) and isinstance(left.value, str))
            )
        case ast.FormattedValue(format_spec=ast.JoinedStr(values=parts)):
            # A width that is computed.
            return any(isinstance(part, ast.FormattedValue) for part in parts)
    return False


def test_whatever_home_assistant_fills_gets_neutral_values() -> None:
    """Dialogs, repairs and errors: what they render as Markdown is put together there."""
    keys = {"description_placeholders", "translation_placeholders"}
    for module, tree in modules().items():
        for node in ast.walk(tree):
            pairs: list[tuple[str, ast.expr]] = []
            if isinstance(node, ast.Call):
                pairs = [(each.arg or "", each.value) for each in node.keywords]
            elif isinstance(node, ast.Dict):
                pairs = [
                    (str(getattr(key, "value", "")), value)
                    for key, value in zip(node.keys, node.values, strict=True)
                ]
            for key, value in pairs:
                if key in keys:
                    assert isinstance(value, ast.Call), f"{module}: {key}"
                    assert name_of(value.func) == "neutral_all", f"{module}: {key}"


def test_no_value_is_a_template(attack: Tried) -> None:
    """All our texts, with each hostile value in each of their places."""
    tries = 0
    shown_as = {value: neutral(value) for value in (*TEMPLATES, *MARKDOWN)}
    for where, text in leaves(translations()):
        # A text without places takes no value; with several, all take the same.
        if not (names := placeholders(text)):
            assert filled(text, {}) == _by_hand(text, ""), where
            continue
        for value, shown in shown_as.items():
            tries += len(names)
            told = filled(text, dict.fromkeys(names, value))
            assert told == _by_hand(text, shown), where
    attack("a template or Markdown in a value", tries, "shown as it is")


def _by_hand(text: str, value: str) -> str:
    return "".join(
        literal + (value if name is not None else "")
        for literal, name, _, _ in string.Formatter().parse(text)
    )


@pytest.mark.parametrize("text", TEMPLATES)
def test_a_template_asks_for_nothing_but_values(text: str) -> None:
    """Should one come from outside in spite of it all, it costs nothing either."""
    told = filled(text, {"name": "Shed", "version": "1.0", "type": "x"})
    assert len(told) < 100


def test_a_value_that_is_missing_or_no_text_hides_nothing() -> None:
    """A gap shows where it should stand."""
    assert filled("{lock}: {a} {b}", {"lock": "Shed", "b": ["x"] * 1000}) == "Shed: … …"


def described(data: dict[str, Any]) -> dict[str, str]:
    """Return what the logbook shows of an event."""
    kept: list[Callable[[Event], dict[str, str]]] = []
    async_describe_events(
        cast("HomeAssistant", None),
        lambda domain, event, describe: kept.append(describe),
    )
    return kept[0](Event(EVENT_NIGHTLATCH, data))


HOSTILE_VALUES: tuple[Any, ...] = (
    *TEMPLATES,
    "x" * 10_000_000,
    "\n" * 1000,
    None,
    True,
    -1,
    1e308,
    [],
    [["deep"]],
    {"type": "installed"},
    {"__class__": "x"},
    b"bytes",
)


def test_an_event_that_anybody_fires_costs_the_logbook_nothing(attack: Tried) -> None:
    """The line stays a line, and what it is about a name."""
    tries = 0
    tracemalloc.start()
    try:
        for key in ("type", "name", "version", "message", "purpose", "entity_id"):
            for value in HOSTILE_VALUES:
                for happening in ("update_installed", "update_failed", "sung_to"):
                    tries += 1
                    before, _ = tracemalloc.get_traced_memory()
                    tracemalloc.reset_peak()
                    line = described({"type": happening, "name": "Shed", key: value})
                    _, peak = tracemalloc.get_traced_memory()
                    assert peak - before < 1_000_000, (key, repr(value)[:40])
                    for told in line.values():
                        assert isinstance(told, str)
                        assert len(told) < 2 * MAX_VALUE
                        assert "\n" not in told
    finally:
        tracemalloc.stop()
    attack("events for the logbook", tries, "less than 1 MB each, one line each")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"type": "update_installed", "version": "{version:>9}"},
            "was updated to {version:>9} and works",
        ),
        (
            {"type": "update_failed", "version": "1", "message": "{"},
            "was not updated to 1: {",
        ),
        ({"type": "installed {name.__class__}"}, "installed {name.__class__}"),
    ],
)
def test_a_line_shows_what_was_said(data: dict[str, Any], message: str) -> None:
    """A brace hides nothing, and asks for nothing."""
    assert described(data)["message"] == message


def test_a_line_stands_at_an_entity_only_if_it_names_one() -> None:
    """The page looks up what it is told."""
    assert "entity_id" not in described({"type": "held", "entity_id": "no entity"})
    assert "entity_id" not in described({"type": "held", "entity_id": ["lock.x"]})
    assert described({"type": "held", "entity_id": "lock.x"})["entity_id"] == "lock.x"


# Markdown.

MARKDOWN = (
    "<ha-alert alert-type='success'>Signature verified</ha-alert>",
    "<ha-icon icon='mdi:check'></ha-icon> genuine",
    "<img src=https://evil.example/x.png>",
    "<script>alert(1)</script>",
    "<a href='https://evil.example'>Settings</a>",
    "<!-- swallowed",
    "<details open><summary>Evidence</summary>",
    "<?php ?>",
    "<![CDATA[x]]>",
    "<https://evil.example>",
    "<evil@evil.example>",
    "[Approve](https://evil.example)",
    "[Approve](javascript:alert(1))",
    "[Approve](/config/integrations)",
    "![x](https://evil.example/x.png)",
    "![x][ref]",
    "[ref]: https://evil.example/x.png",
    "[Approve][ref]\n\n[ref]: https://evil.example",
    "[^1]\n\n[^1]: note",
    "https://evil.example",
    "http://evil.example/a",
    "ftp://evil.example",
    "www.evil.example",
    "WWW.evil.example",
    "evil@evil.example",
    "mailto:evil@evil.example",
    "&lt;ha-alert&gt; &#60;b&#62; &#x5b;x&#x5d;",
    "# Evidence: signature verified",
    "###### Evidence",
    "Evidence\n===",
    "Evidence\n---",
    "- Evidence: Signature verified",
    "* * *",
    "***",
    "---",
    "___",
    "+ x\n+ y",
    "1. Evidence\n2. Signature",
    "7) Evidence",
    "> quote\n>> deeper",
    "[!WARNING]\nYour lock is open",
    "> [!CAUTION]\n> Your lock is open",
    "\\[!NOTE\\] x",
    "```\ncode that does not end",
    "~~~\ncode that does not end",
    "    code by indentation",
    "`code` and ``more`",
    "a | b\n--- | ---\nc | d",
    "| a |\n|---|\n| b |",
    "~~struck~~ and ~struck~",
    "**bold** *it* __bold__ _it_ ***both***",
    "**unfinished",
    "- [x] verified",
    "$x$ \\(x\\)",
    "backslash \\",
    "\\<b>\\[x](https://evil.example)",
    "\\\\[x](https://evil.example)",
    "line\\\n# next",
    "\t# tabbed",
    "\r# return\r- x",
    "\x0b# tab\x0c# feed\x1c# x\x85# y\u2028# z\u2029# w",
    "\u202eelif\u202c \u2066x\u2069 \u200e \u200f \u061c",
    "zero\u200bwidth \ufeff \u2060 \u00ad <\u200bb>",
    "<\u0000b> \x1b[2J \x07",
    "e" + "\u0301" * 500,
    "\udc80 lone",
    "x" * 40_000,
    "> " * 5000,
    "[" * 5000,
    "*" * 5000 + "a",
    "- " * 3000,
    "\n" * 40_000 + "Evidence: Signature verified",
    "",
    " ",
)
_PARTS = st.sampled_from(
    [
        *"<>[]()!`~*_#-+=|\\&:;@./'\"\t\n\r 1aé🔒",
        "\n\n",
        "\n    ",
        "\u202e",
        "\u200b",
        "\u0301",
        "https://evil.example",
        "www.evil.example",
        "ha-alert",
        "&lt;",
        "[!NOTE]",
        "[x]: ",
        "](",
        "```",
        "<b>",
        "- ",
        "1. ",
        "> ",
        "---\n",
    ]
)
hostile_texts = st.lists(_PARTS, max_size=40).map("".join)

# The frontend knows tables and struck words, and links what looks like an address.
RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_LINKED = re.compile(
    r"(?:https?|ftp)://|www\.|[\w.+-]+@[\w-]+\.|&#?\w+;", re.IGNORECASE
)
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ud800-\udfff]"
)
# What may stand in a sentence of ours that a value is part of: a writing of its letters.
_HARMLESS = {"text", "em_open", "em_close", "strong_open", "strong_close", "softbreak"}
_FORM_OF_QUOTE = {
    "paragraph_open",
    "paragraph_close",
    "bullet_list_open",
    "bullet_list_close",
    "list_item_open",
    "list_item_close",
    "inline",
}


def flat(tokens: list[Token]) -> Iterator[Token]:
    """Return all tokens, with those of the lines."""
    for token in tokens:
        yield token
        yield from token.children or ()


def is_harmless_line(line: str) -> None:
    """Check a line of ours in which a value stands."""
    assert "\n" not in line
    assert not _UNSEEN.search(line)
    tokens = RENDERER.parse(f"{line} and nothing else.")
    shape = [token.type for token in tokens]
    # A line that begins with "1." or a dash is a point of a list: still one line.
    assert {"heading_open", "fence", "code_block", "html_block", "blockquote_open"} & {
        *shape
    } == set()
    assert shape.count("inline") <= 1
    for token in flat(tokens):
        if token.type == "text":
            assert not _LINKED.search(token.content), line[:200]
        if token.children is None and token.type not in {*shape}:
            assert token.type in _HARMLESS, (token.type, line[:200])


def is_fenced(text: str) -> None:
    """Check that a vendor's text stands in its quote, and nothing of it outside."""
    facts = listed(["Evidence: Nothing known", "Takes about (minutes): 2"])
    whole = f"{facts}\n\n{quoted(text, 'Its vendor says:')}\n\nThe end of ours."
    assert len(whole) < 3 * MAX_QUOTED
    assert not _UNSEEN.search(whole)
    tokens = RENDERER.parse(whole)
    top = [(token.type, token.content) for token in tokens if token.level == 0]
    assert [kind for kind, _ in top] == [
        "bullet_list_open",
        "bullet_list_close",
        "blockquote_open",
        "blockquote_close",
        "paragraph_open",
        "paragraph_close",
    ]
    assert tokens[-2].content == "The end of ours."
    begin = next(i for i, token in enumerate(tokens) if token.type == "blockquote_open")
    end = next(i for i, token in enumerate(tokens) if token.type == "blockquote_close")
    inside = tokens[begin + 1 : end]
    # The frontend makes an alert of a quote whose first words are certain ones.
    assert inside[1].content == "Its vendor says:"
    assert {token.type for token in inside} <= _FORM_OF_QUOTE
    for token in flat(inside):
        if token.type == "text":
            assert not _LINKED.search(token.content)
        elif token.type not in _FORM_OF_QUOTE:
            assert token.type in {*_HARMLESS, "hardbreak", "text_special"}, token.type
    for line in whole.split("\n"):
        assert len(line) < 1200


def test_known_tricks_do_not_leave_the_line(attack: Tried) -> None:
    """Names, versions and messages in dialogs, repairs and notices."""
    for value in MARKDOWN:
        told = neutral(value)
        assert neutral(told) == told
        is_harmless_line(f"It is a {told}")
        is_harmless_line(told)
    attack("Markdown in a value, known tricks", 2 * len(MARKDOWN), "one line of text")


def test_known_tricks_do_not_leave_the_quote(attack: Tried) -> None:
    """Release notes, and what a vendor says of a lock that does not come back."""
    for value in MARKDOWN:
        is_fenced(value)
        is_fenced(f"Fixed:\n\n- the bolt\n{value}\n- the latch")
    attack("Markdown in notes, known tricks", 2 * len(MARKDOWN), "text in a quote")


@settings(max_examples=300, deadline=None)
@given(hostile_texts)
def test_no_value_leaves_the_line(text: str) -> None:
    """Whatever it is put together of."""
    told = neutral(text)
    assert neutral(told) == told
    is_harmless_line(f"It is a {told}")
    is_harmless_line(told)


@settings(max_examples=300, deadline=None)
@given(hostile_texts)
def test_no_text_leaves_the_quote(text: str) -> None:
    """Whatever it is put together of."""
    is_fenced(text)
    is_harmless_line(summed_up(text, 255))


def test_what_is_honest_reads_as_it_was_written() -> None:
    """Names of doors and versions have no need of a disguise."""
    for honest in (
        "Front_door (left), 2nd floor & cellar",
        "1.2.0-rc.1+7",
        "Tür zum Hof, דלת, 門 🔒👩‍🔧",
        "Settings > System > Repairs",
        "acme/nd-100/1.0.0.zip",
        "50 % / -3 °C; #7",
    ):
        assert neutral(honest) == honest
    assert quoted("- one\n  more\nnext", "Says:") == (
        "> Says:\n>\n> - one more\n>\n> next"
    )
    assert quoted("## New\n\n- Quieter\n- Faster\nSee the manual.\nBye.", "Says:") == (
        "> Says:\n>\n> New\n>\n> - Quieter\n> - Faster\n>\n> See the manual.\\\n> Bye."
    )


def test_a_summary_is_one_line_of_what_a_text_says() -> None:
    """Cut where Home Assistant would cut it."""
    assert summed_up("## New\n\n* Quieter\n  bolt\n* Faster", 255) == (
        "New - Quieter bolt - Faster"
    )
    assert summed_up("word " * 100, 255) == "word " * 50 + "word…"
    assert summed_up(" \n", 255) == ""


def test_an_address_that_a_person_has_typed_can_be_typed_again() -> None:
    """Unless it is none."""
    assert typed_address("https://a.example:8443/feed/") == (
        "https://a.example:8443/feed/"
    )
    assert "](" not in neutral(typed_address("https://a.example/[x](https://b"))


def test_what_we_have_composed_stays_as_it_is() -> None:
    """Our own links and lists are not for guessing."""
    ours = listed(
        [Composed("[maker](https://maker.example)"), "[x](https://y.example)"]
    )
    assert neutral_all({"steps": ours})["steps"] == (
        "- [maker](https://maker.example)\n- \uff3bx\uff3d(https\u2236//y.example)"
    )


# In a home.


@pytest.mark.parametrize(
    "url",
    [
        "https://cve.example/1)[Approve](https://evil.example",
        "https://cve.example/1)![x](https://evil.example/x.png",
        "https://cve.example/]",
    ],
)
async def test_an_advisory_does_not_break_out_of_its_link(
    house: House, url: str
) -> None:
    """Its address is one address, whatever brackets it has."""
    await house.release("1.1.0", advisories=[{"id": "CVE-2026-1", "url": url}])
    lock = house.managed()
    assert lock.release is not None
    assert lock.release.advisories == (Advisory(id="CVE-2026-1", url=url),)
    notes = await async_release_notes(
        house.hass, lock, lock.release, house.runtime.planner
    )
    links = [each for each in flat(RENDERER.parse(notes)) if each.type == "link_open"]
    assert len(links) == 1
    assert str(links[0].attrs["href"]).startswith("https://cve.example/")
    assert not [each for each in flat(RENDERER.parse(notes)) if each.type == "image"]


async def test_our_facts_come_first_whatever_the_vendor_writes(
    house: House, attack: Tried
) -> None:
    """Signed notes that imitate us, one after the other."""
    tries = 0
    for number, notes in enumerate(MARKDOWN[:40:3]):
        if not notes.strip():
            continue
        version = f"1.1.{number}"
        await house.release(version, release_notes=notes)
        lock = house.managed()
        if lock.release is None or lock.release.version.text != version:
            # Refused with the release already.
            continue
        tries += 1
        shown = await async_release_notes(
            house.hass, lock, lock.release, house.runtime.planner
        )
        tokens = RENDERER.parse(shown)
        quotes = [i for i, each in enumerate(tokens) if each.type == "blockquote_open"]
        assert len(quotes) == 1
        assert tokens[quotes[0] + 2].content == "Its vendor says:"
        # Nothing comes after it.
        assert tokens[-1].type == "blockquote_close"
        evidence = [each for each in tokens if each.content.startswith("Evidence: ")]
        assert tokens.index(evidence[0]) < quotes[0]
        summary = house.state().attributes["release_summary"]
        assert summary is None or len(summary) <= 255
        is_harmless_line(summary or "")
    attack("notes in a home", tries, "below our facts, in a quote")
    assert tries > 8
