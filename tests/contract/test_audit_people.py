"""No person stands in the audit log but by a pseudonym."""

import ast

from custom_components.nightlatch.adapters.audit_file import PEOPLE

from .integration import ROOT


def details() -> list[tuple[str, str]]:
    """Return each detail that anybody writes down, and what it is."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "async_append"
                and "audit" in ast.unparse(node.func.value)
            ):
                found += [
                    (str(each.arg), ast.unparse(each.value)) for each in node.keywords
                ]
    return found


def test_whoever_is_named_is_named_by_a_pseudonym() -> None:
    """Each detail that is a user's id goes by a name that is known to be one."""
    named = {name for name, value in details() if "user" in value}
    assert named == PEOPLE
