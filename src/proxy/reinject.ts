import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Has a request parsed once more, without its wish to change protocols. Node
 * leaves everything to the listener once there is one for 'upgrade', so the
 * head, less Upgrade, goes back into the connection, and the connection back to
 * the server (which may be given any stream: http.Server, event 'connection').
 */
export function reinject(server: Server, req: IncomingMessage, socket: Socket, rest: Buffer): void {
  let head = `${req.method} ${req.url} HTTP/${req.httpVersion}\r\n`;
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [req.rawHeaders[i], req.rawHeaders[i + 1]];
    switch (name.toLowerCase()) {
      case 'upgrade': break;
      case 'connection': {
        const options = value.split(',').filter((option) => option.trim().toLowerCase() !== 'upgrade');
        if (options.length > 0) head += `${name}: ${options.join(',')}\r\n`;
        break;
      }
      default: head += `${name}: ${value}\r\n`;
    }
  }
  if (rest.length > 0) socket.unshift(rest);
  socket.unshift(Buffer.from(`${head}\r\n`, 'latin1'));
  server.emit('connection', socket);
}
