"""The card: suggested for a lock, put on a dashboard, and changed in its editor."""

import asyncio
from collections.abc import Iterator
import re
from typing import Any, Final

from playwright.sync_api import Route
import pytest

from tests.rig.demo import FRONT, GARDEN

from .house import PATIENCE, UPDATES, RunningHouse
from .visit import Visit

_DASHBOARD: Final = "night-doors"
_PICKER: Final = "ui.panel.lovelace.editor.edit_card"
_OURS: Final = "nightlatch.js"
_PARTS: Final = ["hours", "locks", "history"]


def _put(house: RunningHouse, *cards: dict[str, Any]) -> None:
    """Put these cards on the dashboard, and no others."""
    config = {"views": [{"path": "doors", "type": "masonry", "cards": cards}]}
    house.do(
        house.client.command("lovelace/config/save", url_path=_DASHBOARD, config=config)
    )


@pytest.fixture(autouse=True)
def dashboard(house: RunningHouse) -> Iterator[None]:
    """Let there be a dashboard without any card, as long as the test."""
    client = house.client
    made = house.do(
        client.command(
            "lovelace/dashboards/create",
            url_path=_DASHBOARD,
            title="Doors",
            mode="storage",
        )
    )
    _put(house)
    yield
    house.do(client.command("lovelace/dashboards/delete", dashboard_id=made["id"]))


def _until_kept(house: RunningHouse, wanted: dict[str, Any]) -> None:
    """Wait until this card, and no other, is kept with the dashboard."""

    async def wait() -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                config = await house.client.command(
                    "lovelace/config", url_path=_DASHBOARD
                )
                if config["views"][0]["cards"] == [wanted]:
                    return
                await asyncio.sleep(0.2)

    house.do(wait(), 2 * PATIENCE)


def _press(visit: Visit, key: str) -> None:
    """Press a button of the dashboard."""
    name = visit.theirs(key)
    visit.page.get_by_role("button", name=name, exact=True).last.click()


@pytest.mark.parametrize("path", ["nightlatch", f"{_DASHBOARD}/doors"])
def test_who_comes_before_home_assistant_is_found_all_the_same(
    visit: Visit, path: str
) -> None:
    """Its own file, which may come later, changes where elements are looked up."""
    page, house = visit.page, visit.house
    _put(house, {"type": "custom:nightlatch-card"})
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(r"/app\.[0-9a-f]+\.js"), hold)
    with page.expect_event("requestfinished", lambda request: _OURS in request.url):
        page.goto(f"{house.demo.home.url}/{path}", wait_until="commit")
    # Nothing can be waited for that happens, or does not, in a page which hears nothing.
    page.wait_for_timeout(1000)
    assert held
    for route in held:
        route.continue_()
    page.get_by_role("heading", name=FRONT).first.wait_for()
    assert "nightlatch-card" not in visit.read()


def test_the_card_of_a_lock(owner: Visit) -> None:
    """It is suggested for the lock's update; the rest is a matter of ticks."""
    words, house = owner.words, owner.house
    owner.open(f"/{_DASHBOARD}/doors?edit=1")
    _press(owner, f"{_PICKER}.add")
    owner.dialog.get_by_role("textbox").first.fill(f"{FRONT} firmware")
    owner.choose("Firmware")
    owner.dialog.locator("nightlatch-card").get_by_text(FRONT).first.wait_for()
    owner.choose("Nightlatch")
    card: dict[str, Any] = {
        "type": "custom:nightlatch-card",
        "locks": [UPDATES[FRONT]],
        "show": _PARTS,
    }
    _until_kept(house, card)
    on_dashboard = owner.page.locator("nightlatch-card").first
    on_dashboard.get_by_role("heading", name=FRONT).wait_for()
    _press(owner, f"{_PICKER}.edit")
    editor = owner.dialog.locator("nightlatch-card-editor")
    editor.get_by_label(words("config_panel.editor.title")).fill("At night")
    editor.get_by_role("checkbox", name=GARDEN).check()
    owner.look("card-editor")
    owner.press(owner.theirs("ui.common.save"))
    editor.wait_for(state="detached")
    _until_kept(
        house, card | {"title": "At night", "locks": [UPDATES[FRONT], UPDATES[GARDEN]]}
    )
    _press(owner, "ui.panel.lovelace.menu.exit_edit_mode")
    for heading in ("At night", FRONT, GARDEN):
        on_dashboard.get_by_role("heading", name=heading).wait_for()
    owner.look("card", on_dashboard)
