"""What bench/kl.py needs beside a model: dumps with queries as files, the reference's lossy methods, errors, rank correlation. NumPy alone."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy


@dataclass
class Layer:
    """What a layer keeps of a text, and what its last tokens ask for: `[tokens, heads, head_dim]`, fp16, after RoPE."""

    k: numpy.ndarray
    v: numpy.ndarray
    #: Of the positions that were asked for, before the scale.
    q: numpy.ndarray
    scale: float
    #: The layer's sliding window, where it has one.
    window: Optional[int] = None
    softcap: Optional[float] = None


def write(folder: Path, run: str, layers: list[Layer], context: int, positions: list[int]) -> None:
    """Captures of the context and of the tokens after it, and the queries at `positions`."""
    for layer_id, layer in enumerate(layers):
        place = folder / run / f"layer_{layer_id}"
        place.mkdir(parents=True)
        tokens, kv_heads, head_dim = layer.k.shape
        both = {"layer_id": layer_id, "run_id": run, "head_dim": head_dim, "bytes_per_elem": 2, "dtype": "fp16"}
        for stage, first, end in (("prefill", 0, context), ("decode", context, tokens)):
            span = f"t{first}_{end}"
            files = {"k_file": f"k_{span}.bin", "v_file": f"v_{span}.bin"}
            layer.k[first:end].astype("<f2").tofile(place / files["k_file"])
            layer.v[first:end].astype("<f2").tofile(place / files["v_file"])
            meta = {**both, **files, "stage": stage, "seq_start": first, "seq_len": end - first, "kv_heads": kv_heads}
            (place / f"meta_{span}.json").write_text(json.dumps(meta))
        span = f"t{context}_{tokens}"
        layer.q.astype("<f2").tofile(place / f"q_{span}.bin")
        queries = {**both, "positions": positions, "q_heads": layer.q.shape[1], "q_file": f"q_{span}.bin", "scale": layer.scale}
        for key, value in (("sliding_window", layer.window), ("logit_softcap", layer.softcap)):
            if value is not None:
                queries[key] = value
        (place / f"queries_{span}.json").write_text(json.dumps(queries))


def read_context(folder: Path, run: str, layers: list[Layer], context: int) -> list[tuple[numpy.ndarray, numpy.ndarray]]:
    """K and V of the context of each layer, from a folder that `kvlens unpack` made of what `write` wrote."""
    found = []
    for layer_id, layer in enumerate(layers):
        place = folder / run / f"layer_{layer_id}"
        shape = (context, *layer.k.shape[1:])
        k, v = (numpy.fromfile(place / f"{name}_t0_{context}.bin", "<f2").reshape(shape) for name in "kv")
        found.append((k, v))
    return found


def truncate(values: numpy.ndarray, bits: int) -> numpy.ndarray:
    """The reference's truncation of fp16: all but the first `bits` of the 10 mantissa bits become 0."""
    mask = 0xFFFF & ~((1 << (10 - bits)) - 1)
    return (values.view("<u2") & numpy.uint16(mask)).view("<f2")


def quantize(values: numpy.ndarray, bits: int) -> numpy.ndarray:
    """The reference's uniform steps with one scale a tensor, back in fp16."""
    limit = (1 << (bits - 1)) - 1
    exact = values.astype(numpy.float32)
    scale = numpy.float32(numpy.abs(exact).max() / limit) or numpy.float32(1)
    return (numpy.clip(numpy.rint(exact / scale), -limit, limit) * scale).astype("<f2")


@dataclass(frozen=True)
class Errors:
    """Errors of a layer, or their means over layers, as `kvlens` has them."""

    attention: float
    index: float
    cosine_k: float
    cosine_v: float


def errors(layer: Layer, k: numpy.ndarray, v: numpy.ndarray, positions: list[int]) -> Errors:
    """Of a layer whose first tokens are `k` and `v` instead."""
    sides = []
    for exact, changed in ((layer.k, k), (layer.v, v)):
        exact = exact.astype(numpy.float64)
        whole = numpy.concatenate([changed.astype(numpy.float64), exact[len(changed) :]])
        squares = (exact**2).sum(2)
        token = ((whole - exact) ** 2).sum(2) / numpy.where(squares > 0, squares, 1)
        cosine = (whole * exact).sum() / math.sqrt((whole**2).sum() * (exact**2).sum())
        sides.append((whole, token.mean() + 0.1 * token[0].mean(), cosine))
    (k, k_index, k_cosine), (v, v_index, v_cosine) = sides
    exact = outputs(layer, layer.k.astype(numpy.float64), layer.v.astype(numpy.float64), positions)
    attention = ((outputs(layer, k, v, positions) - exact) ** 2).sum() / (exact**2).sum()
    return Errors(attention, k_index + v_index, k_cosine, v_cosine)


def outputs(layer: Layer, k: numpy.ndarray, v: numpy.ndarray, positions: list[int]) -> numpy.ndarray:
    """What attention gives out for the layer's queries: `[positions, heads, head_dim]`."""
    repeat = layer.q.shape[1] // k.shape[1]
    k, v = numpy.repeat(k, repeat, 1), numpy.repeat(v, repeat, 1)
    found = numpy.empty(layer.q.shape)
    for place, position in enumerate(positions):
        first = 0 if layer.window is None else max(0, position + 1 - layer.window)
        scores = layer.scale * numpy.einsum("hd,thd->ht", layer.q[place].astype(numpy.float64), k[first : position + 1])
        if layer.softcap is not None:
            scores = layer.softcap * numpy.tanh(scores / layer.softcap)
        weights = numpy.exp(scores - scores.max(1, keepdims=True))
        found[place] = numpy.einsum("ht,thd->hd", weights / weights.sum(1, keepdims=True), v[first : position + 1])
    return found


def spearman(one: list[float], other: list[float]) -> float:
    """Correlation of the ranks; equal values share theirs."""
    return float(numpy.corrcoef(ranks(one), ranks(other))[0, 1])


def ranks(values: list[float]) -> numpy.ndarray:
    """The place of each value in order, the mean place where several are equal."""
    _, inverse, counts = numpy.unique(values, return_inverse=True, return_counts=True)
    return (numpy.cumsum(counts) - (counts - 1) / 2)[inverse]


def ratio_at(kl: float, points: list[tuple[float, float]]) -> Optional[float]:
    """The ratio at this KL, between the two nearest of `points` (KL, ratio), on logarithmic axes; `None` beyond all of them."""
    points = sorted(points)
    for (low, above), (high, below) in zip(points, points[1:]):
        if low <= kl <= high:
            share = math.log(kl / low) / math.log(high / low) if high > low else 0.0
            return above * (below / above) ** share
    return None
