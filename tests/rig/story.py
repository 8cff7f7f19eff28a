"""What the stories of the demo have in common: how they are told, and who is told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from .home_client import FlowKind, HomeClient
from .phone import Phone, PhoneNotice

ZONE = ZoneInfo("Europe/Amsterdam")
"""As in the rig's Home Assistant."""


def say(text: str) -> None:
    """Print a line with the time."""
    print(f"{datetime.now(ZONE):%H:%M:%S}  {text}", flush=True)


def show(notice: PhoneNotice) -> None:
    """Print what a phone shows."""
    for number, line in enumerate(notice.message.splitlines()):
        say(f"{'phone:' if number == 0 else '      '} {line}")
    if notice.buttons:
        buttons = "  ".join(f"[{title}]" for _, title in notice.buttons)
        say(f"       {buttons}")


async def entry_id(client: HomeClient) -> str:
    """Return the id of Nightlatch's entry."""
    entries = await client.command("config_entries/get", domain="nightlatch")
    found: str = entries[0]["entry_id"]
    return found


async def set_option(client: HomeClient, step: str, answer: Mapping[str, Any]) -> None:
    """Fill in one of the options of the household, as its owner does."""
    await client.finish_flow(
        FlowKind.OPTIONS, await entry_id(client), {"next_step_id": step}, dict(answer)
    )


async def tell_everything(client: HomeClient, phone: Phone) -> None:
    """Let a phone be told every step."""
    people = {"phones": [phone.action], "notify": [], "everything": True}
    await set_option(client, "people", people)
