"""The public HTTP server: uvicorn, with a bound on what a client may say before its body."""

import uvicorn
from starlette.types import ASGIApp

from web.serve import GRACE_SECONDS, KEEP_ALIVE_SECONDS, JoiningProtocol

HEAD_BYTES_MAX = 64 * 1024


class BoundedHead(JoiningProtocol):
    """uvicorn's own protocol, which would gather request line and fields without end."""

    _head_bytes = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        """Feed the parser; 400 and goodbye once a head is longer than any honest one."""
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_head:
            self._head_bytes = 0
        elif self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response("Header fields too large.")

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop counting: bodies are bounded elsewhere."""
        self._in_head = False
        super().on_headers_complete()


def server(app: ASGIApp, *, host: str, port: int, trusted_proxies: str = "") -> uvicorn.Server:
    """Return the server, ready to run."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=BoundedHead,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=trusted_proxies or None,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
