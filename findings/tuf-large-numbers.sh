#!/usr/bin/env bash
# Metadata that python-tuf 7.0.1 has signed and finds signed counts as unsigned for
# @tufjs/models 4.1.1 as soon as a whole number above 2^53 stands anywhere in it, such as
# a build time in nanoseconds or the address of a radio in a file's `custom` part: the
# signature is over canonical JSON of what was read, and JavaScript has read another
# number. The error speaks of missing keys. Names are the second trap: Python sorts them
# by code points, JavaScript by UTF-16 units, so a full-width letter and an emoji side by
# side change places.
#
# So who publishes for both writes such numbers as text, and sticks to plain names.
#
# Seen: seconds: python signed, npm signed
#       umlauts: python signed, npm signed
#       nanoseconds: python signed, npm "targets was signed by 0/1 keys"
#       two names: python signed, npm "targets was signed by 0/1 keys"
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv tools
tools/bin/pip install --quiet tuf==7.0.1 'securesystemslib[crypto]==1.6.0' 2>/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @tufjs/models@4.1.1 >/dev/null
cat >sign.py <<'PYTHON'
from datetime import datetime, timezone

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, TargetFile, Targets

CUSTOM = {
    "seconds": {"built": 1764500000},
    "umlauts": {"door": "Haustür 🔑"},
    "nanoseconds": {"built": 1764500000123456789},
    "two names": {"ｄｏｏｒ": 1, "🔑": 2},
}
LATER = datetime(2040, 1, 1, tzinfo=timezone.utc)
signer = CryptoSigner.generate_ed25519()
root = Root(expires=LATER)
root.add_key(signer.public_key, "targets")
Metadata(root).to_file("root.json")
for name, custom in CUSTOM.items():
    file = TargetFile.from_data("lock.bin", b"firmware", ["sha256"])
    file.unrecognized_fields["custom"] = custom
    metadata = Metadata(Targets(expires=LATER, targets={"lock.bin": file}))
    metadata.sign(signer)
    metadata.to_file(f"{name}.json")
    read = Metadata.from_file(f"{name}.json")
    root.verify_delegate("targets", read.signed_bytes, read.signatures)
    print(f"{name}: python signed")
PYTHON
cat >check.cjs <<'NODE'
const {readFileSync} = require("node:fs");
const {Metadata, MetadataKind} = require("@tufjs/models");
const read = (kind, name) =>
  Metadata.fromJSON(kind, JSON.parse(readFileSync(`${name}.json`, "utf8")));
for (const name of ["seconds", "umlauts", "nanoseconds", "two names"]) {
  let seen = "signed";
  try {
    read(MetadataKind.Root, "root").verifyDelegate("targets", read(MetadataKind.Targets, name));
  } catch (error) {
    seen = `"${error.message}"`;
  }
  console.log(`npm ${seen}`);
}
NODE
tools/bin/python sign.py >python.txt
node check.cjs >npm.txt
paste -d '#' python.txt npm.txt | sed 's/#/, /' | tee seen.txt
cat >wanted.txt <<'TEXT'
seconds: python signed, npm signed
umlauts: python signed, npm signed
nanoseconds: python signed, npm "targets was signed by 0/1 keys"
two names: python signed, npm "targets was signed by 0/1 keys"
TEXT
cmp --silent seen.txt wanted.txt
