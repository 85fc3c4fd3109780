"""A figure as a still picture: one SVG on white, of what the library's own figures are made of."""

import base64
import struct
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from vivit_edu.explain.draw.plain.axes import Axis, ends_of, names_of, placed, squared, widest
from vivit_edu.explain.draw.plain.png import png
from vivit_edu.explain.draw.plain.spec import lines, read, text
from vivit_edu.explain.draw.plain.words import describe

INK, SIZE = "#4d545c", 12
KNOWN = ("image", "heatmap", "scatter", "bar")


def page(figure: Mapping[str, Any]) -> str:
    """HTML of the still picture, captioned in words, for a page that cannot draw the figure."""
    told = f"{escape(describe(figure))} <i>A still of an interactive figure.</i>"
    return f'<figure style="margin:0.5em 0">{still(figure) or ""}<figcaption>{told}</figcaption></figure>'


def still(figure: Mapping[str, Any]) -> str | None:
    """SVG of the JSON of a figure, without its controls; None where a trace is of a kind that is not drawn here."""
    spec = read(figure)
    if not spec.traces or any(trace["type"] not in KNOWN for trace in spec.traces):
        return None
    width, height = (int(spec.layout.get(side) or least) for side, least in (("width", 720), ("height", 450)))
    margin = {"l": 60, "r": 20, "t": 50, "b": 50} | {k: v for k, v in (spec.layout.get("margin") or {}).items() if v}
    x, y = (_placed(spec, letter, width, height, margin) for letter in "xy")
    if any(axis.settings.get("visible", True) for axis in y.values()):
        margin["l"] = max(margin["l"], 30 + max(widest(axis.ticks(), SIZE) for axis in y.values()))
        x = _placed(spec, "x", width, height, margin)
    pairs = {(t.get("xaxis") or "x", t.get("yaxis") or "y") for t in spec.traces}
    for over, up in pairs:
        if y[up].settings.get("scaleanchor"):
            x[over], y[up] = squared(x[over], y[up])
    parts = [f'<rect width="{width}" height="{height}" fill="#fff"/>', _words(8, 20, spec.title, size=15)]
    parts += [part for over, up in sorted(pairs) for part in _frame(x[over], y[up])]
    parts += [_mark(t, x[t.get("xaxis") or "x"], y[t.get("yaxis") or "y"]) for t in spec.traces]
    parts += [_note(note, x, y, (width, height), margin) for note in spec.layout.get("annotations") or ()]
    head = (
        f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" aria-hidden="true" font-family="sans-serif"'
    )
    return f'<svg {head} style="max-width:{width}px;width:100%">{"".join(parts)}</svg>'


def _placed(spec, letter, width, height, margin):
    """Every axis of a letter, with its pixels."""
    begin, end = (margin["l"], width - margin["r"]) if letter == "x" else (height - margin["b"], margin["t"])
    found = {}
    for name, settings in spec.axes(letter).items():
        mine = [t for t in spec.traces if (t.get(f"{letter}axis") or letter) == name]
        data = [t[letter] for t in mine if t.get(letter) is not None]
        if any(t["type"] == "bar" and (t.get("orientation") == "h") == (letter == "x") for t in mine):
            data.append(np.zeros(1))
        names = names_of(data)
        low, high = settings.get("domain") or (0, 1)
        pixels = (begin + low * (end - begin), begin + high * (end - begin))
        rim = 0.0 if any(t["type"] == "heatmap" for t in mine) else 0.05
        ends = ends_of(settings, data, names, rim=rim)
        found[name] = Axis(settings=settings, names=names, ends=ends, pixels=pixels)
    return found


