"""Which module of the integration imports which."""

import ast
from collections.abc import Iterator
from functools import cache

from .integration import modules


def imports(module: str, *, with_types: bool) -> Iterator[str]:
    """Yield what a module imports; modules of the integration begin with a dot."""
    trees = modules()
    packages = {name.rpartition(".")[0] for name in trees if name}
    home = module if module in packages else module.rpartition(".")[0]
    todo: list[ast.AST] = [trees[module]]
    while todo:
        node = todo.pop()
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) if not with_types:
                todo.extend(node.orelse)
            case ast.ImportFrom(level=0):
                yield str(node.module)
            case ast.ImportFrom():
                yield from _relative(home, node, set(trees))
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case _:
                todo.extend(ast.iter_child_nodes(node))


def _relative(home: str, node: ast.ImportFrom, known: set[str]) -> Iterator[str]:
    parts = home.split(".") if home else []
    base = parts[: len(parts) - node.level + 1] + (
        node.module.split(".") if node.module else []
    )
    for alias in node.names:
        submodule = ".".join([*base, alias.name])
        yield "." + (submodule if submodule in known else ".".join(base))


@cache
def own_imports(module: str, *, with_types: bool = True) -> frozenset[str]:
    """Return which modules of the integration a module imports."""
    return frozenset(
        name.removeprefix(".")
        for name in imports(module, with_types=with_types)
        if name.startswith(".")
    )


MODULES = sorted(modules())
