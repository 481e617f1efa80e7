"""Which fault a bundle is refused with."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import pytest

from collector.bundle.faults import BundleError, BundleFault

P = ParamSpec("P")


def fault(act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> BundleFault:
    return refused(act, *args, **kwargs).code


def refused(act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> BundleError:
    with pytest.raises(BundleError) as found:
        act(*args, **kwargs)
    return found.value
