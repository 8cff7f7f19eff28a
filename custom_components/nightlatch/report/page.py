"""The report as one page that stands alone: nothing is loaded, and nothing runs in it.

Whatever is put into it goes through ``_Html``, so that no text from outside is anything
but text.
"""

from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime
import hashlib
from html import escape
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..core.moments import bounded
from ..monitoring.next_step import NextStep, Tone, tone
from ..translation import label_now, or_not_known, told_now
from .style import STYLE

type Told = dict[str, Any]

_STYLE_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'"
)
"""What a browser lets the page do: look as it does, and nothing else."""

_GOOD = {"up_to_date"}
_BAD = {"update_closes", "vulnerable", "support_ended"}
_LOOKS = {Tone.GOOD: "good", Tone.STOPPED: "bad", Tone.WAITS: "wait", Tone.IDLE: "soft"}


class _Html(str):
    """Text that is HTML already; all else is escaped."""

    __slots__ = ()


def _html(value: object) -> str:
    return value if isinstance(value, _Html) else escape(str(value), quote=True)


def _tag(name: str, *inside: object, **attributes: str) -> _Html:
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value, quote=True)}"'
        for key, value in attributes.items()
    )
    return _Html(f"<{name}{told}>{''.join(map(_html, inside))}</{name}>")


def _together(parts: Iterable[object]) -> _Html:
    return _Html("".join(map(_html, parts)))


def _link(url: str | None, text: str) -> _Html:
    """Return a link; of what is no address of a page only the text is shown."""
    if url is None or not url.startswith("https://"):
        return _Html(_html(text))
    # On paper nobody can follow a link: its address stands beside it there.
    looks = {} if text == url else {"class_": "out"}
    return _tag("a", text, href=url, rel="noreferrer noopener", **looks)


def draw(hass: HomeAssistant, report: Told) -> str:
    """Return the page."""
    return _Page(hass).draw(report)


