"""Published checkpoints that this library reads: where they lie, what they are, how they score. Unknown is None."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

SCENIC = "https://storage.googleapis.com/scenic-bucket/vivit"
VIT = "https://storage.googleapis.com/vit_models"
APACHE = "Apache-2.0"
KINETICS_CLASSES = (
    "not stated by the release; google-research/scenic#227 reports chance accuracy, which another order would give: "
    "try a few known clips before a score is believed"
)
EPIC_CLASSES = "300 nouns, then 97 verbs, as the released configuration splits its one head"
IMAGENET21K = "21,843 classes of ImageNet-21k; their order is not stated in the file"
IMAGENET = "1,000 classes of ImageNet (ILSVRC 2012), by WordNet id"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Published:
    """One published checkpoint.

    Attributes:
      source: its https address or hub id, as `load` takes it.
      model: the name that `vivit_edu.named` reads; the temporal depth may differ from its default, see `config`.
      config: what it was trained on and the arrays' shapes do not tell, as fields of `ViViTConfig`.
      trained_on: data set.
      bytes: size of the file, where it is known.
      sha256: of the file, where it is known.
      licence: of the repository that publishes it, where it is known.
      paper: top-1 accuracy in per cent that the paper prints for this model.
      released: top-1 accuracy in per cent that the release states for this file, with its views.
      classes: where the names of the classes and their order come from.
    """

    source: str
    model: str
    trained_on: str
    config: Mapping = dataclasses.field(default_factory=dict)
    bytes: int | None = None
    sha256: str | None = None
    licence: str | None = None
    paper: float | None = None
    released: tuple[float, str] | None = None
    classes: str | None = None


def _vivit(place, model, trained_on, *, config=MappingProxyType({}), **facts):
    known = MappingProxyType({"frames": 32, "size": (224, 224), **config})
    return Published(source=f"{SCENIC}/{place}/checkpoint", model=model, trained_on=trained_on, config=known, **facts)


def _vit(place, model, trained_on, **facts):
    return Published(source=f"{VIT}/{place}.npz", model=model, trained_on=trained_on, licence=APACHE, **facts)


EPIC = MappingProxyType({"classes": MappingProxyType({"noun": 300, "verb": 97})})
PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "scenic/ViViT-B/16x2 kinetics400": _vivit(
            "kinetics_400/vivit_base_16x2_unfactorized",
            "ViViT-B/16x2",
            "Kinetics-400",
            paper=80.0,
            released=(79.9, "4x3"),
            classes=KINETICS_CLASSES,
        ),
        "scenic/ViViT-B/16x2 FE kinetics400": _vivit(
            "kinetics_400/vivit_base_16x2_fe",
            "ViViT-B/16x2 FE",
            "Kinetics-400",
            paper=78.8,
            released=(78.4, "4x3"),
            classes=KINETICS_CLASSES,
        ),
        "scenic/ViViT-L/16x2 FE kinetics400": _vivit(
            "kinetics_400/vivit_large_16x2_fe",
            "ViViT-L/16x2 FE",
            "Kinetics-400",
            paper=81.7,  # of 128 frames; the file takes 32
            released=(80.3, "4x3"),
            classes=KINETICS_CLASSES,
        ),
        "scenic/ViViT-L/16x2 FE kinetics600": _vivit(
            "kinetics_600/vivit_large_16x2_fe",
            "ViViT-L/16x2 FE",
            "Kinetics-600",
            paper=82.9,
            released=(81.6, "4x3"),
            classes=KINETICS_CLASSES,
        ),
        "scenic/ViViT-L/16x2 FE epic_kitchens": _vivit(
            "epic_kitchens/vivit_large_16x2_fe",
            "ViViT-L/16x2 FE",
            "EPIC-Kitchens-100",
            config=EPIC,
            paper=44.0,
            released=(43.6, "4x1"),
            classes=EPIC_CLASSES,
        ),
        "google/vivit-b-16x2-kinetics400": Published(
            source="google/vivit-b-16x2-kinetics400",
            model="ViViT-B/16x2",
            trained_on="Kinetics-400",
            paper=80.0,
            classes="as the Scenic file it was converted from; its own id2label says LABEL_0, LABEL_1, ...",
        ),
        "ViT-B/16 imagenet21k": _vit("imagenet21k/ViT-B_16", "ViT-B/16", "ImageNet-21k", classes=IMAGENET21K),
        "ViT-L/16 imagenet21k": _vit("imagenet21k/ViT-L_16", "ViT-L/16", "ImageNet-21k", classes=IMAGENET21K),
        "ViT-H/14 imagenet21k": _vit("imagenet21k/ViT-H_14", "ViT-H/14", "ImageNet-21k", classes=IMAGENET21K),
        "ViT-B/16 imagenet": _vit(
            "imagenet21k%2Bimagenet2012/ViT-B_16-224", "ViT-B/16", "ImageNet-21k, then ImageNet", classes=IMAGENET
        ),
        "ViT-L/16 imagenet": _vit(
            "imagenet21k%2Bimagenet2012/ViT-L_16-224", "ViT-L/16", "ImageNet-21k, then ImageNet", classes=IMAGENET
        ),
        "ViT-B/16 augreg imagenet21k": _vit(
            "augreg/B_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.0-sd_0.0",
            "ViT-B/16",
            "ImageNet-21k",
            sha256="a157033e309d33e79cbff2408dd77b4458014fcedc46f0ad853e2d08ecb493f6",
            classes=IMAGENET21K,
        ),
        "ViT-S/16 augreg imagenet21k": _vit(
            "augreg/S_16-i21k-300ep-lr_0.001-aug_light1-wd_0.03-do_0.0-sd_0.0",
            "ViT-S/16",
            "ImageNet-21k",
            classes=IMAGENET21K,
        ),
        "ViT-L/16 augreg imagenet21k": _vit(
            "augreg/L_16-i21k-300ep-lr_0.001-aug_strong1-wd_0.1-do_0.0-sd_0.0",
            "ViT-L/16",
            "ImageNet-21k",
            classes=IMAGENET21K,
        ),
        "ViT-B/16 augreg imagenet": _vit(
            "augreg/B_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.0-sd_0.0--imagenet2012-steps_20k-lr_0.01-res_224",
            "ViT-B/16",
            "ImageNet-21k, then ImageNet",
            classes=IMAGENET,
        ),
    }
)
