llama-server -m model.gguf --slot-save-path . --no-warmup --port 8080 &
until curl -sf localhost:8080/health; do sleep 1; done
jq -Rs '{prompt: ., n_predict: 0, cache_prompt: true, id_slot: 0}' prompt.txt |
    curl -s localhost:8080/completion -H "Content-Type: application/json" -d @- > /dev/null
curl -s "localhost:8080/slots/0?action=save" -H "Content-Type: application/json" -d '{"filename": "slot.bin"}'
kill %1
