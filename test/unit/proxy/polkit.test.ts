import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { createContext, runInContext } from 'node:vm';

/** The rule, in a world that has of polkit what it uses. */
function decide(user: string, id: string, details: Readonly<Record<string, string>>): string {
  const context = createContext({ verdict: null, user, id, details });
  return String(runInContext(`
    var polkit = {
      Result: { YES: 'yes', NO: 'no', NOT_HANDLED: 'not handled' },
      addRule: function (rule) { verdict = rule({ id: id, lookup: function (key) { return details[key]; } }, { user: user }); },
    };
    ${readFileSync(new URL('../../../units/fastcontainer.rules', import.meta.url), 'utf8')}
    verdict`, context));
}

const MANAGE = 'org.freedesktop.systemd1.manage-units';

describe('polkit', () => {
  const table: [verb: string, unit: string, verdict: string][] = [
    ['start', 'fc-lease-60s@my_shop-1a2b3c4d.timer', 'yes'],
    ['restart', 'fc-lease-60s@my_shop-1a2b3c4d.timer', 'yes'],
    ['restart', 'fc-lease-never@a-00000000.timer', 'yes'],
    ['start', 'fc-app-my_shop-1a2b3c4d.socket', 'yes'],
    ['start', 'fc-sync.service', 'yes'],
    ['start', 'fc-proxy@2.service', 'yes'],
    ['restart', 'fc-proxy@64.service', 'yes'],
    ['stop', 'fc-proxy@2.service', 'no'],
    ['restart', 'fc-proxy.service', 'no'],
    ['start', 'fc-proxy@.service', 'no'],
    ['start', 'fc-proxy@2.service.evil', 'no'],
    ['stop', 'fc-lease-60s@my_shop-1a2b3c4d.timer', 'no'],
    ['kill', 'fc-lease-60s@my_shop-1a2b3c4d.timer', 'no'],
    ['set-property', 'fc-lease-60s@my_shop-1a2b3c4d.timer', 'no'],
    ['restart', 'fc-app-my_shop-1a2b3c4d.socket', 'no'],
    ['stop', 'fc-app-my_shop-1a2b3c4d.socket', 'no'],
    ['start', 'fc-app-my_shop-1a2b3c4d.service', 'no'],
    ['start', 'fc-ctr-my_shop-1a2b3c4d.service', 'no'],
    ['restart', 'fc-sync.service', 'no'],
    ['stop', 'fc-sync.service', 'no'],
    ['start', 'fc-sync.service.evil', 'no'],
    ['start', 'xfc-lease-60s@a-00000000.timer', 'no'],
    ['start', 'fc-lease-60s@a-00000000.timer\nx', 'no'],
    ['start', 'fc-lease-60s@a-b-00000000.timer', 'no'],
    ['start', 'fc-lease-s@a-00000000.timer', 'no'],
    ['start', 'fc-lease-60s@.timer', 'no'],
    ['start', 'ssh.service', 'no'],
  ];
  for (const [verb, unit, verdict] of table) {
    test(`fc-proxy: ${verb} ${JSON.stringify(unit)} → ${verdict}`, () => { assert.equal(decide('fc-proxy', MANAGE, { verb, unit }), verdict); });
  }
  test('fc-proxy may nothing else', () => {
    assert.equal(decide('fc-proxy', 'org.freedesktop.systemd1.reload-daemon', {}), 'no');
    assert.equal(decide('fc-proxy', 'org.freedesktop.systemd1.manage-unit-files', {}), 'no');
    assert.equal(decide('fc-proxy', MANAGE, {}), 'no');
  });
  test('a transient unit of an allowed name is refused: it could run anything', () => {
    const details = { verb: 'start', unit: 'fc-lease-60s@a-00000000.timer' };
    assert.equal(decide('fc-proxy', MANAGE, { ...details, 'polkit.message': "Authentication is required to start '$(unit)'." }), 'yes');
    assert.equal(decide('fc-proxy', MANAGE, { ...details, 'polkit.message': "Authentication is required to start transient unit '$(unit)'." }), 'no');
  });
  test('other users are not its business', () => {
    assert.equal(decide('root', MANAGE, { verb: 'start', unit: 'fc-sync.service' }), 'not handled');
    assert.equal(decide('www-data', MANAGE, { verb: 'start', unit: 'fc-sync.service' }), 'not handled');
  });
});
