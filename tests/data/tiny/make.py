"""Writes the tiny files of torch.save (PyTorch 2.15), mlx-lm's form and llama.cpp's and MNN's layouts that the damage tests start from."""
import joblib, json, numpy, pickle, struct, torch
from safetensors.torch import save_file

k, v = torch.arange(8).reshape(1, 2, 1, 4).half(), torch.arange(8, 16).reshape(1, 2, 1, 4).half()
torch.save({"k_0": k, "v_0": v}, "tiny.pt")
torch.save({"k_0": k, "v_0": v}, "tiny_stream.pt", _use_new_zipfile_serialization=False)
pickle.dump({"k_0": k.numpy(), "v_0": v.numpy()}, open("tiny.pkl", "wb"))

scalar = torch.tensor(2, dtype=torch.int32)
codes = torch.arange(16).to(torch.int32).reshape(1, 1, 4, 4).view(torch.uint32)
scale = torch.ones(1, 1, 4, 1).half()
tensors = {"0.0": k.reshape(1, 1, 2, 4), "0.1": v.reshape(1, 1, 2, 4), "0.2": scalar, "1.2": scalar.clone(), "1.3": torch.tensor(32, dtype=torch.int32), "1.4": torch.tensor(4, dtype=torch.int32)}
for kv in "01":
    tensors |= {f"1.{kv}.0": codes.clone(), f"1.{kv}.1": scale.clone(), f"1.{kv}.2": scale.clone()}
save_file(tensors, "tiny_mlx.safetensors", {"0.model": "", "1.0": "KVCache", "1.1": "QuantizedKVCache", "2.0": ""})

rows = lambda kind, row, data: struct.pack("<iQ", kind, row) + data
state = b"qsgg" + struct.pack("<II2i", 3, 2, 1, 2) + struct.pack("<II", 1, 2)
state += b"".join(struct.pack("<iIi", cell, 1, 0) for cell in range(2)) + struct.pack("<II", 0, 1)
state += 2 * rows(8, 34, bytes(range(68)))
open("tiny_llama.bin", "wb").write(state)

meta = dict(layout="packed", layer_id=0, used_seq_len=3, max_seq_len=4, kv_heads=1, head_dim=4, bytes_per_elem=2, pack_h=2, pack_l=2, flash_upper_kv=2)
meta |= dict(key_used_bytes=32, value_used_bytes=32, stage="prefill", run_id="r", k_file="packed_k.bin", v_file="packed_v.bin")
json.dump(meta, open("packed_meta_t0_3.json", "w"))

# Arrays of NumPy as text (pickle's protocol 2), behind their wrapper (joblib), and as objects.
pickle.dump({"k_0": k.numpy(), "v_0": v.numpy()}, open("tiny_text.pkl", "wb"), protocol=2)
joblib.dump({"k_0": k.numpy(), "v_0": numpy.asfortranarray(v.numpy())}, "tiny.joblib")
numpy.save("tiny_objects.npy", {"k_0": k.numpy(), "v_0": v.numpy()})

# kvlens pack DUMP -o tiny.kvz --k-scheme tkc:c=0.3,klt=head --v-scheme lossless --sinks 1 --queries
import os
os.makedirs("kvz/r/layer_0", exist_ok=True)
wave = lambda shape, seed: (torch.sin(torch.arange(torch.Size(shape).numel()) * (1.7 + seed)).reshape(shape) * 4).half()
k, v, q = wave((12, 2, 4), 0), wave((12, 2, 4), 1), wave((2, 4, 4), 2)
k[7, 1, 2] = float("inf")
for name, tensor in (("k", k), ("v", v), ("q", q)):
    tensor.numpy().tofile(f"kvz/r/layer_0/{name}.bin")
same = dict(layer_id=0, run_id="r", head_dim=4, bytes_per_elem=2, dtype="fp16")
meta = same | dict(seq_start=0, seq_len=12, seq_end_exclusive=12, kv_heads=2, stage="prefill", k_file="k.bin", v_file="v.bin")
json.dump(meta, open("kvz/r/layer_0/meta_t0_12.json", "w"))
json.dump(same | dict(positions=[9, 11], q_heads=4, q_file="q.bin", scale=0.5, rope_theta=10000.0), open("kvz/r/layer_0/queries_a.json", "w"))
