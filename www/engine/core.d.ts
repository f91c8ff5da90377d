// Types of values passed between the page and the core. Generated from the Rust types by `cargo test --lib types_of_the_page`; do not edit.

/**
 * Description of an analysis. Serialises with its settings, for the page's form.
 */
export type AnalysisSpec = { 
/**
 * Name on the command line: `mixed`.
 */
name: string, 
/**
 * Name on the page.
 */
label: string, 
/**
 * What question it answers, in one sentence.
 */
help: string, 
/**
 * Whether a capture has one row or several.
 */
variants: Variants, 
/**
 * What a variant is called: `combination`, `method`.
 */
variantNoun: string, 
/**
 * Name of the analysis that can be run with a variant's settings, where there is one.
 */
variantAnalysis: string | null, 
/**
 * Whether it has rows for lossless layers.
 */
measuresLossless: boolean, 
/**
 * Names of the page's charts that suit its report, the most useful first.
 */
charts: Array<string>, 
/**
 * Settings: the method's own first, then shared ones.
 */
params: Array<ParamSpec>, };

/**
 * One array, as its file describes it.
 */
export type ArrayInfo = { 
/**
 * Its name.
 */
name: string, 
/**
 * `fp16`, `bf16`, `fp32`, `16-bit integers`, or the file's own name of another type.
 */
dtype: string, 
/**
 * Its axes.
 */
shape: Array<number>, };

/**
 * An order of axes, such as `batch,heads,seq,dim`. `seq` and `dim` must be in it; without `heads` there is one head (or
 * [`Mapping::kv_heads`](super::Mapping), whose values then lie in `dim` one head behind the other), without `batch` one run;
 * `layer` is for arrays that hold all layers, `kv` for those that hold K and V, `blocks` for the blocks of a paged cache: then `seq` (or
 * `block`) counts the tokens of one, and those of all blocks follow each other.
 *
 * ```
 * use kvlens::dump::Axes;
 *
 * let axes = Axes::parse("[layer, kv, seq, head, dim]").unwrap();
 * assert_eq!(axes.to_string(), "layer,kv,seq,heads,dim");
 * assert_eq!(Axes::parse("kv,blocks,block,heads,dim").unwrap().to_string(), "kv,blocks,seq,heads,dim");
 * assert_eq!(Axes::parse("heads,dim").unwrap_err().to_string(), "seq is missing");
 * ```
 */
export type Axes = string;

/**
 * What arrays of 16-bit integers hold.
 */
export type Bits16 = "fp16" | "bf16";

/**
 * A capture that can be inspected.
 */
export type CaptureLine = { 
/**
 * Index of the capture in the dump.
 */
capture: number, 
/**
 * Name of its run.
 */
run: string, 
/**
 * Layer number.
 */
layerId: number, 
/**
 * `prefill`, `decode`, or any other text of its meta file.
 */
stage: string, 
/**
 * Number of tokens.
 */
seqLen: number, 
/**
 * Number of KV heads.
 */
kvHeads: number, 
/**
 * Values in a head's vector.
 */
headDim: number, 
/**
 * Element type: `fp16`, `bf16` or `fp32`.
 */
dtype: string, };

/**
 * A reason why the figures may mislead.
 */
export type Caveat = { 
/**
 * `zero-tail`, `is-bf16`, `is-fp16`, `repeated-heads`, `constant`, `k-equals-v` or `non-finite`.
 */
kind: string, 
/**
 * Number of captures that show it.
 */
captures: number, 
/**
 * Number of captures that were examined.
 */
of: number, 
/**
 * What was found and how it affects the ratio: a sentence for people.
 */
message: string, 
/**
 * Setting that corrects for it; absent where there is none, or it is already on.
 */
mend: Mend | null, 
/**
 * Whether it was corrected for, so that the figures are not affected.
 */
mended: boolean, };

/**
 * One of the values that a setting can be chosen from.
 */
export type Choice = { 
/**
 * The value as the command line takes it.
 */
value: string, 
/**
 * Its label in a form.
 */
label: string, };

/**
 * What a scheme is for.
 */
export type Class = "engine" | "packed" | "stored" | "reference";

/**
 * A stream of bytes: what an ideal order-0 coder needs for it, and what zstd reaches.
 */
export type Coded = { 
/**
 * Order-0 entropy in bits a byte, 0 to 8; see [`entropy`].
 */
entropy: number, 
/**
 * Length of the zstd frame in bytes. It can be below `entropy / 8` a byte, since zstd also uses repeats.
 */
zstd: number, 
/**
 * How often each of the 256 byte values occurs.
 */
counts: Array<number>, };

/**
 * What to convert, and into what. As JSON for the page, each key optional:
 * `{"format": "zip", "stage": "prefill", "layers": "0-3,7", "tokens": "0..128", "dtype": "fp16"}`.
 */
