"""Between a desk's page and the server: every WebSocket of the page, to be cut and mended."""

from playwright.async_api import WebSocketRoute

from tests.support.desk import Desk


class Sockets:
    """Passes messages on until `cut`, then refuses every new socket until `mend`."""

    def __init__(self) -> None:
        self._refuse = False
        self._open: list[WebSocketRoute] = []

    async def follow(self, desk: Desk) -> None:
        """Stand in the way of all sockets that the desk's page opens; it is loaded anew for that."""
        await desk.page.route_web_socket("**/api/v1/ws", self._opened)
        await desk.page.reload()

    async def _opened(self, socket: WebSocketRoute) -> None:
        if self._refuse:
            await socket.close(code=1013)
        else:
            socket.connect_to_server()
            self._open.append(socket)

    async def cut(self) -> None:
        self._refuse = True
        for socket in self._open:
            await socket.close(code=1012)
        self._open.clear()

    def mend(self) -> None:
        self._refuse = False
