"""What the routes of this service work with: made by the application, handed to each request."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import Request

from settlement.directory import Directory
from settlement.snapshots import Snapshots


@dataclass(frozen=True, slots=True)
class Resources:
    """The views, and who knows stores and members."""

    snapshots: Snapshots
    directory: Directory


async def resources(request: Request) -> Resources:
    """Return the application's resources."""
    return cast("Resources", request.app.state.resources)


Uses = Annotated[Resources, Depends(resources)]
