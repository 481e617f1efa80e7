"""Which addresses and networks a file may name."""

from __future__ import annotations

import pytest

from probes.addresses import is_loopback, issuer, network, origin, web_address


@pytest.mark.parametrize(
    "text",
    [
        "https://login.example.org",
        "https://login.example.org:8443/realms/a?tenant=1",
        "http://127.0.0.1:8080/x",
        "http://[::1]:8080",
        "http://localhost",
        "HTTPS://LOGIN.EXAMPLE.ORG",
    ],
)
def test_an_address_has_tls_or_is_this_host(text: str) -> None:
    assert web_address(text).hostname is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "login.example.org",
        "https://",
        "https:///path",
        "http://login.example.org",
        "http://127.0.0.1.example.org",
        "http://10.0.0.1",
        "http://localhost.example.org",
        "http://0.0.0.0",
        "ftp://127.0.0.1",
        "https://user@login.example.org",
        "https://user:word@login.example.org",
        "https://@login.example.org",
        "https://login.example.org:0",
        "https://login.example.org:99999",
        "https://login.example.org:port",
        "https://[::1",
        "https://login.example.org/a b",
        "https://login.example.org\n",
        "https://l\u00f6gin.example.org",
    ],
)
def test_every_other_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[a-z]"):
        web_address(text)


def test_an_origin_has_no_path_and_an_issuer_keeps_its_slash() -> None:
    assert origin("https://a.example.org/") == "https://a.example.org"
    assert issuer("https://a.example.org/") == "https://a.example.org/"
    for text in ("https://a.example.org/x", "https://a.example.org?", "https://a.example.org/#"):
        with pytest.raises(ValueError, match="without a path"):
            origin(text)
    for text in ("https://a.example.org/?x", "https://a.example.org#"):
        with pytest.raises(ValueError, match=r"no \? and no #"):
            issuer(text)


def test_a_network_is_an_address_or_starts_with_its_first() -> None:
    for text in ("10.0.0.7", "10.0.0.0/24", "fd00::/8", "::1"):
        assert network(text) == text
    for text in ("10.0.0.7/24", "proxy", "", "10.0.0.0/33"):
        with pytest.raises(ValueError, match=r"such as 10\.0\.0\.0/24"):
            network(text)


def test_this_host_is_its_addresses_and_one_name() -> None:
    assert [is_loopback(h) for h in ("127.8.9.1", "::1", "localhost")] == [True, True, True]
    assert [is_loopback(h) for h in ("10.0.0.1", "127.1", "here", "")] == [False] * 4
