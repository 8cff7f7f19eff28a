"""Another integration's update entity, where it refuses or is not there."""

import pytest

from custom_components.nightlatch.adapters.delegate import (
    UpdateEntityDelegate,
    reading_of,
)
from custom_components.nightlatch.adapters.zigbee2mqtt import OtaCommand, ota_command
from custom_components.nightlatch.core.errors import DelegateError, DelegateProblem
from custom_components.nightlatch.core.guard.hold import HoldRecord
from custom_components.nightlatch.core.guard.source import Completion
from custom_components.nightlatch.kinds.hold import async_lift
from homeassistant.core import HomeAssistant, ServiceCall, State
from homeassistant.exceptions import HomeAssistantError

SOURCE = "update.shed"


def refuse(hass: HomeAssistant, domain: str, *services: str) -> None:
    """Let services refuse."""

    async def refused(_: ServiceCall) -> None:
        raise HomeAssistantError("not now")

    for service in services:
        hass.services.async_register(domain, service, refused)


async def test_a_refusal_is_passed_on(hass: HomeAssistant) -> None:
    """In the words of the integration."""
    refuse(hass, "update", "install", "skip", "clear_skipped")
    refuse(hass, "homeassistant", "update_entity")
    delegate = UpdateEntityDelegate(hass, SOURCE)
    for asked in (
        delegate.install("2"),
        delegate.async_skip(),
        delegate.async_clear_skipped(),
    ):
        with pytest.raises(DelegateError) as caught:
            await asked
        assert caught.value.reason is DelegateProblem.REFUSED
        assert caught.value.details == {"problem": "not now"}
    # Asking for news may fail: what is known stays known.
    await delegate.async_refresh()


async def test_a_hold_that_cannot_be_lifted_is_logged(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """The lock is gone from Nightlatch all the same."""
    refuse(hass, "update", "clear_skipped")
    told = {"installed_version": "1", "latest_version": "2", "skipped_version": "2"}
    hass.states.async_set(SOURCE, "off", told)
    await async_lift(UpdateEntityDelegate(hass, SOURCE), HoldRecord(held="2"))
    assert "was not lifted" in caplog.text


async def test_who_is_not_registered_is_nobody(hass: HomeAssistant) -> None:
    """Nothing is known, and nothing can be aborted."""
    delegate = UpdateEntityDelegate(hass, SOURCE)
    assert delegate.registered is None
    assert delegate.kind.completion is Completion.REPORTS
    assert not delegate.can_abort
    assert delegate.base_topic is None
    assert not delegate.reading().available
    assert not delegate.can_ask
    for asked in (delegate.abort(), delegate.ask()):
        with pytest.raises(DelegateError):
            await asked


async def test_an_abort_that_fails_is_told(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker may be away."""
    refuse(hass, "mqtt", "publish")
    topic = "base/bridge/request/device/ota_update/update"
    command = OtaCommand(topic=topic, lock={"id": "0x1"})
    monkeypatch.setattr(UpdateEntityDelegate, "_command", lambda _: command)
    delegate = UpdateEntityDelegate(hass, SOURCE)
    for asked in (delegate.abort(), delegate.ask(), delegate.install(None)):
        with pytest.raises(DelegateError) as caught:
            await asked
        assert caught.value.reason is DelegateProblem.REFUSED


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        {"command_topic": "base/bridge/request/x/update"},
        {"command_topic": "base/bridge/request/x/update", "payload_install": "x"},
        {"command_topic": "base/bridge/request/x/update", "payload_install": "[1]"},
        {"command_topic": "elsewhere", "payload_install": "{}"},
    ],
)
def test_what_is_not_the_bridge_s_is_no_command(told: object) -> None:
    """It is then told through its entity, as all others are."""
    assert ota_command(told) is None


async def test_an_error_of_another_kind_is_a_refusal_too(hass: HomeAssistant) -> None:
    """Integrations have deadlines of their own, which are not ours."""

    async def give_up(_: ServiceCall) -> None:
        raise TimeoutError

    hass.services.async_register("update", "install", give_up)
    with pytest.raises(DelegateError) as caught:
        await UpdateEntityDelegate(hass, SOURCE).install(None)
    assert caught.value.reason is DelegateProblem.REFUSED
    assert caught.value.details == {"problem": "TimeoutError"}


def test_an_unknown_state_is_no_reading() -> None:
    """Unless something is in progress."""
    assert not reading_of(State(SOURCE, "unknown"), None).available
    assert reading_of(State(SOURCE, "unknown", {"in_progress": True}), None).available
    assert not reading_of(State(SOURCE, "unavailable"), None).available
