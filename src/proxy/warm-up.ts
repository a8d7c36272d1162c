import { once } from 'node:events';
import { createServer } from 'node:http';
import { request } from 'undici';

/**
 * Has undici compile its parser (WebAssembly, some 40 ms) now, by a request to
 * ourselves, instead of within the first visitor's cold start.
 */
export async function warmUp(): Promise<void> {
  const server = createServer((_req, res) => { res.end('warm'); });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  try {
    if (typeof address !== 'object' || address === null) return;
    const { body } = await request(`http://127.0.0.1:${address.port}/`, { reset: true, headersTimeout: 2000, bodyTimeout: 2000 });
    await body.dump();
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
