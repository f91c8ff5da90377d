# MNN's tree with exp/distribution/kv_dump.hpp, built with MNN_BUILD_LLM
export MNN_KV_DUMP_DIR=dump MNN_KV_DUMP_RUN_ID=my_prompt MNN_KV_DUMP_STAGE=both
./llm_demo model/config.json prompt.txt
