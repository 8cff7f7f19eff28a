"""Take pictures of what a person sees, in a real browser, from the running demo.

    .venv/bin/python -m scripts.screenshots docs/screenshots

Needs Chromium, fonts with all signs (fonts-noto-core), and playwright. It takes ten
minutes: the locks are updated as in a house, and one of them is given bad firmware.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
import sys
from typing import Any

from playwright.async_api import (
    Browser,
    FilePayload,
    Page,
    ViewportSize,
    async_playwright,
)

from tests.rig.chromium import FLAGS, chromium_path
from tests.rig.demo import (
    CELLAR,
    DIRECTORY,
    FRONT,
    GARDEN,
    SIDE,
    UPDATE,
    Demo,
    running,
    set_by_owner,
    set_up,
)
from tests.rig.dfu_package import make_package
from tests.rig.home_client import HomeClient, HomeError
from tests.rig.image import Behaviour
from tests.rig.scene import (
    HARDWARE_REVISION,
    HARDWARE_VERSION,
    MODEL,
    firmware_version,
    make_firmware,
    publish_mcuboot,
)
from tests.rig.story import entry_id

_GARDEN_UPDATE = "update.garden_door_firmware"
_NEXT = "1.2.0"
_INTEGRATION = "/config/integrations/integration/nightlatch"
_INSTALL_TIMEOUT = 600
# Milliseconds.
_PAGE_TIMEOUT = 60_000
# Settings are looked at in the background, some time after an installation.
_SETTINGS_TIMEOUT = 600_000
_SIZE: ViewportSize = {"width": 1280, "height": 900}


@asynccontextmanager
async def browser() -> AsyncGenerator[Browser]:
    """Start the system's Chromium."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=chromium_path(), args=FLAGS
        )
        yield chromium
        await chromium.close()


async def log_in(page: Page, client: HomeClient) -> None:
    """Give the page the tokens that a login would."""
    await page.goto(f"{client.url}/manifest.json")
    await page.evaluate(
        "tokens => localStorage.setItem('hassTokens', tokens)", client.kept_by_browser
    )


async def device_id(client: HomeClient, name: str) -> str:
    """Return the id of a device; of two with one name, that of Nightlatch's own."""
    ours = await entry_id(client)
    devices = [
        device
        for device in await client.command("config/device_registry/list")
        if device["name"] == name
    ]
    devices.sort(key=lambda device: ours in device["config_entries"])
    return str(devices[-1]["id"])


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
        await self.see(wait_for)

    async def see(self, text: str, timeout: float = _PAGE_TIMEOUT) -> None:
        """Wait for a text on the page."""
        await self.page.get_by_text(text).first.wait_for(timeout=timeout)

    async def choose(self, text: str) -> None:
        """Click on a text."""
        await self.page.get_by_text(text).first.click()

    async def submit(self) -> None:
        """Press the button at the end of a dialog."""
        await self.page.get_by_role("button", name="Submit").click()

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
    """Walk through updates, good and bad, and what belongs to them."""
    async with running(DIRECTORY, set_up) as demo, browser() as chromium:
        set_by_owner(demo)
        page = await chromium.new_page(viewport=_SIZE)
        await log_in(page, demo.client)
        pictures = Pictures(page, demo, folder)
        await demo.client.wait_for_state(
            UPDATE, lambda state: state["state"] == "on", 60
        )
        await _take_the_house(pictures)
        await _take_an_update(pictures)
        await _take_the_vault(pictures)
        await _take_a_file(pictures)
        await _take_settings(pictures)
        await _take_a_way_back(pictures)


async def _take_the_house(pictures: Pictures) -> None:
    """Take what there is before anything happens."""
    await pictures.open(_INTEGRATION, FRONT)
    await pictures.take("1-integration")
    await pictures.device_page(SIDE)
    await pictures.take("8-device-guarded")
    await pictures.device_page(CELLAR)
    await pictures.take("9-device-watched")
    await pictures.open("/config/updates", FRONT)
    await pictures.take("10-updates-while-guarding")
    await pictures.open("/config/repairs", CELLAR)
    await pictures.take("11-repairs")