export type ConvertOptions = { 
/**
 * The format to write.
 */
format: Format, 
/**
 * Captures of this stage only; `None` (or `both`) keeps all.
 */
stage: string | null, 
/**
 * Captures of these layers only.
 */
layers: LayerSet | null, 
/**
 * These tokens only, counted as in the captures themselves.
 */
tokens: TokenRange | null, 
/**
 * What fp32 values become; other types stay as they are.
 */
dtype: Bits16 | null, };

/**
 * How many captures have an element type.
 */
export type DtypeCount = { 
/**
 * `fp16`, `bf16` or `fp32`.
 */
dtype: string, 
/**
 * Captures of it.
 */
captures: number, };

/**
 * What a dump holds.
 */
export type DumpSummary = { 
/**
 * Number of captures.
 */
captures: number, 
/**
 * Bytes of all K and V tensors.
 */
bytes: number, 
/**
 * The runs, by name.
 */
runs: Array<RunSummary>, 
/**
 * All layers of all runs, by number.
 */
layers: Array<LayerCount>, 
/**
 * All stages.
 */
stages: Array<StageCount>, 
/**
 * All shapes, in the order of their figures.
 */
shapes: Array<ShapeCount>, 
/**
 * All element types.
 */
dtypes: Array<DtypeCount>, 
/**
 * Captured queries, by run and layer.
 */
queries: Array<QueryCount>, 
/**
 * How arrays without meta files were understood, and what is to be asked about them.
 */
guesses: Array<TensorGuess>, 
/**
 * Files that are not read, by kind.
 */
others: Array<OtherFiles>, 
/**
 * What could not be used.
 */
problems: Array<Problem>, 
/**
 * What to know about files that are read all the same.
 */
notes: Array<Note>, };

/**
 * An inference engine.
 */
export type Engine = "llama.cpp" | "vLLM" | "mlx-lm";

/**
 * How far restored values lie from the original ones, over one tensor. All are f32 values.
 */
export type Errors = { 
/**
 * Mean absolute error.
 */
mae: number, 
/**
 * Root of the mean square error.
 */
rmse: number, 
/**
 * Greatest absolute error.
 */
maxAbs: number, 
/**
 * Cosine of the angle between original and restored values; 0 where either is all zero.
 */
cosine: number, 
/**
 * Root of the mean square of the original values: what the other figures are small or large against.
 */
valueRms: number, };

/**
 * The smallest pair within the limit: of an engine, or of a class.
 */
export type ExploreChoice = { 
/**
 * What it is for.
 */
class: Class, 
/**
 * The engine, where it is one's.
 */
engine: Engine | null, 
/**
 * Whether nothing is lost.
 */
lossless: boolean, 
/**
 * The scheme of K.
 */
k: string, 
/**
 * The scheme of V.
 */
v: string, 
/**
 * What to type.
 */
flags: string | null, 
/**
 * First tokens that stay raw.
 */
sinks: number, 
/**
 * Last tokens that stay raw.
 */
recent: number, 
/**
 * Stored bytes of K and of V.
 */
bytes: [number, number], 
/**
 * Raw bytes by stored ones.
 */
ratio: number, 
/**
 * Bytes of the context length.
 */
contextBytes: number, 
/**
 * Errors of K and of V.
 */
errors: [TokenErrors, TokenErrors], 
/**
 * Of K and V together.
 */
index: number, 
/**
 * With both changed; absent without queries.
 */
attentionError: number | null, 
/**
 * From the attention error.
 */
estimatedKl: number | null, 
/**
 * Whether it stays within the limit.
 */
withinLimit: boolean, 
/**
 * Whether bytes were written and read back to tell this.
 */
written: boolean, };

/**
 * What explore found.
 */
export type Explored = { 
/**
 * What is limited: never `auto`.
 */
limitKind: LimitKind, 
/**
 * Its value.
 */
limit: number, 
/**
 * Layers with queries.
 */
layersWithQueries: number, 
/**
 * Layers (of all runs) that count.
 */
layers: number, 
/**
 * Their runs.
 */
runs: number, 
/**
 * Tokens of the longest layer.
 */
tokens: number, 
/**
 * Bytes of K and V as they are.
 */
rawBytes: number, 
/**
 * Tokens for which `context_bytes` are told.
 */
contextLength: number, 
/**
 * Bytes of so many tokens in the layers of a run; of several runs the mean.
 */
contextBytes: number, 
/**
 * The estimated KL is this many times the attention error.
 */
klByAttentionError: number, 
/**
 * Within this factor, for nine of ten schemes.
 */
klFactor: number, 
/**
 * Every scheme on K and on V.
 */
points: Array<Point>, 
/**
 * The points that no other beats in size and error, by class and tensor.
 */
front: Array<FrontPoint>, 
/**
 * The smallest within the limit.
 */
choices: Array<ExploreChoice>, 
/**
 * The chosen ones by layer.
 */
layerRows: Array<LayerRow>, 
/**
 * What each step of the coded scheme brings.
 */
steps: Array<StepGain>, 
/**
 * What to watch.
 */
facts: Array<Fact>, 
/**
 * What was left out, and why.
 */
notes: Array<string>, 
/**
 * Whether chosen ones were looked at with all queries, and their bytes written and read back.
 */
isFinal: boolean, };

