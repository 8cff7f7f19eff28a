"""The report as a page, and the evidence of one lock as a download."""

from aiohttp import web
from aiohttp.hdrs import CACHE_CONTROL, CONTENT_DISPOSITION, X_CONTENT_TYPE_OPTIONS

from homeassistant.components.http import KEY_HASS, HomeAssistantView, require_admin
from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_dumps_sorted

from ..const import DOMAIN
from ..runtime import async_get_runtime
from ..translation import async_sentence, async_told_in
from .content import async_report
from .evidence import async_evidence
from .link import EVIDENCE_PATH, PATH
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


class EvidenceView(HomeAssistantView):
    """Gives what is known of one lock, for whoever is asked for help."""

    url = EVIDENCE_PATH + "/{lock_id}"
    name = f"api:{DOMAIN}:evidence"

    @require_admin
    async def get(self, request: web.Request, lock_id: str) -> web.Response:
        """Return it as JSON; or why there is none."""
        hass: HomeAssistant = request.app[KEY_HASS]
        runtime = async_get_runtime(hass)
        lock = runtime.locks.get(lock_id) if runtime is not None else None
        if runtime is None or lock is None:
            told = await async_sentence(hass, "report_not_loaded", {})
            return self.json_message(told, 503, "report_not_loaded")
        try:
            async with async_told_in(hass, None):
                evidence = await async_evidence(hass, runtime, lock)
        except OSError as err:
            told = await async_sentence(
                hass, "audit_unreadable", {"detail": err.strerror or str(err)}
            )
            return self.json_message(told, 503, "audit_unreadable")
        return web.Response(
            text=json_dumps_sorted(evidence),
            content_type="application/json",
            headers={
                CONTENT_DISPOSITION: 'attachment; filename="nightlatch-evidence.json"',
                CACHE_CONTROL: "no-store",
                X_CONTENT_TYPE_OPTIONS: "nosniff",
            },
        )
