"""Parameters in the names of Scenic, the released code (google-research/scenic, projects/vivit)."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from vivit_edu.config import ViViTConfig
from vivit_edu.model import ViViT
from vivit_edu.pretrained.formats.flax_bytes import read_flax
from vivit_edu.pretrained.formats.sizes import sizes_of
from vivit_edu.pretrained.report import Report
from vivit_edu.pretrained.start.adapt import build
from vivit_edu.pretrained.start.fit import flatten
from vivit_edu.pretrained.start.heads import with_head
from vivit_edu.pretrained.stored import Derived, nest

ENCODERS = {
    "spacetime": {"encoder": ("Transformer", "cls")},
    "factorised_encoder": {
        "space": ("SpatialTransformer", "cls_SpatialTransformer"),
        "time": ("TemporalTransformer", "cls_TemporalTransformer"),
    },
    "factorised_self_attention": {"encoder": ("Transformer", "cls")},
    "factorised_dot_product": {"encoder": ("Transformer", "cls")},
    "average_pool": {"space": ("SpatialTransformer", "cls_SpatialTransformer")},
}
BLOCK = {
    "LayerNorm_0": "attention_norm",
    "MultiHeadDotProductAttention_0": "attention",
    "LayerNorm_1": "mlp_norm",
    "MlpBlock_0/Dense_0": "mlp/first",
    "MlpBlock_0/Dense_1": "mlp/second",
    # the same, numbered as Flax did before Linen
    "MultiHeadDotProductAttention_1": "attention",
    "LayerNorm_2": "mlp_norm",
    "MlpBlock_3/Dense_0": "mlp/first",
    "MlpBlock_3/Dense_1": "mlp/second",
    # Model 3
    "LayerNorm_space": "space_norm",
    "MultiHeadDotProductAttention_space": "space",
    "LayerNorm_time": "time_norm",
    "MultiHeadDotProductAttention_time": "time",
    "LayerNorm_mlp": "mlp_norm",
    "MlpBlock/Dense_0": "mlp/first",
    "MlpBlock/Dense_1": "mlp/second",
}
ENDS = {
    "embedding": "tokenise",
    "pre_logits": "heads/pre_logits",
    "output_projection": "heads/output",
    "head": "heads/output",
}
# Where a TrainState keeps the parameters, the innermost first, and what else it keeps.
ROOTS = ("optimizer/target/params/", "optimizer/target/", "opt/target/params/", "opt/target/", "params/", "")
REST = re.compile(r"(optimizer|opt|opt_state|model_state|global_step|step|rng|accum_train_time|metadata)(/|$)")


def from_scenic(params: Mapping, config: ViViTConfig) -> ViViT:
    """The model whose parameters are `params` in Scenic's names, giving Scenic's logits.

    Where this library follows the paper and the released code differs, the parameters are moved: Model 4's heads
    are exchanged when `config.order` is the paper's "space_time", since the released code's first half looks over
    time. A tanh layer before the head ("pre_logits") is added to the configuration where the parameters hold one.

    Args:
      params: arrays under '/'-joined or nested names, "Transformer/encoderblock_0/LayerNorm_0/scale".

    Raises:
      KeyError, ValueError: where names or shapes do not fit the configuration; all of them are listed.
    """
    theirs = flatten(params)
    if "pre_logits/bias" in theirs:
        config = dataclasses.replace(config, pre_logits=theirs["pre_logits/bias"].shape[0])
    ours = translate(theirs, lambda name: our_name(name, config), source="the Scenic checkpoint")
    ours = {place: reshape(place, array, config) for place, array in ours.items()}
    return build(ours, config, source="the Scenic checkpoint", overrides={})


def load_scenic(
    path: str | Path,
    *,
    trained_on: Mapping | None = None,
    report: Report | None = None,
    time: str = "interpolate",
    **overrides,
) -> ViViT:
    """The model of a Scenic checkpoint, a Flax TrainState in a file called `checkpoint`: a video's or an image's.

    Its configuration is read off the arrays' shapes. They leave open how the positions of Models 1, 3 and 4 divide
    into time and space, and how long the clips are of which frames are sampled; which of Models 1 and 4 it is where
    there is no class token; and the order of Model 3.

    Args:
      trained_on: what the shapes leave open, as fields of `ViViTConfig`: {"frames": 32, "size": 224}; one frame
        makes it an image model. Body and order may as well be among the overrides, which cannot change them.

    Raises:
      ValueError, KeyError: where the file is damaged, names or shapes do not fit, or what they leave open is not said.
    """
    report = Report() if report is None else report
    theirs = parameters_of(read_flax(path), source=path, report=report)
    said = {name: overrides[name] for name in ("body", "order") if name in overrides} | dict(trained_on or {})
    body = said.get("body") or body_of(theirs, image=1 in (said.get("frames"), overrides.get("frames")), source=path)
    if body not in ENCODERS:
        raise ValueError(f"body must be one of {', '.join(ENCODERS)}; got {body!r}")
    if body == "factorised_self_attention" and "order" not in said:
        raise ValueError(f"{path} does not say which attention comes first: say order='space_time' or 'time_space'")
    ours = translate(theirs, lambda name: our_name(name, body), source=path)
    ours, classes = with_head(ours, source=path, overrides=said | overrides, report=report)
    known = {"source": path, "trained_on": said, "overrides": overrides, "report": report}
    config = sizes_of(ours, body=body, classes=classes, **known)
    ours = {place: reshape(place, array, config) for place, array in ours.items()}
    return build(ours, config, source=path, overrides=overrides, trained_on=trained_on, report=report, time=time)


def parameters_of(arrays: Mapping, *, source: str | Path, report: Report) -> dict:
    """The parameters among a TrainState's arrays, by name; the optimiser's state and counters are left out by name."""
    tops = {"embedding", *(top for pairs in ENCODERS.values() for pair in pairs.values() for top in pair)}
    for root in ROOTS:
        theirs = nest(arrays, root)
        if tops & {name.split("/")[0] for name in theirs}:
            break
    else:
        raise KeyError(f"{source} holds no ViViT or ViT: its names are {sorted(arrays)[:10]}")
    for name in [name for name in arrays if not root or not name.startswith(root)]:
        if REST.match(name):
            report.leave_out(name, "the training's state, no parameter")
            theirs.pop(name, None)
        elif root:
            theirs[name] = arrays[name]  # unknown: `fit` will name it
    return theirs


def body_of(theirs: Mapping, *, image: bool, source: str | Path) -> str:
    """The body whose parameters have these names, where no other has the same.

    Raises:
      ValueError: where Models 1 and 4 have them.
    """
    tops = {name.split("/")[0] for name in theirs}
    if "TemporalTransformer" in tops:
        return "factorised_encoder"
    if "SpatialTransformer" in tops:
        return "average_pool"
    if any("/LayerNorm_space/" in name for name in theirs):
        return "factorised_self_attention"
    if not image and "cls" not in tops:
        raise ValueError(
            f"{source} has no class token, and so the parameters of Model 1 and of Model 4: say body='spacetime' or "
            "'factorised_dot_product', or trained_on={'frames': 1} of an image model"
        )
    return "spacetime"


def translate(theirs: Mapping, name_of: Callable[[str], str], *, source: str | Path) -> dict:
    """The arrays by this library's paths.

    Raises:
      KeyError: where two names mean one parameter.
    """
    ours, names = {}, {}
    for name, array in theirs.items():
        place = name_of(name)
        if place in ours:
            raise KeyError(f"{source} has two names for {place}: {names[place]!r} and {name!r}")
        ours[place], names[place] = array, name
    return ours


def our_name(name: str, body: str | ViViTConfig) -> str:
    """The path of a parameter in this library's model by its name in Scenic's; an unknown name stays as it is."""
    body = body if isinstance(body, str) else body.body
    top, _, rest = name.partition("/")
    if top in ENDS:
        return f"{ENDS[top]}/{rest}"
    for encoder, (transformer, token) in ENCODERS[body].items():
        if name == token:
            return f"body/{encoder}/class_token/token"
        if name == "pos_embedding":
            return f"body/{encoder}/positions"
        if top == transformer:
            return f"body/{encoder}/{_within_encoder(rest)}"
    return name


def _within_encoder(name):
    if name == "posembed_input/pos_embedding":
        return "positions"
    if block := re.fullmatch(r"encoderblock_(\d+)/(.+)", name):
        index, inner = block.groups()
        theirs = next((theirs for theirs in BLOCK if inner.startswith(theirs + "/")), None)
        return f"blocks/layers/{index}/{BLOCK[theirs] + inner[len(theirs) :] if theirs else inner}"
    return name.replace("encoder_norm", "norm")


def reshape(place: str, array, config: ViViTConfig):
    """Drops the batch axes that Scenic stores, folds Model 3 and 4's positions by time, exchanges Model 4's heads."""
    if place.endswith("class_token/token"):
        return Derived(lambda a: a.reshape(-1), array) if array.shape[:-1] == (1, 1) else array
    if place.endswith("positions") and array.shape[0] == 1:
        two_axes = not config.allows_class_token and array.shape[1] == config.tokens
        shape = (config.grid[0], -1, array.shape[-1]) if two_axes else array.shape[1:]
        return Derived(lambda a: a.reshape(shape), array)
    if config.body == "factorised_dot_product" and config.order == "space_time" and "/attention/" in place:
        return _exchange_halves(place, array)
    return array


def _exchange_halves(place, array):
    if place.endswith("out/bias") or len(array.shape) < 2:
        return array
    heads = 0 if "/out/" in place else len(array.shape) - 2  # kernels (D, A, Dh), biases (A, Dh), out (A, Dh, D)
    return Derived(lambda a: np.roll(a, array.shape[heads] // 2, axis=heads), array)
