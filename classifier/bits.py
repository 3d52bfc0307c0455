"""Tables of bits, for kernels: a set of numbers small enough to stay in cache where the full table does not."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["has_bit", "new_bits", "set_bit"]


def new_bits(n_bits: int) -> NDArray[np.uint64]:
    """Return at least `n_bits` bits, none set, ndarray of uint64; as many words as a power of two."""
    return np.zeros(1 << max(0, (n_bits - 1).bit_length() - 6), dtype=np.uint64)


@njit(inline="always")
def set_bit(i, bits):
    """Set bit `i`."""
    bits[i >> 6] |= np.uint64(1) << np.uint64(i & 63)


@njit(inline="always")
def has_bit(i, bits):
    """Tell whether bit `i` is set."""
    return (bits[i >> 6] >> np.uint64(i & 63)) & np.uint64(1) != 0
