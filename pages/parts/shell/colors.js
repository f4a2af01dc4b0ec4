// One colour per person, in turn. The palette comes from Python, which draws films and sheets with the same one.

export const personColor = (palette, number) => palette[(number - 1) % palette.length];