class _Page:
    """Draws the page in one language."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Take what knows the texts."""
        self._hass = hass

    def _say(self, key: str) -> str:
        return label_now(self._hass, "report", key)

    def _told(self, key: str, **names: str) -> str:
        return told_now(self._hass, key, **names)

    def _moment(self, iso: str) -> str:
        moment = dt_util.as_local(bounded(datetime.fromisoformat(iso)))
        return f"{moment:%Y-%m-%d %H:%M}"

    def _known(self, value: str | None) -> str:
        return or_not_known(self._hass, value)

    def draw(self, report: Told) -> str:
        """Return all of it."""
        title = self._told("report_title", household=report["household"])
        head = (
            f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
            f'content="{escape(POLICY, quote=True)}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="referrer" content="no-referrer">'
            '<meta name="robots" content="noindex">'
            f"<title>{escape(title)}</title><style>{STYLE}</style>"
        )
        body = _together(
            (
                self._header(title, report),
                self._overview(report),
                _tag("h2", self._say("report_each")),
                *(self._lock(lock) for lock in report["locks"]),
                self._footer(report),
            )
        )
        lang = escape(self._hass.config.language, quote=True)
        return (
            f'<!DOCTYPE html><html lang="{lang}"><head>{head}</head>'
            f"<body>{body}</body></html>\n"
        )

    def _header(self, title: str, report: Told) -> _Html:
        tiles = (
            ("report_tile_locks", len(report["locks"])),
            ("report_tile_need", report["in_need"]),
            ("report_tile_unknown", report["not_known"]),
            ("report_tile_verified", report["verified"]),
            ("report_tile_way_back", report["with_way_back"]),
        )
        return _tag(
            "header",
            _tag("h1", title),
            _tag(
                "p",
                self._told("report_made", moment=self._moment(report["made_at"])),
                class_="soft",
            ),
            _tag(
                "ul",
                *(_tag("li", _tag("b", count), self._say(key)) for key, count in tiles),
                class_="tiles",
            ),
            *(
                _tag(
                    "p",
                    self._told("report_left_out", lock=name),
                    class_="bad",
                    role="alert",
                )
                for name in report["left_out"]
            ),
        )

    def _overview(self, report: Told) -> _Html:
        heads = ("lock", "installed", "security", "next_step")
        rows = (
            _tag(
                "tr",
                _tag("th", lock["name"], scope="row"),
                _tag(
                    "td",
                    self._known(lock["installed"]),
                    data_label=self._say("installed"),
                ),
                _tag("td", self._security(lock)),
                _tag("td", self._step(lock)),
            )
            for lock in report["locks"]
        )
        return _together(
            (
                _tag("h2", self._say("report_overview")),
                self._table("overview", heads, rows),
            )
        )

    def _table(self, class_: str, heads: Iterable[str], rows: Iterable[_Html]) -> _Html:
        columns = (_tag("th", self._say(each), scope="col") for each in heads)
        return _tag(
            "table",
            _tag("thead", _tag("tr", *columns)),
            _tag("tbody", *rows),
            class_=class_,
        )

    def _security(self, lock: Told) -> _Html:
        state = lock["security"]
        looks = "good" if state in _GOOD else "bad" if state in _BAD else "wait"
        return _tag("span", lock["security_text"], class_=f"mark {looks}")

    def _step(self, lock: Told) -> _Html:
        looks = _LOOKS[tone(NextStep(lock["next_step"]))]
        if looks == "good" and lock["needs"]:
            # The newest there is, and not well for that.
            looks = "soft"
        return _tag("span", lock["next_step_text"], class_=looks)

    def _lock(self, lock: Told) -> _Html:
        return _tag(
            "section",
            _tag("h3", lock["name"]),
            _tag("p", self._security(lock)),
            self._facts(lock),
            self._advisories(lock["advisories"]),
            self._to_do(lock),
            self._maker_says(lock["maker_says"]),
            self._ask(lock["ask"]),
            class_="lock",
        )

    def _facts(self, lock: Told) -> _Html:
        made = " ".join(
            each for each in (lock["maker"], lock["model"], lock["hardware"]) if each
        )
        facts: list[tuple[str, object]] = [
            ("model", made),
            ("kind", self._say(lock["kind"])),
            ("installed", self._known(lock["installed"])),
            ("released", self._known(lock["released"])),
            ("running_since", self._moment(lock["running_since"])),
            ("read_at", self._moment(lock["read_at"])),
            ("offered", lock["offered"] or self._say("report_nothing")),
            ("support_end", self._known(lock["support_end"])),
            ("evidence", lock["evidence_text"]),
            ("way_back", lock["way_back_text"]),
            ("last_installation", self._last(lock["last_installation"])),
        ]
        return _tag(
            "dl",
            *(
                _together((_tag("dt", self._say(key)), _tag("dd", value)))
                for key, value in facts
            ),
        )

    def _last(self, last: Told | None) -> str:
        if last is None:
            return self._say("report_none_yet")
        return f"{last['version']}: {last['text']}, {self._moment(last['at'])}"

    def _advisories(self, advisories: list[Told]) -> _Html:
        if not advisories:
            return _Html("")
        heads = ("advisory", "severity", "affects", "fixed_in")
        rows = (
            _tag(
                "tr",
                _tag(
                    "td",
                    _link(each["link"], each["id"]),
                    *(
                        (_tag("div", each["mitigation"], class_="soft"),)
                        if each["mitigation"]
                        else ()
                    ),
                ),
                *(
                    _tag("td", value, data_label=self._say(key))
                    for key, value in (
                        ("severity", self._known(each["severity_text"])),
                        ("affects", each["match_text"]),
                        ("fixed_in", self._known(each["fixed_in"])),
                    )
                ),
            )
            for each in advisories
        )
        return _together(
            (
                _tag("h4", self._say("report_advisories")),
                _tag(
                    "div",
                    self._table("advisories", heads, rows),
                    class_="scroll",
                ),
            )
        )

    def _to_do(self, lock: Told) -> _Html:
        lines: list[object] = [self._step(lock)]
        if lock["starts_at"]:
            moment = self._moment(lock["starts_at"])
            lines.append(self._told("report_starts", moment=moment))
        lines += [each["text"] for each in lock["needs"]]
        for each in lock["obstacles"]:
            lines.append(each["text"])
            if each["what_to_do"]:
                lines.append(each["what_to_do"])
        return self._list("report_to_do", lines)

    def _maker_says(self, said: list[Told]) -> _Html:
        return self._list(
            "report_maker_says",
            [
                _together(
                    (each["text"], " ", _tag("span", sources, class_="soft"))
                    if (sources := "; ".join(each["sources"]))
                    else (each["text"],)
                )
                for each in said
            ],
        )

    def _ask(self, ask: list[Told]) -> _Html:
        lines: list[object] = [
            _together(
                (
                    _link(each["url"], each["url"]),
                    " ",
                    _tag("span", each["source"], class_="soft"),
                )
            )
            for each in ask
        ]
        return self._list("report_ask", lines or [self._say("report_ask_unknown")])

    def _list(self, title: str, lines: Iterable[object]) -> _Html:
        items = [_tag("li", line) for line in lines]
        if not items:
            return _Html("")
        return _together((_tag("h4", self._say(title)), _tag("ul", *items)))

    def _footer(self, report: Told) -> _Html:
        lines = [self._told("report_made_by", version=report["nightlatch"])]
        if (assessed := report["assessed"]) is not None:
            lines.append(
                self._told(
                    "report_assessed",
                    moment=self._moment(assessed["at"]),
                    count=str(assessed["in_need"]),
                )
            )
        if report["checkpoint"]:
            lines.append(
                self._told("notice_audit_log", checkpoint=report["checkpoint"])
            )
        lines += [self._say("report_limits"), self._say("report_private")]
        return _tag("footer", *(_tag("p", line, class_="soft") for line in lines))