def _frame(x, y):
    """Ticks, grid lines and titles of a pair of axes."""
    (left, right), (bottom, top) = sorted(x.pixels), sorted(y.pixels)[::-1]
    for at, label in x.ticks():
        yield f'<path d="M{at:.1f} {top:.1f}V{bottom:.1f}" stroke="#8084" fill="none"/>'
        yield _words(at, bottom + 16, label, anchor="middle")
    for at, label in y.ticks():
        yield f'<path d="M{left:.1f} {at:.1f}H{right:.1f}" stroke="#8084" fill="none"/>'
        yield _words(left - 6, at + 4, label, anchor="end")
    if x.settings.get("visible", True):
        yield _words((left + right) / 2, bottom + 34, text(x.settings.get("title")), anchor="middle")
    if y.settings.get("visible", True):
        title = " ".join(lines(text(y.settings.get("title"))))
        turned = f'transform="translate(14 {(top + bottom) / 2:.1f}) rotate(-90)"'
        yield f"<g {turned}>{_words(0, 0, title, anchor='middle')}</g>"


def _mark(trace, x, y):
    return {"image": _image, "heatmap": _heatmap, "scatter": _scatter, "bar": _bar}[trace["type"]](trace, x, y)


def _picture(source, x0, x1, y0, y1, opacity=1.0):
    box = f'x="{min(x0, x1):.1f}" y="{min(y0, y1):.1f}" width="{abs(x1 - x0):.1f}" height="{abs(y1 - y0):.1f}"'
    style = 'preserveAspectRatio="none" style="image-rendering:pixelated"'
    return f'<image {box} opacity="{opacity}" {style} href="{escape(source, quote=True)}"/>'


def _image(trace, x, y):
    source = trace.get("source") or ""
    if not source.startswith("data:image/png;base64,"):
        return ""
    wide, high = struct.unpack(">II", base64.b64decode(source.split(",")[1][:44])[16:24])
    dx, dy, x0, y0 = trace.get("dx", 1), trace.get("dy", 1), trace.get("x0", 0), trace.get("y0", 0)
    across = x(np.array([x0 - dx / 2, x0 + (wide - 0.5) * dx]))
    return _picture(source, *across, *y(np.array([y0 - dy / 2, y0 + (high - 0.5) * dy])))


def _heatmap(trace, x, y):
    z = np.asarray(trace["z"], np.float64)
    edges = [_edges(trace.get(k), n, a) for k, n, a in (("x", z.shape[1], x), ("y", z.shape[0], y))]
    low, high = (trace.get(k, f(z)) for k, f in (("zmin", np.nanmin), ("zmax", np.nanmax)))
    share = np.clip((z - low) / ((high - low) or 1), 0, 1)
    scale = trace.get("colorscale") or [[0, "#00224e"], [1, "#fee838"]]
    stops, colours = [s for s, _ in scale], np.array([_rgb(c) for _, c in scale], float)
    rgb = np.stack([np.interp(np.nan_to_num(share), stops, colours[:, c]) for c in range(3)], -1)
    rgba = np.concatenate([rgb, np.where(np.isnan(z), 0, 255)[..., None]], -1).astype(np.uint8)
    at = [np.linspace(e[0], e[-1], 2 * min(abs(int(e[-1] - e[0])), 720) + 1)[1::2] for e in edges]
    index = [np.clip(np.searchsorted(e * s, p * s, "right") - 1, 0, len(e) - 2) for e, p, s in _risen(edges, at)]
    source = png(np.ascontiguousarray(rgba[np.ix_(index[1], index[0])]))
    return _picture(source, edges[0][0], edges[0][-1], edges[1][0], edges[1][-1], trace.get("opacity", 1))


def _risen(edges, at):
    return [(e, p, 1 if e[-1] > e[0] else -1) for e, p in zip(edges, at, strict=True)]


def _edges(values, count, axis):
    """Pixels of the edges of a map's cells."""
    values = np.arange(count) if values is None else axis.numbers(values)
    if len(values) == count:
        middle = (values[1:] + values[:-1]) / 2
        values = np.concatenate([[values[0] - 0.5], middle, [values[-1] + 0.5]])
    span = axis.ends[1] - axis.ends[0] or 1
    return axis.pixels[0] + (values - axis.ends[0]) / span * (axis.pixels[1] - axis.pixels[0])


