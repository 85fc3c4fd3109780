"""A model from wherever it lies: the embedded ones by name, a file or folder of any kind, a published one."""

import difflib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from vivit_edu.config import NAME
from vivit_edu.model import ViViT
from vivit_edu.pretrained.formats.folders import record_of, require_no_lost_link
from vivit_edu.pretrained.formats.google import from_vit_npz
from vivit_edu.pretrained.formats.hugging_face import from_hugging_face
from vivit_edu.pretrained.formats.own import load_folder
from vivit_edu.pretrained.formats.scenic import load_scenic
from vivit_edu.pretrained.hub import fetch, looks_remote
from vivit_edu.pretrained.published import PUBLISHED
from vivit_edu.pretrained.report import Report
from vivit_edu.pretrained.stored import read_json
from vivit_edu.pretrained.whole import in_words

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
      overrides: fields of `ViViTConfig`: clip and classes, rates and dtype; gelu, epsilon and sampling too, which
        the report tells. Body, widths and all else that the parameters were made for can only be repeated.

    Raises:
      FileNotFoundError: where there is nothing of that name.
      ValueError, KeyError: where a file is damaged, of no known kind, or does not fit, or leaves open what it was
        trained on.
      ConnectionError: where it would have to be downloaded and cannot be.

    Taught in: Ch. 9.
    """
    with in_words(source, "read"):
        path, known = find(source)
        said = {**known, **(trained_on or {})}
        return loader_of(path, time=time)(path, trained_on=said, report=report, **overrides)


def find(source: str | Path) -> tuple[Path, Mapping]:
    """Where the source lies, downloaded if it must be, and what is known of it as fields of `ViViTConfig`.

    Raises:
      FileNotFoundError: where there is nothing of that name.
      ValueError: where an embedded model and a folder here have that name.
      ConnectionError: where it would have to be downloaded and cannot be.
    """
    name, path = str(source), Path(source).expanduser()
    require_no_lost_link(path)
    if is_embedded(name):
        if path.exists() and isinstance(source, str):
            raise ValueError(f"{name!r} is an embedded model and also lies here: Path({name!r}) names what lies here")
        return (path if path.exists() else WEIGHTS / folder_of(name)), {}
    if path.exists():
        return path, {}
    if (known := PUBLISHED.get(name)) is not None:
        return fetch(known.source, sha256=known.sha256), known.config
    if looks_remote(name) and NAME.fullmatch(name) is None:
        return fetch(name), {}
    near = difflib.get_close_matches(name, [*PUBLISHED, *embedded()], n=3)
    raise FileNotFoundError(
        f"{name!r} is neither {_listed()}, nor a file or folder here, nor a name in vivit_edu.pretrained.PUBLISHED"
        + (f" (near it: {', '.join(map(repr, near))})" if near else "")
    )


def loader_of(path: Path, *, time: str = "interpolate") -> Callable[..., ViViT]:
    """The loader that reads what lies at the path, known by its first bytes or its configuration.

    Raises:
      ValueError: where it is nothing that this library reads.
    """
    if path.is_dir() and not (path / "config.json").exists() and is_flax(path / "checkpoint"):
        return lambda folder, **options: load_scenic(folder / "checkpoint", time=time, **options)
    if path.is_dir() or path.suffix.lower() == ".safetensors":
        own = record_of(path if path.is_dir() else path.parent).get("library") == "vivit_edu"
        return partial(load_folder if own else from_hugging_face, time=time)
    with open(path, "rb") as file:
        first = file.read(4)
    if first[:2] == b"PK":
        return from_vit_npz
    if path.suffix.lower() == ".json":
        raise ValueError(f"{path} is a part of a folder's model: name the folder, {path.parent}")
    if is_flax(path):
        return partial(load_scenic, time=time)
    raise ValueError(
        f"{path} is no checkpoint that this library reads: a folder of vivit_edu or Hugging Face (safetensors), a "
        "Google ViT .npz or a Scenic checkpoint (msgpack); pickled files (.pt, .pth, .bin) are never opened"
    )


def is_flax(path: Path) -> bool:
    """Whether a file begins as a Flax checkpoint does, with a mapping; TensorFlow's `checkpoint` begins with words."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        first = file.read(1)
    return first != b"" and (0x80 <= first[0] < 0x90 or first[0] in (0xDE, 0xDF))


def is_embedded(name: str) -> bool:
    """Whether an embedded model has that name."""
    path = WEIGHTS / folder_of(name) / "config.json"
    return path.is_file() and read_json(path)["name"] == name


def embedded() -> tuple[str, ...]:
    """The names of the models that come with the library, trained and ready."""
    return tuple(read_json(path)["name"] for path in sorted(WEIGHTS.glob("*/config.json")))


def folder_of(name: str) -> str:
    """The folder of an embedded model, "ViViT-nano_8x2_FE" for "ViViT-nano/8x2 FE"."""
    return name.replace("/", "_").replace(" ", "_")


def _listed():
    names = embedded()
    return f"an embedded model ({', '.join(names)})" if names else "an embedded model (none is installed)"
