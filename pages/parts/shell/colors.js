// One colour per person, in turn: those of Okabe and Ito, distinct with any kind of colour vision, on light and dark.
// Annotated videos and contact sheets, which Python draws, have the same ones.

export const PALETTE = ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"];

export const personColor = (number) => PALETTE[(number - 1) % PALETTE.length];
