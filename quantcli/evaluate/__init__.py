"""How far a quantized model is from its source: per-tensor errors and what a file must hold."""
