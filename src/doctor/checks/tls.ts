import { X509Certificate } from 'node:crypto';
import { checkServerIdentity, rootCertificates } from 'node:tls';
import type { TlsFiles } from '../../config/config.ts';
import { ConfigError } from '../../config/error.ts';
import { type FleetTls, loadTls } from '../../config/tls.ts';
import { check } from '../check.ts';
import { advice, command, error, type Finding, warning } from '../finding.ts';
import type { Host } from '../host.ts';
import { run } from '../run.ts';
import { shellWord } from '../shell.ts';
import { showUnits, sinceMs } from '../units.ts';

export interface TlsFacts {
  /** What is wrong with the files; null: nothing. */
  readonly error: string | null;
  /** Files that the user fc-proxy cannot read; `folder`: one on the way that it may not enter. */
  readonly unreadable: readonly { readonly path: string; readonly folder: string | null }[];
  /** The key, if everyone may read or change it. */
  readonly openKey: string | null;
  readonly certificate: CertificateFacts | null;
  readonly nowMs: number;
  /** A file has changed since fc-proxy started. */
  readonly isNewer: boolean;
}

export interface CertificateFacts {
  readonly path: string;
  /** hosts.name, and whether it is for that. */
  readonly name: string;
  readonly hasName: boolean;
  readonly fromMs: number;
  readonly toMs: number;
  /** Whether it comes from an authority that the configuration names. */
  readonly isTrusted: boolean;
  /** When the first authority on the way ends. */
  readonly authorityToMs: number | null;
}

const SOON_MS = 30 * 86_400_000;
const RENEW = advice('make a new one for hosts.name (docs/fleet.md, TLS between hosts), put it in its place, then: systemctl restart fc-proxy');

