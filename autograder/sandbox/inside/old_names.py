"""Names that numpy had once, for answers written with an older numpy than the one that grades."""

from __future__ import annotations

from typing import Any

import numpy as np


def keep_old_names() -> None:
    """Give numpy back the names that it dropped in 1.24, 2.0 and later, where each has one plain meaning today."""
    old: dict[str, Any] = {
        **dict.fromkeys(("Inf", "Infinity", "infty", "PINF"), np.inf),
        **dict.fromkeys(("NaN", "NAN"), np.nan),
        "NINF": -np.inf,
        "NZERO": -0.0,
        "PZERO": 0.0,
        "float": float,
        "int": int,
        "complex": complex,
        "object": object,
        "str": str,
        "float_": np.float64,
        "complex_": np.complex128,
        "unicode_": np.str_,
        "string_": np.bytes_,
        "product": np.prod,
        "cumproduct": np.cumprod,
        "sometrue": np.any,
        "alltrue": np.all,
        "round_": np.round,
        "row_stack": np.vstack,
        "asfarray": lambda a, dtype=np.float64: np.asarray(a, dtype=dtype),
        "msort": lambda a: np.sort(a, axis=0),
        "in1d": lambda a, b, **how: np.isin(np.ravel(a), b, **how),
        "trapz": getattr(np, "trapezoid", None),
    }
    for name, meaning in old.items():
        if name not in vars(np) and meaning is not None:
            setattr(np, name, meaning)
