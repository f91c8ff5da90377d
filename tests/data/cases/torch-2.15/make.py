"""Writes caches with PyTorch 2.15 and transformers 5.24 in the forms that people save, each of the values of cache.safetensors: 3 layers of
[1, 2, 70, 8], K and V apart. Random values; pip install torch transformers safetensors numpy joblib."""
import collections, os, pickle, types, torch
from safetensors.torch import save_file
from transformers import DynamicCache, EncoderDecoderCache, LlamaConfig, QuantizedCache, StaticCache

torch.manual_seed(12)
pairs = [(torch.randn(1, 2, 70, 8).half(), torch.randn(1, 2, 70, 8).half()) for _ in range(3)]
save_file({f"layers.{i}.{kv}": t for i, pair in enumerate(pairs) for kv, t in zip(("key", "value"), pair)}, "cache.safetensors")

dynamic = DynamicCache()
static = StaticCache(config=LlamaConfig(num_hidden_layers=3, num_key_value_heads=2, num_attention_heads=2, hidden_size=16), max_cache_len=96)
for i, (k, v) in enumerate(pairs):
    dynamic.update(k, v, i)
    static.update(k, v, i)
torch.save(dynamic, "dynamic_cache.pt")
torch.save(static, "static_cache.pt")
torch.save({"past_key_values": dynamic, "input_ids": torch.arange(70)[None]}, "in_a_dict.pt")


# DynamicCache before transformers 4.54.
old = types.new_class("DynamicCache")
old.__module__, old.__qualname__ = "transformers.cache_utils", "DynamicCache"
instance = old()
instance._seen_tokens, instance.key_cache, instance.value_cache = 70, [k for k, _ in pairs], [v for _, v in pairs]
import transformers.cache_utils

real, transformers.cache_utils.DynamicCache = transformers.cache_utils.DynamicCache, old
torch.save(instance, "old_dynamic_cache.pt")
transformers.cache_utils.DynamicCache = real

torch.save(tuple(pairs), "legacy_tuple.pth")
torch.save(tuple(pairs), "legacy_tuple_stream.bin", _use_new_zipfile_serialization=False)
torch.save({"key_cache": [k for k, _ in pairs], "value_cache": [v for _, v in pairs]}, "lists.pt")
os.makedirs("two_files", exist_ok=True)
torch.save([k for k, _ in pairs], "two_files/keys.pt")
torch.save([v for _, v in pairs], "two_files/values.pt")
torch.save(torch.stack([torch.stack(pair) for pair in pairs]), "stacked_layers_kv.pt")
torch.save({"a": tuple(pairs), "b": tuple(pairs)}, "two_runs.pt")
with open("plain.pkl", "wb") as file:
    pickle.dump(tuple(pairs), file)
with open("numpy.pkl", "wb") as file:
    pickle.dump([(k.numpy(), v.numpy()) for k, v in pairs], file)

# Views: K as [1, tokens, heads, dim] turned, V a part of a longer storage; all in one storage of everything.
whole = torch.zeros(6, 90, 2, 8).half()
for i, (k, v) in enumerate(pairs):
    whole[2 * i, 10:80], whole[2 * i + 1, 10:80] = k[0].transpose(0, 1), v[0].transpose(0, 1)
view = lambda n: whole[n : n + 1, 10:80].transpose(1, 2)
torch.save([(view(2 * i), view(2 * i + 1)) for i in range(3)], "views.pt")
torch.save([(view(2 * i), view(2 * i + 1)) for i in range(3)], "views_stream.pt", _use_new_zipfile_serialization=False)
torch.save([(k[:, :1].expand(1, 4, 70, 8), v[:, :1].expand(1, 4, 70, 8)) for k, v in pairs[:1]], "expanded_heads.pt")
torch.save([(k, v[:, :, 10:50]) for k, v in pairs], "lengths_differ.pt")
torch.save([(k.transpose(1, 2), v) for k, v in pairs], "axes_differ.pt")
torch.save([(k.bfloat16(), v.bfloat16()) for k, v in pairs], "bfloat16.pt")
torch.save([(k.float(), v.float()) for k, v in pairs], "float32.pt")
torch.save([(k.double(), v.double()) for k, v in pairs[:1]], "float64.pt")
torch.save([(k.to(torch.float8_e4m3fn), v.to(torch.float8_e4m3fn)) for k, v in pairs], "float8.pt")

