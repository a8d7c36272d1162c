/** Apps with a waiting page (apps.waiting_page): who is told that they start, after how long, and what. Pure. */
import type { IncomingMessage } from 'node:http';
import type { Inbound } from './headers.ts';
import { isNavigation } from './navigation.ts';
import { Problem } from './problem.ts';
import { answerTo, answerWith, type Answer } from './respond.ts';
import type { Route } from './route.ts';
import type { Patience } from './visit.ts';
import { POLL_MS, waitingPage } from './waiting-page.ts';

/** What a crawler is told of an app that starts, at the least. */
const RETRY_S = 5;

/** Whether a request comes of the waiting page, and asks for nothing but whether the app is there. For an app without one none does. */
export function isPoll(req: IncomingMessage, { poll }: Inbound, route: Route | null): boolean {
  return poll !== null && req.method === 'GET' && route !== null && route.waitingPageS !== null;
}

/** How long a request waits for a start before it is told so; null: to the end. */
export function patienceOf(req: IncomingMessage, inbound: Inbound, route: Route, arrivedAt: number): Patience | null {
  if (route.waitingPageS === null || inbound.length !== 0) return null;
  if (isPoll(req, inbound, route)) return { until: arrivedAt + POLL_MS, beforeMs: (inbound.poll ?? 0) * 1000 };
  return isNavigation(req.method ?? '', req.headers) ? { until: arrivedAt + route.waitingPageS * 1000, beforeMs: 0 } : null;
}

/** That the app starts. */
export function starting(waitedMs: number, typicalMs: number | null): Problem {
  return new Problem('starting', 'The site is starting.', { retryAfterS: Math.max(RETRY_S, Math.ceil(((typicalMs ?? 0) - waitedMs) / 1000)) });
}

/** The same as an answer: the page that turns into the app, and for that page a word. `more`: fields for another fc-proxy. */
export function startingAnswer(req: IncomingMessage, { poll }: Inbound, problem: Problem, waitedMs: number, typicalMs: number | null, more: readonly string[]): Answer {
  return poll === null ? answerWith(waitingPage(waitedMs, typicalMs), problem, more) : answerTo(problem, req.headers.accept, null, more);
}
