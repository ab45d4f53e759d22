// What becomes of integers of 64 bits in QuickJS.

export function unsigned(value) {
  return value;
}

export function signed(value) {
  return value;
}

export function narrow(value) {
  return value;
}
