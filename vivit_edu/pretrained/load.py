"""A model from wherever it lies: the embedded ones by name, or a folder."""

from pathlib import Path

from vivit_edu.model import ViViT
from vivit_edu.pretrained.folder import load_folder

WEIGHTS = Path(__file__).parent / "weights"


def load(source: str | Path, **overrides) -> ViViT:
    """The pretrained model of that name or place, with fields of its configuration overridden.

    Args:
      source: the name of an embedded model, "ViViT-nano/8x2 FE" or "ViT-nano/8", or a folder written by `save`.
      overrides: any field of `ViViTConfig`.

    Raises:
      FileNotFoundError: where there is nothing of that name.
    """
    for folder in (WEIGHTS / folder_of(str(source)), Path(source)):
        if folder.is_dir():
            return load_folder(folder, **overrides)
    raise FileNotFoundError(f"{str(source)!r} is neither {_listed()} nor a folder: see vivit_edu.pretrained.save")


def embedded() -> tuple[str, ...]:
    """The names of the models that come with the library, trained and ready."""
    from vivit_edu.pretrained.folder import CONFIG, read_json

    return tuple(read_json(path)["name"] for path in sorted(WEIGHTS.glob(f"*/{CONFIG}")))


def folder_of(name: str) -> str:
    """The folder of an embedded model, "ViViT-nano_8x2_FE" for "ViViT-nano/8x2 FE"."""
    return name.replace("/", "_").replace(" ", "_")


def _listed():
    names = embedded()
    return f"an embedded model ({', '.join(names)})" if names else "an embedded model (none is installed)"
