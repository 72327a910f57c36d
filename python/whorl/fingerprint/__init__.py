"""Things in, digests out: code, values and raw inputs of a stage."""