# Several caches in one file, a file for each layer, a file for each tensor, names of one's own.
torch.save({"prompt a": dynamic, "prompt b": dynamic}, "prompts.pt")
torch.save({f"layer_{i}": pair for i, pair in enumerate(pairs)}, "layer_dict.pt")
torch.save((torch.zeros(1, 70, 9), dynamic), "outputs.pt")
for folder in ("per_layer", "per_tensor"):
    os.makedirs(folder, exist_ok=True)
for i, (k, v) in enumerate(pairs):
    torch.save((k, v), f"per_layer/layer_{i}.pt")
    torch.save(k, f"per_tensor/layer_{i}_k.pt")
    torch.save(v, f"per_tensor/layer_{i}_v.pt")
LayerCache = collections.namedtuple("LayerCache", ["keys", "values"])
torch.save([LayerCache(k, v) for k, v in pairs], "named_tuples.pt")
other = EncoderDecoderCache(dynamic, DynamicCache())
other.cross_attention_cache.update(pairs[2][0][:, :, :40], pairs[2][1][:, :, :40], 0)
torch.save(other, "encoder_decoder.pt")
quantized = QuantizedCache("fp8", LlamaConfig(num_hidden_layers=1, num_key_value_heads=2, num_attention_heads=2, hidden_size=16))
quantized.update(*pairs[0], 0)
torch.save(quantized, "quantized.pt")


class Hostile:
    def __reduce__(self):
        return os.system, ("touch /tmp/kvlens-was-here",)


torch.save({"k_0": pairs[0][0], "v_0": pairs[0][1], "x": Hostile()}, "hostile.pt")

# Arrays of NumPy where they are not bytes of their own: as text in torch.save and in pickle's protocol 2, behind their wrapper in joblib's
# files, as objects in numpy.save; and all K, then all V.
import joblib, numpy as np

arrays = [(k.numpy(), v.numpy()) for k, v in pairs]
torch.save({f"layer_{i}": {"k": k, "v": v} for i, (k, v) in enumerate(arrays)}, "numpy_in_a_dict.pt")
with open("protocol_2.pkl", "wb") as file:
    pickle.dump(tuple(pairs), file, protocol=2)
with open("numpy_protocol_2.pkl", "wb") as file:
    pickle.dump(arrays, file, protocol=2)
joblib.dump({"keys": [k for k, _ in arrays], "values": [np.asfortranarray(v) for _, v in arrays]}, "numpy.joblib")
np.save("numpy_objects.npy", {i: {"key": k, "value": v} for i, (k, v) in enumerate(arrays)})
torch.save(([k for k, _ in pairs], [v for _, v in pairs]), "keys_then_values.pt")

# Layers by a number of NumPy, or by a pair of number and name; arrays of other types beside them in joblib's files, those of objects as
# pickles within the pickle.
torch.save({np.int64(i): pair for i, pair in enumerate(pairs)}, "numpy_numbers.pt")
torch.save({(i, kv): t for i, pair in enumerate(pairs) for kv, t in zip(("key", "value"), pair)}, "pairs_as_keys.pt")
beside = {"ids": np.array([7, None], dtype=object), "words": np.array(["a", "bc"]), "mask": np.ones(3, bool), "record": np.zeros(2, "i4,f2")}
joblib.dump(beside | {f"layer_{i}": {"key": k, "value": v} for i, (k, v) in enumerate(arrays)}, "beside_others.joblib")
# The imaginary part of a conjugate keeps the values of the other sign.
other_sign = [tuple(torch.complex(torch.zeros(t.shape), -t.float()).conj().imag for t in pair) for pair in pairs[:1]]
torch.save(other_sign, "other_sign.pt")
