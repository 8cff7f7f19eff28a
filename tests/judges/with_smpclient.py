"""One request with smpclient, printed as JSON; run in an environment of its own."""

import asyncio
import json
from pathlib import Path
import sys
from typing import Any

from smpclient import SMPClient
from smpclient.generics import error
from smpclient.requests.image_management import ImageStatesRead, ImageStatesWrite
from smpclient.requests.os_management import EchoWrite, ResetWrite
from smpclient.transport.udp import SMPUDPTransport


async def _do(client: Any, command: str, argument: str) -> Any:
    if command == "upload":
        data = await asyncio.to_thread(Path(argument).read_bytes)
        return [offset async for offset in client.upload(data, slot=0)][-1]
    requests = {
        "echo": lambda: EchoWrite(d=argument),
        "states": ImageStatesRead,
        "test": lambda: ImageStatesWrite(hash=bytes.fromhex(argument)),
        "confirm": lambda: ImageStatesWrite(confirm=True),
        "reset": ResetWrite,
    }
    answer = await client.request(requests[command](), timeout_s=20.0)
    if error(answer):
        raise RuntimeError(str(answer))
    if command == "echo":
        return answer.r
    if command == "reset":
        return None
    return [
        {
            "slot": image.slot,
            "version": image.version,
            "hash": bytes(image.hash).hex(),
            "marks": [
                mark
                for mark in ("active", "confirmed", "pending", "permanent")
                if getattr(image, mark)
            ],
        }
        for image in answer.images
    ]


async def _main(host: str, command: str, argument: str = "") -> None:
    async with SMPClient(SMPUDPTransport(), host, timeout_s=20.0) as client:
        sys.stdout.write(json.dumps(await _do(client, command, argument)))


asyncio.run(_main(*sys.argv[1:]))