/**
 * Something to watch, with its numbers in the sentence and apart.
 */
export type Fact = { 
/**
 * What it is about: `firstToken`, `keys`, `heads`, `layers`.
 */
kind: string, 
/**
 * The sentence.
 */
text: string, 
/**
 * The numbers of the sentence, in its order.
 */
numbers: Array<number>, };

/**
 * A format that can be written.
 */
export type Format = "folder" | "zip" | "safetensors";

/**
 * A kind of file that opens.
 */
export type FormatInfo = { 
/**
 * What it is: `safetensors file`.
 */
label: string, 
/**
 * Names of such files, with one `*`: `*.safetensors`, `meta_*.json`.
 */
names: Array<string>, 
/**
 * Whether it holds other files.
 */
is_archive: boolean, };

/**
 * A point of a front.
 */
export type FrontPoint = { 
/**
 * `k`, `v` or `kv`.
 */
tensor: string, 
/**
 * Whose front.
 */
class: Class, 
/**
 * The scheme of K, where K is in it.
 */
k: string | null, 
/**
 * The scheme of V, where V is in it.
 */
v: string | null, 
/**
 * Of the tensors in it.
 */
bytes: number, 
/**
 * Of the tensors in it.
 */
bitsPerValue: number, 
/**
 * Of the tensors in it.
 */
ratio: number, 
/**
 * What is limited.
 */
error: number, 
/**
 * From the attention error.
 */
estimatedKl: number | null, };

/**
 * The rows of one variant taken together (in the mixed analysis, all rows).
 */
export type Group = { 
/**
 * What was applied to the values.
 */
variant: Variant, 
/**
 * Figures over all rows of the group.
 */
all: Weighted, 
/**
 * Figures over the lossless rows.
 */
lossless: Weighted, 
/**
 * Figures over the lossy rows.
 */
lossy: Weighted, 
/**
 * Whether the errors stay within the thresholds; sweep only.
 */
passes: boolean | null, };

/**
 * Finite values counted in equal bins from `-limit` to `limit`.
 */
export type Histogram = { 
/**
 * The greatest finite magnitude: the outer edge of the last bin.
 */
limit: number, 
/**
 * Values in each bin.
 */
counts: Array<number>, 
/**
 * Values that are exactly zero.
 */
zeros: number, 
/**
 * NaN and infinite values, which are in no bin.
 */
nonFinite: number, 
/**
 * The finite values' greatest magnitude that only one in a hundred exceeds.
 */
p99: number, };

/**
 * A request to inspect the dump.
 */
export type InspectRequest = { "what": "captures" } | { "what": "runs" } | { "what": "tensors", 
/**
 * Index of the capture in the dump.
 */
capture: number, } | { "what": "matter", 
/**
 * Index of the capture in the dump.
 */
capture: number, 
/**
 * What is done to the values.
 */
method: Method, 
/**
 * Mantissa bits (0 to 23) or quantizer bits (2 to 16).
 */
bits: number, } | { "what": "lesson", 
/**
 * Index of the capture in the dump.
 */
capture: number, 
/**
 * Whether the vector is of K or of V.
 */
tensor: TensorName, 
/**
 * Index of the token.
 */
token: number, 
/**
 * Index of the head.
 */
head: number, 
/**
 * What is done to the values.
 */
method: Method, 
/**
 * Mantissa bits (0 to 23) or quantizer bits (2 to 16).
 */
bits: number, 
/**
 * Of zstd.
 */
level: number, };

/**
 * A request to judge a sweep's figures by changed thresholds.
 */
export type JudgeRequest = { 
/**
 * All settings, by flag.
 */
settings: { [key in string]: Value }, 
/**
 * Groups of the report.
 */
groups: Array<Group>, 
/**
 * Number of captures in the report.
 */
captures: number, 
/**
 * Types that `bytes_per_elem` does not identify, from the report; absent in reports kept by earlier versions.
 */
otherTypes: { [key in string]: number }, };

/**
 * A setting's type and range.
 */
export type Kind = { "type": "int", 
/**
 * Smallest allowed value.
 */
min: number, 
/**
 * Largest allowed value.
 */
max: number, } | { "type": "float", 
/**
 * Smallest allowed value.
 */
min: number, 
/**
 * Largest allowed value.
 */
max: number, } | { "type": "choice", 
/**
 * The values to choose from.
 */
choices: Array<Choice>, } | { "type": "intList", 
/**
 * Smallest allowed value.
 */
min: number, 
/**
 * Largest allowed value.
 */
max: number, 
/**
 * Whether the list may be empty.
 */
empty: boolean, } | { "type": "floatList", 
/**
 * Smallest allowed value.
 */
min: number, 
/**
 * Largest allowed value.
 */
max: number, } | { "type": "range", 
/**
 * Smallest allowed value.
 */
min: number, 
/**
 * Largest allowed value.
 */
max: number, } | { "type": "choiceList", 
/**
 * The values to choose from.
 */
choices: Array<Choice>, } | { "type": "switch" };

