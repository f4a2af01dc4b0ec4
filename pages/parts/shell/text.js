// Names, numbers and addresses as all screens write them.

export const personName = (number) => `P${String(number).padStart(3, "0")}`;

// "1 person", "1,204 people".
export const formatCount = (number, noun, plural = `${noun}s`) =>
  `${number.toLocaleString("en")} ${number === 1 ? noun : plural}`;

// A similarity without the minus that a rounded nought would keep.
export function formatSimilarity(value, digits = 2) {
  return value.toFixed(digits).replace(/^-(0(?:\.0*)?)$/, "$1");
}

export function formatBytes(bytes) {
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`;
  }
  return `${Math.round(bytes)} B`;
}

export const capitalized = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// `folder` is an address; each part of the file's path is escaped.
export const fileAddress = (folder, file) => `${folder}/${file.split("/").map(encodeURIComponent).join("/")}`;
