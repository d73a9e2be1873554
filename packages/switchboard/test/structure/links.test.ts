/** Every relative link of the documents leads to a file that exists, and every anchor to a heading of it. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

import { root } from '../support/gateway.ts';

const SKIPPED = new Set(['node_modules', 'dist']);

function* pagesOf(folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.name.endsWith('.md')) yield path;
    else if (entry.isDirectory() && !entry.name.startsWith('.') && !SKIPPED.has(entry.name)) yield* pagesOf(path);
  }
}

const pages: readonly string[] = [...pagesOf('')];

/** A page without its blocks of code, where a bracket is no link and a `#` is no heading. */
const proseOf = (page: string): string =>
  readFileSync(join(root, page), 'utf8').replaceAll(/^( *)(`{3,})[^\n]*\n[^]*?^\1\2 *$/gm, '');

/** The anchors of a text as GitHub makes them: small letters, dashes for spaces, `-1` for the second of the same name. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  const count = new Map<string, number>();
  for (const [, title = ''] of text.matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = title.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-');
    const before = count.get(slug) ?? 0;
    count.set(slug, before + 1);
    anchors.add(before === 0 ? slug : `${slug}-${before}`);
  }
  for (const [, id = ''] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

/** The links of a page that lead nowhere. */
function brokenIn(page: string): string[] {
  const links = [
    ...proseOf(page)
      .replaceAll(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^()\s]+)\)|\b(?:src|href)="([^"]+)"/g),
  ];
  return links.flatMap(([, inText, inTag]) => {
    const link = inText ?? inTag!;
    if (/^[a-z][\w+.-]*:/i.test(link)) return [];
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : relative(root, join(root, dirname(page), decodeURI(path)));
    if (target.startsWith('..') || !existsSync(join(root, target))) return [`${page}: ${link}`];
    if (anchor === undefined || statSync(join(root, target)).isDirectory()) return [];
    return anchorsOf(proseOf(target)).has(anchor) ? [] : [`${page}: ${link}`];
  });
}

describe('the documents', () => {
  it('have no relative link to a file or a heading that does not exist', () => {
    expect(pages.length).toBeGreaterThan(40);
    expect(pages.flatMap(brokenIn)).toEqual([]);
  });

  it('have every page of the guide in the index of the start page', () => {
    const [, index = ''] =
      /\n## Guide\n([^]*?)(?=\n## )/.exec(readFileSync(join(root, 'docs/guide/start.md'), 'utf8')) ?? [];
    const named = new Set([...index.matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, page]) => `docs/guide/${page}`));
    const guide = pages.filter((page) => page.startsWith('docs/guide/') && page !== 'docs/guide/start.md');
    expect(guide.filter((page) => !named.has(page))).toEqual([]);
  });

  it('have anchors as GitHub makes them', () => {
    const text = '# A `b`, c\n## `chat.v2`\n## Same\n## Same\n## [x](y.md) z';
    expect([...anchorsOf(text)]).toEqual(['a-b-c', 'chatv2', 'same', 'same-1', 'x-z']);
  });
});
