"""A vendor that is told how installations end, where the owner wants that."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
import json
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
import pytest

from custom_components.nightlatch.core.records.ends_report import Reported
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.util import dt as dt_util
from tests.rig.scene import VENDOR
from tests.rig.tls import Authority

from .flows import start_reconfigure, submit, until
from .house import FRONT_DOOR, House

SENDER = "custom_components.nightlatch.adapters.report_sender"
REPORTS = "custom_components.nightlatch.monitoring.ends_reports"


@dataclass
class Desk:
    """Where a vendor takes reports."""

    url: str = ""
    status: int = 204
    looks: Callable[[], None] = lambda: None
    """What happens while it takes one."""
    bodies: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
async def desk(
    socket_enabled: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Desk]:
    """Open a vendor's desk, behind a certificate that is trusted here."""
    desk, authority = Desk(), Authority()
    monkeypatch.setattr(f"{REPORTS}._WITHIN", timedelta())

    async def take(request: web.Request) -> web.Response:
        desk.bodies.append(await request.text())
        desk.headers.append(dict(request.headers))
        desk.looks()
        location = {"Location": "/elsewhere"} if desk.status == 302 else {}
        return web.Response(status=desk.status, headers=location)

    app = web.Application()
    app.router.add_post("/ends", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(
        runner, "127.0.0.1", 0, ssl_context=authority.server_context(tmp_path)
    )
    await site.start()
    desk.url = f"https://127.0.0.1:{runner.addresses[0][1]}/ends"
    connector = aiohttp.TCPConnector(ssl=authority.client_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        monkeypatch.setattr(f"{SENDER}.async_session", lambda _: session)
        yield desk
    await runner.cleanup()


async def agree(house: House, desk: Desk, *, yes: bool) -> dict[str, Any]:
    """Reconfigure the feed, and answer; return what was shown."""
    house.vendor.describe(reports=desk.url)
    vendor = house.vendor
    result = await start_reconfigure(house.hass, house.entry, house.subentry(VENDOR))
    result = await submit(house.hass, result, url=vendor.url, root=vendor.root.decode())
    result = await submit(house.hass, result)
    assert result["step_id"] == "reports"
    shown = dict(result["description_placeholders"] or {})
    result = await submit(house.hass, result, report=yes)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await house.settle()
    await look(house)
    return shown


async def look(house: House, nights: int = 1) -> None:
    """Let some nights pass in which reports are looked at."""
    now, reports = dt_util.utcnow(), house.runtime.scheduler._ends_reports
    for night in range(nights):
        # What spreads the households over the night is not waited for.
        reports._pause = timedelta()
        reports.async_look(now + timedelta(days=night))
        await house.settle()


async def test_a_vendor_is_told_how_it_ended(house: House, desk: Desk) -> None:
    """Once, in the words that the form has shown; no word of the household."""
    shown = await agree(house, desk, yes=True)
    assert desk.url in shown["address"]
    await house.release("1.1.0")
    await house.install()
    await look(house)
    (body,) = desk.bodies
    (end,) = json.loads(body)["ends"]
    assert (end["version"], end["outcome"], end["count"]) == ("1.1.0", "succeeded", 1)
    example = json.loads(shown["report"].strip("`").removeprefix("json"))
    assert example["ends"][0].keys() == end.keys()
    assert "Cookie" not in desk.headers[0]
    await look(house, 3)
    assert len(desk.bodies) == 1
    await house.reload()
    await look(house, 3)
    assert len(desk.bodies) == 1


async def test_nothing_is_sent_to_which_nobody_has_agreed(
    house: House, desk: Desk
) -> None:
    """Not without a yes, not of the time before it, and not to another address."""
    await house.release("1.1.0")
    await agree(house, desk, yes=False)
    await house.install()
    await look(house)
    await agree(house, desk, yes=True)
    await look(house)
    assert desk.bodies == []
    await house.release("1.2.0")
    await house.install()
    house.vendor.describe(reports=f"{desk.url}/elsewhere")
    await house.check()
    await look(house, 2)
    assert desk.bodies == []


@pytest.mark.parametrize("status", [500, 302])
async def test_a_desk_that_takes_nothing_is_left_alone_after_some_nights(
    house: House, desk: Desk, status: int
) -> None:
    """One request in each of them; no redirect is followed."""
    await agree(house, desk, yes=True)
    desk.status = status
    await house.release("1.1.0")
    await house.install()
    await look(house)
    await look(house)
    assert len(desk.bodies) == 1
    await look(house, 6)
    assert len(desk.bodies) == 3


async def test_a_desk_that_is_not_there_holds_up_nothing(
    house: House, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried in as many nights as one that takes nothing."""
    desk.url = "https://127.0.0.1:9/ends"
    await agree(house, desk, yes=True)
    await house.release("1.1.0")
    await house.install()
    await look(house, 6)
    assert desk.bodies == []
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    reported = house.runtime.store.reported(house.feed.subentry_id)
    assert reported is not None


async def test_a_yes_is_taken_back(house: House, desk: Desk) -> None:
    """And a later one begins anew."""
    await agree(house, desk, yes=True)
    await house.release("1.1.0")
    await house.install()
    await agree(house, desk, yes=False)
    await agree(house, desk, yes=True)
    await look(house, 2)
    assert desk.bodies == []


async def test_what_is_sent_is_on_disk_as_sent(
    house: House, desk: Desk, hass_storage: dict[str, Any]
) -> None:
    """Else whoever loses power meanwhile would send it again in the same night."""
    await agree(house, desk, yes=True)
    await house.release("1.1.0")
    await house.install()
    nights: list[str] = []

    def note() -> None:
        kept = house.kept(hass_storage)["reported"][house.feed.subentry_id]
        nights.append(kept["night"])

    desk.looks = note
    await look(house)
    assert len(nights) == 1
    assert nights[0] is not None


async def test_who_says_no_while_a_report_is_under_way_is_not_asked_to_say_it_again(
    house: House, desk: Desk
) -> None:
    """What comes of the report changes nothing of what was decided since."""
    await agree(house, desk, yes=True)
    await house.release("1.1.0")
    await house.install()
    feed_id, store = house.feed.subentry_id, house.runtime.store
    desk.looks = lambda: store.async_note_reported(feed_id, None)
    await look(house)
    assert len(desk.bodies) == 1
    assert store.reported(feed_id) is None


async def test_a_clock_that_was_ahead_silences_nobody(house: House, desk: Desk) -> None:
    """What ends once it is right is told."""
    await agree(house, desk, yes=True)
    feed_id, store = house.feed.subentry_id, house.runtime.store
    reported = store.reported(feed_id)
    assert reported is not None
    ahead = reported.until + timedelta(days=3650)
    store.async_note_reported(feed_id, replace(reported, until=ahead))
    await look(house)
    await house.release("1.1.0")
    await house.install()
    await look(house)
    assert len(desk.bodies) == 1


async def test_nothing_stays_of_a_feed_that_is_removed(
    house: House, desk: Desk, hass_storage: dict[str, Any]
) -> None:
    """Neither its address nor that anybody has agreed to it."""
    await agree(house, desk, yes=True)
    assert desk.url in str(house.kept(hass_storage))
    store, gone = house.runtime.store, "0" * 26
    house.hass.config_entries.async_remove_subentry(house.entry, house.feed.subentry_id)
    await until(lambda: house.kept(hass_storage)["reported"] == {})
    # Also where it was removed while nobody looked.
    store.async_note_reported(gone, Reported(address=desk.url, until=dt_util.utcnow()))
    await look(house)
    await until(lambda: house.kept(hass_storage)["reported"] == {})
    assert store.reported(gone) is None
