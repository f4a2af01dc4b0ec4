"""Nouns and words that everything else is written in. NumPy only; imports nothing else of ours."""
