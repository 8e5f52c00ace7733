"""The built web client: the console at /, the customer's page at /demo, the scripts for other sites, safe headers."""

from pathlib import Path

from aiohttp import web

CONSOLE = "console"
DEMO = "demo"
SCRIPTS = ("widget.js", "sdk.js", "widget.js.map", "sdk.js.map")
"Other sites may load these."

_CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # the console's component library makes its styles as it runs
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' blob: mediastream:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

_HEADERS = {
    "Content-Security-Policy": _CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
    "Referrer-Policy": "no-referrer",  # addresses of recordings carry tokens
    "X-Content-Type-Options": "nosniff",
}


async def add_safe_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """An on_response_prepare signal; what a handler has set stays."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


class Pages:
    """Serves files below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def routes(self) -> list[web.RouteDef]:
        scripts = [web.get(f"/{name}", self.script) for name in SCRIPTS]
        return [
            *scripts,
            web.get("/demo", self.demo),
            web.get("/demo/{path:.*}", self.demo),
            web.get("/{path:.*}", self.console),
        ]

    async def script(self, request: web.Request) -> web.StreamResponse:
        """A script that a page of any origin may import."""
        return self._file(request.path.removeprefix("/"), {"Access-Control-Allow-Origin": "*"})

    async def demo(self, request: web.Request) -> web.StreamResponse:
        """The customer's page."""
        path = request.match_info.get("path", "")
        return self._page(DEMO) if not path else self._file(f"{DEMO}/{path}")

    async def console(self, request: web.Request) -> web.StreamResponse:
        """The console; its own addresses, which name no file, all lead to its one page."""
        path = request.match_info["path"]
        if path.startswith(("api/", "assets/")) or Path(path).suffix:
            return self._file(f"{CONSOLE}/{path}")
        return self._page(CONSOLE)

    def _page(self, folder: str) -> web.StreamResponse:
        return self._file(f"{folder}/index.html", {"Cache-Control": "no-cache"})

    def _file(self, path: str, headers: dict[str, str] | None = None) -> web.StreamResponse:
        found = self._find(path)
        hashed = found.parent.name == "assets"  # their names change with their content
        kept = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return web.FileResponse(found, headers={"Cache-Control": kept} | (headers or {}))

    def _find(self, path: str) -> Path:
        try:
            found = (self._root / path).resolve()
            if found.is_relative_to(self._root) and found.is_file():
                return found
        except (OSError, ValueError):  # a name that no file can have
            pass
        raise web.HTTPNotFound
