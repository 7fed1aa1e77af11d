import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FREE_PORTS, type ServiceProcess, startService } from './service-process';

const ENTITIES = [{ kind: 'Channel', plural: 'channels', spec_schema_name: 'ChannelSpec' }];
const ENV = { HYPERFLEET_CLUSTER_ADAPTERS: 'dns', HYPERFLEET_NODEPOOL_ADAPTERS: 'validation' };

/** Processes of the service on one database, which may be killed. */
export class Replicas {
  private readonly processes: { process: ServiceProcess; url: string }[] = [];

  private constructor(
    private readonly env: Record<string, string>,
    private readonly directory: string,
  ) {}

  /** @param env wins over what replicas have by themselves */
  static async start(
    databaseUrl: string,
    count: number,
    env: Record<string, string> = {},
  ): Promise<Replicas> {
    const directory = mkdtempSync(join(tmpdir(), 'hyperfleet-watch-'));
    const file = join(directory, 'kinds.json');
    writeFileSync(file, JSON.stringify({ entities: ENTITIES }));
    const all = { ...FREE_PORTS, ...ENV, HYPERFLEET_KINDS_FILE: file, DATABASE_URL: databaseUrl };
    const replicas = new Replicas({ ...all, ...env }, directory);
    await Promise.all(Array.from({ length: count }, (_, index) => replicas.launch(index)));
    return replicas;
  }

  /** Where one of them listens, or did. */
  url(index: number): string {
    return this.processes[index]!.url;
  }

  async kill(index: number): Promise<void> {
    await this.processes[index]!.process.end('SIGKILL');
  }

  async launch(index: number): Promise<void> {
    const process = startService(['serve'], this.env, this.directory);
    const url = new URL((await process.ready()).api).origin;
    this.processes[index] = { process, url };
  }

  /** What they have logged as an error. */
  get errors(): unknown[] {
    return this.processes.flatMap(({ process }) =>
      process.log.filter(({ level }) => level === 'error'),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map(({ process }) => process.end('SIGKILL')));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
