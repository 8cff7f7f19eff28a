"""Sentences and labels out of the translations, and those for errors of the ground floor.

The one place that looks texts up.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import partial
import re

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.generated.languages import LANGUAGES
from homeassistant.helpers.translation import (
    async_get_cached_translations,
    async_get_translations,
)

from .const import DOMAIN
from .core.errors import FirmwareError, NightlatchError
from .core.phrase import Phrase
from .core.preflight.base import Check, PreflightError
from .core.records.decisions import JUDGEMENT_HOLDS
from .markup import Composed, neutral, neutral_all, together

HOURS_OF_A_JUDGEMENT = str(JUDGEMENT_HOLDS // timedelta(hours=1))

_UNTOUCHED = "standing_untouched"
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_asked_for: ContextVar[str | None] = ContextVar(f"{DOMAIN}_language", default=None)


def filled(text: str, placeholders: Mapping[str, object]) -> Composed:
    """Return one of our own texts with values in the place of its names.

    The only way in which texts are filled: a value is never a template, and a template
    asks for nothing but a value as it is. One that is missing must not hide the rest.
    """
    return Composed(
        _PLACEHOLDER.sub(lambda name: neutral(placeholders.get(name[1])), text)
    )


async def async_describe(
    hass: HomeAssistant, err: NightlatchError, **names: str
) -> Composed:
    """Return the whole sentence for an error, in Home Assistant's language.

    ``names`` are the placeholders that the ground floor does not know: the names that
    people gave to the lock and the feed.
    """
    if isinstance(err, PreflightError):
        blockers = await _async_blockers(hass, err, names)
        return await async_sentence(hass, err.reason, {"blockers": blockers, **names})
    return await async_sentence(hass, err.reason, {**err.details, **names})


async def async_door_first(
    hass: HomeAssistant, told: Composed, door: NightlatchError | None, **names: str
) -> Composed:
    """Return what is told of an end: first of all of the door, if it needs somebody."""
    if door is None:
        return told
    known = {**door.details, **names, "why": told}
    return await async_sentence(hass, door_key(door), known)


def door_key(door: NightlatchError) -> str:
    """Return the key of the sentence with which a door comes first."""
    return f"door_{door.reason}"


async def async_describe_file(
    hass: HomeAssistant, err: NightlatchError, **names: str
) -> Composed:
    """Return the whole sentence for who has picked a file, not waits for a release."""
    if isinstance(err, FirmwareError):
        return await async_sentence(
            hass, f"file_{err.reason}", {**err.details, **names}
        )
    return await async_describe(hass, err, **names)


async def async_told_check(
    hass: HomeAssistant, check: Check, names: Mapping[str, str]
) -> Composed:
    """Return what stands against an installation, and whose judgement has ended."""
    told = await async_sentence(hass, check.reason, {**check.placeholders, **names})
    if check.override_ended is None:
        return told
    ended = {"user": check.override_ended, "hours": HOURS_OF_A_JUDGEMENT}
    return together([told, await async_sentence(hass, "override_ended", ended)])


async def _async_blockers(
    hass: HomeAssistant, err: PreflightError, names: Mapping[str, str]
) -> str:
    return together(
        [await async_told_check(hass, check, names) for check in err.blockers]
    )


async def async_sentence(
    hass: HomeAssistant, key: str, placeholders: Mapping[str, object]
) -> Composed:
    """Return one sentence of the translations."""
    return _filled_sentence(await _async_texts(hass, "exceptions"), key, placeholders)


def told_now(hass: HomeAssistant, key: str, **placeholders: str) -> Composed:
    """Return one sentence, out of the translations that are loaded already."""
    return _filled_sentence(_texts_now(hass, "exceptions"), key, placeholders)


def or_not_known(hass: HomeAssistant, value: str | None) -> str:
    """Return a value, or in words that it is not known."""
    return value or told_now(hass, "word_unknown")


def decimal_now(hass: HomeAssistant, value: float) -> str:
    """Return a number with one digit behind the decimal sign of the language."""
    return f"{value:.1f}".replace(".", told_now(hass, "sign_decimal"))


async def async_labels(hass: HomeAssistant) -> Callable[[str, str], Composed]:
    """Return what tells what people call an option of a selector, given both."""
    return partial(_label, await _async_texts(hass, "selector"))


async def async_label(hass: HomeAssistant, selector: str, option: str) -> Composed:
    """Return what people call one of the options of a selector."""
    return (await async_labels(hass))(selector, option)


def label_now(hass: HomeAssistant, selector: str, option: str) -> Composed:
    """Return what people call an option, out of the translations that are loaded."""
    return _label(_texts_now(hass, "selector"), selector, option)


@asynccontextmanager
async def async_told_in(
    hass: HomeAssistant, language: str | None
) -> AsyncGenerator[None]:
    """Tell everything in the language that somebody reads, as long as this is open.

    Home Assistant's own where none is asked for, or one that there is not.
    """
    before = _asked_for.set(language if language in LANGUAGES else None)
    try:
        # Loaded once, so that what is told without waiting finds it as well.
        await _async_texts(hass, "exceptions")
        yield
    finally:
        _asked_for.reset(before)


def _language(hass: HomeAssistant) -> str:
    return _asked_for.get() or hass.config.language


async def _async_texts(hass: HomeAssistant, category: str) -> Mapping[str, str]:
    return await async_get_translations(hass, _language(hass), category, [DOMAIN])


def _texts_now(hass: HomeAssistant, category: str) -> Mapping[str, str]:
    return async_get_cached_translations(hass, _language(hass), category, DOMAIN)


def _sentence(texts: Mapping[str, str], key: str) -> str:
    return texts.get(f"component.{DOMAIN}.exceptions.{key}.message", key)


def _filled_sentence(
    texts: Mapping[str, str], key: str, placeholders: Mapping[str, object]
) -> Composed:
    """Return a sentence with its values.

    What an error says of the lock is a value like others: only who knows how far an
    installation came can say more than that it did not come to the lock.
    """
    untouched = Composed(_sentence(texts, _UNTOUCHED))
    values = {name: _said(texts, value) for name, value in placeholders.items()}
    return filled(_sentence(texts, key), {"standing": untouched, **values})


def _said(texts: Mapping[str, str], value: object) -> object:
    """Return a value as it stands in a sentence: words in the language of it."""
    if not isinstance(value, Phrase):
        return value
    values = {name: _said(texts, each) for name, each in value.values.items()}
    return filled(_sentence(texts, value.key), values)


def _label(texts: Mapping[str, str], selector: str, option: str) -> Composed:
    key = f"component.{DOMAIN}.selector.{selector}.options.{option}"
    return Composed(texts.get(key, option))


async def async_as_home_assistant_error(
    hass: HomeAssistant, err: NightlatchError, key: str | None = None, **names: str
) -> HomeAssistantError:
    """Return the error that Home Assistant shows, and translates, itself.

    ``key`` is that of another sentence than the usual one for the error.
    """
    texts = await _async_texts(hass, "exceptions")
    placeholders: dict[str, object] = {
        "standing": _filled_sentence(texts, _UNTOUCHED, {}),
        **{name: _said(texts, value) for name, value in err.details.items()},
        **names,
    }
    if isinstance(err, PreflightError):
        placeholders["blockers"] = await _async_blockers(hass, err, names)
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key or str(err.reason),
        translation_placeholders=neutral_all(placeholders),
    )
