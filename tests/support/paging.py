"""Reading a list in parts of one."""

from __future__ import annotations

from typing import Any

from tests.support.planning import Desk


async def in_parts(
    desk: Desk, path: str, name: str, headers: dict[str, str] | None = None
) -> list[Any]:
    """All entries of the list called `name`, read with `limit=1` to the end."""
    found: list[Any] = []
    cursor = ""
    between = "&" if "?" in path else "?"
    while True:
        body = await desk.get(f"{path}{between}limit=1{cursor}", headers)
        assert len(body[name]) <= 1
        found += body[name]
        if body["next"] is None:
            return found
        cursor = f"&cursor={body['next']}"
