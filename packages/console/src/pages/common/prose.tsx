import { Component, type JSX } from 'preact';
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

/** One block, drawn anew only if its text has changed. */
class Part extends Component<{ readonly block: Block }> {
  override shouldComponentUpdate(next: { readonly block: Block }): boolean {
    return next.block.raw !== this.props.block.raw;
  }
  override render(): JSX.Element {
    const { block } = this.props;
    if (block.kind === 'code') return <Code code={block.code} language={block.language} />;
    return <div dir="auto" dangerouslySetInnerHTML={{ __html: sanitiser.prose(block.token) }} />;
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
