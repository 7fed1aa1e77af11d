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

/** Health and metrics are asked for every few seconds; nobody looks for those in traces. */
const UNTRACED = /^\/(?:healthz|healthcheck|readyz|metrics)(?:\?|$)/;
/** A collector that is away must not hold up the end of the process. */
const FLUSH_TIMEOUT_MS = 2000;

/**
 * Spans for requests and for their statements, with W3C propagation, sent to a collector as OTLP. Where, how
 * often and how many is for the standard OTEL_ variables to say; the SDK reads them itself.
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
  // They take the provider that was registered, and wrap their modules by being made.
  new HttpInstrumentation({
    disableOutgoingRequestInstrumentation: true,
    ignoreIncomingRequestHook: ({ url }) => UNTRACED.test(url ?? ''),
    applyCustomAttributesOnSpan: (span, request) => nameAfterRoute(span, request),
  });
  // What no request has asked for, such as a readiness check, is not traced. Values are never recorded.
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

/** The route is known only after the request was matched. */
function nameAfterRoute(span: Span, request: unknown): void {
  const { operation } = (request as RoutedRequest).context ?? {};
  if (operation === undefined) return;
  span.updateName(`${operation.method} ${operation.path}`);
  span.setAttribute('http.route', operation.path);
}
