"""The pages people enter by, and what they see first. They work without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web
from markupsafe import Markup
from yarl import URL

from collector.access.invitations import Enrolment
from collector.access.policy import Permission
from collector.access.refusals import AccessError
from collector.annotations import BEFORE_MS, changed_of
from collector.api.annotations import Annotation, shown
from collector.api.cursors import MOST, Paged
from collector.api.parts import Parts
from collector.api.routes import Call, Nothing, Public, Stream
from collector.api.systems import list_systems
from collector.web.forms import field, form_of
from collector.web.rendering import form_route, page, page_route, see
from probes.times import parse_datetime, to_ms

HERE = Path(__file__).parent
STATIC = {
    "style.css": ("text/css", (HERE / "static" / "style.css").read_bytes()),
    "icon.svg": ("image/svg+xml", (HERE / "static" / "icon.svg").read_bytes()),
    "page.js": ("text/javascript", (HERE / "static" / "page.js").read_bytes()),
}
NOT_THE_SAME = "The two passwords are not the same."


async def home_page(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Systems as they are now, and open incidents."""
    asked = Call(
        call.request, call.parts, call.who, Paged(limit=MOST), Nothing(), b"", call.still_allowed
    )
    found = await list_systems(asked)
    incidents = [
        {**one, "name": system["name"]}
        for system in found["systems"]
        for one in system["open_incidents"]
    ]
    changed = await _changed(call.parts, incidents)
    return page(
        call,
        "home.html",
        "Systems",
        {
            "as_of": found["as_of"],
            "systems": found["systems"],
            "agents": found["agents"],
            "staffing": found["staffing"],
            "incidents": sorted(incidents, key=lambda one: (one["priority"], one["started_at"])),
            "changed": changed,
            "payers": {id_: s.name for id_, s in call.parts.config.systems.items() if s.payer},
        },
    )


async def _changed(
    parts: Parts, incidents: Sequence[Mapping[str, Any]]
) -> dict[str, list[Annotation]]:
    """What changed of the servers of each open incident's system, from a day before it on, by key."""
    zone = parts.config.organization.zone
    since = {
        one["key"]: to_ms(parse_datetime(one["started_at"]), zone) - BEFORE_MS for one in incidents
    }
    if not since:
        return {}
    systems = {one["system"] for one in incidents}
    found = await parts.store.read(changed_of, parts.org, systems, min(since.values()))
    return {
        one["key"]: [
            shown(change)
            for change in found
            if change.system == one["system"] and change.at >= since[one["key"]]
        ]
        for one in incidents
    }


async def login_page(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """The form to log in with."""
    return _login(call)


async def log_in_by_form(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Log in; a cookie holds the session."""
    form = form_of(call)
    try:
        secret = await call.parts.access.login(
            field(form, "account"), field(form, "password"), field(form, "code")
        )
    except AccessError as error:
        return _login(call, error)
    await end_former(call)
    answer = see("/")
    set_session(answer, call.parts, secret)
    return answer


async def log_out_by_form(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """End the session."""
    await call.parts.access.logout(call.who)
    answer = see("/login")
    answer.del_cookie(call.parts.door.cookie, secure=call.parts.door.secure, path="/")
    return answer


async def enrol_page(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Where a one-time link leads."""
    return page(call, "enrol.html", "Enrol", {"begun": None, "done": None})


async def enrol_by_form(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """First what the authenticator needs, then, with a password, the enrolment."""
    form, access = form_of(call), call.parts.access
    code = field(form, "invitation")
    try:
        begun = await access.begin(code)
    except AccessError as error:
        return page(call, "enrol.html", "Enrol", {"begun": None, "done": None}, error)
    if "password" not in form:
        return _enrol(call, code, begun, "")
    account = field(form, "account")
    if field(form, "password") != field(form, "again"):
        return _enrol(call, code, begun, account, NOT_THE_SAME)
    try:
        done = await access.enrol(code, account, field(form, "password"), field(form, "code"))
    except AccessError as error:
        return _enrol(call, code, begun, account, error)
    return page(call, "enrol.html", "Enrolled", {"begun": None, "done": done})


async def static_file(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Style and script of the pages."""
    kind, data = STATIC[call.request.path.rpartition("/")[2]]
    return web.Response(body=data, content_type=kind, headers={"Cache-Control": "no-cache"})


async def end_former(call: Call[Any, Any]) -> None:
    """Whoever was logged in with this browser before is not any longer."""
    former = call.request.cookies.get(call.parts.door.cookie)
    actor = None if former is None else await call.parts.access.actor_of_session(former)
    if actor is not None:
        await call.parts.access.logout(actor)


def set_session(answer: web.Response, parts: Parts, secret: str) -> None:
    """A cookie for this host alone, that no script reads; it ends with the browser's session."""
    door = parts.door
    answer.set_cookie(
        door.cookie, secret, path="/", secure=door.secure, httponly=True, samesite="Lax"
    )


def login_again(call: Call[Any, Any], status: int, problem: str) -> web.Response:
    """The form once more, with what went wrong."""
    answer = _login(call, problem)
    answer.set_status(status)
    return answer


def _login(call: Call[Any, Any], problem: AccessError | str | None = None) -> web.Response:
    access = call.parts.config.access
    provider = None if access is None or access.oidc is None else URL(access.oidc.issuer).host
    return page(call, "login.html", "Log in", {"provider": provider}, problem)


def _enrol(
    call: Call[Nothing, Nothing],
    code: str,
    begun: Enrolment,
    account: str,
    problem: AccessError | str | None = None,
) -> web.Response:
    import segno  # noqa: PLC0415 - few collectors draw one, and it is a third of a MiB

    picture = segno.make(begun.uri).svg_inline(border=4, svgclass=None, lineclass=None)
    spaced = " ".join(begun.secret[n : n + 4] for n in range(0, len(begun.secret), 4))
    return page(
        call,
        "enrol.html",
        "Enrol",
        {
            "begun": begun,
            "done": None,
            "invitation": code,
            "account": account,
            "picture": Markup(picture),  # noqa: S704 - made of our own text, by segno
            "spaced": spaced,
        },
        problem,
    )


ROUTES = (
    page_route("/", home_page, Permission.SYSTEMS_READ),
    page_route("/login", login_page),
    form_route("/login", log_in_by_form),
    form_route("/logout", log_out_by_form, Permission.SELF),
    page_route("/enrol", enrol_page),
    form_route("/enrol", enrol_by_form),
    *(
        Stream("GET", f"/static/{name}", Public.DESCRIPTION, static_file, kind, Nothing)
        for name, (kind, _) in STATIC.items()
    ),
)
