#!/usr/bin/env python3
"""Make the zip that a release carries.

Usage: scripts/package TAG FILE

TAG is the release's tag, with or without a leading v; the manifest in the zip bears it
as its version. The same commit and tag always give the same bytes. Nothing but the
standard library is needed, of any supported Python.
"""

import json
from pathlib import Path
import re
import sys
import zipfile

INTEGRATION = Path(__file__).parent.parent / "custom_components" / "nightlatch"
# Semantic Versioning, as Home Assistant's loader accepts it.
VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")


def package(tag: str, target: Path) -> None:
    """Zip the integration's folder with the version in its manifest."""
    version = tag.removeprefix("v")
    if not VERSION.fullmatch(version):
        raise SystemExit(f"{tag} is no version")
    manifest = json.loads((INTEGRATION / "manifest.json").read_text("utf-8"))
    manifest["version"] = version
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(INTEGRATION.rglob("*")):
            if not path.is_file() or "__pycache__" in path.parts:
                continue
            name = path.relative_to(INTEGRATION).as_posix()
            data = path.read_bytes()
            if name == "manifest.json":
                data = (json.dumps(manifest, indent=2) + "\n").encode()
            # A fixed date, so that the zip does not tell one build from another.
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.external_attr = 0o644 << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    package(sys.argv[1], Path(sys.argv[2]))