/**
 * K or V.
 */
export type Kv = "k" | "v";

/**
 * How much of the dump a layer is.
 */
export type LayerCount = { 
/**
 * The layer's number.
 */
layerId: number, 
/**
 * Captures of it.
 */
captures: number, 
/**
 * Bytes of its K and V tensors.
 */
bytes: number, };

/**
 * A chosen pair on one layer.
 */
export type LayerRow = { 
/**
 * Place of the choice.
 */
choice: number, 
/**
 * The run.
 */
run: string, 
/**
 * The layer.
 */
layerId: number, 
/**
 * Stored bytes of K and of V.
 */
bytes: [number, number], 
/**
 * Raw bytes of K and V.
 */
rawBytes: number, 
/**
 * Errors of K and of V.
 */
errors: [TokenErrors, TokenErrors], 
/**
 * With both changed.
 */
attentionError: number | null, 
/**
 * The query head whose outputs move most, and by how much.
 */
worstHead: [number, number] | null, };

/**
 * Some layers: `0-3,7`.
 */
export type LayerSet = string;

/**
 * One vector under one setting, and the planes of its tensor before and after.
 */
export type Lesson = { 
/**
 * `fp16`, `bf16` or `fp32`.
 */
dtype: string, 
/**
 * Sign, exponent and mantissa bits of an element.
 */
layout: [number, number, number], 
/**
 * Tokens of the tensor.
 */
seqLen: number, 
/**
 * Heads of the tensor.
 */
kvHeads: number, 
/**
 * Elements of one head's vector.
 */
headDim: number, 
/**
 * Bytes of the tensor.
 */
rawBytes: number, 
/**
 * Length of the zstd frame of all raw bytes, planes not apart.
 */
whole: number, 
/**
 * The vector.
 */
values: Array<LessonValue>, 
/**
 * The tensor's planes as captured.
 */
before: [PlanePicture, PlanePicture], 
/**
 * Its planes under the setting.
 */
after: [PlanePicture, PlanePicture], 
/**
 * Error of the whole tensor under the setting.
 */
errors: Errors, 
/**
 * High bytes of the head around the token.
 */
window: Window, };

/**
 * A value before and after.
 */
export type LessonValue = { 
/**
 * As captured; it may be NaN or infinite.
 */
value: number, 
/**
 * Its bits, in the low `dtype` bits.
 */
bits: number, 
/**
 * Under the setting.
 */
restored: number, 
/**
 * Bits of `restored`.
 */
restoredBits: number, };

/**
 * What the limit is set on.
 */
export type LimitKind = "auto" | "attention" | "index" | "cosine";

/**
 * How to read the arrays of `.npy`, `.npz` and `.safetensors` files. What is absent is inferred, or asked for.
 *
 * As JSON (each key may be absent): `{"tensorNames": "layers.{layer}.{kv}", "axes": "heads,seq,dim", "kvHeads": 8, "bits16": "bf16"}`; a wrong
 * text fails to parse with a message that says why.
 */
export type Mapping = { 
/**
 * Which names are K and V of which layer (`--tensor-names`).
 */
tensorNames?: NamePattern, 
/**
 * The order of axes (`--axes`).
 */
axes?: Axes, 
/**
 * Key/value heads in the last axis, where heads have no axis of their own (`--kv-heads`).
 */
kvHeads?: number, 
/**
 * What 16-bit integers stand for (`--bits16`).
 */
bits16?: Bits16, };

/**
 * K and V of a capture under a setting, each by itself.
 */
export type Matter = { 
/**
 * Query vectors that were used; 0 where the dump has none for these tokens.
 */
queries: number, 
/**
 * Mean attention weight of each token over all queries and heads; empty without queries.
 */
weights: Array<number>, 
/**
 * The keys.
 */
k: TensorMatter, 
/**
 * The values.
 */
v: TensorMatter, };

/**
 * A setting with the value that corrects for something.
 */
export type Mend = { 
/**
 * The setting's flag, without `--`.
 */
flag: string, 
/**
 * Value to set.
 */
value: string, };

/**
 * What a lesson makes of the values.
 */
export type Method = "none" | "truncate" | "round" | "quant";

/**
 * A pattern that a name may match.
 *
 * `{layer}`, `{start}` and `{end}` stand for digits, `{kv}` for k, v, key, value, keys or values in any case (or for two words
 * of your own: `{kv:K|V}`), `{stage}` for a word, `{run}` and `*` for anything. All else stands for itself.
 *
 * It is matched with the tensor's name, then with the name and what stands before it in its path: the file (with its ending or
 * without), and folders. So `{kv}/layer_{layer}` fits the tensor `layer_0` of `keys.safetensors`. A pattern without `{kv}` is for
 * arrays that hold both K and V in an axis.
 *
 * ```
 * use kvlens::dump::NamePattern;
 *
 * let pattern = NamePattern::parse("layers.{layer}.self_attn.{kv}_cache").unwrap();
 * assert_eq!(pattern.to_string(), "layers.{layer}.self_attn.{kv}_cache");
 * assert!(NamePattern::parse("layers.{number}.{kv}").is_err());
 * ```
 */
