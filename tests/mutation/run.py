"""Mutation testing of the pure truth fold and of the evidence log: change them a little, and ask
whether a test notices.

    .venv/bin/python -m tests.mutation.run                        every file of both
    .venv/bin/python -m tests.mutation.run collector/core/quorum.py

Works on a copy in a temporary folder, with one process. The tool (mutmut) is no part of `make
setup`: it is installed once, pinned, beside the environment. Survivors that `explained.toml`
explains are equivalent to the code as it is; any other is printed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
TOOL = ROOT / ".venv" / "mutation"
COPIED = ("agent", "alerts", "collector", "probes", "tests")
MUTATED = (
    "collector/core/*.py",
    "collector/attest/*.py",
    "collector/verifying/*.py",
    "probes/wire/vkey.py",
)
VERIFYING = (
    "beacons", "between", "chains", "command", "evidence", "heads", "keys", "log", "refusals",
    "rows", "tampering", "trust",
)  # fmt: skip
"""Its tests but those that take long."""
TESTS = (
    "tests/unit/core",
    "tests/unit/attest",
    *(f"tests/unit/verifying/test_{name}.py" for name in VERIFYING),
    "tests/unit/test_explaining.py",
)
EXAMPLES = "15"


@dataclass(frozen=True, slots=True)
class Survivor:
    """A change no test noticed; `before` and `after` are the lines, joined, without indent."""

    name: str
    before: str
    after: str


def install() -> None:
    """The pinned tool, unless it is there."""
    stamp = TOOL / ".ready"
    wanted = HERE / "requirements.txt"
    if stamp.exists() and stamp.stat().st_mtime > wanted.stat().st_mtime:
        return
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--require-hashes", "--no-deps", "--upgrade", "--target", TOOL, "-r", wanted],
        check=True,
    )
    stamp.touch()


def prepare(folder: Path, files: Sequence[str], tests: Sequence[str]) -> None:
    """A copy of the tree in which the tool may write."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    listed = ", ".join(f'"{name}"' for name in files)
    also = ", ".join(f'"{name}"' for name in COPIED)
    chosen = ", ".join(f'"{name}"' for name in tests)
    (folder / "pyproject.toml").write_text(
        (ROOT / "pyproject.toml").read_text()
        + f"\n[tool.mutmut]\nsource_paths = [{listed}]\nalso_copy = [{also}]\n"
        + f"pytest_add_cli_args_test_selection = [{chosen}]\n"
    )


def mutmut(folder: Path, *words: str, quiet: bool = False) -> str:
    # Appended, so that the tests run with the libraries they always run with.
    code = f"import sys; sys.path.append({str(TOOL)!r}); from mutmut.__main__ import cli; cli()"
    done = subprocess.run(
        ["nice", "-n", "10", sys.executable, "-c", code, *words],
        cwd=folder,
        env={**os.environ, "WARDWATCH_EXAMPLES": EXAMPLES},
        stdout=subprocess.PIPE if quiet else None,
        text=True,
        check=True,
    )
    return done.stdout or ""


def survivors(folder: Path) -> list[Survivor]:
    found: list[Survivor] = []
    for line in mutmut(folder, "results", quiet=True).splitlines():
        name, _, verdict = line.strip().partition(": ")
        if verdict in ("survived", "no tests", "suspicious"):
            found.append(_shown(name, mutmut(folder, "show", name, quiet=True)))
    return found


def _shown(name: str, diff: str) -> Survivor:
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    before = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
    after = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
    return Survivor(name, before, after)


def explained() -> set[tuple[str, str]]:
    """(before, after) of changes that cannot matter."""
    entries = tomllib.loads((HERE / "explained.toml").read_text())["equivalent"]
    return {(before, after) for entry in entries for before, after in entry["changes"]}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.run", description=__doc__)
    parser.add_argument("files", nargs="*", help=f"default: {', '.join(MUTATED)}")
    parser.add_argument(
        "--tests", nargs="+", default=TESTS, metavar="PATH", help=f"default: {' '.join(TESTS)}"
    )
    parsed = parser.parse_args(arguments)
    given = parsed.files
    all_of = (path for pattern in MUTATED for path in ROOT.glob(pattern))
    files = given or sorted(str(p.relative_to(ROOT)) for p in all_of if p.stat().st_size)
    install()
    with tempfile.TemporaryDirectory(prefix="wardwatch-mutation-") as name:
        folder = Path(name)
        prepare(folder, files, parsed.tests)
        mutmut(folder, "run", "--max-children", "1")
        found = survivors(folder)
    known = explained()
    news = [one for one in found if (one.before, one.after) not in known]
    for one in news:
        print(f"{one.name}\n  - {one.before}\n  + {one.after}")
    print(f"{len(found)} changes were not noticed, {len(found) - len(news)} of them explained.")
    return 1 if news else 0


if __name__ == "__main__":
    sys.exit(main())
