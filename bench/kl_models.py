"""Models that bench/kl.py runs: a text's K, V and queries layer by layer, and the logits after a context whose K and V were changed.

All run through transformers, with an attention function of our own that captures, or puts other K and V in the context's place. A llama2.c
checkpoint (https://github.com/karpathy/llama2.c, the format of its first version) becomes a Llama of transformers; its K and queries are
handed out as llama2.c itself has them, rotated in neighbouring pairs.
"""

import struct
from pathlib import Path
from typing import Callable, Optional

import numpy
import torch
from kl_dump import Layer
from transformers import AttentionInterface, AttentionMaskInterface, AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

Context = list[tuple[numpy.ndarray, numpy.ndarray]]

#: Queries whose weights are held at a time.
ROWS = 256


def load(name: str, tokenizer: Optional[str]) -> "Model":
    """The model in a folder, a `.gguf`, a llama2.c `.bin`, or of that name on Hugging Face."""
    path = Path(name)
    if path.suffix == ".bin":
        if tokenizer is None:
            raise SystemExit(f"{path} is taken for a checkpoint of llama2.c: say where its tokenizer.bin is with --tokenizer")
        return llama2c(path, Path(tokenizer))
    where, options = name, {}
    if path.suffix == ".gguf":
        where, options = str(path.parent), {"gguf_file": path.name}
    attend = Attention()
    model = AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32, attn_implementation=attend.name, **options)
    words = AutoTokenizer.from_pretrained(tokenizer or where, **({} if tokenizer else options))
    bos = [words.bos_token_id] if words("a").input_ids[0] == words.bos_token_id else []
    return Model(model, attend, lambda text: words(text, add_special_tokens=False).input_ids, bos)


class Attention:
    """The attention function: transformers calls it once a layer."""

    name = "kvlens_kl"

    def __init__(self) -> None:
        #: What was captured, by layer; of queries those at `positions`.
        self.layers: dict[int, Layer] = {}
        self.positions: Optional[list[int]] = None
        #: K and V of the tokens before those that run, by layer.
        self.context: Optional[Context] = None
        #: Places of head_dim in the order of the one who made the model; `None` for that of transformers.
        self.order: Optional[numpy.ndarray] = None
        AttentionInterface.register(self.name, self)
        AttentionMaskInterface.register(self.name, lambda *_, **__: None)

    def __call__(self, module, query, key, value, _mask, scaling=None, **options):
        if options.get("s_aux") is not None:
            raise SystemExit("models with learned attention sinks are not supported: kvlens knows no such attention")
        scale = scaling or query.shape[3] ** -0.5
        window, softcap = options.get("sliding_window"), options.get("softcap")
        if self.positions is not None:
            k, v, q = (tensor[0].transpose(0, 1).numpy().astype("<f2") for tensor in (key, value, query[:, :, self.positions]))
            if self.order is not None:
                k, q = k[..., self.order], q[..., self.order]
            self.layers[module.layer_idx] = Layer(k, v, q, scale, window, softcap)
        if self.context is not None:
            k, v = self.context[module.layer_idx]
            if self.order is not None:
                k = k[..., numpy.argsort(self.order)]
            k, v = (torch.from_numpy(values.astype(numpy.float32)).transpose(0, 1)[None] for values in (k, v))
            key, value = torch.cat([k, key], 2), torch.cat([v, value], 2)
        return attended(query, key, value, scale, window, softcap), None


def attended(query, key, value, scale: float, window: Optional[int], softcap: Optional[float]) -> torch.Tensor:
    """Causal attention of the last tokens over all: `[1, tokens, heads, head_dim]`."""
    repeat = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(repeat, 1), value.repeat_interleave(repeat, 1)
    before = key.shape[2] - query.shape[2]
    seen = torch.arange(key.shape[2])
    parts = []
    for first in range(0, query.shape[2], ROWS):
        rows = query[:, :, first : first + ROWS]
        scores = scale * rows @ key.transpose(2, 3)
        if softcap is not None:
            scores = softcap * torch.tanh(scores / softcap)
        position = (before + first + torch.arange(rows.shape[2]))[:, None]
        hidden = seen > position
        if window is not None:
            hidden |= seen <= position - window
        parts.append(scores.masked_fill(hidden, -torch.inf).softmax(3) @ value)
    return torch.cat(parts, 2).transpose(1, 2)


class Model:
    """A model, and what turns text into its tokens."""

    def __init__(self, model, attention: Attention, encode: Callable[[str], list[int]], start: list[int]) -> None:
        self.model = model.eval()
        self.attention = attention
        self.encode = encode
        #: Tokens that every text begins with.
        self.start = start

    @torch.no_grad()
    def capture(self, tokens: list[int], positions: list[int]) -> list[Layer]:
        """K and V of the tokens in every layer, and the queries at `positions`."""
        self.attention.layers = {}
        self.attention.positions = positions
        try:
            self.run(tokens, 0)
        finally:
            self.attention.positions = None
        layers = self.attention.layers
        if sorted(layers) != list(range(len(layers))):
            raise SystemExit(f"only layers {sorted(layers)} have attention with K and V of their own: such models are not supported")
        return [layers[layer] for layer in sorted(layers)]

    @torch.no_grad()
    def after(self, context: Context, tokens: list[int]) -> torch.Tensor:
        """Logarithms of the probabilities that each of these tokens gives the next one, after a context of which K and V are given."""
        self.attention.context = context
        try:
            return self.run(tokens, len(context[0][0])).log_softmax(1)
        finally:
            self.attention.context = None

    @torch.no_grad()
    def tell(self, count: int, seed: int) -> list[int]:
        """So many tokens of the model's own, at temperature 1. Every token runs the whole text again: for tiny models."""
        dice = torch.Generator().manual_seed(seed)
        tokens = list(self.start)
        while len(tokens) < count:
            tokens.append(int(torch.multinomial(self.run(tokens, 0)[-1].softmax(0), 1, generator=dice)))
        return tokens

    def run(self, tokens: list[int], first: int) -> torch.Tensor:
        """Logits of the tokens, of which the first one is at position `first`."""
        places = torch.arange(first, first + len(tokens))[None]
        return self.model(torch.tensor([tokens]), position_ids=places, use_cache=False).logits[0].float()


