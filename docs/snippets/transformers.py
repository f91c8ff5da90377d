import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

name = "HuggingFaceTB/SmolLM2-135M-Instruct"  # your model
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float16)
inputs = tokenizer(open("prompt.txt").read(), return_tensors="pt").to(model.device)
with torch.no_grad():
    logits, cache = model(**inputs, use_cache=True)[:2]
torch.save(cache, "cache.pt")
