"""`verify.py` as it lies in every bundle: the files of this folder as one, which needs nothing else.

The parts stand in the order of the checks. Each is what its file holds, without its imports: those of
the standard library stand once at the top, those of each other are not needed.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from importlib.resources import files

PACKAGE = "collector.verifyscript"
PARTS = (
    "failing",
    "spelling",
    "spans",
    "archive",
    "ed25519",
    "tree",
    "notes",
    "statement",
    "entries",
    "logs",
    "rows",
    "trust",
    "disclosed",
    "recurring",
    "voices",
    "terms",
    "keys",
    "chains",
    "beacons",
    "columns",
    "evidence",
    "zstandard",
    "remains",
    "states",
    "maintenance",
    "numbers",
    "arithmetic",
    "comparing",
    "causes",
    "slots",
    "asked",
    "exclusions",
    "figures",
    "incidents",
    "assurance",
    "around",
    "verifying",
    "running",
)
"""Modules in order; the first file, `opening.py`, gives the head."""
_HEAD = "opening"
_RULE = "# " + "-" * 98


class JoinError(Exception):
    """The parts do not go together: the text says which and why."""


@lru_cache(maxsize=1)
def script() -> bytes:
    """The whole, the same bytes each time."""
    return join({name: _source(name) for name in (_HEAD, *PARTS)})


def join(sources: dict[str, str]) -> bytes:
    """Source text by module, in order; the first module's docstring is that of the whole."""
    imports: dict[str, set[str]] = {}
    whole: set[str] = set()
    taken: dict[str, str] = {}
    bodies: list[str] = []
    head = ""
    for name, source in sources.items():
        tree = ast.parse(source)
        lines = source.splitlines()
        gone = _imports(name, tree, imports, whole)
        doc = ast.get_docstring(tree, clean=False)
        if doc is None:
            raise JoinError(f"{name} has no docstring")
        gone |= _lines_of(tree.body[0])
        for defined in _names(tree):
            if taken.setdefault(defined, name) != name:
                raise JoinError(f"{defined} is in {taken[defined]} and in {name}")
        body = "\n".join(line for n, line in enumerate(lines, 1) if n not in gone).strip("\n")
        if not head:
            head = f'"""{doc}"""'
        else:
            bodies.append(f"{_RULE}\n{_commented(doc)}\n{_RULE}\n\n\n{body}")
    told = [f"import {name}" for name in sorted(whole)]
    told += [f"from {name} import {', '.join(sorted(imports[name]))}" for name in sorted(imports)]
    top = f"#!/usr/bin/env python3\n{head}\n\nfrom __future__ import annotations\n\n"
    return (top + "\n".join(told) + "\n\n\n" + "\n\n\n".join(bodies) + "\n").encode()


def _source(name: str) -> str:
    return files(PACKAGE).joinpath(f"{name}.py").read_text(encoding="utf-8")


def _imports(
    name: str, tree: ast.Module, imports: dict[str, set[str]], whole: set[str]
) -> set[int]:
    """Lines that import; what they import of the standard library is added."""
    gone: set[int] = set()
    for node in tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        gone |= _lines_of(node)
        if any(one.asname is not None for one in node.names):
            raise JoinError(f"{name} gives an import another name")
        if isinstance(node, ast.Import):
            whole |= {one.name for one in node.names}
        elif node.module != "__future__" and not str(node.module).startswith(PACKAGE):
            imports.setdefault(str(node.module), set()).update(one.name for one in node.names)
    return gone


def _names(tree: ast.Module) -> list[str]:
    """What a module defines."""
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found += [n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.append(node.target.id)
    return found


def _lines_of(node: ast.stmt) -> set[int]:
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def _commented(doc: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in doc.strip().split("\n"))
