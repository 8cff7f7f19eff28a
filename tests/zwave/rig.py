"""Virtual Z-Wave locks: a controller, the server, and a firmware service.

The controller and the nodes are zwave-js's own mock-server, with a lock and an update
over the air of ours (``mock/``). ``@zwave-js/server`` talks to it as to a stick, and
Home Assistant to that. The firmware service is what zwave-js asks the internet for.
"""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.rig import node
from tests.rig.node import HOST, READY_TIMEOUT

FOLDER = Path(__file__).parent
MANUFACTURER_ID, PRODUCT_TYPE, PRODUCT_ID = 0x7FE1, 0x0003, 0x0001
IMAGE_SIZE = 800
"""Bytes; twenty fragments."""

_KEYS = {
    name: f"{number:02x}" * 16
    for number, name in enumerate(
        ("S0_Legacy", "S2_Unauthenticated", "S2_Authenticated", "S2_AccessControl"), 1
    )
}
_SERVER = "node_modules/@zwave-js/server/dist-esm/bin/server.js"


def make_image(version: str) -> bytes:
    """Return firmware as the virtual lock takes it."""
    start = f"KESTREL-ZW {version}".encode() + b"\0"
    return start + bytes(range(256)) * 4 + bytes(IMAGE_SIZE)


@dataclass
class FirmwareService:
    """What is offered for the lock; the shapes are those of firmware.zwave-js.io."""

    version: str = "1.1"
    asked: list[dict[str, Any]] = field(default_factory=list)

    def app(self, base: list[str]) -> web.Application:
        """Return the service; ``base`` gets its address once that is known."""
        app = web.Application()

        async def updates(request: web.Request) -> web.Response:
            self.asked.append(await request.json())
            image = make_image(self.version)
            offered = {
                "version": self.version,
                "normalizedVersion": f"{self.version}.0",
                "changelog": "The bolt stops earlier.",
                "channel": "stable",
                "downgrade": False,
                "files": [
                    {
                        "target": 0,
                        "url": f"{base[0]}/lock.bin",
                        "integrity": f"sha256:{hashlib.sha256(image).hexdigest()}",
                    }
                ],
            }
            return web.json_response(
                [
                    {
                        "manufacturerId": f"0x{MANUFACTURER_ID:04x}",
                        "productType": f"0x{PRODUCT_TYPE:04x}",
                        "productId": f"0x{PRODUCT_ID:04x}",
                        "firmwareVersion": device["firmwareVersion"],
                        "updates": [offered],
                    }
                    for device in self.asked[-1]["devices"]
                ]
            )

        async def image(_: web.Request) -> web.Response:
            return web.Response(body=make_image(self.version))

        app.router.add_post("/api/v4/updates", updates)
        app.router.add_get("/lock.bin", image)
        return app


@dataclass
class ZwaveNetwork:
    """A running network."""

    url: str
    """Of the server's websocket."""
    service: FirmwareService
    controller: Process
    events: list[dict[str, Any]] = field(default_factory=list)

    def change(self, **settings: Any) -> None:
        """Let the lock behave in another way; see ``mock/settings.js``."""
        assert self.controller.stdin is not None
        self.controller.stdin.write(f"{json.dumps(settings)}\n".encode())


@asynccontextmanager
async def running_network(locks: int = 1) -> AsyncGenerator[ZwaveNetwork]:
    """Run a controller with locks, the server, and the firmware service."""
    program = await node.installed_node(FOLDER)
    service, base = FirmwareService(), [""]
    http = TestServer(service.app(base))
    await http.start_server(host=HOST)
    base[0] = str(http.make_url("")).rstrip("/")
    with TemporaryDirectory(prefix="nightlatch-zwave-") as directory:
        config = await asyncio.to_thread(_write_config, Path(directory))
        port = node.free_port()
        processes: list[Process] = []
        readers: list[asyncio.Task[None]] = []
        try:
            controller = await node.start(
                program,
                "mock/serve.js",
                cwd=FOLDER,
                environment={"NIGHTLATCH_ZWAVE_NODES": str(locks)},
            )
            processes.append(controller)
            stick = await node.line_with(controller, "Server listening on ")
            server = await node.start(
                program,
                _SERVER,
                stick.rpartition(" ")[2],
                "--config",
                str(config),
                "--host",
                HOST,
                "--port",
                str(port),
                "--disable-dns-sd",
                cwd=FOLDER,
                environment={"ZWAVEJS_FW_SERVICE_URL": base[0]},
            )
            processes.append(server)
            await _until_it_listens(server, port)
            network = ZwaveNetwork(f"ws://{HOST}:{port}", service, controller)
            readers = [
                asyncio.create_task(_read_events(controller, network.events)),
                asyncio.create_task(_drain(server)),
            ]
            yield network
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
            for process in reversed(processes):
                await node.stop(process)
            await http.close()


def _write_config(directory: Path) -> Path:
    config = directory / "config.json"
    config.write_text(
        json.dumps(
            {
                "logConfig": {"enabled": False},
                "securityKeys": _KEYS,
                "storage": {"cacheDir": str(directory / "cache")},
            }
        )
    )
    return config


async def _until_it_listens(process: Process, port: int) -> None:
    async with asyncio.timeout(READY_TIMEOUT):
        while True:
            if process.returncode is not None:
                assert process.stdout is not None
                told = (await process.stdout.read()).decode()
                raise node.NodeError(f"the server ended:\n{told}")
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            await writer.wait_closed()
            return


async def _read_events(process: Process, events: list[dict[str, Any]]) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.startswith(b"@"):
            events.append(json.loads(line[1:]))


async def _drain(process: Process) -> None:
    assert process.stdout is not None
    while await process.stdout.readline():
        pass
