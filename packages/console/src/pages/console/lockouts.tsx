import type { JSX } from 'preact';
import type { Page } from './page.ts';
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
      <div class="scrolls" tabIndex={0} role="region" aria-label="Addresses with wrong credentials">
        <table class="plain">
          <thead>
            <tr>
              <th>Address</th>
              <th class="right">Failures</th>
              <th class="right">Last</th>
              <th>New credentials from there</th>
              {page.mayAct && <th />}
            </tr>
          </thead>
          <tbody>
            {state.lockouts.map(({ address, failures, lastAt, waitMs }) => (
              <tr key={address}>
                <td>{address}</td>
                <td class="right">{count(failures)}</td>
                <td class="right" title={exactly(lastAt)}>
                  {age(now - lastAt)} ago
                </td>
                <td class={waitMs > 0 ? 'bad' : undefined}>
                  {waitMs > 0 ? `not looked at for ${duration(waitMs)}` : 'are looked at'}
                </td>
                {page.mayAct && (
                  <td class="right">
                    <button
                      type="button"
                      onClick={() => void page.act('unlock', { name: address }, `${address} begins again.`)}
                    >
                      Unlock
                    </button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
