"""One colour per person, in turn: Okabe and Ito's, told apart with any kind of colour vision, on light and dark."""

PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
