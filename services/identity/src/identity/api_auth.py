"""Logins: `/auth/...`."""

from typing import Annotated, Any, Final

from fastapi import Depends
from starlette.responses import JSONResponse, Response

from identity import sessions
from identity.models import ChangePassword, Login, Refresh
from identity.requests import AddressOf, PrefersEnglish, ResourcesOf
from identity.resources import Resources
from identity.sessions import Session
from web.problems import Problem
from web.route import router
from web.tokens import Principal, allow

NOT_STORED: Final = {"cache-control": "no-store"}

routes = router("/api/v1/auth")
Anybody = Annotated[Principal, Depends(allow(guest=True))]
Somebody = Annotated[Principal, Depends(allow())]


@routes.post("/token")
async def post_token(
    body: Login, _: Anybody, resources: ResourcesOf, address: AddressOf, english: PrefersEnglish
) -> Response:
    """Log in. A wrong password and an unknown user get the same answer after the same time."""
    session = await sessions.login(
        resources, body.username, body.password, address=address, english=english
    )
    return _answer(resources, session)


@routes.post("/refresh")
async def post_refresh(body: Refresh, _: Anybody, resources: ResourcesOf) -> Response:
    """Go on under a new refresh token; the old one must not be used again."""
    return _answer(resources, await sessions.refresh(resources, body.refresh_token))


@routes.post("/logout", status_code=204)
async def post_logout(body: Refresh, _: Anybody, resources: ResourcesOf) -> None:
    """End the session. An unknown token has none: the answer is the same."""
    await sessions.logout(resources, body.refresh_token)


@routes.post("/password", status_code=204)
async def post_password(
    body: ChangePassword,
    who: Somebody,
    resources: ResourcesOf,
    address: AddressOf,
    english: PrefersEnglish,
) -> None:
    """Change one's password; all of one's sessions end."""
    if who.username is None:  # a service has no password
        raise Problem("forbidden")
    account = await sessions.authenticate(
        resources, who.username, body.current_password, address=address, english=english
    )
    await sessions.change_password(resources, account.username, body.new_password)


def _answer(resources: Resources, session: Session) -> Response:
    body: dict[str, Any] = {
        "access_token": session.access_token,
        "refresh_token": session.refresh_token,
        "token_type": "Bearer",
        "expires_in": resources.settings.access_token_seconds,
        "role": session.role,
    }
    return JSONResponse(body, headers=NOT_STORED)
