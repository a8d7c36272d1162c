/**
 * One connection to the system bus, with what dbus-next leaves to its users: deadlines, and an end that
 * everybody waiting hears of (it never rejects pending calls when the bus goes away).
 */
import dbus, { type Message as BusMessage, type MessageBus } from 'dbus-next';
import { EventEmitter } from 'node:events';
import { SystemdError } from './manager.ts';

const SYSTEM_BUS = 'unix:socket=/run/dbus/system_bus_socket';

/** dbus-next keeps the stream to itself; its end is the only sign of a bus that has gone. */
function onStreamClose(bus: MessageBus, listener: () => void): void {
  const connection: unknown = Reflect.get(bus, '_connection');
  const stream: unknown = typeof connection === 'object' && connection !== null ? Reflect.get(connection, 'stream') : null;
  if (!(stream instanceof EventEmitter)) throw new Error('dbus-next has no stream where version 0.10.2 has it');
  stream.on('close', listener);
}

export interface Call {
  readonly destination?: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
}

export class BusConnection {
  readonly #bus: MessageBus;
  readonly #waiting = new Set<(error: SystemdError) => void>();
  readonly #lostListeners = new Set<() => void>();
  #lost: SystemdError | null = null;

  private constructor(bus: MessageBus) {
    this.#bus = bus;
    const lost = (cause?: unknown): void => {
      if (this.#lost !== null) return;
      this.#lost = new SystemdError('Disconnected', 'the connection to the system bus was lost', { cause });
      for (const reject of this.#waiting) reject(this.#lost);
      this.#waiting.clear();
      for (const listener of this.#lostListeners) listener();
    };
    bus.on('error', lost);
    onStreamClose(bus, lost);
  }

  /**
   * @throws SystemdError `Disconnected` when there is no bus, `Timeout` when it does not answer.
   */
  static async open(timeoutMs: number, address = SYSTEM_BUS): Promise<BusConnection> {
    // EXTERNAL: the bus takes our uid from the socket itself, see the D-Bus specification, "Authentication mechanisms".
    const options: { busAddress: string } = { busAddress: address };
    const bus = dbus.sessionBus(options);
    const connection = new BusConnection(bus);
    const connected = new Promise<void>((resolve) => bus.once('connect', () => resolve()));
    try {
      await connection.within(connected, timeoutMs, 'connecting to the system bus');
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /** Calls back once when the connection ends; at once if it has. */
  onLost(listener: () => void): void {
    if (this.#lost !== null) listener();
    else this.#lostListeners.add(listener);
  }

  /** Every message that arrives, in order. A listener must not throw (dbus-next would swallow it). */
  onSignal(listener: (message: BusMessage) => void): void {
    this.#bus.on('message', (message: BusMessage) => {
      if (message.type === dbus.MessageType.SIGNAL) listener(message);
    });
  }

  /**
   * The reply's body.
   * @throws SystemdError with the D-Bus error's name, `Timeout` or `Disconnected`.
   */
  async call(call: Call, timeoutMs: number): Promise<readonly unknown[]> {
    const message = new dbus.Message({
      destination: call.destination ?? 'org.freedesktop.systemd1',
      path: call.path,
      interface: call.interface,
      member: call.member,
      signature: call.signature ?? '',
      body: [...(call.body ?? [])],
    });
    const what = `${call.member}(${(call.body ?? []).map(String).join(', ')})`;
    const reply = await this.within(this.#bus.call(message), timeoutMs, what);
    const body: unknown = reply?.body;
    return Array.isArray(body) ? (body as readonly unknown[]) : [];
  }

  /** `work`, or an error when the time is over or the bus has gone first. `what` goes into the message. */
  async within<T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> {
    if (this.#lost !== null) throw this.#lost;
    return await new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        end();
        reject(new SystemdError('Timeout', `${what}: no answer after ${timeoutMs} ms`));
      }, timeoutMs);
      const fail = (error: SystemdError): void => {
        end();
        reject(error);
      };
      const end = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(fail);
      };
      this.#waiting.add(fail);
      work.then(
        (value) => {
          end();
          resolve(value);
        },
        (cause: unknown) => {
          end();
          reject(cause instanceof SystemdError ? cause : asSystemdError(cause, what));
        },
      );
    });
  }

  close(): void {
    if (this.#lost === null) this.#bus.disconnect();
  }
}

function asSystemdError(cause: unknown, what: string): SystemdError {
  const type: unknown = typeof cause === 'object' && cause !== null ? Reflect.get(cause, 'type') : undefined;
  const text = cause instanceof Error ? cause.message : String(cause);
  return new SystemdError(typeof type === 'string' ? type : 'Failed', `${what}: ${text}`, { cause });
}