export type NamePattern = string;

/**
 * Progress and rows since the previous call.
 */
export type News = { 
/**
 * Progress so far.
 */
progress: Progress, 
/**
 * Rows that were measured since, in dump order.
 */
rows: Array<Row>, 
/**
 * Whether everything has been measured.
 */
done: boolean, };

/**
 * A captured tensor that holds NaN or infinite values.
 */
export type NonFinite = { 
/**
 * Index of the capture in the dump.
 */
capture: number, 
/**
 * `K` or `V`.
 */
tensor: string, 
/**
 * Number of NaN and infinite values.
 */
values: number, };

/**
 * Something to know about a file that is read all the same, such as that its values were quantized before.
 */
export type Note = { 
/**
 * Path of the file in the source.
 */
file: string, 
/**
 * What to know, a sentence for people.
 */
text: string, };

/**
 * Files of one kind that are not read.
 */
export type OtherFiles = { 
/**
 * Their ending in small letters, with the dot; empty for names without one.
 */
ending: string, 
/**
 * How many there are.
 */
count: number, 
/**
 * Path of the first.
 */
example: string, };

/**
 * A request to write a `.kvz`: how K and V are stored, which tokens are exempt, and whether captured queries are kept.
 */
export type PackRequest = { 
/**
 * How K is stored: `lossless`, or the name of a scheme.
 */
k: string, 
/**
 * How V is stored: `lossless`, or the name of a scheme.
 */
v: string, 
/**
 * Number of positions, from the start of a run, that schemes leave as they are.
 */
sinks: number, 
/**
 * Number of tokens, at the end of a layer, that schemes leave as they are.
 */
recent: number, 
/**
 * Whether captured queries are kept.
 */
queries: boolean, };

/**
 * Definition of a setting. Serialises to JSON for the page's form.
 */
export type ParamSpec = { 
/**
 * The flag's name without dashes, also the key in JSON and in links: `lossy-bits`.
 */
flag: string, 
/**
 * Short name, for a form.
 */
label: string, 
/**
 * What the setting does, in one sentence.
 */
help: string, 
/**
 * Unit of the value; empty where it has none.
 */
unit: string, 
/**
 * The part of a form that it belongs to.
 */
section: Section, 
/**
 * Type and range of the value.
 */
kind: Kind, 
/**
 * Value where none is given.
 */
default: Value, 
/**
 * When the setting has an effect; absent where it always has one.
 */
when: When | null, 
/**
 * Whether other analyses have it too, so that a form keeps its value when the analysis changes.
 */
shared: boolean, };

/**
 * Pictures of both tensors of a capture.
 */
export type Pictures = { 
/**
 * Keys.
 */
k: TensorPicture, 
/**
 * Values.
 */
v: TensorPicture, };

/**
 * What an analysis would measure.
 */
export type PlanSummary = { 
/**
 * Number of captures.
 */
captures: number, 
/**
 * Bytes of K and V in the captures.
 */
bytes: number, 
/**
 * Number of ways in which each capture is measured.
 */
combinations: number, 
/**
 * Invalid settings; empty when the analysis can start.
 */
errors: Array<SettingFault>, };

/**
 * A byte plane as it is, and as its difference along the tokens.
 */
export type PlanePicture = { 
/**
 * `hi`: sign, exponent and the first mantissa bits; `lo`: the rest.
 */
name: string, 
/**
 * Length in bytes.
 */
bytes: number, 
/**
 * The plane as it is.
 */
plain: Coded, 
/**
 * Its difference along the tokens. `gear-delta` takes it of the high plane only.
 */
delta: Coded, };

/**
 * One value for each compressed stream of a tensor: the bytes, the frame, or (by default) its compressed size in bytes.
 */
export type Planes<T = number> = { "whole": T } | { "split": { 
/**
 * The high half of every element: sign, exponent and the first mantissa bits.
 */
hi: T, 
/**
 * The low half.
 */
lo: T, } };

/**
 * A scheme on K or on V: sizes over all layers, errors as means over layers.
 */
