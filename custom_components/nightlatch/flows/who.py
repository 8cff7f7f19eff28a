"""Who fills in a form: Home Assistant tells a flow nothing of that."""

from homeassistant.components.http import KEY_HASS_USER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.http import current_request

from ..markup import Composed
from ..translation import async_sentence


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
