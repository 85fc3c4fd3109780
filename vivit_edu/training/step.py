"""One step of training, compiled: loss, gradients, update."""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Float

from vivit_edu.arrays import Array, Real
from vivit_edu.compiled import compiled, on_numbers, put_back
from vivit_edu.data import normalise
from vivit_edu.model import ViViT


def by_head(logits: Array | Mapping[str, Array], labels: Mapping[str, Array]) -> dict[str, tuple[Array, Array]]:
    """Each head's logits (B, classes) beside its labels (B,); a model with one unnamed head takes the only label.

    Raises:
      ValueError: where a head has no label.
    """
    if not isinstance(logits, Mapping):
        if len(labels) != 1:
            raise ValueError(f"a model with one head needs one label a clip; got {', '.join(labels)}")
        return {name: (logits, label) for name, label in labels.items()}
    if missing := sorted(logits.keys() - labels.keys()):
        raise ValueError(f"the examples carry no label for {', '.join(missing)}; they have {', '.join(labels)}")
    return {name: (logits[name], labels[name]) for name in logits}


def loss(logits: Array | Mapping[str, Array], labels: Mapping[str, Array], smoothing: Real = 0.0) -> Float[Array, ""]:
    """Cross-entropy with label smoothing (Eq. 11), the mean over clips and heads.

    The paper gives verb and noun the same weight (Sec. 4.3); the released code takes their mean.
    """
    losses = []
    for scores, label in by_head(logits, labels).values():
        targets = optax.smooth_labels(jnp.eye(scores.shape[-1])[label], smoothing)  # (B, classes)
        losses.append(optax.softmax_cross_entropy(scores, targets).mean())
    return jnp.stack(losses).mean()


@on_numbers
def train_step(model: ViViT, optimiser: nnx.Optimizer, batch: Mapping, *, smoothing: Real) -> dict[str, Array]:
    """The loss and each head's accuracy on this batch, before its update of the parameters.

    Args:
      batch: {"video": uint8 (B, T, H, W, C), "labels": {head: int (B,)}}.
    """
    metrics, state = advance(*nnx.split((model, optimiser)), batch, smoothing=smoothing)
    put_back((model, optimiser), state)
    return metrics


@functools.partial(jax.jit, static_argnums=0, static_argnames="smoothing")
def advance(graph, state, batch: Mapping, *, smoothing: Real):
    """What `train_step` compiles: its metrics, and the state of (model, optimiser) after it, split as they were before.

    An error in it loses nothing: model and optimiser are not touched before there is a whole new state for them.
    """
    model, optimiser = nnx.merge(graph, state)

    def objective(model):
        logits = model(normalise(batch["video"]))
        return loss(logits, batch["labels"], smoothing), logits

    (value, logits), gradients = nnx.value_and_grad(objective, has_aux=True)(model)
    optimiser.update(model, gradients)
    pairs = by_head(logits, batch["labels"])
    accuracies = {name: (scores.argmax(-1) == label).mean() for name, (scores, label) in pairs.items()}
    return {"loss": value, **accuracies}, nnx.state((model, optimiser))


@compiled()
def predict_step(model: ViViT, video: Array) -> Array | dict[str, Array]:
    """The logits of clips given as uint8 pixels."""
    return model(normalise(video))
