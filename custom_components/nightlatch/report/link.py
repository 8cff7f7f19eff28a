"""Where the report is, and the link to it."""

from datetime import timedelta
from typing import Final

from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN

PATH: Final = f"/api/{DOMAIN}/report"
VALID: Final = timedelta(minutes=15)


@callback
def async_link(hass: HomeAssistant) -> str:
    """Return a link with the rights of whoever asks for it, which runs out."""
    return async_sign_path(hass, PATH, VALID)
