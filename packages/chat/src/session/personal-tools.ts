/** The tools of the person of a session: opened when they are first wanted, closed when the person becomes another. */
import type { ElicitRequest, ElicitResult } from '@modelcontextprotocol/client';

import type { Credentials } from '../people/credentials.ts';
import type { Toolbox, ToolboxOptions } from '../tools/toolbox.ts';

/** Opens the tools of a person. */
export type OpenToolbox = (
  of: Pick<ToolboxOptions, 'principal' | 'credentials' | 'onChanged' | 'onQuestion'>,
) => Toolbox;

export interface PersonalToolsOptions {
  open: OpenToolbox;
  /** Who it is to the servers, when they are opened. */
  who(): { principal: string; credentials: Credentials | undefined };
  onChanged(): void;
  /** A server asks the person. Never rejects. */
  onQuestion(server: string, params: ElicitRequest['params'], signal: AbortSignal): Promise<ElicitResult>;
  onFailure(error: unknown): void;
}

export class PersonalTools {
  readonly #options: PersonalToolsOptions;
  #toolbox: Toolbox | undefined;

  constructor(options: PersonalToolsOptions) {
    this.#options = options;
  }

  get toolbox(): Toolbox {
    return (this.#toolbox ??= this.#open());
  }

  close(): void {
    const toolbox = this.#toolbox;
    this.#toolbox = undefined;
    toolbox?.close().catch(this.#options.onFailure);
  }

  #open(): Toolbox {
    const { open, who, onChanged, onQuestion } = this.#options;
    const { principal, credentials } = who();
    const toolbox: Toolbox = open({
      principal,
      ...(credentials !== undefined && { credentials }),
      onChanged: () => {
        if (this.#toolbox === toolbox) onChanged();
      },
      onQuestion,
    });
    return toolbox;
  }
}
