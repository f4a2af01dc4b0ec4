"""Where models and methods are made and judged: scores, drawn footage, training."""
