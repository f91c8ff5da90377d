import json, pathlib, torch
from transformers import AttentionInterface, AttentionMaskInterface, AutoModelForCausalLM, AutoTokenizer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

name, last = "HuggingFaceTB/SmolLM2-135M-Instruct", 64  # your model; queries of so many last tokens
folder = pathlib.Path("dump/my_prompt")


def save(folder, name, tensor):  # [1, heads, tokens, dim] as [tokens, heads, dim] in fp16
    (folder / name).write_bytes(tensor[0].transpose(0, 1).half().contiguous().cpu().numpy().tobytes())


def attention(module, query, key, value, mask, scaling=None, **options):
    tokens, heads, dim = key.shape[2], key.shape[1], key.shape[3]
    layer = folder / f"layer_{module.layer_idx}"
    layer.mkdir(parents=True, exist_ok=True)
    save(layer, "k.bin", key), save(layer, "v.bin", value), save(layer, "q.bin", query[:, :, -last:])
    both = dict(layer_id=module.layer_idx, run_id=folder.name, head_dim=dim, bytes_per_elem=2, dtype="fp16")
    meta = dict(both, stage="prefill", seq_start=0, seq_len=tokens, kv_heads=heads, k_file="k.bin", v_file="v.bin")
    (layer / "meta_t0.json").write_text(json.dumps(meta))
    positions = list(range(tokens - min(last, query.shape[2]), tokens))
    queries = dict(both, positions=positions, q_heads=query.shape[1], q_file="q.bin", scale=scaling or dim**-0.5)
    if window := options.get("sliding_window"):
        queries["sliding_window"] = window
    if softcap := options.get("softcap"):
        queries["logit_softcap"] = softcap
    (layer / "queries_t0.json").write_text(json.dumps(queries))
    return sdpa_attention_forward(module, query, key, value, mask, scaling=scaling, **options)


AttentionInterface.register("save_queries", attention)
AttentionMaskInterface.register("save_queries", sdpa_mask)
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float16, attn_implementation="save_queries")
with torch.no_grad():
    model(**tokenizer(open("prompt.txt").read(), return_tensors="pt"))
