"""Where two values differ."""

from __future__ import annotations

from typing import Any


def differing(field: str, made: Any, said: Any) -> list[str]:
    """The fields, by their path, in which two values differ."""
    if isinstance(made, dict) and isinstance(said, dict) and set(made) == set(said):
        return [p for n in sorted(made) for p in differing(f"{field}.{n}", made[n], said[n])]
    if isinstance(made, list) and isinstance(said, list) and len(made) == len(said):
        return [
            path
            for n, (one, two) in enumerate(zip(made, said))
            for path in differing(f"{field}[{n}]", one, two)
        ]
    same = type(made) is type(said) and made == said
    return [] if same else [field]
