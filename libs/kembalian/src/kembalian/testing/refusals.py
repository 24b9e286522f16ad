"""What a refusal must be: a problem by name, that says nothing of what was sent."""

import asyncio
from collections.abc import Collection

from events.place import Place
from kembalian.operators.reading import heads
from kembalian.testing.cast import Answer
from kembalian.testing.house import RunningHouse
from web.problems import SLUGS

MARK = "qzxjw"
"""Part of every text that must not come back."""


def assert_refused(
    answer: Answer, slugs: str | Collection[str], *, field: str | None = None, about: object = ""
) -> None:
    """Check status, media type and members of a problem; its slug is one of `slugs`."""
    allowed = {slugs} if isinstance(slugs, str) else set(slugs)
    said = f"{about}: {answer.status} {answer.content[:300]!r}"
    assert answer.headers["Content-Type"] == "application/problem+json", said
    problem = answer.json()
    slug = str(problem["type"]).removeprefix("/problems/")
    assert slug in allowed, said
    assert answer.status == problem["status"] == SLUGS[slug][0] < 500, said
    assert problem["title"], said
    assert problem["detail"], said
    assert MARK.encode() not in answer.content.lower(), said
    assert b"traceback" not in answer.content.lower(), said
    if field is not None:
        named = [str(error["field"]) for error in problem["errors"]]
        assert any(name == field or name.startswith(f"{field}.") for name in named), said


def log_heads(house: RunningHouse) -> dict[str, Place]:
    """Return service -> how far its log has come."""
    return asyncio.run(heads(house.live()))
