"""The comparison with vendors' documents finds what is wrong: by small documents of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.peers.vendor_documents import Sent, problems
from tests.peers.vendor_openapi import CARD, check

OPEN_3: dict[str, Any] = {
    "openapi": "3.0.1",
    "info": {"title": "Made up", "version": "1"},
    "paths": {
        "/things/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True}],
            "put": {
                "parameters": [
                    {"name": "mode", "in": "query", "required": True, "schema": {"enum": ["a"]}}
                ],
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}
                    }
                },
            },
        },
        "/things/all": {"put": {}},
    },
    "components": {
        "schemas": {
            "Named": {"type": "object", "properties": {"name": {"type": "string"}}},
            "Thing": {
                "allOf": [
                    {"$ref": "#/components/schemas/Named"},
                    {
                        "required": ["size"],
                        "properties": {"size": {"type": "integer", "nullable": True}},
                    },
                ]
            },
        }
    },
}
SWAGGER_2: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Alertmanager API", "version": "0"},
    "paths": {
        "/alerts": {
            "post": {
                "parameters": [
                    {
                        "in": "body",
                        "name": "alerts",
                        "schema": {"type": "array", "items": {"$ref": "#/definitions/alert"}},
                    }
                ]
            }
        }
    },
    "definitions": {
        "alert": {
            "type": "object",
            "required": ["labels"],
            "properties": {
                name: {"type": kind}
                for name, kind in {
                    "labels": "object",
                    "annotations": "object",
                    "startsAt": "string",
                    "endsAt": "string",
                    "generatorURL": "string",
                }.items()
            },
        }
    },
}


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (Sent("PUT", "/v1/things/7?mode=a", {"name": "x", "size": 1}), []),
        (Sent("PUT", "/v1/things/7?mode=a", {"size": None}), []),
        (Sent("PUT", "/v1/things/7", {"size": 1}), ["parameter mode is missing"]),
        (Sent("PUT", "/v1/things/7?mode=b", {"size": 1}), ["parameter mode is none of its values"]),
        (Sent("PUT", "/v1/things/7?mode=a&x=1", {"size": 1}), ["unknown parameter x"]),
        (Sent("PUT", "/v1/things/7?mode=a", {"size": 1, "nmae": "x"}), ["unknown field nmae"]),
        (Sent("PUT", "/v1/things/7?mode=a", {"size": "1"}), ['size: "1" is not of types "null", "integer"']),
        (Sent("PUT", "/v1/things/7?mode=a", {}), ['the body: "size" is a required property']),
        (Sent("PUT", "/v1/things/7?mode=a", None), ["no body where the document has one"]),
        (Sent("PUT", "/v1/things/all", {"size": 1}), ["a body where the document has none"]),
        (Sent("POST", "/v1/things/7?mode=a", {"size": 1}), ["the document has no such operation"]),
        (Sent("PUT", "/things/7?mode=a", {"size": 1}), ["the document has no such operation"]),
    ],
)  # fmt: skip
def test_what_a_document_says_against_a_request_is_told(sent: Sent, told: list[str]) -> None:
    assert problems(OPEN_3, "/v1", sent) == [f"{sent.method} {sent.path}: {one}" for one in told]


async def test_what_channels_send_is_recorded_and_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await check(tmp_path) == 2
    file = tmp_path / "alertmanager.json"
    file.write_text(json.dumps(SWAGGER_2))
    assert await check(tmp_path) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-2].startswith("alertmanager: ")
    assert said[-2].endswith(
        " requests against alertmanager.json (Alertmanager API, 0): no problems"
    )
    assert said[-1] == "No document here of: jira, jsm, pagerduty, teams, zendesk"
    narrow = json.loads(json.dumps(SWAGGER_2))
    del narrow["definitions"]["alert"]["properties"]["endsAt"]
    file.write_text(json.dumps(narrow))
    assert await check(tmp_path) == 1
    assert "  POST /api/v2/alerts: unknown field endsAt\n" in capsys.readouterr().out


async def test_a_card_is_compared_with_its_schema(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = {"id": CARD, "required": ["body"], "properties": {"version": {"enum": ["1.4"]}}}
    (tmp_path / "card.json").write_text(json.dumps(schema))
    assert await check(tmp_path) == 0
    schema["properties"] = {"version": {"enum": ["1.0"]}}
    (tmp_path / "card.json").write_text(json.dumps(schema))
    assert await check(tmp_path) == 1
    assert "  card version: " in capsys.readouterr().out
