import { type Fleet, IN_PROGRESS, isFailing, isReady, type Resource } from './fleet';

/** Shows the progress of the demo. */
export interface Screen {
  act(title: string): void;
  event(text: string): void;
  show(fleet: Fleet): void;
  close(): void;
}

interface Output {
  write(text: string): unknown;
  rows?: number;
}

type Condition = Resource['status']['conditions'][number];

/** The changes since the previous look at the fleet, one line each. */
class Changes {
  private before = new Map<string, { name: string; conditions: Map<string, Condition> }>();

  since({ clusters, nodePools, channels, versions }: Fleet): string[] {
    const names = new Map([...clusters, ...channels].map(({ id, name }) => [id, name]));
    const now: typeof this.before = new Map();
    const lines: string[] = [];
    const look = (resource: Resource, name: string) => {
      const old = this.before.get(resource.id!)?.conditions;
      const conditions = new Map(shown(resource).map((each) => [each.type, each]));
      for (const { type, status, reason = 'no reason' } of conditions.values()) {
        const was = old?.get(type);
        const failed = type.endsWith('Successful') && reason !== was?.reason && isFailing(resource);
        // A new condition that is False is not worth a line, unless it is a failure.
        if (!failed && (was ? was.status === status : status === 'False')) continue;
        const from = was && was.status !== status ? `${was.status} → ` : '';
        lines.push(`${name}: ${type} ${from}${status} (${reason})`);
      }
      now.set(resource.id!, { name, conditions });
    };
    for (const cluster of clusters) look(cluster, cluster.name);
    for (const child of [...nodePools, ...versions]) {
      look(child, `${names.get(child.owner_references?.id) ?? '?'}/${child.name}`);
    }
    for (const [id, { name }] of this.before) if (!now.has(id)) lines.push(`${name}: gone`);
    this.before = now;
    return lines;
  }
}

/** All conditions, without the aliases. */
function shown(resource: Resource) {
  return resource.status.conditions.filter(
    ({ type }) => type !== 'Reconciled' && type !== 'LastKnownReconciled',
  );
}

/** For pipes and files: one line for each event. */
export function plainScreen(output: Output): Screen {
  const changes = new Changes();
  const line = (text: string) =>
    output.write(`${new Date().toISOString().slice(11, 23)} ${text}\n`);
  return {
    act: (title) => line(`== ${title}`),
    event: line,
    show: (fleet) => changes.since(fleet).forEach(line),
    close: () => undefined,
  };
}

const ESC = '\u001b[';
const colour = (code: number, text: string) => `${ESC}${code}m${text}${ESC}0m`;
const red = (text: string) => colour(31, text);
const green = (text: string) => colour(32, text);
const yellow = (text: string) => colour(33, text);
const bold = (text: string) => colour(1, text);
const dim = (text: string) => colour(2, text);

const EVENTS = 7;
/** Title, progress, two empty lines, two headings, the number of hidden clusters, the line of the cursor. */
const FRAME = 8;

/** For a terminal: the fleet as a table that is redrawn, with the latest events below. */
export function liveScreen(output: Output): Screen {
  const changes = new Changes();
  const events: string[] = [];
  let title = '';
  // Hides the cursor, and cuts long lines instead of wrapping them.
  output.write(`${ESC}2J${ESC}?25l${ESC}?7l`);
  const add = (text: string) => {
    events.push(`${new Date().toISOString().slice(11, 19)} ${text}`);
    events.splice(0, events.length - EVENTS);
  };
  const draw = (fleet: Fleet) => {
    const room = Math.max((output.rows ?? 24) - EVENTS - FRAME, 3);
    const lines = [
      bold(title),
      progress(fleet),
      '',
      dim(columns('CLUSTER', 'REGION', 'VERSION', 'GEN', 'STATE', 'POOLS', 'ADAPTERS')),
      ...table(fleet, room),
      '',
      dim('EVENTS'),
      ...events,
    ];
    output.write(`${ESC}H${lines.map((line) => `${line}${ESC}K`).join('\n')}\n${ESC}J`);
  };
  return {
    act(text) {
      title = text;
    },
    event: add,
    show(fleet) {
      changes.since(fleet).forEach(add);
      draw(fleet);
    },
    close: () => output.write(`${ESC}?7h${ESC}?25h`),
  };
}

function progress({ clusters, nodePools, versions }: Fleet): string {
  const all = [...clusters, ...nodePools, ...versions];
  const ready = all.filter(isReady).length;
  const width = 30;
  const full = all.length === 0 ? 0 : Math.round((width * ready) / all.length);
  const bar = green('█'.repeat(full)) + dim('░'.repeat(width - full));
  const counts = [`${clusters.length} clusters`, `${nodePools.length} node pools`];
  if (versions.length > 0) counts.push(`${versions.length} versions`);
  return `${bar} ${ready} of ${all.length} ready (${counts.join(', ')})`;
}

function columns(...[name, region, version, generation, state, pools, adapters]: string[]): string {
  return [
    name!.padEnd(18),
    region!.padEnd(15),
    version!.padEnd(9),
    generation!.padStart(3),
    state!.padEnd(9),
    pools!.padEnd(6),
    adapters!,
  ].join(' ');
}

const PAINTS = { Ready: green, Failing: red, Deleting: yellow, Working: yellow };

function stateOf(cluster: Resource): keyof typeof PAINTS {
  if (cluster.deleted_time !== undefined) return 'Deleting';
  if (isReady(cluster)) return 'Ready';
  return isFailing(cluster) ? 'Failing' : 'Working';
}

/** As many clusters as fit; if not all do, those that are not ready come first. */
function table({ clusters, nodePools }: Fleet, room: number): string[] {
  const order = [...clusters];
  if (order.length > room) order.sort((a, b) => Number(isReady(a)) - Number(isReady(b)));
  const lines = order.slice(0, room).map((cluster) => {
    const pools = nodePools.filter(({ owner_references: owner }) => owner?.id === cluster.id);
    const { region, version } = cluster.spec as Record<string, string>;
    const state = stateOf(cluster);
    return columns(
      cluster.name,
      region!,
      version!,
      String(cluster.generation),
      '\0',
      `${pools.filter(isReady).length}/${pools.length}`,
      adapters(cluster),
    ).replace('\0'.padEnd(9), PAINTS[state](state.padEnd(9)));
  });
  if (order.length > room) lines.push(dim(`… and ${order.length - room} more`));
  return lines;
}

function adapters(cluster: Resource): string {
  const suffix = 'Successful';
  return cluster.status.conditions
    .filter(({ type }) => type.endsWith(suffix))
    .map(({ type, status, reason, observed_generation: seen }) => {
      const name = type.slice(0, -suffix.length);
      if (reason === IN_PROGRESS) return yellow(`… ${name}`);
      if (status !== 'True') return red(`✗ ${name}`);
      return seen === cluster.generation ? green(`✓ ${name}`) : dim(`· ${name}`);
    })
    .join('  ');
}
