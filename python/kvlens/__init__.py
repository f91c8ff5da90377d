"""How small can an LLM's KV cache get, and at what error?

>>> import kvlens
>>> result = kvlens.analyze("dump/", "mixed", lossless_first_n=2)  # doctest: +SKIP
>>> result.summary["kv_ratio"]  # doctest: +SKIP
1.459

Reports equal those of the command line ``kvlens`` byte for byte.
"""

from ._api import analyses, analyze, convert, save, scan
from ._kvlens import version as _version
from ._pack import Packed, pack, unpack
from ._result import Result, Rows

__version__ = _version()

__all__ = [
    "Packed",
    "Result",
    "Rows",
    "__version__",
    "analyses",
    "analyze",
    "convert",
    "pack",
    "save",
    "scan",
    "unpack",
]
