"""Any FHIR server, by the standard alone."""

from __future__ import annotations

from probes.profiles.profile import Profile

PROFILE = Profile(
    name="generic",
    title="any server that keeps to the standard",
    quirks=(
        "OperationOutcomes are judged by the codes of the standard alone.",
        "No budget by default: write one, as agreed with the owner of the server.",
    ),
    ask=(
        "The base URL of the release in use, and whether /metadata needs no login.",
        "A test record that may be read for as long as the check runs; best no patient at all.",
        "How we sign in, with the fewest scopes: read of that one type.",
        "How many requests a minute are welcome, in business hours and outside of them.",
        "Whom to call when a run says misconfigured: that is ours to mend, with them.",
    ),
)
