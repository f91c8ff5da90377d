"""Runs a real model on what kvlens stored of its cache, and sets the KL that comes of it beside the one that kvlens estimates.

    python bench/kl.py MODEL --text FILE [--context 2048] [--evaluated 256] [--texts 1] [--schemes NAME ...] [--out FILE.csv]

The model reads `--context` tokens, then `--evaluated` more. K and V of all of them and queries of the latter go to a dump. Each scheme
stores it (`kvlens pack`, the evaluated tokens left as they are), `kvlens unpack` gives it back, and the model reads the evaluated tokens
again on the context that came back. KL is that of the next token against what the model says on the fp16 cache, in nats, the mean over the
evaluated tokens of all texts.

MODEL is a folder or name of a causal model for transformers, a `.gguf` (needs gguf and accelerate), or a checkpoint of llama2.c (`.bin`,
with --tokenizer). Only a name asks the network. Needs `pip install torch transformers` and the command line (`cargo build --release`).

Schemes are named as for `kvlens pack --scheme`: `q8_0`, of K and of V `q8_0/q4_0`; or limits: `min-cosine=0.999`, `max-index=0.01`,
`max-attention-error=0.002`; or the reference's `truncate:3` and `quant:8`, of which the size is what `kvlens mixed` says. `+sink4` leaves the
first four tokens as they are, `+recent32` the last ones before those evaluated.
"""

import argparse
import csv
import os
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Optional

import kl_dump
from kl_dump import Errors, Layer

SCHEMES = (
    "lossless truncate:2 truncate:3 truncate:4 truncate:6 quant:4 quant:6 quant:8 q8_0 q8_0/q4_0 q5_1 q5_0 q4_1 q4_0 "
    "q4_0+sink4 hadamard+q4_0 mlx:b=8,g=64 mlx:b=4,g=64 mlx:b=3,g=64 fp8_e4m3 fp8_e5m2 nvfp4 mxfp4 mxfp8 "
    "int:b=8,per=tensor,sym int:b=6,per=tensor,sym int:b=6,per=tensor,sym+sink4 int:b=4,per=channel,asym "
    "int:b=4,per=token,asym kivi4 kivi4+sink4 kivi2 kivi2+sink4 turbo4 turbo3 turbo2 tkc:c=0.1+sink4 tkc:c=0.2+sink4 "
    "tkc:c=0.3+sink4 tkc:c=0.4/tkc:c=0.8+sink4 tkc:c=0.5+sink4 tkc:c=0.7+sink4 tkc:c=0.7/tkc:c=0.35+sink4 tkc:c=1+sink4 "
    "min-cosine=0.999+sink4 min-cosine=0.99+sink4 max-attention-error=0.002+sink4 max-attention-error=0.0035+sink4"
).split()


#: What kvlens estimates with.
KL_BY_ATTENTION_ERROR = 7


@dataclass
class Text:
    """A text that the model read."""

    run: str
    tokens: list[int]
    layers: list[Layer]


@dataclass
class Row:
    """A line of the table."""

    scheme: str
    stored_k: str
    stored_v: str
    context_bytes: int
    ratio: float
    attention_error: float
    index: float
    cosine_k: float
    cosine_v: float
    estimated_kl: float
    measured_kl: float = 0.0
    equal_first_choice: float = 0.0


