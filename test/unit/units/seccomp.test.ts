/** The filter that is compiled ahead is the one of the containers that we run. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { podmanRun } from '../../../src/units/podman.ts';
import { splitEnv } from '../../../src/units/envfile.ts';
import { appOf } from '../../support/fleet.ts';
import { execArgv, parseUnit } from '../../support/unitfile.ts';

const SECURITY = /^--(?:privileged|cap-|security-opt|seccomp)/;

it('fc-seccomp.service is given every option of a container that its filter depends on', () => {
  const unit = parseUnit(readFileSync(new URL('../../../units/fc-seccomp.service', import.meta.url), 'utf8'));
  const [, ...compiledFor] = execArgv(unit.find(({ key }) => key === 'ExecStart')?.value ?? '');
  const app = appOf({});
  const words = podmanRun(app, 'shop-00000000', splitEnv(app.env), 'disabled').filter((word) => SECURITY.test(word));
  assert.deepEqual(compiledFor, words);
});
