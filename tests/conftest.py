import pytest
from hypothesis import settings
from hypothesis import strategies as st

# The first example of a test may compile kernels, which takes seconds.
settings.register_profile("kernels", deadline=None)
settings.load_profile("kernels")

_BLOCKS = {
    "ascii": (0x09, 0x7E),
    "latin": (0x80, 0x24F),
    "latin marks": (0x300, 0x36F),
    "arabic": (0x600, 0x6FF),
    "arabic supplements": (0x750, 0x8FF),
    "controls and punctuation": (0x2000, 0x206F),
    "presentation forms A": (0xFB50, 0xFDFF),
    "presentation forms B": (0xFE70, 0xFEFF),
    "kana, for its combining marks": (0x3040, 0x30FF),
    "hangul letters, which compose": (0x1100, 0x11FF),
    "surrogates": (0xD800, 0xDFFF),
    "unassigned": (0x2FE0, 0x2FEF),
    "arabic mathematics": (0x1EE00, 0x1EEFF),
    "astral": (0x10000, 0x10FFFF),
}
# Letters that folds meet, marks that compose and reorder, what is dropped between them.
_OFTEN = "ابتةهويىأإآؤئءلمن \n\u0640\u064b\u064e\u0651\u0653\u0654\u0655\u0670\u200c\u200f\u06cc\u06a9.،؛\u0661\u06f23aÉ"


@pytest.fixture(scope="session")
def raw_texts():
    """Texts of all that occurs in Arabic pages, and of what should not: draw with hypothesis's `data`."""
    blocks = [st.characters(min_codepoint=low, max_codepoint=high, categories=None) for low, high in _BLOCKS.values()]
    return st.text(st.one_of(st.sampled_from(_OFTEN), *blocks), max_size=40)
