#!/usr/bin/env bash
# adafruit-nrfutil 0.5.3.post16 does not put the firmware into its package that it is
# given: a .bin goes through an Intel HEX and comes out with 0xFF up to a multiple of four
# bytes, and the checksum for the lock is over that. The name in the package stays.
#
# So the digest of the file that a maker has tested is not that of the file in the package
# that he ships, for three of four builds, and a look-up of released firmware by what is
# in packages misses them.
#
# Seen: 1000 bytes: the same 1000 in the package
#       1001 bytes: 1004 in the package, ending in ffffff
#       1002 bytes: 1004 in the package, ending in ffff
#       1003 bytes: 1004 in the package, ending in ff
#       checksum in the manifest: that of what is in the package
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv tools
tools/bin/pip install --quiet adafruit-nrfutil==0.5.3.post16 2>/dev/null
for size in 1000 1001 1002 1003; do
  head -c "$size" /dev/zero | tr '\0' 'x' >"$size.bin"
  tools/bin/adafruit-nrfutil dfu genpkg --application "$size.bin" "$size.zip" >/dev/null
done
tools/bin/python - <<'PYTHON'
import binascii
import json
from pathlib import Path
import sys
from zipfile import ZipFile

seen = []
for size in (1000, 1001, 1002, 1003):
    given = Path(f"{size}.bin").read_bytes()
    with ZipFile(f"{size}.zip") as package:
        about = json.loads(package.read("manifest.json"))["manifest"]["application"]
        packed = package.read(about["bin_file"])
    end = packed.removeprefix(given).hex()
    if packed == given:
        print(f"{size} bytes: the same {len(packed)} in the package")
    else:
        print(f"{size} bytes: {len(packed)} in the package, ending in {end}")
    checksum = about["init_packet_data"]["firmware_crc16"]
    of_packed = checksum == binascii.crc_hqx(packed, 0xFFFF)
    seen.append((len(packed), end, of_packed))
every = all(of_packed for _, _, of_packed in seen)
print(f"checksum in the manifest: that of {'what is in the package' if every else '?'}")
wanted = [(1000, ""), (1004, "ffffff"), (1004, "ffff"), (1004, "ff")]
sys.exit([each[:2] for each in seen] != wanted or not every)
PYTHON
