"""Actions for the audit log: show it to somebody else, and forget who stands in it."""

from datetime import timedelta
from typing import Any

import probatio

from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util

from ..core.records.audit_checkpoint import short_form
from ..markup import listed
from ..runtime import async_get_runtime
from .audit_download import PATH, async_export_audit_log, file_name_of, refusal
from .erasing import ErasedEverywhere, async_erase_everywhere, async_find_people
from .registration import async_register_household_action

ATTR_PERSON = "person"

_VALID = timedelta(minutes=15)


@callback
def async_setup_audit_actions(hass: HomeAssistant) -> None:
    """Register the actions."""

    async def export(call: ServiceCall) -> ServiceResponse:
        return await _async_export(hass, call)

    async def erase(call: ServiceCall) -> ServiceResponse:
        return await _async_erase(hass, call)

    async_register_household_action(
        hass, "export_audit_log", export, SupportsResponse.ONLY
    )
    async_register_household_action(
        hass,
        "erase_person",
        erase,
        SupportsResponse.OPTIONAL,
        {probatio.Required(ATTR_PERSON): cv.string},
    )


async def _async_export(hass: HomeAssistant, call: ServiceCall) -> dict[str, Any]:
    """Return a link to the export, and what it is compared with."""
    if (runtime := async_get_runtime(hass)) is None:
        raise refusal("audit_not_loaded")
    audit, user_id = runtime.audit, call.context.user_id
    # Who takes it along stands in it; but nothing is added to one that is not whole.
    await async_export_audit_log(hass)
    await audit.async_append("audit_log_exported", user=user_id)
    export = await async_export_audit_log(hass)
    assert audit.key is not None, "it was signed"
    answer: dict[str, Any] = {
        "file_name": file_name_of(export),
        "size": len(export.content),
        "entries": export.entries,
        "checkpoint": short_form(export.head.number, export.head.hash),
        "public_key": audit.key.public,
        # Apart from the log, for whoever may know them.
        "people": {
            each.pseudonym: each.name for each in await audit.people.async_all()
        },
        "url": PATH,
        "valid_until": None,
    }
    if user_id is not None:
        # As with firmware: a link has the rights of whoever asks for it.
        answer["url"] = async_sign_path(hass, PATH, _VALID)
        answer["valid_until"] = (dt_util.utcnow() + _VALID).isoformat()
    return answer


async def _async_erase(hass: HomeAssistant, call: ServiceCall) -> dict[str, Any]:
    """Forget a person, and return what was erased and that nothing else changed."""
    if (runtime := async_get_runtime(hass)) is None:
        raise refusal("audit_not_loaded")
    audit, wanted = runtime.audit, call.data[ATTR_PERSON]
    try:
        await audit.people.async_delete_damaged()
    except OSError as err:
        raise refusal("audit_not_erased", detail=err.strerror or str(err)) from err
    found = await async_find_people(runtime, wanted)
    if not found:
        raise refusal("audit_person_unknown", person=wanted)
    if len(found) > 1:
        raise refusal(
            "audit_person_several",
            person=wanted,
            pseudonyms=listed(each.pseudonym for each in found),
        )
    try:
        erased = await async_erase_everywhere(runtime, found[0], call.context.user_id)
    except OSError as err:
        raise refusal("audit_not_erased", detail=err.strerror or str(err)) from err
    return _told(erased)


def _told(everywhere: ErasedEverywhere) -> dict[str, Any]:
    erased = everywhere.log
    report = erased.report
    damage = report.findings[0] if not report.intact else None
    return {
        "erased": {
            "pseudonym": erased.person.pseudonym,
            "name": erased.person.name,
            "user_id": erased.person.user_id,
        },
        "installations": everywhere.installations,
        "installations_left": everywhere.left,
        "approvals_taken_back": everywhere.approvals,
        "entries": erased.entries,
        "entries_by_account": erased.by_account,
        "whole": report.intact,
        "broken_entry": damage.number if damage else None,
        "log_entries": report.entries,
        "checkpoint": short_form(report.head.number, report.head.hash),
    }
