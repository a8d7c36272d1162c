/** How an app is connected. */

/** With a network namespace of its own: from which it reaches out, or nothing. */
export type OwnNetwork = 'egress' | 'private';

export type Network = OwnNetwork | 'host';

export function hasNetns(network: Network): network is OwnNetwork {
  return network !== 'host';
}
