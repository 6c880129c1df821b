"""QR codes (ISO/IEC 18004) of patient cards, as SVG, PNG and text of a terminal. The library `segno` draws them.

The text is in QR's alphanumeric set, so that the symbol stays small; error correction M lets a creased card be read.
"""

from __future__ import annotations

import io
from pathlib import PurePath
from typing import Final

import segno

from node.errors import MalformedParameterError

_SCALE: Final = 6
_ERROR_CORRECTION: Final = "m"
_IMAGES: Final = frozenset({"svg", "png"})


def draw_qr(text: str, name: PurePath) -> bytes:
    """Draw a QR code as an image of the kind that a file's name says.

    Raises:
        MalformedParameterError: The name ends neither in .svg nor in .png.
    """
    kind = name.suffix.removeprefix(".").lower()
    if kind not in _IMAGES:
        raise MalformedParameterError("--qr", f"{name.name}: the name has to end in .svg or .png")
    image = io.BytesIO()
    segno.make_qr(text, error=_ERROR_CORRECTION).save(image, kind=kind, scale=_SCALE)
    return image.getvalue()


def qr_svg(text: str) -> str:
    """Draw a QR code as SVG that stands in an HTML page: error correction M where the text leaves room for it, else L."""
    try:
        drawn = segno.make_qr(text, error=_ERROR_CORRECTION, boost_error=False)
    except segno.DataOverflowError:
        drawn = segno.make_qr(text, error="l", boost_error=False)
    return drawn.svg_inline(omitsize=True, svgclass=None, lineclass=None)


def qr_lines(text: str) -> str:
    """Draw a QR code with characters, for a terminal."""
    drawn = io.StringIO()
    segno.make_qr(text, error=_ERROR_CORRECTION).terminal(out=drawn, compact=True)
    return drawn.getvalue()
