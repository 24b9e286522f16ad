"""The one HTTP request that tells whether a service is up, without a client library.

It is asked many times a second while a house starts, and a client of httpx takes 30 ms to make.
"""

from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

TIMEOUT_S = 5.0


def is_well(url: str, *, timeout_s: float = TIMEOUT_S) -> bool:
    """Tell whether a GET of `url`, which is plain HTTP, is answered with a status below 300."""
    where = urlsplit(url)
    connection = HTTPConnection(where.netloc, timeout=timeout_s)
    try:
        connection.request("GET", where.path)
        return connection.getresponse().status < 300
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
