import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Account } from '../../src/embedded/binaries';

const BRIDGE = 'hyperfleet-ha';
/** Reserved for tests of networks (RFC 2544). */
const NETWORK = '198.18.77';
const ISOLATED = ['--mount', '--net', '--pid', '--fork', '--mount-proc'];

/** @returns whether this process may create machines, as root on Linux may, unless a container forbids it */
export function canCreateMachines(): boolean {
  return (
    process.platform === 'linux' &&
    process.getuid?.() === 0 &&
    spawnSync('unshare', [...ISOLATED, 'ip', 'link']).status === 0
  );
}

/** What all machines are plugged into. */
export function createNetwork(): void {
  remove(BRIDGE);
  ip('link', 'add', BRIDGE, 'type', 'bridge');
  ip('address', 'add', `${NETWORK}.1/24`, 'dev', BRIDGE);
  ip('link', 'set', BRIDGE, 'up');
}

export function removeNetwork(): void {
  remove(BRIDGE);
}

/** Processes with a network interface of their own, as on another machine; the files are shared. */
export class Machine {
  private constructor(
    readonly address: string,
    private readonly link: string,
    private readonly account: Account,
    private readonly keeper: ChildProcess,
  ) {}

  /** @param number from 2 to 254 */
  static async create(number: number, account: Account): Promise<Machine> {
    // All of a machine ends with its first process, and that one with its standard input: however this process ends,
    // nothing stays behind. It also reaps what others leave behind, as long as it has a child of its own.
    const keeper = spawn('unshare', [...ISOLATED, 'sh', '-c', 'echo up; cat; :'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(keeper.stdout, 'data');
    const machine = new Machine(`${NETWORK}.${number}`, `hyperfleet-${number}`, account, keeper);
    remove(machine.link);
    ip('link', 'add', machine.link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', machine.pid);
    ip('link', 'set', machine.link, 'master', BRIDGE, 'up');
    machine.runAsRoot('ip', 'link', 'set', 'lo', 'up');
    machine.runAsRoot('ip', 'address', 'add', `${machine.address}/24`, 'dev', 'eth0');
    machine.runAsRoot('ip', 'link', 'set', 'eth0', 'up');
    return machine;
  }

  /** Runs a program as the unprivileged user until it ends, or everything is killed. */
  start(command: readonly string[], logFile: string): void {
    const log = openSync(logFile, 'a', 0o600);
    const [program, ...args] = [...this.inside, ...this.asUser, ...command];
    spawn(program!, args, {
      cwd: '/',
      env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
  }

  /** `kill -9` for everything that was started; the machine itself goes on, and resets the connections. */
  killAll(): void {
    const [program, ...args] = [...this.inside, ...this.asUser, 'kill', '-KILL', '-1'];
    spawnSync(program, args);
  }

  /** Takes out the network cable: nothing gets through any more, and nobody is told. */
  unplug(): void {
    ip('link', 'set', this.link, 'down');
  }

  plug(): void {
    ip('link', 'set', this.link, 'up');
  }

  /** Drops what goes to another machine; `rejoin` ends that. */
  leave({ address }: Machine): void {
    this.runAsRoot('ip', 'route', 'add', 'blackhole', address);
  }

  rejoin({ address }: Machine): void {
    this.runAsRoot('ip', 'route', 'delete', 'blackhole', address);
  }

  async destroy(): Promise<void> {
    const ended = once(this.keeper, 'exit');
    this.keeper.stdin!.end();
    await ended;
    // The system would remove it some time later.
    remove(this.link);
  }

  private get pid(): string {
    return String(this.keeper.pid);
  }

  private get inside(): string[] {
    const processes = `--pid=/proc/${this.pid}/ns/pid_for_children`;
    return ['nsenter', '--target', this.pid, '--mount', '--net', processes];
  }

  private get asUser(): string[] {
    const { uid, gid } = this.account;
    return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  }

  private runAsRoot(...command: string[]): void {
    const [program, ...args] = [...this.inside, ...command];
    execFileSync(program!, args);
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args);
}

/** Removes an interface, if there is one: also what a run that was killed has left behind. */
function remove(link: string): void {
  spawnSync('ip', ['link', 'delete', link]);
}
