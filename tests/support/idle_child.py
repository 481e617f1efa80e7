"""A child that writes what it is into the file it is told, and then does nothing, for ever."""

from __future__ import annotations

import json
import os
import resource
import threading
from pathlib import Path

from collector import child


def main() -> None:
    file = Path(json.loads(child.given()))
    limit, _ = resource.getrlimit(resource.RLIMIT_CPU)
    score = int(Path("/proc/self/oom_score_adj").read_text("ascii"))
    told = {"pid": os.getpid(), "nice": os.nice(0), "processor_s": limit, "oom": score}
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(told), encoding="ascii")
    partial.rename(file)
    threading.Event().wait()


if __name__ == "__main__":
    main()
