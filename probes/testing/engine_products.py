"""Simulated engines: the same channels, answered as each product answers."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from xml.sax.saxutils import quoteattr

from probes.clock import Clock, SystemClock
from probes.testing.engine_host import EngineHost, Line

Answer = tuple[str, bytes]
Query = dict[str, list[str]]


class MirthServer(EngineHost):
    """JSON made of XML, as the real one makes it."""

    def answer(self, path: str, query: Query) -> Answer | None:
        if path != "api/channels/statuses":
            return None
        undeployed = query.get("includeUndeployed") == ["true"]
        shown = [line for line in self.shown if undeployed or line.state != "undeployed"]
        return "application/json", json.dumps({"list": _listed(self._statuses(shown))}).encode()

    def _statuses(self, lines: list[Line]) -> list[dict[str, Any]]:
        return [
            {
                **self._status(line, "CHANNEL"),
                "lifetimeStatistics": _mirth_map(line),
                "childStatuses": _listed(self._children(line)),
                "deployedDate": {"time": 1795902315707, "timezone": self.text},
            }
            for line in lines
        ]

    def _children(self, line: Line) -> list[dict[str, Any]]:
        source = {**self._status(line, "SOURCE_CONNECTOR"), "name": "Source", "metaDataId": 0}
        return [
            {**source, "queued": 0},
            *(
                {**self._status(one, "DESTINATION_CONNECTOR"), "metaDataId": number}
                for number, one in enumerate(line.destinations.values(), 1)
            ),
        ]

    def _status(self, line: Line, kind: str) -> dict[str, Any]:
        return {
            "channelId": line.id,
            "name": int(line.name) if line.name.isdigit() else line.name,
            "state": line.state.upper(),
            "deployedRevisionDelta": 0,
            "statistics": _mirth_map(line),
            "childStatuses": None,
            "queueEnabled": True,
            "queued": line.queued,
            "waitForPrevious": False,
            "statusType": kind,
        }


def _mirth_map(line: Line) -> dict[str, Any]:
    counts = {
        "RECEIVED": line.received,
        "FILTERED": line.filtered,
        "SENT": line.sent,
        "ERROR": line.errored,
    }
    key = "com.mirth.connect.donkey.model.message.Status"
    entry = [{key: status, "long": value} for status, value in counts.items()]
    return {"@class": "linked-hash-map", "entry": entry}


def _listed(statuses: list[dict[str, Any]]) -> dict[str, Any] | None:
    """One is itself, none is null."""
    if not statuses:
        return None
    return {"dashboardStatus": statuses[0] if len(statuses) == 1 else statuses}


class OpenHimServer(EngineHost):
    def answer(self, path: str, query: Query) -> Answer | None:
        if path == "channels":
            status = {"started": "enabled", "stopped": "disabled"}
            body: list[dict[str, Any]] = [
                {
                    "_id": line.id,
                    "name": line.name,
                    "status": status.get(line.state, line.state),
                    "description": self.text,
                    "routes": [{"name": self.text, "host": "downstream"}],
                }
                for line in self.shown
            ]
        elif path == "metrics/channels" and {"startDate", "endDate"} <= set(query):
            body = [
                {
                    "total": line.received,
                    "successful": line.sent,
                    "completed": 0,
                    "completedWErrors": 0,
                    "failed": line.errored,
                    "processing": line.queued,
                    "avgResp": 12.5,
                    "_id": {"channelID": line.id, "day": 28},
                }
                for line in self.shown
            ]
        else:
            return None
        return "application/json", json.dumps(body).encode()


class IguanaServer(EngineHost):
    def answer(self, path: str, query: Query) -> Answer | None:
        if path != "status":
            return None
        states = {"started": "on", "stopped": "off", "starting": "transition"}
        channels = "".join(
            f"<Channel Name={quoteattr(line.name)} Guid={quoteattr(line.id)}"
            f' Status="{states.get(line.state, line.state)}" Source="LLP Listener"'
            f' Destination="To Translator" MessagesQueued="{line.queued}"'
            f' TotalErrors="{line.errored}" LastError={quoteattr(self.text)}/>'
            for line in self.shown
        )
        body = f'<?xml version="1.0" encoding="UTF-8"?><IguanaStatus Uptime="1">{channels}</IguanaStatus>'
        return "application/xml", body.encode()

    def wrong_types(self, body: bytes) -> bytes:
        return body.replace(b'TotalErrors="0"', b'TotalErrors="ZZ-MANY"')


class RhapsodyServer(EngineHost):
    def answer(self, path: str, query: Query) -> Answer | None:
        line = next((one for one in self.shown if path == f"api/commpoint/{one.id}"), None)
        if line is None:
            return None
        states = {"started": "RUNNING" if line.connected else "RETRYING"}
        data = {
            "id": 7,
            "uuid": line.id,
            "name": line.name,
            "folderPath": self.text,
            "mode": "BIDIRECTIONAL",
            "state": states.get(line.state, line.state.upper()),
            "commPointType": "TCP Client",
            "inQueueSize": None,
            "outQueueSize": line.queued,
            "inputIdleTime": f"PT{line.idle_s}.959S",
            "outputIdleTime": f"PT{line.idle_s}.952S",
            "connectionCount": int(line.connected),
            "receivedCount": line.received,
            "sentCount": line.sent,
            "failedCount": line.errored,
        }
        return "application/json", json.dumps({"data": data, "error": None}).encode()


class IrisServer(EngineHost):
    PRODUCTION = "Hospital.Production"

    def answer(self, path: str, query: Query) -> Answer | None:
        if path != "api/monitor/metrics":
            return None
        states = {"started": "OK", "stopped": "Error"}
        lines = ["iris_cpu_usage 12", 'iris_csp_activity{id="127.0.0.1:57772"} 56']
        for line in self.shown:
            state = states.get(line.state, line.state.capitalize())
            if not line.connected:
                state = "Retry"
            space = line.namespace
            where = f'host="{line.name}",production="{self.PRODUCTION}"'
            lines += [
                f'iris_interop_hosts{{id="{space}",status="{state}",{where}}} 1',
                f'iris_interop_last_activity{{id="{space}",{where}}} {line.idle_s}.838',
                f'iris_interop_messages_per_sec{{id="{space}",{where}}} .05',
            ]
        queued = sum(line.queued for line in self.shown)
        lines += [
            f'iris_interop_queued{{id="HOSP",production="{self.PRODUCTION}"}} {queued}',
            f'iris_system_alerts_new{{text="{self.text}"}} 0',
        ]
        return "text/plain", "\n".join(lines).encode()

    def wrong_types(self, body: bytes) -> bytes:
        return b"no metrics of it"


class CloverleafExport(EngineHost):
    """Written just now by `clock`, unless `at_s` says when."""

    at_s: int | None = None
    clock: Clock = SystemClock()

    def answer(self, path: str, query: Query) -> Answer | None:
        if path != "threads.csv":
            return None
        states = {"started": "up", "stopped": "down"}
        out = io.StringIO()
        writer = csv.writer(out)
        head = ["thread", "state", "received", "sent", "errored", "queued", "oldest_s", "remark"]
        at_s = self.clock.now_ms() // 1000 if self.at_s is None else self.at_s
        writer.writerow([*head, "at"])
        for line in self.shown:
            state = states.get(line.state, line.state) if line.connected else "opening"
            row = [line.name, state, line.received, line.sent, line.errored, line.queued]
            row += [line.oldest_s, self.text]
            writer.writerow([*row, at_s])
        return "text/csv", out.getvalue().encode()

    def wrong_types(self, body: bytes) -> bytes:
        return body.replace(b",100,", b",ZZ-MANY,")


class AnyEngine(EngineHost):
    """The same numbers as JSON, XML and text, for `generic`."""

    def answer(self, path: str, query: Query) -> Answer | None:
        one = self.shown[0]
        if path == "stats.json":
            numbers = {"in": one.received, "out": one.sent, "err": one.errored, "q": one.queued}
            document = {"note": self.text, "lines": [{"state": one.state, "n": numbers}]}
            return "application/json", json.dumps(document).encode()
        if path == "stats.xml":
            text = (
                f"<stats note={quoteattr(self.text)}><line name='a/b' state='{one.state}'>"
                f"<queue size='{one.queued}'/><received>{one.received}</received></line></stats>"
            )
            return "application/xml", text.encode()
        if path == "stats.txt":
            text = (
                f"{self.text}\nstate: {one.state}\nreceived: {one.received}\nqueued: {one.queued}\n"
            )
            return "text/plain", text.encode()
        return None
