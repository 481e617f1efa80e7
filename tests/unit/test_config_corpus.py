"""Bad files, each with the exact messages an operator sees in the `.txt` beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.channels import registry
from collector.businesshours import holiday_problem
from probes.configfile import ConfigErrors, load

CORPUS = Path(__file__).parent / "config_corpus"
FILES = sorted(CORPUS.glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_a_bad_file_gets_exactly_these_messages(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CORPUS)
    with pytest.raises(ConfigErrors) as caught:
        load(file.name, channel_check=registry.check, holiday_check=holiday_problem, secrets=True)
    assert f"{caught.value}\n" == file.with_suffix(".txt").read_text(encoding="utf-8")


def test_every_bad_file_has_its_messages_and_every_message_its_file() -> None:
    assert {file.stem for file in FILES} == {file.stem for file in CORPUS.glob("*.txt")}
    assert len(FILES) >= 15


def test_no_message_shows_a_secret_written_in_the_wrong_place() -> None:
    assert "s3cr3t" in (CORPUS / "specs.yaml").read_text(encoding="utf-8")
    for file in CORPUS.glob("*.txt"):
        assert "s3cr3t" not in file.read_text(encoding="utf-8")
