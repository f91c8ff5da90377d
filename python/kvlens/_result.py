"""What an analysis found."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional, Union

from . import _kvlens
from ._figures import figures
from ._html import page


class Rows:
    """The rows as an Arrow table: one for each capture and variant. pandas, polars and pyarrow take it as it is.

    ``pyarrow.table(rows)``, ``polars.DataFrame(rows)``, ``pandas.DataFrame.from_arrow(rows)``, or:
    """

    def __init__(self, native: _kvlens.Rows) -> None:
        self._native = native

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._native.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return len(self._native)

    @property
    def columns(self) -> list[str]:
        """The columns' names."""
        return self._native.columns()

    def to_pyarrow(self) -> Any:
        """As a ``pyarrow.Table``."""
        import pyarrow

        return pyarrow.table(self)

    def to_pandas(self) -> Any:
        """As a ``pandas.DataFrame``."""
        import pandas

        if hasattr(pandas.DataFrame, "from_arrow"):
            return pandas.DataFrame.from_arrow(self)
        return self.to_pyarrow().to_pandas()

    def to_polars(self) -> Any:
        """As a ``polars.DataFrame``."""
        import polars

        return polars.DataFrame(self)

    def __repr__(self) -> str:
        return f"<{len(self)} rows of {len(self.columns)} columns: to_pandas(), to_polars(), to_pyarrow()>"


class Result:
    """What an analysis found: shown in a notebook, saved as the command line's files, and as tables.

    Attributes:
        analysis: The analysis's name.
        settings: Every setting, defaults too, by the command line's names.
        problems: Files and captures that were left out, and why.
        caveats: What makes the figures say something else than they seem to, and the setting that mends it.
        report: All figures, as the page has them.
    """

    def __init__(self, native: _kvlens.Report, out_dir: str, scan_problems: list[dict[str, Any]]) -> None:
        self._native = native
        self._out_dir = out_dir
        self._rows: Optional[Rows] = None
        self.report: dict[str, Any] = json.loads(native.json())
        self.analysis: str = self.report["analysis"]
        self.settings: dict[str, Any] = self.report["settings"]
        self.problems: list[dict[str, Any]] = scan_problems + self.report["problems"]
        self.caveats: list[dict[str, Any]] = self.report["caveats"]

    @property
    def rows(self) -> Rows:
        """The rows.

        Raises:
            AttributeError: Where rows were not kept, or the analysis (``explore``) has none: see :attr:`explored`.
        """
        if self._rows is None:
            native = self._native.rows()
            if native is None:
                why = "rows were not kept" if self.explored is None else "explore has no rows: see explored"
                raise AttributeError(why)
            self._rows = Rows(native)
        return self._rows

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The figures of each variant, in the order of the reports."""
        return [_figures_of(group) for group in self.report["groups"]]

    @property
    def summary(self) -> dict[str, Any]:
        """The figures of the whole: captures, ``kv_ratio``, ``k_ratio``, ``v_ratio``, and the errors of what is lossy.

        Of a sweep these are the best combination's that passes, else the best one's; where an analysis has no variant that stands for
        the whole, they are those of :attr:`groups` that are the same for all.
        """
        headline = self.report["headline"]
        found = {} if headline is None else self.groups[headline]
        return {"analysis": self.analysis, "captures": self.report["captures"], **found}

    @property
    def explored(self) -> Optional[dict[str, Any]]:
        """What explore found; nothing for other analyses."""
        explored: Optional[dict[str, Any]] = self.report.get("explored")
        return explored

    @property
    def answer(self) -> list[str]:
        """What explore found, in sentences; nothing for other analyses."""
        return self._native.answer()

    @property
    def files(self) -> Mapping[str, bytes]:
        """The report files, by name: the command line's, byte for byte."""
        return dict(self._native.files(None))

    def save(self, folder: Union[str, os.PathLike[str], None] = None) -> Path:
        """Writes the report files into a folder, which is made where it isn't there; gives the folder.

        By default it is the ``out_dir`` that was given to :func:`kvlens.analyze`.
        """
        text = self._out_dir if folder is None else os.fspath(folder)
        target = Path(text)
        target.mkdir(parents=True, exist_ok=True)
        files = self._native.files(text)
        written = []
        try:
            for place, (name, content) in enumerate(files):
                unfinished = target / f".kvlens-reports-{os.getpid()}-{place}.tmp"
                written.append((unfinished, target / name))
                unfinished.write_bytes(content)
            for unfinished, final in written:
                final.parent.mkdir(parents=True, exist_ok=True)
                unfinished.replace(final)
        finally:
            for unfinished, _ in written:
                unfinished.unlink(missing_ok=True)
        for name in self._native.superseded():
            (target / name).unlink(missing_ok=True)
        return target

    def __repr__(self) -> str:
        summary = self.summary
        ratio = f", KV {summary['kv_ratio']:.3f}x" if "kv_ratio" in summary else ""
        left = f", {len(self.problems)} left out" if self.problems else ""
        return f"<kvlens {self.analysis}: {summary['captures']} captures{ratio}{left}>"

    def _repr_html_(self) -> str:
        return page(self, figures(self.report))


def _figures_of(group: Mapping[str, Any]) -> dict[str, Any]:
    variant, everything = group["variant"], group["all"]
    errors = {}
    for side in ("k", "v"):
        for name, value in (everything[f"{side}Errors"] or {}).items():
            errors[f"{side}_{_snake(name)}"] = value
    return {
        "method": variant["label"],
        "bits": variant["bits"],
        "block_size": variant["blockSize"],
        "topk_ratio": variant["topkRatio"],
        "rows": everything["rows"],
        "kv_ratio": everything["kvRatio"],
        "k_ratio": everything["kRatio"],
        "v_ratio": everything["vRatio"],
        **errors,
        **({} if group["passes"] is None else {"passes": group["passes"]}),
    }


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
