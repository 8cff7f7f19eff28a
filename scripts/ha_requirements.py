"""Print the exact requirements of the Home Assistant integrations that we run.

Home Assistant installs them when an integration is first loaded; the tests and the
demo run without the network, so they are installed beforehand.
"""

import json
from pathlib import Path

import homeassistant
from homeassistant.bootstrap import DEFAULT_INTEGRATIONS

COMPONENTS = Path(homeassistant.__file__).parent / "components"
# Those that the configuration names, and those whose platforms esphome imports.
WANTED = {
    "bluetooth",
    "bluetooth_adapters",
    "camera",
    "config",
    "esphome",
    "frontend",
    "hassio",
    "history",
    "logbook",
    "mobile_app",
    "mqtt",
    "onboarding",
    "recorder",
    "stream",
    "zwave_js",
}


def collect(domains: set[str]) -> set[str]:
    """Return the requirements of the domains and of all that they depend on."""
    requirements: set[str] = set()
    seen: set[str] = set()
    todo = set(domains)
    while todo:
        domain = todo.pop()
        seen.add(domain)
        manifest_path = COMPONENTS / domain / "manifest.json"
        if not manifest_path.exists():
            continue
        manifest = json.loads(manifest_path.read_text())
        requirements.update(manifest.get("requirements", []))
        todo.update(set(manifest.get("dependencies", [])) - seen)
    return requirements


if __name__ == "__main__":
    print("\n".join(sorted(collect(WANTED | DEFAULT_INTEGRATIONS))))
