// What Python's routes answer.

// The content at an address; throws what the route says is wrong.
export async function fetchJson(address) {
  const response = await fetch(address), content = await response.json();
  if (!response.ok) throw new Error(content.error);
  return content;
}