def llama2c(path: Path, tokenizer: Path) -> Model:
    """A checkpoint of llama2.c with its tokenizer."""
    data = path.read_bytes()
    if len(data) < 28:
        raise SystemExit(f"{path} has {len(data)} bytes: no checkpoint of llama2.c")
    dim, hidden, layers, heads, kv_heads, vocabulary, positions = struct.unpack_from("<7i", data)
    size = dim // max(heads, 1)
    shapes = {
        "embed_tokens": (abs(vocabulary), dim),
        "input_layernorm": (layers, dim),
        "self_attn.q_proj": (layers, dim, dim),
        "self_attn.k_proj": (layers, kv_heads * size, dim),
        "self_attn.v_proj": (layers, kv_heads * size, dim),
        "self_attn.o_proj": (layers, dim, dim),
        "post_attention_layernorm": (layers, dim),
        "mlp.gate_proj": (layers, hidden, dim),
        "mlp.down_proj": (layers, dim, hidden),
        "mlp.up_proj": (layers, hidden, dim),
        "norm": (dim,),
        "rotations": (2, positions, size // 2),
        **({"lm_head": (-vocabulary, dim)} if vocabulary < 0 else {}),
    }
    wanted = 28 + 4 * sum(int(numpy.prod(shape)) for shape in shapes.values())
    if min(dim, hidden, layers, heads, kv_heads, positions) < 1 or wanted != len(data):
        raise SystemExit(f"{path} has {len(data)} bytes where a checkpoint of llama2.c (first version, fp32) of its header has {wanted}")
    weights, offset = {}, 28
    for name, shape in shapes.items():
        weights[name] = torch.from_numpy(numpy.frombuffer(data, "<f4", int(numpy.prod(shape)), offset).reshape(shape).copy())
        offset += 4 * weights[name].numel()
    # transformers turns a value with the one half a head away, llama2.c with its neighbour.
    halves = torch.cat([torch.arange(0, size, 2), torch.arange(1, size, 2)])
    for name in ("self_attn.q_proj", "self_attn.k_proj"):
        weights[name] = weights[name].unflatten(1, (-1, size))[:, :, halves].flatten(1, 2)
    state = {"lm_head.weight": weights.get("lm_head", weights["embed_tokens"])}
    state |= {f"model.{name}.weight": weights[name] for name in ("embed_tokens", "norm")}
    for name in list(shapes)[1:10]:
        state |= {f"model.layers.{layer}.{name}.weight": weights[name][layer] for layer in range(layers)}
    config = LlamaConfig(
        hidden_size=dim,
        intermediate_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        vocab_size=abs(vocabulary),
        max_position_embeddings=positions,
        rms_norm_eps=1e-5,
        tie_word_embeddings=vocabulary > 0,
        attn_implementation=Attention.name,
    )
    attention = Attention()
    model = LlamaForCausalLM(config)
    model.load_state_dict(state)
    attention.order = numpy.argsort(halves.numpy())
    return Model(model, attention, Pieces(tokenizer, abs(vocabulary)).encode, [1])


class Pieces:
    """The tokenizer of llama2.c: characters, merged as long as the vocabulary has the pair, the best score first."""

    def __init__(self, path: Path, count: int) -> None:
        data, offset = path.read_bytes(), 4
        self.scores: list[float] = []
        self.texts: list[bytes] = []
        try:
            for _ in range(count):
                score, length = struct.unpack_from("<fi", data, offset)
                self.scores.append(score)
                self.texts.append(data[offset + 8 : offset + 8 + length])
                offset += 8 + length
        except struct.error as error:
            raise SystemExit(f"{path} has {len(self.texts)} pieces where the checkpoint has {count}") from error
        self.ids = {text: token for token, text in reversed(list(enumerate(self.texts)))}

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, a space before it."""
        # No piece reaches over a space.
        return [token for word in text.split(" ") for token in self.word(" " + word)]

    def word(self, text: str) -> list[int]:
        """The tokens of a word with the space before it."""
        tokens: list[int] = []
        for character in text:
            encoded = character.encode()
            # The first three tokens are the unknown one and the ends of a text; those of single bytes follow.
            tokens += [self.ids[encoded]] if encoded in self.ids else [byte + 3 for byte in encoded]
        while True:
            pairs = [self.ids.get(self.texts[one] + self.texts[two]) for one, two in zip(tokens, tokens[1:])]
            known = [place for place, pair in enumerate(pairs) if pair is not None]
            if not known:
                return tokens
            best = max(known, key=lambda place: self.scores[pairs[place]])
            tokens[best : best + 2] = [pairs[best]]
