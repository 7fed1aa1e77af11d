import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');
export const PROGRAM = join(ROOT, 'dist', 'src', 'main.js');
const READY_TIMEOUT_MS = 60_000;

/** Only what a program needs to run at all: nothing of the tests' own environment leads it astray. */
const BARE = Object.fromEntries(
  // The last one is set when the whole run is behind a pooler.
  ['PATH', 'HOME', 'TMPDIR', 'LANG', 'DATABASE_PREPARED_STATEMENTS'].flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]]],
  ),
);

/** Ports that are free, and loopback only. */
export const FREE_PORTS = { API_PORT: '0', HEALTH_PORT: '0', METRICS_PORT: '0' };

/**
 * Ends the program when the pipe on its standard input does: however a run ends, by SIGKILL even, nothing of what it
 * started stays behind.
 */
export const LEASH = join(__dirname, 'leash.js');

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface LogLine {
  level: string;
  message: string;
  [field: string]: unknown;
}

/** The program as a process of its own, from the compiled code. */
export class ServiceProcess {
  readonly ended: Promise<Ended>;
  private readonly child: ChildProcess;
  private stdout = '';
  private stderr = '';
  /** Whether it has ended and its output is complete. */
  private closed = false;
  private onOutput: () => void = () => undefined;

  constructor(args: string[], env: Record<string, string>, cwd: string, program = PROGRAM) {
    if (!existsSync(program)) throw new Error(`${program} is missing: run 'npm run build' first.`);
    const child = spawn(process.execPath, ['--require', LEASH, program, ...args], {
      cwd,
      env: { ...BARE, LOG_FORMAT: 'json', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.onOutput();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
        this.closed = true;
        this.onOutput();
      });
    });
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** What it has logged so far; lines that are not JSON are left out. */
  get log(): LogLine[] {
    const lines = this.stdout.split('\n').slice(0, -1);
    return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
  }

  /** The line that tells where it listens. */
  async ready(): Promise<LogLine & Record<'api' | 'health' | 'metrics' | 'openapi', string>> {
    const find = () => this.log.find(({ message }) => message === 'ready');
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(timer);
        reject(new Error(`The service ${why}:\n${this.stdout}${this.stderr}`));
      };
      const timer = setTimeout(() => fail('did not get ready'), READY_TIMEOUT_MS);
      this.onOutput = () => {
        if (find() !== undefined) {
          clearTimeout(timer);
          resolve();
        } else if (this.closed) fail('ended');
      };
      this.onOutput();
    });
    return find() as never;
  }

  /** As when the program that reads the output ends before it. */
  closeOutput(): void {
    this.child.stdout!.destroy();
    this.child.stderr!.destroy();
  }

  /** Sends a signal that is not expected to end it. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async end(signal: NodeJS.Signals): Promise<Ended> {
    if (this.running) this.child.kill(signal);
    return this.ended;
  }
}

const started: ServiceProcess[] = [];

/** Starts the program in a directory; `stopServices` ends whatever is left. */
export function startService(
  args: string[],
  env: Record<string, string>,
  cwd: string,
  program?: string,
): ServiceProcess {
  const service = new ServiceProcess(args, env, cwd, program);
  started.push(service);
  return service;
}

/** Runs a command to its end. */
export function runService(
  args: string[],
  env: Record<string, string>,
  cwd: string,
  program?: string,
): Promise<Ended> {
  return startService(args, env, cwd, program).ended;
}

export async function stopServices(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  await Promise.all(started.splice(0).map((service) => service.end(signal)));
}
