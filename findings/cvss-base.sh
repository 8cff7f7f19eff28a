#!/usr/bin/env bash
# cvss 3.6: `base_score` of a CVSS 3.1 vector is the base score, whatever else the vector
# says. That of a CVSS 4.0 vector is the score of everything in it: "no exploit is known"
# (E:U) takes it down, as does what one company needs itself (CR:L/IR:L/AR:L), and the
# severity with it. There is no other attribute to ask, so the base has to be had by leaving those
# metrics out of the vector.
#
# So a list sorted by `base_score`, or a limit such as "critical from 9.0", ranks the same
# flaw by one rule for advisories with the older vector and by another for the newer one,
# and two sources that agree on the flaw differ because one of them adds E:U.
#
# Seen: CVSS3: 9.8, with E:U 9.8
#       CVSS4: 9.3, with E:U 8.1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv tools
tools/bin/pip install --quiet cvss==3.6 2>/dev/null
tools/bin/python - <<'PYTHON'
import sys

from cvss import CVSS3, CVSS4

VECTORS = {
    CVSS3: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    CVSS4: "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
}
seen = []
for read, vector in VECTORS.items():
    scores = [float(read(text).base_score) for text in (vector, f"{vector}/E:U")]
    print(f"{read.__name__}: {scores[0]}, with E:U {scores[1]}")
    seen.append(scores)
sys.exit(seen != [[9.8, 9.8], [9.3, 8.1]])
PYTHON
