"""Arrays of any library as little-endian bytes in C order: numpy, torch, mlx, JAX, and any that support DLPack or the buffer protocol.

Bytes are copied only when they are read, and only where the layout requires it (strides, another device, another byte order).
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any, Callable

#: From the name of a type in any library, after its last dot, to the name in safetensors.
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

#: From format codes of the buffer protocol to names of types.
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
    """An array that is read on demand."""

    def __init__(
        self, name: str, dtype: str, shape: tuple[int, ...], load: Callable[[], memoryview]
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        #: Returns all its bytes, little-endian and in C order.
        self.load = load

    @property
    def nbytes(self) -> int:
        size = _SIZES[self.dtype]
        for length in self.shape:
            size *= length
        return size


def array(name: str, value: Any) -> Array:
    """Wraps ``value``, an array of any library, under a name.

    Raises:
        TypeError: When ``value`` is not an array, or its elements are of a type that is not supported.
    """
    kind = type(value).__module__.partition(".")[0]
    if kind == "torch":
        return _torch(name, value)
    if kind == "mlx":
        return _mlx(name, value)
    if hasattr(value, "__dlpack__") or (hasattr(value, "dtype") and hasattr(value, "__array__")):
        return _numpy(name, value)
    return _buffer(name, value)


def _dtype(name: str, text: str) -> str:
    known = _DTYPES.get(text.rpartition(".")[2])
    if known is None:
        raise TypeError(f"{name}: elements of type {text} are not supported; these are: {', '.join(_DTYPES)}")
    return known


def _torch(name: str, value: Any) -> Array:
    dtype = _dtype(name, str(value.dtype))

    def load() -> memoryview:
        # No copy if the tensor is on the CPU and contiguous, and its signs are in its memory.
        tensor = value.detach().cpu().resolve_neg().contiguous()
        size = tensor.numel() * tensor.element_size()
        if size == 0:
            return memoryview(b"")
        raw = (ctypes.c_ubyte * size).from_address(tensor.data_ptr())
        raw._tensor = tensor  # type: ignore[attr-defined]  # Keeps the memory alive as long as the view.
        return memoryview(raw).cast("B")

    return Array(name, dtype, tuple(value.shape), load)


def _mlx(name: str, value: Any) -> Array:
    dtype = _dtype(name, str(value.dtype))
    core = sys.modules["mlx.core"]
    # The buffer protocol has no bfloat16, so the array is viewed as bytes, which copies nothing where the last axis is contiguous. It is
    # done here since mlx computes only on threads that have its streams, and arrays are loaded on others.
    raw = (value if value.ndim else value.reshape(1)).view(core.uint8)
    core.eval(raw)

    def load() -> memoryview:
        return _flat(memoryview(raw))

    return Array(name, dtype, tuple(value.shape), load)


def _numpy(name: str, value: Any) -> Array:
    try:
        import numpy
    except ImportError:
        raise TypeError(f"{name}: a {type(value).__name__} is read through numpy: pip install numpy") from None
    if not (hasattr(value, "__array__") and hasattr(value, "dtype")):
        value = numpy.from_dlpack(value)
    # The array itself comes when its turn does: it may be on another device, or in a file. JAX's bfloat16 is ml_dtypes', which
    # numpy.from_dlpack does not know.
    dtype = _dtype(name, getattr(value.dtype, "name", str(value.dtype)))

    def load() -> memoryview:
        ordered = numpy.ascontiguousarray(value)
        if ordered.dtype.byteorder == ">" or (ordered.dtype.byteorder == "=" and sys.byteorder == "big"):
            ordered = ordered.astype(ordered.dtype.newbyteorder("<"))
        return memoryview(ordered.reshape(-1).view(numpy.uint8)).cast("B")

    return Array(name, dtype, tuple(value.shape), load)


def _buffer(name: str, value: Any) -> Array:
    try:
        view = memoryview(value)
    except TypeError:
        raise TypeError(
            f"{name}: a {type(value).__name__} is not an array: it has neither a dtype, DLPack nor the buffer protocol"
        ) from None
    code = view.format.lstrip("@=<")
    if code not in _CODES:
        raise TypeError(f"{name}: elements of buffer format {view.format!r} are not supported")
    dtype = _DTYPES[_CODES[code]]

    return Array(name, dtype, tuple(view.shape), lambda: _flat(view))


def _flat(view: memoryview) -> memoryview:
    """The bytes in C order; copied only where they are not so."""
    return view.cast("B") if view.c_contiguous and view.nbytes else memoryview(view.tobytes())
