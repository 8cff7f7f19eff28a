"""How feeds and public indexes are asked: as everybody is, and unknown from before.

Home Assistant's own session keeps what cookies a server sets, whoever has asked, and sends
them back; so a server could tell one household from all others, visit after visit.
"""

from aiohttp import ClientSession, DummyCookieJar

from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_create_clientsession
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN

_SESSION: HassKey[ClientSession] = HassKey(f"{DOMAIN}_session")


@callback
def async_session(hass: HomeAssistant) -> ClientSession:
    """Return the session that keeps no cookies; one for as long as this house runs."""
    if (session := hass.data.get(_SESSION)) is None:
        # Not for as long as one entry is loaded: what is asked last outlives a reload.
        session = hass.data[_SESSION] = async_create_clientsession(
            hass, auto_cleanup=False, cookie_jar=DummyCookieJar()
        )
        forgotten = session

        @callback
        def close(_: Event) -> None:
            forgotten.detach()

        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, close)
    return session
