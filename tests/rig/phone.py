"""A phone with Home Assistant's companion app, as Home Assistant sees one."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from .home_client import HomeClient

REGISTER_TIMEOUT = 30.0
"""Seconds until Home Assistant has the phone's notify action."""


@dataclass(frozen=True, kw_only=True)
class PhoneNotice:
    """A notification as it is shown."""

    title: str
    message: str
    tag: str | None
    buttons: tuple[tuple[str, str], ...]
    """The id of each button, and what is written on it."""


class Phone:
    """A registered phone that shows what it is sent, over its own push channel."""

    def __init__(self, client: HomeClient, name: str, webhook_id: str) -> None:
        """Take a registration; ``register`` makes one."""
        self._client = client
        self._webhook_id = webhook_id
        self.action = f"mobile_app_{name.lower().replace(' ', '_')}"
        """The notify action of Home Assistant that reaches it."""
        self.notices: list[PhoneNotice] = []
        """What it was sent, oldest first."""

    @classmethod
    async def register(cls, client: HomeClient, name: str) -> Phone:
        """Do what the app does when a person logs in."""
        registration = await client.post(
            "/api/mobile_app/registrations",
            {
                "app_data": {"push_websocket_channel": True},
                "app_id": "rig",
                "app_name": "Rig",
                "app_version": "1",
                "device_id": name,
                "device_name": name,
                "manufacturer": "Rig",
                "model": "Phone",
                "os_name": "Rig",
                "os_version": "1",
                "supports_encryption": False,
            },
        )
        phone = cls(client, name, registration["webhook_id"])
        async with (
            asyncio.timeout(REGISTER_TIMEOUT),
            client.subscription(
                "subscribe_events", event_type="service_registered"
            ) as registered,
        ):
            services = await client.command("get_services")
            while phone.action not in services.get("notify", ()):
                await registered.get()
                services = await client.command("get_services")
        return phone

    def reach(self, client: HomeClient) -> None:
        """Go on with the same Home Assistant, after it was started again."""
        self._client = client

    @asynccontextmanager
    async def on(self, shown: Callable[[PhoneNotice], None]) -> AsyncGenerator[None]:
        """Be switched on: show every notification as it comes."""
        async with self._client.subscription(
            "mobile_app/push_notification_channel", webhook_id=self._webhook_id
        ) as messages:
            reader = asyncio.create_task(self._read(messages, shown))
            try:
                yield
            finally:
                reader.cancel()

    async def _read(
        self, messages: asyncio.Queue[Any], shown: Callable[[PhoneNotice], None]
    ) -> None:
        while True:
            message = await messages.get()
            data = message.get("data", {})
            notice = PhoneNotice(
                title=message.get("title", ""),
                message=message["message"],
                tag=data.get("tag"),
                buttons=tuple(
                    (button["action"], button["title"])
                    for button in data.get("actions", ())
                ),
            )
            self.notices.append(notice)
            shown(notice)

    async def press(self, button: str, **reply: str) -> None:
        """Press a button of a notification; a text button has a ``reply_text``."""
        await self._client.post(
            f"/api/webhook/{self._webhook_id}",
            {
                "type": "fire_event",
                "data": {
                    "event_type": "mobile_app_notification_action",
                    "event_data": {"action": button, **reply},
                },
            },
        )
