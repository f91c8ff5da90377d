"""Charts of a report as SVG: ratio and error of each layer or, for an analysis with several variants, ratio against error. Each has a
text alternative for screen readers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any, Optional

_WIDTH, _HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 28, 36
#: Colours of K and V, distinct with colour blindness, on light and on dark backgrounds.
_COLOURS = {"K": "#3b76c4", "V": "#d9822b"}


def figures(report: dict[str, Any]) -> list[str]:
    """The charts that suit the report, as SVG."""
    found = []
    rows = report["rows"]
    variants = {row["variant"]["label"] for row in rows if not row["lossless"]}
    if rows and len(variants) < 2:
        found.append(_bars("Compression ratio by layer", "raw bytes / stored bytes", _ratios(rows)))
        errors = _errors(rows)
        if errors:
            found.append(_bars("Mean absolute error by layer", "MAE", errors))
    points = [
        (group["variant"]["label"], group["all"]["kvRatio"], *both)
        for group in report["groups"]
        # Where values are NaN or infinite, so is the error, which JSON has as null.
        if len(report["groups"]) > 1 and None not in (both := [(group["all"][side] or {}).get("mae") for side in ("kErrors", "vErrors")])
    ]
    if points:
        found.append(_scatter(points))
    return found


_Series = dict[str, dict[int, float]]


def _ratios(rows: Sequence[dict[str, Any]]) -> _Series:
    sums: dict[str, dict[int, list[int]]] = {"K": {}, "V": {}}
    for row in rows:
        for name, side in (("K", row["k"]), ("V", row["v"])):
            both = sums[name].setdefault(row["layerId"], [0, 0])
            both[0] += side["rawBytes"]
            both[1] += side["size"]
    return {
        name: {layer: raw / size if size else 0.0 for layer, (raw, size) in sorted(layers.items())}
        for name, layers in sums.items()
    }


def _errors(rows: Sequence[dict[str, Any]]) -> Optional[_Series]:
    sums: dict[str, dict[int, list[float]]] = {"K": {}, "V": {}}
    for row in rows:
        for name, side in (("K", row["k"]), ("V", row["v"])):
            if side["errors"] and side["errors"]["mae"] is not None:
                both = sums[name].setdefault(row["layerId"], [0.0, 0.0])
                both[0] += side["errors"]["mae"] * side["rawBytes"]
                both[1] += side["rawBytes"]
    found = {name: {layer: error / weight if weight else 0.0 for layer, (error, weight) in sorted(layers.items())} for name, layers in sums.items()}
    return found if any(found.values()) else None


def _bars(title: str, unit: str, series: _Series) -> str:
    layers = sorted({layer for values in series.values() for layer in values})
    most = max((value for values in series.values() for value in values.values()), default=0.0)
    top, ticks = _ticks(most)
    width = (_WIDTH - _LEFT - _RIGHT) / max(len(layers), 1)
    marks = []
    for place, (name, values) in enumerate(series.items()):
        for at, layer in enumerate(layers):
            if layer in values:
                height = (_HEIGHT - _TOP - _BOTTOM) * values[layer] / top
                x = _LEFT + at * width + width * (0.1 + 0.4 * place)
                y = _HEIGHT - _BOTTOM - height
                tip = f"layer {layer}, {name}: {_number(values[layer])}"
                marks.append(
                    f'<rect x="{x:.1f}" y="{y:.1f}" width="{width * 0.38:.1f}" height="{height:.1f}" fill="{_COLOURS[name]}"><title>{tip}</title></rect>'
                )
    step = max(1, math.ceil(len(layers) / 24))
    for at, layer in enumerate(layers):
        if at % step == 0:
            marks.append(_label(_LEFT + (at + 0.5) * width, _HEIGHT - _BOTTOM + 14, str(layer)))
    marks.append(_label((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, "layer"))
    told = "; ".join(
        f"{name} from {_number(min(values.values()))} to {_number(max(values.values()))}" for name, values in series.items() if values
    )
    return _svg(title, f"{unit} by layer: {told}", ticks, top, marks)


def _scatter(points: Sequence[tuple[str, float, float, float]]) -> str:
    most = max(max(k, v) for _, _, k, v in points)
    top, ticks = _ticks(most)
    ratios = [ratio for _, ratio, _, _ in points]
    low, high = min(ratios), max(ratios)
    span = (high - low) or 1.0
    marks = []
    for label, ratio, k, v in points:
        x = _LEFT + 12 + (_WIDTH - _LEFT - _RIGHT - 24) * (ratio - low) / span
        for name, error in (("K", k), ("V", v)):
            y = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * error / top
            tip = escape(f"{label}: {ratio:.3f}x, MAE of {name} {_number(error)}")
            marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_COLOURS[name]}"><title>{tip}</title></circle>')
    for share in (0.0, 0.5, 1.0):
        x = _LEFT + 12 + (_WIDTH - _LEFT - _RIGHT - 24) * share
        marks.append(_label(x, _HEIGHT - _BOTTOM + 14, f"{low + span * share:.2f}x"))
    marks.append(_label((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, "KV ratio"))
    told = f"{len(points)} variants, KV ratio from {low:.3f} to {high:.3f}, MAE to {_number(most)}"
    return _svg("Ratio against mean absolute error", told, ticks, top, marks)


def _ticks(most: float) -> tuple[float, list[float]]:
    """A round upper end of an axis for values up to ``most``, and its ticks."""
    if not most > 0 or not math.isfinite(most):
        return 1.0, [0.0, 1.0]
    unit = 10.0 ** math.floor(math.log10(most))
    step = next(unit * share for share in (0.2, 0.5, 1.0, 2.0) if most <= unit * share * 5)
    count = math.ceil(most / step)
    return step * count, [step * tick for tick in range(count + 1)]


def _number(value: float) -> str:
    return f"{value:.4g}"


def _label(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, told: str, ticks: Sequence[float], top: float, marks: Sequence[str]) -> str:
    lines = []
    for tick in ticks:
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * tick / top
        lines.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" stroke-opacity="0.15"/>')
        lines.append(_label(_LEFT - 6, y + 4, _number(tick), "end"))
    legend = []
    for place, (name, colour) in enumerate(_COLOURS.items()):
        x = _WIDTH - _RIGHT - 76 + 40 * place
        legend.append(f'<rect x="{x}" y="8" width="10" height="10" fill="{colour}"/>')
        legend.append(_label(x + 14, 17, name, "start"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img" aria-label="{escape(title)}. {escape(told)}" '
        f'font-family="system-ui, sans-serif" font-size="11" fill="currentColor" style="max-width:100%;display:block">'
        f'<text x="{_LEFT}" y="17" font-weight="bold">{escape(title)}</text>'
        f"{''.join(legend)}{''.join(lines)}{''.join(marks)}</svg>"
    )