class Bench:
    """The texts of a model in a dump, and what becomes of them."""

    def __init__(self, args: argparse.Namespace, scratch: Path) -> None:
        # torch takes seconds to start, which --help and wrong flags need not wait for.
        import kl_models

        self.kvlens, self.context, self.scratch = args.kvlens, args.context, scratch
        self.model = kl_models.load(args.model, args.tokenizer)
        length = args.context + args.evaluated
        self.positions = list(range(args.context, length, args.every))
        self.texts = []
        for number, tokens in enumerate(texts(self.model, args, length)):
            layers = self.model.capture(tokens, self.positions)
            self.texts.append(Text(f"text_{number}", tokens, layers))
            kl_dump.write(self.dump, self.texts[-1].run, layers, args.context, self.positions)
        self.evaluated = args.evaluated
        self.exact = [self.model.after(self.exact_context(text), text.tokens[self.context :]) for text in self.texts]

    @property
    def dump(self) -> Path:
        """Where the dump is."""
        return self.scratch / "dump"

    def exact_context(self, text: Text) -> list:
        """The context as it was captured."""
        return [(layer.k[: self.context], layer.v[: self.context]) for layer in text.layers]

    def perplexity(self) -> float:
        """Of the evaluated tokens on the fp16 cache."""
        import torch

        said = [
            exact[place, token] for exact, text in zip(self.exact, self.texts) for place, token in enumerate(text.tokens[self.context + 1 :])
        ]
        return float(torch.stack(said).mean().neg().exp())

    def row(self, scheme: str) -> Row:
        """What a scheme takes and does."""
        reference = re.fullmatch(r"(truncate|quant):(\d+)", scheme)
        row, contexts = self.by_reference(scheme, *reference.groups()) if reference else self.packed(scheme)
        divergences, equal = [], []
        for text, exact, context in zip(self.texts, self.exact, contexts):
            found = self.model.after(context, text.tokens[self.context :])
            # A few rows at a time: vocabularies are large.
            for one, other in zip(exact.split(16), found.split(16)):
                one, other = one.double(), other.double()
                divergences += (one.exp() * (one - other)).sum(1).tolist()
                equal += (one.argmax(1) == other.argmax(1)).tolist()
        row.measured_kl, row.equal_first_choice = statistics.fmean(divergences), statistics.fmean(equal)
        return row

    def packed(self, scheme: str) -> tuple[Row, list]:
        """Stores the dump by kvlens, and what it gives back."""
        name, kept = re.fullmatch(r"(.*?)((?:\+(?:sink|recent)\d+)*)", scheme).groups()
        sinks, recent = ([int(n) for n in re.findall(rf"\+{what}(\d+)", kept)] or [0] for what in ("sink", "recent"))
        limit = re.fullmatch(r"(min-cosine|max-index|max-attention-error)=(.*)", name)
        k, _, v = name.partition("/")
        flags = [f"--{limit[1]}", limit[2]] if limit else ["--k-scheme", k, "--v-scheme", v or k]
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            file, back = Path(folder) / "cache.kvz", Path(folder) / "back"
            flags += ["--sinks", str(sinks[-1]), "--recent", str(recent[-1] + self.evaluated), "-o", str(file)]
            told = run([self.kvlens, "pack", str(self.dump), *flags])
            run([self.kvlens, "unpack", str(file), "--out-dir", str(back)])
            contexts = [kl_dump.read_context(back, text.run, text.layers, self.context) for text in self.texts]
        return row_of(scheme, told, *self.sizes()), contexts

    def sizes(self) -> tuple[int, int]:
        """Bytes of K and V of the contexts, and of the evaluated tokens, as they are."""
        a_token = sum(2 * (layer.k[0].size + layer.v[0].size) for text in self.texts for layer in text.layers)
        return self.context * a_token, self.evaluated * a_token

    def by_reference(self, scheme: str, method: str, bits: str) -> tuple[Row, list]:
        """What a method of the reference makes of the contexts; its size is that of the byte planes, as zstd has them."""
        change = {"truncate": kl_dump.truncate, "quant": kl_dump.quantize}[method]
        contexts = [[tuple(change(side, int(bits)) for side in layer) for layer in self.exact_context(text)] for text in self.texts]
        every = [
            kl_dump.errors(layer, k, v, self.positions)
            for text, context in zip(self.texts, contexts)
            for layer, (k, v) in zip(text.layers, context)
        ]
        means = Errors(*(statistics.fmean(column) for column in zip(*map(astuple, every))))
        flag = {"truncate": "--lossy-mantissa-bits", "quant": "--lossy-bits"}[method]
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            flags = ["--stage", "prefill", "--lossless-first-n", "0", "--lossy-method", method, flag, bits, "--out-dir", folder]
            run([self.kvlens, "mixed", "--dump-dir", str(self.dump), *flags])
            summary = (Path(folder) / "mixed_summary.md").read_text()
        ratio = float(re.search(r"Weighted KV ratio: (\S+)", summary)[1])
        raw, _ = self.sizes()
        return Row(scheme, method, method, round(raw / ratio), ratio, *astuple(means), KL_BY_ATTENTION_ERROR * means.attention), contexts


def row_of(scheme: str, told: str, raw: int, evaluated: int) -> Row:
    """What `kvlens pack` says of a scheme. The evaluated tokens are in its file as they are, unless all of it is lossless."""
    lines = {
        "sizes": r"K (\S+): (\d+) bytes, .*?; V (\S+): (\d+) bytes",
        "k": r"K read back: cosine (\S+) .*index (\S+)",
        "v": r"V read back: cosine (\S+) .*index (\S+)",
        "attention": r"attention error (\S+): estimated KL (\S+)",
    }
    found = {name: re.search(line, told) for name, line in lines.items()}
    if missing := [name for name, match in found.items() if match is None]:
        raise SystemExit(f"kvlens pack did not say {' and '.join(missing)} of {scheme}: this script is of another version than --kvlens\n{told}")
    (k_scheme, k_bytes, v_scheme, v_bytes), k, v, (attention, estimate) = (found[name].groups() for name in lines)
    stored = int(k_bytes) + int(v_bytes)
    # A lossless tensor is coded whole: the context has its share of it.
    whole = [int(size) for kind, size in ((k_scheme, k_bytes), (v_scheme, v_bytes)) if kind == "lossless"]
    raw_tail = evaluated * (2 - len(whole)) // 2
    context = round(stored - raw_tail - sum(whole) * evaluated / (raw + evaluated))
    return Row(
        scheme, k_scheme, v_scheme, context, raw / context, float(attention), float(k[1]) + float(v[1]), float(k[0]), float(v[0]), float(estimate)
    )


