"""`score_partition`: a part of an archive as a table, labels out. What the engines of clusters call, once a part.

Nothing of a model is sent from process to process: each loads the model folder itself, once, memory-mapped.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifier.data import frame_records
from classifier.persistence import SUMS, shipped_model
from classifier.predictor import Predictor
from classifier.streaming import StreamOptions, batched, label_batch, task_names

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["model_digest", "partition_schema", "score_partition"]


def score_partition(
    frame: "pd.DataFrame", model: str | Path | None = None, options: StreamOptions | None = None
) -> "pd.DataFrame":
    """Label the rows of a table as `predict` labels the records of a file.

    A plain function of picklable arguments: `functools.partial` fixes those that are the same for all parts.

    Parameters
    ----------
    frame : DataFrame
        With a column of texts; titles and ids if it has them.
    model : str, Path or None
        A model folder that this process can read; None for the shipped model.
    options : StreamOptions or None
        Names of columns, and which labels are stated.

    Returns
    -------
    DataFrame
        With the index of `frame` and the columns of `partition_schema`.

    Raises
    ------
    DataError
        If there is no column of texts.
    ModelFormatError
        If the model can't be read.
    """
    import pandas as pd

    options = options or StreamOptions()
    predictor = _predictor(model)
    records = frame_records(frame, text=options.text, title=options.title, id=options.id)
    rows: list[dict[str, Any]] = [{} for _ in range(len(frame))]
    for batch in batched(records):
        labelled, rejects = label_batch(predictor, batch, options)
        for row in labelled:
            rows[row["position"] - 1] = _flat(row, task_names(predictor))
        for reject in rejects:
            rows[reject["position"] - 1] = {"id": _id(frame, options.id, reject["position"]), "error": reject["reason"]}
    schema = partition_schema(model)
    return pd.DataFrame(
        {f.name: pd.Series([row.get(f.name) for row in rows], frame.index, _dtype(f)) for f in schema},
        index=frame.index,
    )


def partition_schema(model: str | Path | None = None) -> "pa.Schema":
    """Return the columns of `score_partition`.

    ``id``; for each task its primary label (null for none), that label's ``_probability``, the codes of ``_all`` labels,
    primary first, and ``_all_probability`` of each; ``error``: why a row is bad and has no labels.
    """
    import pyarrow as pa

    columns = [("id", pa.string())]
    for task in task_names(_predictor(model)):
        columns += [(task, pa.string()), (f"{task}_probability", pa.float64())]
        columns += [(f"{task}_all", pa.list_(pa.string())), (f"{task}_all_probability", pa.list_(pa.float64()))]
    return pa.schema([*columns, ("error", pa.string())])


def model_digest(model: str | Path | None = None) -> str:
    """Return what tells models apart: the SHA-256, in hexadecimal, of a model folder's list of sums; '' without one."""
    sums = _folder(model) / SUMS
    return hashlib.sha256(sums.read_bytes()).hexdigest() if sums.is_file() else ""


def _folder(model: str | Path | None) -> Path:
    return shipped_model() if model is None else Path(model)


def _predictor(model: str | Path | None) -> Predictor:
    return _load(_folder(model), model_digest(model))


@lru_cache(maxsize=1)
def _load(folder: Path, digest: str) -> Predictor:
    """Load a model; anew if another one has taken its folder, for workers live long."""
    return Predictor.load(folder)


def _id(frame: "pd.DataFrame", column: str, position: int) -> str | None:
    """Return the id of a bad row, by which it can be found where rows have no positions."""
    id_ = frame[column].iloc[position - 1] if column in frame.columns else None
    return id_ if isinstance(id_, str) else None


def _flat(row: dict[str, Any], tasks: Sequence[str]) -> dict[str, Any]:
    flat = {"id": row["id"]}
    for task in tasks:
        codes, probabilities = ([label[key] for label in row[task]] for key in ("code", "probability"))
        flat |= {task: codes[0] if codes else None, f"{task}_probability": probabilities[0] if codes else None}
        flat |= {f"{task}_all": codes, f"{task}_all_probability": probabilities}
    return flat


def _dtype(field: "pa.Field") -> str:
    return (
        "float64" if field.name.endswith("_probability") and not field.name.endswith("_all_probability") else "object"
    )
