import type { Logger } from '../../src/telemetry/log';

/** A logger that calls a mock with the level, the message and the fields. */
export function recordedLog(record: jest.Mock): Logger {
  const at =
    (level: string) =>
    (...entry: unknown[]) =>
      record(level, ...entry);
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}
