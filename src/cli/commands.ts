/** Every command there is: its manual page, its place in the reference and its completion follow from being listed here. */
import { FC_ADMIN } from './fc-admin.ts';
import { FC_DOCTOR } from './fc-doctor.ts';
import { FC_PROVISION } from './fc-provision.ts';
import { FC_PROXY } from './fc-proxy.ts';
import { FC_STATUS } from './fc-status.ts';
import { FC_SYNC } from './fc-sync.ts';
import { FC_WHY } from './fc-why.ts';
import type { CommandSpec } from './spec.ts';

export const COMMANDS: readonly CommandSpec[] = [FC_SYNC, FC_PROXY, FC_ADMIN, FC_STATUS, FC_WHY, FC_DOCTOR, FC_PROVISION];
