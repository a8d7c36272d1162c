import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fstatSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createLogger } from '../../src/log.ts';

function lines(toJournal: boolean): { readonly log: ReturnType<typeof createLogger>; readonly written: string[] } {
  const written: string[] = [];
  return { log: createLogger((line) => { written.push(line); }, toJournal), written };
}

describe('log', () => {
  it('marks the priority for the journal, in words for a terminal', () => {
    for (const [journal, expected] of [[true, ['<6>a\n', '<4>b\n', '<3>c\n']], [false, ['a\n', 'warning: b\n', 'error: c\n']]] as const) {
      const { log, written } = lines(journal);
      log.info('a');
      log.warn('b');
      log.error('c');
      assert.deepEqual(written, expected);
    }
  });

  it('writes fields as key=value, quoted where they would run together', () => {
    const { log, written } = lines(true);
    log.info('started', { app: 'shop', ms: 12, big: 3n, cold: true, host: null, skipped: undefined, empty: '', why: 'a "b" c', path: 'x=y\\' });
    assert.deepEqual(written, ['<6>started app=shop ms=12 big=3 cold=true host=null empty="" why="a \\"b\\" c" path="x=y\\\\"\n']);
  });

  it('tells an error with its causes, each once', () => {
    const { log, written } = lines(false);
    log.error('no', { error: new Error('outer', { cause: new Error('middle', { cause: new Error('inner') }) }) });
    log.error('no', { error: new Error('it failed: because', { cause: new Error('because') }) });
    assert.deepEqual(written, ['error: no error="outer: middle: inner"\n', 'error: no error="it failed: because"\n']);
  });

  it('keeps every record on one line of printable text, whatever is in it', () => {
    const { log, written } = lines(true);
    log.warn('a\nb\r\t\u001b[31m\u202e\u2028', { app: 'x\ny' });
    assert.deepEqual(written, ['<4>a\\nb\\r\\t\\u{1b}[31m\\u{202e}\\u{2028} app="x\\ny"\n']);
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (message, value) => {
      written.length = 0;
      log.info(message, { value });
      assert.match(written.join('|'), /^<6>[^\p{Cc}\p{Zl}\p{Zp}]*\n$/u);
    }));
  });

  it('takes standard error for the journal only when JOURNAL_STREAM names it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'fc-log-'));
    const path = join(folder, 'out');
    const fd = openSync(path, 'w+');
    try {
      const { dev, ino } = fstatSync(fd, { bigint: true });
      for (const stream of [`${dev}:${ino}`, `${dev}:${ino + 1n}`, '']) {
        const program = `import { log } from ${JSON.stringify(new URL('../../src/log.ts', import.meta.url).href)}; log.warn('w');`;
        const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
          stdio: ['ignore', 'ignore', fd], env: { ...process.env, JOURNAL_STREAM: stream }, timeout: 30_000,
        });
        assert.equal(child.status, 0);
      }
      assert.equal(readFileSync(path, 'utf8'), '<4>w\nwarning: w\nwarning: w\n');
    } finally {
      closeSync(fd);
      rmSync(folder, { recursive: true });
    }
  });
});
