"""What a wrong entry of a channel is told: where, and in which words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.channel import ChannelKind


def complaints(kind: ChannelKind[Any], spec: Mapping[str, Any]) -> str:
    """All of them, `place: text`, a line each."""
    with pytest.raises(ValidationError) as found:
        kind.parse(spec)
    return "\n".join(
        f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in found.value.errors()
    )
