"""`wardwatch collector`: where it listens, and what it refuses before anything starts."""

from __future__ import annotations

import pytest

from collector.commands.collector import ListenError, parse_listen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8460", ("127.0.0.1", 8460)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:8460", ("::1", 8460)),
    ],
)
def test_loopback_needs_no_permission(text: str, expected: tuple[str, int]) -> None:
    assert parse_listen(text, allow=False) == expected


@pytest.mark.parametrize("text", ["0.0.0.0:8460", "[::]:8460", "10.0.0.5:8460", "collector:8460"])
def test_other_addresses_are_refused_unless_allowed(text: str) -> None:
    with pytest.raises(ListenError, match="--allow-unauthenticated"):
        parse_listen(text, allow=False)
    assert parse_listen(text, allow=True)[1] == 8460


@pytest.mark.parametrize(
    "text", ["", "8460", ":8460", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999"]
)
def test_what_is_no_address_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ListenError, match="write HOST:PORT"):
        parse_listen(text, allow=True)
