"""Who may call a route: `Depends(allow("admin", "cashier"))` gives the route its Principal."""

from collections.abc import Iterable
from typing import Final, cast

from starlette.requests import Request

from web.problems import Problem
from web.verifier import Principal, TokenVerifier, fetch_from

__all__ = ["Allow", "Principal", "TokenVerifier", "allow", "fetch_from", "principal_of"]

SCHEME: Final = "bearer "


class Allow:
    """A dependency: the caller's Principal, if his role is one of `roles`, and he of `subjects`."""

    def __init__(
        self, roles: frozenset[str], *, guest: bool, subjects: frozenset[str] = frozenset()
    ) -> None:
        self.roles = roles
        self.guest = guest
        self.subjects = subjects

    async def __call__(self, request: Request) -> Principal:
        """Return the caller. Raises Problem 401 (no or bad token, guest) or 403 (another one)."""
        principal = await principal_of(request)
        if principal.role == "guest":
            if not self.guest:
                raise Problem("unauthenticated")
        elif self.roles and principal.role not in self.roles:
            raise Problem("forbidden")
        if self.subjects and principal.subject not in self.subjects:
            raise Problem("forbidden")
        return principal


def allow(*roles: str, guest: bool = False, subjects: Iterable[str] = ()) -> Allow:
    """Return the dependency that lets `roles` pass (none named: every role but guest).

    Of them only `subjects`, if any are named: services, by their own names.
    """
    return Allow(frozenset(roles), guest=guest, subjects=frozenset(subjects))


async def principal_of(request: Request) -> Principal:
    """Return who calls, verified once per request. Raises Problem 401 or 503."""
    known = request.scope.get("kembalian.principal")
    if isinstance(known, Principal):
        return known
    credentials = request.headers.getlist("authorization")
    if len(credentials) != 1 or not credentials[0].lower().startswith(SCHEME):
        raise Problem("unauthenticated")
    verifier = cast("TokenVerifier", request.app.state.verifier)
    principal = await verifier.verify(credentials[0][len(SCHEME) :].strip())
    request.scope["kembalian.principal"] = principal
    return principal
