"""The page on OpenID Connect and the example say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from collector.access.oidc_errors import MEANINGS, OpenIdCode
from probes.config import Config
from probes.config_access import OpenIdProvider
from probes.configfile import canonical, digest, load_bytes
from probes.roles import Role

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "collector/access/README.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "wardwatch.example.yaml").read_text(encoding="utf-8")
BLOCK = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_every_code_is_on_the_page_with_its_meaning() -> None:
    assert list(MEANINGS) == list(OpenIdCode)
    rows = re.findall(r"^\| `(oidc\.[a-z_]+)` \| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [(code.value, meaning) for code, meaning in MEANINGS.items()]


def example_with(access: str) -> Config:
    return load_bytes(f"{EXAMPLE}\n{access}".encode(), "example")


def test_the_block_on_the_page_is_a_valid_part_of_a_file() -> None:
    assert BLOCK is not None
    access = example_with(BLOCK[1]).access
    assert access is not None
    assert access.public_url == "https://wardwatch.example.org"
    assert access.proxies == ("10.0.0.0/24",)
    assert access.oidc == OpenIdProvider(
        issuer="https://login.example.org/realms/hospital",
        client_id="wardwatch",
        client_secret="file:/run/secrets/oidc",
        roles={
            "ward-ops": (Role.OPERATOR,),
            "ward-approvers": (Role.APPROVER,),
            "clinical-leads": (Role.CLINICAL,),
            "wardwatch-admins": (Role.ADMIN,),
        },
    )


def test_the_part_of_the_example_that_is_switched_off_is_valid_too() -> None:
    commented = re.search(r"^# access:\n(# .*\n)+", EXAMPLE, re.MULTILINE)
    assert commented is not None
    access = example_with(commented[0].replace("# ", "", 1).replace("\n# ", "\n")).access
    assert access is not None
    assert access.oidc is not None


def test_a_file_without_access_is_the_version_it_was() -> None:
    without = load_bytes(EXAMPLE.encode(), "example")
    assert b'"access":' not in canonical(without)
    with_ = example_with("access: {public_url: https://wardwatch.example.org/}")
    assert b'"access":{"oidc":null,"proxies":[]' in canonical(with_)
    assert digest(without) != digest(with_)


def test_the_address_loses_the_slash_a_browser_adds() -> None:
    access = example_with("access: {public_url: https://wardwatch.example.org:8443/}").access
    assert access is not None
    assert access.public_url == "https://wardwatch.example.org:8443"


def test_without_a_provider_none_of_its_libraries_is_needed() -> None:
    code = (
        "import sys, collector.access.vouched, collector.access.oidc_errors\n"
        "assert {'authlib', 'joserfc', 'httpx'}.isdisjoint(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
