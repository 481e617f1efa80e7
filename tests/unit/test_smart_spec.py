from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.configfile import ConfigErrors, load
from probes.fhirauthorization import SmartBackend
from probes.kinds.fhir import KIND as FHIR
from probes.kinds.smart import KIND, SmartSpec
from tests.support.client_keys import ec_pem, rsa_pem

BASE = {"base_url": "https://ehr.example.org/fhir/R4"}
BACKEND = {"client_id": "abc", "key": "file:/run/k.pem"}
SECRET = {
    "client_id": "abc",
    "secret": "env:S",
    "token_url": "https://a.example.org/t",
    "scope": "api",
}


def backend(config: SmartSpec) -> SmartBackend:
    way = config.auth.by_token if config.auth is not None else None
    assert isinstance(way, SmartBackend)
    return way


def test_one_key_is_a_list_of_one_and_defaults_are_those_of_backend_services() -> None:
    config = KIND.parse({**BASE, "auth": {"smart_backend": BACKEND}})
    way = backend(config)
    assert (way.key, way.kid, way.token_url, way.scope) == (
        ("file:/run/k.pem",), (), None, "system/*.rs",
    )  # fmt: skip
    assert (config.discovery, config.token, config.jwks_url) == (True, True, None)
    rotating = {**BACKEND, "key": ["file:/run/new.pem", "file:/run/old.pem"], "kid": ["n", "o"]}
    way = backend(KIND.parse({**BASE, "auth": {"smart_backend": rotating}}))
    assert (way.key, way.kid) == (("file:/run/new.pem", "file:/run/old.pem"), ("n", "o"))