async def _take_an_update(pictures: Pictures) -> None:
    """Take the update of the front door, before, meanwhile and afterwards."""
    client = pictures.demo.client
    await pictures.device_page(FRONT)
    await pictures.take("2-device-before")
    await pictures.dialog()
    await pictures.take("3-dialog-before")
    pressed = asyncio.create_task(
        client.call_service("update", "install", UPDATE, timeout=_INSTALL_TIMEOUT)
    )
    # What stands in it is asked for when it is opened, and how far it is comes by itself.
    await client.wait_for_state(UPDATE, _has_begun, 120)
    await pictures.device_page(FRONT)
    await pictures.dialog()
    await client.wait_for_state(UPDATE, _is_half_way, 120)
    await pictures.take("4-dialog-during")
    await pictures.device_page(FRONT)
    await pictures.take("5-device-during")
    await pressed
    await pictures.take("6-device-after")
    await pictures.dialog()
    await pictures.take("7-dialog-after")


async def _take_the_vault(pictures: Pictures) -> None:
    """Take the options of the vault."""
    await pictures.open(_INTEGRATION, FRONT)
    await pictures.page.get_by_label("Configure", exact=True).first.click()
    await pictures.choose("The vault")
    await pictures.see("Size limit")
    await pictures.take("12-vault")


async def _take_a_file(pictures: Pictures) -> None:
    """Take what is shown of firmware from a file; nothing is done with it."""
    package = make_package(
        make_firmware(_NEXT),
        key=pictures.demo.vendor.firmware_key,
        fw_version=firmware_version(_NEXT),
        hw_version=HARDWARE_VERSION,
    )
    page = pictures.page
    await pictures.open(_INTEGRATION, FRONT)
    row = page.locator("ha-config-sub-entry-row").filter(has_text=FRONT).first
    await row.get_by_label("Reconfigure lock").first.click()
    await pictures.choose("Take firmware for it from a file")
    await pictures.see("It is only read and checked now")
    file = FilePayload(
        name=f"kestrel-one-{_NEXT}.zip", mimeType="application/zip", buffer=package
    )
    await page.locator("input[type=file]").first.set_input_files(file)
    await pictures.see(file["name"])
    await pictures.submit()
    await pictures.see("Write down what the maker says")
    fields = page.locator("step-flow-form input")
    for number, said in enumerate((MODEL, HARDWARE_REVISION, _NEXT)):
        await fields.nth(number).fill(said)
    await pictures.submit()
    await pictures.see("Nothing is installed now")
    await pictures.take("14-firmware-file")


async def _take_settings(pictures: Pictures) -> None:
    """Take what an update has changed of the garden door's settings."""
    await pictures.demo.client.call_service(
        "update", "install", _GARDEN_UPDATE, timeout=_INSTALL_TIMEOUT
    )
    await pictures.open("/config/repairs", CELLAR)
    await pictures.see("is not set as it was", _SETTINGS_TIMEOUT)
    await pictures.choose("is not set as it was")
    await pictures.see("Restore sets back")
    await pictures.take("13-settings")


async def _take_a_way_back(pictures: Pictures) -> None:
    """Take the garden door after firmware that has jammed its bolt."""
    client = pictures.demo.client
    publish_mcuboot(pictures.demo.vendor, _NEXT, behaviour=Behaviour.JAMS_BOLT)
    await client.call_service("nightlatch", "check_now", _GARDEN_UPDATE)
    await client.wait_for_state(_GARDEN_UPDATE, _is_next, 60)
    try:
        await client.call_service(
            "update", "install", _GARDEN_UPDATE, timeout=_INSTALL_TIMEOUT
        )
    except HomeError as err:
        print(err)
    await pictures.device_page(GARDEN)
    await pictures.see("has gone back to its old firmware")
    await pictures.take("15-went-back")


def _is_next(state: dict[str, Any]) -> bool:
    return bool(state["attributes"]["latest_version"] == _NEXT)


def _has_begun(state: dict[str, Any]) -> bool:
    return bool(state["attributes"]["in_progress"])


def _is_half_way(state: dict[str, Any]) -> bool:
    return (state["attributes"]["update_percentage"] or 0) >= 30


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screenshots")
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
