"""The picture of the week: there while it is learned, and what it says."""

from http import HTTPStatus
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pytest_homeassistant_custom_component.common import MockUser  # type: ignore[import-untyped]
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator  # type: ignore[import-untyped]

from custom_components.nightlatch.panel.snapshot import async_snapshot
from homeassistant.components.image import async_get_image
from homeassistant.helpers import entity_registry as er

from .flows import until
from .house import House
from .test_door_use import choose, learned
from .vaulted import restart, set_options

IMAGE = "image.nightlatch_use_of_the_doors"
SVG = "{http://www.w3.org/2000/svg}"


async def picture(house: House) -> ET.Element:
    """Return the picture."""
    entity_id = house.runtime.door_use.picture
    assert entity_id is not None
    image = await async_get_image(house.hass, entity_id)
    assert image.content_type == "image/svg+xml"
    return ET.fromstring(image.content)


async def told(house: House, user: MockUser) -> dict[str, Any] | None:
    """Return what the panel tells somebody of it."""
    snapshot = await async_snapshot(house.hass, house.runtime, user)
    week: dict[str, Any] | None = snapshot["household"]["week"]
    return week


async def test_the_picture_is_there_while_it_is_learned(
    house: House, hass_storage: dict[str, Any], hass_admin_user: MockUser
) -> None:
    """Nothing is left of it when it is not, over a restart either; then it is the same."""
    registry = er.async_get(house.hass)
    assert house.hass.states.get(IMAGE) is None
    await learned(house, hass_storage)
    assert house.state(IMAGE).state not in {"unavailable", "unknown"}
    week = await told(house, hass_admin_user)
    assert week is not None
    assert week["entity"] == IMAGE
    assert "Observed days: 30." in week["text"]
    await set_options(house, learn=False)
    await house.settle()
    assert house.hass.states.get(IMAGE) is None
    assert registry.async_get(IMAGE) is None
    assert await told(house, hass_admin_user) is None
    await restart(house)
    assert house.hass.states.get(IMAGE) is None
    await set_options(house, learn=True)
    await house.settle()
    assert registry.async_get(IMAGE) is not None
    assert (await picture(house)).tag == f"{SVG}svg"


async def test_the_picture_is_another_one_when_something_else_is_to_be_seen(
    house: House,
    hass_storage: dict[str, Any],
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """The suggestion is on it until it is set; a minute without news changes nothing."""
    await learned(house, hass_storage)
    before, state = await picture(house), house.state(IMAGE)
    names = ["".join(each.itertext()) for each in before.iter(f"{SVG}text")]
    assert {"Monday", "Sunday", "Quiet hours", "Suggested"} <= set(names)
    assert "Suggested: " in (before.findtext(f"{SVG}desc") or "")
    house.runtime.locks.async_minute()
    house.runtime.locks.async_changed()
    await house.settle()
    assert house.state(IMAGE).state == state.state
    await choose(house, "accept")
    assert house.state(IMAGE).state > state.state
    after = await picture(house)
    assert "Suggested" not in "".join(after.itertext())
    client = await hass_client_no_auth()
    response = await client.get(house.state(IMAGE).attributes["entity_picture"])
    assert response.status == HTTPStatus.OK
    assert response.content_type == "image/svg+xml"
    assert (await response.read()).startswith(b"<svg ")
    response = await client.get(f"/api/image_proxy/{IMAGE}")
    assert response.status == HTTPStatus.FORBIDDEN


async def test_hours_of_some_days_name_them(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """Who cannot see the frames is told which they are."""
    await learned(house, hass_storage)
    hours = {"weekdays": [0, 2], "start": "02:00", "end": "05:00"}
    await set_options(house, quiet_hours=hours)
    await until(lambda: len(house.runtime.settings.policy.quiet_hours.weekdays) == 2)
    await house.settle()
    told = (await picture(house)).findtext(f"{SVG}desc") or ""
    assert "Monday" in told
    assert "Wednesday" in told
    assert "Tuesday" not in told


async def test_who_may_not_see_the_picture_is_not_told_of_it(
    house: House, hass_storage: dict[str, Any], hass_read_only_user: MockUser
) -> None:
    """When a household is at its door is not for everybody."""
    await learned(house, hass_storage)
    hass_read_only_user.mock_policy({"entities": {"all": {"read": True}}})
    assert await told(house, hass_read_only_user) is not None
    hass_read_only_user.mock_policy({"entities": {"domains": {"lock": {"read": True}}}})
    assert await told(house, hass_read_only_user) is None


@pytest.mark.parametrize("language", ["de", "zh-Hans"])
async def test_the_picture_is_in_the_language_of_the_household(
    house: House, hass_storage: dict[str, Any], language: str
) -> None:
    """Its days, where the translations have them."""
    house.hass.config.language = language
    await learned(house, hass_storage)
    names = ["".join(each.itertext()) for each in (await picture(house)).iter()]
    assert {"de": "Montag", "zh-Hans": "星期一"}[language] in names
