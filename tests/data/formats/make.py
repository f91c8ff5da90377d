"""Writes the small dumps of this folder, all with the same values, by the tools that people use.

python3 make.py   (Python 3.11, numpy 2.4.6, safetensors 0.8, zstandard 0.25; nothing here is copied from elsewhere)
"""
import io, json, os, shutil, struct, tarfile, zipfile
import numpy as np
import zstandard
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
os.chdir(HERE)
for name in os.listdir("."):
    if name not in ("make.py", "README.md"):
        shutil.rmtree(name) if os.path.isdir(name) else os.remove(name)

RUN, LAYERS, SPANS, HEADS, DIM = "run_7", (0, 2, 10), ((0, 96, "prefill"), (96, 97, "decode")), 2, 8
rng = np.random.default_rng(1)
arrays = {}
for layer in LAYERS:
    for start, end, stage in SPANS:
        for kv in "kv":
            arrays[layer, start, kv] = rng.standard_normal((end - start, HEADS, DIM)).astype("<f2")

# The capture layout.
for layer in LAYERS:
    folder = f"folder/{RUN}/layer_{layer}"
    os.makedirs(folder)
    for start, end, stage in SPANS:
        meta = dict(layer_id=layer, seq_start=start, seq_len=end - start, seq_end_exclusive=end, kv_heads=HEADS, head_dim=DIM,
                    bytes_per_elem=2, dtype="fp16", add=end - start, tensor_seq_len=end, quant_key=False, quant_value=False,
                    flash_attention=True, stage=stage, run_id=RUN, k_file=f"k_t{start}_{end}.bin", v_file=f"v_t{start}_{end}.bin")
        with open(f"{folder}/meta_t{start}_{end}.json", "w") as out:
            json.dump(meta, out, indent=1)
        for kv in "kv":
            arrays[layer, start, kv].tofile(f"{folder}/{kv}_t{start}_{end}.bin")
files = sorted(os.path.relpath(os.path.join(at, name), "folder") for at, _, names in os.walk("folder") for name in names)

# Archives of it. `late.tar.gz` has all metas and K before any V, so that much is to be held or read twice.
def pack_zip(name, method, zip64=False):
    with zipfile.ZipFile(name, "w", method) as out:
        for path in files:
            data = open(f"folder/{path}", "rb").read()
            info = zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0))
            info.compress_type = method
            with out.open(info, "w", force_zip64=zip64) as entry:
                entry.write(data)
        out.comment = b"a comment"

def pack_tar(name, order, format, prefix=""):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=format) as out:
        for path in order:
            info = tarfile.TarInfo(prefix + path)
            data = open(f"folder/{path}", "rb").read()
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    if name.endswith(".gz"):
        import gzip
        open(name, "wb").write(gzip.compress(raw.getvalue(), mtime=0))
    elif name.endswith(".zst"):
        half = len(raw.getvalue()) // 2
        pack = zstandard.ZstdCompressor(write_checksum=True).compress
        skippable = struct.pack("<II", 0x184D2A50, 5) + b"hello"
        open(name, "wb").write(pack(raw.getvalue()[:half]) + skippable + pack(raw.getvalue()[half:]))
    else:
        open(name, "wb").write(raw.getvalue())

pack_zip("stored.zip", zipfile.ZIP_STORED)
pack_zip("deflate.zip", zipfile.ZIP_DEFLATED)
pack_zip("zip64.zip", zipfile.ZIP_DEFLATED, zip64=True)
pack_tar("gnu.tar", files, tarfile.GNU_FORMAT)
pack_tar("pax.tar", files, tarfile.PAX_FORMAT, prefix="a_long_folder_name_/" * 8)
pack_tar("gnu_long.tar", files, tarfile.GNU_FORMAT, prefix="a_long_folder_name_/" * 8)
pack_tar("sorted.tar.gz", files, tarfile.USTAR_FORMAT)
pack_tar("late.tar.gz", sorted(files, key=lambda path: os.path.basename(path)[0] == "v"), tarfile.USTAR_FORMAT)
pack_tar("sorted.tar.zst", files, tarfile.PAX_FORMAT)

# Arrays without metas: the prefill of each layer.
def named(pattern, change=lambda array: array):
    return {pattern.format(layer=layer, kv={"k": words[0], "v": words[1]}[kv]): change(arrays[layer, 0, kv])
            for layer in LAYERS for kv in "kv" for words in [WORDS]}

