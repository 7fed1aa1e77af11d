import type { NextFunction, Request, Response } from 'express';
import { isUnavailable, RequestAborted } from '../postgres/errors';
import { type Logger, reasonsOf, stacksOf } from '../telemetry/log';
import { SearchError } from '../search/search-error';
import { ProblemError, problemBody } from '../problems/problem';

/** The one place that turns an error into a response. Mounted last. */
export function problemResponse(log: Logger) {
  return (error: unknown, req: Request, res: Response, _next: NextFunction): void => {
    if (error instanceof RequestAborted || res.headersSent) {
      res.destroy();
      return;
    }
    const { traceId } = req.context;
    const problem = toProblem(error);
    if (problem.code === 'INT-001') {
      // With stacks only here: the other faults are not in this code.
      log.error('unexpected error', { trace_id: traceId, error: stacksOf(error) });
    } else if (problem.code === 'SVC-001') {
      log.warn('service unavailable', { trace_id: traceId, error: reasonsOf(problem.cause) });
    }
    for (const name of ['ETag', 'Location', 'Content-Encoding']) res.removeHeader(name);
    res.status(problem.status);
    res.set(problem.headers);
    res.set('Content-Type', 'application/problem+json');
    // Not `res.json`, which would validate the problem against the contract and could fail again.
    res.end(JSON.stringify(problemBody(problem, req.originalUrl.split('?', 1)[0]!, traceId)));
  };
}

function toProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof SearchError) {
    return new ProblemError('VAL-005', error.message, {
      errors: [{ field: 'search', message: error.message, constraint: 'syntax' }],
    });
  }
  if (isUnavailable(error)) {
    return new ProblemError('SVC-001', 'The database is not available at the moment. Try again.', {
      headers: { 'Retry-After': '1' },
      cause: error,
    });
  }
  return new ProblemError('INT-001', 'The server could not handle this request.', { cause: error });
}