def texts(model, args: argparse.Namespace, length: int) -> list[list[int]]:
    """The tokens of each text."""
    if args.tell is not None:
        return [model.tell(length, args.tell + number) for number in range(args.texts)]
    tokens = model.encode(Path(args.text).read_text())
    size = length - len(model.start)
    if len(tokens) < args.texts * size:
        wanted = f"{args.texts} texts of {length} need {args.texts * size}"
        raise SystemExit(f"{args.text} has {len(tokens)} tokens, {wanted}: give a longer file, or less --context")
    return [model.start + tokens[number * size : (number + 1) * size] for number in range(args.texts)]


class Refused(Exception):
    """What kvlens said when it did not do what was asked."""


def run(command: list[str]) -> str:
    """What a command says."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Refused(done.stderr.strip())
    return done.stdout


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a folder or name for transformers, a .gguf, or a llama2.c .bin")
    parser.add_argument("--tokenizer", help="the tokenizer.bin of a llama2.c checkpoint; else a folder or name, where the model's has none")
    text = parser.add_mutually_exclusive_group(required=True)
    text.add_argument("--text", metavar="FILE", help="what the model reads")
    text.add_argument("--tell", metavar="SEED", type=int, help="the model reads what it tells itself, at temperature 1: for tiny models")
    parser.add_argument("--texts", type=int, default=1, help="texts, one after the other in the file; each is a run of the dump (default 1)")
    parser.add_argument("--context", type=int, default=2048, help="tokens whose K and V are stored (default 2048)")
    parser.add_argument("--evaluated", type=int, default=256, help="tokens after them, whose next tokens are compared (default 256)")
    parser.add_argument("--every", type=int, default=4, help="queries of every so many of these are in the dump (default 4)")
    parser.add_argument("--schemes", nargs="+", default=SCHEMES, metavar="NAME", help="see above (default: 48 of all kinds)")
    parser.add_argument("--kvlens", default="target/release/kvlens", help="the command line (default target/release/kvlens)")
    parser.add_argument("--out", metavar="FILE", help="where the table goes too, as CSV")
    args = parser.parse_args()
    for flag in ("texts", "context", "evaluated", "every"):
        if getattr(args, flag) < 1:
            parser.error(f"--{flag} is {getattr(args, flag)}: 1 and more")
    if not Path(args.kvlens).is_file():
        parser.error(f"there is no {args.kvlens}: build it with cargo build --release, or say where it is with --kvlens")
    return args


def main() -> None:
    """Prints a line for each scheme, then what they say together."""
    args = arguments()
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(args, Path(scratch))
        print(f"# perplexity {bench.perplexity():.3f} on {len(bench.texts)} x {args.evaluated} tokens after {args.context}")
        names = [field.name for field in fields(Row)]
        rows: list[Row] = []
        with open(args.out or os.devnull, "w", newline="") as file:
            tables = [csv.writer(out, lineterminator="\n") for out in (sys.stdout, file)]
            for line in [names, *args.schemes]:
                if line is not names:
                    try:
                        rows.append(bench.row(line))
                    except Refused as error:
                        print(f"{line} is left out: {error}", file=sys.stderr)
                        continue
                    line = [value if not isinstance(value, float) else f"{value:.6g}" for value in astuple(rows[-1])]
                for table in tables:
                    table.writerow(line)
                sys.stdout.flush()
                file.flush()
    print("\n".join(f"# {line}" for line in together(rows)))


def together(rows: list[Row]) -> list[str]:
    """What the rows say together; those without an error say nothing of estimates."""
    lossy = [row for row in rows if row.attention_error > 0 and row.measured_kl > 0]
    if len(lossy) < 3:
        return ["too few schemes for a correlation"]
    kl = [row.measured_kl for row in lossy]
    factors = [row.measured_kl / row.attention_error for row in lossy]
    within = [row for row in lossy if 0.5 <= row.measured_kl / row.estimated_kl <= 2]
    lines = [
        f"{len(lossy)} schemes; Spearman with the measured KL: attention error {kl_dump.spearman([row.attention_error for row in lossy], kl):.3f}, "
        f"index {kl_dump.spearman([row.index for row in lossy], kl):.3f}, "
        f"worse cosine {kl_dump.spearman([-min(row.cosine_k, row.cosine_v) for row in lossy], kl):.3f}",
        f"measured KL / attention error: median {statistics.median(factors):.2f}, from {min(factors):.2f} to {max(factors):.2f}",
        f"estimates within a factor of two: {len(within)} of {len(lossy)}",
    ]
    lines += [f"  not {row.scheme}: measured {row.measured_kl:.3g}, estimated {row.estimated_kl:.3g}" for row in lossy if row not in within]
    coded = [(row.measured_kl, row.ratio) for row in lossy if row.stored_k.startswith("tkc") and row.stored_v.startswith("tkc")]
    for row in lossy:
        if row.scheme.startswith(("truncate", "quant")) and (ratio := kl_dump.ratio_at(row.measured_kl, coded)):
            lines.append(f"at the KL of {row.scheme} ({row.measured_kl:.3g}): tkc {ratio:.2f}x, {row.scheme} {row.ratio:.2f}x")
    return lines


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        # A file that is not there, or a model that transformers does not find.
        raise SystemExit(f"kl.py: {error}") from error
