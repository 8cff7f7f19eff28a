#!/usr/bin/env bash
# sigstore 4.5.1 ships two TUF roots whose key ids are the SHA-256 over the canonical JSON
# of the whole key object, with the owner that tuf-on-ci writes beside it. The id that
# securesystemslib 1.6.0 gives the very same key (over keytype, scheme and keyval) is
# another one for all of them.
#
# So a fingerprint that is computed from the key in the usual way matches nothing that
# people find published, and one that is computed from the whole object changes when only
# the owner's name does.
#
# Seen: root.json: 5 keys: 5 named by the whole object, 0 as securesystemslib does
#       root.json: 6 keys: 6 named by the whole object, 0 as securesystemslib does
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv tools
tools/bin/pip install --quiet 'securesystemslib[crypto]==1.6.0' 2>/dev/null
tools/bin/pip install --quiet --no-deps sigstore==4.5.1 2>/dev/null
tools/bin/python - <<'PYTHON'
import hashlib
import importlib.metadata
import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import SSlibKey

seen = []
for file in importlib.metadata.files("sigstore"):
    if file.name != "root.json":
        continue
    keys = json.loads(file.read_text())["signed"]["keys"]
    whole = usual = 0
    for key_id, key in keys.items():
        digest = hashlib.sha256(encode_canonical(key).encode()).hexdigest()
        whole += key_id == digest
        public = load_pem_public_key(key["keyval"]["public"].encode())
        usual += key_id == SSlibKey.from_crypto(public, scheme=key["scheme"]).keyid
    print(
        f"{file.name}: {len(keys)} keys: {whole} named by the whole object, "
        f"{usual} as securesystemslib does"
    )
    seen.append((len(keys), whole, usual))
sys.exit(sorted(seen) != [(5, 5, 0), (6, 6, 0)])
PYTHON