export type Point = { 
/**
 * The scheme's name.
 */
scheme: string, 
/**
 * What it is for.
 */
class: Class, 
/**
 * The engine that has it.
 */
engine: Engine | null, 
/**
 * What to type to have it.
 */
flag: string | null, 
/**
 * Whether the size is that of the reference's codes packed, not compressed.
 */
packed: boolean, 
/**
 * K or V.
 */
tensor: Kv, 
/**
 * First tokens that stay raw.
 */
sinks: number, 
/**
 * Last tokens that stay raw.
 */
recent: number, 
/**
 * Stored bytes, side information included.
 */
bytes: number, 
/**
 * Bits of them for a value.
 */
bitsPerValue: number, 
/**
 * Raw bytes by stored ones.
 */
ratio: number, 
/**
 * Token error + 0.1 * first-token error.
 */
index: number, 
/**
 * With this tensor alone changed; absent without queries.
 */
attentionError: number | null, 
/**
 * From the attention error.
 */
estimatedKl: number | null, 
/**
 * Layers that it stands for; fewer than all where it does not fit some.
 */
layers: number, 
/**
 * Squared error by squared values, over everything.
 */
nmse: number, 
/**
 * Cosine of the angle between all values and all restored ones; 0 where either are all zero.
 */
cosine: number, 
/**
 * Greatest absolute error.
 */
maxAbs: number, 
/**
 * Mean, over the vectors of every token and head, of |x - x'|^2 / |x|^2.
 */
token: number, 
/**
 * The same of the first token alone, all heads as one vector: the attention sink.
 */
first: number, 
/**
 * First percentile of the cosines of every token and head.
 */
cosineP1: number, 
/**
 * The least of them.
 */
cosineMin: number, };

/**
 * A file or capture that can't be used, and why. The rest of the dump is used all the same.
 *
 * As JSON: `{file, message, field?, found?, expected?}`.
 */
export type Problem = { 
/**
 * Path of the file.
 */
file: string, 
/**
 * What is wrong, for people.
 */
message: string, 
/**
 * The field that is wrong, where it is one.
 */
field?: string, 
/**
 * The field's value.
 */
found?: string, 
/**
 * What it should have been.
 */
expected?: string, };

/**
 * Progress of an analysis.
 */
export type Progress = { 
/**
 * Captures measured so far.
 */
captures: number, 
/**
 * Captures to measure, each counted once for every pass over the dump.
 */
capturesTotal: number, 
/**
 * Bytes of K and V measured so far.
 */
bytes: number, 
/**
 * Bytes of K and V to measure.
 */
bytesTotal: number, };

/**
 * Captured queries of a layer.
 */
export type QueryCount = { 
/**
 * The file that describes them.
 */
path: string, 
/**
 * The run that they belong to.
 */
run: string, 
/**
 * The layer that they belong to.
 */
layerId: number, 
/**
 * How many positions.
 */
queries: number, 
/**
 * Query heads.
 */
qHeads: number, 
/**
 * Elements of a head's vector.
 */
headDim: number, 
/**
 * Their bytes.
 */
bytes: number, 
/**
 * What a dot product of query and key is multiplied with.
 */
scale: number, 
/**
 * The base of the rotary embedding that K has.
 */
ropeTheta?: number | null, 
/**
 * How many positions a query sees, itself included.
 */
slidingWindow?: number | null, 
/**
 * A logit s becomes cap * tanh(s / cap).
 */
logitSoftcap?: number | null, };

/**
 * The result of an analysis.
 */
export type Report = { 
/**
 * Name of the analysis, as on the command line.
 */
analysis: string, 
/**
 * All settings, including those left at their defaults.
 */
settings: Record<string, Value>, 
/**
 * Number of captures that were measured.
 */
captures: number, 
/**
 * Number of measured captures of each type that `bytes_per_elem` does not identify.
 */
otherTypes: { [key in string]: number }, 
/**
 * Rows in dump order; empty for a sweep.
 */
rows: Array<Row>, 
/**
 * One group for each variant, in the order of the reports.
 */
groups: Array<Group>, 
/**
 * Index of the group that stands for the whole: in a sweep the best one that passes, else the one with the smallest error.
 */
headline: number | null, 
/**
 * Number of lossless tensors that were decoded again and equal the captured bits.
 */
verifiedLossless: number, 
/**
 * Number of streams of lossy values that were decoded again and equal what was compressed.
 */
verifiedLossy: number, 
/**
 * Number of NaN and infinite values in the captured tensors.
 */
nonFinite: number, 
/**
 * The tensors that hold NaN or infinite values, in dump order.
 */
nonFiniteIn: Array<NonFinite>, 
/**
 * Result of explore; absent for other analyses.
 */
explored?: Explored, 
/**
 * Captures that were left out because they could not be read during the analysis.
 */
problems: Array<Problem>, 
/**
 * Reasons why the figures may mislead, each with the setting that corrects for it.
 */
caveats: Array<Caveat>, };

/**
 * Figures of one capture under one variant.
 */
export type Row = { 
/**
 * Whether the values are stored unchanged.
 */
lossless: boolean, 
/**
 * What was applied to the values.
 */
variant: Variant, 
/**
 * K's figures.
 */
k: TensorRow, 
/**
 * V's figures.
 */
v: TensorRow, 
/**
 * Index of the capture in the dump.
 */
capture: number, 
/**
 * Layer number; -1 where the meta file has none.
 */
layerId: number, 
/**
 * `prefill`, `decode`, or any other text of the meta file.
 */
stage: string, 
/**
 * Number of tokens.
 */
seqLen: number, 
/**
 * Number of KV heads.
 */
kvHeads: number, 
/**
 * Values in a head's vector.
 */
headDim: number, 
/**
 * Number of V's heads, where it differs from K's.
 */
vKvHeads: number | null, 
/**
 * Values in a head's vector of V, where it differs from K's.
 */
vHeadDim: number | null, 
/**
 * Bytes of an element: 1, 2 or 4.
 */
bytesPerElem: number, 
/**
 * Element type: `fp16`, `bf16`, `fp32`, `fp8_e4m3` or `fp8_e5m2`.
 */
dtype: string, };

