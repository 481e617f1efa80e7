"""The closed list of reasons. A reason says why a run ended as it did, and nothing else.

Each line: code, the outcomes it may come with, what it means for the person who reads it.
`make generate` prints this list into `probes/README.md`.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    OK = "ok"
    SLOW = "slow"
    AGENT_BUDGET = "agent.budget"
    AGENT_CLOCK = "agent.clock"
    AGENT_CONFIG = "agent.config"
    AGENT_CRASH = "agent.crash"
    AGENT_DAILY_CAP = "agent.daily_cap"
    AGENT_DNS = "agent.dns"
    AGENT_LISTEN = "agent.listen"
    AGENT_MISSED_SLOT = "agent.missed_slot"
    AGENT_NETWORK = "agent.network"
    AGENT_NOT_ALLOWED = "agent.not_allowed"
    AGENT_RESOURCES = "agent.resources"
    AGENT_RETRY_AFTER = "agent.retry_after"
    AGENT_SECRET = "agent.secret"  # noqa: S105 - a reason code
    AGENT_STALLED = "agent.stalled"
    AGENT_STORE = "agent.store"
    AGENT_UNCOUNTED = "agent.uncounted"
    CLAIMS_277CA_REJECTED = "claims.277ca_rejected"
    CLAIMS_999_REJECTED = "claims.999_rejected"
    CLAIMS_NONE_SENT = "claims.none_sent"
    CLAIMS_NONE_YET = "claims.none_yet"
    CLAIMS_NO_277CA = "claims.no_277ca"
    CLAIMS_NO_835 = "claims.no_835"
    CLAIMS_NO_999 = "claims.no_999"
    CLAIMS_TA1_REJECTED = "claims.ta1_rejected"
    CLAIMS_UNHEARD = "claims.unheard"
    CLAIMS_UNREAD = "claims.unread"
    COVERAGE_ACCEPTED = "coverage.accepted"
    COVERAGE_ERROR = "coverage.error"
    COVERAGE_PARTIAL = "coverage.partial"
    COVERAGE_QUEUED = "coverage.queued"
    DICOM_ABORTED = "dicom.aborted"
    DICOM_BUSY = "dicom.busy"
    DICOM_CALLED_AE = "dicom.called_ae"
    DICOM_CALLING_AE = "dicom.calling_ae"
    DICOM_CLOSED = "dicom.closed"
    DICOM_FAILED = "dicom.failed"
    DICOM_IDENTIFIER = "dicom.identifier"
    DICOM_MALFORMED = "dicom.malformed"
    DICOM_MATCH = "dicom.match"
    DICOM_NOT_AUTHORIZED = "dicom.not_authorized"
    DICOM_NOT_DICOM = "dicom.not_dicom"
    DICOM_NO_CONTEXT = "dicom.no_context"
    DICOM_PROTOCOL = "dicom.protocol"
    DICOM_PROVIDER_ABORTED = "dicom.provider_aborted"
    DICOM_REJECTED = "dicom.rejected"
    DICOM_RESOURCES = "dicom.resources"
    DICOM_TIMEOUT = "dicom.timeout"
    DICOM_UNSUPPORTED = "dicom.unsupported"
    DICOMWEB_AUTH = "dicomweb.auth"
    DICOMWEB_NOT_DICOM = "dicomweb.not_dicom"
    DICOMWEB_TOO_BROAD = "dicomweb.too_broad"
    DNS_NOT_FOUND = "dns.not_found"
    FEED_FLOODED = "feed.flooded"
    FEED_LEARNING = "feed.learning"
    FEED_NOT_YET = "feed.not_yet"
    FEED_SILENT = "feed.silent"
    FEED_STALE = "feed.stale"
    FEED_UNWATCHED = "feed.unwatched"
    ENGINE_API = "engine.api"
    ENGINE_AUTH = "engine.auth"
    ENGINE_DISCONNECTED = "engine.disconnected"
    ENGINE_ERRORS = "engine.errors"
    ENGINE_NOT_STATUS = "engine.not_status"
    ENGINE_NOT_YET = "engine.not_yet"
    ENGINE_NO_CHANNEL = "engine.no_channel"
    ENGINE_QUEUE = "engine.queue"
    ENGINE_STALE = "engine.stale"
    ENGINE_STALLED = "engine.stalled"
    ENGINE_STARTING = "engine.starting"
    ENGINE_STOPPED = "engine.stopped"
    FHIR_AUTH = "fhir.auth"
    FHIR_BREAK_GLASS = "fhir.break_glass"
    FHIR_DRIFT = "fhir.drift"
    FHIR_EXPORT = "fhir.export"
    FHIR_NOT_FHIR = "fhir.not_fhir"
    FHIR_NO_MATCH = "fhir.no_match"
    FHIR_OPTIONAL = "fhir.optional"
    FHIR_OUTCOME = "fhir.outcome"
    FHIR_STALE = "fhir.stale"
    FHIR_SUBSCRIPTION = "fhir.subscription"
    FHIR_VERSION = "fhir.version"
    FHIR_WRONG_RESOURCE = "fhir.wrong_resource"
    HEARTBEAT_FAILED = "heartbeat.failed"
    HEARTBEAT_LATE = "heartbeat.late"
    HEARTBEAT_MISSED = "heartbeat.missed"
    HEARTBEAT_NEVER = "heartbeat.never"
    HEARTBEAT_STUCK = "heartbeat.stuck"
    HEARTBEAT_UNHEARD = "heartbeat.unheard"
    HL7_ACK_ERROR = "hl7.ack_error"
    HL7_ACK_MALFORMED = "hl7.ack_malformed"
    HL7_ACK_REJECT = "hl7.ack_reject"
    HL7_CLOSED = "hl7.closed"
    HL7_NOT_REJECTED = "hl7.not_rejected"
    HL7_NOT_UNDONE = "hl7.not_undone"
    HL7_NO_ACK = "hl7.no_ack"
    HL7_NO_MATCH = "hl7.no_match"
    HL7_WRONG_ID = "hl7.wrong_id"
    HL7_WRONG_PATIENT = "hl7.wrong_patient"
    HTTP_BODY = "http.body"
    HTTP_CLOSED = "http.closed"
    HTTP_NOT_HTTP = "http.not_http"
    HTTP_STATUS = "http.status"
    HTTP_THROTTLED = "http.throttled"
    HTTP_TIMEOUT = "http.timeout"
    HTTP_TOO_LARGE = "http.too_large"
    HTTP_TRUNCATED = "http.truncated"
    SCHEDULING_FEW_SLOTS = "scheduling.few_slots"
    SCHEDULING_NO_TEST_SLOT = "scheduling.no_test_slot"
    SCHEDULING_NOT_UNDONE = "scheduling.not_undone"
    SFTP_ALGORITHMS = "sftp.algorithms"
    SFTP_AUTH = "sftp.auth"
    SFTP_BACKLOG = "sftp.backlog"
    SFTP_CLOCK = "sftp.clock"
    SFTP_CLOSED = "sftp.closed"
    SFTP_EMPTY_FILE = "sftp.empty_file"
    SFTP_FAILURE = "sftp.failure"
    SFTP_HOST_KEY = "sftp.host_key"
    SFTP_NOT_SSH = "sftp.not_ssh"
    SFTP_NOT_UNDONE = "sftp.not_undone"
    SFTP_NO_BANNER = "sftp.no_banner"
    SFTP_NO_FOLDER = "sftp.no_folder"
    SFTP_NO_SFTP = "sftp.no_sftp"
    SFTP_PERMISSION = "sftp.permission"
    SFTP_PROTOCOL = "sftp.protocol"
    SFTP_STALE = "sftp.stale"
    SFTP_STUCK = "sftp.stuck"
    SFTP_TIMEOUT = "sftp.timeout"
    SFTP_TOO_MANY = "sftp.too_many"
    SFTP_WAITING = "sftp.waiting"
    SMART_DISCOVERY = "smart.discovery"
    SMART_JWKS = "smart.jwks"
    SMART_KEY_EXPOSED = "smart.key_exposed"
    SMART_KEY_UNPUBLISHED = "smart.key_unpublished"
    SMART_NOT_TOKEN = "smart.not_token"  # noqa: S105 - a reason code
    SMART_SCOPE_REDUCED = "smart.scope_reduced"
    SMART_TOKEN_REJECTED = "smart.token_rejected"  # noqa: S105 - a reason code
    TCP_DROPPED = "tcp.dropped"
    TCP_REFUSED = "tcp.refused"
    TCP_RESET = "tcp.reset"
    TCP_TIMEOUT = "tcp.timeout"
    TERMINOLOGY_ACCEPTS_UNKNOWN = "terminology.accepts_unknown"
    TERMINOLOGY_CODE_MISSING = "terminology.code_missing"
    TERMINOLOGY_NOT_LOADED = "terminology.not_loaded"
    TERMINOLOGY_RELEASE = "terminology.release"
    TERMINOLOGY_WRONG_DISPLAY = "terminology.wrong_display"
    TLS_CLIENT_REJECTED = "tls.client_rejected"
    TLS_EXPIRED = "tls.expired"
    TLS_HANDSHAKE = "tls.handshake"
    TLS_HOSTNAME = "tls.hostname"
    TLS_NOT_TLS = "tls.not_tls"
    TLS_TIMEOUT = "tls.timeout"
    TLS_UNTRUSTED = "tls.untrusted"
    X12_999_REJECTED = "x12.999_rejected"
    X12_AAA_42_CLEARINGHOUSE = "x12.aaa_42_clearinghouse"
    X12_AAA_42_PAYER = "x12.aaa_42_payer"
    X12_AAA_42_SUBSCRIBER = "x12.aaa_42_subscriber"
    X12_AAA_80_PAYER = "x12.aaa_80_payer"
    X12_AAA_OTHER = "x12.aaa_other"
    X12_API_ERROR = "x12.api_error"
    X12_CORE_ERROR = "x12.core_error"
    X12_CORE_REJECTED = "x12.core_rejected"
    X12_CREDENTIALS = "x12.credentials"
    X12_ENROLMENT = "x12.enrolment"
    X12_FOREIGN_ANSWER = "x12.foreign_answer"
    X12_MALFORMED = "x12.malformed"
    X12_MEMBER = "x12.member"
    X12_NOT_CORE = "x12.not_core"
    X12_NOT_JSON = "x12.not_json"
    X12_NOT_REJECTED = "x12.not_rejected"
    X12_NOT_TOKEN = "x12.not_token"  # noqa: S105 - a reason code
    X12_NOT_X12 = "x12.not_x12"
    X12_NO_BENEFITS = "x12.no_benefits"
    X12_NO_STATUS = "x12.no_status"
    X12_ONLY_ACKNOWLEDGED = "x12.only_acknowledged"
    X12_OVER_20S = "x12.over_20s"
    X12_PARTIAL = "x12.partial"
    X12_REQUEST = "x12.request"
    X12_SOAP_FAULT = "x12.soap_fault"
    X12_STC_E1_PAYER = "x12.stc_e1_payer"
    X12_STC_E2_PAYER = "x12.stc_e2_payer"
    X12_TA1_REJECTED = "x12.ta1_rejected"
    X12_TRUNCATED = "x12.truncated"
    X12_UNREACHABLE_PAYER = "x12.unreachable_payer"
    X12_WRONG_ANSWER = "x12.wrong_answer"
    X12_WRONG_MODE = "x12.wrong_mode"


_D, _G, _M, _U = "down", "degraded", "misconfigured", "unknown"

MEANINGS: dict[Reason, tuple[tuple[str, ...], str]] = {
    Reason.OK: (("up",), "A right answer in time."),
    Reason.SLOW: ((_G,), "A right answer, slower than the check's `slow_after`."),
    Reason.AGENT_BUDGET: (
        (_U,),
        "The agent's budget for the target is spent, so nothing was asked.",
    ),
    Reason.AGENT_CLOCK: ((_U,), "The agent's clock stepped, or its error exceeds 2 s."),
    Reason.AGENT_CONFIG: (
        (_U,),
        "The agent cannot run the check as it is written: a kind or a setting it does not know.",
    ),
    Reason.AGENT_CRASH: ((_U,), "The probe itself failed; a defect of ours."),
    Reason.AGENT_DAILY_CAP: (
        (_U,),
        "The check's `cost.per_day` is spent for this UTC day, so nothing was asked.",
    ),
    Reason.AGENT_DNS: ((_U,), "The agent's resolver did not answer."),
    Reason.AGENT_LISTEN: (
        (_U,),
        "The agent cannot listen there: the port is taken, or the address is not this host's.",
    ),
    Reason.AGENT_MISSED_SLOT: ((_U,), "The slot passed without an attempt."),
    Reason.AGENT_NETWORK: ((_U,), "No route to the target, or the agent's whole network is lost."),
    Reason.AGENT_NOT_ALLOWED: (
        (_U,),
        "The agent's host forbids the target: its own allow-list has no entry for it.",
    ),
    Reason.AGENT_RESOURCES: ((_U,), "The agent ran out of file descriptors or memory."),
    Reason.AGENT_RETRY_AFTER: (
        (_U,),
        "The target said when to come again, and it is not yet time, so nothing was asked.",
    ),
    Reason.AGENT_SECRET: ((_U,), "A secret the check refers to cannot be read."),
    Reason.AGENT_STALLED: (
        (_U,),
        "The agent's own process did not get to run while it waited, so nobody knows who was late.",
    ),
    Reason.AGENT_STORE: (
        (_U,),
        "The collector's own store did not answer, so nobody knows what has come.",
    ),
    Reason.AGENT_UNCOUNTED: (
        (_U,),
        "A run that costs money could not be counted on the agent's disk, so nothing was asked.",
    ),
    Reason.CLAIMS_277CA_REJECTED: ((_M,), "A 277CA rejects the 837 as a whole."),
    Reason.CLAIMS_999_REJECTED: ((_M,), "A 999 rejects the 837, or a part of it."),
    Reason.CLAIMS_NONE_SENT: ((_G,), "No 837 was sent for longer than `expect_every`."),
    Reason.CLAIMS_NONE_YET: ((_U,), "No 837 is known, so there is nothing to judge."),
    Reason.CLAIMS_NO_277CA: ((_G,), "An 837 has no 277CA by its deadline."),
    Reason.CLAIMS_NO_835: ((_G,), "No 835 came since an 837, by its deadline."),
    Reason.CLAIMS_NO_999: (
        (_G,),
        "An 837 has no 999, and no TA1 that rejects it, by its deadline.",
    ),
    Reason.CLAIMS_TA1_REJECTED: ((_M,), "A TA1 rejects the interchange of an 837."),
    Reason.CLAIMS_UNHEARD: (
        (_U,),
        "An answer may have been told while the collector was away, so nobody knows.",
    ),
    Reason.CLAIMS_UNREAD: (
        (_U,),
        "An answer may be among files that are still to be read, or pings that are no longer kept.",
    ),
    Reason.COVERAGE_ACCEPTED: ((_D,), "Granted, where the check expects a rejection."),
    Reason.COVERAGE_ERROR: ((_D,), "Outcome `error`, and not one the check expects."),
    Reason.COVERAGE_PARTIAL: ((_G,), "Outcome `partial`: some of it could not be processed."),
    Reason.COVERAGE_QUEUED: ((_G,), "Taken, and not answered within the run."),
    Reason.DICOM_ABORTED: (
        (_D, _M),
        "The far side's application aborted; misconfigured if in place of an association.",
    ),
    Reason.DICOM_BUSY: ((_G,), "Rejected for congestion or a limit of associations."),
    Reason.DICOM_CALLED_AE: ((_M,), "Rejected: it does not go by the called AE title."),
    Reason.DICOM_CALLING_AE: ((_M,), "Rejected: our calling AE title is not registered."),
    Reason.DICOM_CLOSED: (
        (_D, _M),
        "Closed without a word; misconfigured if at once, as many do with a title they do not know.",
    ),
    Reason.DICOM_FAILED: (
        (_D, _G),
        "The operation failed: unable to process; degraded if it was done with a warning.",
    ),
    Reason.DICOM_IDENTIFIER: ((_M,), "The query's keys do not fit what it is asked of."),
    Reason.DICOM_MALFORMED: ((_D,), "DICOM, but broken, or not the answer to our request."),
    Reason.DICOM_MATCH: ((_G,), "Somebody was found, though the query can match nobody."),
    Reason.DICOM_NOT_AUTHORIZED: ((_M,), "Associated, but not allowed to ask."),
    Reason.DICOM_NOT_DICOM: ((_D,), "The peer does not speak DICOM."),
    Reason.DICOM_NO_CONTEXT: (
        (_M,),
        "Associated, but the service, or the way it is encoded, is not accepted.",
    ),
    Reason.DICOM_PROTOCOL: ((_M,), "Rejected: protocol version or application context."),
    Reason.DICOM_PROVIDER_ABORTED: ((_D,), "The far side's DICOM service gave up."),
    Reason.DICOM_REJECTED: (
        (_G, _M),
        "Rejected for another reason or none; degraded if it calls that transient.",
    ),
    Reason.DICOM_RESOURCES: ((_G,), "The operation was refused: out of resources."),
    Reason.DICOM_TIMEOUT: ((_D,), "Connected, but no complete answer in time."),
    Reason.DICOM_UNSUPPORTED: ((_M,), "The service was accepted, and its operation is not known."),
    Reason.DICOMWEB_AUTH: ((_M,), "401 or 403: alive, and it rejects our credentials."),
    Reason.DICOMWEB_NOT_DICOM: ((_D,), "A success status whose body is no DICOM JSON."),
    Reason.DICOMWEB_TOO_BROAD: ((_M,), "413: it calls a query of one patient too broad."),
    Reason.DNS_NOT_FOUND: ((_D,), "The resolver says that the name does not exist."),
    Reason.FEED_FLOODED: ((_G,), "Far more messages than at this hour of the week."),
    Reason.FEED_LEARNING: ((_U,), "Too little is known of this hour of the week to judge it."),
    Reason.FEED_NOT_YET: (
        (_U,),
        "Nothing has come since the agent began to listen, and not for long enough to judge it.",
    ),
    Reason.FEED_SILENT: ((_G,), "No message for longer than this hour of the week explains."),
    Reason.FEED_STALE: ((_D,), "The newest message is older than the check's `max_age`."),
    Reason.FEED_UNWATCHED: ((_U,), "The check whose counts are judged has none for now."),
    Reason.ENGINE_API: (
        (_U,),
        "The engine's monitoring interface does not answer; its channels may run all the same.",
    ),
    Reason.ENGINE_AUTH: ((_M,), "The engine is alive and rejects our user."),
    Reason.ENGINE_DISCONNECTED: (
        (_G, _D),
        "The channel does not reach whom it sends to; down if messages wait for it.",
    ),
    Reason.ENGINE_ERRORS: ((_G,), "More messages failed since the run before than agreed."),
    Reason.ENGINE_NOT_STATUS: (
        (_U, _D),
        "An answer without what is to be judged, or with a state we do not know.",
    ),
    Reason.ENGINE_NOT_YET: (
        (_U,),
        "Nothing has moved since the agent began to ask, and not for long enough to judge it.",
    ),
    Reason.ENGINE_NO_CHANNEL: (
        (_M,),
        "The engine tells of no such channel or destination, or of several.",
    ),
    Reason.ENGINE_QUEUE: (
        (_G, _D),
        "More messages wait, or for longer, than agreed, or the queue grows and grows.",
    ),
    Reason.ENGINE_STALE: ((_U,), "What the engine's statistics say is older than `max_age`."),
    Reason.ENGINE_STALLED: ((_D,), "Started, and nothing moves though it should."),
    Reason.ENGINE_STARTING: ((_G,), "The channel is on its way to be started."),
    Reason.ENGINE_STOPPED: ((_D,), "Stopped, paused, disabled or not deployed."),
    Reason.FHIR_AUTH: ((_M,), "401 or 403: the server is alive and rejects our credentials."),
    Reason.FHIR_BREAK_GLASS: (
        (_M,),
        "Behind break-the-glass: a wrong record. Nothing is asked until spec or agent change.",
    ),
    Reason.FHIR_DRIFT: ((_G,), "An interaction the check requires is gone from the statement."),
    Reason.FHIR_EXPORT: (
        (_M,),
        "A bulk export could not be cancelled. Nothing is asked until spec or agent change.",
    ),
    Reason.FHIR_NOT_FHIR: ((_D,), "A success status whose body is not FHIR JSON."),
    Reason.FHIR_NO_MATCH: ((_M,), "The search found nothing: the agreed test record is missing."),
    Reason.FHIR_OPTIONAL: ((_G,), "An operation that a server need not offer failed."),
    Reason.FHIR_OUTCOME: ((_D, _G, _M), "An OperationOutcome with issues of error or fatal."),
    Reason.FHIR_STALE: ((_D, _M), "Older than the check's `max_age`; misconfigured if undated."),
    Reason.FHIR_SUBSCRIPTION: (
        (_D, _G, _M),
        "The subscription failed (down), waits (degraded) or is off (misconfigured).",
    ),
    Reason.FHIR_VERSION: ((_M,), "`fhirVersion` is not the one the check expects."),
    Reason.FHIR_WRONG_RESOURCE: ((_D,), "FHIR, but not the resource that was asked for."),
    Reason.HEARTBEAT_FAILED: ((_D,), "The job said that it failed, and has not succeeded since."),
    Reason.HEARTBEAT_LATE: ((_G,), "The job succeeded, after it was missed or stuck; said once."),
    Reason.HEARTBEAT_MISSED: ((_D,), "The job was due, and its grace ended without a word of it."),
    Reason.HEARTBEAT_NEVER: ((_U,), "Nothing of the job ever came, and it was not missed yet."),
    Reason.HEARTBEAT_STUCK: ((_D,), "The job began, and did not end within `max_run`."),
    Reason.HEARTBEAT_UNHEARD: (
        (_U,),
        "The job may have told while the collector was away, so nobody knows.",
    ),
    Reason.HL7_ACK_ERROR: ((_D, _G, _M), "MSA-1 is AE or CE."),
    Reason.HL7_ACK_MALFORMED: ((_D,), "A framed answer that is no acknowledgement."),
    Reason.HL7_ACK_REJECT: ((_D, _M), "MSA-1 is AR or CR."),
    Reason.HL7_ACK_ERROR: ((_D, _G, _M), "MSA-1 or QAK-2 is AE, or MSA-1 is CE."),
    Reason.HL7_ACK_MALFORMED: (
        (_D,),
        "A framed answer that is no acknowledgement, or to a query none of a query.",
    ),
    Reason.HL7_ACK_REJECT: (
        (_D, _M),
        "MSA-1 or QAK-2 is AR, or MSA-1 is CR, or MLLP itself was told NAK.",
    ),
    Reason.HL7_CLOSED: ((_D,), "The connection was closed before an acknowledgement."),
    Reason.HL7_NOT_REJECTED: ((_M,), "A message of a type nobody knows was accepted."),
    Reason.HL7_NOT_UNDONE: (
        (_D, _G, _M),
        "A test visit, appointment or order may still stand: its cancellation failed.",
    ),
    Reason.HL7_NO_ACK: ((_D,), "No acknowledgement in time; processed or not is unknown."),
    Reason.HL7_NO_MATCH: ((_M,), "The query finds no test patient: the test data is gone."),
    Reason.HL7_WRONG_ID: ((_D,), "Acknowledgements came, none with the MSH-10 we sent."),
    Reason.HL7_WRONG_PATIENT: ((_D,), "The query finds others than the patient asked for."),
    Reason.HTTP_BODY: ((_D,), "The page lacks what the check expects in it."),
    Reason.HTTP_CLOSED: ((_D,), "Closed before the status line was complete."),
    Reason.HTTP_NOT_HTTP: ((_D,), "The peer does not speak HTTP."),
    Reason.HTTP_STATUS: ((_D, _M), "A status the check does not accept."),
    Reason.HTTP_THROTTLED: ((_G,), "429 or 425: the server asks us to slow down."),
    Reason.HTTP_TIMEOUT: ((_D,), "Connected, but no complete answer in time."),
    Reason.HTTP_TOO_LARGE: ((_M,), "The answer exceeds the check's size cap."),
    Reason.HTTP_TRUNCATED: ((_D,), "The body ended before its declared length."),
    Reason.SCHEDULING_FEW_SLOTS: ((_G,), "Fewer free slots than `expect_free`."),
    Reason.SCHEDULING_NO_TEST_SLOT: ((_M,), "The test schedule has no free slot to book."),
    Reason.SCHEDULING_NOT_UNDONE: (
        (_D, _G, _M),
        "A test booking may still stand: undoing it failed, or it cannot be found.",
    ),
    Reason.SFTP_ALGORITHMS: (
        (_M,),
        "No key exchange, cipher or host key in common: the server offers weak ones alone.",
    ),
    Reason.SFTP_AUTH: ((_M,), "The SSH server is alive and rejects our key or password."),
    Reason.SFTP_BACKLOG: ((_G,), "More files wait than `max_files`."),
    Reason.SFTP_CLOCK: (
        (_G,),
        "The server's clock is off by more than 5 min, or a file is from the future: ages are doubtful.",
    ),
    Reason.SFTP_CLOSED: ((_D,), "The server ended the connection within the run."),
    Reason.SFTP_EMPTY_FILE: ((_G,), "A file has had no bytes for longer than `empty_after`."),
    Reason.SFTP_FAILURE: (
        (_D,),
        "The server could not do what was asked (SSH_FX_FAILURE), as with a full disk.",
    ),
    Reason.SFTP_HOST_KEY: (
        (_M,),
        "The host key is not one that is pinned: nothing was sent after it. Ask before you change the pin.",
    ),
    Reason.SFTP_NOT_SSH: ((_D,), "What answers on the port does not speak SSH 2."),
    Reason.SFTP_NOT_UNDONE: ((_G,), "The file of the write test may still stand."),
    Reason.SFTP_NO_BANNER: ((_D,), "Connected, and no SSH banner came."),
    Reason.SFTP_NO_FOLDER: ((_M,), "The folder is not there."),
    Reason.SFTP_NO_SFTP: ((_M,), "Signed in, and SFTP is not offered to us."),
    Reason.SFTP_PERMISSION: ((_M,), "We may not list the folder, read or write in it."),
    Reason.SFTP_PROTOCOL: ((_D,), "An answer that breaks SSH or SFTP, or does not end."),
    Reason.SFTP_STALE: ((_G,), "The newest file is older than `max_newest`, or there is none."),
    Reason.SFTP_STUCK: ((_G,), "A temporary file is older than `stuck_after`."),
    Reason.SFTP_TIMEOUT: ((_D,), "The SSH banner came, and no whole answer in time."),
    Reason.SFTP_TOO_MANY: (
        (_G, _U),
        "More entries in the folder than are listed: it is not judged whole.",
    ),
    Reason.SFTP_WAITING: ((_G,), "The oldest file has waited for longer than `max_oldest`."),
    Reason.SMART_DISCOVERY: (
        (_D,),
        "A success status whose body is no SMART discovery document with a token endpoint on https.",
    ),
    Reason.SMART_JWKS: ((_M,), "Our own key set cannot be had from where we publish it."),
    Reason.SMART_KEY_EXPOSED: ((_M,), "Our published key set holds a private or secret key."),
    Reason.SMART_KEY_UNPUBLISHED: ((_M,), "A key we sign with is not in our published key set."),
    Reason.SMART_NOT_TOKEN: ((_D,), "A success status of a token endpoint without a bearer token."),
    Reason.SMART_SCOPE_REDUCED: ((_M,), "The token endpoint granted less than was asked for."),
    Reason.SMART_TOKEN_REJECTED: (
        (_M,),
        "The token endpoint is alive and rejects our client: its key, registration, scope or clock.",
    ),
    Reason.TCP_DROPPED: (
        (_D,),
        "A kept connection was dead without a word: dropped on the way, or the far side restarted.",
    ),
    Reason.TCP_REFUSED: ((_D,), "The host answers, nothing listens on the port."),
    Reason.TCP_RESET: ((_D,), "The connection was reset."),
    Reason.TCP_TIMEOUT: ((_D,), "No connection in time."),
    Reason.TERMINOLOGY_ACCEPTS_UNKNOWN: ((_D,), "It calls a code valid that does not exist."),
    Reason.TERMINOLOGY_CODE_MISSING: ((_G,), "Some of the known codes are not found, others are."),
    Reason.TERMINOLOGY_NOT_LOADED: (
        (_D,),
        "No known code is found, or an expansion is empty: content not loaded, or its licence ended.",
    ),
    Reason.TERMINOLOGY_RELEASE: (
        (_G, _M),
        "Another release than the check expects; misconfigured if none is told.",
    ),
    Reason.TERMINOLOGY_WRONG_DISPLAY: ((_D,), "A known code has another meaning than agreed."),
    Reason.TLS_CLIENT_REJECTED: ((_M,), "The server refused our client certificate."),
    Reason.TLS_EXPIRED: ((_D,), "The server's certificate is expired or not yet valid."),
    Reason.TLS_HANDSHAKE: ((_D,), "The handshake failed."),
    Reason.TLS_HOSTNAME: ((_M,), "The certificate is for another name."),
    Reason.TLS_NOT_TLS: ((_M,), "The port does not speak TLS."),
    Reason.TLS_TIMEOUT: ((_D,), "Connected, but the handshake did not end in time."),
    Reason.TLS_UNTRUSTED: ((_M,), "The certificate chain does not end at a trusted CA."),
    Reason.X12_999_REJECTED: ((_M,), "A 999 rejects our question: it does not fit their guide."),
    Reason.X12_AAA_42_CLEARINGHOUSE: (
        (_D,),
        "AAA 42 in loop 2000A: the clearinghouse is alive and cannot process.",
    ),
    Reason.X12_AAA_42_PAYER: (
        (_D,),
        "AAA 42 in loop 2100A: the clearinghouse works, the payer's system does not.",
    ),
    Reason.X12_AAA_42_SUBSCRIBER: (
        (_G,),
        "AAA 42 in loop 2100C or 2100D: the payer answers, its look-up of members does not.",
    ),
    Reason.X12_AAA_80_PAYER: (
        (_D,),
        "AAA 80 in loop 2100A: the clearinghouse works, the payer gave it no response.",
    ),
    Reason.X12_AAA_OTHER: (
        (_D, _M),
        "An AAA that the guide has not in that loop: down where AAA01 says our request was valid.",
    ),
    Reason.X12_API_ERROR: (
        (_D,),
        "The clearinghouse's interface reports an error of its own, or a state we do not know.",
    ),
    Reason.X12_CORE_ERROR: (
        (_D,),
        "The CORE envelope reports an error of the receiver, or one that CORE does not list.",
    ),
    Reason.X12_CORE_REJECTED: ((_M,), "The CORE envelope rejects a field of ours."),
    Reason.X12_CREDENTIALS: ((_M,), "Alive, and it rejects our user, password or certificate."),
    Reason.X12_ENROLMENT: (
        (_M,),
        "The path works, and our provider or we are not enrolled for that payer.",
    ),
    Reason.X12_FOREIGN_ANSWER: (
        (_G,),
        "An answer to a question that is not ours: stale or crossed. All of it was dropped.",
    ),
    Reason.X12_MALFORMED: ((_D,), "X12 whose envelope, counts or control numbers are wrong."),
    Reason.X12_MEMBER: (
        (_M,),
        "The payer answers and rejects the test member: it is not there as agreed.",
    ),
    Reason.X12_NOT_CORE: ((_D,), "A success status whose body is no CORE envelope."),
    Reason.X12_NOT_JSON: ((_D,), "A success status whose body is not JSON of the clearinghouse."),
    Reason.X12_NOT_REJECTED: (
        (_D,),
        "Benefits for a member whom nobody is to be: a wrong answer, or the number is somebody's now.",
    ),
    Reason.X12_NOT_TOKEN: ((_D,), "A success status of the token endpoint without a token."),
    Reason.X12_NOT_X12: ((_D,), "What came instead of X12 is none."),
    Reason.X12_NO_BENEFITS: ((_D,), "A 271 with neither a rejection nor a benefit."),
    Reason.X12_NO_STATUS: ((_D,), "A 277 without a status that is in the list."),
    Reason.X12_ONLY_ACKNOWLEDGED: (
        (_D,),
        "Our question was accepted (TA1, 999 or 202) and not answered in real time.",
    ),
    Reason.X12_OVER_20S: (
        (_G,),
        "A right answer, later than the 20 s that CAQH CORE allows in real time.",
    ),
    Reason.X12_PARTIAL: ((_G,), "Benefits came, and with them an AAA: the answer is one in part."),
    Reason.X12_REQUEST: ((_M,), "The payer finds our request itself wrong or incomplete."),
    Reason.X12_SOAP_FAULT: (
        (_D, _M),
        "A SOAP fault: misconfigured if it blames the sender, down if the receiver or nobody.",
    ),
    Reason.X12_STC_E1_PAYER: ((_D,), "277 with STC E1: no response possible, system status."),
    Reason.X12_STC_E2_PAYER: ((_D,), "277 with STC E2: the payer does not respond."),
    Reason.X12_TA1_REJECTED: ((_M,), "A TA1 rejects our interchange, such as its sender or T."),
    Reason.X12_TRUNCATED: ((_D,), "X12 that ends before its end."),
    Reason.X12_UNREACHABLE_PAYER: (
        (_D,),
        "The clearinghouse works, and says that it does not reach the payer.",
    ),
    Reason.X12_WRONG_ANSWER: ((_D,), "An answer of another kind than our question asks for."),
    Reason.X12_WRONG_MODE: (
        (_M,),
        "A test was answered live, or a live question by a test. The answer was dropped.",
    ),
}
