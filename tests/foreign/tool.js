// One source for every way to build JavaScript.

export function shout(text) {
  if (text === '') throw 'there is nothing to shout';
  return text.toUpperCase();
}

export function visit(url) {
  throw `no page at ${url}`;
}
