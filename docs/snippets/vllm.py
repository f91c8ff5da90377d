from vllm import LLM, SamplingParams
from vllm.config import KVTransferConfig

connector = KVTransferConfig(
    kv_connector="ExampleConnector",  # SharedStorageConnector before 0.12
    kv_role="kv_both",
    kv_connector_extra_config={"shared_storage_path": "dump"},
)
model = LLM("HuggingFaceTB/SmolLM2-135M-Instruct", kv_transfer_config=connector)  # your model
model.generate(open("prompt.txt").read(), SamplingParams(max_tokens=1))
