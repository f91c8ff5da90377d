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
 * Whether a capture has one row, several or none.
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
 * An array, as its file describes it.
 */
export type ArrayInfo = { 
/**
 * Name of the array.
 */
name: string, 
/**
 * Element type: `fp16`, `bf16`, `fp32`, `16-bit integers`, or the file's own name of another type.
 */
dtype: string, 
/**
 * Length of each axis.
 */
shape: Array<number>, };

/**
 * An order of axes, such as `batch,heads,seq,dim`. `seq` and `dim` are required. Without `heads` there is one head (or
 * [`Mapping::kv_heads`](super::Mapping) heads, whose values then follow each other in `dim`); without `batch` one run.
 * `layer` is for arrays that hold all layers, `kv` for those that hold both K and V, `blocks` for the blocks of a
 * paged cache: `seq` (or `block`) then counts the tokens of one block, and the tokens of all blocks follow each other.
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
 * What arrays of 16-bit integers represent.
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
 * Number of KV heads of K.
 */
kvHeads: number, 
/**
 * Values in a head's vector of K.
 */
headDim: number, 
/**
 * Number of KV heads of V.
 */
vKvHeads: number, 
/**
 * Values in a head's vector of V.
 */
vHeadDim: number, 
/**
 * Element type: `fp16`, `bf16`, `fp32`, `fp8_e4m3` or `fp8_e5m2`.
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
 * Purpose of a scheme.
 */
export type Class = "engine" | "packed" | "stored" | "reference";

/**
 * A byte stream with the size that an ideal order-0 coder needs and the size that zstd reaches.
 */
export type Coded = { 
/**
 * Order-0 entropy in bits per byte, 0 to 8; see [`entropy`].
 */
entropy: number, 
/**
 * Size of the zstd frame in bytes. It can be less than `entropy / 8` per byte, since zstd also uses repeats.
 */
zstd: number, 
/**
 * Number of occurrences of each of the 256 byte values.
 */
counts: Array<number>, };

/**
 * What to convert, and to which format. As JSON for the page, with every key optional: `{"format": "zip", "stage":
 * "prefill", "layers": "0-3,7", "tokens": "0..128", "dtype": "fp16"}`.
 */
export type ConvertOptions = { 
/**
 * Output format.
 */
format: Format, 
/**
 * Keeps only captures of this stage; `None` (or `both`) keeps all.
 */
stage: string | null, 
/**
 * Keeps only captures of these layers; `None` keeps all.
 */
layers: LayerSet | null, 
/**
 * Keeps only these token positions; `None` keeps all.
 */
tokens: TokenRange | null, 
/**
 * Type that fp32 values are rounded to; other types are never converted.
 */
dtype: Bits16 | null, };

/**
 * Number of captures of an element type.
 */
export type DtypeCount = { 
/**
 * Element type: `fp16`, `bf16`, `fp32`, `fp8_e4m3` or `fp8_e5m2`.
 */
dtype: string, 
/**
 * Number of captures of the element type.
 */
captures: number, };

/**
 * Summary of a dump's contents.
 */
export type DumpSummary = { 
/**
 * Number of captures.
 */
captures: number, 
/**
 * Size of all K and V tensors, in bytes.
 */
bytes: number, 
/**
 * Runs, sorted by name.
 */
runs: Array<RunSummary>, 
/**
 * Layers of all runs, sorted by number.
 */
layers: Array<LayerCount>, 
/**
 * Stages that occur.
 */
stages: Array<StageCount>, 
/**
 * Shapes that occur, sorted by their dimensions.
 */
shapes: Array<ShapeCount>, 
/**
 * Element types that occur.
 */
dtypes: Array<DtypeCount>, 
/**
 * Captured queries, by run and layer.
 */
queries: Array<QueryCount>, 
/**
 * How arrays without meta files were interpreted, and what the user must be asked about them.
 */
guesses: Array<TensorGuess>, 
/**
 * Files that no format reads, grouped by extension.
 */
others: Array<OtherFiles>, 
/**
 * What could not be used, and why.
 */
problems: Array<Problem>, 
/**
 * Notes on files that are read but need a remark.
 */
notes: Array<Note>, };

/**
 * An inference engine.
 */
export type Engine = "llama.cpp" | "vLLM" | "mlx-lm";

