import type { JSX } from 'preact';
import type { Page } from './page.ts';
import { PlainTable } from './plain-table.tsx';
import { age, count, duration, exactly } from './words.ts';

/** Addresses that have shown wrong credentials: how often, and whether more of them are looked at. */
export function Lockouts({ page }: { readonly page: Page }): JSX.Element {
  const { state } = page.live!;
  const now = Date.now() + state.clockSkewMs;
  if (state.lockouts.length === 0) {
    return (
      <p class="empty">{state.known.has('lockouts') ? 'No address has shown wrong credentials lately.' : 'Loading…'}</p>
    );
  }
  return (
    <div class="scroll">
      <p class="hint">
        An address that has shown too many is told to wait. Right credentials are let in all the same, as others may be
        behind it.
      </p>
      <PlainTable
        label="Addresses with wrong credentials"
        rows={state.lockouts}
        keyOf={({ address }) => address}
        columns={[
          { label: 'Address', cell: ({ address }) => address },
          { label: 'Failures', right: true, cell: ({ failures }) => count(failures) },
          {
            label: 'Last',
            right: true,
            title: ({ lastAt }) => exactly(lastAt),
            cell: ({ lastAt }) => `${age(now - lastAt)} ago`,
          },
          {
            label: 'New credentials from there',
            tone: ({ waitMs }) => (waitMs > 0 ? 'bad' : undefined),
            cell: ({ waitMs }) => (waitMs > 0 ? `not looked at for ${duration(waitMs)}` : 'are looked at'),
          },
        ]}
        actions={
          page.mayAct
            ? ({ address }) => (
                <button
                  type="button"
                  onClick={() => void page.act('unlock', { name: address }, `${address} begins again.`)}
                >
                  Unlock
                </button>
              )
            : undefined
        }
      />
    </div>
  );
}
