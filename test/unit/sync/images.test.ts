import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Images } from '../../../src/sync/images.ts';
import type { JobResult } from '../../../src/systemd/manager.ts';
import { deferred, settle } from '../proxy/support.ts';

/** A systemd whose start jobs end when the test says. */
class Jobs {
  readonly asked: string[] = [];
  readonly #jobs = new Map<string, ReturnType<typeof deferred<JobResult>>>();

  run(verb: string, unit: string): Promise<JobResult> {
    this.asked.push(`${verb} ${unit}`);
    const job = deferred<JobResult>();
    this.#jobs.set(unit, job);
    return job.promise;
  }

  async end(unit: string, result: JobResult | Error = 'done'): Promise<void> {
    const job = this.#jobs.get(unit);
    if (result instanceof Error) job?.reject(result);
    else job?.resolve(result);
    await settle();
  }
}

const units = (count: number): string[] => Array.from({ length: count }, (_, n) => `image-${n}`);

describe('images', () => {
  test('are fetched four at a time, each once, and every end calls for a pass', async () => {
    const jobs = new Jobs();
    let passes = 0;
    const images = new Images(jobs, () => { passes++; });
    images.begin(units(6));
    images.begin(units(6));
    assert.deepEqual(jobs.asked, ['start image-0', 'start image-1', 'start image-2', 'start image-3']);
    await jobs.end('image-2');
    await jobs.end('image-0', 'failed');
    assert.deepEqual(jobs.asked.slice(4), ['start image-4', 'start image-5']);
    await jobs.end('image-1', new Error('the bus is gone'));
    assert.equal(passes, 3);
    assert.equal(images.idle, false);
    for (const unit of ['image-3', 'image-4', 'image-5']) await jobs.end(unit);
    assert.equal(images.idle, true);
    assert.equal(jobs.asked.length, 6);
  });

  test('that nobody wants any more lose their turn', async () => {
    const jobs = new Jobs();
    const images = new Images(jobs, () => undefined);
    images.begin(units(6));
    images.begin(['image-5']);
    await jobs.end('image-0');
    await jobs.end('image-1');
    assert.deepEqual(jobs.asked.slice(4), ['start image-5']);
  });

  test('are waited for no longer than that', async () => {
    const jobs = new Jobs();
    const images = new Images(jobs, () => undefined);
    await images.settled(0);
    images.begin(units(5));
    await images.settled(10);
    assert.equal(images.idle, false);
    const settled = images.settled(60_000);
    for (const unit of units(5)) await jobs.end(unit);
    await settled;
    assert.equal(images.idle, true);
  });
});
