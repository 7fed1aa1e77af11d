import type { IncomingMessage } from 'node:http';
import { type Span, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { packageVersion } from '../config/package-root';

/** Health and metrics are requested every few seconds, and would fill the traces. A watch lasts up to an hour. */
const UNTRACED = /^\/(?:livez|healthz|healthcheck|readyz|metrics)(?:\?|$)|[?&]watch=true(?:&|$)/;
/** An unavailable collector must not delay the end of the process. */
const FLUSH_TIMEOUT_MS = 2000;

/**
 * Sends spans for requests and their statements, with W3C propagation, to a collector as OTLP. The SDK itself
 * reads the standard OTEL_ variables: endpoint, sampling, batches.
 */
export function startSdk() {
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(
        resourceFromAttributes({
          'service.name': 'hyperfleet-api',
          'service.version': packageVersion,
        }),
      )
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  provider.register();
  // The constructors use the registered provider, and wrap the functions of their modules.
  new HttpInstrumentation({
    disableOutgoingRequestInstrumentation: true,
    ignoreIncomingRequestHook: ({ url }) => UNTRACED.test(url ?? ''),
    applyCustomAttributesOnSpan: (span, request) => nameAfterRoute(span, request),
  });
  // Statements outside of a request, such as readiness checks, are not traced. Values are never recorded.
  new PgInstrumentation({ requireParentSpan: true });
  return {
    activeTraceId: () => trace.getActiveSpan()?.spanContext().traceId,
    flush: async () => {
      let timer: NodeJS.Timeout | undefined;
      const enough = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, FLUSH_TIMEOUT_MS);
      });
      await Promise.race([provider.shutdown().catch(() => undefined), enough]);
      clearTimeout(timer);
    },
  };
}

type RoutedRequest = IncomingMessage & {
  context?: { operation?: { method: string; path: string } };
};

/** Called at the end of the span, because the route is known only once the request has been matched. */
function nameAfterRoute(span: Span, request: unknown): void {
  const { operation } = (request as RoutedRequest).context ?? {};
  if (operation === undefined) return;
  span.updateName(`${operation.method} ${operation.path}`);
  span.setAttribute('http.route', operation.path);
}
