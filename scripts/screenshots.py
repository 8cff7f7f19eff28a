"""Take pictures of what a person sees, in a real browser, from the running demo.

    .venv/bin/python -m scripts.screenshots docs/screenshots

Needs Chromium, and playwright from PyPI in the virtual environment.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
from pathlib import Path
import shutil
import sys
from time import time
from typing import Any

from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from tests.rig.demo import CELLAR, DIRECTORY, SIDE, UPDATE, Demo, running, set_up
from tests.rig.home_client import HomeClient

_SIZE: ViewportSize = {"width": 1280, "height": 900}
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@asynccontextmanager
async def browser() -> AsyncGenerator[Browser]:
    """Start the system's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise SystemExit("Chromium is needed for the pictures.")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield chromium
        await chromium.close()


async def log_in(page: Page, client: HomeClient) -> None:
    """Give the page the tokens that a login would."""
    tokens = {
        **client.tokens,
        "hassUrl": client.url,
        "clientId": client.client_id,
        "expires": int((time() + client.tokens["expires_in"]) * 1000),
    }
    await page.goto(f"{client.url}/manifest.json")
    await page.evaluate(
        "tokens => localStorage.setItem('hassTokens', tokens)", json.dumps(tokens)
    )


async def device_id(client: HomeClient, name: str) -> str:
    """Return the id of a device."""
    devices = await client.command("config/device_registry/list")
    return next(str(device["id"]) for device in devices if device["name"] == name)


class Pictures:
    """The pictures of one visit."""

    def __init__(self, page: Page, demo: Demo, folder: Path) -> None:
        """Take the page."""
        self.page = page
        self.demo = demo
        self.folder = folder

    async def open(self, path: str, wait_for: str) -> None:
        """Open a page and wait for a text on it."""
        await self.page.goto(f"{self.demo.home.url}{path}")
        await self.page.get_by_text(wait_for).first.wait_for(timeout=60_000)

    async def take(self, name: str) -> None:
        """Take a picture, once nothing moves any more."""
        await self.page.wait_for_timeout(1200)
        await self.page.screenshot(path=self.folder / f"{name}.png")

    async def device_page(self, name: str) -> None:
        """Open the page of a device."""
        device = await device_id(self.demo.client, name)
        await self.open(f"/config/devices/device/{device}", name)
        await self.page.get_by_text("Check now").first.wait_for()

    async def dialog(self) -> None:
        """Open the update dialog from the device page."""
        row = self.page.locator("hui-update-entity-row").first
        await row.get_by_text("Firmware").first.click()
        await self.page.get_by_text("Installed version").first.wait_for()


async def main(folder: Path) -> None:
    """Walk through an update."""
    async with running(DIRECTORY, set_up) as demo, browser() as chromium:
        client = demo.client
        page = await chromium.new_page(viewport=_SIZE)
        await log_in(page, client)
        pictures = Pictures(page, demo, folder)
        await client.wait_for_state(UPDATE, lambda state: state["state"] == "on", 60)

        await pictures.open("/config/integrations/integration/nightlatch", "Front door")
        await pictures.take("1-integration")
        await pictures.device_page(SIDE)
        await pictures.take("8-device-guarded")
        await pictures.device_page(CELLAR)
        await pictures.take("9-device-watched")
        await pictures.open("/config/updates", "Front door")
        await pictures.take("10-updates-while-guarding")
        await pictures.open("/config/repairs", CELLAR)
        await pictures.take("11-repairs")
        await pictures.device_page("Front door")
        await pictures.take("2-device-before")
        await pictures.dialog()
        await pictures.take("3-dialog-before")

        pressed = asyncio.create_task(
            client.call_service("update", "install", UPDATE, timeout=600)
        )
        await client.wait_for_state(UPDATE, _is_half_way, 120)
        await pictures.take("4-dialog-during")
        await pictures.device_page("Front door")
        await pictures.take("5-device-during")
        await pressed
        await pictures.take("6-device-after")
        await pictures.dialog()
        await pictures.take("7-dialog-after")


def _is_half_way(state: dict[str, Any]) -> bool:
    return (state["attributes"]["update_percentage"] or 0) >= 30


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screenshots")
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
