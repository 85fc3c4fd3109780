"""The training loop."""

import dataclasses
import functools
import itertools
from collections.abc import Sequence

import numpy as np
from flax import nnx
from tqdm.auto import tqdm

from vivit_edu.compiled import on_numbers, put_back
from vivit_edu.data import Example, batches
from vivit_edu.model import ViViT
from vivit_edu.training.evaluate import evaluate
from vivit_edu.training.recipe import Recipe
from vivit_edu.training.step import advance


@dataclasses.dataclass
class TrainState:
    """What a run holds at its end: the trained model, the optimiser with its moments, and the steps done."""

    model: ViViT
    optimiser: nnx.Optimizer
    step: int


@on_numbers
def fit(
    model: ViViT,
    examples: Sequence[Example],
    recipe: Recipe | None = None,
    *,
    validation: Sequence[Example] | None = None,
    every: int | None = None,
) -> tuple[TrainState, dict[str, np.ndarray]]:
    """Trains the model, in place, and returns its state and the run's history.

    Args:
      examples: clips to train on, their labels named as the model's heads.
      recipe: how; None takes `Recipe()`.
      validation: clips to evaluate on, every `every` steps and at the end.
      every: steps between evaluations; None evaluates four times in all.

    Returns:
      The state (its `model` is the one given, in evaluation mode), and arrays: "step", "loss", "learning_rate" and
      one accuracy in [0, 1] for each head, of each step's own batch; "validation/step" and "validation/…" likewise.

    Raises:
      ValueError: where there are fewer examples than one batch, or labels do not fit the heads. Whatever ends the run
        early, the model is whole, as its last step left it, and in evaluation mode.
    """
    recipe = recipe or Recipe()
    every = every or max(1, recipe.steps // 4)
    optimiser = nnx.Optimizer(model, recipe.transformation(), wrt=nnx.Param)
    clips = itertools.islice(_endless(model, examples, recipe), recipe.steps)  # refuses before the model is touched
    check = functools.partial(evaluate, model, validation, batch=recipe.batch) if validation is not None else dict
    try:
        seen, validated = _run(model, optimiser, clips, recipe, check=check, every=every)
    finally:  # after a batch that cannot be read, or Ctrl-C, too
        model.eval()
    columns = _columns(seen) | {"learning_rate": np.asarray(recipe.schedule()(np.arange(recipe.steps)))}
    columns |= {f"validation/{name}": values for name, values in _columns(validated).items()}
    return TrainState(model=model, optimiser=optimiser, step=recipe.steps), columns


def _run(model, optimiser, clips, recipe, *, check, every):
    """The numbers of every step, and those of every check."""
    model.train()
    graph, state = nnx.split((model, optimiser))  # the model's structure is looked through once
    put_back((model, optimiser), state)  # refuses here what it would refuse after the first step
    seen, validated = [], []
    with tqdm(total=recipe.steps, unit="step", desc=model.config.name) as bar:
        try:
            for step, batch in enumerate(clips, start=1):
                metrics, state = advance(graph, state, batch, smoothing=recipe.label_smoothing)
                seen.append({"step": step, **metrics})
                bar.update()
                if step % 20 == 0:
                    bar.set_postfix({name: f"{float(value):.2f}" for name, value in metrics.items()}, refresh=False)
                if step % every == 0 or step == recipe.steps:
                    put_back((model, optimiser), state)
                    validated += [{"step": step, **found} for found in [check()] if found]
        finally:
            put_back((model, optimiser), state)
    return seen, validated


def _endless(model, examples, recipe):
    if len(examples) < recipe.batch:
        raise ValueError(f"a batch of {recipe.batch} clips needs at least as many examples; got {len(examples)}")
    shape = {"frames": model.config.frames, "size": model.config.size}
    return iter(batches(examples, **shape, batch=recipe.batch, seed=recipe.seed, train=True, epochs=None))


def _columns(rows):
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]} if rows else {}
