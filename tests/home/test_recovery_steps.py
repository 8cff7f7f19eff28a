"""What a person is told to do at the door of a lock that Nightlatch cannot help."""

from dataclasses import replace

import pytest
from pytest_homeassistant_custom_component.common import MockUser  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.errors import DelegateProblem
from custom_components.nightlatch.core.model import Origin, OutcomeKind
from custom_components.nightlatch.core.records.outcome_record import OutcomeRecord
from custom_components.nightlatch.core.vendor_facts import (
    Recovery,
    facts_for,
    read_facts,
)
from custom_components.nightlatch.issues.recovery_steps import recovery_steps
from custom_components.nightlatch.texts.maker import told_of_recovery
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .asked import a_turn
from .zigbee_house import UPDATE, ZigbeeHouse


async def test_a_lock_that_another_integration_updates(
    zigbee_house: ZigbeeHouse,
) -> None:
    """Nightlatch has nothing to send to it, and says where else to look."""
    lock = zigbee_house.managed
    now = dt_util.utcnow()
    lock.async_note_ended(
        OutcomeRecord(
            attempt="1",
            kind=OutcomeKind.NEEDS_HAND,
            origin=Origin.PERSON,
            started=now,
            ended=now,
            seconds=1.0,
            from_version="1",
            to_version="2",
            touched=True,
            reason=DelegateProblem.DID_NOT_COME_BACK,
            message="It is silent.",
        )
    )
    lock.async_changed()
    await a_turn()
    (issue,) = (
        issue
        for issue in ir.async_get(zigbee_house.hass).issues.values()
        if issue.domain == DOMAIN
    )
    assert issue.translation_key == "needs_hand"
    assert issue.translation_placeholders is not None
    steps = issue.translation_placeholders["steps"].splitlines()
    assert [step.partition(" ")[2].partition(" ")[0] for step in steps] == [
        "Use",
        "Take",
        "See",
        "If",
    ]
    assert "in its integration" in issue.translation_placeholders["steps"]
    assert not zigbee_house.runtime.remedies.of(lock)


async def test_it_cannot_be_rolled_back_either(zigbee_house: ZigbeeHouse) -> None:
    """Who installs it decides about that."""
    user = MockUser(name="Ann", is_owner=True).add_to_hass(zigbee_house.hass)
    with pytest.raises(HomeAssistantError) as caught:
        await zigbee_house.hass.services.async_call(
            DOMAIN,
            "rollback",
            {"entity_id": UPDATE, "code": "123456"},
            blocking=True,
            context=Context(user_id=user.id),
        )
    assert caught.value.translation_key == "rollback_not_ours"


@pytest.mark.parametrize(
    ("vendor", "model", "said"),
    [
        ("Nuki", "Smart Lock", "- Key and knob work without power. ([Nuki support"),
        ("Lockly", "Vision", "- With empty batteries, hold a 9 V battery"),
    ],
)
async def test_what_is_known_of_a_maker_comes_with_its_source(
    zigbee_house: ZigbeeHouse, vendor: str, model: str, said: str
) -> None:
    """Before the steps that are only usual."""
    lock = zigbee_house.managed
    lock.facts = facts_for(read_facts(), vendor, (model,), None)
    runtime = zigbee_house.runtime
    steps = recovery_steps(lock, runtime.vault, runtime.remedies)
    assert steps.startswith(said)
    assert "2026-11-24)" in steps.splitlines()[0]


async def test_everything_that_is_known_of_makers_has_its_sentence(
    zigbee_house: ZigbeeHouse,
) -> None:
    """A word of the code is no help at a door."""
    lock = zigbee_house.managed
    (fact, *_) = read_facts()
    lock.facts = replace(lock.facts, facts=(replace(fact, recovery=tuple(Recovery)),))
    told = list(told_of_recovery(lock))
    assert len(told) == len(Recovery)
    assert not any(line.startswith("recovery_") for line in told)
