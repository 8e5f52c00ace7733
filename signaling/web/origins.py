"""Other sites: the widget on a business's own pages may ask us if the settings name their origin (Fetch, CORS).

No cookie is ever used, so that a page of a site not named can neither read nor act in anybody's name.
"""

from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

_PREFLIGHT = {
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, POST, PUT",
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Authorization, Content-Type",
    hdrs.ACCESS_CONTROL_MAX_AGE: "600",
}


def origin_middleware(allowed: frozenset[str]) -> Middleware:
    """Let pages of these origins, such as `https://www.example.com`, use the API."""

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin not in allowed or not request.path.startswith("/api/"):
            return await handler(request)
        if request.method == hdrs.METH_OPTIONS:
            response: web.StreamResponse = web.Response(status=HTTPStatus.NO_CONTENT, headers=_PREFLIGHT)
        else:
            response = await handler(request)
        if not response.prepared:  # a live socket has answered already; browsers ask nothing of it
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers.add(hdrs.VARY, hdrs.ORIGIN)
        return response

    return admit
