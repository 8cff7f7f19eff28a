"""Errors become sentences that a person can act on, in the language of the house."""

import json
from pathlib import Path
from typing import Any

import pytest

import custom_components.nightlatch as integration
from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.errors import (
    FeedError,
    FeedProblem,
    InstallationError,
    InstallationProblem,
    TransportError,
    TransportProblem,
)
from custom_components.nightlatch.core.phrase import Phrase
from custom_components.nightlatch.core.preflight.base import (
    Check,
    Family,
    PreflightError,
    Reason,
    Verdict,
    passed,
)
from custom_components.nightlatch.core.preflight.stability import since_text
from custom_components.nightlatch.markup import together
from custom_components.nightlatch.translation import (
    async_as_home_assistant_error,
    async_describe,
    async_told_in,
    decimal_now,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.loader import async_get_integration
from homeassistant.util import dt as dt_util


@pytest.fixture(autouse=True)
async def loaded(hass: HomeAssistant, enable_custom_integrations: None) -> None:
    """Let Home Assistant know the integration and its texts."""
    await async_get_integration(hass, DOMAIN)
    hass.config.components.add(DOMAIN)
    await async_get_translations(hass, "en", "exceptions", [DOMAIN])


def blocked() -> PreflightError:
    """Return an error with two reasons, and a check that passed."""
    return PreflightError(
        [
            passed(Family.IDENTITY, "model_and_hardware"),
            Check(
                family=Family.POWER,
                rule="battery",
                verdict=Verdict.BLOCKER,
                reason=Reason.BATTERY_LOW,
                measured="12 %",
                limit="40 %",
            ),
            Check(
                family=Family.LOCK,
                rule="bolt",
                verdict=Verdict.BLOCKER,
                reason=Reason.BOLT_MOVING,
            ),
            Check(
                family=Family.POWER,
                rule="trend",
                verdict=Verdict.WARNING,
                reason=Reason.BATTERY_FALLING,
            ),
        ]
    )


UNREACHABLE = (
    "Acme does not answer. Check the network and the address; the feed is asked again "
    "by itself."
)
BLOCKED = (
    "Front door was not updated. Nothing was changed. The battery is at 12 %, the "
    "update needs 40 %. Change the batteries, then try again. The bolt is moving. Try "
    "again when it is at rest."
)


async def test_a_sentence_names_the_lock_and_the_values(hass: HomeAssistant) -> None:
    """As people call them."""
    error = TransportError(TransportProblem.OTHER_VERSION, running="1.0", wanted="1.1")
    assert await async_describe(hass, error, lock="Front door") == (
        "Front door answers, but runs 1.0 and not 1.1. The update did not take. Try again; "
        "if it stays so, tell the vendor."
    )


async def test_all_blockers_are_listed(hass: HomeAssistant) -> None:
    """Not only the first: a person wants to go to the door once."""
    assert await async_describe(hass, blocked(), lock="Front door") == BLOCKED


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (blocked(), BLOCKED),
        (
            FeedError(FeedProblem.UNREACHABLE, host="feed.example", file="2.root.json"),
            UNREACHABLE,
        ),
    ],
    ids=["preflight", "feed"],
)
async def test_home_assistant_says_the_same(
    hass: HomeAssistant, error: PreflightError | FeedError, said: str
) -> None:
    """It translates by itself, into the language of each user."""
    raised = await async_as_home_assistant_error(
        hass, error, lock="Front door", feed="Acme"
    )
    assert raised.translation_domain == DOMAIN
    assert raised.translation_key == error.reason
    assert str(raised).rstrip(".") == said.rstrip(".")
    assert await async_describe(hass, error, lock="Front door", feed="Acme") == said


async def test_a_missing_value_does_not_hide_the_sentence(hass: HomeAssistant) -> None:
    """Better a gap than nothing."""
    error = TransportError(TransportProblem.OTHER_VERSION, running="1.0")
    said = await async_describe(hass, error, lock="Front door")
    assert said.startswith("Front door answers, but runs 1.0 and not ….")


async def test_values_are_no_templates(hass: HomeAssistant) -> None:
    """What a lock or a feed says of itself is shown as it is."""
    error = TransportError(
        TransportProblem.OTHER_VERSION, running="{lock.__class__}", wanted="{wanted}"
    )
    said = await async_describe(hass, error, lock="{feed}")
    assert said.startswith(
        "{feed} answers, but runs {lock.__class__} and not {wanted}."
    )
    raised = await async_as_home_assistant_error(hass, error, lock="{feed}")
    assert str(raised).rstrip(".") == said.rstrip(".")


