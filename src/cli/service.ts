/** How a service's process ends. */
import { ConfigError } from '../config/error.ts';
import { log } from '../log.ts';
import { UsageError } from './spec.ts';

/** Runs it, and ends the process with the status it gives: 2 when the command line or the configuration make no sense, 1 for any other error. */
export function runService(name: string, main: () => Promise<number>): void {
  main().then(
    (code) => { process.exit(code); },
    (error: unknown) => {
      if (error instanceof UsageError) {
        process.stderr.write(`${name}: ${error.message}\nTry ${name} --help.\n`);
        process.exit(2);
      }
      if (error instanceof ConfigError) {
        for (const line of error.message.split('\n')) log.error(line);
        process.exit(2);
      }
      log.error(`${name} ended`, { error: error instanceof Error ? error : String(error) });
      process.exit(1);
    },
  );
}
