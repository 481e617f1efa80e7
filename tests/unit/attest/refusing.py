"""Which fault something is refused with."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import pytest

from collector.attest.faults import AttestError, Fault

P = ParamSpec("P")


def fault(act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Fault:
    with pytest.raises(AttestError) as refused:
        act(*args, **kwargs)
    return refused.value.code
