"""How long checkpoints of real size take to load, beside reading their bytes and copying them once.

    python benchmarks/loading.py [folder]

Writes random checkpoints of ViT-B/16 (.npz, Hugging Face, own folder) and ViViT-L/16x2 FE (Scenic's TrainState, own
folder) to the folder, some 6 GB, and loads each in a process of its own: the median of nine, beside the median of as
many times, in turn with them, of reading the bytes (into new memory) and copying them once (into other new memory).
The first load, which pays for what jax does once, stands apart. The peak is the largest resident set above that
before the first load. A TrainState holds the momentum too; its file counts whole.
"""

import gc
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROUNDS = 9


def read_and_copy(files):
    """Seconds for reading the files' bytes and copying them once."""
    began = time.perf_counter()
    for file in files:
        data = np.fromfile(file, np.uint8)
        data.copy()
        del data
    return time.perf_counter() - began


def resident(field):
    """Bytes in memory, now (VmRSS) or at most since the last reset (VmHWM)."""
    line = next(line for line in open("/proc/self/status") if line.startswith(field))
    return int(line.split()[1]) * 1024


def measure(source):
    """One checkpoint's figures, in this process."""
    import jax

    import vivit_edu as ve

    path = pathlib.Path(source)
    files = [file for file in (path.rglob("*") if path.is_dir() else [path]) if file.suffix != ".json"]
    size = sum(file.stat().st_size for file in files)
    ve.pretrained.load  # noqa: B018 imports what loading needs
    jax.numpy.zeros(3).block_until_ready()
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    before, began = resident("VmRSS"), time.perf_counter()
    model = ve.pretrained.load(source)
    jax.block_until_ready(jax.tree.leaves(model))
    first, peak = time.perf_counter() - began, resident("VmHWM") - before
    del model
    gc.collect()
    ours, floor = [], []
    for _ in range(ROUNDS):
        floor.append(read_and_copy(files))
        began = time.perf_counter()
        model = ve.pretrained.load(source)
        jax.block_until_ready(jax.tree.leaves(model))
        ours.append(time.perf_counter() - began)
        del model
        gc.collect()  # the next load shall not pay for giving this one's memory back
    print(
        json.dumps(
            {
                "checkpoint": path.name,
                "MB": round(size / 1e6),
                "load_s": round(statistics.median(ours), 3),
                "first_load_s": round(first, 3),
                "read_and_copy_s": round(statistics.median(floor), 3),
                "ratio": round(statistics.median(ours) / statistics.median(floor), 2),
                "first_ratio": round(first / statistics.median(floor), 2),
                "peak_per_file": round(peak / size, 2),
            }
        )
    )


def write(folder):
    """The checkpoints' paths."""
    from flax import nnx, serialization

    import vivit_edu as ve
    from vivit_edu.pretrained.start.fit import places

    vit = ve.ViT(ve.named("ViT-B/16", gelu="exact"), rngs=nnx.Rngs(0))
    yield ve.pretrained.export_hugging_face(vit, folder / "vit-b-hugging-face")
    yield ve.pretrained.save(vit, folder / "vit-b-own")
    flat = {_scenic(name): np.asarray(param[...]) for name, param in places(vit).items()}
    flat["head/kernel"], flat["head/bias"] = flat.pop("output_projection/kernel"), flat.pop("output_projection/bias")
    np.savez(folder / "vit-b.npz", **{name: _batched(name, array) for name, array in flat.items()})
    yield folder / "vit-b.npz"
    video = ve.ViViT(ve.named("ViViT-L/16x2 FE"), rngs=nnx.Rngs(0))
    yield ve.pretrained.save(video, folder / "vivit-l-own")
    tree = {}
    for name, param in places(video).items():
        *groups, leaf = _scenic(name).split("/")
        place = tree
        for group in groups:
            place = place.setdefault(group, {})
        place[leaf] = _batched(name, np.asarray(param[...]))
    state = {"optimizer": {"target": tree, "state": {"param_states": tree}}, "global_step": 1}
    for name, record in (("vivit-l-scenic", {"optimizer": {"target": tree}}), ("vivit-l-scenic-trainstate", state)):
        (folder / name).write_bytes(serialization.msgpack_serialize(record))
        yield folder / name


def _batched(name, array):
    return (
        array[None]
        if name.endswith(("positions", "pos_embedding"))
        else array.reshape(1, 1, -1)
        if _token(name)
        else array
    )


def _token(name):
    return name.endswith("class_token/token") or name.startswith("cls")


def _scenic(name):
    for ours, theirs in (
        ("tokenise", "embedding"),
        ("heads/output", "output_projection"),
        ("body/encoder/class_token/token", "cls"),
        ("body/space/class_token/token", "cls_SpatialTransformer"),
        ("body/time/class_token/token", "cls_TemporalTransformer"),
        ("body/encoder/", "Transformer/"),
        ("body/space/", "SpatialTransformer/"),
        ("body/time/", "TemporalTransformer/"),
        ("positions", "posembed_input/pos_embedding"),
        ("blocks/layers/", "encoderblock_"),
        ("attention_norm", "LayerNorm_0"),
        ("mlp_norm", "LayerNorm_1"),
        ("/norm/", "/encoder_norm/"),
        ("mlp/first", "MlpBlock_0/Dense_0"),
        ("mlp/second", "MlpBlock_0/Dense_1"),
        ("/attention/", "/MultiHeadDotProductAttention_0/"),
    ):
        name = name.replace(ours, theirs)
    return name


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2])
    else:
        with tempfile.TemporaryDirectory(dir=(sys.argv[1:2] or [None])[0]) as folder:
            for path in write(pathlib.Path(folder)):
                subprocess.run([sys.executable, __file__, "--measure", str(path)], check=True)
