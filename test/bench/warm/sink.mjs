/** Takes bodies as fast as Node can, and says how long they were: an app for uploads. Of HTTP it knows just what that needs. */
import { createServer } from 'node:net';

createServer({ noDelay: true }, (socket) => {
  let head = '';
  let left = -1;
  let size = 0;
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    if (left < 0) {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      size = Number(/^content-length: *([0-9]+)/im.exec(head)?.[1] ?? 0);
      left = size - (head.length - end - 4);
      head = '';
    } else {
      left -= chunk.length;
    }
    if (left > 0) return;
    left = -1;
    const body = String(size);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
}).listen(Number(process.env.PORT ?? 8080));
