"""Small drawings of what an exercise asks for, as SVG that stands in a page by itself."""

from collections.abc import Mapping, Sequence

from vivit_edu.explain.draw.theme import COLOURS

CELL, GAP = 26, 10  # pixels
TIME = "#c06a0c"  # the orange of time, darkened until a line of it stands out on white too


def numbered_grid(grid: tuple[int, int, int]) -> str:
    """The places of nt frames of nh x nw tokens, each with its number in the sequence."""
    nt, nh, nw = grid
    boxes = []
    for token in range(nt * nh * nw):
        time, row, column = token // (nh * nw), token // nw % nh, token % nw
        boxes.append(_box(time * (nw * CELL + GAP) + column * CELL, row * CELL, str(token)))
    return _svg(boxes, nt * (nw * CELL + GAP), nh * CELL, f"{nt} frames of {nh} x {nw} numbered places")


def marked_frames(count: int, rows: Mapping[str, Sequence[int]]) -> str:
    """A row of `count` numbered frames for each name, some of them marked."""
    boxes = []
    for line, (name, marked) in enumerate(rows.items()):
        y = line * (CELL + GAP)
        boxes.append(_text(0, y, name, anchor="start"))
        for frame in range(count):
            edge = TIME if frame in marked else None
            boxes.append(_box(3 * CELL + frame * CELL, y, str(frame), edge=edge))
    return _svg(boxes, (3 + count) * CELL, len(rows) * (CELL + GAP), ", ".join(rows))


def sequence(names: Sequence[str]) -> str:
    """A row of named tokens, the first with the class token's edge."""
    edges = [COLOURS["class_token"]] + [None] * (len(names) - 1)
    boxes = [
        _box(i * 2 * CELL, 0, name, 2 * CELL, edge=edge)
        for i, (name, edge) in enumerate(zip(names, edges, strict=True))
    ]
    return _svg(boxes, 2 * CELL * len(names), CELL, ", ".join(names))


def _svg(parts, width, height, title):
    box = f'viewBox="-2 -2 {width + 4} {height + 4}" width="{width + 4}"'
    style = 'style="max-width:100%;height:auto;display:block;margin-top:0.4em"'
    content = f"<title>{title}</title>{''.join(parts)}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {box} {style}>{content}</svg>'


def _box(x, y, text, width=CELL, *, edge=None):
    """A box with a hairline, or with a thick edge inside it; text always stands on the page's own ground."""
    frame = f'<rect x="{x}" y="{y}" width="{width}" height="{CELL}" fill="none" stroke="{COLOURS["ink"]}"/>'
    if edge:
        inside = f'x="{x + 2}" y="{y + 2}" width="{width - 4}" height="{CELL - 4}"'
        frame += f'<rect {inside} fill="none" stroke="{edge}" stroke-width="3"/>'
    return frame + _text(x + width / 2, y, text, anchor="middle")


def _text(x, y, text, anchor):
    style = f'text-anchor="{anchor}" font-size="11" font-family="sans-serif" fill="currentColor"'
    return f'<text x="{x}" y="{y + CELL / 2 + 4}" {style}>{text}</text>'
