"""What libraries raise on files that are cut, forged or bent, and how that is said."""

import struct
import tokenize
import zipfile
import zlib

DAMAGE = (
    OSError,
    ValueError,  # also of Unicode
    SyntaxError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,  # also of nesting too deep
    MemoryError,
    EOFError,
    AssertionError,  # of torch
    tokenize.TokenError,  # of numpy, which reads some headers as Python
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)
_LINE = 300  # characters


def said(error: BaseException) -> str:
    """What an error says, on one line without a full stop."""
    text = " ".join(str(error).split()).rstrip(".")[:_LINE]
    return text or type(error).__name__
