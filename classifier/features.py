"""`CharNgramTfidf`: character n-gram TF-IDF of raw Arabic texts, as a scikit-learn transformer."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse import vstack as sparse_vstack
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from classifier import ngrams
from classifier.errors import ConfigError, InvalidTextError
from classifier.normalize import DEFAULT_OPTIONS, NormalizeOptions
from classifier.symbols import check_texts, symbol_table

__all__ = ["CharNgramTfidf"]

_BATCH_CHARACTERS = 1 << 19
_EXACT_COUNTS = 1024


class CharNgramTfidf(TransformerMixin, BaseEstimator):
    """Character n-gram TF-IDF of raw texts, n-grams taken inside word boundaries.

    Gives the matrix of ``TfidfVectorizer(analyzer="char_wb", lowercase=False)`` over texts normalized by
    `normalize_text`, in float32 and many times as fast: n-grams are packed integers counted by compiled kernels.

    Parameters
    ----------
    ngram_range : tuple of (int, int)
        Smallest and largest n, 1 to 9.
    min_df, max_df : int or float
        Drop n-grams that occur in fewer (more) documents: an int counts documents, a float in 0..1 is their share.
    max_features : int or None
        Keep only the n-grams that occur most often in all.
    sublinear_tf : bool
        Use ``1 + log(count)`` in place of the count.
    norm : {"l2", "l1", None}
        What makes each row a unit.
    use_idf, smooth_idf : bool
        Weigh by inverse document frequency; count one more document that has every n-gram.
    normalization : NormalizeOptions or None
        The folds to make; None for the defaults.
    n_jobs : int or None
        Threads, in joblib's terms. The result does not depend on it.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Column of each n-gram; columns are in code point order.
    keys_ : ndarray of shape (n_ngrams,), int64
        The n-grams as packed integers, ascending.
    idf_ : ndarray of shape (n_ngrams,), float32
        Inverse document frequencies; ones without `use_idf`.

    See Also
    --------
    sklearn.feature_extraction.text.TfidfVectorizer : other analyzers, texts as they are.

    Notes
    -----
    Not for ``analyzer="word"`` or ``"char"``, nor for n above 9: use ``TfidfVectorizer(preprocessor=normalize_text)``.

    Examples
    --------
    >>> X = CharNgramTfidf(ngram_range=(2, 3)).fit_transform(["قال الوزير", "قالت الوزارة"])
    >>> X.shape
    (2, 28)
    """

    def __init__(
        self,
        *,
        ngram_range: tuple[int, int] = (2, 5),
        min_df: float = 1,
        max_df: float = 1.0,
        max_features: int | None = None,
        sublinear_tf: bool = False,
        norm: str | None = "l2",
        use_idf: bool = True,
        smooth_idf: bool = True,
        normalization: NormalizeOptions | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.ngram_range = ngram_range
        self.min_df = min_df
        self.max_df = max_df
        self.max_features = max_features
        self.sublinear_tf = sublinear_tf
        self.norm = norm
        self.use_idf = use_idf
        self.smooth_idf = smooth_idf
        self.normalization = normalization
        self.n_jobs = n_jobs

    def fit(self, raw_documents: Iterable[str], y: object = None) -> Self:
        """Learn vocabulary and document frequencies.

        Parameters
        ----------
        raw_documents : iterable of str
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ConfigError
            If a parameter is outside its range.
        InvalidTextError
            If a document is not a str.
        ValueError
            If no n-gram is left.
        """
        self._check_params()
        parts = self._parallel(_count_part, _texts(raw_documents), self.ngram_range, self._options())
        counts = parts[0]
        for part in parts[1:]:
            counts = counts.merge(part)
        return self.fit_counts(counts)

    def fit_counts(self, counts: ngrams.NgramCounts) -> Self:
        """Learn from n-grams that were counted already, for corpora beyond memory.

        Parameters
        ----------
        counts : NgramCounts
            Of the whole corpus.

        Returns
        -------
        self
        """
        self._check_params()
        selected = np.flatnonzero(self._select(counts))
        if not len(selected):
            raise ValueError("no n-grams left: the documents hold no letters, or min_df and max_df leave none")
        self.keys_ = counts.keys[selected]
        self.idf_ = self._idf(counts.document_frequency[selected], counts.n_documents)
        return self

    def fit_transform(self, raw_documents: Iterable[str], y: object = None) -> csr_matrix:
        """Learn from the documents and return their matrix: `fit`, then `transform`."""
        texts = _texts(raw_documents)
        return self.fit(texts).transform(texts)

    def transform(self, raw_documents: Iterable[str]) -> csr_matrix:
        """Return the TF-IDF matrix.

        Parameters
        ----------
        raw_documents : iterable of str

        Returns
        -------
        csr_matrix of shape (n_documents, n_ngrams), float32
            Indices sorted. A document without known n-grams is a row of zeros.

        Raises
        ------
        NotFittedError
            Before `fit`.
        InvalidTextError
            If a document is not a str.
        """
        check_is_fitted(self)
        texts = _texts(raw_documents)
        vocabulary = ngrams.build_vocabulary(self.keys_)
        weighting = self._weighting()
        parts = self._parallel(_transform_part, texts, self.ngram_range, self._options(), vocabulary, weighting)
        return parts[0] if len(parts) == 1 else sparse_vstack(parts, format="csr")

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the n-grams, ndarray of shape (n_ngrams,) of str, in column order."""
        check_is_fitted(self)
        return ngrams.unpack(self.keys_, symbol_table(self._options()).alphabet)

    @property
    def vocabulary_(self) -> dict[str, int]:
        """Column of each n-gram; built anew at each access."""
        return {ngram: i for i, ngram in enumerate(self.get_feature_names_out())}

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401  (scikit-learn's own type is private to its versions)
        """Say that the input is a sequence of strings."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags

    def _options(self) -> NormalizeOptions:
        return self.normalization or DEFAULT_OPTIONS

    def _parallel(self, function: Any, texts: Sequence[str], *args: Any) -> list[Any]:  # noqa: ANN401
        n_parts = min(effective_n_jobs(self.n_jobs), max(1, len(texts)))
        if n_parts == 1:
            return [function(texts, *args)]
        bounds = np.linspace(0, len(texts), n_parts + 1).astype(int)
        parts: list[Any] = Parallel(n_jobs=n_parts, prefer="threads")(
            delayed(function)(texts[begin:end], *args) for begin, end in pairwise(bounds)
        )
        return parts

    def _select(self, counts: ngrams.NgramCounts) -> NDArray[np.bool_]:
        n = counts.n_documents
        low = self.min_df if _is_count(self.min_df) else self.min_df * n
        high = self.max_df if _is_count(self.max_df) else self.max_df * n
        kept: NDArray[np.bool_] = (counts.document_frequency >= low) & (counts.document_frequency <= high)
        if self.max_features is not None and kept.sum() > self.max_features:
            # The same expression as scikit-learn's, so that ties fall the same way.
            top = (-counts.term_frequency[kept]).argsort()[: self.max_features]
            where = np.flatnonzero(kept)[top]
            kept = np.zeros_like(kept)
            kept[where] = True
        return kept

    def _idf(self, document_frequency: NDArray[np.int64], n_documents: int) -> NDArray[np.float32]:
        if not self.use_idf:
            return np.ones(len(document_frequency), dtype=np.float32)
        extra = int(self.smooth_idf)
        return (np.log((n_documents + extra) / (document_frequency + extra)) + 1.0).astype(np.float32)

    def _weighting(self) -> ngrams.Weighting:
        counts = np.arange(_EXACT_COUNTS, dtype=np.float64)
        values = np.where(counts > 0, 1.0 + np.log(np.maximum(counts, 1.0)), 0.0) if self.sublinear_tf else counts
        norm = {None: 0, "l1": 1, "l2": 2}[self.norm]
        return ngrams.Weighting(self.idf_, values, bool(self.sublinear_tf), norm)

    def _check_params(self) -> None:
        _check(
            _is_ngram_range(self.ngram_range),
            f"ngram_range must satisfy 1 <= min <= max <= {ngrams.MAX_NGRAM}",
            self.ngram_range,
        )
        for name in ("min_df", "max_df"):
            value = getattr(self, name)
            share = isinstance(value, Real) and not isinstance(value, Integral) and 0 <= float(value) <= 1
            _check(share or _is_count(value), f"{name} must be an int of at least 1 or a float in 0..1", value)
        _check(
            self.max_features is None or _is_count(self.max_features),
            "max_features must be an int of at least 1 or None",
            self.max_features,
        )
        _check(self.norm in ("l1", "l2", None), "norm must be 'l1', 'l2' or None", self.norm)


def _check(valid: bool, requirement: str, value: object) -> None:
    if not valid:
        raise ConfigError(f"{requirement}, got {value!r}")


def _is_count(value: object) -> bool:
    return isinstance(value, Integral) and int(value) >= 1


def _is_ngram_range(value: object) -> bool:
    if not (isinstance(value, tuple | list) and len(value) == 2 and all(map(_is_count, value))):
        return False
    return int(value[0]) <= int(value[1]) <= ngrams.MAX_NGRAM


def _texts(raw_documents: Iterable[str]) -> Sequence[str]:
    if isinstance(raw_documents, str):
        raise InvalidTextError("raw_documents must be an iterable of str, got one str: pass [text]")
    texts = raw_documents if isinstance(raw_documents, list | tuple) else list(raw_documents)
    check_texts(texts)
    return texts


def _batches(texts: Sequence[str]) -> Iterable[Sequence[str]]:
    """Split `texts` so that a batch has about `_BATCH_CHARACTERS`."""
    first = size = 0
    for i, text in enumerate(texts):
        size += len(text)
        if size >= _BATCH_CHARACTERS or i - first >= 4096:
            yield texts[first : i + 1]
            first, size = i + 1, 0
    if first < len(texts):
        yield texts[first:]


def _count_part(texts: Sequence[str], ngram_range: tuple[int, int], options: NormalizeOptions) -> ngrams.NgramCounts:
    counter = ngrams.NgramCounter(ngram_range)
    table = symbol_table(options)
    for batch in _batches(texts):
        symbols, ends = table.encode(batch)
        counter.add(symbols, ngrams.spans_of(ends))
    return counter.counts()


def _transform_part(
    texts: Sequence[str],
    ngram_range: tuple[int, int],
    options: NormalizeOptions,
    vocabulary: ngrams.Vocabulary,
    weighting: ngrams.Weighting,
) -> csr_matrix:
    table = symbol_table(options)
    writer = ngrams.RowWriter(ngram_range, vocabulary, weighting, sum(map(len, texts)))
    for batch in _batches(texts):
        symbols, ends = table.encode(batch)
        writer.add(symbols, ngrams.spans_of(ends))
    return csr_matrix(writer.csr(), shape=(len(texts), len(weighting.idf)))
