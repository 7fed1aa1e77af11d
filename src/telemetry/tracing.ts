/** Both are replaced when tracing starts. */
let readTraceId: () => string | undefined = () => undefined;
let flush: () => Promise<void> = () => Promise.resolve();

/** The W3C trace id of the current request, or undefined when it is not traced. */
export function activeTraceId(): string | undefined {
  return readTraceId();
}

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];

/** Tracing is on when the standard variables name an exporter or an endpoint. */
function isTracingConfigured(env: NodeJS.ProcessEnv): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  const exporter = env.OTEL_TRACES_EXPORTER?.trim().toLowerCase();
  if (exporter === 'none') return false;
  return exporter === 'otlp' || ENDPOINTS.some((name) => Boolean(env[name]?.trim()));
}

/**
 * Starts tracing if it is configured; otherwise loads none of its modules. Must be called before `node:http`
 * and `pg` are used, because it wraps their functions.
 */
export async function startTracing(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  if (!isTracingConfigured(env)) return;
  const sdk = await import('./tracing-sdk.js');
  ({ activeTraceId: readTraceId, flush } = sdk.startSdk());
}

/** Sends the remaining spans, at the end of the process. */
export async function stopTracing(): Promise<void> {
  await flush();
}
