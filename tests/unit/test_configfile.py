from __future__ import annotations

import json
import os
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.channels import registry
from probes.config import Config
from probes.configfile import (
    ConfigErrors,
    canonical,
    digest,
    load,
    parse_canonical,
    read_given,
    read_secret,
    schema,
)
from probes.reference import config_reference
from probes.registry import KINDS
from probes.yamlfile import MAX_BYTES, Problem, parse, read
from tests.support.soak import longer

EXAMPLE = Path(__file__).parents[2] / "wardwatch.example.yaml"
MINIMAL = """\
version: 1
organization: {id: org, name: Org, timezone: America/Chicago}
sites: {north: {name: North}}
agents: {north-1: {site: north}}
systems:
  ehr: {name: EHR, impact: {class: clinical}}
checks:
  ehr-page: {system: ehr, kind: http, every: 30s, timeout: 10s, spec: {url: "http://ehr.example.org/"}}
"""


def written(folder: Path, text: str | bytes) -> str:
    file = folder / "wardwatch.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


@cache
def as_written() -> Any:
    return read(str(EXAMPLE))[0].data


@cache
def example() -> Config:
    return load(str(EXAMPLE), channel_check=registry.check)


def test_the_example_loads_and_opens_no_secret() -> None:
    config = example()
    assert {check.kind for check in config.checks.values()} == set(KINDS)
    assert {channel.kind for channel in config.channels.values()} == set(registry.CHANNELS)
    assert config.checks["ehr-read"].every == 30_000
    assert config.systems["ehr"].slo is not None
    assert config.systems["ehr"].slo.target == "99.95"


def test_scalars_stay_text(tmp_path: Path) -> None:
    text = MINIMAL.replace("name: Org", "name: no").replace("name: EHR", "name: 2026-01-05")
    config = load(written(tmp_path, text))
    assert config.organization.name == "no"
    assert config.systems["ehr"].name == "2026-01-05"


def test_replay_accepts_any_kind_and_opens_no_channel(tmp_path: Path) -> None:
    text = MINIMAL.replace("kind: http", "kind: any").replace(
        ', spec: {url: "http://ehr.example.org/"}', ""
    )
    text += "channels: {desk: {kind: telegraph}}\n"
    assert load(written(tmp_path, text), kinds=False).checks["ehr-page"].kind == "any"


def test_problems_of_every_sort_are_listed_at_once_and_by_line(tmp_path: Path) -> None:
    text = (
        MINIMAL.replace("{site: north}", "{site: south}")
        .replace("timeout: 10s", "timeout: 1h")
        .replace("class: clinical", "class: surgical")
        + "sites: {}\nsurprise: 1\n"
    )
    with pytest.raises(ConfigErrors) as caught:
        load(written(tmp_path, text))
    assert [(p.line, p.path) for p in caught.value.problems] == [
        (4, "agents.north-1.site"),
        (6, "systems.ehr.impact.class"),
        (8, "checks.ehr-page.timeout"),
        (9, "sites"),
        (10, "surprise"),
    ]
    file = caught.value.problems[0].file
    assert str(caught.value).splitlines()[2] == (
        f"{file}:8: checks.ehr-page.timeout: timeout is longer than every"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00", "the file is not UTF-8"),
        (b"a: \x07", "not YAML: a character that may not stand in a file"),
        (b"#" * (MAX_BYTES + 1), "the file is larger than 1 MiB"),
        (b"[" * 100_000, "nested more than 32 deep"),
        (b"? " * 100_000, "nested more than 32 deep"),
        (b'a: "\\UFFFFFFFF"', "not YAML: it cannot be understood"),
    ],
)
def test_what_is_no_readable_yaml_is_one_problem(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(written(tmp_path, content))
    assert [problem.message for problem in caught.value.problems] == [message]


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.yaml")
    with pytest.raises(ConfigErrors, match="the file cannot be read"):
        load(missing)


@settings(max_examples=longer(150), deadline=None)
@given(
    st.text(alphabet=st.sampled_from("ab01:-?[]{},&*!|>%#'\"\\ \n\t\u00e9\U0001f600"), max_size=60)
)
def test_any_text_is_read_or_refused_with_positions(text: str) -> None:
    data: Any = None
    try:
        document, problems = parse(text, "f")
        data = document.data
    except ConfigErrors as error:
        problems = list(error.problems)
    assert isinstance(data, dict | list | str) or problems
    assert all(1 <= problem.line <= text.count("\n") + 2 for problem in problems)


VALUES = st.recursive(
    st.sampled_from(["", "1", "ehr", "30s", "99.9", "-1", "no", "file:/x", "\u00e9", "north-1"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "ehr", "system", "need", "at", "0"]), inner)
    ),
    max_leaves=4,
)