export function judgeTls({ error: why, unreadable, openKey, certificate, nowMs, isNewer }: TlsFacts): readonly Finding[] {
  if (why !== null) return [error(why, 'fc-proxy does not start with it', advice('mend the files of [fleet], then: systemctl restart fc-proxy'))];
  const findings: Finding[] = unreadable.map(({ path, folder }) => error(`the user fc-proxy cannot read ${path}`, 'fc-proxy does not start with it',
    folder === null ? command(`chgrp fc-proxy ${shellWord(path)} && chmod g+r ${shellWord(path)} && systemctl restart fc-proxy`)
      : advice(`it may not enter ${folder}: put the files of [fleet] into /etc/fastcontainer/tls, say so in fastcontainer.ini, then: systemctl restart fc-proxy`)));
  if (openKey !== null) findings.push(error(`everyone on this host may use the key ${openKey}`, 'whoever has it is this host to the others', command(`chown root:fc-proxy ${shellWord(openKey)} && chmod 0640 ${shellWord(openKey)}`)));
  if (certificate !== null) {
    const { path, name, hasName, fromMs, toMs, isTrusted, authorityToMs } = certificate;
    const means = 'no other host sends anything to this one';
    if (!hasName) findings.push(error(`the certificate ${path} is not for ${name}`, means, RENEW));
    if (nowMs < fromMs) findings.push(error(`the certificate ${path} is good from ${day(fromMs)} on only`, `${means} until then, or a clock is wrong`, command('timedatectl')));
    if (nowMs >= toMs) findings.push(error(`the certificate ${path} was good until ${day(toMs)}`, means, RENEW));
    else if (nowMs >= toMs - SOON_MS) findings.push(warning(`the certificate ${path} is good until ${day(toMs)} only`, `${means} from then on`, RENEW));
    if (!isTrusted) findings.push(error(`the certificate ${path} is from no authority that [fleet] tls_ca names`, 'hosts with the same authorities do not believe this one', RENEW));
    if (authorityToMs !== null && nowMs >= authorityToMs - SOON_MS) findings.push(warning(`the authority of ${path} is good until ${day(authorityToMs)} only`, 'all its certificates end with it', advice('make a new authority, and add it to tls_ca on all hosts before the first certificate of it')));
  }
  if (isNewer) findings.push(warning('a file of [fleet] has changed since fc-proxy started', 'fc-proxy goes by what was there then', command('systemctl restart fc-proxy')));
  return findings;
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

const NOTHING: TlsFacts = { error: null, unreadable: [], openKey: null, certificate: null, nowMs: 0, isNewer: false };

export default check<TlsFacts>({
  id: 'tls',
  looksAt: "this host's certificate for the other hosts: its name, dates and authority, readable for fc-proxy, and the one it has read",
  look: async (host) => {
    const { fleet: { tls: files }, host: { name } } = await host.config();
    if (files === null) return NOTHING;
    let tls: FleetTls;
    try {
      tls = loadTls(files, host.configFile);
    } catch (cause) {
      if (cause instanceof ConfigError && host.isRoot) return { ...NOTHING, error: cause.message };
      host.needRoot();
      throw cause;
    }
    return { error: null, unreadable: await unreadableOf(files, host), openKey: ((await host.stat(files.key))?.mode ?? 0) & 0o007 ? files.key : null, certificate: certificateFacts(tls, files.certificate, name), nowMs: Date.now(), isNewer: await isNewer(files, host) };
  },
  judge: judgeTls,
});

export function certificateFacts({ certificate, ca }: FleetTls, path: string, name: string): CertificateFacts | null {
  const [own, ...between] = certificates(certificate);
  if (own === undefined) return null;
  const authorities = ca === null ? rootCertificates.map((pem) => new X509Certificate(pem)) : certificates(ca);
  const authority = authorityOf(own, between, authorities);
  return {
    path, name, hasName: checkServerIdentity(name, own.toLegacyObject()) === undefined,
    fromMs: Date.parse(own.validFrom), toMs: Date.parse(own.validTo),
    isTrusted: authority !== null, authorityToMs: authority === null ? null : Date.parse(authority.validTo),
  };
}

function certificates(pem: string): readonly X509Certificate[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((one) => new X509Certificate(one));
}

/** The authority that a chain of certificates ends in; null: in none of these. */
function authorityOf(own: X509Certificate, between: readonly X509Certificate[], authorities: readonly X509Certificate[]): X509Certificate | null {
  const issuedBy = (issuer: X509Certificate): boolean => own.checkIssued(issuer) && own.verify(issuer.publicKey);
  const authority = authorities.find(issuedBy);
  if (authority !== undefined) return authority;
  const next = between.find((one) => one !== own && issuedBy(one));
  return next === undefined ? null : authorityOf(next, between.filter((one) => one !== next), authorities);
}

function pathsOf({ certificate, key, ca }: TlsFiles): readonly string[] {
  return [certificate, key, ...(ca === null ? [] : [ca])];
}

/** Asked as that user: folders on the way count, and access lists. */
async function unreadableOf(files: TlsFiles, host: Host): Promise<TlsFacts['unreadable']> {
  if (!host.isRoot) return [];
  const as = await host.proxyAccount();
  const asked = await Promise.all(pathsOf(files).map(async (path) => ({ path, ran: await run('test', ['-r', path], { as }) })));
  return await Promise.all(asked.filter(({ ran }) => ran.code !== 0).map(async ({ path }) => {
    const above = path.split('/').slice(1, -1).map((_name, at, names) => `/${names.slice(0, at + 1).join('/')}`);
    const entered = await Promise.all(above.map((folder) => run('test', ['-x', folder], { as })));
    return { path, folder: above.find((_folder, at) => entered[at]?.code !== 0) ?? null };
  }));
}

async function isNewer(files: TlsFiles, host: Host): Promise<boolean> {
  const shown = await showUnits(['fc-proxy.service'], ['ExecMainStartTimestampMonotonic', 'ActiveState']);
  const service = shown.get('fc-proxy.service');
  const since = service?.get('ActiveState') === 'active' ? sinceMs(service.get('ExecMainStartTimestampMonotonic')) : null;
  const times = await Promise.all(pathsOf(files).map(async (path) => (await host.stat(path))?.mtimeMs ?? 0));
  return since !== null && times.some((ms) => ms > since);
}
