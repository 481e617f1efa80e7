"""`verify.py` is one file, the same each time, and needs nothing but the standard library."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from collector.verifying.failures import MEANINGS, Failure
from collector.verifyscript import failing
from collector.verifyscript.joining import JoinError, join, script
from tests.unit.verifyscript.scripts import run

OURS = {"agent", "alerts", "collector", "probes", "tests"}


def test_it_imports_nothing_but_the_standard_library() -> None:
    found = set()
    for node in ast.walk(ast.parse(script())):
        if isinstance(node, ast.Import):
            found |= {one.name.split(".")[0] for one in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(str(node.module).split(".")[0])
    assert found <= sys.stdlib_module_names
    assert not found & OURS
    assert not found & {"importlib", "os", "socket", "subprocess", "urllib"}


def test_its_parts_import_nothing_of_ours_but_each_other() -> None:
    folder = Path(failing.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in OURS:
                assert str(node.module).startswith("collector.verifyscript."), file.name


def test_python_3_9_reads_it() -> None:
    ast.parse(script(), feature_version=(3, 9))


def test_it_is_the_same_each_time_and_every_part_is_in_it() -> None:
    script.cache_clear()
    once = script()
    script.cache_clear()
    assert script() == once
    text = once.decode()
    assert text.startswith("#!/usr/bin/env python3\n")
    folder = Path(failing.__file__).parent
    for file in folder.glob("*.py"):
        if file.name in ("__init__.py", "joining.py"):
            continue
        doc = str(ast.get_docstring(ast.parse(file.read_text())))
        assert doc.split("\n", maxsplit=1)[0] in text, file.name


def test_a_name_that_two_parts_have_is_an_error() -> None:
    head = '"""Head."""\n'
    with pytest.raises(JoinError, match="x is in one and in two"):
        join({"head": head, "one": '"""One."""\n\nx = 1\n', "two": '"""Two."""\n\nx = 2\n'})
    with pytest.raises(JoinError, match="one gives an import another name"):
        join({"head": head, "one": '"""One."""\n\nimport re as r\n'})
    with pytest.raises(JoinError, match="one has no docstring"):
        join({"head": head, "one": "x = 1\n"})


def test_its_failures_are_those_of_the_command() -> None:
    for code, kind in failing.KINDS.items():
        assert MEANINGS[Failure(code)].kind == kind
    others = {one.value for one in Failure} - failing.KINDS.keys()
    assert others == {
        "report.differs",
        "timestamp.malformed",
        "timestamp.differs",
        "timestamp.untrusted",
    }


def test_it_says_how_to_call_it(tmp_path: Path) -> None:
    told = run(tmp_path, "--help")
    assert told.returncode == 0
    assert "BUNDLE.zip" in told.stdout
    assert "Exit codes: 0 verified" in told.stdout
    for wrong in ((), ("a", "b"), ("--nothing", "a"), (tmp_path / "not there.zip",), (tmp_path,)):
        told = run(tmp_path, *wrong)
        assert (told.returncode, told.stdout) == (3, "")
        assert "verify.py: " in told.stderr
