"""The report as a page."""

from aiohttp import web
from aiohttp.hdrs import CACHE_CONTROL, CONTENT_DISPOSITION, X_CONTENT_TYPE_OPTIONS

from homeassistant.components.http import KEY_HASS, HomeAssistantView, require_admin
from homeassistant.core import HomeAssistant

from ..const import DOMAIN
from ..runtime import async_get_runtime
from ..translation import async_sentence, async_told_in
from .content import async_report
from .link import PATH
from .page import POLICY, draw


class ReportView(HomeAssistantView):
    """Gives the report as it is now."""

    url = PATH
    name = f"api:{DOMAIN}:report"

    @require_admin
    async def get(self, request: web.Request) -> web.Response:
        """Return the page; or why there is none."""
        hass: HomeAssistant = request.app[KEY_HASS]
        if (runtime := async_get_runtime(hass)) is None:
            told = await async_sentence(hass, "report_not_loaded", {})
            return self.json_message(told, 503, "report_not_loaded")
        async with async_told_in(hass, None):
            page = draw(hass, await async_report(hass, runtime))
        return web.Response(
            text=page,
            content_type="text/html",
            charset="utf-8",
            headers={
                "Content-Security-Policy": f"{POLICY}; sandbox allow-popups "
                "allow-popups-to-escape-sandbox; frame-ancestors 'none'",
                # The link has rights; who is linked to must not learn it.
                "Referrer-Policy": "no-referrer",
                CONTENT_DISPOSITION: 'inline; filename="nightlatch-report.html"',
                CACHE_CONTROL: "no-store",
                X_CONTENT_TYPE_OPTIONS: "nosniff",
            },
        )
