/** The Vagrantfile: Vagrant takes it, and what it runs on each machine makes a fleet of test hosts. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Result, run } from '../support/run.ts';
import { copyVagrantfile, testMachines } from '../support/vagrant.ts';

const folder = copyVagrantfile();

describe('vagrant validate', { skip: existsSync('/usr/bin/vagrant') ? false : 'there is no vagrant here: Debian 12 has a package of it, Debian 13 has none' }, () => {
  const validate = (): Promise<Result> =>
    run('env', ['-C', folder, `VAGRANT_HOME=${join(folder, 'home')}`, 'VAGRANT_CHECKPOINT_DISABLE=1', 'vagrant', 'validate', '--ignore-provider']);

  test('takes the Vagrantfile', async () => {
    const { code, stdout, stderr } = await validate();
    assert.equal(code, 0, stderr);
    assert.match(stdout, /validated successfully/);
  });

  test('and not one that is spoilt', async () => {
    const good = readFileSync(join(folder, 'Vagrantfile'), 'utf8');
    for (const [what, spoilt] of [['vm.hostname', 'vm.hostnome'], ["type: 'shell'", "type: 'shall'"], ["'private_network'", "'privat_network'"]] as const) {
      assert.ok(good.includes(what), `nothing was spoilt: ${what}`);
      writeFileSync(join(folder, 'Vagrantfile'), good.replaceAll(what, spoilt));
      const { code, stderr } = await validate();
      assert.notEqual(code, 0, `it takes ${spoilt}`);
      assert.match(stderr, /errors in the configuration|not be found|invalid/i);
    }
    writeFileSync(join(folder, 'Vagrantfile'), good);
  });
});

testMachines(folder);
