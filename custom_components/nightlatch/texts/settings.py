"""How a lock is set, what has changed of it, and what could not be set back: in words."""

from collections.abc import Iterable

from homeassistant.core import HomeAssistant

from ..core.records.redaction import NOT_SET, NUMBERS, SET, SettingKind, as_number
from ..core.records.settable import WhyNot
from ..core.records.snapshot import Change, Difference, Setting
from ..markup import Composed, listed
from ..translation import told_now

_LINES = {
    Change.CHANGED: "settings_changed",
    Change.GONE: "settings_gone",
    Change.UNKNOWN: "settings_unknown",
}
_SHOWN_LIMIT = 60
"""Characters of a name or a value."""
_LINE_LIMIT = 20


def told_name(hass: HomeAssistant, setting: Setting) -> str:
    """Return what people call a setting."""
    if setting.kind is SettingKind.CODE_SLOTS:
        return told_now(hass, "settings_code_slots")
    return _short(setting.name or setting.key)


def told_value(hass: HomeAssistant, setting: Setting) -> str:
    """Return the value of a setting, with its unit; it is known."""
    value = setting.value or ""
    if setting.secret:
        words = {SET: "settings_value_set", NOT_SET: "settings_value_not_set"}
        return told_now(hass, words.get(value, "settings_value_set"))
    if setting.kind is SettingKind.CODE_SLOTS:
        numbers = value.replace(",", ", ")
        return _short(numbers) or told_now(hass, "settings_value_none")
    if setting.kind not in NUMBERS:
        return _short(setting.shown or value) or told_now(hass, "settings_value_empty")
    number = as_number(value)
    text = value if number is None else f"{number:.10g}"
    text = " ".join(filter(None, (text, setting.unit)))
    if setting.shown and setting.shown != value:
        return f"{_short(setting.shown)} ({text})"
    return text


def told_difference(hass: HomeAssistant, difference: Difference) -> str:
    """Return in words what is not as it was."""
    line = told_now(
        hass,
        _LINES[difference.change],
        name=told_name(hass, difference.before),
        before=told_value(hass, difference.before),
        now=told_value(hass, difference.now) if difference.now else "",
    )
    if difference.why_not is None:
        return line
    why = told_why(hass, difference.why_not, difference.detail)
    return told_now(hass, "settings_tried", line=line, why=why)


def told_why(hass: HomeAssistant, why_not: WhyNot, detail: str = "") -> str:
    """Return in words why a setting was not set back."""
    if why_not is WhyNot.REFUSED and not (detail := _one_line(detail)):
        return told_now(hass, "settings_why_refused_untold")
    return told_now(hass, f"settings_why_{why_not}", detail=_one_line(detail))


def told_lines(hass: HomeAssistant, lines: Iterable[str]) -> Composed:
    """Return lines as a list; there is a limit to what anybody reads."""
    lines = list(lines)
    shown = lines[:_LINE_LIMIT]
    if more := len(lines) - len(shown):
        shown.append(told_now(hass, "settings_more", count=str(more)))
    return listed(shown)


def _short(text: str) -> str:
    text = _one_line(text)
    return text if len(text) <= _SHOWN_LIMIT else f"{text[: _SHOWN_LIMIT - 1]}…"


def _one_line(text: str) -> str:
    return " ".join(text.split())
