/** Conversations that can be resumed, and are at another process. */
import type { Lease } from '../../stores/store.ts';

/** Other processes that have conversations of their own, and can be asked for them. */
export interface ConversationsElsewhere {
  /** For a new conversation, so that others know where it is. @throws {SwitchboardError} while none may begin here. */
  newId(): string;
  /** Under which this process writes now. */
  lease(): Lease | undefined;
  /** Whether one that the store does not know is nowhere; not while the store has just come back, and processes write again what they have. */
  isCertain(): boolean;
  /**
   * Has another process leave a conversation to this one, and goes on with it. Whoever asks this process for the conversation meanwhile waits until
   * that has succeeded or failed.
   *
   * @param goOn called once this process may go on with it.
   * @returns what that returns; nothing where it may not.
   */
  takeOver<T>(id: string, goOn: () => Promise<T>): Promise<T | undefined>;
}
