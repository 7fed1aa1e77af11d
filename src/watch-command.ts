import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ApiError, createClient, type Schemas, type WatchEvent } from './client';
import { isBaseUrl } from './client/base-url';
import { fetchWithCa } from './client/fetch-with-ca';

const USAGE = `Prints what a list of a running service contains, then every change, until it is interrupted.
It also ends when the reader of its output, such as 'head', has ended; it notices that with the next line.

Usage: hyperfleet-api watch <list> [--search <expression>] [--url http://localhost:8000] [--ca-file <file>]
                            [--token-file <file>] [--json]

  <list>        clusters, nodepools, resources, another kind's plural, or for example clusters/<id>/nodepools
  --search      follow only matches, as in the parameter 'search' of lists
  --url         URL of the service
  --ca-file     file with the certificate authorities to trust, in PEM; without it, those of Node
  --token-file  file with a bearer token; read again for every connection
  --json        print one event a line, as JSON
`;

const LIST = /^[a-z0-9-]+(\/[a-z0-9-]+\/[a-z0-9-]+)*$/i;

type Event = WatchEvent<Schemas['Resource']>;

class UsageError extends Error {}

/** Runs until a signal ends the process, or output that nobody reads. Needs neither configuration nor database. */
export async function watchCommand(args: string[]): Promise<void> {
  // `head` closes the pipe when it has enough, but Node notices only when it writes to it.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) =>
    process.exit(code === 'EPIPE' ? 0 : 1),
  );
  try {
    const options = readOptions(args);
    if (options.help) await print(USAGE);
    else await follow(options);
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${USAGE}`);
      process.exitCode = 2;
    } else {
      console.error((error as Error).message);
      process.exitCode = 1;
    }
  }
}

interface Options {
  help: boolean;
  list: string;
  search?: string;
  url: string;
  'ca-file'?: string;
  'token-file'?: string;
  json: boolean;
}

function readOptions(args: string[]): Options {
  const { values, positionals } = parse(args);
  const [list = '', ...rest] = positionals;
  const { help, url } = values;
  if (!help && (!LIST.test(list) || rest.length > 0)) {
    throw new UsageError('Name one list, for example: hyperfleet-api watch clusters');
  }
  if (!isBaseUrl(url)) {
    throw new UsageError('--url must be an http or https URL without a user name or password.');
  }
  if (values['ca-file'] !== undefined && !/^https:/i.test(url)) {
    throw new UsageError('--ca-file needs a --url that begins with https.');
  }
  return { ...values, list };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        search: { type: 'string' },
        url: { type: 'string', default: 'http://localhost:8000' },
        'ca-file': { type: 'string' },
        'token-file': { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function follow({ list, search, url, json, ...files }: Options): Promise<void> {
  const { 'ca-file': caFile, 'token-file': tokenFile } = files;
  const token = tokenFile === undefined ? undefined : () => read('token-file', tokenFile);
  const fetch = caFile === undefined ? undefined : await trusting(caFile);
  const client = createClient({ baseUrl: url, token, fetch });
  const onReconnect = (reason?: Error) => {
    const why = reason ? describe(reason) : 'the service has ended the stream';
    console.error(`Reconnecting to ${url}: ${why}`);
  };
  // All lists of resources have the same parameters and events.
  const path = `/api/hyperfleet/v1/${list}` as '/api/hyperfleet/v1/resources';
  const table = new Table();
  try {
    for await (const event of client.watch(path, { search, onReconnect })) {
      const lines = json ? [JSON.stringify(event)] : table.lines(event);
      for (const line of lines) await print(`${line}\n`);
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // The list, the port or the path of the URL may be the wrong one.
    throw new Error(`${url.replace(/\/$/, '')}${path}: ${error.message}`, { cause: error });
  }
}

async function trusting(file: string) {
  const ca = await read('ca-file', file);
  try {
    return fetchWithCa(ca);
  } catch {
    throw new Error(`--ca-file contains no certificate in PEM: ${file}`);
  }
}

async function read(option: string, file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new Error(`--${option} cannot be read: ${(error as Error).message}`);
  });
}

/** What fetch throws says little; its cause tells more, but has no message when several addresses were tried. */
function describe(reason: Error): string {
  const cause = reason.cause as NodeJS.ErrnoException | undefined;
  if (reason instanceof ApiError || !cause) return reason.message;
  return cause.message || (cause.code ?? reason.message);
}

async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** One line for each change, below a heading. */
class Table {
  /** By id: what is gone is told without its name. */
  private readonly names = new Map<string, string>();
  private begun = false;

  lines(event: Event): string[] {
    const heading = this.begun ? [] : [HEADING];
    this.begun = true;
    return event.type === 'synced' ? heading : [...heading, this.line(event)];
  }

  private line(event: Exclude<Event, { type: 'synced' }>): string {
    const time = new Date().toISOString().slice(11, 23);
    if (event.type !== 'updated') {
      const { type, kind, id } = event;
      const name = this.names.get(id) ?? '';
      this.names.delete(id);
      return row(time, type, kind, name, id);
    }
    const { kind = '', id = '', name, generation, status } = event.resource;
    this.names.set(id, name);
    const ready = status.conditions.find(({ type }) => type === 'Ready')?.status ?? '';
    return row(time, event.type, kind, name, id, String(generation), status.phase, ready);
  }
}

const WIDTHS = [12, 7, 10, 24, 27, 4, 9];
const HEADING = row('TIME', 'EVENT', 'KIND', 'NAME', 'ID', 'GEN', 'PHASE', 'READY');

function row(...cells: string[]): string {
  return cells
    .map((cell, index) => cell.padEnd(WIDTHS[index] ?? 0))
    .join(' ')
    .trimEnd();
}
