import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HostEvent } from '../../../src/admin/state.ts';
import type { Facts } from '../../../src/why/facts.ts';
import { awake, exit, facts, generation, HERE, inFlight, NOW, port, REQUEST, said, unit, up, type Change } from './facts.ts';

/** Each of these is said, in this order, and the exit status is this. */
function says(of: Change, status: number, ...lines: readonly RegExp[]): void {
  check(facts(of), status, lines);
}

function check(given: Facts, status: number, lines: readonly RegExp[]): void {
  const text = said(given);
  let from = 0;
  for (const line of lines) {
    const at = text.findIndex((one, index) => index >= from && line.test(one));
    assert.ok(at >= 0, `${line} is not said, or not there, in:\n${text.join('\n')}`);
    from = at;
  }
  assert.equal(exit(given), status, text.join('\n'));
}

const woke: HostEvent = { id: 3, at: NOW - 180_000, kind: 'woke', app: 'shop', generation: HERE.id, times: { queue: 0.4, start: 126, podman: 80, ready: 20 }, request: REQUEST };
const slept: HostEvent = { id: 4, at: NOW - 60_000, kind: 'slept', app: 'shop', generation: HERE.id, awakeMs: 720_000 };
const failedStart: HostEvent = {
  id: 5, at: NOW - 9_000, kind: 'start-failed', app: 'shop', generation: HERE.id, why: 'The app did not start: it exited with status 3.', evidence: 'job failed, service exit-code',
  failures: 3, retryAt: NOW + 4_000, request: { ...REQUEST, userAgent: '' },
};
const down = generation({
  container: unit(HERE.container, { activeState: 'failed', subState: 'failed', since: NOW - 9_000, evidence: { result: 'exit-code', exit: { kind: 'exited', status: 3 }, statusText: 'the app exited before it was ready on port 80', unmounted: [] } }),
  log: [{ at: NOW - 9_100, by: 'app', text: 'no database' }, { at: NOW - 9_000, by: 'systemd', text: 'Failed with result \'exit-code\'.' }],
});

