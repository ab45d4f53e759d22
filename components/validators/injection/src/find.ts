// What looks like an order to a model, and what hides one.
//
// A text is gone through once for each anchor, a few letters that a rare one
// begins: what stands around each is looked at closely. That is fast here; one
// expression for all would take a second for a mebibyte.

/** Between words: whatever a reader skips, and what JSON writes for it. */
const GAP = "(?:\\\\[nrt]|[\\s\"'`*_.,:;!>()\\[\\]-]){1,16}";

const words = (...all: string[]) => `(?:${all.join("|")})`;

const ADJECTIVES = words(
  "all", "any", "every", "the", "your", "my", "of", "these", "those", "previous", "prior",
  "above", "earlier", "preceding", "former", "other", "system", "original", "initial", "current",
  "safety", "given",
);

const RULES = words(
  "instructions?", "prompts?", "rules?", "directions?", "directives?", "guidelines?",
  "constraints?", "commands?", "orders?", "context", "messages?", "policies", "training",
);

const TELL = words(
  "tell", "telling", "inform", "informing", "mention", "mentioning", "reveal", "revealing",
  "show", "showing", "alert", "alerting", "notify", "notifying",
);

/** An order, by an anchor and what stands before and after that, in lower case. */
interface Order {
  name: string;
  anchor: string;
  before: RegExp | undefined;
  after: RegExp;
}

/** How far before an anchor is looked, in characters. */
const BEFORE = 160;

function order(name: string, before: string, anchor: string, after: string): Order {
  return {
    name,
    anchor,
    before: before === "" ? undefined : new RegExp(`${before}$`),
    after: new RegExp(after, "y"),
  };
}

const FORGET = `(?:${GAP}${ADJECTIVES}){0,6}${GAP}${RULES}\\b`;
const KEEP =
  `\\b${words("do not", "don't", "never", "without")}${GAP}${TELL}` +
  `(?:${GAP}${words("this", "it", "that", "any", "of", "to", "about", "anything")}){0,4}${GAP}`;
const BE =
  `(?:${GAP}[a-z]{1,24}){0,4}${GAP}` +
  `${words("unrestricted", "jailbroken", "dan", "developer mode", "no restrictions", "without restrictions", "root", "administrator", "in charge")}\\b`;
const SHOW =
  `\\b${words("reveal", "print", "repeat", "output", "show", "leak")}` +
  `(?:${GAP}${words("me", "us", "out", "all", "the", "your", "full", "entire", "hidden", "initial")}){0,5}${GAP}`;
const SEND =
  `(?:${GAP}[a-z0-9]{1,24}){0,8}?${GAP}` +
  `${words("secrets?", "passwords?", "credentials?", "tokens?", "api keys?", "keys", "conversation", "history", "environment variables")}` +
  `(?:${GAP}[a-z0-9]{1,24}){0,6}${GAP}https?:`;

/** What begins an order to send something somewhere: looked for where there is a URL. */
const SENDING = ["send", "post", "upload", "forward", "exfiltrate"];

const ORDERS: Order[] = [
  order("to forget its instructions", "\\bi", "gnore", FORGET),
  order("to forget its instructions", "\\bdisre", "gard", FORGET),
  order("to forget its instructions", "(?:^|[^a-z])", "forget", FORGET),
  order("to forget its instructions", "\\bo", "verride", FORGET),
  order("to keep something from the user", KEEP, "the user", "\\b"),
  order("to tell its instructions", `${SHOW}s`, "ystem", `${GAP}(?:prompt|message|instructions?)\\b`),
  order("to be somebody else", "(?:^|[^a-z])", "you ", `${words("are", "must")} now${BE}`),
  order(
    "new instructions",
    `\\b${words("new", "updated", "important", "hidden")}${GAP}instr`,
    "uctions",
    `(?:\\\\[nrt]|[\\s"'*_-]){0,8}:`,
  ),
  // What marks the turns of a chat for some model has no place in an answer.
  order("marks of a chat", "", "<|", `${words("im_start", "im_end", "system", "assistant", "user", "endoftext", "start_header_id", "eot_id")}\\|>`),
  order("marks of a chat", "", "<<sys>>", ""),
  order("marks of a chat", "", "[inst]", ""),
  order("marks of a chat", "</?s", "ystem", "(?:-reminder)?>"),
];

/** Orders by their anchors: a text is gone through once for each. */
type Anchors = Map<string, Order[]>;

function byAnchor(orders: Order[]): Anchors {
  const anchors: Anchors = new Map();
  for (const one of orders) {
    anchors.set(one.anchor, [...(anchors.get(one.anchor) ?? []), one]);
  }
  return anchors;
}

const ANCHORS = byAnchor(ORDERS);
const ANCHORS_OF_URLS = byAnchor(
  SENDING.map((verb) => order("to send something away", "(?:^|[^a-z])", verb, SEND)),
);

/** Characters that turn the direction of a text: what is read is not what is written. */
const DIRECTION = /[\u202a-\u202e\u2066-\u2069]/;

/** Characters that take no room between letters of Latin script. */
const ZERO_WIDTH = /[\u00ad\u180e\u200b-\u200d\u2060-\u2064\ufeff](?<=[a-z0-9].)[\u00ad\u180e\u200b-\u200d\u2060-\u2064\ufeff]*[a-z0-9]/i;

/** Letters that nothing shows: a copy of ASCII, for tags. */
const TAGS = /\udb40[\udc20-\udc7e]/;

/** All that nobody sees. */
const UNSEEN = /[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|\udb40[\udc00-\udc7f]/g;

/** How many places are looked at more closely, at most. */
const MOST_PLACES = 50_000;

/** What a text seems to hold, each once. */
export function find(text: string): string[] {
  const found = new Set<string>();
  if (text === "") {
    return [];
  }
  const seen = text.replace(UNSEEN, "");
  if (seen.length < text.length) {
    findUnseen(text, found);
  }
  const lower = seen.toLowerCase();
  let left = MOST_PLACES;
  const all = lower.includes("://") ? [...ANCHORS, ...ANCHORS_OF_URLS] : ANCHORS;
  for (const [anchor, orders] of all) {
    left = findOrders(anchor, orders, lower, left, found);
  }
  if (left < 0) {
    found.add("more beginnings of orders than can be looked at");
  }
  return [...found];
}

function findUnseen(text: string, found: Set<string>): void {
  if (DIRECTION.test(text)) {
    found.add("characters that turn its direction");
  }
  if (ZERO_WIDTH.test(text)) {
    found.add("characters without width within words");
  }
  if (TAGS.test(text)) {
    found.add("letters that nothing shows");
  }
}

/** Looks for those of one anchor; how many more places may be looked at. */
function findOrders(
  anchor: string,
  orders: Order[],
  text: string,
  left: number,
  found: Set<string>,
): number {
  let open = orders.filter((one) => !found.has(one.name));
  let at = text.indexOf(anchor);
  while (at !== -1 && 0 < open.length && 0 <= left) {
    left -= 1;
    for (const { name, before, after } of open) {
      after.lastIndex = at + anchor.length;
      if (after.test(text) && stands(before, text, at)) {
        found.add(name);
        open = open.filter((one) => one.name !== name);
      }
    }
    at = text.indexOf(anchor, at + anchor.length);
  }
  return left;
}

function stands(before: RegExp | undefined, text: string, at: number): boolean {
  return before === undefined || before.test(text.slice(Math.max(0, at - BEFORE), at));
}
