"""A witness as a process of its own, to be asked, stopped and killed."""

from __future__ import annotations

from pathlib import Path

from tests.support.process import Listening, started

COMMAND = "import sys\nfrom collector.cli import main\nsys.exit(main(['witness', *sys.argv[1:]]))\n"


async def start_witness(folder: Path, *words: str) -> Listening:
    """With `witness.key` and the folder `state` there; waits until it listens."""
    return await started(
        Listening,
        COMMAND,
        *("--key", str(folder / "witness.key")),
        *("--state", str(folder / "state")),
        *("--listen", "127.0.0.1:0"),
        *words,
    )
