import { expect, it } from 'vitest';
import { MAX_CHANGES, MAX_LABEL, MAX_REASON, MAX_REVISIONS } from '../../src/pages/console/limits.ts';
import { MAX_REVISIONS as KEPT_REVISIONS } from '../../../switchboard/src/cli/configuration-file.ts';
import * as shapes from '../../../switchboard/src/gateway/admin/shapes.ts';
import { MAX_CHANGES as KEPT_CHANGES } from '../../../switchboard/src/observe/changes.ts';

it('takes no text that Switchboard refuses, and says how much it keeps as it does', () => {
  const reason = (length: number): boolean => shapes.reason.safeParse({ reason: 'x'.repeat(length) }).success;
  expect([reason(MAX_REASON), reason(MAX_REASON + 1)]).toEqual([true, false]);
  const label = (length: number): boolean =>
    shapes.newKey.safeParse({ principal: 'ann', label: 'x'.repeat(length) }).success;
  expect([label(MAX_LABEL), label(MAX_LABEL + 1)]).toEqual([true, false]);
  expect([MAX_CHANGES, MAX_REVISIONS]).toEqual([KEPT_CHANGES, KEPT_REVISIONS]);
});
