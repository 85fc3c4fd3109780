"""Where each parameter of a model comes from: a plan that can be read before and after it is carried out."""

import collections
import dataclasses
import html
import re
from collections.abc import Callable, Iterator

import numpy as np

from vivit_edu.model import ViViT
from vivit_edu.pretrained.start.fit import fit, places

NEW, ZERO = "new", "zero"
COLUMNS = ("parameter", "rule", "made of", "arrays", "numbers")
SIDES = ("left", "left", "left", "right", "right")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Origin:
    """Where one parameter comes from.

    Attributes:
      place: its path in the model, "body/space/blocks/layers/0/mlp/first/kernel".
      shape: its shape.
      source: the path of the source's parameter that it is made of, None where it is made of none.
      rule: how, in words: "copied", "central frame (Eq. 9)", "zero", "new" (it stays as the model has it).
      make: from the source's array (None where there is none) and the model's own to the result.
    """

    place: str
    shape: tuple[int, ...]
    source: str | None
    rule: str
    make: Callable[[np.ndarray | None, np.ndarray], np.ndarray] = dataclasses.field(repr=False, compare=False)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Plan:
    """One origin for each parameter of a model, in the model's order; drawn as a table in a notebook.

    Attributes:
      model, source: names of the two models.
      origins: one for each parameter of the model.
      unused: paths of the source's parameters that go nowhere.
      notes: where the two models compute differently with the same parameters.
    """

    model: str
    source: str
    origins: tuple[Origin, ...]
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.origins)

    def __iter__(self) -> Iterator[Origin]:
        return iter(self.origins)

    def __getitem__(self, place: str) -> Origin:
        """The origin of the parameter at `place`.

        Raises:
          KeyError: where the model has no such parameter.
        """
        found = [origin for origin in self.origins if origin.place == place]
        if not found:
            raise KeyError(f"{self.model} has no parameter {place!r}")
        return found[0]

    def counts(self) -> dict[str, int]:
        """How many parameters follow each rule, the most frequent first; they add up to all of them."""
        return dict(collections.Counter(origin.rule for origin in self.origins).most_common())

    def apply(self, model: ViViT, source: ViViT) -> ViViT:
        """The model, changed in place, every parameter or none.

        Raises:
          KeyError, ValueError: where the plan was made for models of other shapes.
        """
        ours, theirs = places(model), places(source)
        arrays = {}
        for origin in self.origins:
            found = None if origin.source is None else np.asarray(theirs[origin.source][...])
            arrays[origin.place] = origin.make(found, np.asarray(ours[origin.place][...]))
        fit(model, arrays, source=self.source)
        return model

    def summary(self) -> str:
        """One sentence: how many parameters there are and where they come from."""
        made = sum(origin.source is not None for origin in self.origins)
        rest = {rule: sum(o.rule == rule for o in self.origins if o.source is None) for rule in (ZERO, NEW)}
        parts = [f"{made} from {self.source}", *(f"{count} {rule}" for rule, count in rest.items() if count)]
        left = ", ".join(dict.fromkeys(_piece(place) for place in self.unused))
        unused = f"; of {self.source}, not used: {left}" if self.unused else ""
        return f"{len(self)} parameters of {self.model}: {', '.join(parts)}{unused}."

    def __str__(self) -> str:
        lines = [self.summary()]
        for piece, source, rule, shapes in self._rows():
            lines.append(f"  {piece:42} {rule:42} {source or '–'}  ({len(shapes)})")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    __repr__ = __str__

    def _repr_html_(self):
        head = "".join(
            f"<th style='text-align:left'>{name}</th>" for name in ("parameter", "rule", "made of", "arrays")
        )
        body = "".join(_html_row(*row) for row in self._rows())
        notes = "".join(f"<div>{html.escape(note)}</div>" for note in self.notes)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        caption = f"<div>{html.escape(self.summary())}</div>"
        return f"<div style='max-width:100%;overflow-x:auto'>{caption}{table}{notes}</div>"

    def _rows(self):
        """(piece, source, rule, shapes) of the table: layers are taken together, and a module's arrays of one rule."""
        rules = collections.defaultdict(set)
        for origin in self.origins:
            rules[_piece(origin.place)].add(origin.rule)
        rows = collections.defaultdict(list)
        for origin in self.origins:
            source = None if origin.source is None else _piece(origin.source)
            depth = 1 if len(rules[_piece(origin.place)]) == 1 else 2
            rows[_piece(origin.place, depth), source, origin.rule].append(origin.shape)
        return [(*key, shapes) for key, shapes in rows.items()]


def _piece(place, depth=1):
    """The module of a parameter, all layers as one, down to `depth`: "body/space/blocks/…/attention"."""
    within = r"(\w+)/.*" if depth == 1 else r"(\w+/\w+)/.*"
    place = re.sub(r"blocks/layers/\d+/" + within, r"blocks/…/\1", place)
    return re.sub(r"(/norm|^heads)/.*", r"\1", place)


def _html_row(piece, source, rule, shapes):
    numbers = sum(int(np.prod(shape)) for shape in shapes)
    made_of = "–" if source is None else f"<code>{html.escape(source)}</code>"
    cells = f"<code>{html.escape(piece)}</code>", html.escape(rule), made_of, str(len(shapes)), f"{numbers:,}"
    faint = "opacity:0.8" if rule == NEW else ""
    return f"<tr style='{faint}'>{''.join(_cell('td', *cell) for cell in zip(cells, SIDES, strict=True))}</tr>"


def _cell(tag, content, side):
    return f"<{tag} style='text-align:{side};padding:0.1em 1.2em 0.1em 0;white-space:nowrap'>{content}</{tag}>"