/**
 * What one run holds.
 */
export type RunSummary = { 
/**
 * Name of the run; may be empty.
 */
run: string, 
/**
 * Number of captures.
 */
captures: number, 
/**
 * Bytes of its K and V tensors.
 */
bytes: number, 
/**
 * Its layers, by number.
 */
layers: Array<LayerCount>, 
/**
 * Its stages.
 */
stages: Array<StageCount>, 
/**
 * Its shapes.
 */
shapes: Array<ShapeCount>, 
/**
 * Its element types.
 */
dtypes: Array<DtypeCount>, };

/**
 * Size of a sample.
 */
export type Sample = { "what": "captures", 
/**
 * Amount of work: bytes of K and V, times combinations.
 */
bytes: number, } | { "what": "layers", 
/**
 * Number of layers; at least one is taken.
 */
layers: number, };

/**
 * The parts of a form.
 */
export type Section = "method" | "captures" | "compression" | "report";

/**
 * An invalid setting.
 */
export type SettingFault = { 
/**
 * Flag of the setting.
 */
flag: string, 
/**
 * What is wrong with it: a sentence for people.
 */
message: string, };

/**
 * How many captures have a shape.
 */
export type ShapeCount = { 
/**
 * Tokens.
 */
seqLen: number, 
/**
 * Key/value heads.
 */
kvHeads: number, 
/**
 * Elements of one head's vector.
 */
headDim: number, 
/**
 * V's heads, where those are not K's.
 */
vKvHeads: number | null, 
/**
 * Elements of one head's vector of V, where those are not K's.
 */
vHeadDim: number | null, 
/**
 * Captures of it.
 */
captures: number, };

/**
 * How many captures are of a stage.
 */
export type StageCount = { 
/**
 * `prefill`, `decode`, `unknown` or another.
 */
stage: string, 
/**
 * Captures of it.
 */
captures: number, };

/**
 * What the coded scheme reaches with its steps up to this one.
 */
export type StepGain = { 
/**
 * The step.
 */
step: string, 
/**
 * Raw bytes by stored ones, at the cosine that is told.
 */
ratio: number, 
/**
 * The cosine of K and of V.
 */
cosine: number, };

/**
 * The end of an analysis.
 */
export type Summary = { 
/**
 * The report without its rows, which the news had already.
 */
report: Report, 
/**
 * Number of different threads that measured at least one capture.
 */
workers: number, };

/**
 * How the arrays of a dump were understood, for those that share a pattern of names and a number of axes.
 */
export type TensorGuess = { 
/**
 * Files (or folders of `.npy` files) that hold them; the first few.
 */
files: Array<string>, 
/**
 * Number of arrays.
 */
count: number, 
/**
 * The first few of them.
 */
examples: Array<ArrayInfo>, 
/**
 * The pattern of their names, where it could be told: the start value of a mapping form.
 */
tensorNames: string | null, 
/**
 * The order of their axes, where it could be told.
 */
axes: string | null, 
/**
 * How that was found out, or why it can't be told; a sentence for people.
 */
reason: string, 
/**
 * What has to be said before they can be analysed: `tensorNames`, `axes`, `bits16`; and `kvHeads`, without which they are taken
 * for one head.
 */
asks: Array<string>, };

/**
 * A tensor under a setting.
 */
export type TensorMatter = { 
/**
 * Length of each token's vector, all heads together.
 */
lengths: Array<number>, 
/**
 * Cosine, and the errors by token.
 */
errors: TokenErrors, 
/**
 * By how much the outputs of attention move where this tensor alone is changed: squared error by squares. Absent without queries.
 */
attention: number | null, };

/**
 * Names one of a capture's tensors.
 */
export type TensorName = "k" | "v";

/**
 * What a tensor looks like: magnitudes, values and byte planes.
 */
export type TensorPicture = { 
/**
 * `fp16`, `bf16` or `fp32`.
 */
dtype: string, 
/**
 * Tokens.
 */
seqLen: number, 
/**
 * Key/value heads.
 */
kvHeads: number, 
/**
 * Elements of one head's vector.
 */
headDim: number, 
/**
 * Bytes of the tensor.
 */
rawBytes: number, 
/**
 * Mean |x| of each of the `kv_heads * head_dim` channels, head by head.
 */
channels: Array<number>, 
/**
 * The values' histogram.
 */
values: Histogram, 
/**
 * The high and the low plane.
 */
planes: [PlanePicture, PlanePicture], };

