/** What fc-proxy answers itself: to whom a page, and that neither form tells how apps are run. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { StartFailure } from '../../../src/proxy/failure.ts';
import { Incidents } from '../../../src/proxy/incidents.ts';
import { wantsPage } from '../../../src/proxy/negotiate.ts';
import { isKind, Problem, PROBLEMS } from '../../../src/proxy/problem.ts';
import { answerTo, type Answer } from '../../../src/proxy/respond.ts';
import { FakeClock, MemoryLog } from './support.ts';

const KINDS = Object.keys(PROBLEMS).filter(isKind);
const UUID = '0f8fad5b-d9cb-469f-a165-70867728950e';

const fieldOf = ({ fields }: Answer, name: string): string | undefined => {
  const at = fields.indexOf(name);
  return at < 0 ? undefined : fields[at + 1];
};

describe('a page or problem+json', () => {
  const pages: [accept: string | undefined, page: boolean][] = [
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['application/json', false],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', true],
    ['text/html, application/xhtml+xml, */*', true],
    ['TEXT/HTML', true],
    ['application/json, text/html', true],
    ['application/json, text/html;q=0.9', false],
    ['application/json, text/javascript, */*; q=0.01', false],
    ['application/json, */*', false],
    ['text/html, application/problem+json', true],
    ['text/html;q=0.5, application/problem+json', false],
    ['text/*', true],
    ['text/*;q=0.5, */*;q=0.1', true],
    ['text/*, application/json', false],
    ['text/html;q=0.1, */*;q=0.5', false],
    ['text/html;q=0, */*', false],
    ['*/*, text/html;q=0', false],
    ['text/html; level=1; Q=0.3, application/json;q=0.2', true],
    ['text/html;q=0', false],
    ['text/html;q=x', false],
    ['text/html;q=2', false],
    ['text/htmlx', false],
    ['image/avif,image/webp,*/*;q=0.8', false],
    [`${'text/html;q=0,'.repeat(2000)}text/html`, false],
  ];
  for (const [accept, page] of pages) {
    test(`Accept: ${accept?.slice(0, 70)} → ${page ? 'a page' : 'problem+json'}`, () => { assert.equal(wantsPage(accept), page); });
  }
});

