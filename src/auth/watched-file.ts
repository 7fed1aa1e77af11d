import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../telemetry/log';

export interface WatchedFile<T> {
  /** Parsed from the last valid content. */
  readonly value: T;
  /** Rereads the file now; false when it is invalid and the old value stays. */
  reload(): Promise<boolean>;
  close(): void;
}

const POLL_MS = 2_000;

/**
 * Keeps the parsed content of a small file up to date. It polls the content, because a mounted
 * ConfigMap is replaced by swapping a symbolic link, which file system events report unreliably.
 * The first content must be valid. Later an invalid one is logged once, and the old value stays.
 */
export async function watchFile<T>(
  path: string,
  what: string,
  parse: (text: string) => T,
  log: Logger,
  onChange?: () => void,
): Promise<WatchedFile<T>> {
  return watchFiles([path], what, ([text]) => parse(text!), log, onChange);
}

/** The same for files that belong together and are replaced together. */
export async function watchFiles<T>(
  paths: readonly string[],
  what: string,
  parse: (texts: readonly string[]) => T,
  log: Logger,
  onChange?: () => void,
): Promise<WatchedFile<T>> {
  const path = paths.join(', ');
  let texts: string[];
  let value: T;
  try {
    texts = await readTogether(paths);
    value = parse(texts);
  } catch (error) {
    throw new Error(`${what} ${path} cannot be used: ${messageOf(error)}`, { cause: error });
  }
  let fault: string | undefined;
  let pending: Promise<boolean> | undefined;

  const read = async (): Promise<boolean> => {
    try {
      const current = await readTogether(paths);
      if (isDeepStrictEqual(current, texts) && fault === undefined) return true;
      value = parse(current);
      texts = current;
      fault = undefined;
      log.info(`${what} was read again`, { path });
      onChange?.();
    } catch (error) {
      const message = messageOf(error);
      if (message !== fault) {
        log.error(`${what} cannot be used; the old content stays in force`, {
          path,
          error: message,
        });
      }
      fault = message;
    }
    return fault === undefined;
  };
  const reload = () => (pending ??= read().finally(() => (pending = undefined)));

  const timer = setInterval(() => void reload(), POLL_MS).unref();
  return {
    get value() {
      return value;
    },
    reload,
    close: () => clearInterval(timer),
  };
}

/** Reads until two passes agree: one alone may find an old file and a new one. */
async function readTogether(paths: readonly string[]): Promise<string[]> {
  const readAll = () => Promise.all(paths.map((path) => readFile(path, 'utf8')));
  for (let before = await readAll(); ;) {
    const now = await readAll();
    if (isDeepStrictEqual(now, before)) return now;
    before = now;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
