/** The Debian packages on Debian 12, whose own Node is too old: see support/package.ts. */
import { testPackages } from '../support/package.ts';

testPackages({ codename: 'bookworm', name: 'Debian 12', node: '/usr/lib/fastcontainer-node/bin/node' });
