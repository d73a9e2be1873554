import { describe, expect, it } from 'vitest';

import { flavours, ways } from '../../support/clients.ts';
import { reasonAgainst } from './cell.ts';
import { CHAPTERS, PROOFS } from './proofs.ts';
import { IDS, requirementOf } from './requirements.ts';

const cells = (['legacy', 'modern'] as const).flatMap((client) =>
  (['legacy', 'modern'] as const).flatMap((server) =>
    (['session', 'shared'] as const).map((isolation) => ({ client, server, isolation })),
  ),
);

describe('the requirements', () => {
  it('are all proven, each once, and nothing else is', () => {
    const cited = CHAPTERS.flatMap((chapter) => Object.keys(chapter));
    expect(cited.toSorted()).toEqual(IDS.toSorted());
  });

  it('have a proof of the failure exactly where something is impossible', () => {
    const impossible = IDS.filter((id) => cells.some((cell) => reasonAgainst(requirementOf(id), cell) !== undefined));
    expect(IDS.filter((id) => PROOFS[id]?.fails !== undefined)).toEqual(impossible);
  });

  it('each hold in some cell, and each exception applies to one', () => {
    for (const id of IDS) {
      const requirement = requirementOf(id);
      const reasons = cells.map((cell) => reasonAgainst(requirement, cell));
      expect(reasons, id).toContain(undefined);
      for (const each of requirement.impossible ?? []) {
        expect(
          cells.some((cell) => reasonAgainst({ ...requirement, impossible: [each] }, cell) !== undefined),
          id,
        ).toBe(true);
      }
    }
  });

  it('name their source and are one sentence each', () => {
    for (const id of IDS) {
      const { source, behavior } = requirementOf(id);
      expect(source, id).toMatch(/^(MCP|JSON-RPC 2\.0|ARCHITECTURE\.md)/);
      expect(behavior, id).not.toMatch(/\.(\s|$)/);
    }
  });

  it('meet every kind of client on every way in', () => {
    expect([flavours.length, ways.length]).toEqual([4, 3]);
  });
});
