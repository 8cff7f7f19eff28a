"""The settings of a Zigbee lock: entities on its device, beside what the bridge makes.

They are told and set over MQTT as those of the bridge are. The lock can lose some of
them, as locks do with new firmware, and be stubborn about others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from .mqtt_peer import MqttPeer
from .zigbee2mqtt import BASE_TOPIC, DISCOVERY_PREFIX, ZigbeeLock


@dataclass(kw_only=True)
class ZigbeeSetting:
    """One setting, with how Home Assistant gets to know of it."""

    component: str
    key: str
    value: str
    name: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    stubborn: bool = False
    """Whether the lock takes commands for it and does nothing."""


def usual_settings() -> list[ZigbeeSetting]:
    """Return one of each kind."""
    return [
        ZigbeeSetting(
            component="number",
            key="auto_relock_time",
            name="Auto-relock time",
            value="30",
            config={"min": 0, "max": 3600, "unit_of_measurement": "s"},
        ),
        ZigbeeSetting(
            component="select",
            key="sound_volume",
            name="Sound volume",
            value="low",
            config={"options": ["silent", "low", "high"]},
        ),
        ZigbeeSetting(
            component="switch", key="auto_lock", name="Auto-lock", value="ON"
        ),
        ZigbeeSetting(
            component="text", key="greeting", name="Greeting", value="Welcome"
        ),
        ZigbeeSetting(
            component="text", key="master_pin", name="Master PIN", value="471108"
        ),
        ZigbeeSetting(
            component="time", key="night_from", name="Night from", value="22:00:00"
        ),
        ZigbeeSetting(
            component="date", key="battery_day", name="Battery day", value="2026-11-01"
        ),
        ZigbeeSetting(
            component="datetime",
            key="away_until",
            name="Away until",
            value="2026-12-01T10:00:00+00:00",
        ),
        ZigbeeSetting(
            component="select",
            key="operating_mode",
            name="Operating mode",
            value="normal",
            config={"options": ["normal", "privacy", "passage"]},
        ),
        # The bolt in another form, as some locks have it.
        ZigbeeSetting(component="switch", key="bolt", name="Deadbolt", value="ON"),
        ZigbeeSetting(
            component="binary_sensor",
            key="calibrated",
            name="Calibrated",
            value="ON",
            config={"entity_category": "diagnostic"},
        ),
    ]


class ZigbeeSettings:
    """Tells the settings of a lock, and lets them be set."""

    def __init__(
        self, lock: ZigbeeLock, address: tuple[str, int], *settings: ZigbeeSetting
    ) -> None:
        """Know the lock, the broker, and what can be set."""
        self._lock = lock
        self._settings = {each.key: each for each in settings or usual_settings()}
        host, port = address
        self._peer = MqttPeer(host=host, port=port, received=self._received)
        self.commands: list[tuple[str, str]] = []
        """What was asked for: the key, and the value."""

    async def __aenter__(self) -> Self:
        """Connect, and tell Home Assistant of everything."""
        await self._peer.open(
            [f"{self._topic('+')}/set"], will=(self._topic("gone"), "yes")
        )
        for key, setting in self._settings.items():
            self._peer.publish_json(*self._discovery(setting))
            self.show(key)
        self.tell()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await self._peer.close()

    def __getitem__(self, key: str) -> ZigbeeSetting:
        """Return a setting."""
        return self._settings[key]

    def change(self, **values: str) -> None:
        """Let the lock have other settings, as after an update."""
        for key, value in values.items():
            self._settings[key].value = value
        self.tell(*values)

    def hide(self, key: str) -> None:
        """Let nobody know what a setting is, until ``show``."""
        self._peer.publish(f"{self._topic(key)}/availability", "offline")

    def show(self, key: str) -> None:
        """Let it be known again."""
        self._peer.publish(f"{self._topic(key)}/availability", "online")

    def remove(self, key: str) -> None:
        """Let the lock no longer have a setting."""
        topic, _ = self._discovery(self._settings.pop(key))
        self._peer.publish(topic, "")

    def offer(self, key: str, **config: Any) -> None:
        """Describe a setting in another way, as new firmware may."""
        self._settings[key].config |= config
        self._peer.publish_json(*self._discovery(self._settings[key]))
        self.tell(key)

    def tell(self, *keys: str) -> None:
        """Publish values."""
        for key in keys or self._settings:
            self._peer.publish(self._topic(key), self._settings[key].value)

    def commanded(self) -> Iterator[str]:
        """Return the keys of what was asked for."""
        return (key for key, _ in self.commands)

    def _topic(self, key: str) -> str:
        return f"{BASE_TOPIC}/{self._lock.friendly_name}/settings/{key}"

    def _received(self, topic: str, text: str) -> None:
        key = topic.split("/")[-2]
        self.commands.append((key, text))
        if (setting := self._settings.get(key)) is None or setting.stubborn:
            return
        setting.value = text
        self.tell(key)

    def _discovery(self, setting: ZigbeeSetting) -> tuple[str, dict[str, Any]]:
        lock, component = self._lock, setting.component
        config: dict[str, Any] = {
            "name": setting.name,
            "unique_id": f"{lock.ieee_address}_{setting.key}_{BASE_TOPIC}",
            "state_topic": self._topic(setting.key),
            "availability": [
                {"topic": f"{self._topic(setting.key)}/availability"},
            ],
            "availability_mode": "all",
            "entity_category": "config",
            "device": {
                "identifiers": [f"{BASE_TOPIC}_{lock.ieee_address}"],
                "name": lock.friendly_name,
            },
            **setting.config,
        }
        if component != "binary_sensor":
            config["command_topic"] = f"{self._topic(setting.key)}/set"
        return (
            f"{DISCOVERY_PREFIX}/{component}/{lock.ieee_address}/{setting.key}/config",
            config,
        )
