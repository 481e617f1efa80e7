"""A hospital with people on call: two engineers by the week, a specialist by day and one by night."""

from __future__ import annotations

from typing import Any

from probes.config import Config
from tests.support.rounds import config

CONTACTS: dict[str, Any] = {
    "anna": {"name": "Anna", "role": "engineering"},
    "ben": {"name": "Ben", "role": "engineering"},
    "cleo": {"name": "Cleo", "role": "clinical_liaison"},
    "dora": {"name": "Dora", "role": "clinical_liaison"},
}
WEEKLY: dict[str, Any] = {"people": ["anna", "ben"], "starts": "2025-12-29T08:00", "turn": "7d"}
DAYS: dict[str, Any] = {
    "people": ["cleo"],
    "starts": "2025-12-29T08:00",
    "turn": "1d",
    "only": [{"times": [{"start_time": "08:00", "end_time": "20:00"}]}],
}
NIGHTS: dict[str, Any] = {
    "people": ["dora"],
    "starts": "2025-12-29T08:00",
    "turn": "1d",
    "only": [{"times": [{"start_time": "20:00", "end_time": "08:00"}]}],
}


def staffed(*, nights: bool = True, **changes: Any) -> Config:
    """One engineer and one specialist at every instant; without `nights` only by day."""
    layers = [DAYS, NIGHTS] if nights else [DAYS]
    return config(
        **{
            "contacts": CONTACTS,
            "on_call": {
                "engineers": {"role": "engineering", "layers": [WEEKLY]},
                "specialists": {"role": "clinical_liaison", "layers": layers},
            },
            "staffing": {"engineering": 1, "clinical_liaison": 1},
        }
        | changes
    )
