#!/usr/bin/env bash
# imgtool 2.5.0: the hash of an image, by which SMP names what is in a slot, is made
# before anything is signed. Signed with three keys, or with none, the same firmware has
# the same hash in four different files. With an ECDSA key even one and the same key makes
# another file each time, and not always one of the same size.
#
# So a slot that shows the wanted hash tells which firmware is there, not whether the
# signature that the boot loader wants is there as well; and the digest of the file that a
# vendor publishes cannot be found by building and signing it again.
#
# Seen: 4 files (two ECDSA keys, RSA, no key): 4 different, 1 hash
#       40 files with one ECDSA key: 40 different, more than one size, 1 hash
#       40 files with one Ed25519 key: 1 different, one size, 1 hash
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv tools
tools/bin/pip install --quiet imgtool==2.5.0 2>/dev/null
tools/bin/python - <<'PYTHON'
from contextlib import redirect_stdout
import hashlib
import io
from pathlib import Path
import sys

from imgtool import keys
from imgtool.image import Image
from imgtool.version import decode_version

Path("firmware.bin").write_bytes(b"x" * 4000)


def signed(key):
    """Return the file and the hash in it."""
    image = Image(
        version=decode_version("1.2.3"),
        header_size=0x200,
        pad_header=True,
        slot_size=0x20000,
    )
    image.load("firmware.bin")
    with redirect_stdout(io.StringIO()):
        image.create(key, "hash", None, user_sha="256")
    image.save("image.bin")
    found = Image.verify("image.bin", None)
    return Path("image.bin").read_bytes(), found[2]


def told(files):
    """Return how many different files, whether of one size, and how many hashes."""
    sizes = len({len(file) for file, _ in files})
    return (
        len({hashlib.sha256(file).digest() for file, _ in files}),
        "one size" if sizes == 1 else "more than one size",
        len({digest for _, digest in files}),
    )


ecdsa, rsa = keys.ECDSA256P1.generate(), keys.RSA.generate()
several = told([signed(key) for key in (ecdsa, keys.ECDSA256P1.generate(), rsa, None)])
print(
    f"4 files (two ECDSA keys, RSA, no key): {several[0]} different, {several[2]} hash"
)
again = told([signed(ecdsa) for _ in range(40)])
print(f"40 files with one ECDSA key: {again[0]} different, {again[1]}, {again[2]} hash")
ed25519 = keys.Ed25519.generate()
always = told([signed(ed25519) for _ in range(40)])
print(
    f"40 files with one Ed25519 key: {always[0]} different, {always[1]}, {always[2]} hash"
)
sys.exit(
    ((several[0], several[2]), again, always)
    != ((4, 1), (40, "more than one size", 1), (1, "one size", 1))
)
PYTHON