def _scatter(trace, x, y):
    values = trace.get("y")
    if values is None or not np.size(values):
        return ""
    across = trace["x"] if trace.get("x") is not None else np.arange(len(values), dtype=float)
    xs, ys, mode = x(across), y(values), trace.get("mode", "lines")
    style, marker = trace.get("line") or {}, trace.get("marker") or {}
    colour = escape(str(style.get("color") or marker.get("color") or INK), quote=True)
    good, drawn = np.isfinite(xs) & np.isfinite(ys), ""
    if "lines" in mode:
        steps = [f"{'L' if n and good[n - 1] else 'M'}{xs[n]:.1f} {ys[n]:.1f}" for n in np.flatnonzero(good)]
        dash = ' stroke-dasharray="4 3"' if style.get("dash") else ""
        drawn = (
            f'<path d="{"".join(steps)}" fill="none" stroke="{colour}" stroke-width="{style.get("width", 2)}"{dash}/>'
        )
    if "markers" in mode:
        drawn += "".join(
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{colour}"/>'
            for a, b in zip(xs[good], ys[good], strict=False)
        )
    if "text" in mode:
        drawn += "".join(_words(a + 4, b + 4, str(t)) for a, b, t in zip(xs, ys, trace.get("text") or (), strict=False))
    return drawn


def _bar(trace, x, y):
    flat = trace.get("orientation") == "h"
    values, places = (x(trace["x"]), y(trace["y"])) if flat else (y(trace["y"]), x(trace["x"]))
    along, across = (x, y) if flat else (y, x)
    zero, half = float(along(np.zeros(1))[0]), 0.35 * abs(across.pixels[1] - across.pixels[0]) / max(1, len(places))
    colour = escape(str((trace.get("marker") or {}).get("color") or INK), quote=True)
    boxes = [
        (min(zero, v), p - half, abs(v - zero), 2 * half)
        for v, p in zip(values, places, strict=False)
        if np.isfinite(v)
    ]
    keys = ("x", "y", "width", "height") if flat else ("y", "x", "height", "width")
    shapes = (" ".join(f'{k}="{v:.1f}"' for k, v in zip(keys, box, strict=False)) for box in boxes)
    return "".join(f'<rect {shape} fill="{colour}"/>' for shape in shapes)


def _note(note, x, y, size, margin):
    """An annotation's words where plotly has them; arrows are left out."""
    where = []
    for letter, axes, begin, end in (
        ("x", x, margin["l"], size[0] - margin["r"]),
        ("y", y, size[1] - margin["b"], margin["t"]),
    ):
        name, value = (note.get(f"{letter}ref") or letter), note.get(letter) or 0
        axis = axes.get(name.split(" ")[0])
        if axis is None or name.endswith("domain"):
            begin, end = axis.pixels if axis else (begin, end)
            where.append(begin + value * (end - begin))
        else:
            numbers = placed(np.array([value]), axis.names, {})
            share = (float(numbers[0]) - axis.ends[0]) / ((axis.ends[1] - axis.ends[0]) or 1)
            where.append(axis.pixels[0] + share * (axis.pixels[1] - axis.pixels[0]))
    anchor = {"left": "start", "right": "end"}.get(note.get("xanchor"), "middle")
    down = {"top": SIZE, "bottom": -4}.get(note.get("yanchor"), 4)
    at = where[0] + (note.get("xshift") or 0), where[1] - (note.get("yshift") or 0) + down
    return _words(*at, note.get("text") or "", anchor=anchor)


def _words(x, y, marked, *, anchor="start", size=SIZE):
    style = f'font-size="{size}" fill="{INK}" text-anchor="{anchor}"'
    rows = "".join(
        f'<tspan x="{x:.1f}" dy="{size * 1.2 * (n > 0):.1f}">{escape(r)}</tspan>' for n, r in enumerate(lines(marked))
    )
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{rows}</text>' if rows else ""


def _rgb(colour):
    """(red, green, blue) of "#rrggbb" or "rgb(…)"."""
    if colour.startswith("#"):
        return [int(colour[n : n + 2], 16) for n in (1, 3, 5)]
    return [float(n) for n in colour[colour.index("(") + 1 :].rstrip(")").split(",")[:3]]
