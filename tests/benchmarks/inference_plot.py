"""Draws the inference benchmark's comparison as an SVG file: bars of tokens per second, with their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BAR, _GAP, _LEFT, _WIDTH = 22, 8, 190, 420
_COLOURS = ("#2f6f4f", "#8a8f98", "#b9bec6", "#d9dce1")
_PANELS = (
    (
        "Decode, one conversation, at depth 512 (tokens/s)",
        (
            ("Intramural", "decode_tokens_per_s"),
            ("llama.cpp Q4_K_M", "llamacpp_decode_tokens_per_s"),
            ("OpenVINO GenAI", "openvino_decode_tokens_per_s"),
            ("onnxruntime-genai", "genai_decode_tokens_per_s"),
        ),
    ),
    (
        "Prefill, 512 tokens (tokens/s)",
        (
            ("Intramural", "prefill_tokens_per_s"),
            ("llama.cpp Q4_K_M", "llamacpp_prefill_tokens_per_s"),
            ("OpenVINO GenAI", "openvino_prefill_tokens_per_s"),
            ("onnxruntime-genai", "genai_prefill_tokens_per_s"),
        ),
    ),
    (
        "Conversations together (tokens/s of all)",
        (
            ("1 conversation", "streams1_tokens_per_s"),
            ("4 conversations", "streams4_tokens_per_s"),
            ("8 conversations", "streams8_tokens_per_s"),
        ),
    ),
)


def plot(figures: Mapping[str, Any]) -> str:
    """The SVG text; a figure that was not measured is left out."""
    parts: list[str] = []
    top = 24
    for title, rows in _PANELS:
        known = [(label, float(figures[name])) for label, name in rows if figures.get(name) is not None]
        if known:
            parts.append(_text(12, top, title, weight="600"))
            top = _panel(parts, top + 12, known) + 34
    parts.append(_text(12, top - 8, str(figures.get("machine", "")), size=11))
    size = f'width="{_LEFT + _WIDTH + 90}" height="{top + 6}"'
    style = 'font-family="system-ui, sans-serif" role="img" aria-label="Speed of the inference engine and its peers"'
    background = '<rect width="100%" height="100%" fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{background}{"".join(parts)}</svg>\n'


def _panel(parts: list[str], top: int, rows: Sequence[tuple[str, float]]) -> int:
    largest = max(value for _, value in rows)
    for index, (label, value) in enumerate(rows):
        width = _WIDTH * value / largest
        parts.append(_text(12, top + 16, label))
        colour = _COLOURS[min(index, len(_COLOURS) - 1)]
        parts.append(f'<rect x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>')
        parts.append(_text(_LEFT + width + 6, top + 16, f"{value:.1f}"))
        top += _BAR + _GAP
    return top


def _text(x: float, y: float, text: str, *, size: int = 13, weight: str = "400") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}">{escape(text)}</text>'
