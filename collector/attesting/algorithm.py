"""A hash of the program that makes the numbers: two that have the same make the same of the same
evidence. Others may, too: `wardwatch verify` makes them anew and says only that they differ.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

ROOTS = ("collector.bundle.derive", "collector.bundle.opening")
"""From the members of a bundle to the derived fields."""
OURS = ("alerts", "collector", "probes")


@lru_cache(maxsize=1)
def algorithm() -> str:
    """`sha256:` and hex, over a line `MODULE SHA-256` for each of `sources`, in the order of names."""
    digest = hashlib.sha256()
    for name, source in sources().items():
        digest.update(f"{name} {hashlib.sha256(source).hexdigest()}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def sources() -> dict[str, bytes]:
    """Source files by module, sorted: `ROOTS`, and what of this program they import, and so on."""
    found: dict[str, bytes] = {}
    waiting = [*ROOTS]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        file = _file(name)
        if file is None:
            continue
        found[name] = file.read_bytes()
        waiting += _imported(found[name])
        waiting += [name.rpartition(".")[0]] if "." in name else []
    return dict(sorted(found.items()))


def _file(name: str) -> Traversable | None:
    """None for what is no module of ours: a name that is imported from one."""
    top, *inner = name.split(".")
    if top not in OURS:
        return None
    package = files(top)
    for step in inner[:-1]:
        package = package / step
    if not inner:
        return package / "__init__.py"
    module, folder = package / f"{inner[-1]}.py", package / inner[-1] / "__init__.py"
    return next((one for one in (module, folder) if one.is_file()), None)


def _imported(source: bytes) -> Iterator[str]:
    """Names of modules, and of what is taken out of one: that may be a module itself. Of those alone
    that are imported with the module: what it does later (probes, files) makes no number.
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
