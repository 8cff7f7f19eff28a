"""The file that draws panel and card: served, offered, and taken away again."""

import asyncio
from http import HTTPStatus
from pathlib import Path

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.panel import element
from homeassistant.components.frontend import (
    DATA_EXTRA_MODULE_URL,
    DATA_PANELS,
    async_register_built_in_panel,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component

from .flows import suggested

_SOURCE = b"customElements.define('nightlatch-panel', class extends HTMLElement {});"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a small file in the place of what is shipped."""
    path = tmp_path / "nightlatch.js"
    path.write_bytes(_SOURCE)
    monkeypatch.setattr(element, "FILE", path)
    return path


@pytest.fixture
async def entry(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    bare_host: None,
    socket_enabled: None,
) -> MockConfigEntry:
    """Return a household that is not set up yet."""
    assert await async_setup_component(hass, "homeassistant", {})
    entry = MockConfigEntry(domain=DOMAIN, title="Nightlatch")
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
async def frontend(hass: HomeAssistant, file: Path) -> None:
    """Load the frontend, as every home does."""
    assert await async_setup_component(hass, "frontend", {})


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set Nightlatch up."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


def offered(hass: HomeAssistant) -> set[str]:
    """Return what each page loads of ours."""
    return {url for url in hass.data[DATA_EXTRA_MODULE_URL].urls if DOMAIN in url}


async def test_panel_and_card_are_there(
    hass: HomeAssistant,
    frontend: None,
    entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """For everybody who may use the home, from a file that browsers may keep."""
    await set_up(hass, entry)
    (url,) = offered(hass)
    panel = hass.data[DATA_PANELS][DOMAIN]
    assert panel.sidebar_title == "Nightlatch"
    assert not panel.require_admin
    assert panel.config is not None
    custom = panel.config["_panel_custom"]
    assert custom["name"] == "nightlatch-panel"
    assert custom["module_url"] == url
    assert not custom["embed_iframe"]
    client = await hass_client_no_auth()
    response = await client.get(url)
    assert response.status == HTTPStatus.OK
    assert await response.read() == _SOURCE
    assert "max-age" in response.headers["Cache-Control"]


async def test_another_file_has_another_address(
    hass: HomeAssistant, file: Path, frontend: None, entry: MockConfigEntry
) -> None:
    """So that no browser shows an old panel after an update."""
    newer = _SOURCE + b"// newer"
    await asyncio.to_thread(file.write_bytes, newer)
    await set_up(hass, entry)
    (url,) = offered(hass)
    assert element.digest_of(newer) in url
    assert element.digest_of(_SOURCE) not in url


async def test_a_reload_and_the_end(
    hass: HomeAssistant, frontend: None, entry: MockConfigEntry
) -> None:
    """What is not loaded has no panel; loaded again it has one, and one only."""
    await set_up(hass, entry)
    before = offered(hass)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert DOMAIN in hass.data[DATA_PANELS]
    assert offered(hass) == before
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert DOMAIN not in hass.data[DATA_PANELS]
    assert not offered(hass)


async def test_who_wants_no_panel_has_none(
    hass: HomeAssistant, frontend: None, entry: MockConfigEntry
) -> None:
    """It goes and comes at once; the card can be used in any case."""
    await set_up(hass, entry)
    for wanted in (False, True):
        flow = hass.config_entries.options
        result = await flow.async_init(entry.entry_id)
        result = await flow.async_configure(
            result["flow_id"], {"next_step_id": "panel"}
        )
        assert suggested(result, "panel") is not wanted
        result = await flow.async_configure(result["flow_id"], {"panel": wanted})
        assert result["type"] is FlowResultType.CREATE_ENTRY
        await hass.async_block_till_done()
        assert (DOMAIN in hass.data[DATA_PANELS]) is wanted
        assert offered(hass)


async def test_a_dashboard_of_the_same_address_stays(
    hass: HomeAssistant,
    frontend: None,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A person has made it; it is said in the log why there is no panel."""
    async_register_built_in_panel(hass, "lovelace", frontend_url_path=DOMAIN)
    await set_up(hass, entry)
    assert "is the address of another dashboard" in caplog.text
    assert hass.data[DATA_PANELS][DOMAIN].component_name == "lovelace"
    assert offered(hass)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert DOMAIN in hass.data[DATA_PANELS]


async def test_without_the_file_everything_else_works(
    hass: HomeAssistant,
    file: Path,
    frontend: None,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is said in the log, and what to do."""
    await asyncio.to_thread(file.unlink)
    await set_up(hass, entry)
    assert "install Nightlatch anew" in caplog.text
    assert DOMAIN not in hass.data[DATA_PANELS]
    assert not offered(hass)
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_without_the_frontend_everything_else_works(
    hass: HomeAssistant, file: Path, entry: MockConfigEntry
) -> None:
    """Some homes have none."""
    await set_up(hass, entry)
    assert "frontend" not in hass.config.components
    assert DOMAIN not in hass.data.get(DATA_PANELS, {})
    assert await hass.config_entries.async_unload(entry.entry_id)
