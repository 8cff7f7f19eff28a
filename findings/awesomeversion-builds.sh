#!/usr/bin/env bash
# AwesomeVersion 25.8.0, with which Home Assistant decides whether an update entity is on,
# ranks nothing behind the three numbers of a semantic version unless it is a word such as
# `rc1`: of two builds of one version neither is newer, and they are not equal either. The
# same holds for 2.4 and 2.4.0, where a missing number counts as nought in one question
# and not in the other. A text that it cannot read at all raises instead.
#
# So a device on MCUboot, whose versions end in a build (`1.0.0+0` is what Zephyr tells by
# default), or one that numbers its builds behind a dash, looks up to date for ever, while
# imgtool and packaging know the order. Whoever tests "not newer, so it is the same" or
# "not the same, so it is older" is wrong for these alone.
#
# Seen: 1.0.0+0 and 1.0.0+1: not older, not equal, not newer
#       1.1.0-315 and 1.1.0-316: not older, not equal, not newer
#       2.4 and 2.4.0: not older, not equal, not newer
#       1.1.0-rc1 and 1.1.0-rc2: older
#       1.0.1.0 and 1.0.1.1: older
#       imgtool, 1.0.0+0 and 1.0.0+1: older
#       packaging, 1.0.0+0 and 1.0.0+1: older
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv tools
tools/bin/pip install --quiet awesomeversion==25.8.0 packaging==26.3 imgtool==2.5.0 2>/dev/null
tools/bin/python - <<'PYTHON'
import sys

from awesomeversion import AwesomeVersion
from imgtool.version import decode_version
from packaging.version import Version


def order(read, one, other):
    """Return how two versions stand to each other."""
    first, second = read(one), read(other)
    if first < second:
        return "older"
    if first == second:
        return "equal"
    return "newer" if first > second else "not older, not equal, not newer"


NONE = "not older, not equal, not newer"
expected = {
    ("1.0.0+0", "1.0.0+1"): NONE,
    ("1.1.0-315", "1.1.0-316"): NONE,
    ("2.4", "2.4.0"): NONE,
    ("1.1.0-rc1", "1.1.0-rc2"): "older",
    ("1.0.1.0", "1.0.1.1"): "older",
}
same = True
for (one, other), wanted in expected.items():
    seen = order(AwesomeVersion, one, other)
    same = same and seen == wanted
    print(f"{one} and {other}: {seen}")
for name, read in (("imgtool", decode_version), ("packaging", Version)):
    seen = order(read, "1.0.0+0", "1.0.0+1")
    same = same and seen == "older"
    print(f"{name}, 1.0.0+0 and 1.0.0+1: {seen}")
sys.exit(not same)
PYTHON
