/** --config, which every command has that reads the configuration. Pure. */
import { DEFAULT_CONFIG_FILE } from '../config/config.ts';
import type { Arguments, OptionSpec } from './spec.ts';

export const CONFIG_OPTION: OptionSpec = { name: 'config', value: 'FILE', completes: 'file', doc: `instead of ${DEFAULT_CONFIG_FILE}` };

/** The file that was named, or the one that is read without a word. */
export function configFile(given: Arguments): string {
  return given.value(CONFIG_OPTION.name) ?? DEFAULT_CONFIG_FILE;
}
