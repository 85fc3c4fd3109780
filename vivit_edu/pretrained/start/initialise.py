"""A video model that starts from an image model, or from another video model (Arnab et al. 2021, Sec. 3.4)."""

from vivit_edu.model import ViViT
from vivit_edu.pretrained.start.fit import places
from vivit_edu.pretrained.start.plan import Plan
from vivit_edu.pretrained.start.rules import Rules, is_image_model

COMPUTATION = ("gelu", "epsilon")  # fields that change what the same parameters compute

TOP = ("tokenise", "body", "heads")  # a model's parts, in the order in which a clip meets them


def initialise_from_vit(
    model: ViViT,
    vit: ViViT,
    *,
    tubelet: str = "central_frame",
    temporal: str = "zero_output",
    class_token: str = "released",
    heads: str = "new",
) -> ViViT:
    """The model, changed in place: what an image model has is taken from it (Arnab et al. 2021, Sec. 3.4).

    Positions are repeated in time, and before that resized in space where the grids differ. Blocks and the final
    LayerNorm are copied; Model 2's temporal encoder, which no image model has, stays as it is. `plan` says all
    this parameter by parameter.

    Args:
      tubelet: how tubelet filters are made: "central_frame" (Eq. 9), "inflate" (Eq. 8), "rank_pool" (the released
        code's third), or "random": they stay as they are.
      temporal: Model 3's temporal attention. "zero_output": its output projection is zero and the rest random, so
        that Eq. 5 is the identity at first, and learns. "zero": all of it is zero, as the paper says; then its
        kernels have no gradient, ever. "copy": the image model's attention, the released code's default.
        "random": it stays as it is.
      class_token: "released": copied into Model 1, left as it is in Model 2 and the baseline, as in the released
        code; "copy" and "new" do the one or the other in all.
      heads: "new", they stay as they are; "copy", where the classes are the same.

    Raises:
      ValueError: where sizes differ that cannot be fitted, or an option is none of the above.

    Taught in: Ch. 9.
    """
    options = {"tubelet": tubelet, "temporal": temporal, "class_token": class_token, "heads": heads}
    if not is_image_model(vit.config):
        raise ValueError(f"{vit.config.name} is no image model: initialise_from_vivit starts from a video model")
    return plan(model, vit, **options).apply(model, vit)


def initialise_from_vivit(
    model: ViViT,
    source: ViViT,
    *,
    tubelet: str = "central_frame",
    positions: str = "resize",
    heads: str = "new",
) -> ViViT:
    """The model, changed in place to start from another video model: other classes, size, length or tubelet.

    So the paper goes from Kinetics to Epic-Kitchens and Something-Something v2 (Sec. 4.1). A temporal encoder of
    fewer layers takes the source's first ones; of more, its last layers stay as they are. `plan` says all this
    parameter by parameter.

    Args:
      tubelet: how filters are made where tubelets differ in length: "central_frame", "inflate" or "random".
      positions: of another number of time indices: "resize", interpolated, or "tile", repeated, as the released
        code does for Model 1.
      heads: "new", they stay as they are; "copy", where the classes are the same.

    Raises:
      ValueError: where bodies or sizes differ that cannot be fitted, or an option is none of the above.

    Taught in: Ch. 9.
    """
    options = {"tubelet": tubelet, "positions": positions, "class_token": "copy", "heads": heads}
    if is_image_model(source.config):
        raise ValueError(f"{source.config.name} is an image model: initialise_from_vit starts from it")
    return plan(model, source, **options).apply(model, source)


def plan(model: ViViT, source: ViViT, **options) -> Plan:
    """Where each parameter of the model would come from, and by which rule; nothing is changed.

    Args:
      options: those of `initialise_from_vit`, or of `initialise_from_vivit` where the source is a video model.

    Raises:
      ValueError: where sizes differ that cannot be fitted, or an option's value is unknown.

    Taught in: Ch. 9.
    """
    rules = Rules(ours=model.config, theirs=source.config, names=frozenset(places(source)), **options)
    ours = sorted(places(model).items(), key=lambda item: TOP.index(item[0].split("/")[0]))
    origins = tuple(rules.origin(place, tuple(param.shape)) for place, param in ours)
    unused = sorted(rules.names - {origin.source for origin in origins})
    notes = [
        f"{field} is {getattr(source.config, field)} in {source.config.name}, {getattr(model.config, field)} here: "
        "the same parameters compute something else"
        for field in COMPUTATION
        if getattr(source.config, field) != getattr(model.config, field)
    ]
    names = {"model": model.config.name, "source": source.config.name}
    return Plan(**names, origins=origins, unused=tuple(unused), notes=tuple(notes))
