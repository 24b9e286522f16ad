"""A card number as a Code 128 barcode, for paper (SVG) and for screens (PNG)."""

from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import barcode  # pyright: ignore[reportMissingTypeStubs]
from barcode.writer import (  # pyright: ignore[reportMissingTypeStubs]
    ImageWriter,
    SVGWriter,
)

# Millimetres. A quiet zone of ten modules at least is what scanners need (ISO/IEC 15417, 4.6).
OPTIONS: Final[dict[str, Any]] = {
    "module_width": 0.3,
    "module_height": 15.0,
    "quiet_zone": 6.5,
    "font_size": 10,
    "text_distance": 5.0,
}
KEPT_MAX: Final = 256


class CardCode(barcode.Code128):
    """Code 128 of digits alone, which starts in code set C and stays there.

    python-barcode 0.16 looks for a needless switch after the start, and takes a leading pair "99"
    for one (in set A or B the same value is the switch to C): the scanned number lost two digits.
    """

    def _try_to_optimize(self, encoded: list[int]) -> list[int]:
        return encoded


@lru_cache(KEPT_MAX)
def svg(card_number: str) -> bytes:
    """Return an SVG document: the bars, and the digits below them."""
    return _render(card_number, SVGWriter())


@lru_cache(KEPT_MAX)
def png(card_number: str) -> bytes:
    """Return a PNG of 300 dots per inch."""
    return _render(card_number, ImageWriter(format="PNG"))


def _render(card_number: str, writer: Any) -> bytes:
    out = BytesIO()
    code: Any = CardCode(card_number, writer=writer)
    code.write(out, options=OPTIONS)
    return out.getvalue()
