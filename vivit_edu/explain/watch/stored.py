"""Records of attention in a file, and back."""

import dataclasses
import io
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from vivit_edu.data.cache import write_whole
from vivit_edu.explain.watch.genuine import check_record, several
from vivit_edu.explain.watch.record import AttentionRecord

TUPLES = ("grid", "heads", "queries", "all_names")  # which JSON writes as lists


def save_records(path: str | Path, records: Iterable[AttentionRecord]) -> Path:
    """The .npz file written: an array of weights in float32 for each record, and their labels as JSON in "labels".

    Raises:
      ValueError: where a record is none that a model gives, or weights are NaN or infinite.
    """
    records = several(records)
    for record in records:
        check_record(record)
    fields = [field.name for field in dataclasses.fields(AttentionRecord) if field.name != "weights"]
    labels = [{field: getattr(record, field) for field in fields} for record in records]
    labels = json.dumps(labels, default=lambda number: number.item())
    weights = {str(i): np.asarray(record.weights, np.float32) for i, record in enumerate(records)}
    stored = io.BytesIO()
    np.savez(stored, labels=np.array(labels), **weights)
    write_whole(Path(path), stored.getvalue())
    return Path(path)


def load_records(path: str | Path) -> list[AttentionRecord]:
    """The records in a file that `save_records` wrote.

    Raises:
      FileNotFoundError: where there is no such file.
      ValueError: where the file is damaged or holds something else.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path} of records of attention")
    content, wrong = Path(path).read_bytes(), f"{path} holds no records of attention, or is damaged"
    try:
        found = _read(content)
    except Exception as error:  # zip, zlib, numpy and json fail in a dozen ways, with advice that does not help here
        raise ValueError(f"{wrong}: it is no file that save_records wrote") from error
    try:
        for record in found:
            check_record(record)
    except ValueError as error:
        raise ValueError(f"{wrong}: {error}") from error
    return found


def _read(content):
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        labels = json.loads(str(stored["labels"]))
        if not isinstance(labels, list):
            raise ValueError(f"labels must be a list; got {type(labels).__name__}")
        labels = [{k: tuple(v) if k in TUPLES and isinstance(v, list) else v for k, v in one.items()} for one in labels]
        return [AttentionRecord(weights=stored[str(i)], **label) for i, label in enumerate(labels)]
