// Runs pieces of JavaScript for the tests: a line of JSON in, a line of JSON out. One process serves all tests.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(`${process.argv[2]}/`);
const load = (name) => import(new URL(name, folder));
const AsyncFunction = load.constructor === Function ? (async () => {}).constructor : load.constructor;

// What JSON cannot say: not a number, the infinities, and undefined.
function plain(_, value) {
  if (value === undefined) return null;
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

async function answer(line) {
  const { body, args } = JSON.parse(line);
  try {
    return { value: await new AsyncFunction("load", ...Object.keys(args), body)(load, ...Object.values(args)) };
  } catch (error) {
    return { error: error.stack };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line), plain)}\n`);
}
