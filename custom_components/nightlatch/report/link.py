"""Where the report and the evidence of a lock are, and the links to them."""

from datetime import timedelta
from typing import Final

from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN

PATH: Final = f"/api/{DOMAIN}/report"
EVIDENCE_PATH: Final = f"/api/{DOMAIN}/evidence"
VALID: Final = timedelta(minutes=15)


@callback
def async_link(hass: HomeAssistant) -> str:
    """Return a link with the rights of whoever asks for it, which runs out."""
    return async_sign_path(hass, PATH, VALID)


@callback
def async_evidence_link(hass: HomeAssistant, lock_id: str) -> str:
    """Return such a link to what is known of one lock."""
    return async_sign_path(hass, f"{EVIDENCE_PATH}/{lock_id}", VALID)
