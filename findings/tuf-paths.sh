#!/usr/bin/env bash
# python-tuf 7.0.1 and @tufjs/models 4.1.1 (the client in npm) read the path patterns of
# a delegation with different shells in mind: the first as Python's fnmatch, the second as
# minimatch does. There a star takes no name that begins with a dot, a pattern that begins
# with # is a comment, braces are alternatives, and [^a] is "not a", which to Python is
# "a or a circumflex".
#
# So a repository that one client is tested against can be one in which the other does not
# find the file ("target not found", no word of the pattern). Only *, ? and [!a], on names
# that begin with a letter or digit, mean the same to both.
#
# Seen: locks/*           locks/a.bin       python yes, npm yes
#       locks/[!a].bin    locks/b.bin       python yes, npm yes
#       locks/*           locks/.a.bin      python yes, npm no
#       locks/#1.bin      locks/#1.bin      python yes, npm no
#       locks/[^a].bin    locks/b.bin       python no, npm yes
#       locks/*.{bin,zip} locks/a.bin       python no, npm yes
#       locks/*-{1}.bin   locks/a-{1}.bin   python yes, npm yes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv tools
tools/bin/pip install --quiet tuf==7.0.1 2>/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @tufjs/models@4.1.1 >/dev/null
cat >pairs.json <<'JSON'
[["locks/*", "locks/a.bin", "python yes, npm yes"],
 ["locks/[!a].bin", "locks/b.bin", "python yes, npm yes"],
 ["locks/*", "locks/.a.bin", "python yes, npm no"],
 ["locks/#1.bin", "locks/#1.bin", "python yes, npm no"],
 ["locks/[^a].bin", "locks/b.bin", "python no, npm yes"],
 ["locks/*.{bin,zip}", "locks/a.bin", "python no, npm yes"],
 ["locks/*-{1}.bin", "locks/a-{1}.bin", "python yes, npm yes"]]
JSON
cat >ask.cjs <<'NODE'
const {Metadata, MetadataKind} = require("@tufjs/models");
const answers = require("./pairs.json").map(([pattern, path]) => {
  const targets = Metadata.fromJSON(MetadataKind.Targets, {
    signatures: [],
    signed: {
      _type: "targets", spec_version: "1.0.31", version: 1,
      expires: "2040-01-01T00:00:00Z", targets: {},
      delegations: {
        keys: {},
        roles: [{name: "one", keyids: ["0"], threshold: 1, terminating: true, paths: [pattern]}],
      },
    },
  });
  return [...targets.signed.delegations.rolesForTarget(path)].length === 1;
});
console.log(JSON.stringify(answers));
NODE
node ask.cjs >npm.json
tools/bin/python - <<'PYTHON'
import json
from pathlib import Path
import sys

from tuf.api.metadata import DelegatedRole

same = True
pairs = json.loads(Path("pairs.json").read_text())
for (pattern, path, wanted), npm in zip(pairs, json.loads(Path("npm.json").read_text())):
    role = DelegatedRole("one", ["0"], 1, True, [pattern])
    python = role.is_delegated_path(path)
    seen = f"python {'yes' if python else 'no'}, npm {'yes' if npm else 'no'}"
    same = same and seen == wanted
    print(f"{pattern:17} {path:17} {seen}")
sys.exit(not same)
PYTHON
