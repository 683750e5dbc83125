// An element with its attributes and what is in it.
export function make(tag, attributes = {}, ...content) {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) found.setAttribute(name, value);
  found.append(...content);
  return found;
}
