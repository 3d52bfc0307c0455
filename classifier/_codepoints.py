"""Named code points that pyarabic does not name; the only file with raw ones."""

SOFT_HYPHEN = "\u00ad"
COMBINING_GRAPHEME_JOINER = "\u034f"
ARABIC_LETTER_MARK = "\u061c"
MONGOLIAN_VOWEL_SEPARATOR = "\u180e"
BYTE_ORDER_MARK = "\ufeff"

ZERO_WIDTH = frozenset("\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064")
BIDI_CONTROLS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") | {ARABIC_LETTER_MARK}
DEPRECATED_FORMATS = frozenset("\u206a\u206b\u206c\u206d\u206e\u206f")
VARIATION_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))
INVISIBLE = (
    ZERO_WIDTH
    | BIDI_CONTROLS
    | DEPRECATED_FORMATS
    | VARIATION_SELECTORS
    | {SOFT_HYPHEN, COMBINING_GRAPHEME_JOINER, MONGOLIAN_VOWEL_SEPARATOR, BYTE_ORDER_MARK}
)

# Combining marks that Latin letters carry; those of other scripts belong to letters that are boundaries.
LATIN_MARKS = frozenset(
    chr(code)
    for block in ((0x0300, 0x0370), (0x1AB0, 0x1B00), (0x1DC0, 0x1E00), (0x20D0, 0x2100), (0xFE20, 0xFE30))
    for code in range(*block)
)
MARKS_THAT_COMPOSE = "\u0653\u0654\u0655"  # MADDAH ABOVE, HAMZA ABOVE, HAMZA BELOW

SUPERSCRIPT_ALEF = "\u0670"
ARABIC_INDIC_DIGITS = "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669"
EXTENDED_ARABIC_INDIC_DIGITS = "\u06f0\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8\u06f9"

# Letters of Persian, Urdu, Kurdish, Pashto, Uyghur and Maghrebi spelling, and the Arabic letter a newsroom keyboard
# has in their place.
LETTER_VARIANTS = {
    "\u06cc": "\u064a",  # FARSI YEH
    "\u06d2": "\u064a",  # YEH BARREE
    "\u06d3": "\u064a",  # YEH BARREE WITH HAMZA ABOVE
    "\u06ce": "\u064a",  # YEH WITH SMALL V
    "\u06cd": "\u064a",  # YEH WITH TAIL
    "\u06d0": "\u064a",  # E
    "\u06a9": "\u0643",  # KEHEH
    "\u06aa": "\u0643",  # SWASH KAF
    "\u06ab": "\u0643",  # KAF WITH RING
    "\u06ac": "\u0643",  # KAF WITH DOT ABOVE
    "\u06ad": "\u0643",  # NG
    "\u06af": "\u0643",  # GAF
    "\u06c1": "\u0647",  # HEH GOAL
    "\u06c2": "\u0647",  # HEH GOAL WITH HAMZA ABOVE
    "\u06be": "\u0647",  # HEH DOACHASHMEE
    "\u06d5": "\u0647",  # AE
    "\u06c0": "\u0647",  # HEH WITH YEH ABOVE
    "\u06c3": "\u0629",  # TEH MARBUTA GOAL
    "\u067e": "\u0628",  # PEH
    "\u0686": "\u062c",  # TCHEH
    "\u0698": "\u0632",  # JEH
    "\u06a4": "\u0641",  # VEH
    "\u06a5": "\u0641",  # FEH WITH THREE DOTS BELOW
    "\u06a2": "\u0641",  # FEH WITH DOT MOVED BELOW
    "\u06a1": "\u0641",  # DOTLESS FEH
    "\u06a8": "\u0642",  # QAF WITH THREE DOTS ABOVE
    "\u06a7": "\u0642",  # QAF WITH DOT ABOVE
    "\u066f": "\u0642",  # DOTLESS QAF
    "\u066e": "\u0628",  # DOTLESS BEH
    "\u0679": "\u062a",  # TTEH
    "\u067c": "\u062a",  # TEH WITH RING
    "\u0688": "\u062f",  # DDAL
    "\u0689": "\u062f",  # DAL WITH RING
    "\u0691": "\u0631",  # RREH
    "\u0693": "\u0631",  # REH WITH RING
    "\u0695": "\u0631",  # REH WITH SMALL V BELOW
    "\u0696": "\u0631",  # REH WITH DOT BELOW AND DOT ABOVE
    "\u069a": "\u0633",  # SEEN WITH DOT BELOW AND DOT ABOVE
    "\u0685": "\u062e",  # HAH WITH THREE DOTS ABOVE
    "\u0681": "\u062d",  # HAH WITH HAMZA ABOVE
    "\u06b5": "\u0644",  # LAM WITH SMALL V
    "\u06ba": "\u0646",  # NOON GHUNNA
    "\u06bc": "\u0646",  # NOON WITH RING
    "\u06c6": "\u0648",  # OE
    "\u06c7": "\u0648",  # U
    "\u06c8": "\u0648",  # YU
    "\u06c9": "\u0648",  # KIRGHIZ OE
    "\u06cb": "\u0648",  # VE
}

