"""The audit log as a download: an export that somebody else can check without us."""

from aiohttp import web
from aiohttp.hdrs import CACHE_CONTROL, CONTENT_DISPOSITION, X_CONTENT_TYPE_OPTIONS

from homeassistant.components.http import KEY_HASS, HomeAssistantView, require_admin
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from ..const import DOMAIN
from ..core.records.audit_export import AuditExport
from ..markup import neutral_all
from ..runtime import async_get_runtime
from ..translation import async_sentence

PATH = f"/api/{DOMAIN}/audit_log"
_TYPE = "application/jsonl"


async def async_export_audit_log(hass: HomeAssistant) -> AuditExport:
    """Return the export; raise ``HomeAssistantError`` where there is none."""
    if (runtime := async_get_runtime(hass)) is None:
        raise refusal("audit_not_loaded")
    audit = runtime.audit
    if audit.key is None:
        raise refusal("audit_key_locked")
    try:
        export = await audit.async_export()
    except OSError as err:
        raise refusal("audit_unreadable", detail=err.strerror or str(err)) from err
    if export is None:
        raise refusal("audit_not_whole")
    return export


def file_name_of(export: AuditExport) -> str:
    """Return how it is called on the machine of whoever downloads it."""
    return f"nightlatch-audit-log-{export.head.number}.jsonl"


def refusal(key: str, **placeholders: str) -> HomeAssistantError:
    """Return why something cannot be done with the audit log."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=neutral_all(placeholders),
    )


class AuditLogView(HomeAssistantView):
    """Gives the export."""

    url = PATH
    name = f"api:{DOMAIN}:audit_log"

    @require_admin
    async def get(self, request: web.Request) -> web.Response:
        """Return the log as it is now; or why not."""
        hass = request.app[KEY_HASS]
        try:
            export = await async_export_audit_log(hass)
        except HomeAssistantError as err:
            key = str(err.translation_key)
            told = await async_sentence(
                hass, key, dict(err.translation_placeholders or {})
            )
            return self.json_message(told, 503, key)
        return web.Response(
            body=export.content,
            content_type=_TYPE,
            headers={
                CONTENT_DISPOSITION: f'attachment; filename="{file_name_of(export)}"',
                CACHE_CONTROL: "no-store",
                X_CONTENT_TYPE_OPTIONS: "nosniff",
            },
        )
