// The picture is shown once it is there, so that nothing flickers; the lines are drawn anew whenever the data change.
const NS = "http://www.w3.org/2000/svg";
const WIDTH = 300, HEIGHT = 56, ROOM = 4;

function draw(svg, at, share, words) {
  const last = at[at.length - 1] || 1;
  const points = share.map((value, i) => {
    const x = (at[i] / last) * WIDTH;
    const y = HEIGHT - ROOM - Math.min(1, Math.max(0, value)) * (HEIGHT - 2 * ROOM);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const area = document.createElementNS(NS, "polygon");
  area.setAttribute("points", `0,${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}`);
  const line = document.createElementNS(NS, "polyline");
  line.setAttribute("points", points.join(" "));
  svg.replaceChildren(area, line);
  svg.setAttribute("aria-label", words);
}

function show(root, address) {
  const image = root.querySelector("img");
  if (!address || root.dataset.picture === address) {
    return;
  }
  root.dataset.picture = address;
  const next = new Image();
  next.onload = () => {
    image.src = address;
    image.hidden = false;
    root.querySelector("p").hidden = true;
  };
  next.src = address;
}

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".onlooker");
  show(root, data.picture);
  const usage = root.querySelector(".usage");
  usage.hidden = !data.at.length;
  if (usage.hidden) {
    return;
  }
  const [cpu, memory] = usage.querySelectorAll("figcaption");
  cpu.textContent = data.cpu_words;
  memory.textContent = data.memory_words;
  const [above, below] = usage.querySelectorAll("svg");
  draw(above, data.at, data.cpu, `${data.cpu_words}, ${data.span_words}`);
  draw(below, data.at, data.memory, `${data.memory_words}, ${data.span_words}`);
}
