#!/usr/bin/env bash
# imgtool 2.5.0: the KEYHASH in an image is made with the hash of the image, so with
# `--sha 512` it has 64 bytes and shares nothing with the 32 that `getpubhash` gives for
# the same key; with `--sha 256` the two are the same.
#
# So whoever looks up by `getpubhash` which key an image names finds the key of some of
# its images and not that of others.
#
# Seen: sha256: KEYHASH has 32 bytes, getpubhash 32: the same
#       sha512: KEYHASH has 64 bytes, getpubhash 32: another
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv tools
tools/bin/pip install --quiet imgtool==2.5.0 2>/dev/null
tools/bin/imgtool keygen -t ed25519 -k key.pem
head -c 4000 /dev/zero | tr '\0' 'x' >firmware.bin
for sha in 256 512; do
  tools/bin/imgtool sign -k key.pem --sha "$sha" --version 1.2.3 --header-size 0x200 \
    --pad-header --slot-size 0x20000 firmware.bin "$sha.bin" >/dev/null
done
tools/bin/imgtool getpubhash -k key.pem -e raw -o hash.raw
tools/bin/python - <<'PYTHON'
from pathlib import Path
import struct
import sys


def keyhash(image):
    """Return the value of type 1 behind the firmware."""
    header_size, size = struct.unpack_from("<8xH2xI", image)
    position = header_size + size
    magic, length = struct.unpack_from("<HH", image, position)
    assert magic == 0x6907
    end, position = position + length, position + 4
    while position < end:
        kind, length = struct.unpack_from("<HH", image, position)
        position += 4
        if kind == 1:
            return image[position : position + length]
        position += length


public = Path("hash.raw").read_bytes()
seen = []
for sha in (256, 512):
    named = keyhash(Path(f"{sha}.bin").read_bytes())
    same = "the same" if named == public else "another"
    print(f"sha{sha}: KEYHASH has {len(named)} bytes, getpubhash {len(public)}: {same}")
    seen.append((len(named), len(public), same))
sys.exit(seen != [(32, 32, "the same"), (64, 32, "another")])
PYTHON
