"""What to do next about what an attempt to deliver came to, for each kind of channel. Pure.

Of an answer there are a code and a reason only, so it is said what is likely, the likeliest first.
"""

from __future__ import annotations

from alerts.channel import Receipt
from alerts.outbox import DeliveryReason as R

ADVICE = {
    R.ACCEPTED: "Look whether it arrived.",
    R.UNTOLD: "Nothing was sent: customers get no letter of this step.",
    R.REFUSED: "The receiver wants no such message: check the addresses in the entry, then what the "
    "receiver allows.",
    R.GONE: "The receiver says it is no longer there: ask for its new address.",
    R.THROTTLED: "The receiver is busy: try again later.",
    R.STATUS: "Look the status up on the page of the kind and in the receiver's log.",
    R.TIMEOUT: "No answer in time: check host, port and firewall, or raise timeout.",
    R.NETWORK: "No connection, or a broken one: check host, port and firewall.",
    R.TLS: "No trusted encryption: check the certificate (its name, dates and CA), and whether the "
    "receiver offers TLS on this port.",
    R.SECRET: "The secret cannot be read here, or is not one: check the reference, and who may read the "
    "file; `wardwatch config check` says which.",
    R.AUTH: "The login is not taken: check the user and the text of the secret.",
    R.PROTOCOL: "Something else answers there: check host and port.",
    R.CRASH: "A defect of the channel: please report it.",
    R.EXPIRED: "It was tried for too long.",
    R.NO_CHANNEL: "The config has no such channel.",
}
FORBIDDEN = "The login is known and may not do this: give the account the permission it needs."
NOTHING_THERE = "Nothing is there under this address: check the address in the entry."
ELSEWHERE = (
    "It points to another address, and redirects are not followed: write that address in the entry."
)
IN_TROUBLE = (
    "The receiver itself is in trouble: look at its state or its log. Messages wait meanwhile and are "
    "tried again for three days."
)
Said = dict[R | tuple[R, int], str]
"""By reason, or by reason and status."""
SERVICENOW: Said = {
    R.AUTH: "With oauth: is there an OAuth Application User, and are client credentials switched on?",
    R.PROTOCOL: "An instance of a developer sleeps after some days: wake it.",
}
FRESH: Said = {
    R.REFUSED: "Is there the custom field of key_field, and has fields what a new ticket must have?",
    R.AUTH: "Is it the API key of an agent who may write tickets?",
}
KINDS: dict[str, Said] = {
    "alertmanager": {R.STATUS: "Where it runs with --web.route-prefix, that path belongs to urls."},
    "email": {
        R.AUTH: "Many servers want a password for programs, and a login at all only after TLS.",
        R.REFUSED: "550 and 553: who may send from the address of from, and does to exist?",
    },
    "freshdesk": {**FRESH},
    "freshservice": {**FRESH},
    "jira": {
        R.REFUSED: "Is there the issue type, do its priorities have these names, and is each field that "
        "it must have under fields?",
        R.AUTH: "In the cloud user is the mail address of whose token it is.",
        (R.STATUS, 404): "May the account browse the project and create issues in it?",
    },
    "jsm": {
        R.AUTH: "It is the key of an integration of the kind API, which is switched on; accounts in the "
        "EU have another url.",
    },
    "pagerduty": {
        R.SECRET: "It is the integration key of Events API v2, 32 letters and digits; accounts in the EU "
        "have url: https://events.eu.pagerduty.com.",
    },
    "salesforce": {
        R.AUTH: "Is the account approved for the connected app, is the certificate that of the key, and "
        "is login right for a sandbox?",
        R.REFUSED: "Are the three statuses and the origin Monitoring among the values of a case?",
        (R.STATUS, 404): "May the account see cases and the field that holds our key?",
    },
    "servicenow": {
        **SERVICENOW,
        (R.AUTH, 403): "May it read, create and write incident, and has resolution what a resolved "
        "record must have?",
        R.REFUSED: "Has fields what a new record must have, and resolution what a resolved one must?",
    },
    "servicenow_em": {
        **SERVICENOW,
        (R.AUTH, 403): "Its role is evt_mgmt_integration.",
        (R.STATUS, 404): "Is Event Management active on the instance?",
    },
    "slack": {
        R.SECRET: "404: the webhook was taken away; make another and write its address there.",
        R.AUTH: "403: the app may not post there, or was removed: install it anew.",
        R.GONE: "The channel in Slack was archived or deleted: make a webhook for another.",
    },
    "teams": {
        R.AUTH: "Is the address whole, with its signature, and may anyone call the workflow?",
        (R.STATUS, 404): "The workflow was deleted or switched off: make another.",
    },
    "webhook": {
        R.AUTH: "Does the receiver have the same signing secret, and is its clock right?",
        R.SECRET: "It is whsec_ and base64 of 24 to 64 bytes.",
    },
    "zendesk": {
        R.AUTH: "Is access by API token switched on, and is user the mail address of an agent?",
        R.REFUSED: "Is there a field that a ticket must have, or one it must have to be solved?",
    },
}


def advice(kind: str, receipt: Receipt) -> str:
    """One sentence or two; of a kind this release does not know what holds of all."""
    own = KINDS.get(kind, {})
    status = receipt.status or 0
    more = own.get((receipt.reason, status)) or own.get(receipt.reason)
    first = ADVICE[receipt.reason] if kind == "email" else _by_status(receipt.reason, status)
    return first if more is None else f"{first} {more}"


def _by_status(reason: R, status: int) -> str:
    """HTTP's."""
    if reason is R.AUTH and status == 403:
        return FORBIDDEN
    if reason is not R.STATUS:
        return ADVICE[reason]
    if status in (404, 405):
        return NOTHING_THERE
    if 300 <= status < 400:
        return ELSEWHERE
    return IN_TROUBLE if status >= 500 else ADVICE[reason]