/**
 * Errors of restored values against the original ones, over one tensor. All are f32 values.
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
 * Largest absolute error.
 */
maxAbs: number, 
/**
 * Cosine of the angle between original and restored values; 0 if either is all zero.
 */
cosine: number, 
/**
 * Root mean square of the original values, the scale to judge the absolute errors by.
 */
valueRms: number, };

/**
 * The smallest pair within the limit, for an engine or a class.
 */
export type ExploreChoice = { 
/**
 * Purpose of the schemes.
 */
class: Class, 
/**
 * The engine, if the choice is for one.
 */
engine: Engine | null, 
/**
 * Whether K and V are stored bit for bit.
 */
lossless: boolean, 
/**
 * Scheme of K.
 */
k: string, 
/**
 * Scheme of V.
 */
v: string, 
/**
 * The engine's flags that select the pair.
 */
flags: string | null, 
/**
 * Number of tokens at the start that stay raw.
 */
sinks: number, 
/**
 * Number of tokens at the end that stay raw.
 */
recent: number, 
/**
 * Stored bytes of K and of V.
 */
bytes: [number, number], 
/**
 * Raw bytes divided by stored bytes.
 */
ratio: number, 
/**
 * Bytes of a context of `context_length` tokens.
 */
contextBytes: number, 
/**
 * Errors of K and of V.
 */
errors: [TokenErrors, TokenErrors], 
/**
 * Index of K and V together.
 */
index: number, 
/**
 * Attention error with both K and V replaced; absent without queries.
 */
attentionError: number | null, 
/**
 * KL of the next token, estimated from the attention error.
 */
estimatedKl: number | null, 
/**
 * Whether its errors stay within the limit.
 */
withinLimit: boolean, 
/**
 * Whether its figures come from bytes that were written and read back.
 */
written: boolean, };

/**
 * Result of explore.
 */
export type Explored = { 
/**
 * Which error is limited; never `auto`.
 */
limitKind: LimitKind, 
/**
 * Largest error, or smallest cosine, that is allowed.
 */
limit: number, 
/**
 * Number of layers with captured queries.
 */
layersWithQueries: number, 
/**
 * Number of layers, over all runs, that were measured.
 */
layers: number, 
/**
 * Number of runs that the layers belong to.
 */
runs: number, 
/**
 * Number of tokens in the longest layer.
 */
tokens: number, 
/**
 * Bytes of K and V as captured.
 */
rawBytes: number, 
/**
 * Number of tokens that `context_bytes` are for.
 */
contextLength: number, 
/**
 * Bytes of such a context in all layers of a run; the mean if there are several runs.
 */
contextBytes: number, 
/**
 * The estimated KL is the attention error times this.
 */
klByAttentionError: number, 
/**
 * The true KL is within this factor of the estimate for nine of ten schemes.
 */
klFactor: number, 
/**
 * Every scheme on K and on V.
 */
points: Array<Point>, 
/**
 * Points that no other beats in both size and error, by class and tensor.
 */
front: Array<FrontPoint>, 
/**
 * The smallest pairs within the limit.
 */
choices: Array<ExploreChoice>, 
/**
 * The choices on each layer.
 */
layerRows: Array<LayerRow>, 
/**
 * What each step of the coded scheme gains.
 */
steps: Array<StepGain>, 
/**
 * Findings that deserve attention.
 */
facts: Array<Fact>, 
/**
 * What was left out, and why.
 */
notes: Array<string>, 
/**
 * Whether the choices were measured with many queries, and their bytes written and read back.
 */
isFinal: boolean, };

/**
 * A finding that deserves attention, as a sentence and its numbers.
 */
export type Fact = { 
/**
 * Subject of the finding: `firstToken`, `keys`, `heads` or `layers`.
 */
kind: string, 
/**
 * The finding in one sentence.
 */
text: string, 
/**
 * The numbers in the sentence, in order.
 */
numbers: Array<number>, };

/**
 * An output format.
 */
export type Format = "folder" | "zip" | "safetensors";

/**
 * A kind of file that can be opened.
 */
export type FormatInfo = { 
/**
 * What it is, such as `safetensors file`.
 */
label: string, 
/**
 * Name patterns of such files, with one `*` each: `*.safetensors`, `meta_*.json`.
 */
names: Array<string>, 
/**
 * Whether it is an archive of other files.
 */
is_archive: boolean, };