/**
 * One tensor's figures in a row.
 */
export type TensorRow = { 
/**
 * Captured bytes.
 */
rawBytes: number, 
/**
 * Compressed bytes of each stream.
 */
planes: Planes<number>, 
/**
 * Bytes stored beside the streams: block scales and the top-k index.
 */
extraBytes: number, 
/**
 * Stored bytes: streams and everything beside them.
 */
size: number, 
/**
 * `raw_bytes / size`, 0 where `size` is 0.
 */
ratio: number, 
/**
 * Errors of the stored values; absent for lossless rows.
 */
errors: Errors | null, 
/**
 * Number of NaN and infinite values in the captured tensor.
 */
nonFinite: number, 
/**
 * Whether the frames were decoded again to the same bits; absent when that was not requested.
 */
verified: boolean | null, };

/**
 * The errors of one layer's K or V.
 */
export type TokenErrors = { 
/**
 * Squared error by squared values, over everything.
 */
nmse: number, 
/**
 * Cosine of the angle between all values and all restored ones; 0 where either are all zero.
 */
cosine: number, 
/**
 * Greatest absolute error.
 */
maxAbs: number, 
/**
 * Mean, over the vectors of every token and head, of |x - x'|^2 / |x|^2.
 */
token: number, 
/**
 * The same of the first token alone, all heads as one vector: the attention sink.
 */
first: number, 
/**
 * First percentile of the cosines of every token and head.
 */
cosineP1: number, 
/**
 * The least of them.
 */
cosineMin: number, };

/**
 * Tokens `start..end`, the end not included: `0..128`, `..128`, `128..`.
 */
export type TokenRange = string;

/**
 * Value of a setting. Serialises to its natural JSON type: number, text, boolean or list.
 *
 * As input, any kind may also be given as the command line's text: `Value::from("8,10")` for a list of whole numbers.
 */
export type Value = boolean | number | number | string | Array<number> | Array<number> | Array<string>;

/**
 * The method that was applied to the values of a row, with its parameters.
 */
export type Variant = { 
/**
 * `lossless`, `truncate`, `quant`, `block_norm`, `clip_percentile`, `bs64_topk0.02_b8`, ...
 */
label: string, 
/**
 * Quantizer or mantissa bits; 0 where the method has none.
 */
bits: number, 
/**
 * Block size; block-norm only.
 */
blockSize: number | null, 
/**
 * Ratio of top-k blocks; block-norm only.
 */
topkRatio: number | null, };

/**
 * How many rows an analysis has for each capture.
 */
export type Variants = "one" | "many";

/**
 * A sweep judged by changed thresholds.
 */
export type Verdict = { 
/**
 * The groups, each marked by whether it stays within the thresholds.
 */
groups: Array<Group>, 
/**
 * Index of the group that stands for the whole sweep.
 */
headline: number | null, 
/**
 * Names and contents of the files that list the combinations.
 */
files: Array<[string, string]>, };

/**
 * Figures over many rows: ratios are of total bytes, errors are weighted by elements.
 */
export type Weighted = { 
/**
 * Number of rows.
 */
rows: number, 
/**
 * Raw bytes of K.
 */
kRaw: number, 
/**
 * Raw bytes of V.
 */
vRaw: number, 
/**
 * Compressed bytes of K.
 */
kSize: number, 
/**
 * Compressed bytes of V.
 */
vSize: number, 
/**
 * `k_raw / k_size`.
 */
kRatio: number, 
/**
 * `v_raw / v_size`.
 */
vRatio: number, 
/**
 * Ratio of K and V together.
 */
kvRatio: number, 
/**
 * Weighted errors of K over the rows that have errors.
 */
kErrors: Errors | null, 
/**
 * Weighted errors of V over the rows that have errors.
 */
vErrors: Errors | null, 
/**
 * Bytes of K with lossy values as packed codes; absent where nothing is lossy, or some lossy values have no codes.
 */
kPacked: number | null, 
/**
 * Bytes of V with lossy values as packed codes; absent like `k_packed`.
 */
vPacked: number | null, 
/**
 * Errors of K if mantissas were rounded to nearest instead of cut; absent where none are cut.
 */
kRounded: Errors | null, 
/**
 * Errors of V if mantissas were rounded to nearest instead of cut; absent like `k_rounded`.
 */
vRounded: Errors | null, };

/**
 * A condition: the setting `flag` has one of these values.
 */
export type When = { 
/**
 * Flag of the other setting; a list meets the condition when it contains one of the values.
 */
flag: string, 
/**
 * The values that meet the condition.
 */
is: Array<string>, };

/**
 * The top byte of each element of one head, token by token, before and after the delta along the tokens.
 */
export type Window = { 
/**
 * Index of the first token shown.
 */
firstToken: number, 
/**
 * A row a token, `head_dim` bytes each.
 */
plain: Array<Array<number>>, 
/**
 * The same after the delta.
 */
delta: Array<Array<number>>, };
