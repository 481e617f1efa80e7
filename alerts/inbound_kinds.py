"""Which webhooks of each kind of receiver are heard: its signature, its body, what to set there. Pure.

Facts of the products are from their public documents; no product was used.
"""

from __future__ import annotations

from alerts import hearing, signatures
from alerts.inbound import Inbound, words
from probes.signing import signing_keys

SECRET = "Make the secret with `openssl rand -hex 32` and write it to the file of `inbound.secret`."  # noqa: S105 - an instruction
BEARER = "Header: Authorization with the value: Bearer SECRET."
OTHERS = "Leave out changes of the user we act as: what we do ourselves would come back."
NO_TEXT = "Send no text of the ticket: what is sent along is only looked at, and kept nowhere."


def _body(key: str, event: str, id_: str) -> str:
    return f'{{"key": "{key}", "event": "{event}", "id": "{id_}"}}'


PAGERDUTY = Inbound(
    keys=words,
    verify=signatures.pagerduty,
    heard=hearing.pagerduty,
    steps=(
        "PagerDuty: Integrations, Generic Webhooks (v3), New Webhook, scope: our service.",
        "Webhook URL: {url}",
        "Events: incident.acknowledged, incident.resolved, incident.annotated.",
        "Write the secret that PagerDuty shows once to the file of `inbound.secret`.",
    ),
)
JIRA = Inbound(
    keys=words,
    verify=signatures.hub,
    heard=hearing.jira,
    noted=True,
    steps=(
        SECRET,
        "Jira: System, WebHooks, Create a WebHook (not one of an app: those are signed otherwise).",
        "URL: {url}",
        "Secret: the same secret.",
        "Events: issue updated, comment created; JQL: labels = wardwatch",
    ),
)
ZENDESK = Inbound(
    keys=words,
    verify=signatures.zendesk,
    heard=hearing.zendesk,
    noted=True,
    steps=(
        "Zendesk: Admin Center, Webhooks, Create webhook, Trigger or automation; POST, JSON.",
        "Endpoint URL: {url}",
        "Reveal its signing secret, and write it to the file of `inbound.secret`.",
        "Trigger: tags contain wardwatch, status changed to open, current user is not ours; body:",
        '{"key": "{{ticket.external_id}}", "event": "acknowledged"}',
        "Trigger: tags contain wardwatch, status changed to solved; the same with resolved.",
        NO_TEXT,
    ),
)
JSM = Inbound(
    keys=words,
    verify=signatures.bearer,
    heard=hearing.jsm,
    steps=(
        SECRET,
        "Jira Service Management: Operations, Integrations, Add integration, Webhook (outgoing).",
        "Webhook URL: {url}",
        BEARER,
        "Alert actions: acknowledged, closed, note added; turn it on.",
    ),
)
WEBHOOK = Inbound(
    keys=signing_keys,
    verify=signatures.standard,
    heard=hearing.standard,
    noted=True,
    steps=(
        "Make the secret as the channel's own: whsec_ and base64 of 24 to 64 bytes; another one.",
        "POST to: {url}",
        "Headers: webhook-id, webhook-timestamp, webhook-signature, as Standard Webhooks says.",
        "Body, with data.key of our events: " + _body("KEY", "acknowledged", "ID"),
        "event: acknowledged or resolved. A text beside them is looked at, and kept nowhere.",
    ),
)
SLACK = Inbound(
    keys=words,
    verify=signatures.slack,
    heard=hearing.slack,
    shown=lambda text: {"response_type": "ephemeral", "text": text},
    steps=(
        "Slack: the app of the channel, Slash Commands, Create New Command, such as /wardwatch.",
        "Request URL: {url}",
        "Write the signing secret (Basic Information) to the file of `inbound.secret`.",
        "People write: /wardwatch acknowledge KEY; a message shows the key of its incident.",
    ),
)
TEAMS = Inbound(
    keys=signatures.base64_keys,
    verify=signatures.teams,
    heard=hearing.teams,
    shown=lambda text: {"type": "message", "text": text},
    steps=(
        "Teams: Manage team, Apps, Create an outgoing webhook, named Wardwatch.",
        "Callback URL: {url}",
        "Write the security token that Teams shows once to the file of `inbound.secret`.",
        "People write: @Wardwatch acknowledge KEY; a message shows the key of its incident.",
    ),
)


def _posted(product: str, *more: str, noted: bool = True) -> Inbound:
    """Of products whose operator writes header and body, and that sign nothing."""
    return Inbound(
        keys=words,
        verify=signatures.bearer,
        heard=hearing.plain,
        noted=noted,
        steps=(SECRET, product, "POST to: {url}", BEARER, *more, OTHERS, NO_TEXT),
    )


SERVICENOW = _posted(
    "ServiceNow: a business rule on incident, after update, when state changes and correlation_id"
    " has our key; its script is on the page of the kind.",
    "Body: " + _body("correlation_id", "acknowledged or resolved", "sys_id:sys_mod_count"),
)
SERVICENOW_EM = _posted(
    "ServiceNow: a business rule on em_alert, after update, when acknowledged or state changes and"
    " message_key has our key; its script is on the page of the kind.",
    "Body: " + _body("message_key", "acknowledged or resolved", "sys_id:sys_mod_count"),
    noted=False,
)
FRESHSERVICE = _posted(
    "Freshservice: Workflow Automator, event: status is changed, action: trigger webhook, JSON.",
    "Body, with the placeholder of the key field: "
    + _body("KEY FIELD", "acknowledged or resolved", "TICKET ID:UPDATED AT"),
)
FRESHDESK = _posted(
    "Freshdesk: Automations, Ticket Updates, status is changed, action: Trigger Webhook, JSON.",
    "Body, with the placeholder of the key field: "
    + _body("KEY FIELD", "acknowledged or resolved", "TICKET ID:UPDATED AT"),
)
SALESFORCE = _posted(
    "Salesforce: a named credential whose external credential sends the header; a record-triggered"
    " flow on Case, when Status changes and the key field has our key; an HTTP callout.",
    "Body: " + _body("KEY FIELD", "acknowledged or resolved", "CaseId:LastModifiedDate"),
)


def told(inbound: Inbound, url: str) -> list[str]:
    """The steps with our address in them."""
    return [step.replace("{url}", url) for step in inbound.steps]
