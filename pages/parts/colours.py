"""One colour per track: Okabe and Ito's palette, told apart with any kind of colour vision, on light and dark alike."""

PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")


def colour_of(track: int) -> str:
    """
    >>> colour_of(1), colour_of(8) == colour_of(1)
    ('#E69F00', True)
    """
    return PALETTE[(track - 1) % len(PALETTE)]
