"""Headers that every answer has (OWASP ASVS 5.0, 3.4): nothing is guessed, framed, kept or leaked."""

from __future__ import annotations

from aiohttp import web

from collector.access.door import Door

API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "wardwatch",
}
STRICT_TRANSPORT = "max-age=31536000"
"""A year, for this host; what stands beside it is not ours to say."""


def put_headers(app: web.Application, door: Door) -> None:
    """On every answer of the app, errors too."""

    async def prepare(_request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        headers.update(ALWAYS)
        page = response.content_type == "text/html"
        # without any referrer browsers post forms with `Origin: null` (Fetch 3.1)
        headers["Referrer-Policy"] = "same-origin" if page else "no-referrer"
        headers["Content-Security-Policy"] = PAGE_POLICY if page else API_POLICY
        # one who has an ETag asks with it; nothing is taken from a cache unasked
        headers.setdefault(
            "Cache-Control", "no-cache, private" if "ETag" in headers else "no-store"
        )
        if door.secure:
            headers["Strict-Transport-Security"] = STRICT_TRANSPORT

    app.on_response_prepare.append(prepare)
