/** Standard output of a command for people. */

/** Resolves once the text has been taken: a reader that is slow is waited for. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
}

/** A reader that has seen enough (`| head`), or a terminal that is gone, ends the command, quietly. */
export function endWithReader(): void {
  process.stdout.on('error', (error: Error & { readonly code?: string }) => {
    if (error.code === 'EPIPE' || error.code === 'EIO') process.exit(0);
    throw error;
  });
}

/** Columns and lines of the terminal; Infinity where there is none. */
export function windowOf(stream: Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows'>): { readonly width: number; readonly height: number } {
  // A terminal that does not say its size, as one of a serial line, has 0 of both.
  return stream.isTTY ? { width: stream.columns || 80, height: stream.rows || 24 } : { width: Infinity, height: Infinity };
}
