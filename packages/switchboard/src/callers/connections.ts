/** The connections that stay open: what comes in on a channel of its own becomes one, and is found by its channel. */
import type { Identity } from '../auth/identity.ts';
import type { Channel } from '../transports/channel.ts';
import { MAX_OWN_WORDS, cut } from '../util/cut.ts';
import { Connection, recordNameOf } from './connection.ts';
import type { CallerContext } from './context.ts';
import type { Arrival } from './arrival.ts';
import { callOnClose } from './hooks.ts';
import type { Registry } from './registry.ts';
import { credentialsDigest, isRecordOf } from './session-record.ts';

export class Connections {
  readonly #context: CallerContext;
  readonly #registry: Registry;
  readonly #newId: () => string;
  /** For those who come back. */
  readonly #byChannel: WeakMap<Channel, Connection> = new WeakMap();

  constructor(context: CallerContext, registry: Registry, newId: () => string) {
    this.#context = context;
    this.#registry = registry;
    this.#newId = newId;
  }

  /**
   * Serves the client of a channel from now on.
   *
   * @param onClose called when the client is gone.
   * @throws {SwitchboardError} `SWB_CONNECTION_LIMIT`, `SWB_SHUTTING_DOWN`
   */
  open(channel: Channel, visit: Omit<Arrival, 'id' | 'loose'>, onClose?: () => void): void {
    this.#open(channel, visit, this.#newId(), onClose);
  }

  /** @param isMoved whether another process had opened it. */
  #open(
    channel: Channel,
    visit: Omit<Arrival, 'id' | 'loose'>,
    id: string,
    onClose?: () => void,
    isMoved = false,
  ): Connection {
    const { emit } = this.#context;
    const { transport, address, userAgent } = visit;
    const connection: Connection = new Connection({ ...visit, id }, this.#context, channel, (reason) => {
      this.#registry.remove(id);
      callOnClose(this.#context, connection.facts, reason);
      emit({ type: 'connection.closed', connection: id, transport, reason });
      onClose?.();
    });
    this.#registry.add(connection, isMoved);
    this.#byChannel.set(channel, connection);
    emit({
      type: 'connection.opened',
      connection: id,
      transport,
      ...(address !== undefined && { address }),
      ...(userAgent !== undefined && { userAgent: cut(userAgent, MAX_OWN_WORDS) }),
    });
    connection.start();
    return connection;
  }

  /**
   * Goes on with a client whose connection another process had opened, where its session can be rebuilt. A conversation without one has nothing
   * that could be gone on with.
   *
   * @returns whether it goes on; rejects with what is thrown where there is no place for it.
   */
  async restore(channel: Channel, visit: Omit<Arrival, 'id' | 'loose'>): Promise<boolean> {
    const { records } = this.#context;
    const name = recordNameOf(channel);
    const record = records === undefined || name === undefined ? undefined : await records.find(name);
    if (record === undefined || !isRecordOf(record, visit.identity, visit.upstream)) return false;
    if (record.credentials !== credentialsDigest(visit.credentials.headers)) return false;
    const connection = this.#open(channel, visit, record.id, undefined, true);
    try {
      connection.restore(record);
    } catch (error) {
      connection.close('restart', 'its session could not be restored');
      throw error;
    }
    return true;
  }

  /** The client came back to its channel, and has shown again who it is. */
  renew(channel: Channel, identity: Identity): void {
    this.#byChannel.get(channel)?.renew(identity);
  }
}
