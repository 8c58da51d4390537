"""How large the error of a correctly encoded tensor can be, by type.

Three numbers a type:

* `tensor`: relative RMSE of a whole tensor. 1.6 times what the C reference's encoders, or ours
  where they are worse, reach on Student-t weights with 3 degrees of freedom, whose tails are
  heavier than those of SmolLM2 and MiniLM; at least 1.1 times their error on blocks of one spike
  of 50 standard deviations over Gaussian noise. tests/evaluate/test_bounds.py holds our encoders
  to it. A tensor of few blocks has no average worth the name and is held to the bound for blocks.
* `block`: relative error of one block, ‖y - x‖ / ‖x‖. Rounding n values to a step s leaves at most
  √n·s/2. With L steps from zero to the largest value, ‖x‖ is at least L·s: the ratio is at most
  √n/(2L). With L steps from minimum to maximum, ‖x‖ is at least L·s/√2: at most √(2n)/(2L). For
  super-blocks the rounding of the group scales is added: at most half of the largest scale's 1/63
  (Q4_K, Q5_K) or 1/127 (Q6_K) on every value of the other groups. A row from elsewhere gives about
  1.4, a scale off by a factor of two gives 0.5 or more: both far above. With two bits a value and
  less, encoders only promise an error no larger than the values: 1.
* `floor`: absolute error of one value. Scales are float16, whose smallest step is 2^-24; half of
  it times the largest factor that the type puts on a scale. It matters for nearly empty rows only,
  such as the embeddings of tokens that were never trained.
"""

from __future__ import annotations

from dataclasses import dataclass

_HALF_ULP = 2.0**-25
"""Half of float16's smallest step."""
_ENOUGH = 32 * 256
"""Weights of a tensor whose error is an average over blocks: 32 super-blocks."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Largest errors of a correctly encoded tensor; see the module.

    Attributes:
        tensor: relative RMSE of the tensor.
        block: relative error of a block (of a value for types without blocks).
        floor: absolute error of a value that is allowed in any case.
    """

    tensor: float
    block: float
    floor: float

    def of_tensor(self, weights: int) -> float:
        """Return the bound on the relative RMSE of a tensor of `weights` elements."""
        return self.tensor if weights >= _ENOUGH else self.block


BOUNDS: dict[str, Bound] = {
    "F32": Bound(0.0, 0.0, 0.0),
    "F64": Bound(0.0, 0.0, 0.0),
    # Rounding to nearest with 11 and 8 significant bits; below, the smallest denormal numbers.
    "F16": Bound(2.0**-11, 2.0**-11, _HALF_ULP),
    "BF16": Bound(2.0**-8, 2.0**-8, 2.0**-134),
    "Q4_0": Bound(0.205, 0.36, 8 * _HALF_ULP),
    "Q4_1": Bound(0.160, 0.27, 16 * _HALF_ULP),
    "Q5_0": Bound(0.105, 0.18, 16 * _HALF_ULP),
    "Q5_1": Bound(0.077, 0.13, 32 * _HALF_ULP),
    "Q8_0": Bound(0.014, 0.0225, 127 * _HALF_ULP),
    "Q2_K": Bound(0.570, 1.0, 15 * 4 * _HALF_ULP),
    "Q3_K": Bound(0.310, 0.62, 32 * 4 * _HALF_ULP),
    "Q4_K": Bound(0.150, 0.39, 63 * 16 * _HALF_ULP),
    "Q5_K": Bound(0.075, 0.20, 63 * 32 * _HALF_ULP),
    "Q6_K": Bound(0.043, 0.13, 128 * 32 * _HALF_ULP),
    "IQ4_NL": Bound(0.163, 0.36, 127 * _HALF_ULP),
    "IQ4_XS": Bound(0.164, 0.39, 32 * 127 * _HALF_ULP),
    # Lattices bend the shape of a block: a spike is far worse than Student-t weights.
    "IQ1_S": Bound(0.950, 1.0, 17 * _HALF_ULP),
    "IQ1_M": Bound(0.950, 1.0, 17 * _HALF_ULP),
    "IQ2_XXS": Bound(0.950, 1.0, 167 * _HALF_ULP),
    "IQ2_XS": Bound(0.850, 1.0, 167 * _HALF_ULP),
    "IQ2_S": Bound(0.800, 1.0, 167 * _HALF_ULP),
    "IQ3_XXS": Bound(0.440, 0.80, 481 * _HALF_ULP),
    "IQ3_S": Bound(0.360, 0.70, 465 * _HALF_ULP),
    # One scale for one to four levels: below 1, which zeros and doubled values give.
    "TQ1_0": Bound(0.950, 1.0, _HALF_ULP),
    "TQ2_0": Bound(0.950, 1.0, _HALF_ULP),
    "Q1_0": Bound(0.990, 1.0, _HALF_ULP),
    "Q2_0": Bound(0.850, 1.0, 2 * _HALF_ULP),
    # Powers of two as scales, from 2^-128; a peak of just below 8 may be cut to 6.
    "MXFP4": Bound(0.226, 0.36, 2.0**-125),
    # Scales are multiples of 2^-9 at least, half of which can be missing six times.
    "NVFP4": Bound(0.151, 0.28, 6 * 2.0**-10),
}
