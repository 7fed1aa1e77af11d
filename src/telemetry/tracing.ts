/** The trace a request belongs to; set once tracing runs. */
let readTraceId: () => string | undefined = () => undefined;
let flush: () => Promise<void> = () => Promise.resolve();

/** The W3C trace id of the request being served, or undefined when nothing is traced. */
export function activeTraceId(): string | undefined {
  return readTraceId();
}

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];

/** Traces are made when the standard variables name somewhere to send them. */
export function isTracingConfigured(env: NodeJS.ProcessEnv): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  const exporter = env.OTEL_TRACES_EXPORTER?.trim().toLowerCase();
  if (exporter === 'none') return false;
  return exporter === 'otlp' || ENDPOINTS.some((name) => Boolean(env[name]?.trim()));
}

/**
 * Starts tracing when it is configured, and otherwise loads nothing of it. Must be called before `node:http`
 * and `pg` are put to use, since it wraps their functions.
 */
export async function startTracing(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  if (!isTracingConfigured(env)) return;
  const sdk = await import('./tracing-sdk.js');
  ({ activeTraceId: readTraceId, flush } = sdk.startSdk());
}

/** Sends what has not been sent yet; at the end of the process. */
export async function stopTracing(): Promise<void> {
  await flush();
}