/**
 * A point of a Pareto front.
 */
export type FrontPoint = { 
/**
 * Tensors in it: `k`, `v` or `kv`.
 */
tensor: string, 
/**
 * Class of the front.
 */
class: Class, 
/**
 * Scheme of K; absent on V's front.
 */
k: string | null, 
/**
 * Scheme of V; absent on K's front.
 */
v: string | null, 
/**
 * Stored bytes of its tensors.
 */
bytes: number, 
/**
 * Stored bits for each value of its tensors.
 */
bitsPerValue: number, 
/**
 * Raw bytes divided by stored bytes of its tensors.
 */
ratio: number, 
/**
 * The limited error.
 */
error: number, 
/**
 * KL of the next token, estimated from the attention error.
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
 * Histogram of the finite values, in equal bins from `-limit` to `limit`.
 */
export type Histogram = { 
/**
 * Largest finite magnitude: the outer edge of the last bin.
 */
limit: number, 
/**
 * Number of values in each bin.
 */
counts: Array<number>, 
/**
 * Number of values that are exactly zero.
 */
zeros: number, 
/**
 * Number of NaN and infinite values, which are in no bin.
 */
nonFinite: number, 
/**
 * 99th percentile of the finite values' magnitudes.
 */
p99: number, };

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
 * Captures and bytes of one layer.
 */
export type LayerCount = { 
/**
 * Layer number in the model; -1 if unknown.
 */
layerId: number, 
/**
 * Number of captures of the layer.
 */
captures: number, 
/**
 * Size of the layer's K and V tensors, in bytes.
 */
bytes: number, 
/**
 * Size of its V tensors alone, in bytes.
 */
vBytes: number, };

/**
 * A choice on one layer.
 */
export type LayerRow = { 
/**
 * Index of the choice.
 */
choice: number, 
/**
 * Name of the run.
 */
run: string, 
/**
 * Layer number.
 */
layerId: number, 
/**
 * Stored bytes of K and of V.
 */
bytes: [number, number], 
/**
 * Raw bytes of K and V together.
 */
rawBytes: number, 
/**
 * Errors of K and of V.
 */
errors: [TokenErrors, TokenErrors], 
/**
 * Attention error with both K and V replaced; absent without queries.
 */
attentionError: number | null, 
/**
 * The query head whose outputs change most, and its error.
 */
worstHead: [number, number] | null, };

/**
 * A set of layers, written as `0-3,7`.
 */
export type LayerSet = string;

/**
 * One vector under one setting, and the planes of its tensor before and after.
 */
export type Lesson = { 
/**
 * Element type: `fp16`, `bf16`, `fp32`, `fp8_e4m3` or `fp8_e5m2`.
 */
dtype: string, 
/**
 * Number of sign, exponent and mantissa bits in an element.
 */
layout: [number, number, number], 
/**
 * Number of tokens in the tensor.
 */
seqLen: number, 
/**
 * Number of KV heads in the tensor.
 */
kvHeads: number, 
/**
 * Head dimension.
 */
headDim: number, 
/**
 * Size of the tensor, in bytes.
 */
rawBytes: number, 
/**
 * Size in bytes of one zstd frame of all raw bytes, not split into planes.
 */
whole: number, 
/**
 * Elements of the vector.
 */
values: Array<LessonValue>, 
/**
 * High and low plane of the tensor as captured.
 */
before: [PlanePicture, PlanePicture], 
/**
 * High and low plane of the tensor under the setting.
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
 * Which vector to show, and under which setting.
 */
export type LessonRequest = { 
/**
 * Index of the token.
 */
token: number, 
/**
 * Index of the head.
 */
head: number, 
/**
 * Lossy method.
 */
method: Method, 
/**
 * Mantissa bits (0 to 23) or quantizer bits (2 to 16).
 */
bits: number, 
/**
 * Zstd level, -131072 to 22.
 */
level: number, };

/**
 * A value before and after the lossy method.
 */
export type LessonValue = { 
/**
 * Captured value; may be NaN or infinite.
 */
value: number, 
/**
 * Bits of the captured value, in the low bits.
 */
bits: number, 
/**
 * Value under the setting.
 */
restored: number, 
/**
 * Bits of `restored`, in the low bits.
 */
restoredBits: number, };

/**
 * Which error is limited.
 */
export type LimitKind = "auto" | "attention" | "index" | "cosine";

/**
 * How to interpret the arrays of `.npy`, `.npz` and `.safetensors` files. What is absent is inferred, or the user is
 * asked.
 *
 * As JSON, with every key optional:
 * `{"tensorNames": "layers.{layer}.{kv}", "axes": "heads,seq,dim", "kvHeads": 8, "bits16": "bf16"}`. An invalid value
 * fails to parse with a message that says why.
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
 * Number of KV heads merged into the last axis, if heads have no axis of their own (`--kv-heads`).
 */
kvHeads?: number, 
/**
 * What 16-bit integers represent (`--bits16`).
 */
bits16?: Bits16, };

/**
 * K and V of a capture, each under a lossy setting on its own.
 */
export type Matter = { 
/**
 * Number of query vectors used; 0 if the dump has none for these tokens.
 */
queries: number, 
/**
 * Files of queries that are not used, and why.
 */
unused: Array<string>, 
/**
 * Mean attention weight of each token over all queries and query heads; empty without queries.
 */
weights: Array<number>, 
/**
 * Effect of the setting on K alone.
 */
k: TensorMatter, 
/**
 * Effect of the setting on V alone.
 */
v: TensorMatter, };

/**
 * A lossy setting to examine.
 */
export type MatterRequest = { 
/**
 * Lossy method.
 */
method: Method, 
/**
 * Mantissa bits (0 to 23) or quantizer bits (2 to 16).
 */
bits: number, };

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
 * Lossy method of a lesson.
 */
export type Method = "none" | "truncate" | "round" | "quant";

/**
 * A pattern that names are matched against.
 *
 * `{layer}`, `{start}` and `{end}` match digits, `{kv}` matches k, v, key, value, keys or values in any case (or two
 * words of your own: `{kv:K|V}`), `{stage}` matches a word, `{run}` and `*` match anything. All else matches itself.
 *
 * The pattern is matched against the tensor's name, then against the name preceded by parts of its path: the file
 * (with or without its extension), and folders. So `{kv}/layer_{layer}` matches the tensor `layer_0` of
 * `keys.safetensors`. A pattern without `{kv}` is for arrays that hold both K and V along an axis.
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
 * A remark on a file that is read nonetheless, such as that its values were quantized before.
 */
export type Note = { 
/**
 * Path of the file in the source.
 */
file: string, 
/**
 * The remark, a sentence for people.
 */
text: string, };

/**
 * Files with one extension that no format reads.
 */
export type OtherFiles = { 
/**
 * Extension in lower case, with the dot; empty for names without one.
 */
ending: string, 
/**
 * Number of such files.
 */
count: number, 
/**
 * Path of the first such file.
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
 * Name: `hi` (sign, exponent and the first mantissa bits) or `lo` (the rest).
 */
name: string, 
/**
 * Size of the plane, in bytes.
 */
bytes: number, 
/**
 * The plane as it is.
 */
plain: Coded, 
/**
 * The plane's difference along the tokens. `gear-delta` uses it for the high plane only.
 */
delta: Coded, };

/**
 * One value per compressed stream of a tensor: the bytes, the frame, or (by default) its compressed size in bytes.
 */
export type Planes<T = number> = { "whole": T } | { "split": { 
/**
 * High half of every element: sign, exponent and the first mantissa bits.
 */
hi: T, 
/**
 * Low half of every element.
 */
lo: T, } };

/**
 * A scheme on K or on V: sizes are sums over layers, errors are means over layers.
 */
export type Point = { 
/**
 * Name of the scheme.
 */
scheme: string, 
/**
 * Purpose of the scheme.
 */
class: Class, 
/**
 * The engine that has it, if one does.
 */
engine: Engine | null, 
/**
 * The engine's flags that select it.
 */
flag: string | null, 
/**
 * The analysis that applies the scheme to a whole dump, if one does.
 */
preset: Preset | null, 
/**
 * Whether the size is that of the reference's codes packed, instead of compressed.
 */
packed: boolean, 
/**
 * Which tensor it is on.
 */
tensor: Kv, 
/**
 * Number of tokens at the start that stay raw.
 */
sinks: number, 
/**
 * Number of tokens at the end that stay raw.
 */
recent: number, 
/**
 * Stored bytes, including side information.
 */
bytes: number, 
/**
 * Stored bits for each value.
 */
bitsPerValue: number, 
/**
 * Raw bytes divided by stored bytes.
 */
ratio: number, 
/**
 * Token error + 0.1 * first-token error.
 */
index: number, 
/**
 * Attention error with only this tensor replaced; absent without queries.
 */
attentionError: number | null, 
/**
 * KL of the next token, estimated from the attention error.
 */
estimatedKl: number | null, 
/**
 * Number of layers that were measured.
 */
layers: number, 
/**
 * Normalized mean square error: sum of squared errors divided by the sum of squares, over all values.
 */
nmse: number, 
/**
 * Cosine of the angle between all captured and all restored values; 1 where they are equal, also if they are all zero, and else 0 if
 * either are all zero.
 */
cosine: number, 
/**
 * Largest absolute error.
 */
maxAbs: number, 
/**
 * Mean of |x - x'|^2 / |x|^2 over the vectors x of every token and head.
 */
token: number, 
/**
 * |x - x'|^2 / |x|^2 of the first token (the attention sink), with all heads as one vector.
 */
first: number, 
/**
 * First percentile of the cosines of every token and head.
 */
cosineP1: number, 
/**
 * Smallest cosine of any token and head.
 */
cosineMin: number, };

/**
 * An analysis with some of its settings; the others have their defaults.
 */
export type Preset = { 
/**
 * Name of the analysis.
 */
analysis: string, 
/**
 * Values as on the command line, by flag.
 */
settings: { [key in string]: string }, };

/**
 * A file or capture that can't be used, and why. The rest of the dump is still used.
 *
 * As JSON: `{file, message, field?, found?, expected?}`.
 */
export type Problem = { 
/**
 * Path of the file.
 */
file: string, 
/**
 * What is wrong, a sentence for people.
 */
message: string, 
/**
 * Name of the faulty field; absent if the fault is not in a field.
 */
field?: string, 
/**
 * Value found in the field.
 */
found?: string, 
/**
 * Description of a valid value.
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
 * Bytes of K and V measured so far, on all passes.
 */
bytes: number, 
/**
 * Bytes of K and V to measure, each counted once for every pass.
 */
bytesTotal: number, 
/**
 * Part of the work that is done, from 0 to 1: that of the bytes, where no pass takes longer than another.
 */
share: number, };

/**
 * Captured queries of a layer.
 */
export type QueryCount = { 
/**
 * Path of the file that describes the queries.
 */
path: string, 
/**
 * Run that the queries belong to.
 */
run: string, 
/**
 * Layer that the queries belong to.
 */
layerId: number, 
/**
 * Number of positions with queries.
 */
queries: number, 
/**
 * Number of query heads.
 */
qHeads: number, 
/**
 * Head dimension.
 */
headDim: number, 
/**
 * Size of the queries, in bytes.
 */
bytes: number, 
/**
 * Factor that the dot product of query and key is multiplied with.
 */
scale: number, 
/**
 * Base of the rotary embedding that was applied to K; absent if unknown.
 */
ropeTheta?: number | null, 
/**
 * Number of positions that a query attends to, its own included; absent without a sliding window.
 */
slidingWindow?: number | null, 
/**
 * Softcap of the logits: a logit s becomes cap * tanh(s / cap). Absent without softcapping.
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
 * Summary of one run.
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
 * Size of its K and V tensors, in bytes.
 */
bytes: number, 
/**
 * Its layers, sorted by number.
 */
layers: Array<LayerCount>, 
/**
 * Stages that occur in it.
 */
stages: Array<StageCount>, 
/**
 * Shapes that occur in it.
 */
shapes: Array<ShapeCount>, 
/**
 * Element types that occur in it.
 */
dtypes: Array<DtypeCount>, };

/**
 * Size of a sample.
 */
export type Sample = { "bytes": number } | { "layers": number };

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
 * Number of captures of a shape.
 */
export type ShapeCount = { 
/**
 * Number of tokens.
 */
seqLen: number, 
/**
 * Number of KV heads of K.
 */
kvHeads: number, 
/**
 * Head dimension of K.
 */
headDim: number, 
/**
 * Number of KV heads of V; absent if equal to K's.
 */
vKvHeads: number | null, 
/**
 * Head dimension of V; absent if equal to K's.
 */
vHeadDim: number | null, 
/**
 * Number of captures of the shape.
 */
captures: number, };

/**
 * Number of captures of a stage.
 */
export type StageCount = { 
/**
 * Stage: `prefill`, `decode`, `unknown` or another.
 */
stage: string, 
/**
 * Number of captures of the stage.
 */
captures: number, };

/**
 * What the coded scheme reaches with its steps up to this one.
 */
export type StepGain = { 
/**
 * Name of the step.
 */
step: string, 
/**
 * Raw bytes divided by stored bytes, at `cosine`.
 */
ratio: number, 
/**
 * Cosine of K and of V.
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
 * How arrays that share a name pattern and a number of axes were interpreted.
 */
export type TensorGuess = { 
/**
 * Files (or folders of `.npy` files) that contain them; only the first few.
 */
files: Array<string>, 
/**
 * Number of arrays.
 */
count: number, 
/**
 * Description of the first few arrays.
 */
examples: Array<ArrayInfo>, 
/**
 * Pattern of their names, if it is known: the initial value of a mapping form.
 */
tensorNames: string | null, 
/**
 * Order of their axes, if it is known.
 */
axes: string | null, 
/**
 * How the interpretation was found, or why it is ambiguous; a sentence for people.
 */
reason: string, 
/**
 * What the user must specify before the arrays can be analysed: `tensorNames`, `axes`, `bits16`; or should
 * specify: `kvHeads`, without which they count as one head.
 */
asks: Array<string>, };

/**
 * Effect of a lossy setting on one tensor.
 */
export type TensorMatter = { 
/**
 * L2 norm of each token's vector, all heads together.
 */
lengths: Array<number>, 
/**
 * Cosine, and errors by token.
 */
errors: TokenErrors, 
/**
 * Attention error with only this tensor replaced: squared error of the outputs divided by their squares. Absent
 * without queries.
 */
attention: number | null, };

/**
 * Overview of a tensor: magnitudes, values and byte planes.
 */
export type TensorPicture = { 
/**
 * Element type: `fp16`, `bf16`, `fp32`, `fp8_e4m3` or `fp8_e5m2`.
 */
dtype: string, 
/**
 * Number of tokens.
 */
seqLen: number, 
/**
 * Number of KV heads.
 */
kvHeads: number, 
/**
 * Head dimension.
 */
headDim: number, 
/**
 * Size of the tensor, in bytes.
 */
rawBytes: number, 
/**
 * Mean |x| of each of the `kv_heads * head_dim` channels, head by head.
 */
channels: Array<number>, 
/**
 * Histogram of the values.
 */
values: Histogram, 
/**
 * High and low plane.
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
 * Errors of one layer's K or V.
 */
export type TokenErrors = { 
/**
 * Normalized mean square error: sum of squared errors divided by the sum of squares, over all values.
 */
nmse: number, 
/**
 * Cosine of the angle between all captured and all restored values; 1 where they are equal, also if they are all zero, and else 0 if
 * either are all zero.
 */
cosine: number, 
/**
 * Largest absolute error.
 */
maxAbs: number, 
/**
 * Mean of |x - x'|^2 / |x|^2 over the vectors x of every token and head.
 */
token: number, 
/**
 * |x - x'|^2 / |x|^2 of the first token (the attention sink), with all heads as one vector.
 */
first: number, 
/**
 * First percentile of the cosines of every token and head.
 */
cosineP1: number, 
/**
 * Smallest cosine of any token and head.
 */
cosineMin: number, };

/**
 * Token positions `start..end`, the end excluded, written as `0..128`, `..128` or `128..`.
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
export type Variants = "one" | "many" | "none";

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
 * Mean absolute error of K if mantissas were rounded to nearest instead of cut; absent where none are cut.
 */
kRoundedMae: number | null, 
/**
 * Mean absolute error of V if mantissas were rounded to nearest instead of cut; absent like `k_rounded_mae`.
 */
vRoundedMae: number | null, };

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
 * One row per token, `head_dim` bytes each.
 */
plain: Array<Array<number>>, 
/**
 * The same rows after the delta.
 */
delta: Array<Array<number>>, };
