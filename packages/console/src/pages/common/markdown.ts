import DOMPurify, { type Config, type WindowLike } from 'dompurify';
import { Marked, type Token } from 'marked';
import { highlight } from './highlight.ts';

/** A part of a Markdown text. A streamed text changes its last block only, so the others need not be drawn again. */
export type Block =
  | { readonly kind: 'code'; readonly raw: string; readonly language: string; readonly code: string }
  | { readonly kind: 'prose'; readonly raw: string; readonly token: Token };

/** HTML that the sanitiser made. Where browsers have Trusted Types it is no string, and nothing else may become HTML. */
export type SafeHtml = string & { readonly safe: unique symbol };

/** Raster images only, and only those that are in the text itself. */
const INLINE_IMAGE = /^data:image\/(png|jpeg|gif|webp|avif);base64,/;

const ALLOWED: Config = {
  ALLOWED_TAGS: (
    'a b blockquote br code del details em h1 h2 h3 h4 h5 h6 hr i img input kbd li ol p pre s span strong sub summary sup ' +
    'table tbody td th thead tr ul'
  ).split(' '),
  ALLOWED_ATTR: ['align', 'alt', 'checked', 'class', 'disabled', 'href', 'src', 'start', 'type'],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_TRUSTED_TYPE: true,
};

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);

/** The only tags that text may have: a line break, and these in pairs, without attributes. Every other tag is text. */
const PAIR = /^<(sub|sup|kbd)>([^<>\n]*)<\/\1>/i;

/** Formulas of LaTeX. Markdown would take their backslashes, underscores and stars for its own, so they are kept as code. */
const FORMULA_BLOCK = /^ {0,3}(?:\\\[([\s\S]{1,4000}?)\\\]|\$\$([\s\S]{1,4000}?)\$\$)[ \t]*(?:\n|$)/;
// Between single dollars only with a backslash: the others may be amounts of money.
const FORMULA =
  /^(?:\\\(.{1,1000}?\\\)|\\\[.{1,1000}?\\\]|\$\$.{1,1000}?\$\$|\$(?=[^$\s])[^$\n]{0,300}\\[^$\n]{1,300}\$)/s;

const marked = new Marked({
  gfm: true,
  breaks: true,
  extensions: [
    {
      name: 'formulaBlock',
      level: 'block',
      start: (source) => /\n {0,3}(?:\\\[|\$\$)/.exec(source)?.index,
      tokenizer(source) {
        const found = FORMULA_BLOCK.exec(source);
        if (found === null) return undefined;
        return { type: 'code', raw: found[0], lang: 'latex', text: (found[1] ?? found[2] ?? '').trim() };
      },
    },
    {
      name: 'formula',
      level: 'inline',
      start: (source) => /\\[([]|\$/.exec(source)?.index,
      tokenizer(source) {
        const raw = FORMULA.exec(source)?.[0];
        return raw === undefined ? undefined : { type: 'codespan', raw, text: raw };
      },
    },
    {
      name: 'tag',
      level: 'inline',
      start: (source) => source.indexOf('<'),
      tokenizer(source) {
        const lineBreak = /^<br ?\/?>/i.exec(source)?.[0];
        if (lineBreak !== undefined) return { type: 'br', raw: lineBreak };
        const [raw, tag = '', text = ''] = PAIR.exec(source) ?? [];
        return raw === undefined ? undefined : { type: 'tag', raw, tag: tag.toLowerCase(), text };
      },
      renderer: ({ tag, text }) => `<${tag}>${escape(text)}</${tag}>`,
    },
  ],
  // Text that looks like a tag (`git clone <url>`, `List<String>`) is text.
  tokenizer: { html: () => undefined, tag: () => undefined },
  renderer: {
    // A code block inside of a list or a quotation; the others are blocks of their own.
    code: ({ text, lang }) => `<pre><code>${highlight(text, lang ?? '')}</code></pre>`,
    // Loading an image would tell its server who reads the conversation: it stays a link.
    image: ({ href, text }) =>
      INLINE_IMAGE.test(href)
        ? `<img src="${escape(href)}" alt="${escape(text)}">`
        : `<a href="${escape(href)}">Image: ${escape(text || href)}</a>`,
  },
});

/** The address of a link if it is one that may be followed: complete, and of the web or mail. */
function addressOf(href: string | null): URL | undefined {
  try {
    const url = new URL(href ?? '');
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url : undefined;
  } catch {
    return undefined;
  }
}

function markLink(link: Element): void {
  const url = addressOf(link.getAttribute('href'));
  if (url === undefined) {
    link.removeAttribute('href');
    return;
  }
  link.setAttribute('class', 'link');
  link.setAttribute('target', '_blank');
  link.setAttribute('rel', 'noopener noreferrer nofollow');
  link.setAttribute('title', url.href);
  // A link whose words name another host than it leads to says where it leads.
  const named = /[\p{L}\d-]+(\.[\p{L}\d-]+)*\.\p{L}{2,}/u.exec(link.textContent ?? '')?.[0];
  if (named !== undefined && url.host !== '' && named.toLowerCase() !== url.host) link.append(` (${url.host})`);
}

/** The blocks of a Markdown text. */
export function blocksOf(text: string): Block[] {
  return marked
    .lexer(text)
    .filter((token) => token.type !== 'space' && token.type !== 'def')
    .map((token) =>
      token.type === 'code'
        ? {
            kind: 'code',
            raw: token.raw,
            language: String(token['lang'] ?? ''),
            code: String(token['text']).replace(/\n$/, ''),
          }
        : { kind: 'prose', raw: token.raw, token },
    );
}

/** Turns text into HTML that cannot run anything, load anything, or look like a part of the page. Of this there is one. */
export interface Sanitiser {
  prose(token: Token): SafeHtml;
  code(code: string, language: string): SafeHtml;
}

/** @param window the browser's; tests bring another */
export function createSanitiser(window: WindowLike): Sanitiser {
  const purify = DOMPurify(window);
  purify.addHook('afterSanitizeAttributes', (node) => {
    // Classes are the page's own, but for the colours of code.
    const classes = node.getAttribute('class')?.split(/\s+/) ?? [];
    const colours = classes.filter((name) => /^hljs-[a-z_-]+$/.test(name) || name === 'function_' || name === 'class_');
    if (colours.length > 0) node.setAttribute('class', colours.join(' '));
    else node.removeAttribute('class');
    // Code reads from the left in any language, and does not tell the direction of the text around it.
    if (node.nodeName === 'CODE') node.setAttribute('dir', 'ltr');
    if (node.nodeName === 'A') markLink(node);
    if (node.nodeName === 'IMG' && !INLINE_IMAGE.test(node.getAttribute('src') ?? '')) node.remove();
    if (node.nodeName === 'INPUT') {
      // The boxes of task lists. A text cannot ask for a password.
      if (node.getAttribute('type') !== 'checkbox') node.remove();
      else node.setAttribute('disabled', '');
    }
  });
  const clean = (html: string): SafeHtml => purify.sanitize(html, ALLOWED) as unknown as SafeHtml;
  return {
    prose: (token) => clean(marked.parser([token])),
    code: (code, language) => clean(highlight(code, language)),
  };
}
