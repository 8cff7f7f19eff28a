"""One request with mcumgr-toolkit, printed as JSON; run in an environment of its own."""

import json
from pathlib import Path
import sys
from typing import Any

from mcumgr_toolkit import MCUmgrClient


def _do(client: Any, command: str, argument: str) -> Any:
    match command:
        case "echo":
            return client.os_echo(argument)
        case "upload":
            return client.image_upload(Path(argument).read_bytes())
        case "reset":
            return client.os_system_reset()
        case "slots":
            (image,) = client.image_slot_info()
            return [[slot.slot, slot.size] for slot in image.slots]
        case "whole":
            return client.firmware_update(Path(argument).read_bytes())
    states = {
        "states": client.image_get_state,
        "test": lambda: client.image_set_state(bytes.fromhex(argument)),
        "confirm": lambda: client.image_set_state(confirm=True),
    }[command]()
    return [
        {
            "slot": image.slot,
            "version": image.version,
            "hash": image.hash.hex(),
            "marks": [
                mark
                for mark in ("active", "confirmed", "pending", "permanent")
                if getattr(image, mark)
            ],
        }
        for image in states
    ]


def _main(host: str, command: str, argument: str = "") -> None:
    client = MCUmgrClient.udp(host, timeout_ms=20_000)
    client.use_auto_frame_size()
    sys.stdout.write(json.dumps(_do(client, command, argument)))


_main(*sys.argv[1:])
