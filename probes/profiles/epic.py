"""Epic, as its documentation and its customers describe it."""

from __future__ import annotations

from probes.budgets import Budget
from probes.profiles.profile import Profile, VendorCode, ours, throttled
from probes.reasons import Reason

_GLASS = ours("behind break-the-glass: the test patient is a wrong one", Reason.FHIR_BREAK_GLASS)

PROFILE = Profile(
    name="epic",
    title="Epic",
    budget=Budget(requests=20, per_ms=60_000),
    codes={
        "4101": VendorCode("the search found nothing"),
        "4107": ours("the patient was merged into another one: agree on a new test patient"),
        "4113": ours("the session is over", Reason.FHIR_AUTH),
        "4118": ours("the user behind our client may not do this", Reason.FHIR_AUTH),
        "4119": VendorCode("more than asked for was left out"),
        "4122": VendorCode("a parameter was passed over"),
        "4127": ours("a patient search with more than 100 matches: search by identifier"),
        "4130": _GLASS,
        "4131": _GLASS,
        "4134": _GLASS,
        "4135": throttled("the day's cap of document queries is reached: try again tomorrow"),
        "59109": VendorCode("a parameter was passed over"),
        "59133": throttled("a limit of the server is reached"),
        "59144": ours("a reference in our query leads nowhere"),
    },
    quirks=(
        "No 429, no Retry-After: limits come as codes of an OperationOutcome.",
        "A search without a match is 200 with the warning 4101.",
        "R4 has no Slot, no Schedule and no CoverageEligibilityRequest; STU3 reads Slot and Schedule.",
        "POST _search passes over what stands in the URL but for _format.",
        "`date` of the CapabilityStatement is the time of the request.",
        "Who asks is asked to stay below 1 % of the operational database from 07 to 19.",
        "The budget of 20 requests a minute is our own choice: Epic publishes none.",
    ),
    ask=(
        "A client of the type backend system, with an id for non-production and one for production.",
        "A key pair of our own for each customer and environment, given as a JWKS URL.",
        "The Epic user (ECSA) our client id is mapped to: no token is issued before.",
        "12 hours after a client is enabled: records spread to customers on a rolling cycle.",
        "A test patient without break-the-glass, in the environment that is watched.",
        "The id of that patient, or of a Location or Organization of a test department.",
        "Scopes: read and search of those types, nothing else.",
        "Whether recurring checks are welcome at all in a sandbox: for about a week at most.",
    ),
)
