"""A model from wherever it lies: the embedded ones by name, a file or folder of any kind, a published one."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from vivit_edu.model import ViViT
from vivit_edu.pretrained.formats.google import from_vit_npz
from vivit_edu.pretrained.formats.hugging_face import from_hugging_face
from vivit_edu.pretrained.formats.own import load_folder
from vivit_edu.pretrained.formats.scenic import load_scenic
from vivit_edu.pretrained.hub import fetch, looks_remote
from vivit_edu.pretrained.published import PUBLISHED
from vivit_edu.pretrained.report import Report
from vivit_edu.pretrained.stored import read_json

WEIGHTS = Path(__file__).parent / "weights"


def load(
    source: str | Path,
    *,
    trained_on: Mapping | None = None,
    report: Report | None = None,
    time: str = "interpolate",
    **overrides,
) -> ViViT:
    """The pretrained model of that name or place, `ve.ViT` or `ve.ViViT`, with fields of its configuration overridden.

    What the checkpoint was trained on is what its file says, its entry in `PUBLISHED`, or `trained_on`; the overrides
    are what the model is to be. Other frames, size or tubelet than the checkpoint's move its positions and kernel;
    `report` says how. Where nothing says how a file's positions divide into time and space, overrides of frames and
    size that fit them exactly are believed to be the checkpoint's own, and the report says so; any others are asked
    to be told apart.

    Args:
      source: the name of an embedded model, "ViViT-nano/8x2 FE" or "ViT-nano/8"; a folder written by `save`, or of
        Hugging Face's layout (ViT, DINOv2, ViViT); a Google ViT `.npz`; a Scenic `checkpoint`; a name in
        `PUBLISHED`, a hub id "google/vivit-b-16x2-kinetics400" or an https address, which are downloaded once.
      trained_on: fields of the checkpoint's own `ViViTConfig` that a file without a configuration (Scenic, .npz)
        leaves open, {"frames": 32, "size": 224}; {"frames": 1} of an image model.
      report: is told what was changed and left out on the way.
      time: "interpolate" or "tile": how positions follow to another number of time indices.
      overrides: any field of `ViViTConfig`.

    Raises:
      FileNotFoundError: where there is nothing of that name.
      ValueError, KeyError: where a file is damaged, of no known kind, or does not fit, or leaves open what it was
        trained on.
      ConnectionError: where it would have to be downloaded and cannot be.

    Taught in: Ch. 9.
    """
    known = PUBLISHED.get(str(source))
    path = WEIGHTS / folder_of(str(source))
    if not path.is_dir():
        path = Path(source) if known is None else fetch(known.source, sha256=known.sha256)
    if not path.exists() and looks_remote(str(source)):
        path = fetch(str(source))
    if not path.exists():
        raise FileNotFoundError(
            f"{str(source)!r} is neither {_listed()}, nor a file or folder here, nor a name in "
            "vivit_edu.pretrained.PUBLISHED"
        )
    said = {**(known.config if known is not None else {}), **(trained_on or {})}
    return loader_of(path, time=time)(path, trained_on=said, report=report, **overrides)


def loader_of(path: Path, *, time: str = "interpolate") -> Callable[..., ViViT]:
    """The loader that reads what lies at the path, known by its first bytes or its configuration.

    Raises:
      ValueError: where it is nothing that this library reads.
    """
    if path.is_dir():
        if not (path / "config.json").exists() and (path / "checkpoint").is_file():
            return lambda folder, **options: load_scenic(folder / "checkpoint", time=time, **options)
        own = read_json(path / "config.json").get("library") == "vivit_edu"
        return partial(load_folder if own else from_hugging_face, time=time)
    with open(path, "rb") as file:
        first = file.read(4)
    if first[:2] == b"PK":
        return from_vit_npz
    if path.suffix == ".safetensors":
        inner = loader_of(path.parent, time=time)
        return lambda file, **options: inner(file.parent, **options)
    if first and (0x80 <= first[0] < 0x90 or first[0] in (0xDE, 0xDF)):
        return partial(load_scenic, time=time)
    raise ValueError(
        f"{path} is no checkpoint that this library reads: a folder of vivit_edu or Hugging Face (safetensors), a "
        "Google ViT .npz or a Scenic checkpoint (msgpack); pickled files (.pt, .pth, .bin) are never opened"
    )


def embedded() -> tuple[str, ...]:
    """The names of the models that come with the library, trained and ready."""
    return tuple(read_json(path)["name"] for path in sorted(WEIGHTS.glob("*/config.json")))


def folder_of(name: str) -> str:
    """The folder of an embedded model, "ViViT-nano_8x2_FE" for "ViViT-nano/8x2 FE"."""
    return name.replace("/", "_").replace(" ", "_")


def _listed():
    names = embedded()
    return f"an embedded model ({', '.join(names)})" if names else "an embedded model (none is installed)"
