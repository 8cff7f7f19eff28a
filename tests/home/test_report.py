"""The report: what stands in it, the page, the link, and what the weekly look tells."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from http import HTTPStatus
import json
import re
from typing import Any, override

import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator  # type: ignore[import-untyped]

from custom_components.nightlatch.core.records.weekly_record import Need, WeeklyRecord
from custom_components.nightlatch.core.vendor_facts import facts_for, read_facts
from custom_components.nightlatch.markup import neutral
from custom_components.nightlatch.monitoring.next_step import next_step
from custom_components.nightlatch.monitoring.proof import has_way_back, told_way_back
from custom_components.nightlatch.report import content, link
from custom_components.nightlatch.report.link import PATH
from custom_components.nightlatch.report.page import POLICY
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

from .asked import plan_of
from .flows import until
from .house import House
from .night import Night
from .test_actions import add_user
from .test_security import advisory

EVIL = "<img src=x onerror=alert(1)>\"'&"

type Report = Callable[[], Awaitable[dict[str, Any]]]


@pytest.fixture
async def report(house: House) -> Report:
    """Call the action as the owner of the house."""
    owner = await add_user(house, is_owner=True)

    async def call() -> dict[str, Any]:
        answer: Any = await house.hass.services.async_call(
            "nightlatch",
            "export_report",
            blocking=True,
            context=Context(user_id=owner.id),
            return_response=True,
        )
        # What is returned is what a browser could be sent.
        return dict(json.loads(json.dumps(answer)))

    return call


class Elements(HTMLParser):
    """Notes which elements and attributes a page has."""

    def __init__(self, page: str) -> None:
        """Read it."""
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.text = ""
        self.feed(page)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.add(tag)
        self.attributes |= set(attrs)

    @override
    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


async def page_of(hass_client: ClientSessionGenerator) -> str:
    """Return the page, as an administrator gets it."""
    response = await (await hass_client()).get(PATH)
    assert response.status == HTTPStatus.OK
    page: str = await response.text()
    return page


# What stands in it.


async def test_each_value_is_that_of_the_service_that_has_it(
    house: House, report: Report
) -> None:
    """A hole that nothing closes, with what helps; unknown where nobody says."""
    house.vendor.advise("kestrel/1.json", **advisory())
    await house.check()
    lock = house.managed()
    told = await report()
    (line,) = told["locks"]
    assert (line["name"], line["installed"]) == ("Front door", "1.0.0")
    assert line["security"] == lock.security == "vulnerable"
    assert line["next_step"] == next_step(lock, plan_of(lock))
    assert line["way_back_text"] == told_way_back(
        lock, house.runtime.planner, house.runtime.vault
    )
    (hole,) = line["advisories"]
    assert hole["id"] == "CVE-2026-0001"
    assert (hole["severity_text"], hole["match_text"]) == ("critical", "yes")
    assert hole["fixed_in"] is None
    assert hole["mitigation"] == neutral("Take the [keypad](x) off.")
    assert [each["need"] for each in line["needs"]] == ["need_hole"]
    assert line["support_end"] is None
    assert line["ask"] == []
    assert (told["in_need"], told["not_known"]) == (1, 0)
    assert told["checkpoint"] == await house.runtime.audit.async_checkpoint()
    assert told["left_out"] == []


async def test_whom_to_ask_its_maker_says_first(house: House, report: Report) -> None:
    """Signed in its feed; else where somebody has found it, with the source."""
    lock = house.managed()
    lock.facts = facts_for(read_facts(), "Nuki", ("Lock 4",), None)
    (line,) = (await report())["locks"]
    (found,) = line["ask"]
    assert found["url"] == "https://support.nuki.io"
    assert re.fullmatch(r"Nuki support \d+, \d{4}-\d\d-\d\d", found["source"])
    models = [
        {**model, "support_url": "https://kestrel.example/ask"}
        for model in house.vendor.descriptor["models"]
    ]
    house.vendor.describe(models=models)
    await house.check()
    (line,) = (await report())["locks"]
    assert line["ask"] == [
        {"url": "https://kestrel.example/ask", "source": "Kestrel Locks"}
    ]


async def test_a_lock_that_cannot_be_looked_at_is_named_and_stops_no_other(
    two_doors: House,
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
    hass_client: ClientSessionGenerator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What is missing must not be taken for what is well."""
    house = two_doors
    broken = house.managed()

    def fails(lock: Any, *others: Any) -> bool:
        if lock is broken:
            raise RuntimeError("broken")
        return has_way_back(lock, *others)

    monkeypatch.setattr(content, "has_way_back", fails)
    told = await report()
    assert [each["name"] for each in told["locks"]] == ["Back door"]
    assert told["left_out"] == ["Front door"]
    page = Elements(await page_of(hass_client))
    assert ("role", "alert") in page.attributes
    assert "Front door is missing here" in page.text
    caplog.clear()


