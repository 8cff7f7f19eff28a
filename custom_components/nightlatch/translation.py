"""Sentences and labels out of the translations, and those for errors of the ground floor.

The one place that looks texts up.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
import re

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import (
    async_get_cached_translations,
    async_get_translations,
)

from .const import DOMAIN
from .core.errors import FirmwareError, NightlatchError
from .core.installation.confirmation import BOLT_PROBLEMS
from .core.preflight.base import Check, PreflightError
from .core.records.decisions import JUDGEMENT_HOLDS
from .markup import Composed, neutral, neutral_all

HOURS_OF_A_JUDGEMENT = str(JUDGEMENT_HOLDS // timedelta(hours=1))

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


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


async def async_describe_end(
    hass: HomeAssistant,
    err: NightlatchError,
    door: NightlatchError | None,
    **names: str,
) -> Composed:
    """Return what is told of an installation that failed: first of all of the door."""
    told = await async_describe(hass, err, **names)
    if door is None:
        return told
    known = {**door.details, **names, "why": told}
    return await async_sentence(hass, f"door_{door.reason}", known)


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
    return _together([told, await async_sentence(hass, "override_ended", ended)])


async def _async_blockers(
    hass: HomeAssistant, err: PreflightError, names: Mapping[str, str]
) -> str:
    return " ".join(
        [await async_told_check(hass, check, names) for check in err.blockers]
    )


async def async_describe_way_back(
    hass: HomeAssistant,
    err: NightlatchError | None,
    *,
    version: str,
    running: str,
    **names: str,
) -> Composed:
    """Return what is told of a lock that has gone back to its old firmware.

    ``err`` is why; None where it only had to be brought out of its bootloader.
    ``version`` is what was to be installed, ``running`` what it runs again.
    """
    known = {"version": version, "running": running, **names}
    if err is None:
        told = ["way_back_recovered", "way_back_runs"]
    else:
        known = {**err.details, **known}
        if err.reason in BOLT_PROBLEMS:
            # It no longer runs what those sentences say that it runs.
            told = [f"way_back_{err.reason}", "way_back_runs", "way_back_not_again"]
        else:
            told = [err.reason, "way_back_runs", "way_back_not_again"]
    return _together([await async_sentence(hass, key, known) for key in told])


async def async_sentence(
    hass: HomeAssistant, key: str, placeholders: Mapping[str, object]
) -> Composed:
    """Return one sentence of the translations, in Home Assistant's language."""
    return filled(_sentence(await _async_texts(hass, "exceptions"), key), placeholders)


def told_now(hass: HomeAssistant, key: str, **placeholders: str) -> Composed:
    """Return one sentence, out of the translations that are loaded already."""
    return filled(_sentence(_texts_now(hass, "exceptions"), key), placeholders)


async def async_labels(hass: HomeAssistant) -> Callable[[str, str], Composed]:
    """Return what tells what people call an option of a selector, given both."""
    return partial(_label, await _async_texts(hass, "selector"))


async def async_label(hass: HomeAssistant, selector: str, option: str) -> Composed:
    """Return what people call one of the options of a selector."""
    return (await async_labels(hass))(selector, option)


def label_now(hass: HomeAssistant, selector: str, option: str) -> Composed:
    """Return what people call an option, out of the translations that are loaded."""
    return _label(_texts_now(hass, "selector"), selector, option)


async def _async_texts(hass: HomeAssistant, category: str) -> Mapping[str, str]:
    return await async_get_translations(hass, hass.config.language, category, [DOMAIN])


def _texts_now(hass: HomeAssistant, category: str) -> Mapping[str, str]:
    return async_get_cached_translations(hass, hass.config.language, category, DOMAIN)


def _sentence(texts: Mapping[str, str], key: str) -> str:
    return texts.get(f"component.{DOMAIN}.exceptions.{key}.message", key)


def _label(texts: Mapping[str, str], selector: str, option: str) -> Composed:
    key = f"component.{DOMAIN}.selector.{selector}.options.{option}"
    return Composed(texts.get(key, option))


async def async_as_home_assistant_error(
    hass: HomeAssistant, err: NightlatchError, **names: str
) -> HomeAssistantError:
    """Return the error that Home Assistant shows, and translates, itself."""
    placeholders: dict[str, str] = {**err.details, **names}
    if isinstance(err, PreflightError):
        placeholders["blockers"] = await _async_blockers(hass, err, names)
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=str(err.reason),
        translation_placeholders=neutral_all(placeholders),
    )


def _together(sentences: Iterable[Composed]) -> Composed:
    return Composed(" ".join(sentences))
