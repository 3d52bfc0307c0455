"""Features and targets on disk, in shards that fit into memory one at a time.

An article's shard hangs on its hash, so that each is a sample of the corpus whatever the order of the files: a descent
that visits one after the other then sees no long run of one class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse import hstack as sparse_hstack

__all__ = ["Shard", "ShardWriter"]

_SHARD_ARTICLES = 4096
_SHARD_BYTES = 1 << 27


@dataclass(frozen=True, slots=True)
class Shard:
    """Some articles on disk.

    Parameters
    ----------
    folder : Path
    n_columns : sequence of int
        Of each block of features.
    """

    folder: Path
    n_columns: Sequence[int]

    def features(self, blocks: Sequence[int]) -> csr_matrix:
        """Return the features of some blocks side by side, csr_matrix of shape (n_articles, n_features), float32."""
        parts = [self._block(b) for b in blocks]
        return parts[0] if len(parts) == 1 else sparse_hstack(parts, format="csr")

    def array(self, name: str, dtype: Any, n_columns: int) -> NDArray[Any] | None:  # noqa: ANN401
        """Return what was appended or put under a name, (n_articles, n_columns); None if nothing was."""
        path = self.folder / name
        return np.fromfile(path, dtype).reshape(-1, n_columns) if path.exists() else None

    def put(self, name: str, array: NDArray[Any]) -> None:
        """Keep an array under a name, in place of what was there."""
        array.tofile(self.folder / name)

    def append(self, matrices: Sequence[csr_matrix], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Add articles: their rows of all blocks, and of all arrays."""
        self.folder.mkdir(exist_ok=True)
        columns = dict(arrays)
        for b, matrix in enumerate(matrices):
            lengths = np.diff(matrix.indptr).astype(np.int32)
            columns |= {f"{b}.data": matrix.data, f"{b}.indices": matrix.indices, f"{b}.lengths": lengths}
        for name, array in columns.items():
            with (self.folder / name).open("ab") as file:
                array.tofile(file)

    def _block(self, b: int) -> csr_matrix:
        data = np.fromfile(self.folder / f"{b}.data", np.float32)
        indices = np.fromfile(self.folder / f"{b}.indices", np.int32)
        lengths = np.fromfile(self.folder / f"{b}.lengths", np.int32)
        indptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
        return csr_matrix((data, indices, indptr), shape=(len(lengths), self.n_columns[b]))


class ShardWriter:
    """Deals articles out to lanes, each a row of shards.

    Parameters
    ----------
    folder : Path
        For the shards; whoever made it removes it.
    n_columns : sequence of int
        Of each block of features.
    """

    def __init__(self, folder: Path, n_columns: Sequence[int]) -> None:
        self.folder = folder
        self.n_columns = n_columns
        self.shards: dict[int, list[Shard]] = {}
        self._room: dict[int, tuple[int, int]] = {}

    def append(
        self, lanes: NDArray[np.int64], matrices: Sequence[csr_matrix], arrays: Mapping[str, NDArray[Any]]
    ) -> None:
        """Add articles, each to the last shard of its lane; below 0, to none."""
        for lane in np.unique(lanes[lanes >= 0]).tolist():
            rows = np.flatnonzero(lanes == lane)
            parts = [matrix[rows] for matrix in matrices]
            self._shard(lane, len(rows), sum(part.nnz for part in parts)).append(
                parts, {name: array[rows] for name, array in arrays.items()}
            )

    def _shard(self, lane: int, n_articles: int, n_values: int) -> Shard:
        articles, values = self._room.get(lane, (0, 0))
        if articles < n_articles or values < n_values:
            shards = self.shards.setdefault(lane, [])
            shards.append(Shard(self.folder / f"{lane}-{len(shards)}", self.n_columns))
            articles, values = _SHARD_ARTICLES, _SHARD_BYTES // 8
        self._room[lane] = articles - n_articles, values - n_values
        return self.shards[lane][-1]
