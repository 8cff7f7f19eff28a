"""The real Zigbee2MQTT, with a radio and one lock below it.

Zigbee2MQTT is npm's, with everything that it is made of, on a Node that it takes; only
where it would open a stick it gets the radio in ``radio/``. What it offers for the lock is
in an index of its own, that the rig writes: the internet is not asked.
"""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import hashlib
import json
from pathlib import Path
import struct
from tempfile import TemporaryDirectory
from typing import Any

from tests.rig import node
from tests.rig.mosquitto import Broker

FOLDER = Path(__file__).parent
IEEE = "0x588e81fffe123456"
NWK = 0x1234
MANUFACTURER_CODE, IMAGE_TYPE = 0x115C, 4
OLD, NEW = 285_474_816, 285_671_424
NAME = "Side door"
BASE_TOPIC = "zigbee2mqtt"

_FILE_IDENTIFIER = 0x0BEEF11E
_HEADER_LENGTH = 56
_COORDINATOR = "0x00124b0024c0ffee"
_LOCK = {
    "ieee": IEEE,
    "nwk": NWK,
    "manufacturer": MANUFACTURER_CODE,
    "imageType": IMAGE_TYPE,
    "version": OLD,
    "build": "17.4.0",
    "locked": True,
    "battery": 90,
    "deaf": False,
    "gives_up_at": None,
    "silent_at": None,
    "block_pause": 1,
    "falls_back": False,
    "restart": 300,
    "patience": 2_000,
}


def make_image(version: int, size: int = 1_000) -> bytes:
    """Return firmware in a file as the Zigbee cluster library has it."""
    body = struct.pack("<HI", 0, size) + bytes(index % 251 for index in range(size))
    head = struct.pack(
        "<IHHHHHIH32sI",
        _FILE_IDENTIFIER,
        0x0100,
        _HEADER_LENGTH,
        0,
        MANUFACTURER_CODE,
        IMAGE_TYPE,
        version,
        2,
        b"virtual lock",
        _HEADER_LENGTH + len(body),
    )
    return head + body


@dataclass
class RealBridge:
    """A running Zigbee2MQTT."""

    process: Process
    data: Path
    events: list[dict[str, Any]] = field(default_factory=list)
    """What the lock was heard to do."""
    said: list[str] = field(default_factory=list)
    """What Zigbee2MQTT has written into its log."""

    def order(self, order: str | None = None, **settings: Any) -> None:
        """Let the lock do something, or behave in another way; see ``radio/lock.js``."""
        assert self.process.stdin is not None
        told = settings if order is None else {"order": order, **settings}
        self.process.stdin.write(f"{json.dumps(told)}\n".encode())

    def offer(self, version: int, *, digest: str | None = None, **image: Any) -> None:
        """Put an image into the index; the next look finds it."""
        content = make_image(version, **image)
        (self.data / "lock.ota").write_bytes(content)
        entry = {
            "fileVersion": version,
            "imageType": IMAGE_TYPE,
            "manufacturerCode": MANUFACTURER_CODE,
            "url": "lock.ota",
            "sha512": digest or hashlib.sha512(content).hexdigest(),
            "releaseNotes": "The bolt stops earlier.",
        }
        (self.data / "index.json").write_text(json.dumps([entry]))

    def did(self, event: str) -> list[dict[str, Any]]:
        """Return what the lock did of a kind."""
        return [each for each in self.events if each["event"] == event]


@asynccontextmanager
async def running_bridge(
    broker: Broker, *, cache_state: bool = True
) -> AsyncGenerator[RealBridge]:
    """Run Zigbee2MQTT with a lock that was paired before."""
    program = await _node_for_it()
    with TemporaryDirectory(prefix="nightlatch-zigbee-") as directory:
        data = Path(directory)
        await asyncio.to_thread(_write_data, data, broker, cache_state)
        process = await node.start(
            program,
            str(FOLDER / "radio" / "serve.js"),
            # In a repository it would compare that with its own, and build itself anew.
            cwd=data,
            environment={
                "GIT_CEILING_DIRECTORIES": str(data.parent),
                "NIGHTLATCH_ZIGBEE_LOCK": json.dumps(_LOCK),
                "ZIGBEE2MQTT_DATA": directory,
                "Z2M_ONBOARD_NO_SERVER": "1",
            },
        )
        bridge = RealBridge(process, data)
        reader = None
        try:
            await node.line_with(process, '@{"event":"ready"}')
            reader = asyncio.create_task(_read(bridge))
            yield bridge
        finally:
            await node.stop(process)
            if reader is not None:
                await reader


async def _node_for_it() -> str:
    """Return a Node that Zigbee2MQTT takes, newer than many machines have."""
    await node.installed_node(FOLDER)
    found = sorted(FOLDER.glob("node_modules/node-*/bin/node"))
    if not found:
        raise node.NodeError("There is no Node 22 for this kind of machine")
    return str(found[0])


async def _read(bridge: RealBridge) -> None:
    assert bridge.process.stdout is not None
    while line := await bridge.process.stdout.readline():
        if line.startswith(b"@"):
            bridge.events.append(json.loads(line[1:]))
        else:
            bridge.said.append(line.decode().rstrip())


def _write_data(data: Path, broker: Broker, cache_state: bool) -> None:
    """Write what a house has that has run it for a while. Its YAML takes JSON."""
    configuration = {
        "version": 5,
        "mqtt": {
            "server": f"mqtt://{broker.host}:{broker.port}",
            "base_topic": BASE_TOPIC,
        },
        "serial": {"port": "/dev/null", "adapter": "zstack"},
        "homeassistant": {"enabled": True},
        "frontend": {"enabled": False},
        "advanced": {
            "log_output": ["console"],
            "log_level": "info",
            "cache_state": cache_state,
            "channel": 11,
            "pan_id": 6754,
            "ext_pan_id": [0, 18, 75, 0, 36, 192, 255, 1],
            "network_key": list(range(1, 17)),
        },
        "ota": {
            "zigbee_ota_override_index_location": "index.json",
            "image_block_response_delay": 50,
        },
        "devices": {IEEE: {"friendly_name": NAME}},
    }
    (data / "configuration.yaml").write_text(json.dumps(configuration))
    (data / "index.json").write_text("[]")
    records = [
        {
            "id": 1,
            "type": "Coordinator",
            "ieeeAddr": _COORDINATOR,
            "nwkAddr": 0,
            "manufId": 0,
            "epList": [1],
            "endpoints": {"1": _endpoint([], [])},
        },
        {
            "id": 2,
            "type": "EndDevice",
            "ieeeAddr": IEEE,
            "nwkAddr": NWK,
            "manufId": MANUFACTURER_CODE,
            "manufName": "Danalock",
            "modelId": "V3-BTZB",
            "powerSource": "Battery",
            "swBuildId": _LOCK["build"],
            "dateCode": "20260101",
            "epList": [1],
            "endpoints": {"1": _endpoint([0, 1, 257], [25])},
        },
    ]
    (data / "database.db").write_text(
        "".join(
            json.dumps(
                {
                    **record,
                    "interviewState": "SUCCESSFUL",
                    "interviewCompleted": True,
                    "meta": {},
                }
            )
            + "\n"
            for record in records
        )
    )


def _endpoint(taken: list[int], offered: list[int]) -> dict[str, Any]:
    return {
        "profId": 0x0104,
        "epId": 1,
        "devId": 10,
        "inClusterList": taken,
        "outClusterList": offered,
        "clusters": {},
        "binds": [],
        "configuredReportings": [],
        "meta": {},
    }
