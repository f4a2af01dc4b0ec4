"""Where models and methods are made and measured: evaluation, synthetic footage, training."""
