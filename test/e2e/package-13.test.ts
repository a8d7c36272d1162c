/** The Debian package on Debian 13: see support/package.ts. */
import { testPackages } from '../support/package.ts';

testPackages({ codename: 'trixie', name: 'Debian 13', node: '/usr/bin/node' });
