import { expect, test } from "vitest";
import type { Topic } from "../../api/types";
import { forest, type Node, subtree } from "./tree";

function topic(key: string, parent: string | null): Topic {
  return {
    key,
    parent,
    name: key,
    name_en: "",
    words: [],
    synonyms: {},
    causes: [],
    owner_department: null,
    demand_type: null,
    state: "active",
    version: 1,
  };
}

const shape = (nodes: readonly Node[]): unknown =>
  nodes.map((node) => [node.topic.key, shape(node.children)]);

test("topics stand below their parents", () => {
  expect(shape(forest([topic("b", "a"), topic("a", null), topic("c", "b")]))).toEqual([
    ["a", [["b", [["c", []]]]]],
  ]);
});

test("a topic whose parent is missing is not lost", () => {
  expect(shape(forest([topic("a", "gone")]))).toEqual([["a", []]]);
});

test("a ring of parents is shown flat instead of never", () => {
  const keys = forest([topic("a", "b"), topic("b", "a")]).map((node) => node.topic.key);
  expect(keys.sort()).toEqual(["a", "b"]);
});

test("a subtree holds every level below", () => {
  const topics = [topic("a", null), topic("b", "a"), topic("c", "b"), topic("d", null)];
  expect(subtree("a", topics)).toEqual(["a", "b", "c"]);
});
