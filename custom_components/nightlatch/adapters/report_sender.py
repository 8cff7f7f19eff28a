"""Sending a vendor what a household tells it: one small request, with a deadline."""

import asyncio

import aiohttp

from homeassistant.core import HomeAssistant

from .session import async_session

# Seconds, for all of it.
_DEADLINE = 30.0


async def async_send_report(hass: HomeAssistant, address: str, text: str) -> str | None:
    """Send it; return why it was not taken, or None where it was.

    What the server answers beyond that is not read.
    """
    try:
        async with (
            asyncio.timeout(_DEADLINE),
            async_session(hass).post(
                address,
                data=text.encode(),
                headers={"Content-Type": "application/json"},
                # To that address, and nowhere else.
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(),
            ) as response,
        ):
            taken = 200 <= response.status < 300
            return None if taken else f"HTTP status {response.status}"
    except (TimeoutError, aiohttp.ClientError, OSError) as err:
        return str(err) or type(err).__name__
