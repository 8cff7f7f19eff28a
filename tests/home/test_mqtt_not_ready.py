"""Zigbee2MQTT, where MQTT is not ready for what is asked or listened to."""

from types import SimpleNamespace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.adapters import zigbee_offer
from custom_components.nightlatch.adapters.zigbee2mqtt import OtaCommand, OtaRequests
from custom_components.nightlatch.adapters.zigbee_offer import OfferTold
from custom_components.nightlatch.core.errors import DelegateError, DelegateProblem
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .zigbee_house import ZigbeeHouse

TOPIC = "zigbee2mqtt/Side door"


class Mqtt:
    """Home Assistant's MQTT, as far as it is asked here."""

    def __init__(self) -> None:
        """Refuse at first."""
        self.refuses = True
        self.topics: list[str] = []

    async def async_subscribe(self, hass: HomeAssistant, topic: str, heard: Any) -> Any:
        """Subscribe, and return what ends that."""
        if self.refuses:
            raise HomeAssistantError
        self.topics.append(topic)
        return lambda: self.topics.remove(topic)


@pytest.fixture
def mqtt(monkeypatch: pytest.MonkeyPatch) -> Mqtt:
    """Put it in the place of the real one."""
    mqtt = Mqtt()

    async def loaded(*_: Any) -> Any:
        return SimpleNamespace(async_subscribe=mqtt.async_subscribe)

    monkeypatch.setattr(zigbee_offer, "async_import_module", loaded)
    return mqtt


async def test_it_is_listened_to_as_soon_as_that_can_be_done(
    hass: HomeAssistant, mqtt: Mqtt
) -> None:
    """Whoever asks again is another occasion."""
    entry = MockConfigEntry(domain="nightlatch")
    entry.add_to_hass(hass)
    offers = OfferTold(hass, entry, lambda: None)
    offers.follow(TOPIC)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert mqtt.topics == []
    mqtt.refuses = False
    offers.follow(TOPIC)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert mqtt.topics == [TOPIC]
    offers.stop()
    assert mqtt.topics == []


async def test_what_is_followed_no_longer_is_not_listened_to(
    hass: HomeAssistant, mqtt: Mqtt
) -> None:
    """It was given up while MQTT was asked."""
    mqtt.refuses = False
    entry = MockConfigEntry(domain="nightlatch")
    entry.add_to_hass(hass)
    offers = OfferTold(hass, entry, lambda: None)
    offers.follow(TOPIC)
    offers.stop()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert mqtt.topics == []


async def test_a_request_that_cannot_be_sent_was_refused(
    zigbee_house: ZigbeeHouse,
) -> None:
    """MQTT was removed in the middle."""
    hass = zigbee_house.hass
    command = OtaCommand(
        topic="zigbee2mqtt/bridge/request/device/ota_update/update", lock={"id": "x"}
    )
    hass.services.async_remove("mqtt", "publish")
    with pytest.raises(DelegateError) as caught:
        await OtaRequests(hass).async_check(command)
    assert caught.value.reason is DelegateProblem.REFUSED
