// The functions of the interface `documents`. What they throw becomes the error
// of the call.
import jmespath from "jmespath";
import { jsonpath } from "json-p3";
import { createPatch } from "rfc6902";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

interface Found {
  place: string;
  value: string;
}

interface Change {
  operation: "add" | "remove" | "replace";
  pointer: string;
  value: string | undefined;
}

/** Reads a document; the error says which one is wrong. */
function read(name: string, text: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`\`${name}\` is not JSON: ${reason(error)}`);
  }
}

/** Does something with what a caller wrote; the error says what it was. */
function using<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`\`${name}\` does not work: ${reason(error)}`);
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export const documents = {
  query(document: string, path: string): Found[] {
    const value = read("document", document);
    const nodes = using("path", () => jsonpath.query(path, value));
    return nodes.nodes.map((node) => ({
      place: node.getPath({ form: "canonical" }),
      value: JSON.stringify(node.value),
    }));
  },

  transform(document: string, expression: string): string {
    const value = read("document", document);
    return JSON.stringify(using("expression", () => jmespath.search(value, expression)));
  },

  diff(before: string, after: string): Change[] {
    const patch = createPatch(read("before", before), read("after", after));
    return patch.map((change) => ({
      operation: change.op as Change["operation"],
      pointer: change.path,
      value: "value" in change ? JSON.stringify(change.value) : undefined,
    }));
  },
};
