"""The business rules that the pages of ServiceNow's kinds give, run as they stand there. Simulated."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

PAGES = Path(__file__).resolve().parents[2] / "alerts" / "channels"
RECORD = {"correlation_id": "a.b.c.1.d", "message_key": "a.b.c.1.d", "sys_mod_count": "4"}
AROUND = """
const [rule, cases] = JSON.parse(require('fs').readFileSync(0));
const gs = {getUserName: () => 'ann', getProperty: () => 'SECRET'};
console.log(JSON.stringify(cases.map((record) => {
  let sent = null;
  class RESTMessageV2 {
    setHttpMethod() {} setEndpoint() {} setRequestHeader() {}
    setRequestBody(text) { this.body = text; }
    executeAsync() { sent = JSON.parse(this.body); }
  }
  const current = {getValue: (name) => record[name] ?? null, getUniqueValue: () => '9d38'};
  new Function('gs', 'sn_ws', 'current', 'previous', rule)(gs, {RESTMessageV2}, current, {});
  return sent;
})));
"""
TAKEN, OVER = "acknowledged", "resolved"


@pytest.mark.parametrize(
    ("page", "cases"),
    [
        (
            "servicenow",
            [
                ({"state": "1"}, None),
                ({"state": "2"}, TAKEN),
                ({"state": "3"}, TAKEN),
                ({"state": "6"}, OVER),
                ({"state": "7"}, OVER),
                ({"state": "8"}, OVER),
                ({"state": "99"}, None),
            ],
        ),
        (
            "servicenow_em",
            [
                ({"state": "Open", "acknowledged": "1"}, TAKEN),
                ({"state": "Open", "acknowledged": "0"}, None),
                ({"state": "Reopen", "acknowledged": "0"}, None),
                ({"state": "Closed", "acknowledged": "1"}, OVER),
                ({"state": "Closed", "acknowledged": "0"}, OVER),
            ],
        ),
    ],
)
def test_what_is_closed_there_is_not_told_as_taken_on(
    page: str, cases: list[tuple[dict[str, str], str | None]]
) -> None:
    (rule,) = re.findall(r"```js\n(.*?)```", (PAGES / f"{page}.md").read_text("utf-8"), re.DOTALL)
    records = [{**RECORD, **record} for record, _ in cases]
    ran = subprocess.run(
        ["node", "-e", AROUND],
        input=json.dumps([rule, records]),
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(ran.stdout) == [
        None if event is None else {"key": "a.b.c.1.d", "event": event, "id": "9d38:4"}
        for _, event in cases
    ]
