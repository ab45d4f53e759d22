// The function of the interface `validation`: what a call leaves is looked
// through, and what goes into it is not.
import store from "wasi:config/store@0.2.0-rc.1";
import { find } from "./find";

interface FinishedCall {
  outcome: { tag: "ok"; val: string } | { tag: "err"; val: { tag: string; val?: string } };
}

type Subject =
  | { tag: "input" | "diagnostics" | "output"; val: string }
  | { tag: "tool-call"; val: unknown }
  | { tag: "tool-result"; val: FinishedCall };

type Verdict = { tag: "allow" } | { tag: "deny" | "warn"; val: string };

/** The text of a subject that a tool had a hand in. */
function written(subject: Subject): string {
  switch (subject.tag) {
    case "diagnostics":
      return subject.val;
    case "tool-result":
      return subject.val.outcome.tag === "ok"
        ? subject.val.outcome.val
        : (subject.val.outcome.val.val ?? "");
    default:
      return "";
  }
}

export const validation = {
  check(subject: Subject): Verdict {
    // Closed, where nobody knows what was meant.
    const unknown = store.getAll().find(([name]: [string, string]) => name !== "on-find");
    if (unknown !== undefined) {
      return { tag: "deny", val: `there is no setting \`${unknown[0]}\`: it has \`on-find\`` };
    }
    const found = find(written(subject));
    if (found.length === 0) {
      return { tag: "allow" };
    }
    const what = `it looks like a text that gives orders: ${found.join(", ")}`;
    switch (store.get("on-find") ?? "warn") {
      case "warn":
        return { tag: "warn", val: what };
      case "deny":
        return { tag: "deny", val: what };
      default:
        return { tag: "deny", val: "the setting `on-find` is `warn` or `deny`" };
    }
  },
};
