"""A figure as its JSON says it: visible traces with numbers as arrays, a layout with the template's beneath it."""

import base64
import dataclasses
import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

TAG = re.compile(r"<[^>]*>")
BREAK = re.compile(r"<br ?/?>")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spec:
    """What a figure's JSON says.

    Attributes:
      traces: those that are visible; x, y and z are arrays.
      layout: the figure's own settings on top of its template's.
    """

    traces: Sequence[dict[str, Any]]
    layout: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The figure's title in one line without markup, "" for none."""
        return " ".join(lines(text(self.layout.get("title"))))

    def axes(self, letter: str) -> dict[str, dict[str, Any]]:
        """The settings of every axis that a trace uses, "x", "x2", … or "y", …, in their order."""
        used = dict.fromkeys(trace.get(f"{letter}axis") or letter for trace in self.traces)
        return {name: self.layout.get(name.replace(letter, f"{letter}axis", 1)) or {} for name in sorted(used)}


def read(figure: Mapping[str, Any]) -> Spec:
    """What the JSON of a figure, {"data": …, "layout": …}, says."""
    own = dict(figure.get("layout") or {})
    template = own.pop("template", None) or {}
    base = template.get("layout") or {}
    layout = merged(base, own)
    for name in own:  # the template's "xaxis" is for every axis
        if match := re.fullmatch(r"([xy]axis)\d+", name):
            layout[name] = merged(base.get(match[1]), own[name])
    below, traces = template.get("data") or {}, []
    for trace in figure.get("data") or ():
        kind = trace.get("type", "scatter")
        full = merged((below.get(kind) or [{}])[0], trace) | {"type": kind}
        if full.get("visible", True) is True:
            traces.append(full | {key: array(full[key]) for key in "xyz" if full.get(key) is not None})
    return Spec(traces=traces, layout=layout)


def merged(base: Mapping | None, own: Mapping | None) -> dict[str, Any]:
    """Settings on top of others, level by level."""
    result = dict(base or {})
    for key, value in (own or {}).items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def array(values: Any) -> np.ndarray:
    """Numbers as float64, None as NaN; names as objects. Plotly writes long ones in base64."""
    if isinstance(values, Mapping):
        numbers = np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"]).newbyteorder("<"))
        shape = [int(side) for side in str(values.get("shape") or numbers.size).split(",")]
        return numbers.reshape(shape).astype(np.float64)
    try:
        return np.array(values, np.float64)
    except (TypeError, ValueError):
        return np.array(values, object)


def text(value: Any) -> str:
    """The text of a title, which JSON holds as a string or as {"text": …}."""
    return str((value.get("text") if isinstance(value, Mapping) else value) or "")


def lines(marked: str) -> list[str]:
    """The lines of a text without its markup."""
    plain = (html.unescape(TAG.sub("", part)).strip() for part in BREAK.split(marked))
    return [line for line in plain if line]