describe('an app that is awake', () => {
  test('since when, and by its lease', () => {
    says({}, 0, /^shop has been awake on web1 for 3 minutes \(since 14:02:00\)\.$/, /^# Why is it awake\?/, /lease of 5 minutes runs out in 2 minutes \(14:07:00\), unless somebody asks/, /^\| fc-lease-300s@shop-0123abcd\.timer/);
  });
  test('by what is in flight: from whom, and since when', () => {
    says({ facts: { inFlight: { value: inFlight([{}, { doing: 'upgrade', path: '/live', userAgent: '' }]) } } }, 0,
      /^1 request and 1 WebSocket are in flight/, /^\| GET http:\/\/shop\.example\/slow since 12 seconds ago \(14:04:48\), from 192\.0\.2\.9, a bot or program \(curl\/8\)/, /^\| WebSocket or the like: .*\/live.* sends no User-Agent/);
  });
  test('that waits for the start', () => {
    says({ facts: { inFlight: { value: inFlight([{ doing: 'waiting' }]) } } }, 0, /^\| waiting for the start: GET/);
  });
  test('one request is one', () => {
    says({ facts: { inFlight: { value: inFlight([{}]) } } }, 0, /^1 request is in flight through fc-proxy; while it is,/);
  });
  test('many are not all told', () => {
    says({ facts: { inFlight: { value: inFlight([{}, {}, {}, {}, {}, {}, {}, {}, {}], 30) } } }, 0, /^30 requests are/, /^\| and 22 more$/);
  });
  test('by connections at its socket', () => {
    says({ systemd: { generations: [awake({ gate: up('fc-app-shop-0123abcd.service'), connections: 2 })] } }, 0, /^2 connections are open through its socket, past fc-proxy/, /^\| fc-app-shop-0123abcd\.service: active since/);
    says({ systemd: { generations: [awake({ gate: up('g'), connections: 0 })] } }, 0, /^Somebody had a connection just now through its socket/);
    says({ systemd: { generations: [awake({ gate: up('g'), connections: null })] } }, 0, /^Somebody has, or had just now, a connection through its socket/);
  });
  test('by connections at its port', () => {
    says({ systemd: { ports: [port({ gate: up('fc-port@2525.service'), clients: ['198.51.100.4:40000'] })] } }, 0, /^1 connection is open at port 2525/, /^\| from 198\.51\.100\.4:40000/);
    says({ systemd: { ports: [port({ gate: up('fc-port@2525.service') })] } }, 0, /^Somebody had a connection just now at port 2525/);
  });
  test('by those alone, which its socket has, too', () => {
    const text = said(facts({ systemd: { generations: [awake({ gate: up('g'), connections: 1 })], ports: [port({ gate: up('p'), clients: ['198.51.100.4:40000'] })] } })).join('\n');
    assert.match(text, /at port 2525/);
    assert.doesNotMatch(text, /through its socket/);
  });
  test('because it never sleeps', () => {
    says({ here: { leaseS: null }, systemd: { generations: [awake({ leases: [up('fc-lease-never@shop-0123abcd.timer')] })] } }, 0, /^It never sleeps: apps\.idle_timeout_s of its row is NULL/, /fc-sync started it, as it never sleeps/);
  });
  test('with the last request', () => {
    says({ state: { last: { ...REQUEST, at: NOW - 61_000 } } }, 0, /^The last request came 61 seconds ago/, /^\| GET http:\/\/shop\.example\/basket from 192\.0\.2\.7, a browser \(Mozilla\/5\.0\)/);
  });
  test('by nothing of ours', () => {
    says({ systemd: { generations: [awake({ leases: [] })] } }, 0, /^Nothing of FastContainer holds it awake/, /^\| systemctl list-dependencies --reverse/);
  });
  test('of which an older generation runs, too', () => {
    const old = generation({ instance: 'shop-99999999', serves: false, container: up('fc-ctr-shop-99999999.service'), gate: up('g'), connections: 1, leases: [up('l', NOW, { elapsesAt: NOW + 5_000 })] });
    says({ systemd: { generations: [awake(), old] } }, 0, /^Another generation of it runs on web1/, /^\| fc-ctr-shop-99999999\.service: active, held by 1 connection through its socket and a lease that runs out in 5 seconds/);
  });
});

describe('what woke it', () => {
  test('a request', () => {
    says({ events: [woke] }, 0, /^# Why did it wake\?/, /^A request woke it 3 minutes ago \(14:02:00\), and waited 126 ms for it/, /^\| GET http:\/\/shop\.example\/basket$/, /^\| from 192\.0\.2\.7, a browser/, /^\| ms: 0 in the queue, 126 to start \(podman 80, until it listened 20\)/);
  });
  test('not one of long before', () => {
    says({ events: [{ ...woke, at: NOW - 3_600_000 }] }, 0, /^It woke 3 minutes ago.*what asked for it is not known any more/);
  });
  test('not another app\'s', () => {
    says({ events: [{ ...woke, app: 'blog' }] }, 0, /not known any more/);
  });
  test('a program at its socket', () => {
    says({ systemd: { generations: [awake({ gate: up('g', NOW - 179_900), connections: 1 })] } }, 0, /^A program on the host connected to its socket, and woke it 3 minutes ago/, /^\| \/run\/fastcontainer\/shop-0123abcd\.sock/);
  });
  test('a client at its port', () => {
    says({ systemd: { ports: [port({ gate: up('g', NOW - 179_900), clients: ['198.51.100.4:40000'] })] } }, 0, /^A connection to port 2525 of the host woke it/, /^\| from 198\.51\.100\.4:40000/);
  });
  test('something that fc-proxy did not send', () => {
    says({ events: [{ ...woke, request: null }] }, 0, /no request through fc-proxy is known that asked for it/);
  });
  test('a hand-over', () => {
    says({ events: [{ id: 1, at: NOW - 179_000, kind: 'handed-over', app: 'shop', from: '99999999', generation: HERE.id }] }, 0, /^fc-sync started it .* to take over from generation 99999999/);
  });
  test('the last time, of one that sleeps', () => {
    says({ events: [woke, slept], state: { state: 'asleep', since: NOW - 60_000 }, systemd: { generations: [generation({ container: unit(HERE.container, { since: NOW - 60_000 }) })] } }, 0,
      /^shop has been asleep on web1 for 60 seconds/, /^# Why is it not awake\?/, /^Nobody asked for it for 5 minutes .*the next request wakes it/, /^\| fell asleep 60 seconds ago.*after 12 minutes awake/, /^# What woke it the last time\?/);
  });
});

describe('an app that sleeps', () => {
  const asleep = { systemd: { generations: [generation()] } };
  test('and has not been asked for', () => { says({ ...asleep, state: { state: 'asleep', since: null } }, 0, /^shop is asleep on web1\.$/, /^Nobody has asked for it of late/); });
  test('deeply', () => { says({ ...asleep, state: { state: 'deep', since: NOW - 86_400_000 * 3 } }, 0, /^shop has been in deep sleep on web1 for 3 days/, /its socket is closed/); });
  test('and should not', () => { says({ ...asleep, here: { leaseS: null }, state: { state: 'asleep' } }, 0, /^It should never sleep/); });
});

describe('an app that does not start', () => {
  test('why, who asked, what it said, and when it is tried again', () => {
    says({ state: { state: 'quarantined', why: 'x', retryAt: NOW + 4_000 }, events: [woke, failedStart], systemd: { generations: [down] } }, 1,
      /^shop does not start on web1, and is not tried for now/, /^! Why did it not start\?/, /^The app did not start: it exited with status 3\.$/, /^\| 9 seconds ago .*job failed, service exit-code/,
      /^\| fc-ctr-shop-0123abcd\.service: failed, result exit-code, exit status 3/, /^\| it was said of it: the app exited before/, /^This request asked for it/, /sends no User-Agent/,
      /^The last that it said/, /^\| 14:04:50 no database/, /^\| 14:04:51 systemd: Failed with result/, /turned away, with 503, until it is tried again in 4 seconds \(14:05:04\)\. It has failed 3 times in a row/);
  });
  test('with fc-admin down, as systemd has it', () => {
    says({ facts: { status: { missing: 'fc-admin does not listen' } }, state: null, systemd: { generations: [down] } }, 1,
      /^shop did not start on web1 when it was last asked for/, /^The app did not start: the app exited before it was ready on port 80; it exited with status 3/, /^The next request starts it again/, /Not seen: requests/, /^\| fc-admin does not listen/);
  });
  test('for want of its storage', () => {
    const lost = generation({ container: unit(HERE.container, { activeState: 'failed', evidence: { result: 'success', exit: null, statusText: '', unmounted: ['/srv/x'] } }) });
    says({ state: { state: 'asleep' }, systemd: { generations: [{ ...lost, failedAt: NOW - 5_000, container: { ...lost.container, activeState: 'inactive' } }] } }, 1, /^shop did not start on web1/, /its storage at \/srv\/x is not mounted/, /^\| 5 seconds ago/);
    says({ state: { state: 'asleep' }, systemd: { generations: [lost] } }, 1, /its storage at \/srv\/x is not mounted/, /^\| not mounted: \/srv\/x/, /^It said nothing/);
  });
  test('killed by a signal', () => {
    const killed = generation({ container: unit(HERE.container, { activeState: 'failed', evidence: { result: 'signal', exit: { kind: 'killed', status: 9 }, statusText: '', unmounted: [] } }) });
    says({ state: { state: 'asleep' }, systemd: { generations: [killed] } }, 1, /killed by SIGKILL/, /^\| .*result signal, killed by signal 9/);
  });
  test('as its image cannot be fetched', () => {
    const image = unit('fc-image@0.service', { activeState: 'activating', subState: 'auto-restart', restarts: 3, evidence: { result: 'exit-code', exit: null, statusText: 'reg/shop: no such image', unmounted: [] } });
    says({ facts: { imageFailure: 'no such image' }, state: { state: 'asleep', since: null }, systemd: { generations: [generation()], image } }, 1,
      /could not wake: its image is not there/, /^! Why would it not start\?/, /^Its image is not on web1, and could not be fetched.*every 15 seconds: no such image/, /^\| fc-image@0\.service: activating \(auto-restart\), 4 tries/);
  });
  test('as its image is being fetched', () => {
    const image = unit('fc-image@0.service', { activeState: 'activating', subState: 'start', since: NOW - 20_000, evidence: { result: 'success', exit: null, statusText: 'fetches reg/shop', unmounted: [] } });
    says({ state: { state: 'asleep' }, systemd: { generations: [generation()], image } }, 0, /^# Why would it not start at once/, /^Its image is being fetched, for 20 seconds \(since 14:04:40\)/, /^\| fetches reg\/shop/);
  });
  test('yet', () => {
    const starting = generation({
      container: unit(HERE.container, { activeState: 'activating', subState: 'start-post', since: NOW - 7_000, evidence: { result: 'success', exit: null, statusText: 'nothing listens on port 80', unmounted: [] } }),
      log: [{ at: NOW - 6_000, by: 'app', text: 'migrating' }],
    });
    says({ state: { state: 'starting' }, systemd: { generations: [starting] } }, 0, /^shop has been starting on web1 for 7 seconds/, /^# Why is it not up yet\?/, /may take 30 seconds \(apps\.start_timeout_s\)/, /^\| so far: nothing listens on port 80/, /^\| 14:04:54 migrating/);
  });
  test('a failure that it has got over is none', () => { says({ events: [failedStart, { ...woke, id: 6 }] }, 0, /^shop has been awake/); });
});

describe('rows that are not applied', () => {
  const rejection = { table: 'apps', key: 'shop', column: 'port', why: 'is NULL, and needs a value', app: 'shop' } as const;
  test('rejected', () => {
    says({ report: { rejections: [rejection, { ...rejection, key: 'blog', app: 'blog' }] } }, 1, /^! Why is its row not applied\?/, /^The row of apps whose key is 'shop' is not used: its column port is NULL, and needs a value\. Until it is put right, what served before goes on serving/);
    assert.doesNotMatch(said(facts({ report: { rejections: [{ ...rejection, key: 'blog', app: 'blog' }] } })).join(), /blog/);
  });
  test('a name of its, and not the app itself', () => {
    says({ state: { state: 'rejected' }, report: { rejections: [{ table: 'domains', key: 'a_b', column: 'fqdn', why: 'is "a_b", not a domain name', app: 'shop' }] } }, 1, /^shop has been awake/, /not a domain name\. So that name leads nowhere\.$/);
  });
  test('rejected, once they were changed after fc-sync looked', () => {
    says({ report: { rejections: [] }, rows: { changed: { revision: '21', at: NOW - 1000 }, revision: '21', rejections: [rejection] } }, 1, /column port is NULL/);
    says({ report: { rejections: [rejection] }, rows: { changed: { revision: '21', at: NOW - 1000 }, revision: '21', rejections: [] } }, 0, /^Its rows were changed just now/);
  });
  test('not read since', () => {
    says({ rows: { changed: { revision: '21', at: NOW - 60_000 }, revision: '22' } }, 1, /^Its rows were changed 60 seconds ago .*has not applied that yet/, /^\| the CMDB is at change 22, the app's is 21; web1 has applied 20/);
  });
  test('the CMDB cannot be reached', () => {
    says({ facts: { cmdb: { missing: 'away' } }, report: { error: 'the CMDB cannot be used: db1: refused', syncedAt: NOW - 7_200_000 } }, 1, /^fc-sync could not do its work 4 seconds ago \(14:04:56\): the CMDB cannot be used: db1: refused/, /^\| the last time that it could was 2 hours ago/);
  });
  test('nothing runs fc-sync', () => {
    const off = { 'fc-sync-watch.service': unit('fc-sync-watch.service'), 'fc-sync.timer': unit('fc-sync.timer') };
    says({ systemd: { program: off } }, 0, /^# Is what its rows say applied\?/, /neither fc-sync-watch\.service nor fc-sync\.timer is active\. It last did so 4 seconds ago/);
    says({ systemd: { program: off }, rows: { changed: { revision: '21', at: NOW - 1000 } } }, 1, /^Its rows were changed just now/);
    says({ systemd: { program: { ...off, 'fc-sync-watch.service': unit('fc-sync-watch.service', { activeState: 'failed' }) } } }, 1, /^\| fc-sync-watch\.service: failed/);
  });
  test('held by a hand-over', () => {
    says({ report: { handingOver: [{ app: 'shop', to: 'ffffffff' }] }, rows: { generation: 'ffffffff' } }, 0, /^A hand-over is under way: generation ffffffff/);
  });
  test('its new generation did not start', () => {
    says({ facts: { failure: { generation: 'ffffffff', count: 2, at: NOW - 30_000, why: 'it exited with status 3' } }, rows: { generation: 'ffffffff' } }, 1,
      /did not start as its row now says, so it goes on as it was before; tried again in 2 minutes/, /^\| generation ffffffff, 30 seconds ago \(14:04:30\), 2 times so far: it exited/);
  });
  test('what serves is another generation, whose image is to come', () => {
    says({ rows: { generation: 'ffffffff' }, systemd: { image: unit('fc-image@0.service', { activeState: 'inactive' }) } }, 0, /not yet what its row says: generation 0123abcd instead of ffffffff, whose image is not here yet/);
  });
  test('what else fc-sync could not do', () => {
    says({ report: { failed: [{ subject: 'shop', what: 'was not removed', why: 'all would go' }] } }, 1, /^fc-sync says of it: was not removed/, /^\| all would go/);
  });
  test('disabled, placed nowhere, or gone', () => {
    says({ rows: { app: 'disabled' } }, 1, /apps\.enabled is 0/, /^\| UPDATE apps SET enabled = 1 WHERE name = 'shop';/);
    says({ rows: { placedOn: [] } }, 1, /^No row places the app on any host/);
    says({ rows: { app: 'absent' } }, 0, /has no row shop any more/);
  });
});

describe('a host name that leads to no app', () => {
  const lost = (change: Change = {}, name = 'late.example'): Change => ({
    ...change, state: null, snapshot: { app: null, ...change.snapshot }, systemd: { generations: [], ...change.systemd },
    facts: { app: null, question: { kind: 'host', name }, ...change.facts },
    rows: { app: 'absent', changed: null, generation: null, placedOn: [], ...change.rows },
  });
  const rule = { fqdn: 'late.example', app: 'shop' };
  test('no row, and what is called nearly so', () => {
    says(lost({ facts: { app: null, question: { kind: 'host', name: 'late.example' }, nearest: ['rate.example', '*.late.example'] } }), 1,
      /^No app has the host name late\.example: who asks web1 for it gets a 404/, /^! Why does late\.example give a 404\?/, /^No row of the table domains has it/, /^\| INSERT INTO domains/, /^There are rate\.example and \*\.late\.example; was one of them meant\?/);
  });
  test('a disabled app\'s', () => { says(lost({ rows: { rule, app: 'disabled' } }), 1, /domain of the app shop, which is switched off/); });
  test('an app\'s that is not there', () => { says(lost({ rows: { rule, app: 'absent' } }), 1, /which is not in the table apps/); });
  test('a rejected app\'s', () => {
    says(lost({ rows: { rule, app: 'rejected' }, report: { rejections: [{ table: 'apps', key: 'shop', column: 'port', why: 'is NULL', app: 'shop' }] } }), 1, /It is to lead to the app shop, but a row was rejected/, /The row of apps whose key is 'shop' is not used/);
  });
  test('a row that was rejected itself', () => {
    says(lost({ facts: { app: null, question: { kind: 'host', name: 'late.example' }, cmdb: { missing: 'away' } }, report: { rejections: [{ table: 'domains', key: 'Late.example.', column: 'app', why: 'names an app that is not in the table apps', app: null }] } }), 1,
      /There is a row for it in the table domains, which was rejected/, /The row of domains whose key is 'Late\.example\.' is not used/);
  });
  test('one that is newer than what fc-proxy goes by', () => {
    says(lost({ rows: { rule, app: 'good', revision: '27', changed: { revision: '27', at: NOW - 60_000 } } }), 1, /but web1 does not know yet: what fc-proxy goes by is older than that row/, /^\| the CMDB is at change 27, web1 at 20, written 60 seconds ago/);
  });
  test('another name of the app that was rejected is nothing to it', () => {
    const { cmdb } = facts(lost({ rows: { rule, app: 'good', changed: { revision: '21', at: NOW - 60_000 }, rejections: [{ table: 'domains', key: 'a_b', column: 'fqdn', why: 'is bad', app: 'shop' }] } }));
    assert.ok('value' in cmdb);
    const text = said(facts(lost({ rows: { ...cmdb.value } }))).join('\n');
    assert.match(text, /web1 does not know yet/);
    assert.doesNotMatch(text, /a_b/);
  });
  test('an address', () => { says(lost({}, '192.0.2.1'), 1, /^An address is no domain/); });
  test('with the CMDB out of sight', () => { says(lost({ facts: { app: null, question: { kind: 'host', name: 'late.example' }, cmdb: { missing: 'away' } } }), 1, /^No domain that web1 knows is it/, /^\| away/); });
});

describe('an app that nobody knows', () => {
  const lost = (rows: Change['rows'], rest: Partial<Facts> = {}): Change => ({ state: null, snapshot: { app: null }, systemd: { generations: [] }, rows: { changed: null, generation: null, ...rows }, facts: { app: null, question: { kind: 'app', name: 'shopp' }, ...rest } });
  test('not in the CMDB either', () => { says(lost({ app: 'absent' }, { nearest: ['shop'] }), 1, /^There is no app shopp on web1/, /^! Where is shopp\?/, /no row of that name/, /^There is shop; was that meant\?/); });
  test('switched off', () => { says(lost({ app: 'disabled' }), 1, /^shopp is switched off, so it is on no host/, /apps\.enabled is 0/); });
  test('rejected', () => { says({ ...lost({ app: 'rejected' }), report: { rejections: [{ table: 'apps', key: 'shopp', column: 'port', why: 'is NULL', app: 'shopp' }] } }, 1, /its row was rejected/, /nothing of it served before/, /whose key is 'shopp'/); });
  test('new', () => { says(lost({ app: 'good', placedOn: ['web1', 'web2'] }), 1, /placed on web1 and web2; web1 does not know of it yet/); });
  test('the CMDB out of sight', () => { says(lost({}, { cmdb: { missing: 'away' } }), 1, /whether the CMDB has one could not be seen/); });
  test('and nothing could be seen', () => {
    says(lost({}, { snapshot: { missing: 'this user may not' }, status: { missing: 'down' }, cmdb: { missing: 'away' }, root: false }), 3, /^Of shopp, nothing could be seen on web1/, /^# What could not be seen/, /^Root sees all of it/, /^\| sudo fc-why shopp/);
  });
});

describe('an app that is elsewhere', () => {
  const placed = (...hosts: readonly string[]): NonNullable<Change['snapshot']> => ({ app: { domains: [], placements: hosts.map((host, index) => ({ host, weight: index === 0 ? 100 : 300, listenPort: null })), here: hosts.includes('web1') ? HERE : null } });
  test('only', () => {
    says({ snapshot: placed('web2', 'web3'), systemd: { generations: [] }, state: { state: 'elsewhere' } }, 0, /^shop does not run on web1; it is placed on other hosts/, /^# Where is it\?/, /placed on 2 other hosts and not on web1/, /^\| web2 \(192\.0\.2\.12\), active$/, /^\| web3 \(192\.0\.2\.13\), down, weight 300/, /^\| ssh web2 fc-why shop/);
  });
  test('too', () => { says({ snapshot: placed('web1', 'web2') }, 0, /^shop has been awake/, /^# Where else is it\?/, /^It is also placed on 1 other host, and a request goes to the one/); });
  test('where all are down', () => { says({ snapshot: placed('web3'), systemd: { generations: [] }, state: { state: 'elsewhere' } }, 1, /All of them are down/); });
  test('nowhere', () => { says({ snapshot: placed(), systemd: { generations: [] }, state: { state: 'elsewhere' } }, 1, /^shop is placed on no host/, /answered with 503/, /^\| INSERT INTO placements/); });
});

test('a wildcard is named', () => {
  says({ facts: { question: { kind: 'host', name: 'www.shop.example' }, rule: '*.shop.example' } }, 0, /^www\.shop\.example leads to the app shop \(by \*\.shop\.example\)\. shop has been awake/);
});

test('with fc-admin down, nothing wrong that was found is not that nothing is wrong', () => {
  says({ facts: { status: { missing: 'fc-admin does not listen' }, inFlight: { missing: 'fc-admin does not listen' } }, state: null }, 3, /^shop has been awake/, /lease of 5 minutes/, /^\| fc-admin does not listen/);
});

test('with no fc-proxy that tells of itself, that is said', () => {
  const { status } = facts();
  check(facts({ facts: { status: 'value' in status ? { value: { ...status.value, proxy: { ...status.value.proxy, processes: 0 } } } : status } }), 0, [/^shop has been awake/, /^Not seen: what fc-proxy does/]);
});

test('with systemd out of sight, fc-admin says how it stands', () => {
  says({ facts: { systemd: { missing: 'no bus' } } }, 0, /^shop has been awake on web1 for 3 minutes/, /^\| no bus/);
  says({ facts: { systemd: { missing: 'no bus' } }, state: { state: 'quarantined', why: 'The app did not start: it exited with status 3.', retryAt: NOW + 4000 } }, 1, /^shop does not start/, /it exited with status 3/);
});
