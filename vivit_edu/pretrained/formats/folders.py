"""Folders: which file in one is read, and what one is that holds no model."""

import contextlib
import os
import re
from pathlib import Path

from vivit_edu.pretrained.report import Report
from vivit_edu.pretrained.stored import read_json, read_safetensors
from vivit_edu.pretrained.whole import CONFIG, WEIGHTS

INDEX = "model.safetensors.index.json"
SHARD = re.compile(r".*-(\d+)-of-(\d+)\.safetensors", re.IGNORECASE)
POINTER = b"version https://git-lfs"
READ = "read are folders of vivit_edu or Hugging Face (config.json and safetensors), Google's .npz, Scenic's checkpoint"
# What a folder is that no model can be read from, by a file in it; the first that is there is told.
MARKS = {
    "adapter_config.json": "a PEFT adapter, changes to another model: merge it into its base model and save that",
    "model_index.json": "a diffusers pipeline of several models",
    "modules.json": "a sentence-transformers model",
    "saved_model.pb": "a TensorFlow SavedModel",
    "*.data-00000-of-*": "a TensorFlow checkpoint",
    "tf_model.h5": "a TensorFlow model of transformers",
    "_CHECKPOINT_METADATA": "an Orbax checkpoint",
    "_METADATA": "an Orbax checkpoint",
    "manifest.ocdbt": "an Orbax checkpoint",
    "commit_success.txt": "an Orbax checkpoint",
    "*/manifest.ocdbt": "a folder of Orbax checkpoints",
    "flax_model.msgpack": "a Flax model of transformers, whose class names are not read: save it as safetensors",
    "snapshots/*": "the hub's cache of a model: name the folder below snapshots",
    "checkpoint_*": "a folder of Flax checkpoints: name one of its files",
    "*.npz": "a folder of numpy archives: name one of them",
    "*.safetensors": "without the config.json that says what its safetensors are",
    "*.bin": "a folder of pickled files, which are never opened",
    "*.pt": "a folder of pickled files, which are never opened",
    "*.pth": "a folder of pickled files, which are never opened",
    "*.ckpt": "a folder of pickled files, which are never opened",
    "*/config.json": "a folder of models: name one of its folders",
}


def parts_of(place: Path) -> tuple[Path, Path | None]:
    """The folder of a model, and the safetensors file in it where that is what was named."""
    return (place.parent, place) if place.is_file() else (place, None)


def record_of(folder: Path) -> dict:
    """The folder's `config.json`.

    Raises:
      ValueError: where there is none; the sentence says what the folder is.
    """
    require_no_lost_link(folder / CONFIG)
    if (folder / CONFIG).is_file():
        return read_json(folder / CONFIG)
    files = sorted(path.name for path in folder.iterdir())
    if not files:
        raise ValueError(f"{folder} is an empty folder: {READ}")
    raise ValueError(f"{folder} is {what_it_is(folder) or f'no model, its files are {files[:5]}'}; {READ}")


def what_it_is(folder: Path) -> str | None:
    """What a folder of a known kind is from which no model is read."""
    return next((what for mark, what in MARKS.items() if any(folder.glob(mark))), None)


def require_no_lost_link(path: Path) -> None:
    """Raises FileNotFoundError, one sentence, where the path is a link to nothing."""
    if path.is_symlink() and not path.exists():
        raise FileNotFoundError(f"{path} is a link to {os.readlink(path)}, which is not there")


def read_folder(folder: Path, *, file: Path | None = None, report: Report) -> dict:
    """The arrays of the file named, of a folder's `model.safetensors`, or of the files its index names, not yet read.

    As in transformers, `model.safetensors` has the word where there is an index too.

    Raises:
      FileNotFoundError: where there is none of them.
      ValueError: where the file is a part of a model, or the index and the files do not agree.
    """
    require_no_lost_link(folder / WEIGHTS)
    if file is not None:
        _require_whole(file)
        return weights_of(file)
    if (folder / WEIGHTS).is_file():
        if (folder / INDEX).is_file():  # whatever it says
            report.leave_out(INDEX, f"{WEIGHTS} is there")
        return weights_of(folder / WEIGHTS)
    require_no_lost_link(folder / INDEX)
    if (folder / INDEX).is_file():
        return _from_index(folder)
    raise FileNotFoundError(f"{folder} holds neither {WEIGHTS} nor {INDEX}{_instead(folder)}")


def _instead(folder):
    """What is there instead of weights, and what can be done with it."""
    if (folder / WEIGHTS).is_dir():
        return f": its {WEIGHTS} is a folder, no file"
    others = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".safetensors" and path.is_file())
    names = ", ".join(path.name for path in others[:3])
    if others and all(_count(path) > 1 for path in others):
        return f"; there is {names}: they make one model with their index, which is missing"
    if others:
        return f"; there is {names}: name the file itself"
    what = what_it_is(folder)
    return "; other formats are not read" + (f", and the folder is {what}" if what else "")


def weights_of(file: Path) -> dict:
    """The arrays of a safetensors file, none of them read yet.

    Raises:
      ValueError: where it is damaged, or stands for a file that was not fetched.
    """
    with open(file, "rb") as stream:
        if stream.read(len(POINTER)) == POINTER:
            raise ValueError(f"{file} is a pointer of Git LFS, not the file itself: fetch it with git lfs pull")
    return read_safetensors(file)


def _require_whole(file):
    """Raises ValueError where the file is one of several that make a model."""
    index, several = file.parent / INDEX, _count(file)
    if file.name == WEIGHTS:  # which has the word, named or not
        return
    if index.is_file():
        with contextlib.suppress(ValueError):  # of an index that is none, nothing is known
            files = set(_files_of(index).values())
            several = several if file.name not in files else max(several, len(files))
    if several > 1:
        how = f"name its folder, {file.parent}" if index.is_file() else f"their index, {INDEX}, is missing"
        raise ValueError(f"{file} is one of {several} files that make one model: {how}")


def _count(file):
    """How many files make the model that a file is of, by its name."""
    shard = SHARD.fullmatch(file.name)
    return int(shard[2]) if shard else 1


def _files_of(index):
    """The file of each tensor that an index lists, all of them beside it."""
    listed = read_json(index).get("weight_map")
    if not isinstance(listed, dict) or not all(isinstance(file, str) for file in listed.values()):
        raise ValueError(f"{index} has no weight_map of names and files")
    if not listed:
        raise ValueError(f"{index} lists no tensors: its weight_map is empty")
    if outside := sorted({file for file in listed.values() if Path(file).name != file}):
        raise ValueError(f"{index} names files outside its folder: {outside[:3]}")
    return listed


def _from_index(folder):
    listed = _files_of(folder / INDEX)
    if missing := sorted({file for file in listed.values() if not (folder / file).is_file()}):
        raise FileNotFoundError(
            f"{folder} lacks {', '.join(missing[:3])}, of {len(set(listed.values()))} that {INDEX} names"
        )
    arrays = {}
    for file in sorted(set(listed.values())):
        found = weights_of(folder / file)
        if found.keys() != {name for name, where in listed.items() if where == file}:
            raise ValueError(f"{folder / file} does not hold exactly the tensors that {INDEX} lists for it")
        arrays |= found
    return arrays
