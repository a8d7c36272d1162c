/** What hosts prove themselves to each other with: tokens, certificates, and each other host asked. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { judgePeers } from '../../../src/doctor/checks/peers.ts';
import { type CertificateFacts, certificateFacts, judgeTls } from '../../../src/doctor/checks/tls.ts';
import { judgeTokens } from '../../../src/doctor/checks/tokens.ts';
import { runOk } from '../../support/run.ts';
import { assertFinds } from './support.ts';

describe('tokens', () => {
  const good = { others: 2, tokens: 1, changedMs: 1000, proxySinceMs: 2000 };
  test('that fc-proxy has read, or that nobody needs, are well', () => {
    assertFinds(judgeTokens(good));
    assertFinds(judgeTokens({ ...good, others: 0, tokens: null }));
    assertFinds(judgeTokens({ ...good, proxySinceMs: null }));
  });
  test('that are not are told', () => {
    assertFinds(judgeTokens({ ...good, tokens: null }), ['error', /no token in \/etc\/fastcontainer\/fleet-tokens, and 2 other hosts/, /copy/]);
    assertFinds(judgeTokens({ ...good, others: 1, tokens: 0 }), ['error', /1 other host$/, /copy/]);
    assertFinds(judgeTokens({ ...good, tokens: 'line 2 is no token: 16 to 1024' }), ['error', /line 2 is no token/, /^sed -i 2d \/etc\/fastcontainer\/fleet-tokens && systemctl restart fc-proxy$/]);
    assertFinds(judgeTokens({ ...good, changedMs: 3000 }), ['warning', /has changed since fc-proxy started/, /^systemctl restart fc-proxy$/]);
  });
});

describe('another host', () => {
  const host = { name: 'web2', address: '192.0.2.12', port: 8079, state: 'active' } as const;
  const judge = (answer: Parameters<typeof judgePeers>[0][number]['answer']) => judgePeers([{ host, answer }]);
  test('that gives a sign of life is well', () => { assertFinds(judge(204)); });
  test('that does not is told, with what that means', () => {
    assertFinds(judge(404), ['warning', /web2 at 192\.0\.2\.12 port 8079 answered 404/, /hosts\.address/]);
    assertFinds(judge({ code: 'ECONNRESET', message: 'socket hang up' }), ['error', /hangs up/, /does not accept this host's token/]);
    assertFinds(judge({ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' }), ['warning', /refuses/, /restart fc-proxy-internal/]);
    assertFinds(judge({ code: 'ERR_TLS_CERT_ALTNAME_INVALID', message: 'not for web2' }), ['error', /does not prove that it is web2: not for web2/, /--only tls/]);
    assertFinds(judge({ code: 'CERT_HAS_EXPIRED', message: 'certificate has expired' }), ['error', /expired/, /tls/]);
    assertFinds(judge({ code: 'EHOSTUNREACH', message: 'no route' }), ['warning', /cannot be reached: no route/, /firewall/]);
    assertFinds(judge({ code: '', message: 'no answer within 500 ms' }), ['warning', /cannot be reached: no answer/, /firewall/]);
  });
});

describe('a certificate', () => {
  const day = 86_400_000;
  const certificate: CertificateFacts = { path: '/etc/tls/web1.pem', name: 'web1', hasName: true, fromMs: 0, toMs: 100 * day, isTrusted: true, authorityToMs: 1000 * day };
  const good = { error: null, unreadable: [], openKey: null, certificate, nowMs: 50 * day, isNewer: false };
  const judge = (facts: Partial<CertificateFacts>) => judgeTls({ ...good, certificate: { ...certificate, ...facts } });
  test('that is good for a while, or not there, is well', () => {
    assertFinds(judgeTls(good));
    assertFinds(judgeTls({ ...good, certificate: null }));
  });
  test('that is not is told', () => {
    assertFinds(judgeTls({ ...good, certificate: null, error: 'x.ini: [fleet] tls_key: cannot be read' }), ['error', /tls_key: cannot be read/, /restart/]);
    assertFinds(judgeTls({ ...good, unreadable: [{ path: '/etc/tls/web1.key', folder: null }] }), ['error', /user fc-proxy cannot read \/etc\/tls\/web1\.key/, /^chgrp fc-proxy \/etc\/tls\/web1\.key && chmod g\+r/]);
    assertFinds(judgeTls({ ...good, unreadable: [{ path: '/root/web1.key', folder: '/root' }] }), ['error', /cannot read \/root\/web1\.key/, /^it may not enter \/root: put/]);
    assertFinds(judgeTls({ ...good, openKey: '/etc/tls/web1.key' }), ['error', /everyone on this host may use the key/, /chmod 0640 \/etc\/tls\/web1\.key$/]);
    assertFinds(judge({ hasName: false }), ['error', /is not for web1/, /new one/]);
    assertFinds(judge({ fromMs: 60 * day }), ['error', /good from 1970-03-02 on only/, /timedatectl/]);
    assertFinds(judge({ toMs: 49 * day }), ['error', /was good until 1970-02-19/, /new one/]);
    assertFinds(judge({ toMs: 79 * day }), ['warning', /is good until 1970-03-21 only/, /new one/]);
    assertFinds(judge({ isTrusted: false, authorityToMs: null }), ['error', /no authority/, /new one/]);
    assertFinds(judge({ authorityToMs: 60 * day }), ['warning', /the authority of .* is good until/, /new authority/]);
    assertFinds(judgeTls({ ...good, isNewer: true }), ['warning', /has changed since fc-proxy started/, /^systemctl restart fc-proxy$/]);
  });

  describe('is read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'fc-tls-'));
    const pem = (name: string): string => readFileSync(join(folder, name), 'utf8');
    before(() => runOk('bash', ['-ec', `cd ${folder}
      key() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "$@" 2>/dev/null; }
      key -x509 -days 10 -subj /CN=fleet -keyout ca.key -out ca.pem
      key -x509 -days 10 -subj /CN=other -keyout other.key -out other.pem
      key -subj /CN=between -keyout between.key -out between.csr
      openssl x509 -req -in between.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 10 -extfile <(echo basicConstraints=CA:TRUE) -out between.pem 2>/dev/null
      for from in ca between; do
        key -subj /CN=web1 -keyout web1.key -out web1.csr
        openssl x509 -req -in web1.csr -CA $from.pem -CAkey $from.key -CAcreateserial -days 5 -extfile <(echo subjectAltName=DNS:web1) -out from-$from.pem 2>/dev/null
      done`]));
    after(() => { rmSync(folder, { recursive: true }); });
    const facts = (certificates: readonly string[], ca: string, name = 'web1') => certificateFacts({ certificate: certificates.map(pem).join(''), key: '', ca: pem(ca) }, '/x', name);

    test('with its name, dates and authority', () => {
      const found = facts(['from-ca.pem'], 'ca.pem');
      assert.deepEqual([found?.hasName, found?.isTrusted], [true, true]);
      assert.equal(Math.round(((found?.toMs ?? 0) - (found?.fromMs ?? 0)) / day), 5);
      assert.equal(facts(['from-ca.pem'], 'ca.pem', 'web2')?.hasName, false);
      assert.equal(facts(['from-ca.pem'], 'other.pem')?.isTrusted, false);
    });
    test('with what lies between it and its authority', () => {
      assert.equal(facts(['from-between.pem'], 'ca.pem')?.isTrusted, false);
      assert.equal(facts(['from-between.pem', 'between.pem'], 'ca.pem')?.isTrusted, true);
      assert.equal(facts(['from-between.pem', 'from-between.pem', 'other.pem'], 'ca.pem')?.isTrusted, false);
    });
  });
});