@pytest.mark.parametrize(
    ("wrong", "places"),
    [
        ({"auth": {"smart_backend": {"client_id": "abc"}}}, ["auth.smart_backend.key"]),
        ({"auth": {"smart_backend": {**BACKEND, "key": "s3cr3t"}}},
         ["auth.smart_backend.key.0"]),
        ({"auth": {"smart_backend": {**BACKEND, "key": []}}}, ["auth.smart_backend.key"]),
        ({"auth": {"smart_backend": {**BACKEND, "kid": ["a", "b"]}}}, ["auth.smart_backend"]),
        ({"auth": {"smart_backend": {**BACKEND, "key": ["env:A", "env:A"]}}},
         ["auth.smart_backend"]),
        ({"auth": {"smart_backend": {**BACKEND, "token_url": "http://a.example.org/t"}}},
         ["auth.smart_backend.token_url"]),
        ({"auth": {"smart_backend": {**BACKEND, "scope": "a  b"}}},
         ["auth.smart_backend.scope"]),
        ({"auth": {"smart_backend": {**BACKEND, "scope": 'a"b'}}},
         ["auth.smart_backend.scope"]),
        ({"auth": {"smart_backend": {**BACKEND, "client_id": ""}}},
         ["auth.smart_backend.client_id"]),
        ({"auth": {"client_secret": {"client_id": "abc", "secret": "env:S"}}},
         ["auth.client_secret.token_url", "auth.client_secret.scope"]),
        ({"auth": {"client_secret": {**SECRET, "style": "digest"}}},
         ["auth.client_secret.style"]),
        ({"auth": {"client_secret": SECRET, "smart_backend": BACKEND}}, ["auth"]),
        ({"auth": {"client_secret": SECRET, "bearer": "env:T"}}, ["auth"]),
        ({"auth": {"bearer": "env:T"}}, [""]),
        ({"jwks_url": "https://w.example.org/jwks.json"}, [""]),
        ({"auth": {"client_secret": SECRET}, "jwks_url": "https://w.example.org/j"}, [""]),
        ({"auth": {"smart_backend": BACKEND}, "jwks_url": "http://w.example.org/j"},
         ["jwks_url"]),
        ({"discovery": "false"}, [""]),
        ({"discovery": "false", "token": "false", "auth": {"client_secret": SECRET}}, [""]),
        ({"client_cert": "/run/c.pem"}, [""]),
        ({"client_cert": "c.pem", "client_key": "/run/k.pem"}, ["client_cert"]),
        ({"base_url": "http://ehr.example.org", "auth": {"smart_backend": BACKEND}}, [""]),
        ({"read": "Patient/a"}, ["read"]),
        ({"auth": {"smart_backend": BACKEND}, "budget": {"requests": "1", "per": "1m"}}, [""]),
    ],
)  # fmt: skip
def test_a_wrong_spec_names_every_place(wrong: dict[str, Any], places: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        KIND.parse({**BASE, **wrong})
    named = [".".join(map(str, error["loc"])) for error in caught.value.errors()]
    assert named == places


def test_contradictions_are_told_together() -> None:
    with pytest.raises(ValidationError) as caught:
        KIND.parse(
            {
                "base_url": "http://ehr.example.org",
                "discovery": "false",
                "auth": {"bearer": "env:T"},
                "client_cert": "/run/c.pem",
            }
        )
    assert caught.value.errors()[0]["msg"] == (
        "Value error, auth is smart_backend or client_secret here; "
        "nothing to ask for: it needs discovery, token and auth, or jwks_url; "
        "client_cert and client_key belong together; auth needs an https base_url; "
        "client_cert needs an https base_url"
    )


FILE = """\
version: 1
organization: {{id: st, name: St, timezone: UTC}}
sites: {{north: {{name: North}}}}
agents: {{north-1: {{site: north}}}}
systems: {{ehr: {{name: EHR, impact: {{class: clinical}}}}}}
checks:
  sign-in:
    system: ehr
    kind: {kind}
    every: 1m
    timeout: 10s
    spec:
      base_url: https://ehr.example.org/fhir/R4
      auth: {{smart_backend: {{client_id: abc, key: [{keys}]}}}}
"""


@pytest.mark.parametrize("kind", ["fhir", "smart"])
def test_config_check_names_each_key_that_is_there_and_is_none(tmp_path: Path, kind: str) -> None:
    good, bad, secret = (tmp_path / name for name in ("good.pem", "bad.pem", "short.pem"))
    good.write_bytes(rsa_pem())
    bad.write_bytes(b"s3cr3t")
    secret.write_bytes(rsa_pem(bits=1024))
    keys = [f"file:{path}" for path in (good, bad, secret, tmp_path / "absent.pem")]
    file = tmp_path / "wardwatch.yaml"
    file.write_text(FILE.format(kind=kind, keys=", ".join(keys)))
    with pytest.raises(ConfigErrors) as caught:
        load(str(file), secrets=True)
    none = (
        "what it refers to is no private key of RSA (2048 bits or more) or P-384 as PEM"
        " without a passphrase"
    )
    assert str(caught.value) == (
        f"{file}:12: checks.sign-in.spec: auth.smart_backend.key[1]: {none}; "
        f"auth.smart_backend.key[2]: {none}"
    )
    file.write_text(FILE.format(kind=kind, keys=f"file:{good}, file:{tmp_path}/absent.pem"))
    assert load(str(file), secrets=True).checks["sign-in"].kind == kind


def test_what_runs_by_a_file_starts_with_a_bad_key(tmp_path: Path) -> None:
    bad, file = tmp_path / "bad.pem", tmp_path / "wardwatch.yaml"
    bad.write_bytes(b"s3cr3t")
    file.write_text(FILE.format(kind="smart", keys=f"file:{bad}"))
    assert load(str(file)).checks["sign-in"].kind == "smart"


def test_a_key_of_another_host_is_nothing_to_complain_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = FHIR.parse({**BASE, "auth": {"smart_backend": {**BACKEND, "key": "env:WW_TEST_KEY"}}})
    FHIR.examine(spec)
    monkeypatch.setenv("WW_TEST_KEY", ec_pem().decode())
    FHIR.examine(spec)
    monkeypatch.setenv("WW_TEST_KEY", "s3cr3t")
    with pytest.raises(ValueError, match=r"^auth\.smart_backend\.key: what it refers to") as caught:
        FHIR.examine(spec)
    assert "s3cr3t" not in str(caught.value)
