/** The PEM files of [fleet], read and checked to fit together. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsFiles } from './config.ts';
import { ConfigError } from './error.ts';

/** What connections between hosts are secured with: PEM. */
export interface FleetTls {
  readonly certificate: string;
  readonly key: string;
  /** Null: the authorities that Node.js knows. */
  readonly ca: string | null;
}

/**
 * @param file what messages call the configuration
 * @throws ConfigError when a file cannot be read, is no PEM, or the key is another certificate's
 */
export function loadTls(files: TlsFiles, file: string): FleetTls {
  const read = (key: string, path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      throw new ConfigError(file, [{ line: null, what: `[fleet] ${key}`, why: `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}` }], { cause });
    }
  };
  const [certificate, key] = [read('tls_certificate', files.certificate), read('tls_key', files.key)];
  const ca = files.ca === null ? null : read('tls_ca', files.ca);
  try {
    createSecureContext({ cert: certificate, key, ...(ca === null ? {} : { ca }) });
  } catch (cause) {
    throw new ConfigError(file, [{ line: null, what: '[fleet]', why: `has files that are no certificate and key that fit: ${cause instanceof Error ? cause.message : String(cause)}` }], { cause });
  }
  return { certificate, key, ca };
}
