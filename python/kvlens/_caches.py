"""Converts a cache object to named arrays: transformers' caches of any version, legacy tuples, mlx-lm's lists, mappings.

Classes are recognised by their attributes, not by name, so that no library has to be imported.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional, Union

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
    """The index of each layer with its K and V. Layers without tokens are skipped; of others that have no K and V, a warning tells."""
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
    others = {place: layer for place, layer in enumerate(each) if isinstance(layer, str)}
    if others and len(others) == len(each):
        raise TypeError(f"a layer of the cache is a {others[0]}, expected K and V")
    left_out = [f"layer {place} is a {kind}, without K and V" for place, kind in others.items()]
    found = []
    for place, layer in enumerate(each):
        if isinstance(layer, str):
            continue
        empty = [_is_empty(tensor) for tensor in layer]
        if not any(empty):
            found.append((place, layer))
        elif not all(empty):
            left_out.append(f"layer {place} has {'V but no K' if empty[0] else 'K but no V'}")
    if left_out:
        warnings.warn(f"left out: {'; '.join(left_out)}", stacklevel=5)
    return found


def _layer(layer: Any) -> Union[tuple[Any, Any], str]:
    """K and V of a layer; the name of its class where it is of another kind, such as linear attention."""
    if hasattr(layer, "_quantized_keys") or type(layer).__name__.startswith("Quantized"):
        raise TypeError(
            f"a {type(layer).__name__} holds values that were quantized before: analyze a cache of the model's own type"
        )
    if hasattr(layer, "keys") and hasattr(layer, "values") and not isinstance(layer, Mapping):
        return _written(layer) if hasattr(layer, "state") else (layer.keys, layer.values)
    # In an encoder-decoder's cache, K and V of the encoder follow.
    if isinstance(layer, Sequence) and not isinstance(layer, (str, bytes)) and len(layer) >= 2:
        return layer[0], layer[1]
    return type(layer).__name__


def _written(layer: Any) -> tuple[Any, Any]:
    """K and V of a layer of mlx-lm: the tokens that its buffers hold, oldest first. Buffers have room for more, and may be rings."""
    both = (layer.keys, layer.values)
    if layer.keys is None:
        return both
    index = getattr(layer, "_idx", None)
    if index is not None and hasattr(layer, "max_size"):
        offset = layer._offset if hasattr(layer, "_offset") else layer.offset
        keep = getattr(layer, "keep", 0)
        if keep <= index < min(offset, layer.keys.shape[2]):
            join = sys.modules[type(layer.keys).__module__].concatenate
            k, v = (join([each[..., :keep, :], each[..., index:, :], each[..., keep:index, :]], axis=2) for each in both)
            return k, v
        return layer.keys[..., :index, :], layer.values[..., :index, :]
    if hasattr(layer, "keys_and_values"):
        k, v = layer.keys_and_values()
        return k, v
    # Before mlx-lm 0.32 the state was cut; since then it has the buffers.
    state = layer.state
    return (state[0], state[1]) if len(state) == 2 else both


def _is_empty(value: Any) -> bool:
    if value is None:
        return True
    shape = getattr(value, "shape", None)
    # Older caches hold an empty list for a layer without tokens.
    return isinstance(value, list) and not value if shape is None else 0 in tuple(shape)
