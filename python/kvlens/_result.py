"""Results of analyses."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional, Union

from . import _kvlens
from ._figures import figures
from ._html import page


class Rows:
    """The rows, one for each capture and variant, as an Arrow table that pandas, polars and pyarrow import directly:

    ``pyarrow.table(rows)``, ``polars.DataFrame(rows)``, ``pandas.DataFrame.from_arrow(rows)``, or by the methods below.
    """

    def __init__(self, native: _kvlens.Rows) -> None:
        self._native = native

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._native.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return len(self._native)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self._native.columns()

    def to_pyarrow(self) -> Any:
        """Converts the rows to a ``pyarrow.Table``."""
        import pyarrow

        return pyarrow.table(self)

    def to_pandas(self) -> Any:
        """Converts the rows to a ``pandas.DataFrame``."""
        import pandas

        if hasattr(pandas.DataFrame, "from_arrow"):
            return pandas.DataFrame.from_arrow(self)
        return self.to_pyarrow().to_pandas()

    def to_polars(self) -> Any:
        """Converts the rows to a ``polars.DataFrame``."""
        import polars

        return polars.DataFrame(self)

    def __repr__(self) -> str:
        return f"<{len(self)} rows of {len(self.columns)} columns: to_pandas(), to_polars(), to_pyarrow()>"


class Result:
    """Result of an analysis. It shows itself in a notebook, saves the command line's report files, and has its rows as a table.

    Attributes:
        analysis: Name of the analysis.
        settings: All settings, including defaults, by their names on the command line.
        problems: Files and captures that were left out, and why.
        caveats: Reasons why the figures may mislead, each with the setting that corrects for it.
        report: The whole report, as the page gets it.
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
        """Rows, one for each capture and variant.

        Raises:
            AttributeError: When rows were not kept, or the analysis (``explore``) has none: see :attr:`explored`.
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
        """Figures of each variant, in the order of the reports."""
        return [_figures_of(group) for group in self.report["groups"]]

    @property
    def summary(self) -> dict[str, Any]:
        """Figures of the variant that stands for the whole: ``kv_ratio``, ``k_ratio``, ``v_ratio``, the errors of lossy values, and the
        number of captures.

        In a sweep that is the best combination that passes, or else the one with the smallest error. Where no variant stands for the
        whole, only the analysis and the number of captures are present.
        """
        headline = self.report["headline"]
        found = {} if headline is None else self.groups[headline]
        return {"analysis": self.analysis, "captures": self.report["captures"], **found}

    @property
    def explored(self) -> Optional[dict[str, Any]]:
        """Result of explore; ``None`` for other analyses."""
        explored: Optional[dict[str, Any]] = self.report.get("explored")
        return explored

    @property
    def answer(self) -> list[str]:
        """Answer of explore, in sentences; empty for other analyses."""
        return self._native.answer()

    @property
    def files(self) -> Mapping[str, bytes]:
        """Report files by name; they equal the command line's byte for byte."""
        return dict(self._native.files(None))

    def save(self, folder: Union[str, os.PathLike[str], None] = None) -> Path:
        """Writes the report files into a folder, which is created if necessary; returns its path.

        The default is the ``out_dir`` that was passed to :func:`kvlens.analyze`.
        """
        text = self._out_dir if folder is None else os.fspath(folder)
        target = Path(text)
        target.mkdir(parents=True, exist_ok=True)
        files = self._native.files(text)
        # Nothing is replaced before all files are written; scans skip the folder that they are written to.
        with tempfile.TemporaryDirectory(prefix=".kvlens-reports-", suffix=".tmp", dir=target) as unfinished:
            for name, content in files:
                written = Path(unfinished, name)
                written.parent.mkdir(parents=True, exist_ok=True)
                written.write_bytes(content)
            for name, _ in files:
                final = target / name
                final.parent.mkdir(parents=True, exist_ok=True)
                Path(unfinished, name).replace(final)
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
