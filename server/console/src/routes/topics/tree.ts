import type { Topic } from "../../api/types";

export type Node = { topic: Topic; children: Node[] };

/** Topics as a forest. A parent that is missing, or a ring of parents, leaves its topics at the top level. */
export function forest(topics: readonly Topic[]): Node[] {
  const nodes = new Map(topics.map((topic) => [topic.key, { topic, children: [] as Node[] }]));
  const roots: Node[] = [];
  for (const node of nodes.values()) {
    const parent = node.topic.parent ? nodes.get(node.topic.parent) : undefined;
    if (parent && !isBelow(parent.topic.key, node.topic.key, nodes)) parent.children.push(node);
    else roots.push(node);
  }
  return roots;
}

function isBelow(key: string, above: string, nodes: ReadonlyMap<string, Node>): boolean {
  const seen = new Set<string>();
  for (let at: string | null | undefined = key; at && !seen.has(at); at = nodes.get(at)?.topic.parent) {
    if (at === above) return true;
    seen.add(at);
  }
  return false;
}

/** A key and every key below it. */
export function subtree(key: string, topics: readonly Topic[]): string[] {
  const found = [key];
  for (const above of found) {
    for (const topic of topics) {
      if (topic.parent === above && !found.includes(topic.key)) found.push(topic.key);
    }
  }
  return found;
}
