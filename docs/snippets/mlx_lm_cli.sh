mlx_lm.cache_prompt --model mlx-community/SmolLM2-135M-Instruct \
    --prompt - --prompt-cache-file cache.safetensors < prompt.txt
