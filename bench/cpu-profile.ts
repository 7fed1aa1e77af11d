import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The file format of V8's sampling profiler (`.cpuprofile`). */
export interface CpuProfile {
  nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number };
    children?: number[];
  }[];
  samples: number[];
  timeDeltas: number[];
}

/** One function in one place of the call tree; times in µs. */
export interface Frame {
  name: string;
  where: string;
  self: number;
  total: number;
  children: Frame[];
}

const IDLE = '(idle)';

function whereOf(url: string, line: number): string {
  if (url === '') return '';
  const path = url.startsWith('file:') ? relative(process.cwd(), fileURLToPath(url)) : url;
  const short = path.startsWith('/') ? relative(process.cwd(), path) : path;
  return `${short.replace(/^.*node_modules\//, '')}:${line + 1}`;
}

/** The call tree with the time of each frame; waiting is left out, and so is what takes no time. */
export function callTree(profile: CpuProfile): Frame {
  const self = new Map<number, number>();
  profile.samples.forEach((id, index) => {
    self.set(id, (self.get(id) ?? 0) + (profile.timeDeltas[index] ?? 0));
  });
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const build = (id: number): Frame => {
    const { callFrame, children = [] } = nodes.get(id)!;
    const below = children
      .filter((child) => nodes.get(child)!.callFrame.functionName !== IDLE)
      .map(build)
      .filter(({ total }) => total > 0);
    const own = self.get(id) ?? 0;
    return {
      name: callFrame.functionName || '(anonymous)',
      where: whereOf(callFrame.url, callFrame.lineNumber),
      self: own,
      total: below.reduce((sum, frame) => sum + frame.total, own),
      children: below.sort((left, right) => right.total - left.total),
    };
  };
  return build(profile.nodes[0]!.id);
}

/** Time spent in each function itself, wherever it was called from; the most expensive first. */
export function selfTimes(root: Frame): { name: string; where: string; self: number }[] {
  const sums = new Map<string, { name: string; where: string; self: number }>();
  const visit = ({ name, where, self, children }: Frame) => {
    const key = `${name} ${where}`;
    const sum = sums.get(key) ?? { name, where, self: 0 };
    sum.self += self;
    sums.set(key, sum);
    children.forEach(visit);
  };
  visit(root);
  return [...sums.values()].sort((left, right) => right.self - left.self);
}
