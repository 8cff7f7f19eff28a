"""Who fills in a form, and what proves it: Home Assistant tells a flow nothing of that."""

from typing import Final

from homeassistant.components.http import KEY_HASS_USER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.http import current_request
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig

from ..markup import Composed
from ..translation import async_sentence

CONF_CODE: Final = "code"
CODE_SELECTOR: Final = TextSelector(TextSelectorConfig(autocomplete="one-time-code"))


def user_of_form() -> str | None:
    """Return whose browser has sent the form; None where it was no browser."""
    request = current_request.get()
    user = request.get(KEY_HASS_USER) if request is not None else None
    return user.id if user is not None else None


async def async_told(hass: HomeAssistant, err: HomeAssistantError) -> Composed:
    """Return why something was refused, in words."""
    return await async_sentence(
        hass, str(err.translation_key), dict(err.translation_placeholders or {})
    )
