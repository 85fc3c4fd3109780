"""Draws the logo, a clip as a stack of frames with one tubelet marked, and hands the palette to the CSS."""

from pathlib import Path

from vivit_edu.explain.draw.theme import COLOURS

FRAMES, PATCHES, PATCH = 4, 3, 18  # a clip of 4 frames of 3 x 3 patches
STEP = (13, -9)  # from one frame to the next, right and up: time
SIDE = PATCHES * PATCH


def draw(folder: Path) -> None:
    """Writes logo.svg, favicon.svg and palette.css into `folder`; `build.py` calls it."""
    folder.mkdir(parents=True, exist_ok=True)
    stack = "".join(_frame(t) for t in reversed(range(FRAMES)))
    room = 3
    left, top = -room, -STEP[1] * -(FRAMES - 1) - room
    width, height = SIDE + STEP[0] * (FRAMES - 1) + 2 * room, SIDE - STEP[1] * (FRAMES - 1) + 2 * room
    (folder / "logo.svg").write_text(_svg(stack, (left, top, width, height)))
    icon = "".join(_frame(t) for t in reversed(range(2)))
    side = SIDE + STEP[0] + 2 * room
    (folder / "favicon.svg").write_text(_svg(icon, (-room, STEP[1] - room - 2, side, side)))
    names = "".join(f"  --{name.replace('_', '-')}: {colour};\n" for name, colour in COLOURS.items())
    (folder / "palette.css").write_text(f":root {{\n{names}}}\n")


def _svg(body, box):
    view = " ".join(str(number) for number in box)
    label = "<title>A clip as a stack of frames, one tubelet marked</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}" role="img">{label}{body}</svg>\n'


def _frame(t):
    x, y = STEP[0] * t, STEP[1] * t
    places = [(row, column) for row in range(PATCHES) for column in range(PATCHES)]
    cells = "".join(_cell(x + PATCH * column, y + PATCH * row, t, (row, column)) for row, column in places)
    return f'<rect x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" rx="3" fill="#fff"/>{cells}'


def _cell(x, y, t, place):
    tubelet = t < 2 and place == (1, 1)
    colour, strength = (COLOURS["time"], 1) if tubelet else (COLOURS["space"], round(0.85 - 0.17 * t, 2))
    query = COLOURS["query"]
    outline = f' stroke="{query}" stroke-width="2.5"' if tubelet else ""
    size = PATCH - 2
    square = f'<rect x="{x + 1}" y="{y + 1}" width="{size}" height="{size}" rx="2"'
    return f'{square} fill="{colour}" opacity="{strength}"{outline}/>'


if __name__ == "__main__":
    draw(Path(__file__).parent / "_static" / "drawn")
