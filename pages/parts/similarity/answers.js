// What the maps fetch. What `fetchOnce` has fetched is not asked for again, however often the page is drawn.

const STORED = 6;
const CHANGED = "The results have changed. Reload the page.";
const answers = new Map();

export async function request(address, kind) {
  let response;
  try {
    response = await fetch(address);
  } catch {
    throw new Error("Sightline does not respond. Check that it is running, then reload the page.");
  }
  if (response.status === 409) throw new Error(CHANGED);
  if (!response.ok) throw new Error("The similarities cannot be loaded. Reload the page.");
  return response[kind]();
}

// `kind` is json or arrayBuffer.
export function fetchOnce(address, kind) {
  if (!answers.has(address)) {
    const answer = request(address, kind);
    answer.catch(() => answers.delete(address));
    answers.set(address, answer);
    if (answers.size > STORED) answers.delete(answers.keys().next().value);
  }
  return answers.get(address);
}

// What Python knows of one pair; or, in `failure`, why that cannot be shown.
export async function fetchPair(address) {
  try {
    const response = await fetch(address);
    if (response.status === 409) return { failure: CHANGED };
    if (response.ok) return await response.json();
  } catch { /* Advice below. */ }
  return { failure: "This pair cannot be loaded. Reload the page." };
}
