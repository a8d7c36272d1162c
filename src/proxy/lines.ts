/** Lines of text from a socket. */
import type { Socket } from 'node:net';
import { asError } from './as-error.ts';

/** Calls `line` for each line that comes, and destroys the socket when it throws or a line has more than `longest` characters. */
export function readLines(socket: Socket, longest: number, line: (text: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    try {
      if (rest.length > longest) throw new Error('a line without an end');
      for (const text of lines) line(text);
    } catch (error) {
      socket.destroy(asError(error));
    }
  });
}

/** Sends a value as a line of JSON, unless the socket is gone. */
export function writeLine(socket: Socket, value: unknown): void {
  if (socket.writable) socket.write(`${JSON.stringify(value)}\n`);
}
