/** Asks fc-admin of this host, over its Unix socket. */
import { request } from 'node:http';
import { answerText, detailOf } from './answer.ts';

export const ADMIN_SOCKET = '/run/fc-admin/admin.sock';

/** It may have to be started first, and on a busy host a large state takes a while. */
const TIMEOUT_MS = 15_000;

/** Some ten times what ten thousand apps take. */
const MAX_BYTES = 128 * 1024 * 1024;

/** fc-admin did not answer, or not with what it was asked for. The message says why and what to do about it. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  /** What it answered with; null: not at all. */
  readonly status: number | null;

  constructor(message: string, { status = null, ...options }: ErrorOptions & { readonly status?: number | null } = {}) {
    super(message, options);
    this.status = status;
  }
}

/**
 * What fc-admin says at a path, with its query: JSON.
 * @throws AdminError
 */
export async function askAdmin(path: string, socketPath = ADMIN_SOCKET, timeoutMs = TIMEOUT_MS): Promise<unknown> {
  const text = await ask(path, socketPath, timeoutMs);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AdminError(`what fc-admin says at ${socketPath} is not JSON`, { cause });
  }
}

function ask(path: string, socketPath: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => { reject(new AdminError(remedy(cause, socketPath, timeoutMs), { cause })); };
    const req = request({ socketPath, path, headers: { Host: 'localhost', Accept: 'application/json' }, agent: false, signal: AbortSignal.timeout(timeoutMs) }, (res) => {
      let size = 0;
      const taken = (bytes: number): void => {
        size += bytes;
        if (size > MAX_BYTES) throw new Error(`its answer is longer than ${MAX_BYTES} bytes`);
      };
      answerText(res, taken).then((text) => {
        if (res.statusCode === 200) resolve(text);
        else reject(new AdminError(`fc-admin answers ${res.statusCode}: ${detailOf(text)}`, { status: res.statusCode ?? null }));
      }, fail);
    });
    req.on('error', fail);
    req.end();
  });
}

function remedy(cause: unknown, socketPath: string, timeoutMs: number): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  switch (code) {
    case 'ENOENT': case 'ECONNREFUSED':
      return `fc-admin does not listen at ${socketPath}: systemctl start fc-admin.socket`;
    case 'EACCES': case 'EPERM':
      return `this user may not connect to ${socketPath}: use sudo`;
    case 'ABORT_ERR': case 'TIMEOUT_ERR': case '23':
      return `fc-admin did not answer within ${timeoutMs / 1000} s: systemctl status fc-admin, journalctl -u fc-admin`;
    default:
      return `fc-admin broke off (${cause instanceof Error ? cause.message : String(cause)}): systemctl status fc-admin, journalctl -u fc-admin`;
  }
}
