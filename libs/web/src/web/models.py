"""Request models and the types of their fields: strict, closed, frozen."""

import unicodedata
from typing import Annotated, Any, Final, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from web.validation import OWN_ERROR, REQUIRED

AMOUNT_MAX: Final = 1_000_000_000_000
BIDI_CONTROLS: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


class Body(BaseModel):
    """Base of every request body: strict types, unknown fields refused, an empty text = missing."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_missing(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return cast("object", data)
        given = dict(cast("dict[str, Any]", data))
        for name, field in cls.model_fields.items():
            if given.get(name) != "":
                continue
            if field.is_required():
                del given[name]
            elif field.default is None:
                given[name] = None
        return given  # any other "" stays, and its type says that it is required


def _plain(text: str) -> str:
    """Refuse what a list, a receipt or a CSV file cannot show as it was typed."""
    if not text or text.isspace():
        raise PydanticCustomError(OWN_ERROR, REQUIRED)
    if text.isascii() and text.isprintable():
        return text
    for char in text:
        if char in BIDI_CONTROLS or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp"):
            raise PydanticCustomError(OWN_ERROR, "must not hold control characters")
    return text


Plain = AfterValidator(_plain)
Text32 = Annotated[str, Field(min_length=1, max_length=32), Plain]
Text100 = Annotated[str, Field(min_length=1, max_length=100), Plain]
Text200 = Annotated[str, Field(min_length=1, max_length=200), Plain]
Text500 = Annotated[str, Field(min_length=1, max_length=500), Plain]

Amount = Annotated[int, Field(strict=True, gt=0, le=AMOUNT_MAX)]
"""Rupiah: a whole number from 1 to 10^12; no float, text or boolean."""

# pydantic's engine ends `$` at the very end of the text, and [0-9] knows no foreign digits.
StoreId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,31}$")]
Username = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{2,63}$")]
CardNumber = Annotated[str, Field(pattern=r"^[0-9]{4,32}$")]
MemberId = Annotated[
    str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
]
Email = Annotated[
    str, Field(max_length=254, pattern=r"^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$"), Plain
]
Password = Annotated[str, Field(min_length=10, max_length=128)]
"""A new password: 10 to 128 characters of any kind."""
Secret = Annotated[str, Field(min_length=1, max_length=4096)]
"""Something that is only compared: a password at login, a refresh token."""
