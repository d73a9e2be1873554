import { Component, createRef, render, type JSX } from 'preact';
import { CopyButton } from './copy-button.tsx';
import { blocksOf, createSanitiser, type Block } from './markdown.ts';

const sanitiser = createSanitiser(window);

/** Code with its language, its colours and a button that copies it. */
export function Code({ code, language }: { readonly code: string; readonly language: string }): JSX.Element {
  return (
    <figure class="code">
      <figcaption>
        <span>{language}</span>
        <CopyButton label="Copy the code" text={() => code} />
      </figcaption>
      <pre tabIndex={0} dir="ltr">
        <code dangerouslySetInnerHTML={{ __html: sanitiser.code(code, language) }} />
      </pre>
    </figure>
  );
}

/** One block, drawn again only if its text has changed. */
class Part extends Component<{ readonly block: Block }> {
  readonly #prose = createRef<HTMLDivElement>();
  #hosts: HTMLElement[] = [];

  /** Code inside of lists and quotations is HTML of the sanitiser: its buttons are put beside it. */
  #addButtons(): void {
    this.#removeButtons();
    for (const pre of this.#prose.current?.querySelectorAll('pre') ?? []) {
      const host = document.createElement('span');
      host.className = 'pre-copy';
      const box = document.createElement('div');
      box.className = 'pre-box';
      pre.replaceWith(box);
      box.append(pre, host);
      render(<CopyButton label="Copy the code" text={() => pre.textContent.replace(/\n$/, '')} />, host);
      this.#hosts.push(host);
    }
  }
  #removeButtons(): void {
    for (const host of this.#hosts.splice(0)) {
      render(null, host);
      host.parentElement?.replaceWith(host.previousElementSibling!);
    }
  }
  override componentDidMount(): void {
    this.#addButtons();
  }
  override componentDidUpdate(): void {
    this.#addButtons();
  }
  override componentWillUnmount(): void {
    this.#removeButtons();
  }
  override shouldComponentUpdate(next: { readonly block: Block }): boolean {
    return next.block.raw !== this.props.block.raw;
  }
  override render(): JSX.Element {
    const { block } = this.props;
    if (block.kind === 'code') return <Code code={block.code} language={block.language} />;
    return <div dir="auto" ref={this.#prose} dangerouslySetInnerHTML={{ __html: sanitiser.prose(block.token) }} />;
  }
}

/** Markdown, safe whoever wrote it. */
export function Prose({ text }: { readonly text: string }): JSX.Element {
  return (
    <div class="prose">
      {blocksOf(text).map((block, index) => (
        <Part key={`${index} ${block.kind}`} block={block} />
      ))}
    </div>
  );
}
