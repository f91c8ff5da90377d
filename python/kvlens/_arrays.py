"""Arrays of any library as little-endian bytes in C order: numpy, torch, mlx, JAX, and whatever speaks DLPack or the buffer protocol.

Nothing is copied before its turn comes, and then only where the layout asks for it (strides, another device, another byte order).
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any, Callable

#: A type's name in any library, without what stands before the last dot, as safetensors calls it.
_DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}

_SIZES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U64": 8,
    "U32": 4,
    "U16": 2,
    "U8": 1,
    "BOOL": 1,
}

#: The buffer protocol's codes of the types that it has.
_CODES = {
    "e": "float16",
    "f": "float32",
    "d": "float64",
    "b": "int8",
    "B": "uint8",
    "h": "int16",
    "H": "uint16",
    "i": "int32",
    "I": "uint32",
    "q": "int64",
    "Q": "uint64",
    "?": "bool",
}


class Array:
    """An array that is read when it is needed."""

    def __init__(
        self, name: str, dtype: str, shape: tuple[int, ...], load: Callable[[], memoryview]
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        #: All its bytes.
        self.load = load

    @property
    def nbytes(self) -> int:
        size = _SIZES[self.dtype]
        for length in self.shape:
            size *= length
        return size


def array(name: str, value: Any) -> Array:
    """The array ``value`` under a name.

    Raises:
        TypeError: Where it is no array, or of a type that no cache has.
    """
    kind = type(value).__module__.partition(".")[0]
    if kind == "torch":
        return _torch(name, value)
    if kind == "mlx":
        return _mlx(name, value)
    if not hasattr(value, "dtype") and not hasattr(value, "__dlpack__"):
        return _buffer(name, value)
    return _numpy(name, value)


def _dtype(name: str, text: str) -> str:
    known = _DTYPES.get(text.rpartition(".")[2])
    if known is None:
        raise TypeError(f"{name}: elements of type {text} are not read; there are {', '.join(_DTYPES)}")
    return known


def _torch(name: str, value: Any) -> Array:
    dtype = _dtype(name, str(value.dtype))

    def load() -> memoryview:
        # On the CPU and in order already, this is the tensor itself.
        tensor = value.detach().cpu().contiguous()
        size = tensor.numel() * tensor.element_size()
        if size == 0:
            return memoryview(b"")
        raw = (ctypes.c_ubyte * size).from_address(tensor.data_ptr())
        raw._tensor = tensor  # type: ignore[attr-defined]  # The memory lives as long as the view.
        return memoryview(raw).cast("B")

    return Array(name, dtype, tuple(value.shape), load)


def _mlx(name: str, value: Any) -> Array:
    dtype = _dtype(name, str(value.dtype))
    core = sys.modules["mlx.core"]

    def load() -> memoryview:
        # The buffer protocol has no bfloat16, but it has bytes.
        return memoryview(core.contiguous(value).reshape(-1).view(core.uint8)).cast("B")

    return Array(name, dtype, tuple(value.shape), load)


def _numpy(name: str, value: Any) -> Array:
    try:
        import numpy
    except ImportError:
        raise TypeError(f"{name}: a {type(value).__name__} is read by way of numpy: pip install numpy") from None
    if isinstance(value, numpy.ndarray):
        view = value
    elif hasattr(value, "__array__"):
        # JAX's bfloat16 comes as ml_dtypes', which numpy's view of DLPack does not know.
        view = numpy.asarray(value)
    else:
        view = numpy.from_dlpack(value)
    dtype = _dtype(name, view.dtype.name)

    def load() -> memoryview:
        ordered = numpy.ascontiguousarray(view)
        if ordered.dtype.byteorder == ">" or (ordered.dtype.byteorder == "=" and sys.byteorder == "big"):
            ordered = ordered.astype(ordered.dtype.newbyteorder("<"))
        return memoryview(ordered.reshape(-1).view(numpy.uint8)).cast("B")

    return Array(name, dtype, tuple(view.shape), load)


def _buffer(name: str, value: Any) -> Array:
    try:
        view = memoryview(value)
    except TypeError:
        raise TypeError(
            f"{name}: a {type(value).__name__} is no array: it has neither a dtype, DLPack nor the buffer protocol"
        ) from None
    code = view.format.lstrip("@=<")
    if code not in _CODES:
        raise TypeError(f"{name}: elements of buffer format {view.format!r} are not read")
    dtype = _DTYPES[_CODES[code]]

    def load() -> memoryview:
        return view.cast("B") if view.c_contiguous and view.nbytes else memoryview(view.tobytes())

    return Array(name, dtype, tuple(view.shape), load)
