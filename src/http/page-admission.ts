import type { ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { RequestAborted } from '../postgres/errors';
import { ProblemError } from '../problems/problem';

/** Pages of up to this many items never wait: with the largest specs they take some 25 MB. */
const SMALL_PAGE = 100;
/** Enough to keep the database busy while a response is sent, and few enough to fit a small container. */
const AT_ONCE = 2;
const MAX_WAIT_MS = 5000;
/** A client that has not read its page by then is disconnected. */
const MAX_HOLD_MS = 60_000;

/**
 * Limits how many large pages are read, held and sent at once; the others queue. A page of 500 of the largest
 * specs takes 128 MB: many of them at once would exhaust the memory and delay all other requests.
 */
export class PageAdmission {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  /**
   * Resolves when the page may be read; its turn lasts until the response is closed.
   * @throws ProblemError SVC-001 when its turn does not come in time, RequestAborted when the client disconnects
   */
  async admit(pageSize: number, response: ServerResponse): Promise<void> {
    if (pageSize <= SMALL_PAGE) return;
    if (this.running < AT_ONCE) this.running++;
    else await this.turn(response);
    const timer = setTimeout(() => response.destroy(), MAX_HOLD_MS).unref();
    const release = () => {
      clearTimeout(timer);
      const next = this.waiting.shift();
      // The next page takes over the turn directly, so that no new request gets ahead of it.
      if (next) next();
      else this.running--;
    };
    if (response.closed) release();
    else response.once('close', release);
  }

  private turn(response: ServerResponse): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (settle: () => void) => {
        clearTimeout(timer);
        response.off('close', giveUp);
        const place = this.waiting.indexOf(start);
        if (place >= 0) this.waiting.splice(place, 1);
        settle();
      };
      const start = () => leave(resolve);
      const refuse = () => leave(() => reject(tooMany()));
      const giveUp = () => leave(() => reject(new RequestAborted('the client disconnected')));
      const timer = setTimeout(refuse, MAX_WAIT_MS);
      response.once('close', giveUp);
      this.waiting.push(start);
    });
  }
}

function tooMany(): ProblemError {
  const detail = 'Too many large pages are being read; try again, or ask for a smaller pageSize.';
  return new ProblemError('SVC-001', detail, {
    headers: { 'Retry-After': '2' },
    cause: new Error(`waited ${MAX_WAIT_MS} ms for one of ${AT_ONCE} large pages to end`),
  });
}

interface Query {
  pageSize?: number;
  size?: number;
  watch?: boolean;
}

/** Admits lists by their page size. */
export function admitPages(): RequestHandler {
  const admission = new PageAdmission();
  return (req, res, next) => {
    const usual = req.context.operation!.defaultPageSize;
    const { pageSize, size, watch } = req.query as Query;
    if (usual === undefined || watch) next();
    else return admission.admit(pageSize ?? size ?? usual, res).then(() => next());
  };
}