# Marks that a reader takes for the same one.
PUNCTUATION_VARIANTS = {
    "\u060c": ",",  # ARABIC COMMA
    "\u061b": ";",  # ARABIC SEMICOLON
    "\u061f": "?",  # ARABIC QUESTION MARK
    "\u06d4": ".",  # ARABIC FULL STOP
    "\u066a": "%",  # ARABIC PERCENT SIGN
    "\u066b": ".",  # ARABIC DECIMAL SEPARATOR
    "\u066c": ",",  # ARABIC THOUSANDS SEPARATOR
    "\u00ab": '"',  # LEFT-POINTING DOUBLE ANGLE QUOTATION MARK
    "\u00bb": '"',  # RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK
    "\u201c": '"',  # LEFT DOUBLE QUOTATION MARK
    "\u201d": '"',  # RIGHT DOUBLE QUOTATION MARK
    "\u201e": '"',  # DOUBLE LOW-9 QUOTATION MARK
    "\u2018": "'",  # LEFT SINGLE QUOTATION MARK
    "\u2019": "'",  # RIGHT SINGLE QUOTATION MARK
    "\u201a": "'",  # SINGLE LOW-9 QUOTATION MARK
    "\u2039": "'",  # SINGLE LEFT-POINTING ANGLE QUOTATION MARK
    "\u203a": "'",  # SINGLE RIGHT-POINTING ANGLE QUOTATION MARK
    "\u2010": "-",  # HYPHEN
    "\u2011": "-",  # NON-BREAKING HYPHEN
    "\u2012": "-",  # FIGURE DASH
    "\u2013": "-",  # EN DASH
    "\u2014": "-",  # EM DASH
    "\u2015": "-",  # HORIZONTAL BAR
}

# What is a symbol of its own where texts are read as they are written: with the space as many as 7 bits can tell apart.
WRITTEN = (
    "".join(map(chr, range(0x21, 0x41)))  # ASCII up to COMMERCIAL AT
    + "".join(map(chr, range(0x5B, 0x7F)))  # the rest but for capital letters
    + "".join(map(chr, range(0x0621, 0x063B)))  # HAMZA to GHAIN
    + "".join(map(chr, range(0x0640, 0x0653)))  # TATWEEL to SUKUN
    + "\u060c\u061b\u061f\u066a"  # ARABIC COMMA, SEMICOLON, QUESTION MARK, PERCENT SIGN
    + "\u00ab\u00bb\u201c\u201d"  # double quotation marks
    + "\u2013\u2014\u2022\u2026"  # EN DASH, EM DASH, BULLET, HORIZONTAL ELLIPSIS
)

# The blocks that hold every code point whose NFKC form has a letter, digit, mark or punctuation that normalization
# keeps or drops; all others are boundaries. A test walks the whole of Unicode to check it.
FOLDED_BLOCKS = (
    (0x0000, 0x0700),
    (0x0750, 0x0780),
    (0x0860, 0x0900),
    (0x180E, 0x180F),
    (0x1AB0, 0x1B00),
    (0x1D00, 0x2C80),
    (0x3000, 0x3400),
    (0xA700, 0xA800),
    (0xFB00, 0xFB07),
    (0xFB50, 0x10000),
    (0x10780, 0x107C0),
    (0x10EC0, 0x10F00),
    (0x1D400, 0x1D800),
    (0x1EE00, 0x1EF00),
    (0x1F100, 0x1F1A0),
    (0x1FBF0, 0x1FC00),
)
