"""Converts a cache object to named arrays: transformers' caches of any version, legacy tuples, mlx-lm's lists, mappings.

Classes are recognised by their attributes, not by name, so that no library has to be imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from ._arrays import Array, array

#: The order of axes in all these libraries.
AXES = "batch,heads,seq,dim"


def named(cache: Any) -> tuple[list[Array], Optional[str]]:
    """The arrays of a cache, and the order of their axes if the kind of cache determines it.

    Raises:
        TypeError: When ``cache`` is not a cache, or is empty.
    """
    if isinstance(cache, Mapping):
        arrays = [array(str(name), value) for name, value in cache.items()]
        if not arrays:
            raise TypeError("the mapping is empty: a cache has arrays under names such as layers.0.k")
        return arrays, None
    pairs = list(_pairs(cache))
    arrays = []
    for layer, (k, v) in pairs:
        arrays.append(array(f"past_key_values.{layer}.key", k))
        arrays.append(array(f"past_key_values.{layer}.value", v))
    if not arrays:
        raise TypeError("the cache is empty: run the model with it first")
    known = all(len(each.shape) == 4 for each in arrays)
    return arrays, AXES if known else None


def _pairs(cache: Any) -> Iterable[tuple[int, tuple[Any, Any]]]:
    """The index of each layer with its K and V; empty layers are skipped."""
    # In an encoder-decoder's cache, the decoder's self-attention.
    cache = getattr(cache, "self_attention_cache", cache)
    if hasattr(cache, "layers"):
        each = [_layer(layer) for layer in cache.layers]
    elif hasattr(cache, "key_cache") and hasattr(cache, "value_cache"):
        each = list(zip(cache.key_cache, cache.value_cache))
    elif hasattr(cache, "to_legacy_cache"):
        each = [_layer(layer) for layer in cache.to_legacy_cache()]
    elif isinstance(cache, Sequence) and not isinstance(cache, (str, bytes)):
        each = [_layer(layer) for layer in cache]
    else:
        raise TypeError(
            f"a {type(cache).__name__} is not a cache: pass a path, a transformers cache, a sequence of (K, V), or a mapping of names to arrays"
        )
    for place, (k, v) in enumerate(each):
        if k is not None and v is not None and not (_is_empty(k) or _is_empty(v)):
            yield place, (k, v)


def _layer(layer: Any) -> tuple[Any, Any]:
    if hasattr(layer, "_quantized_keys") or type(layer).__name__.startswith("Quantized"):
        raise TypeError(
            f"a {type(layer).__name__} holds values that were quantized before: analyze a cache of the model's own type"
        )
    # mlx-lm's layers: unlike their buffers, the state is cut to the tokens that were written.
    if hasattr(layer, "state") and not isinstance(layer, Sequence):
        state = layer.state
        if isinstance(state, Sequence) and len(state) == 2:
            return state[0], state[1]
    if hasattr(layer, "keys") and hasattr(layer, "values"):
        return layer.keys, layer.values
    # In an encoder-decoder's cache, K and V of the encoder follow.
    if isinstance(layer, Sequence) and len(layer) >= 2:
        return layer[0], layer[1]
    raise TypeError(f"a layer of the cache is a {type(layer).__name__}, expected K and V")


def _is_empty(value: Any) -> bool:
    shape = getattr(value, "shape", None)
    # Older caches hold an empty list for a layer without tokens.
    return isinstance(value, list) and not value if shape is None else 0 in tuple(shape)
