"""What a page is judged by: its width, and what stops somebody who cannot see it."""

from collections.abc import Collection
from pathlib import Path
import re
from typing import Any, Final

from playwright.sync_api import ElementHandle, Page

AXE: Final = Path("node_modules", "axe-core", "axe.min.js")
"""Where npm puts it, in the folder that it is installed for."""

# Milliseconds; axe takes some seconds for a large page on a busy machine.
_PATIENCE: Final = 60_000
# What makes somebody stop who cannot see, or has no mouse.
_GRAVE = {"serious", "critical"}
# Beyond what scrolls by itself, such as long code, nothing is lost.
_TOO_WIDE = """
root => {
  const wide = document.documentElement.clientWidth;
  const found = [];
  const walk = (root) => {
    for (const each of root.querySelectorAll("*")) {
      if (each.shadowRoot) walk(each.shadowRoot);
      const box = each.getBoundingClientRect();
      if (box.width && (box.right > wide + 0.5 || box.left < -0.5)) {
        found.push(`${each.tagName}.${each.getAttribute("class")}`);
      }
    }
  };
  if (root.shadowRoot) walk(root.shadowRoot);
  walk(root);
  if (document.documentElement.scrollWidth > wide) found.push("the page");
  return found;
}
"""


def answer(page: Page, question: str, about: Any = None) -> Any:
    """Return what a function says in the page, or fail once the page has hung too long.

    What only evaluates waits for ever.
    """
    return page.wait_for_function(
        f"async about => ({{said: await ({question})(about)}})",
        arg=about,
        timeout=_PATIENCE,
    ).json_value()["said"]


def too_wide(page: Page, root: ElementHandle) -> list[str]:
    """Return what reaches beyond the page's width."""
    found: list[str] = answer(page, _TOO_WIDE, root)
    return found


def barriers(
    page: Page,
    root: ElementHandle,
    borne: Collection[tuple[str, str]] = (),
) -> list[str]:
    """Return the grave findings of axe-core, which is on the page.

    ``borne`` are findings with the element in which they are not ours to mend.
    """
    result: dict[str, Any] = answer(
        page, "root => axe.run(root, {resultTypes: ['violations']})", root
    )
    assert result["passes"], "axe has looked at nothing"
    return [
        f"{finding['id']}: {node['target']} {node['failureSummary']}"
        for finding in result["violations"]
        if finding["impact"] in _GRAVE
        for node in finding["nodes"]
        if not any(
            finding["id"] == name and element in _hosts(node["target"])
            for name, element in borne
        )
    ]


def _hosts(target: list[str | list[str]]) -> set[str]:
    """Return the names of the elements in whose shadow something stands."""
    (path,) = target
    path = [path] if isinstance(path, str) else path
    return {re.split(r"[^\w-]", host, maxsplit=1)[0] for host in path[:-1]}
