"""What cases of state-space models share."""

from __future__ import annotations

DECAY = {
    r"ssm_a$": "-exp(A_log) is computed in float64 here and rounded once; the converter's exp in "
    "float32 is off by one in the last place for some numbers"
}
