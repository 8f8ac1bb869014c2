import type { Act, Plan } from '../plan/plan.ts';

/** The plan in a cluster without node `index`: acts on it are left out, the nodes behind it move up. */
export function withoutNode(plan: Plan, index: number): Plan {
  return {
    ...plan,
    settings: { ...plan.settings, nodes: plan.settings.nodes - 1 },
    acts: plan.acts.flatMap((act) => actWithout(act, index)),
  };
}

/** By the convention that `node` holds a node's number, and `nodes` several. */
function actWithout(act: Act, index: number): Act[] {
  const { node, nodes } = act;
  if (node === index) return [];
  const moved: Act = { ...act };
  if (typeof node === 'number') moved['node'] = moveUp(node, index);
  if (Array.isArray(nodes)) {
    const left = nodes.filter((other): other is number => typeof other === 'number' && other !== index);
    if (left.length === 0) return [];
    moved['nodes'] = left.map((other) => moveUp(other, index));
  }
  return [moved];
}

function moveUp(node: number, index: number): number {
  return node > index ? node - 1 : node;
}