heads_first = lambda array: np.ascontiguousarray(array.transpose(1, 0, 2))
WORDS = ("k", "v")
np.savez("seq_heads_dim.npz", **named("{kv}_{layer}"))
np.savez_compressed("heads_seq_dim.npz", **named("layers.{layer}.{kv}", heads_first))
np.savez("fortran.npz", **named("{kv}_{layer}", np.asfortranarray))
np.savez("big_endian.npz", **named("{kv}_{layer}", lambda array: array.astype(">f2")))
WORDS = ("key", "value")
np.savez("batch_heads_seq_dim.npz", **named("layer_{layer}_{kv}", lambda array: heads_first(array)[None]))
np.savez("two_batches.npz", **named("{kv}_cache_{layer}", lambda array: np.stack([heads_first(array)] * 2)))
np.savez("no_names.npz", **{f"arr{layer}{kv}x": arrays[layer, 0, kv] for layer in LAYERS for kv in "kv"})
WORDS = ("k", "v")
square = {name: array[:2] for name, array in named("{kv}_{layer}").items()}
np.savez("no_axes.npz", **square)
# fp32 values cut to their upper halves: bf16, as 16-bit integers and as the 2-byte void that ml_dtypes makes numpy write.
bf16 = lambda array: (array.astype("<f4").view("<u4") >> 16).astype("<u2")
np.savez("bf16_u2.npz", **named("{kv}_{layer}", bf16))
np.savez("bf16_void.npz", **named("{kv}_{layer}", lambda array: bf16(array).view("V2")))
os.makedirs("npy/layer_0")
os.makedirs("npy/layer_2")
for layer in (0, 2):
    for kv in "kv":
        np.save(f"npy/layer_{layer}/{kv}.npy", arrays[layer, 0, kv])

WORDS = ("key", "value")
save_file(named("past_key_values.{layer}.{kv}", lambda array: heads_first(array)[None]), "transformers.safetensors")
save_file(named("{kv}_cache.{layer}", lambda array: array.astype("<f4")), "fp32.safetensors")
WORDS = ("k", "v")
save_file(named("model.layers.{layer}.self_attn.{kv}_cache"), "vllm.safetensors", metadata={"made": "by a test"})

# The smallest of each, in ../tiny: what the tests of hostile input start from.
shutil.rmtree("../tiny", ignore_errors=True)
os.makedirs("../tiny")
tiny = {}
for layer in (0, 1):
    meta = dict(layer_id=layer, seq_start=0, seq_len=2, kv_heads=1, head_dim=4, bytes_per_elem=2, dtype="fp16", stage="prefill",
                run_id="r", k_file="k_t0_2.bin", v_file="v_t0_2.bin")
    tiny[f"r/layer_{layer}/meta_t0_2.json"] = json.dumps(meta).encode()
    for kv in "kv":
        tiny[f"r/layer_{layer}/{kv}_t0_2.bin"] = arrays[layer * 2, 0, kv][:2, :1, :4].tobytes()
open("../tiny/meta_t0_2.json", "wb").write(tiny["r/layer_0/meta_t0_2.json"])
with zipfile.ZipFile("../tiny/tiny.zip", "w") as out:
    for number, (path, data) in enumerate(tiny.items()):
        info = zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0))
        info.compress_type = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[number % 2]
        with out.open(info, "w", force_zip64=number % 3 == 0) as entry:
            entry.write(data)
for name, format, prefix in (("gnu", tarfile.GNU_FORMAT, "long_" * 25), ("pax", tarfile.PAX_FORMAT, "long_" * 25)):
    with tarfile.open(f"../tiny/{name}.tar", "w", format=format) as out:
        for number, (path, data) in enumerate(tiny.items()):
            info = tarfile.TarInfo((prefix + "/" if number < 3 else "") + path)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
small = {f"{kv}_{layer}": arrays[layer * 2, 0, kv][:2, :1, :4].copy() for layer in (0, 1) for kv in "kv"}
np.savez_compressed("../tiny/tiny.npz", **small)
np.save("../tiny/k_0.npy", small["k_0"])
np.save("../tiny/v_0.npy", small["v_0"])
save_file(small, "../tiny/tiny.safetensors")