async def test_the_sentence_is_in_the_language_of_the_house(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is a translation; else in English."""
    error = TransportError(TransportProblem.NO_IDENTITY)
    hass.config.language = "de"
    said = await async_describe(hass, error, lock="Haustür")
    assert said.startswith("Haustür nennt weder Modell noch Firmware-Version.")
    # One that nobody has translated it into.
    hass.config.language = "is"
    said = await async_describe(hass, error, lock="Haustür")
    assert said.startswith("Haustür does not tell its model")

    async def german(*_: Any) -> dict[str, str]:
        key = f"component.{DOMAIN}.exceptions.transport_no_identity.message"
        return {key: "{lock} sagt nicht, was es ist."}

    monkeypatch.setattr(
        "custom_components.nightlatch.translation.async_get_translations", german
    )
    assert (
        await async_describe(hass, error, lock="Haustür")
        == "Haustür sagt nicht, was es ist."
    )


def test_every_sentence_is_fit_for_a_screen() -> None:
    """Home Assistant shows them in a small box, and reads them out."""
    path = Path(integration.__file__).parent / "translations" / "en.json"
    messages = json.loads(path.read_text("utf-8"))["exceptions"]
    for key, entry in messages.items():
        text = entry["message"]
        assert len(text) <= 300, key
        assert "  " not in text, key
        if key.startswith(("phrase_", "settings_value_", "settings_why_", "word_")):
            # They stand inside another one.
            assert text[0] == "{" or not text[0].isupper(), key
            assert not text.endswith("."), key
            continue
        if key.startswith("sign_"):
            assert len(text) == 1, key
            continue
        begin = text.lstrip("*")[0]
        assert begin.isupper() or begin == "{", key


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            InstallationError(
                InstallationProblem.BOLT_ELSEWHERE,
                before=Phrase("locked"),
                now=Phrase("unlocked"),
                running="1.1.0",
            ),
            "(vorher: verriegelt, jetzt: entriegelt)",
        ),
        (
            FeedError(
                FeedProblem.FIELD_INVALID,
                field="name",
                problem=Phrase(
                    "must be {what} of at most {maximum} characters",
                    what=Phrase("an identifier"),
                    maximum=64,
                ),
            ),
            "(muss eine Kennung mit höchstens 64 Zeichen sein)",
        ),
    ],
)
async def test_words_in_the_place_of_a_value_are_in_the_language_too(
    hass: HomeAssistant, error: FeedError | InstallationError, told: str
) -> None:
    """Also where Home Assistant itself shows the error, and within one another."""
    async with async_told_in(hass, "de"):
        names = {"lock": "Haustür", "feed": "Kestrel"}
        assert told in await async_describe(hass, error, **names)
        shown = await async_as_home_assistant_error(hass, error, **names)
    values = (shown.translation_placeholders or {}).values()
    assert any(value in told for value in values if len(value) > 4)
    assert "locked" not in values


async def test_a_number_has_the_sign_of_its_language(hass: HomeAssistant) -> None:
    """A point parts thousands where a comma parts tenths."""
    for language, told in (("de", "0,5"), ("zh-Hans", "0.5"), ("en", "0.5")):
        async with async_told_in(hass, language):
            assert decimal_now(hass, 0.5) == told


async def test_nobody_knows_for_how_long(hass: HomeAssistant) -> None:
    """That is said in words of the language, not of the code."""
    check = Check(
        family=Family.DOOR,
        rule="door",
        verdict=Verdict.BLOCKER,
        reason=Reason.DOOR_JUST_MOVED,
        measured=since_text(None, dt_util.utcnow()),
        limit="2 min",
    )
    async with async_told_in(hass, "de"):
        told = await async_describe(hass, PreflightError([check]), lock="Haustür")
    assert "vor unbekannter Zeit bewegt" in told


async def test_no_blank_stands_behind_a_sentence_that_brings_its_own(
    hass: HomeAssistant,
) -> None:
    """Chinese has none there; who writes otherwise keeps it."""
    async with async_told_in(hass, "zh-Hans"):
        told = await async_describe(hass, blocked(), lock="Front door")
        assert told.count("。") >= 2
        assert "。 " not in told
    mixed = together(["已锁定。", "Ask the maker.", "", "Then wait!", "好。"])
    assert mixed == "已锁定。Ask the maker. Then wait! 好。"
