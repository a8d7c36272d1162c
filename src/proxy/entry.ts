/** One request in the books: where it is counted, and who it is, for whoever asks. */
import type { IncomingMessage } from 'node:http';
import type { InFlight, RequestSketch } from '../admin/state.ts';
import type { Books } from './books.ts';
import type { Origin } from './headers.ts';
import type { Target } from './route.ts';
import type { Tally } from './tally.ts';

/** Of paths and user agents. */
const LONGEST = 200;

export class Entry {
  /** On the proxy's clock. */
  readonly arrivedAt: number;
  readonly #books: Books;
  readonly #origin: Origin;
  readonly #req: IncomingMessage;
  readonly #target: Target;
  #tally: Tally | null = null;
  #told = false;
  doing: InFlight['requests'][number]['doing'] = 'waiting';

  constructor(books: Books, origin: Origin, req: IncomingMessage, target: Target, arrivedAt: number) {
    this.#books = books;
    this.#origin = origin;
    this.#req = req;
    this.#target = target;
    this.arrivedAt = arrivedAt;
  }

  /** The app that it counts for; null: none, or none yet, or that of another host. */
  get app(): string | null {
    return this.#tally?.app ?? null;
  }

  /** It waits for this app of this host. */
  waits(app: string): void {
    this.doing = 'waiting';
    this.#under(this.#books.of(app));
  }

  /** It goes to an app, or to another host. */
  goes(tally: Tally): void {
    this.doing = 'request';
    this.#under(tally);
  }

  #under(tally: Tally): void {
    if (tally === this.#tally) return;
    this.#tally?.leaves();
    this.#tally = tally;
    tally.enters(this);
  }

  /** Its answer begins. It counts once. */
  answered(status: number, now: number): void {
    if (this.#told) return;
    this.#told = true;
    if (this.#tally === null) this.#under(this.#books.unrouted);
    this.#tally?.answered(status, now - this.arrivedAt);
  }

  /** Its answer begins, and it was fc-proxy's own page that asked: nobody has visited the app. */
  isNoVisit(status: number, now: number): void {
    this.#under(this.#books.unrouted);
    this.answered(status, now);
  }

  /** It is over, with or without an answer. To be called once. */
  over(): void {
    if (this.#tally === null) this.#under(this.#books.unrouted);
    if (!this.#told) this.#tally?.unanswered();
    this.#told = true;
    this.#tally?.leaves();
  }

  /** @param epoch ms since the epoch at the beginning of the proxy's clock */
  sketch(epoch: number): RequestSketch {
    const { headers, method = '' } = this.#req;
    const userAgent = (headers['user-agent'] ?? '').slice(0, LONGEST);
    return {
      at: Math.round(epoch + this.arrivedAt),
      method,
      host: this.#target.host,
      path: (this.#target.path.split('?', 1)[0] ?? '').slice(0, LONGEST),
      client: this.#client(),
      userAgent,
      bot: isBot(userAgent),
    };
  }

  /** Who is trusted says for whom it asks. */
  #client(): string {
    const { address, trusted, internal } = this.#origin;
    if (!trusted && !internal) return address;
    const said = String(this.#req.headers['x-forwarded-for'] ?? '').split(',').at(-1)?.trim() ?? '';
    return said === '' ? address : said.slice(0, LONGEST);
  }
}

/** Browsers all begin alike; crawlers that do say in it what they are. */
export function isBot(userAgent: string): boolean {
  return !/^(Mozilla|Opera)\//.test(userAgent) || /bot\b|bot[/;]|crawl|spider|slurp|monitor|uptime|pingdom|preview|scan|headless|lighthouse|facebookexternalhit|python|\bhttp/i.test(userAgent.replace(/\+?https?:\/\//g, ''));
}
