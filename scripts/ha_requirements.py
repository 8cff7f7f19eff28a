"""Print the exact requirements of the Home Assistant integrations that we run.

Usage: ha_requirements.py [demo]; for the demo without what only tests run. Home Assistant installs them when an integration is first loaded; the tests and the
demo run without the network, so they are installed beforehand.
"""

import ast
import json
from pathlib import Path
import sys

import homeassistant
from homeassistant.generated.entity_platforms import EntityPlatforms

HOMEASSISTANT = Path(homeassistant.__file__).parent
COMPONENTS = HOMEASSISTANT / "components"
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
}
WANTED_BY_TESTS = {"zwave_js"}


def default_integrations() -> set[str]:
    """Return what Home Assistant sets up in every house.

    Read, not imported: to import it takes ten seconds on a small machine.
    """
    tree = ast.parse((HOMEASSISTANT / "bootstrap.py").read_text("utf-8"))
    (value,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) == "DEFAULT_INTEGRATIONS"
    )
    # Names and what is made of this one set; nothing else could be there.
    platforms = {platform.value for platform in EntityPlatforms}
    return set(
        eval(ast.unparse(value), {"__builtins__": {}, "BASE_PLATFORMS": platforms})  # noqa: S307
    )


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
    wanted = WANTED if sys.argv[1:] == ["demo"] else WANTED | WANTED_BY_TESTS
    print("\n".join(sorted(collect(wanted | default_integrations()))))
