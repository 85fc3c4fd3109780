"""What a check returns: its outcome in words, legible on any page and in any terminal."""

import dataclasses
import html
from typing import Any

# The sign, and the colour of the line beside it: at least 3:1 on white and on black. Words keep the page's own colour.
SIGNS = {"pass": ("PASS", "#008f68"), "todo": ("not yet", "#c06a0c"), "fail": ("FAIL", "#d55e00")}
Student = Any  # a function, as a rule; whatever else is handed over is told so
LONGEST = 600  # characters of a message; an error's text may be a whole array
PLAIN = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "×": "x", "…": "...", "“": '"', "”": '"', "‘": "'", "’": "'", "·": "*", "→": "->"}
)


class Mistake(Exception):
    """What is wrong with an answer, in a sentence for the student."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """The outcome of a check; true where it passed.

    Attributes:
      name: of what was checked.
      status: "pass", "todo" or "fail".
      message: what is wrong, or what to do next; one line, its middle left out where it is long.
      picture: HTML of the target, "" for none.
    """

    name: str
    status: str
    message: str = ""
    picture: str = ""

    def __post_init__(self):
        object.__setattr__(self, "message", shorten(self.message))

    def __bool__(self):
        return self.status == "pass"

    def __str__(self):
        line = f"{SIGNS[self.status][0]}: {self.name}" + (f" - {self.message}" if self.message else "")
        return line.translate(PLAIN).encode("ascii", "backslashreplace").decode()  # some terminals know no more

    __repr__ = __str__

    def _repr_html_(self):
        sign, colour = SIGNS[self.status]
        text = f"<b>{sign}</b> <code>{html.escape(self.name)}</code>"
        message = f" – {html.escape(self.message)}" if self.message else ""
        style = f"border-left:6px solid {colour};padding:0.3em 0.8em;max-width:100%;overflow-x:auto"
        return f"<div role='status' style='{style}'>{text}{message}{self.picture}</div>"


def shorten(text: str, longest: int = LONGEST) -> str:
    """The text in one line of at most `longest` characters, what cannot be printed replaced."""
    if len(text) > longest:  # first: the rest may be megabytes
        half = (longest - 3) // 2
        text = f"{text[:half]} … {text[len(text) - half :]}"
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)


def type_name(value: Any) -> str:
    """The name of the value's class, which no code of that class can change."""
    return vars(type)["__name__"].__get__(type(value))
