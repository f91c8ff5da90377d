"""HTML of a result for notebooks: headline, caveats and problems, charts, and the table of variants."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._result import Result

#: Largest number of variants in the table.
_LISTED = 20


def page(result: Result, figures: list[str]) -> str:
    """The result as self-contained HTML, without scripts or links to other files."""
    summary = result.summary
    head = [f"<b>kvlens {escape(result.analysis)}</b>: {summary['captures']} captures"]
    if "kv_ratio" in summary:
        head.append(
            f"<b>KV {summary['kv_ratio']:.3f}x</b>, K {summary['k_ratio']:.3f}x, V {summary['v_ratio']:.3f}x"
            + ("" if None in (summary.get("k_cosine"), summary.get("v_cosine")) else f"; cosine K {summary['k_cosine']:.6f}, V {summary['v_cosine']:.6f}")
        )
    parts = [f"<p>{'; '.join(head)}</p>"]
    parts += [f"<p>{escape(sentence)}</p>" for sentence in result.answer]
    notes = [escape(caveat["message"]) for caveat in result.caveats]
    notes += [f"left out: {escape(each['file'])}: {escape(each['message'])}" for each in result.problems[:10]]
    if len(result.problems) > 10:
        notes.append(f"{len(result.problems)} files or captures left out")
    if notes:
        parts.append(f"<ul>{''.join(f'<li>{note}</li>' for note in notes)}</ul>")
    parts += figures
    parts.append(_table(result.groups))
    return f'<div class="kvlens">{"".join(parts)}</div>'


def _table(groups: list[dict[str, Any]]) -> str:
    if not groups:
        return ""
    columns = ["method", "bits", "block_size", "topk_ratio", "kv_ratio", "k_ratio", "v_ratio", "k_mae", "v_mae", "k_cosine", "v_cosine"]
    columns = [column for column in columns if any(group.get(column) is not None for group in groups)]
    head = "".join(f"<th>{column}</th>" for column in columns)
    lines = []
    for group in groups[:_LISTED]:
        cells = "".join(f"<td>{_cell(group.get(column))}</td>" for column in columns)
        lines.append(f"<tr>{cells}</tr>")
    more = f"<p>and {len(groups) - _LISTED} more in files</p>" if len(groups) > _LISTED else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>{more}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else escape(str(value))
