import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { dial } from '../../src/cmdb/dial.ts';

/** Addresses that a test lets answer when it likes. */
class Addresses {
  readonly begun: string[] = [];
  readonly closed: string[] = [];
  readonly #answers = new Map<string, PromiseWithResolvers>();
  readonly opens: readonly (() => Promise<string>)[];

  constructor(...names: readonly string[]) {
    this.opens = names.map((name) => async () => {
      this.begun.push(name);
      return await this.#answer(name).promise;
    });
  }

  answer(name: string): void {
    this.#answer(name).resolve(name);
  }

  fail(name: string): void {
    this.#answer(name).reject(new Error(`${name} is down`));
  }

  dial(): ReturnType<typeof dial<string>> {
    return dial(this.opens, (name) => { this.closed.push(name); }, HEAD_START_MS);
  }

  #answer(name: string): PromiseWithResolvers {
    const answer = this.#answers.get(name) ?? withResolvers();
    this.#answers.set(name, answer);
    return answer;
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<string>;
  readonly resolve: (name: string) => void;
  readonly reject: (error: Error) => void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve: (name: string) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<string>((yes, no) => { [resolve, reject] = [yes, no]; });
  return { promise, resolve, reject };
}

const HEAD_START_MS = 500;

async function said(dialing: ReturnType<Addresses['dial']>): Promise<string> {
  const { value, done } = await dialing.next();
  if (done === true || value === undefined) return 'no more';
  return 'connection' in value ? value.connection : String(value.error);
}

describe('addresses', () => {
  it('are opened one after the other while each answers', async () => {
    const addresses = new Addresses('a', 'b');
    addresses.answer('a');
    const dialing = addresses.dial();
    assert.equal(await said(dialing), 'a');
    assert.deepEqual(addresses.begun, ['a']);
    await dialing.return();
    assert.deepEqual([addresses.begun, addresses.closed], [['a'], []], 'who took it closes it');
  });

  it('give way to the next at once when they fail', async () => {
    const addresses = new Addresses('a', 'b', 'c');
    addresses.fail('a');
    addresses.fail('b');
    addresses.answer('c');
    const dialing = addresses.dial();
    assert.deepEqual([await said(dialing), await said(dialing), await said(dialing), await said(dialing)],
      ['Error: a is down', 'Error: b is down', 'c', 'no more']);
  });

  it('that say nothing hold up the next for their head start only, and may still come', async (t) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    t.after(() => { mock.timers.reset(); });
    const addresses = new Addresses('silent', 'b', 'c');
    const dialing = addresses.dial();
    const first = said(dialing);
    await Promise.resolve();
    assert.deepEqual(addresses.begun, ['silent']);
    mock.timers.tick(HEAD_START_MS - 1);
    await new Promise(setImmediate);
    assert.deepEqual(addresses.begun, ['silent']);
    mock.timers.tick(1);
    await new Promise(setImmediate);
    assert.deepEqual(addresses.begun, ['silent', 'b']);
    addresses.answer('b');
    assert.equal(await first, 'b');
    // The one who asked could not use b: c is tried without waiting, and the silent one counts when it comes.
    const second = said(dialing);
    await new Promise(setImmediate);
    assert.deepEqual(addresses.begun, ['silent', 'b', 'c']);
    addresses.answer('silent');
    assert.equal(await second, 'silent');
    addresses.fail('c');
    assert.equal(await said(dialing), 'Error: c is down');
    assert.equal(await said(dialing), 'no more');
  });

  it('that come too late are closed', async (t) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    t.after(() => { mock.timers.reset(); });
    const addresses = new Addresses('late', 'b');
    const dialing = addresses.dial();
    const first = said(dialing);
    await new Promise(setImmediate);
    mock.timers.tick(HEAD_START_MS);
    addresses.answer('b');
    assert.equal(await first, 'b');
    await dialing.return();
    assert.deepEqual(addresses.closed, []);
    addresses.answer('late');
    await new Promise(setImmediate);
    assert.deepEqual(addresses.closed, ['late']);
  });
});
