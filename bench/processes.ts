import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What the operating system knows of a process; Linux only, elsewhere nothing is known. */
interface Stat {
  name: string;
  parent: number;
  /** CPU time of the process, and of its children that have ended, in ticks. */
  own: number;
  ended: number;
}

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
      own: fields[11]! + fields[12]!,
      ended: fields[13]! + fields[14]!,
    };
  } catch {
    return undefined;
  }
}

export function parentOf(pid: number): number | undefined {
  return statOf(pid)?.parent;
}

export function isProgram(pid: number, name: string): boolean {
  return statOf(pid)?.name.startsWith(name) ?? false;
}

let ticks: number | undefined;

function microsecondsOf(count: number): number {
  ticks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return (count * 1_000_000) / ticks;
}

/** CPU time a process has used so far, in µs. */
export function cpuOf(pid: number): number {
  return microsecondsOf(statOf(pid)?.own ?? NaN);
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
  return microsecondsOf(sum);
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

/** Processes that are ready to run: above the number of cores, everybody waits. */
export function loadAverage(): number {
  try {
    return Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
  } catch {
    return NaN;
  }
}
