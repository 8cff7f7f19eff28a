"""Settings of locks in words, and why one was not set back."""

from types import SimpleNamespace
from typing import Any

import pytest

from custom_components.nightlatch.core.records.redaction import SettingKind
from custom_components.nightlatch.core.records.settable import WhyNot
from custom_components.nightlatch.core.records.snapshot import Setting
from custom_components.nightlatch.monitoring.reach import ReachLog
from custom_components.nightlatch.texts.settings import told_value, told_why
from homeassistant.core import HomeAssistant

from .zigbee_house import ZigbeeHouse


@pytest.mark.parametrize(
    ("shown", "told"),
    [(None, "30 s"), ("30", "30 s"), ("half a minute", "half a minute (30 s)")],
)
def test_a_number_stands_beside_its_name(
    hass: HomeAssistant, shown: str | None, told: str
) -> None:
    """Where its integration has a name for it."""
    setting = Setting(
        key="entity:1",
        kind=SettingKind.NUMBER,
        name="Auto-lock",
        value="30",
        shown=shown,
        unit="s",
    )
    assert told_value(hass, setting) == told


async def test_a_refusal_without_a_word_is_said(zigbee_house: ZigbeeHouse) -> None:
    """Nothing is quoted where nothing was said."""
    hass = zigbee_house.hass
    untold = told_why(hass, WhyNot.REFUSED, "  ")
    assert untold != told_why(hass, WhyNot.REFUSED, "no such slot")
    assert "no such slot" in told_why(hass, WhyNot.REFUSED, "no such slot")


def test_the_silence_of_an_update_is_no_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its radio is not even asked."""
    lock: Any = SimpleNamespace(progress=object())
    ReachLog().look(lock)
    assert not caplog.records
