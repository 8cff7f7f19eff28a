"""How others are asked over the network: nobody knows this house from before."""

from aiohttp import web
from aiohttp.test_utils import TestServer
import pytest

from custom_components.nightlatch.adapters.session import async_session
from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import HomeAssistant


@pytest.mark.usefixtures("socket_enabled")
async def test_no_cookie_comes_back(hass: HomeAssistant) -> None:
    """Whatever a server sets; what it is asked has Home Assistant's usual name."""
    asked: list[web.BaseRequest] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        response = web.Response(text="feed")
        response.set_cookie("household", "4711")
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    server = TestServer(app)
    await server.start_server()
    try:
        for _ in range(2):
            async with async_session(hass).get(server.make_url("/")) as response:
                assert "Set-Cookie" in response.headers
    finally:
        await server.close()
    assert [request.headers.get("Cookie") for request in asked] == [None, None]
    assert asked[0].headers["User-Agent"].startswith("HomeAssistant/")


async def test_there_is_one_and_it_ends_with_the_house(hass: HomeAssistant) -> None:
    """Not one more with each feed and each reload."""
    session = async_session(hass)
    assert async_session(hass) is session
    hass.bus.async_fire(EVENT_HOMEASSISTANT_CLOSE)
    await hass.async_block_till_done()
    assert session.closed
