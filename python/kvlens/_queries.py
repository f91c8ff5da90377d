"""Captured queries of a cache in memory: their arrays and parameters, and whether the dump understood them all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ._arrays import Array, array

#: What is known of a layer's queries, beside the array itself.
_FIELDS = ("positions", "scale", "rope_theta", "sliding_window", "logit_softcap")

Queries = Mapping[int, Mapping[str, Any]]


def named(queries: Queries) -> tuple[list[Array], dict[str, str]]:
    """The arrays under their names, and what is known of them as a safetensors file's metadata.

    Raises:
        ValueError: When a layer has no ``q``, or fields of other names (all are listed).
    """
    arrays, metadata, wrong = [], {}, []
    for layer, each in queries.items():
        if "q" not in each:
            wrong.append(f"queries of layer {layer}: q is missing")
            continue
        arrays.append(array(_name(layer), each["q"]))
        for field, value in each.items():
            if field in _FIELDS and value is not None:
                value = value.tolist() if hasattr(value, "tolist") else value
                value = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else value
                metadata[f"{_name(layer)}.{field}"] = json.dumps(value)
            elif field not in ("q", *_FIELDS):
                wrong.append(f"queries of layer {layer}: {field} is not one of q, {', '.join(_FIELDS)}")
    if wrong:
        raise ValueError("\n".join(wrong))
    return arrays, metadata


def check(queries: Queries, summary: Mapping[str, Any]) -> None:
    """Checks that the dump has captures of the queries' layers, and could use the queries.

    Raises:
        ValueError: When it does not (all layers are listed).
    """
    if not summary["captures"]:
        # That is said by itself.
        return
    layers = {each["layerId"] for each in summary["layers"]}
    wrong = [f"queries of layer {layer}: the cache has no such layer" for layer in queries if layer not in layers]
    for layer in queries:
        told = (problem["message"] for problem in summary["problems"] if problem["file"].endswith(f"/{_name(layer)}"))
        wrong += [f"queries of layer {layer}: {message}" for message in told]
    if wrong:
        raise ValueError("\n".join(wrong))


def _name(layer: int) -> str:
    return f"layers.{layer}.q"
