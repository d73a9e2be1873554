import type { ChatErrorCode } from './protocol/server-messages.ts';

/** Something that a person asked for and does not get. The message is for that person. */
export class ChatFailure extends Error {
  override readonly name = 'ChatFailure';
  readonly code: ChatErrorCode;

  constructor(code: ChatErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