describe('an answer', () => {
  test('to a program is RFC 9457', () => {
    const answer = answerTo(new Problem('quarantined', 'exit status 3', { retryAfterS: 1.2 }), '*/*', UUID);
    assert.equal(answer.status, 503);
    assert.deepEqual(JSON.parse(answer.body), {
      type: 'urn:fastcontainer:problem:quarantined', title: 'Service Unavailable', status: 503,
      detail: 'The site could not be started. It is tried again after a pause.', instance: `urn:uuid:${UUID}`,
    });
    assert.deepEqual(answer.fields, [
      'Content-Type', 'application/problem+json', 'Content-Length', String(Buffer.byteLength(answer.body)), 'Content-Language', 'en',
      'Cache-Control', 'no-store', 'Vary', 'Accept', 'Retry-After', '2',
    ]);
  });

  test('of what is wrong with the request says it, and markup in it is none', () => {
    const answer = answerTo(new Problem('bad-request', '<b>"&\''), 'text/html');
    assert.match(answer.body, /<p>&#60;b&#62;&#34;&#38;&#39;<\/p>/);
    assert.equal(fieldOf(answer, 'Content-Type'), 'text/html; charset=utf-8');
    assert.equal(fieldOf(answer, 'Retry-After'), undefined);
    assert.doesNotMatch(answer.body, /Reference/);
    assert.deepEqual(JSON.parse(answerTo(new Problem('bad-request', 'So it is.'), 'application/json').body), { type: 'urn:fastcontainer:problem:bad-request', title: 'Bad Request', status: 400, detail: 'So it is.' });
  });

  test('405 names the methods that there are', () => {
    assert.match(fieldOf(answerTo(new Problem('method-not-allowed', 'No.'), undefined), 'Allow') ?? '', /GET, HEAD, POST/);
  });

  for (const [seconds, words] of [[0, 'in a second'], [1.2, 'in 2 seconds'], [119, 'in 119 seconds'], [121, 'in 3 minutes']] as const) {
    test(`says when: ${words}`, () => {
      assert.ok(answerTo(new Problem('quarantined', '', { retryAfterS: seconds }), 'text/html', UUID).body.includes(`<p>Try again ${words}.</p>`));
    });
  }

  for (const kind of KINDS) {
    test(`${kind}: a status that fits, a page of at most 2 KB that is a whole one, and no evidence in either form`, () => {
      const { status, title } = PROBLEMS[kind];
      assert.ok(status >= 400 && status < 600);
      assert.match(title, /^[A-Z][A-Za-z ]+$/);
      const evidence = 'fc-ctr-shop-0000000a.service: podman, exit status 3, /srv/x <i>';
      const problem = new Problem(kind, evidence, { retryAfterS: 7 });
      const page = answerTo(problem, 'text/html', problem.withheld ? UUID : null);
      assert.ok(Buffer.byteLength(page.body) <= 2048, `${Buffer.byteLength(page.body)} bytes`);
      assert.equal(fieldOf(page, 'Content-Length'), String(Buffer.byteLength(page.body)));
      assert.match(page.body, /^<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">[^]*<title>[^<]+<\/title>[^]*<\/head>\n<body>\n<main>\n<h1>[^<]+<\/h1>[^]*<\/main>\n<\/body>\n<\/html>\n$/);
      assert.match(page.body, /<meta name="color-scheme" content="light dark">/);
      const json = answerTo(problem, 'application/json', problem.withheld ? UUID : null).body;
      for (const told of [page.body, json]) {
        assert.equal(/podman|exit status|srv/.test(told), !problem.withheld);
        assert.equal(told.includes(UUID), problem.withheld);
        assert.doesNotMatch(told, /systemd|snapshot|host-broke|no-host|<i>.*<\/p>/);
      }
    });
  }

  test('carries a policy that allows its own style and nothing else', () => {
    const { body, fields } = answerTo(new Problem('start-failed', ''), 'text/html', UUID);
    const style = /<style>([^]*)<\/style>/.exec(body)?.[1] ?? '';
    const policy = fields[fields.indexOf('Content-Security-Policy') + 1];
    assert.equal(policy, `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'`);
  });
});

describe('the journal', () => {
  const failure = new StartFailure('start-failed', 'The app did not start: it exited with status 3.', 'job failed, service exit-code');

  test('is told once of what many visitors meet, under the reference that they all get, with the evidence', () => {
    const [clock, log] = [new FakeClock(), new MemoryLog()];
    const incidents = new Incidents(clock, log);
    const first = incidents.referenceOf(failure, 'shop');
    assert.match(first ?? '', /^[0-9a-f-]{36}$/);
    for (let n = 0; n < 100; n++) assert.equal(incidents.referenceOf(new Problem('start-failed', failure.message), 'shop'), first);
    assert.equal(log.lines.length, 1);
    for (const word of [first ?? '', 'shop', 'start-failed', '502', 'exited with status 3', 'service exit-code']) assert.ok(log.lines[0]?.includes(word), word);
  });

  test('a quarantine is one problem as long as it lasts, whatever time is left; other apps and kinds, and later ones, are others', async () => {
    const [clock, log] = [new FakeClock(), new MemoryLog()];
    const incidents = new Incidents(clock, log);
    const quarantined = (seconds: number): Problem => new Problem('quarantined', `… in ${seconds} s`, { cause: failure });
    const first = incidents.referenceOf(quarantined(7), 'shop');
    assert.equal(incidents.referenceOf(quarantined(6), 'shop'), first);
    const others = [incidents.referenceOf(quarantined(6), 'blog'), incidents.referenceOf(failure, 'shop')];
    await clock.advance(10_000);
    others.push(incidents.referenceOf(quarantined(5), 'shop'));
    assert.equal(new Set([first, ...others]).size, 4);
    assert.equal(log.lines.length, 4);
  });

  test('of another host keeps its reference, and is told of here, too', () => {
    const log = new MemoryLog();
    const incidents = new Incidents(new FakeClock(), log);
    const said = new Problem('start-failed', 'exit', { reference: UUID });
    for (let n = 0; n < 3; n++) assert.equal(incidents.referenceOf(said, 'shop'), UUID);
    assert.equal(log.lines.filter((line) => line.includes(UUID)).length, 1);
  });

  test('is not told of what the client is told: whoever sends nonsense fills no journal', () => {
    const log = new MemoryLog();
    const incidents = new Incidents(new FakeClock(), log);
    for (const kind of ['bad-request', 'unknown-host', 'request-timeout'] as const) assert.equal(incidents.referenceOf(new Problem(kind, 'So it is.'), null), null);
    assert.deepEqual(log.lines, []);
  });

  test('what is remembered is bounded', () => {
    const log = new MemoryLog();
    const incidents = new Incidents(new FakeClock(), log);
    const first = incidents.referenceOf(failure, 'app0');
    for (let n = 1; n <= 600; n++) incidents.referenceOf(failure, `app${n}`);
    assert.notEqual(incidents.referenceOf(failure, 'app0'), first);
    const last = incidents.referenceOf(failure, 'app600');
    assert.equal(incidents.referenceOf(failure, 'app600'), last);
  });
});
