#!/usr/bin/env bash
# mcumgr-toolkit 0.20.0 begins firmware_update with asking the lock which boot loader it
# has, and ends there if the lock does not know the request. Zephyr answers it only where
# it was built with MCUMGR_GRP_OS_BOOTLOADER_INFO, which is off by default. Told that it is
# MCUboot, it goes on.
#
# So an update tool must not need that answer: with it most locks could not be updated.
#
# Seen: asked for: os/8
#       Failed to detect bootloader: MGMT_ERR_ENOTSUP
#       told MCUboot, asked for: image/0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv tools
tools/bin/pip install --quiet imgtool==2.5.0 mcumgr-toolkit==0.20.0 2>/dev/null
head -c 4000 /dev/zero >firmware.bin
tools/bin/imgtool sign --version 1.2.3 --header-size 0x200 --pad-header \
  --slot-size 0x20000 firmware.bin image.bin >/dev/null
tools/bin/python - <<'PYTHON'
import multiprocessing
from pathlib import Path
import socket
import struct
import sys

from mcumgr_toolkit import MCUmgrClient

HEADER = struct.Struct(">BBHHBB")
NOT_SUPPORTED = b"\xa1brc\x08"
GROUPS = {0: "os", 1: "image"}


def serve(server, asked):
    """Refuse everything, as what was not built in; a client lets no thread run."""
    while True:
        request, peer = server.recvfrom(4096)
        first, flags, _, group, sequence, command = HEADER.unpack_from(request)
        asked.put(f"{GROUPS[group]}/{command}")
        size = len(NOT_SUPPORTED)
        answer = HEADER.pack(first + 1, flags, size, group, sequence, command)
        server.sendto(answer + NOT_SUPPORTED, peer)


def update(**options):
    """Return what was asked for first, and why the update ended."""
    client = MCUmgrClient.udp("127.0.0.1", port, timeout_ms=5000)
    try:
        client.firmware_update(Path("image.bin").read_bytes(), **options)
    except RuntimeError as err:
        return asked.get(), str(err)
    return asked.get(), "updated"


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
port = server.getsockname()[1]
processes = multiprocessing.get_context("fork")
asked = processes.SimpleQueue()
processes.Process(target=serve, args=(server, asked), daemon=True).start()
first, why = update()
seen = "Failed to detect bootloader" in why and "MGMT_ERR_ENOTSUP" in why
print(f"asked for: {first}")
print("Failed to detect bootloader: MGMT_ERR_ENOTSUP" if seen else why)
told, _ = update(bootloader_type="MCUboot")
print(f"told MCUboot, asked for: {told}")
sys.exit((seen, first, told) != (True, "os/8", "image/0"))
PYTHON
