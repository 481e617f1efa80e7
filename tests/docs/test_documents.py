"""Documents cannot drift: what they name exists, what exists they name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from alerts.channels import registry as channel_registry
from collector.attest.faults import MEANINGS as LOG_FAULTS
from collector.attest.faults import Fault
from collector.attest.policyfile import POLICY_MEANINGS, PolicyFault
from collector.bundle.assurance import LIMIT_MEANINGS, Limit
from collector.bundle.faults import BUNDLE_MEANINGS, BundleFault
from probes import registry
from probes.contract import Place
from probes.reasons import MEANINGS, Reason
from tests.docs.generate import PARTS, documents, rewritten

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#]+)")


def stems(folder: str, pattern: str) -> set[str]:
    return {path.stem for path in (ROOT / folder).glob(pattern)} - {"__init__", "registry"}


def test_every_probe_kind_has_a_file_a_document_a_test_and_an_example() -> None:
    kinds = set(registry.KINDS)
    assert stems("probes/kinds", "*.py") == kinds
    assert stems("probes/kinds", "*.md") == kinds
    assert {name for name in kinds if (ROOT / f"tests/contract/test_{name}.py").is_file()} == kinds
    example = yaml.safe_load((ROOT / "wardwatch.example.yaml").read_text(encoding="utf-8"))
    assert {check["kind"] for check in example["checks"].values()} == kinds


def test_every_channel_has_a_file_a_document_and_an_example() -> None:
    channels = set(channel_registry.CHANNELS)
    assert stems("alerts/channels", "*.py") == channels
    assert stems("alerts/channels", "*.md") == channels
    example = yaml.safe_load((ROOT / "wardwatch.example.yaml").read_text(encoding="utf-8"))
    assert {channel["kind"] for channel in example["channels"].values()} == channels


def test_kinds_and_reasons_are_listed_in_order() -> None:
    assert list(registry.KINDS) == sorted(registry.KINDS)
    assert set(MEANINGS) == set(Reason)


def test_every_fault_of_the_evidence_log_is_told_in_words() -> None:
    assert list(LOG_FAULTS) == list(Fault)
    assert list(POLICY_MEANINGS) == list(PolicyFault)
    assert list(BUNDLE_MEANINGS) == list(BundleFault)
    assert set(LIMIT_MEANINGS) == set(Limit)


def test_the_registry_knows_the_collectors_own_kinds_without_importing_any() -> None:
    kinds = [registry.load(name) for name in registry.KINDS]
    own = {kind.name for kind in kinds if kind.place is Place.COLLECTOR}
    assert own == registry.ON_COLLECTOR & set(registry.KINDS)


def test_every_extra_a_kind_asks_for_is_one_of_the_distribution() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    assert set(registry.EXTRAS) <= set(registry.KINDS)
    assert set(registry.EXTRAS.values()) == {"dicom", "sftp"} & set(extras)


@pytest.mark.parametrize("name", sorted(registry.KINDS))
def test_the_document_of_a_kind_names_every_reason_it_can_give(name: str) -> None:
    text = (ROOT / f"probes/kinds/{name}.md").read_text(encoding="utf-8")
    missing = [r.value for r in registry.load(name).reasons if f"`{r.value}`" not in text]
    assert missing == []


@pytest.mark.parametrize("name", sorted(registry.KINDS))
def test_the_example_in_the_document_of_a_kind_is_accepted(name: str) -> None:
    text = (ROOT / f"probes/kinds/{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 1
    for block in blocks:
        document = yaml.load(block, Loader=yaml.BaseLoader)  # noqa: S506 - scalars as text, as our reader
        for check in document["checks"].values():
            if check["kind"] == name:
                registry.load(name).parse(check["spec"])


def test_generated_parts_are_what_the_code_says() -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path in documents()
        if rewritten(path.read_text(encoding="utf-8")) != path.read_text(encoding="utf-8")
    ]
    assert stale == []


def test_every_generated_part_stands_in_some_document() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in documents())
    assert [name for name in PARTS if f"<!-- generated: {name} -->" not in text] == []


def test_links_inside_the_documents_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in documents()
        for target in LINK.findall(path.read_text(encoding="utf-8"))
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_every_folder_at_the_top_explains_itself() -> None:
    folders = ["agent", "alerts", "collector", "dashboards", "helm", "probes", "tests"]
    assert [name for name in folders if not (ROOT / name / "README.md").is_file()] == []
