"""What an SSH server offers: whole, cut anywhere, behind lines, and arbitrary bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.wire.ssh import offered

NAMES = [b"curve25519-sha256,kex-strict", b"ssh-ed25519", b"aes256-ctr", b"aes128-ctr", b"", b""]
BODY = b"".join(len(one).to_bytes(4, "big") + one for one in NAMES)
OFFER = b"\x00\x00\x01\x00\x04\x14" + bytes(range(16)) + BODY
FOUND = [
    frozenset({"curve25519-sha256", "kex-strict"}),
    frozenset({"ssh-ed25519"}),
    frozenset({"aes256-ctr"}),
    frozenset({"aes128-ctr"}),
]


def test_an_offer_is_read_behind_its_banner_and_before_anything() -> None:
    for banner in (b"SSH-2.0-x\r\n", b"SSH-2.0-x\n", b"welcome\r\nSSH-2.0-x y\r\n"):
        assert offered(banner + OFFER) == FOUND
        assert offered(banner + OFFER + b"\xff" * 99) == FOUND


def test_cut_anywhere_it_is_none() -> None:
    data = b"SSH-2.0-x\r\n" + OFFER
    needed = len(data) - 8  # without the two lists that nobody asks for
    for end in range(needed):
        assert offered(data[:end]) == []
    assert offered(data[:needed]) == FOUND


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_no_error(data: bytes) -> None:
    assert offered(data) == []
    offered(b"SSH-2.0-x\r\n" + data)
