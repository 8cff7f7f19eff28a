"""Telling people: everybody gets it, whatever happens to the others."""

import asyncio
import logging
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_mock_service  # type: ignore[import-untyped]

from custom_components.nightlatch.adapters import notify
from custom_components.nightlatch.adapters.notify import Button, Messenger, Notice
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError

NOTICE = Notice(
    title="Nightlatch",
    message="Front door runs 1.1.0 and works.",
    tag="nightlatch-1",
    buttons=tuple(Button(action=f"A{each}", title=f"Do {each}") for each in range(4)),
)


async def test_entities_get_the_text_and_phones_the_buttons(
    hass: HomeAssistant,
) -> None:
    """A newer notice takes the place of the older one; nobody is disturbed."""
    entities = async_mock_service(hass, "notify", "send_message")
    phones = async_mock_service(hass, "notify", "mobile_app_anna")
    await Messenger(hass).async_send(
        NOTICE, entities=["notify.hall"], phones=["mobile_app_anna"]
    )
    assert [call.data for call in entities] == [
        {
            "entity_id": "notify.hall",
            "title": NOTICE.title,
            "message": NOTICE.message,
        }
    ]
    (call,) = phones
    assert call.data["message"] == NOTICE.message
    data = call.data["data"]
    assert data["tag"] == "nightlatch-1"
    assert data["group"] == "nightlatch"
    assert data["push"] == {"interruption-level": "passive"}
    assert "priority" not in data
    # Android shows three.
    assert [each["action"] for each in data["actions"]] == ["A0", "A1", "A2"]
    assert all(each["authenticationRequired"] for each in data["actions"])


async def test_what_is_urgent_wakes_a_phone(hass: HomeAssistant) -> None:
    """On both systems."""
    phones = async_mock_service(hass, "notify", "mobile_app_anna")
    await Messenger(hass).async_send(
        Notice(title="", message="Go and look.", tag="1", urgent=True),
        entities=(),
        phones=["mobile_app_anna"],
    )
    data = phones[0].data["data"]
    assert data["push"] == {"interruption-level": "time-sensitive"}
    assert (data["ttl"], data["priority"]) == (0, "high")


def break_phone(hass: HomeAssistant, error: Exception | None) -> None:
    """Let a phone fail with an error, or never answer."""

    async def fail(call: ServiceCall) -> None:
        if error is not None:
            raise error
        await asyncio.Event().wait()

    hass.services.async_register("notify", "mobile_app_ben", fail)


@pytest.mark.parametrize(
    "error", [HomeAssistantError("not connected"), KeyError("token"), None]
)
async def test_who_cannot_be_reached_does_not_keep_it_from_others(
    hass: HomeAssistant,
    error: Exception | None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor lets it wait for ever; and the log says it once, until it has got better."""
    monkeypatch.setattr(notify, "_TIMEOUT", 0.05)
    anna = async_mock_service(hass, "notify", "mobile_app_anna")
    break_phone(hass, error)
    messenger = Messenger(hass)

    async def send() -> int:
        """Send, and return how many warnings there are."""
        targets: dict[str, Any] = {
            "entities": (),
            "phones": ["mobile_app_ben", "mobile_app_gone", "mobile_app_anna"],
        }
        async with asyncio.timeout(5):
            await messenger.async_send(NOTICE, **targets)
        return sum(
            "mobile_app_ben could not be told" in record.getMessage()
            for record in caplog.records
            if record.levelno == logging.WARNING
        )

    assert await send() == 1
    assert await send() == 1
    assert len(anna) == 2
    assert caplog.text.count("mobile_app_gone could not be told") == 1
    for record in caplog.records:
        assert "could not be told: \n" not in f"{record.getMessage()}\n"
    async_mock_service(hass, "notify", "mobile_app_ben")
    await send()
    break_phone(hass, error)
    assert await send() == 2
