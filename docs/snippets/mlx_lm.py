import mlx.core as mx
from mlx_lm import load
from mlx_lm.models.cache import make_prompt_cache, save_prompt_cache

model, tokenizer = load("mlx-community/SmolLM2-135M-Instruct")  # your model
cache = make_prompt_cache(model)
tokens = mx.array(tokenizer.encode(open("prompt.txt").read()))
model(tokens[None], cache=cache)
save_prompt_cache("cache.safetensors", cache)
