"""The host's allow-list: what is denied however it is written, and what an entry opens."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.allowing import DENIED, Entry, Refusal, allow, entry, may_listen, parse_entry, refusal
from probes.contract import Scheme

HTTPS = Scheme.HTTPS


def why(text: str, *entries: str) -> str | None:
    """Of an HTTPS connection to port 443; without entries there is no list."""
    listed = [parse_entry(one) for one in entries] or None
    found = refusal(listed, ipaddress.ip_address(text), 443, HTTPS)
    return None if found is None else found.value


DENIED_FORMS = [
    ("0.0.0.0", "unspecified"),  # noqa: S104 - a target, nothing listens there
    ("0.1.2.3", "unspecified"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("169.254.0.1", "link_local"),
    ("169.254.169.254", "metadata"),
    ("169.254.170.2", "metadata"),
    ("100.100.100.200", "metadata"),
    ("168.63.129.16", "metadata"),
    ("192.0.0.192", "metadata"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("fe80::1", "link_local"),
    ("fe80::1%1", "link_local"),
    ("febf::1", "link_local"),
    ("fd00:ec2::254", "metadata"),
    ("fd20:ce::254", "metadata"),
    ("ff02::1", "multicast"),
    # the same, written in IPv6
    ("::ffff:127.0.0.1", "loopback"),
    ("::ffff:0.0.0.0", "unspecified"),
    ("::ffff:169.254.169.254", "metadata"),
    ("::127.0.0.1", "loopback"),
    ("::169.254.169.254", "metadata"),
    ("::ffff:0:169.254.169.254", "metadata"),
    ("64:ff9b::169.254.169.254", "metadata"),
    ("64:ff9b::7f00:1", "loopback"),
    ("64:ff9b::168.63.129.16", "metadata"),
    ("64:ff9b:1::10.0.0.1", "local_nat64"),
    ("2002:a9fe:a9fe::", "metadata"),
    ("2002:a9fe:a9fe:1::2", "metadata"),
    ("2002:7f00:1::1", "loopback"),
    ("2002:e000:1::1", "multicast"),
    ("2001:0:a9fe:a9fe:8000:1:5601:5601", "metadata"),  # Teredo: its server
    ("2001:0:c000:201:8000:1:80ff:fffe", "loopback"),  # Teredo: its client, 7f000001 inverted
    ("2001:db8::5efe:169.254.169.254", "metadata"),  # ISATAP
    ("2001:db8::200:5efe:127.0.0.1", "loopback"),
]


@pytest.mark.parametrize(("text", "expected"), DENIED_FORMS)
def test_what_no_wide_entry_opens_is_denied_in_every_form(text: str, expected: str) -> None:
    assert why(text) == expected
    assert why(text, "0.0.0.0/0", "::/0") == expected
    assert why(text, "128.0.0.0/1", "0.0.0.0/1", "::/3", "2000::/3", "8000::/1") == expected


@pytest.mark.parametrize(
    "text",
    [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.201",
        "168.63.129.17",
        "8.8.8.8",
        "223.255.255.255",
        "::ffff:10.1.2.3",
        "fd12:3456::1",
        "fd00:ec2::253",
        "2001:db8::1",
        "64:ff9b::10.1.2.3",
        "2002:0a01:0203::1",
        "2001:0:c000:201:8000:1:f5fe:fdfc",
        "2001:db8::5efe:10.1.2.3",
    ],
)
def test_without_a_list_everything_else_is_open_private_addresses_too(text: str) -> None:
    assert why(text) is None


@pytest.mark.parametrize(
    ("text", "entries", "expected"),
    [
        ("127.0.0.1", ["127.0.0.1"], None),
        ("127.0.0.1", ["127.0.0.0/8"], None),
        ("127.0.0.2", ["127.0.0.1"], "loopback"),
        ("127.0.0.1", ["126.0.0.0/7"], "loopback"),
        ("::ffff:127.0.0.1", ["127.0.0.1"], None),
        ("127.0.0.1", ["::ffff:127.0.0.0/104"], None),
        ("::1", ["[::1]:443"], None),
        ("::1", ["127.0.0.1"], "loopback"),
        ("169.254.7.7", ["169.254.0.0/16"], None),
        # the metadata service is a range of its own inside link-local
        ("169.254.169.254", ["169.254.0.0/16"], "metadata"),
        ("169.254.169.254", ["169.254.169.254"], None),
        # another form needs an entry of its own
        ("64:ff9b::169.254.169.254", ["169.254.169.254", "64:ff9b::/96"], "metadata"),
        ("64:ff9b::169.254.169.254", ["64:ff9b::a9fe:a9fe"], None),
        ("64:ff9b::127.0.0.1", ["64:ff9b::7f00:0/104"], None),
        ("64:ff9b::127.0.0.1", ["64:ff9b::7e00:0/103"], "loopback"),
        ("2002:7f00:1::1", ["2002:7f00::/24"], None),
        ("2002:7f00:1::1", ["2002:7e00::/23"], "loopback"),
        # the network's own NAT64: an entry opens it, and not what is denied behind it
        ("64:ff9b:1::10.0.0.1", ["64:ff9b:1::/96"], None),
        ("64:ff9b:1::169.254.169.254", ["64:ff9b:1::/96"], "metadata"),
        ("64:ff9b:1:7f00:0:100::", ["64:ff9b:1::/48"], "loopback"),
        ("64:ff9b:1:7f:0:1::", ["64:ff9b:1::/48"], "loopback"),
        ("64:ff9b:1:0:7f:0:100:0", ["64:ff9b:1::/48"], "loopback"),
        # a list is the whole list
        ("10.0.0.1", ["10.0.0.1"], None),
        ("10.0.0.2", ["10.0.0.1"], "not_listed"),
        ("2001:db8::1", ["0.0.0.0/0"], "not_listed"),
        ("10.0.0.1", ["10.0.0.0/8:443"], None),
        ("10.0.0.1", ["10.0.0.0/8:80"], "not_listed"),
        ("10.0.0.1", ["10.0.0.0/8:443:https"], None),
        ("10.0.0.1", ["10.0.0.0/8:443:mllp"], "not_listed"),
        ("127.0.0.1", ["127.0.0.1:80", "0.0.0.0/0"], "loopback"),
    ],
)
def test_an_entry_opens_what_it_names_and_no_more(
    text: str, entries: list[str], expected: str | None
) -> None:
    assert why(text, *entries) == expected


def test_an_empty_list_forbids_everything() -> None:
    assert refusal([], ipaddress.ip_address("10.0.0.1"), 443, HTTPS) is Refusal.NOT_LISTED


def test_the_question_of_the_network_is_answered_with_yes_and_no() -> None:
    may = allow([entry("10.0.0.0/8", [443], [HTTPS])])
    assert may(ipaddress.ip_address("10.0.0.1"), 443, HTTPS)
    assert not may(ipaddress.ip_address("10.0.0.1"), 443, Scheme.HTTP)
    assert not allow(None)(ipaddress.ip_address("127.0.0.1"), 443, HTTPS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ten",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0.1:",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        "10.0.0.1:443:ftp",
        "10.0.0.1:443:https:x",
        "[::1",
        "[::1]443",
        "[::1]:x",
        "fd00::/8:443",
    ],
)
def test_an_entry_that_is_none_says_what_to_write(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"write NETWORK\[:PORT\[:SCHEME\]\], such as 10\.0\.0\.0/8"
    ):
        parse_entry(text)


def test_entries_are_read_with_and_without_brackets() -> None:
    assert parse_entry("fd00::/8") == Entry(ipaddress.ip_network("fd00::/8"))
    assert parse_entry("[fd00::/8]") == parse_entry("fd00::/8")
    assert parse_entry("[::1]:8080:http") == Entry(
        ipaddress.ip_network("::1/128"), frozenset({8080}), frozenset({Scheme.HTTP})
    )


V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
HIDDEN = [int(net[0]) for _, net in DENIED if net.version == 4 and net[0] != IPv4Address(0)]
BAD_V4 = st.sampled_from(HIDDEN).map(IPv4Address)


def forms(inside: IPv4Address, other: int) -> list[IPv6Address]:
    """An IPv4 address in each form; `other` fills the bits that mean nothing."""
    number = int(inside)
    return [
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(number),
        IPv6Address(0xFFFF << 48 | number),
        IPv6Address(0x64FF9B << 96 | number),
        IPv6Address(0x2002 << 112 | number << 80 | other),
        IPv6Address(0x20010000 << 96 | number << 64 | other & (2**64 - 1)),
        IPv6Address(0x20010000 << 96 | (other & (2**64 - 1)) << 32 | number ^ 0xFFFFFFFF),
        IPv6Address((0x2001_0DB8 << 96) | (other & 0xFFFF) << 64 | 0x5EFE << 32 | number),
    ]


@given(BAD_V4, st.integers(0, 2**80 - 1), st.sampled_from([None, ("::/0", "0.0.0.0/0")]))
def test_a_denied_address_is_denied_in_all_its_forms(
    inside: IPv4Address, other: int, listed: tuple[str, ...] | None
) -> None:
    entries = None if listed is None else [entry(one) for one in listed]
    assert refusal(entries, inside, 443, HTTPS) is not None
    for form in forms(inside, other):
        assert refusal(entries, form, 443, HTTPS) is not None, form


@given(st.integers(0, 2**128 - 1).map(IPv6Address) | V4, V4, st.integers(0, 32))
def test_no_entry_opens_more_than_its_own_network(
    address: IPv4Address | IPv6Address, network: IPv4Address, length: int
) -> None:
    made = entry(str(ipaddress.IPv4Network((int(network), length), strict=False)))
    plain = getattr(address, "ipv4_mapped", None) or address
    if refusal([made], address, 443, HTTPS) is None:
        assert plain in made.network
        whole = [net for _, net in DENIED if plain in net]
        assert all(made.network.subnet_of(net) for net in whole if net.version == 4)  # type: ignore[arg-type]


def test_checks_listen_where_the_host_says_and_nowhere_else() -> None:
    allowed = may_listen([(IPv4Address("10.20.0.5"), 6661), (IPv6Address("::"), 6662)])
    assert allowed(IPv4Address("10.20.0.5"), 6661)
    assert not allowed(IPv4Address("10.20.0.5"), 6662)
    assert not allowed(IPv4Address("0.0.0.0"), 6661)  # noqa: S104 - wider than the host said
    assert allowed(IPv6Address("fd00::5"), 6662)
    assert not allowed(IPv4Address("10.20.0.5"), 22)
    assert not may_listen([])(IPv4Address("127.0.0.1"), 6661)
