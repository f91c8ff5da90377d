"""Writes prompt_cache.safetensors with mlx-lm 0.32 (save_prompt_cache), a layer of each class of cache, and values.safetensors with what is
in it: layer 0 KVCache, 1 QuantizedKVCache of 4 bits in groups of 32, 2 of 3 bits in groups of 64, 3 RotatingKVCache that has gone round,
4 RotatingKVCache that has not, 5 ArraysCache (linear attention); and cache_list.safetensors, whose only layer is a CacheList of an ArraysCache and
the KVCache of layer 0. Random values; pip install "mlx[cpu]" mlx-lm."""
import mlx.core as mx
from mlx_lm.models.cache import ArraysCache, CacheList, KVCache, QuantizedKVCache, RotatingKVCache, save_prompt_cache

mx.random.seed(12)
tokens, heads, dim = 20, 2, 64
KVCache.step = QuantizedKVCache.step = RotatingKVCache.step = 32
caches = [KVCache(), QuantizedKVCache(32, 4), QuantizedKVCache(64, 3), RotatingKVCache(max_size=16, keep=4), RotatingKVCache(max_size=64, keep=4)]
real = {}
for layer, cache in enumerate(caches):
    for _ in range(tokens):  # token by token, as in decoding
        cache.update_and_fetch(*(mx.random.normal((1, heads, 1, dim)).astype(mx.bfloat16) for _ in "kv"))
    for name, values in (("key", cache.keys), ("value", cache.values)):
        if isinstance(cache, QuantizedKVCache):
            values = mx.dequantize(*values, group_size=cache.group_size, bits=cache.bits)[..., : cache.offset, :]
        elif isinstance(cache, RotatingKVCache):
            values = cache._temporal_order(values)
        else:
            values = values[..., : cache.offset, :]
        real[f"layers.{layer}.{name}"] = mx.contiguous(values)
linear = ArraysCache(2)
linear[0], linear[1] = mx.zeros((1, 3, 16)), mx.zeros((1, 2, 8, 8))
save_prompt_cache("prompt_cache.safetensors", caches + [linear], {"model": "random"})
mx.save_safetensors("values.safetensors", real)
save_prompt_cache("cache_list.safetensors", [CacheList(linear, caches[0])])