def paths(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    return [at, *(path for key, value in entries for path in paths(value, (*at, key)))]


@settings(max_examples=longer(50), deadline=None)
@given(data=st.data())
def test_any_change_of_a_file_loads_or_raises_config_errors(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = deepcopy(as_written())
    where = data.draw(st.sampled_from([path for path in paths(content) if path]))
    node: Any = content
    for part in where[:-1]:
        node = node[part]
    node[where[-1]] = data.draw(VALUES)
    file = written(tmp_path_factory.getbasetemp(), yaml.safe_dump(content, allow_unicode=True))
    found: tuple[Problem, ...] = ()
    try:
        config: Config | None = load(file, channel_check=registry.check)
    except ConfigErrors as error:
        config, found = None, error.problems
    assert list(found) == sorted(set(found))
    assert bool(found) == (config is None)
    assert config is None or parse_canonical(canonical(config)) == config


def test_the_canonical_form_reads_back_as_the_same_value() -> None:
    config = example()
    assert parse_canonical(canonical(config)) == config
    assert canonical(parse_canonical(canonical(config))) == canonical(config)
    assert json.loads(canonical(config))["checks"]["ehr-read"]["every"] == 30_000


@settings(max_examples=longer(10), deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_change_the_canonical_form(rng: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            rng.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return value

    assert canonical(Config.model_validate(shuffled(as_written()))) == canonical(example())


def test_the_digest_changes_with_meaning_only(tmp_path: Path) -> None:
    first = digest(load(written(tmp_path, MINIMAL)))
    assert len(first) == 16
    assert digest(load(written(tmp_path, "# words\n" + MINIMAL))) == first
    same = MINIMAL.replace("every: 30s", "every: 30000ms")
    assert digest(load(written(tmp_path, same))) == first
    for old, new in (
        ("every: 30s", "every: 31s"),
        ("name: EHR", "name: EHR 2"),
        ("http://ehr", "http://her"),
    ):
        assert digest(load(written(tmp_path, MINIMAL.replace(old, new)))) != first


def test_secrets_are_read_by_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_bytes(b"abc\n")
    monkeypatch.setenv("WARDWATCH_TEST_KEY", "def")
    monkeypatch.delenv("WARDWATCH_TEST_NONE", raising=False)
    assert read_secret(f"file:{tmp_path}/key") == b"abc\n"
    assert read_secret("env:WARDWATCH_TEST_KEY") == b"def"
    monkeypatch.setenv(
        "WARDWATCH_TEST_KEY", os.fsdecode(b"p\xe4ss")
    )  # Latin-1, as some hosts have it
    assert read_secret("env:WARDWATCH_TEST_KEY") == b"p\xe4ss"
    for reference in ("env:WARDWATCH_TEST_NONE", "abc", "file:key", "env:"):
        with pytest.raises(KeyError):
            read_secret(reference)
    with pytest.raises(FileNotFoundError):
        read_secret(f"file:{tmp_path}/none")


def test_nobody_waits_for_who_writes_a_secret_to_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="a pipe"):
        read_secret(f"file:{tmp_path}/pipe")
    reader, writer = os.pipe()
    os.write(writer, b"abc")
    os.close(writer)
    assert read_given(f"file:/dev/fd/{reader}") == b"abc"  # as bash passes `<(...)`
    os.close(reader)


def test_the_schema_and_the_reference_name_every_key() -> None:
    printed = schema()
    assert printed["properties"]["policy"]["$ref"] == "#/$defs/Policy"
    assert printed["$defs"]["Policy"]["properties"]["degraded_after"]["default"] == "10m"
    table = config_reference().splitlines()
    assert table[2] == "| `version` | `1` | required | Format of this file, `1`. |"
    assert all(row.rstrip(" |").split(" | ")[-1].endswith(("?", ".")) for row in table[2:])
    for name in Config.model_fields:
        assert any(row.startswith(f"| `{name}` |") for row in table)