async def test_nobody_and_no_address_stands_in_it(
    house: House, report: Report, hass_client: ClientSessionGenerator
) -> None:
    """It is made to be given away."""
    lock = house.managed()
    lock.record = replace(
        lock.record, identity=replace(lock.record.identity, serial_number="SN-4711")
    )
    await house.release("1.1.0")
    await house.install()
    told = json.dumps(await report())
    page = await page_of(hass_client)
    users = [each.name for each in await house.hass.auth.async_get_users()]
    for secret in ("SN-4711", lock.kind.key, *filter(None, users)):
        assert secret not in told
        assert secret not in page


# The page.


async def test_the_page_stands_alone(
    house: House, hass_client: ClientSessionGenerator
) -> None:
    """No script, nothing loaded, and a policy that would not let it."""
    house.vendor.advise("kestrel/1.json", **advisory())
    await house.check()
    client = await hass_client()
    response = await client.get(PATH)
    assert response.content_type == "text/html"
    headers = response.headers
    assert headers["Content-Security-Policy"].startswith(POLICY)
    assert "sandbox" in headers["Content-Security-Policy"]
    assert "script" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    text = await response.text()
    page = Elements(text)
    assert not page.tags & {"script", "img", "link", "iframe", "object", "form"}
    assert not {name for name, _ in page.attributes} & {"src", "style", "srcset"}
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text
    assert ("content", POLICY) in page.attributes
    links = {value for name, value in page.attributes if name == "href"}
    assert links == {"https://kestrel.example/1"}
    assert "There is a hole, and no fix is named" in page.text
    assert "report_" not in page.text


async def test_what_comes_next_and_what_stands_against_it_is_on_the_page(
    house: House, hass_client: ClientSessionGenerator
) -> None:
    """With what to do, when it would start, and what is known of the maker."""
    Night(house).automate()
    await house.release("1.1.0")
    lock = house.managed()
    lock.facts = facts_for(read_facts(), "Tedee", ("Lock",), None)
    lock.in_bootloader = True
    assert plan_of(lock).starts_at is not None
    page = Elements(await page_of(hass_client))
    for told in (
        "Planned for ",
        "It waits in its bootloader. Use a key or a keypad to go in.",
        "Settings > System > Repairs says what to do now.",
        "Something is wrong with it or with its update",
        "It may have to be calibrated again afterwards, by hand.",
        "Tedee manual, calibration, 2026-",
    ):
        assert told in page.text


