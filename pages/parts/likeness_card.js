// What is said of one pair: who they are, how alike, the two pictures most alike, and why they are or are not together.

function card(map, pair, detail) {
  if (!pair) {
    return [
      element("h3", "", map.tracks ? "Every track with every other" : "Everybody with everybody"),
      element("p", "", "Point at a cell to see the two. Click it, or press Enter, to keep them here."),
      element("p", "quiet", "Wheel, pinch, or + and − to zoom; drag to move; 0 for the whole. With the map in focus the arrow keys go from cell to cell, ten with Shift."),
    ];
  }
  const [one, other] = pair, value = map.alike[one * map.count + other], parts = [];
  parts.push(element("h3", "", map.names(one, other)));
  if (map.tracks) parts.push(element("p", "quiet", whose(map, one, other)));
  if (one !== other || !map.tracks) parts.push(amount(map, value));
  if (detail?.fault) return [...parts, element("p", "", detail.fault)];
  if (!detail) return [...parts, element("p", "quiet", "…")];
  parts.push(element("p", "", detail.words), pictures(map, detail));
  const same = detail.crops[0].file === detail.crops[1].file;
  parts.push(element("p", "quiet", same ? "Its best picture." : `Of all their pictures these two are the most alike: ${detail.alike.toFixed(2)}.`));
  if (map.kept) {
    const go = element("button", "", "Let go");
    go.type = "button";
    go.title = "Escape";
    parts.push(go);
  }
  return parts;
}

function whose(map, one, other) {
  const [a, b] = [one, other].map((item) => who_is(map.shown, map.of.person[item]));
  if (a !== b) return `${a.replace(/^p/, "P")} and ${b}.`;
  return `${one === other ? "This is" : "Both are"} ${a}.`;
}

function amount(map, value) {
  const line = element("div", "value");
  if (value === NONE) {
    line.append(element("small", "", "Nothing to compare."));
    return line;
  }
  const swatch = element("i");
  swatch.style.background = map.scale.css(value);
  const least = map.shown.threshold, place = value / UNIT < least ? "below" : "at or above";
  line.append(swatch, element("span", "", amount_of(value, 3)));
  line.append(element("small", "", `similarity, ${place} the threshold of ${least.toFixed(3)}`));
  return line;
}

function pictures(map, detail) {
  const row = element("div", "crops"), same = detail.crops[0].file === detail.crops[1].file;
  for (const crop of same ? detail.crops.slice(0, 1) : detail.crops) {
    const figure = element("figure"), image = element("img");
    image.src = crop_of(map, crop.file);
    image.alt = `${crop.camera}, track ${crop.track}, at ${clock(crop.seconds)}`;
    figure.append(image, element("figcaption", "", `${crop.camera} · track ${crop.track} · ${clock(crop.seconds)}`));
    row.append(figure);
  }
  return row;
}
