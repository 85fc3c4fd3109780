"""Scores of a trained model on examples (Arnab et al. 2021, Sec. 4.1)."""

from collections.abc import Mapping, Sequence

import numpy as np

from vivit_edu.compiled import on_numbers
from vivit_edu.data import Example, batches
from vivit_edu.model import ViViT
from vivit_edu.training.step import by_head, loss, predict_step


@on_numbers
def predict(
    model: ViViT, examples: Sequence[Example], *, batch: int = 48
) -> tuple[np.ndarray | dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Logits of every example's centred clip, and the labels, both in the examples' order.

    Returns:
      Logits (n, classes), or a mapping of them where the model has several heads; labels {name: (n,)}.

    Raises:
      ValueError: where there are no examples.
    """
    if not examples:
        raise ValueError("there is nothing to predict: got no examples")
    model.eval()
    shape = {"frames": model.config.frames, "size": model.config.size}
    logits, labels = [], []
    for one in batches(examples, **shape, batch=batch):
        logits.append(predict_step(model, one["video"]))
        labels.append(one["labels"])
    return _join(logits), _join(labels)


@on_numbers
def evaluate(model: ViViT, examples: Sequence[Example], *, batch: int = 48) -> dict[str, float]:
    """Top-1 accuracy of each head in [0, 1], of "action" where there are several heads, and the loss.

    An action is right where every head is (EPIC-Kitchens' protocol: the top verb and noun form the action).
    One centred clip of each example is seen. An answer that is NaN, as of a run that diverged, is never right.
    """
    logits, labels = predict(model, examples, batch=batch)
    pairs = by_head(logits, labels)
    right = {name: (scores.argmax(-1) == label) & ~np.isnan(scores).any(-1) for name, (scores, label) in pairs.items()}
    scores = {name: float(hits.mean()) for name, hits in right.items()}
    if len(right) > 1:
        scores["action"] = float(np.logical_and.reduce(list(right.values())).mean())
    return scores | {"loss": float(loss(logits, labels))}


def _join(parts):
    if isinstance(parts[0], Mapping):
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return np.concatenate(parts)
