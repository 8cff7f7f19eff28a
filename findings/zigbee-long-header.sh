#!/usr/bin/env bash
# A Zigbee image tells the length of its header, so that a maker may put fields of his own
# behind the known ones. zigbee-herdsman 10.9.2 (Zigbee2MQTT) goes by that length. zigpy
# 2.4.0 (ZHA) takes the first byte behind the fields it knows for the first element, in
# whatever length the header says it ends, and then finds the file too short.
# Elements of the tag 0xF000, the first of those left to makers, are the other way round:
# herdsman takes each for one of Telink's, whose data begin two bytes later, and hands out
# 62 of 64 bytes without a word; zigpy tries the plain reading first.
#
# So "it is a valid image" said by one of the two is no promise that the other, with the
# same lock and the same file, will offer it.
#
# Seen: plain: zigpy 0000: 100 bytes; herdsman 0000: 100 bytes
#       longer header: zigpy refused; herdsman 0000: 100 bytes
#       maker's element: zigpy 0000: 100 bytes, f000: 64 bytes; herdsman 0000: 100 bytes, f000: 62 bytes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv tools
tools/bin/pip install --quiet zigpy==2.4.0 2>/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . zigbee-herdsman@10.9.2 >/dev/null
cat >make.py <<'PYTHON'
from pathlib import Path
import struct

from zigpy.ota.image import parse_ota_image


def element(tag, data):
    """Return an element of an image."""
    return struct.pack("<HI", tag, len(data)) + data


def image(body, more=b""):
    """Return an image, with more behind the known fields of its header."""
    length = 56 + len(more)
    known = (0x0BEEF11E, 0x0100, length, 0, 0x1234, 1, 0x10, 2)
    name = b"Lock".ljust(32, b"\0")
    header = struct.pack("<I5HIH32sI", *known, name, length + len(body))
    return header + more + body


firmware = element(0, b"F" * 100)
images = {
    "plain": image(firmware),
    "longer header": image(firmware, bytes(4)),
    "maker's element": image(firmware + element(0xF000, b"S" * 64)),
}
for name, data in images.items():
    Path(f"{name}.ota").write_bytes(data)
    try:
        parts = parse_ota_image(data)[0].subelements
    except ValueError:
        seen = "refused"
    else:
        seen = ", ".join(f"{part.tag_id:04x}: {len(part.data)} bytes" for part in parts)
    print(f"{name}: zigpy {seen}")
PYTHON
cat >read.cjs <<'NODE'
const {readFileSync} = require("node:fs");
const {parseOtaImage} = require("./node_modules/zigbee-herdsman/dist/controller/helpers/ota.js");
for (const name of ["plain", "longer header", "maker's element"]) {
  const parts = parseOtaImage(readFileSync(`${name}.ota`)).elements;
  const told = parts.map(
    (part) => `${part.tagId.toString(16).padStart(4, "0")}: ${part.data.length} bytes`,
  );
  console.log(`herdsman ${told.join(", ")}`);
}
NODE
tools/bin/python make.py >zigpy.txt
node read.cjs >herdsman.txt
paste -d '#' zigpy.txt herdsman.txt | sed 's/#/; /' | tee seen.txt
cat >wanted.txt <<'TEXT'
plain: zigpy 0000: 100 bytes; herdsman 0000: 100 bytes
longer header: zigpy refused; herdsman 0000: 100 bytes
maker's element: zigpy 0000: 100 bytes, f000: 64 bytes; herdsman 0000: 100 bytes, f000: 62 bytes
TEXT
cmp --silent seen.txt wanted.txt
