"""The one Kafka request that tells whether a broker is up, without a client library."""

import socket
import struct

API_VERSIONS = 18
CLIENT_ID = b"kembalian-ground"
TIMEOUT_S = 1.0


def answers(port: int) -> bool:
    """Tell whether a broker on 127.0.0.1:`port` answers ApiVersions without an error."""
    body = struct.pack(">hhih", API_VERSIONS, 0, 1, len(CLIENT_ID)) + CLIENT_ID
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.sendall(struct.pack(">i", len(body)) + body)
            answer = _read(connection, 10)  # length, correlation id, error code
    except OSError:
        return False
    return len(answer) == 10 and answer[8:] == b"\0\0"


def _read(connection: socket.socket, size: int) -> bytes:
    """Read `size` bytes, fewer if the other side closes."""
    read = b""
    while len(read) < size:
        more = connection.recv(size - len(read))
        if not more:
            break
        read += more
    return read
