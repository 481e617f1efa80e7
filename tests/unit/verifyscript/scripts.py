"""`verify.py` as it lies in a bundle, as a module and as a process of its own."""

from __future__ import annotations

import io
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from collector.attest.policy import Policy
from collector.verifying.verify import Given
from collector.verifyscript.joining import script

Judged = tuple[str, str] | None
"""(code, where) of what does not hold; None when all is shown."""


@cache
def joined() -> ModuleType:
    """The whole script, once."""
    module = ModuleType("bundled_verifier")
    sys.modules[module.__name__] = module
    exec(compile(script(), "verify.py", "exec"), module.__dict__)  # noqa: S102 - it is ours
    return module


def judged(data: bytes, given: Given | None = None, told: list[str] | None = None) -> Judged:
    """What the script finds; `told` takes its lines."""
    one, lines = joined(), [] if told is None else told
    policy = None if given is None or given.policy is None else policy_text(given.policy)
    since = None if given is None else given.since
    try:
        one.verify(one.Archive(io.BytesIO(data)), policy, since, lines.append)
    except one.Failure as failure:
        return failure.code, failure.where
    return None


def policy_text(policy: Policy) -> bytes:
    lines = [f"log {key.text()}" for key in policy.logs]
    lines += [f"witness {name.decode()} {key.text()}" for name, key in policy.witnesses.items()]
    lines += [
        f"group {name.decode()} {one.threshold} {' '.join(m.decode() for m in one.members)}"
        for name, one in policy.groups.items()
    ]
    quorum = "none" if policy.quorum is None else policy.quorum.decode()
    return "".join(f"{line}\n" for line in [*lines, f"quorum {quorum}"]).encode()


def run(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The script by itself, away from all that is installed, in another folder."""
    file = folder / "verify.py"
    file.write_bytes(script())
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-W", "error", file, *arguments],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        env={},
        timeout=100,
    )
