/** What the fleet's hosts prove themselves to each other with. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../log.ts';

/** The systemd credential (systemd.exec(5), LoadCredential=) that holds the tokens, one a line. */
const CREDENTIAL = 'fleet-tokens';

/** What goes into a header field as it is and cannot be guessed. */
const TOKEN = /^[\x21-\x7e]{16,1024}$/;

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

export class FleetTokens {
  /** What this host presents to others; null: it has none, and cannot ask them for anything. */
  readonly presented: string | null;
  readonly #accepted: readonly Buffer[];

  /** The first token is the one presented; the others are accepted as well, while they are being replaced. */
  constructor(tokens: readonly string[]) {
    this.presented = tokens[0] ?? null;
    this.#accepted = tokens.map(digest);
  }

  /** Whether it is one of the fleet's. Takes as long for one that is not as for one that nearly is. */
  accepts(token: string): boolean {
    const given = digest(token);
    let found = false;
    for (const accepted of this.#accepted) if (timingSafeEqual(accepted, given)) found = true;
    return found;
  }
}

/**
 * Text of the credential → tokens. Empty lines and those that begin with # say nothing.
 * @throws Error that names the line, and not what is in it
 */
export function parseTokens(text: string): string[] {
  const tokens: string[] = [];
  text.split('\n').forEach((line, index) => {
    const token = line.trim();
    if (token === '' || token.startsWith('#')) return;
    if (!TOKEN.test(token)) throw new Error(`line ${index + 1} is no token: 16 to 1024 visible ASCII characters, as from "openssl rand -hex 32"`);
    tokens.push(token);
  });
  return tokens;
}

/**
 * The tokens that systemd handed over; none when there is no such credential. They are read once: fc-proxy is
 * restarted for new ones, which costs nothing.
 * @throws Error when they cannot be read
 */
export function loadTokens(directory = process.env['CREDENTIALS_DIRECTORY']): FleetTokens {
  if (directory === undefined || directory === '') return new FleetTokens([]);
  const path = join(directory, CREDENTIAL);
  try {
    return new FleetTokens(parseTokens(readFileSync(path, 'utf8')));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return new FleetTokens([]);
    throw new Error(`the credential ${CREDENTIAL} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Without tokens the other hosts are out of reach; what is here is served, and told of, all the same. */
export function tokensOrNone(log: Logger): FleetTokens {
  try {
    return loadTokens();
  } catch (error) {
    log.error('no other host can be spoken to', { error: error instanceof Error ? error : String(error) });
    return new FleetTokens([]);
  }
}
