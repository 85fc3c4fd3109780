"""Scores of explanations with their uncertainty, as a table that also says in words what it shows."""

import dataclasses
import html
from functools import cached_property

import numpy as np
from jaxtyping import Float

RESAMPLES = 1000
AIMS = {"deletion": "low", "redrawn": "near 0", "redrawn pointing": "chance", "redrawn half": "chance"}  # else high
COMPARED = ("pointing", "overlap", "time", "half", "deletion", "insertion")


@dataclasses.dataclass(frozen=True)
class Row:
    """One method in one measure.

    Attributes:
      method: "occlusion", or "chance".
      measure: "pointing".
      per_clip: the measure of each clip, in the examples' order; nan where it has no meaning.
    """

    method: str
    measure: str
    per_clip: Float[np.ndarray, "n"]

    @cached_property
    def value(self) -> float:
        """The mean over the clips in which it has a meaning; nan where there are none."""
        return float(np.nanmean(self.per_clip)) if not np.isnan(self.per_clip).all() else float("nan")

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Of the mean, 95 %: percentiles of 1,000 seeded bootstrap resamples of the clips."""
        return interval(self.per_clip)


def interval(per_clip: Float[np.ndarray, "n"], *, seed: int = 0) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile of the mean over clips drawn anew with replacement, 1,000 times.

    nan is left out; where nothing else is there, both are nan.
    """
    kept = per_clip[~np.isnan(per_clip)]
    if not len(kept):
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(len(kept), size=(RESAMPLES, len(kept)))
    low, high = np.percentile(kept[drawn].mean(1), [2.5, 97.5])
    return float(low), float(high)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of scores; shown as a table of methods by measures with a verdict below it.

    Attributes:
      rows: one for each method and measure.
      name: of the model.
    """

    rows: tuple[Row, ...]
    name: str

    def __getitem__(self, key: tuple[str, str]) -> Row:
        """The row of (method, measure).

        Raises:
          KeyError: where there is none.
        """
        for row in self.rows:
            if (row.method, row.measure) == key:
                return row
        raise KeyError(f"no row {key}; methods are {', '.join(self.methods)}, measures {', '.join(self.measures)}")

    @property
    def methods(self) -> tuple[str, ...]:
        """Names in their order, chance last."""
        names = dict.fromkeys(row.method for row in self.rows)
        return tuple(sorted(names, key=lambda name: name == "chance"))

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the measures in their order."""
        return tuple(dict.fromkeys(row.measure for row in self.rows if row.method != "chance"))

    def of(self, *measures: str) -> "Table":
        """The table of some measures alone, in the order given.

        Raises:
          KeyError: where it has no such measure.
        """
        rows = (self[method, name] for name in measures for method in self.methods)
        return dataclasses.replace(self, rows=tuple(rows))

    def verdict(self, *, method: str = "attention", rival: str = "occlusion") -> str:
        """In words: in which measures the rival is better than the method on the same clips, and where not.

        A difference counts where the 95 % interval of its mean over clips leaves out 0.
        """
        if not {method, rival} <= set(self.methods):
            return ""
        parts = {"loses to": [], "wins over": [], "cannot be told from": []}
        for measure in (name for name in COMPARED if name in self.measures and self._has(method, name)):
            sign = -1 if AIMS.get(measure) == "low" else 1
            gain = sign * (self[rival, measure].per_clip - self[method, measure].per_clip)
            low, high = interval(gain)
            how = "loses to" if low > 0 else "wins over" if high < 0 else "cannot be told from"
            parts[how].append(f"{measure} ({self[method, measure].value:.2f} against {self[rival, measure].value:.2f})")
        said = [f"{how} {rival} in {', '.join(names)}" for how, names in parts.items() if names]
        return f"{method.capitalize()} {'; it '.join(said)}."

    def _has(self, method, measure):
        """Whether the measure has a meaning in any clip."""
        return not np.isnan(self[method, measure].value)

    def markdown(self) -> str:
        """The table and the verdict as text."""
        lines = [f"| {' | '.join(('method', *self.measures))} |", "|---" * (1 + len(self.measures)) + "|"]
        lines += [f"| {' | '.join((name, *self._cells(name)))} |" for name in self.methods]
        return "\n".join([*lines, "", self.verdict()])

    def _cells(self, method):
        found = {row.measure: row for row in self.rows if row.method == method}
        for measure in self.measures:
            row = found.get(measure)
            row = None if row is None or np.isnan(row.value) else row
            yield f"{row.value:.2f} [{row.interval[0]:.2f}, {row.interval[1]:.2f}]" if row else "–"

    def _repr_html_(self):
        head = "".join(f"<th scope='col'>{html.escape(name)}</th>" for name in ("method", *self.measures))
        body = "".join(
            f"<tr><th scope='row'>{html.escape(name)}</th>"
            + "".join(
                f"<td style='white-space:nowrap;padding:0 0.4em'>{cell.replace(' [', '<br>[', 1)}</td>"
                for cell in self._cells(name)
            )
            + "</tr>"
            for name in self.methods
        )
        clips = max(len(row.per_clip) for row in self.rows)
        aims = "".join(f", {aim} in {measure}" for measure, aim in AIMS.items() if measure in self.measures)
        caption = f"{self.name}, {clips} clips: mean [95 % interval]; high is good{aims}"
        return (
            f"<figure style='margin:0'><figcaption>{html.escape(caption)}</figcaption>"
            f"<div style='overflow-x:auto'><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table></div></figure><p>{html.escape(self.verdict())}</p>"
        )
