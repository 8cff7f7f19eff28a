"""The file that draws panel and card: where browsers get it, and the entry in the sidebar."""

from hashlib import sha256
import logging
from pathlib import Path
from typing import Final

from homeassistant.components import frontend, panel_custom
from homeassistant.components.http import StaticPathConfig
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..locks.registry import Changes
from ..runtime import Runtime

_LOGGER = logging.getLogger(__name__)

FILE: Path = Path(__file__).parents[1] / "frontend" / "nightlatch.js"
ELEMENT: Final = "nightlatch-panel"
_TITLE: Final = "Nightlatch"
_ICON: Final = "mdi:lock-clock"
_DIGITS = 12
"""Of its digest, in its address: a browser that has it does not ask for it again."""
_URL: HassKey[str] = HassKey(f"{DOMAIN}_element")


def digest_of(content: bytes) -> str:
    """Return what tells one file from another."""
    return sha256(content).hexdigest()[:_DIGITS]


async def async_serve_element(hass: HomeAssistant) -> None:
    """Let browsers have the file; without it there is neither panel nor card."""
    try:
        content = await hass.async_add_executor_job(FILE.read_bytes)
    except OSError as err:
        _LOGGER.warning(
            "There is neither panel nor card, since their file cannot be read (%s); "
            "install Nightlatch anew",
            err,
        )
        return
    url = f"/{DOMAIN}/{digest_of(content)}/{FILE.name}"
    await hass.http.async_register_static_paths([StaticPathConfig(url, str(FILE))])
    hass.data[_URL] = url


@callback
def async_start_element(hass: HomeAssistant, runtime: Runtime) -> CALLBACK_TYPE:
    """Offer the card, and the panel if the owner wants it; return what ends both."""
    url = hass.data.get(_URL)
    if url is None or frontend.DOMAIN not in hass.config.components:
        return lambda: None
    frontend.add_extra_js_url(hass, url)
    sidebar = Sidebar(hass, runtime, url)

    @callback
    def look(changes: Changes) -> None:
        if changes.settings:
            sidebar.async_look()

    sidebar.async_look()
    unsubscribe = runtime.locks.async_subscribe(look)

    @callback
    def end() -> None:
        unsubscribe()
        sidebar.async_hide()
        frontend.remove_extra_js_url(hass, url)

    return end


class Sidebar:
    """The entry in the sidebar; what somebody may do there, the websocket says."""

    def __init__(self, hass: HomeAssistant, runtime: Runtime, url: str) -> None:
        """Take what says whether it is wanted, and where its file is."""
        self._hass = hass
        self._settings = runtime.settings
        self._entry = runtime.entry
        self._url = url
        self._is_shown = False

    @callback
    def async_look(self) -> None:
        """Show or hide it, as the owner wants."""
        if not self._settings.panel:
            self.async_hide()
        elif not self._is_shown:
            self._show()

    def _show(self) -> None:
        if DOMAIN in self._hass.data.get(frontend.DATA_PANELS, {}):
            _LOGGER.warning(
                "There is no panel, since /%s is the address of another dashboard; "
                "the card can be used",
                DOMAIN,
            )
            return
        # What Home Assistant offers for this awaits nothing, and is a coroutine all the same.
        self._is_shown = True
        self._entry.async_create_task(
            self._hass,
            panel_custom.async_register_panel(
                self._hass,
                frontend_url_path=DOMAIN,
                webcomponent_name=ELEMENT,
                sidebar_title=_TITLE,
                sidebar_icon=_ICON,
                module_url=self._url,
            ),
            f"panel {DOMAIN}",
        )

    @callback
    def async_hide(self) -> None:
        """Take it away."""
        if self._is_shown:
            self._is_shown = False
            frontend.async_remove_panel(self._hass, DOMAIN)
