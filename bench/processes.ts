import { readdirSync, readFileSync } from 'node:fs';

/* What the operating system knows of processes. Linux only; elsewhere figures are missing. */

interface Stat {
  name: string;
  parent: number;
  /** CPU time of the process, and of its children that have ended, in µs. */
  own: number;
  ended: number;
}

/** Linux counts for programs in hundredths of a second, whatever its own clock is. */
const TICK_US = 10_000;

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in parentheses and may hold spaces.
    const end = text.lastIndexOf(')');
    const fields = text
      .slice(end + 2)
      .split(' ')
      .map(Number);
    return {
      name: text.slice(text.indexOf('(') + 1, end),
      parent: fields[1]!,
      own: (fields[11]! + fields[12]!) * TICK_US,
      ended: (fields[13]! + fields[14]!) * TICK_US,
    };
  } catch {
    return undefined;
  }
}

/** The server process that a PostgreSQL backend belongs to, when the backend is on this machine. */
export function postmasterOf(backend: number): number | undefined {
  const stat = statOf(backend);
  return stat?.name.startsWith('postgres') ? stat.parent : undefined;
}

/** CPU time a process has used so far, in µs. */
export function cpuOf(pid: number): number {
  return statOf(pid)?.own ?? NaN;
}

/** CPU time of a PostgreSQL server in µs: all its processes, those that have ended included. */
export function cpuOfPostgres(postmaster: number | undefined): number {
  const server = postmaster === undefined ? undefined : statOf(postmaster);
  if (server === undefined) return NaN;
  let sum = server.own + server.ended;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = statOf(Number(entry));
    if (stat?.parent === postmaster) sum += stat!.own;
  }
  return sum;
}

/** Resident memory of a process in MB. */
export function memoryOf(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes) / 1024;
  } catch {
    return NaN;
  }
}

export interface Cpu {
  service: number;
  postgres: number;
}

/** CPU time of a service and of its PostgreSQL so far, for `cpuSince`. */
export function cpuTime(pid: number, postmaster: number | undefined) {
  return {
    at: performance.now(),
    pid,
    postmaster,
    service: cpuOf(pid),
    postgres: cpuOfPostgres(postmaster),
  };
}

/** What they have used since then, in ms, and how many ms that was. */
export function cpuSince(before: ReturnType<typeof cpuTime>): Cpu & { ms: number } {
  const { pid, postmaster } = before;
  const after = cpuTime(pid, postmaster);
  return {
    ms: after.at - before.at,
    service: (after.service - before.service) / 1000,
    postgres: (after.postgres - before.postgres) / 1000,
  };
}
