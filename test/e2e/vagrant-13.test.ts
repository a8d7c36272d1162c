/** The Vagrantfile's fleet, of machines with Debian 13. */
import { copyVagrantfile, testMachines } from '../support/vagrant.ts';

testMachines(copyVagrantfile(), 'trixie-host');