async def test_what_comes_from_outside_is_only_text(
    house: House, hass_client: ClientSessionGenerator
) -> None:
    """Whoever says it: the lock, its feed, an outcome, the name that people gave."""
    lock = house.managed()
    lock.name = f"Door {EVIL}"
    identity = replace(
        lock.record.identity,
        manufacturer=EVIL,
        hardware_revision=EVIL,
        firmware_version=f"1.0.0{EVIL}",
    )
    lock.record = replace(lock.record, identity=identity)
    raw = advisory()
    raw["vulnerabilities"][0]["remediations"][0]["details"] = EVIL
    raw["vulnerabilities"][0]["cve"] = "CVE-2026-0002"
    house.vendor.advise("kestrel/1.json", **raw)
    await house.check()
    page = await page_of(hass_client)
    elements = Elements(page)
    assert "img" not in elements.tags
    assert not [name for name, _ in elements.attributes if name.startswith("on")]
    assert "onerror=alert(1)" in elements.text
    assert "<img" not in page


async def test_a_link_that_is_no_address_of_a_page_is_only_text(
    house: House, hass_client: ClientSessionGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feeds and facts are held to ``https`` before; the page does not rely on that."""
    monkeypatch.setattr(
        content,
        "whom_to_ask",
        lambda _: [{"url": "javascript:alert(1)", "source": "x"}],
    )
    page = Elements(await page_of(hass_client))
    assert not [value for name, value in page.attributes if name == "href"]
    assert "javascript:alert(1)" in page.text


# Who gets it.


async def asked_for(
    house: House, hass_client: ClientSessionGenerator
) -> dict[str, Any]:
    """Return what somebody gets who asks over Home Assistant's web API."""
    assert await async_setup_component(house.hass, "api", {})
    client = await hass_client()
    response = await client.post(
        "/api/services/nightlatch/export_report?return_response", json={}
    )
    answer: dict[str, Any] = (await response.json())["service_response"]
    return answer


async def test_the_link_needs_no_password_and_runs_out(
    house: House,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has the rights of the session that it was made in, for a while."""
    answer = await asked_for(house, hass_client)
    until_when = dt_util.parse_datetime(answer["valid_until"], raise_on_error=True)
    assert timedelta(minutes=14) < until_when - dt_util.utcnow() < timedelta(minutes=16)
    stranger = await hass_client_no_auth()
    assert (await stranger.get(answer["url"])).status == HTTPStatus.OK
    assert (await stranger.get(PATH)).status == HTTPStatus.UNAUTHORIZED
    monkeypatch.setattr(link, "VALID", timedelta(seconds=-1))
    late = await asked_for(house, hass_client)
    assert (await stranger.get(late["url"])).status == HTTPStatus.UNAUTHORIZED


async def test_who_is_no_administrator_gets_nothing(
    house: House,
    hass_client: ClientSessionGenerator,
    hass_read_only_access_token: str,
) -> None:
    """Neither the action nor the page; an automation gets no link that others could use."""
    client = await hass_client(hass_read_only_access_token)
    assert (await client.get(PATH)).status == HTTPStatus.UNAUTHORIZED
    guest = await add_user(house, is_owner=False)
    for context, allowed in ((Context(user_id=guest.id), False), (Context(), True)):
        asking = house.hass.services.async_call(
            "nightlatch",
            "export_report",
            blocking=True,
            context=context,
            return_response=True,
        )
        if allowed:
            answer: Any = await asking
            assert (answer["url"], answer["valid_until"]) == (PATH, None)
        else:
            with pytest.raises(Unauthorized):
                await asking


async def test_without_nightlatch_there_is_no_report(
    house: House, report: Report, hass_client: ClientSessionGenerator
) -> None:
    """Action and page say what to do."""
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    with pytest.raises(HomeAssistantError) as caught:
        await report()
    assert caught.value.translation_key == "report_not_loaded"
    response = await (await hass_client()).get(PATH)
    assert response.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert (await response.json())["code"] == "report_not_loaded"


async def test_the_options_have_a_link_to_it(
    house: House, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """In a place of its own; pressing *Submit* changes nothing."""
    flow = house.hass.config_entries.options
    before = dict(house.entry.options)
    menu = await flow.async_init(house.entry.entry_id)
    assert "report" in menu["menu_options"]
    form = await flow.async_configure(menu["flow_id"], {"next_step_id": "report"})
    opens = (form["description_placeholders"] or {})["open"]
    found = re.fullmatch(
        r'<a href="(/api/nightlatch/report\?authSig=[^"]+)" target="_blank">', opens
    )
    assert found is not None
    # Nobody has asked for it over the web here: it is nobody's link, and opens nothing.
    stranger = await hass_client_no_auth()
    assert (await stranger.get(found[1])).status == HTTPStatus.UNAUTHORIZED
    done = await flow.async_configure(form["flow_id"], {})
    assert done["type"] == "create_entry"
    assert dict(house.entry.options) == before


async def test_the_options_have_no_link_while_nightlatch_does_not_run(
    house: House,
) -> None:
    """They say so."""
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    flow = house.hass.config_entries.options
    menu = await flow.async_init(house.entry.entry_id)
    ended = await flow.async_configure(menu["flow_id"], {"next_step_id": "report"})
    assert (ended["type"], ended["reason"]) == ("abort", "not_loaded")


# Every week.


async def test_it_is_assessed_once_a_week_and_kept(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """When, and what each lock needs; over a restart too."""
    night = Night(house)
    await night.look()
    first = house.runtime.store.weekly
    assert first is not None
    assert first.in_need == 0
    await night.look()
    assert house.runtime.store.weekly is first
    await house.reload()
    kept = house.runtime.store.weekly
    assert kept == first
    assert house.kept(hass_storage)["weekly"] == first.to_dict()
    await house.runtime.store.async_set_weekly(
        WeeklyRecord(first.at - timedelta(days=7), first.locks)
    )
    await night.look()
    again = house.runtime.store.weekly
    assert again is not None
    assert again.at - first.at < timedelta(minutes=5)


async def test_only_what_has_become_worse_is_told(house: House) -> None:
    """In the morning's notice, once; not what was there when it was first looked at."""
    night = Night(house)
    lock, store = house.managed(), house.runtime.store

    async def a_week_later() -> list[str]:
        weekly = store.weekly
        if weekly is not None:
            await store.async_set_weekly(
                WeeklyRecord(weekly.at - timedelta(days=7), weekly.locks)
            )
        before = store.digest
        await night.look()
        return [each for each in store.digest if each not in before]

    house.vendor.advise("kestrel/1.json", **advisory())
    await house.check()
    await until(lambda: lock.security == "vulnerable")
    assert await a_week_later() == []
    assert store.weekly is not None
    assert store.weekly.in_need == 1
    raw = advisory()
    raw["vulnerabilities"][0]["cve"] = "CVE-2026-0009"
    raw["document"]["tracking"]["id"] = "KL-2"
    house.vendor.advise("kestrel/2.json", **raw)
    await house.check()
    assert len(lock.assessment.open) == 2
    (told,) = await a_week_later()
    assert told.startswith("Front door stands worse than a week ago. A hole in what")
    assert await a_week_later() == []
    # An update that waits is no worse: people were told when it came.
    await house.release("1.1.0")
    assert await a_week_later() == []
    assert Need.DECISION in store.weekly.locks[lock.subentry_id].needs


async def test_a_lock_that_cannot_be_assessed_keeps_what_was_known_of_it(
    two_doors: House,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And the other is assessed."""
    house = two_doors
    store, broken = house.runtime.store, house.managed()
    await Night(house).look()
    before = store.weekly
    assert before is not None
    monkeypatch.setattr(
        "custom_components.nightlatch.monitoring.weekly.needs_attention",
        lambda lock: 1 / 0 if lock is broken else False,
    )
    await store.async_set_weekly(
        WeeklyRecord(before.at - timedelta(days=7), before.locks)
    )
    await Night(house).look()
    assert store.weekly is not None
    assert store.weekly.locks == before.locks
    assert store.weekly.at > before.at
    caplog.clear()
