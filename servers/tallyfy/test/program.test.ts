import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { API_KEY, fakeApi } from './support/fake-api.ts';
import { flavours, open, program } from './support/session.ts';
import { ORGANIZATION } from './support/things.ts';

/** How long a test polls for what comes soon, unless the machine is busy. */
const LIMIT = { timeout: 10_000 };

describe.each(flavours)('through %s, the Tallyfy server', { timeout: 20_000 }, (flavour) => {
  it('calls Tallyfy, and gives text and data', async () => {
    const { call, instructions } = await open(flavour, await fakeApi(ORGANIZATION));
    expect(await call('get_me')).toMatchObject({
      isError: false,
      text: expect.stringContaining("The member 'Ada Byron'"),
      data: { member: { id: 1001, email: 'ada@example.com' } },
    });
    expect(instructions).toMatch(/A template has steps/);
  });

  it('aborts the HTTP request of a call that is cancelled', async () => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(() => new Promise(() => {}));
    const { call } = await open(flavour, fake);
    const cancel = new AbortController();
    const calling = call('get_process', { process_id: 'run-1' }, { signal: cancel.signal });
    const cancelled = expect(calling).rejects.toThrow('enough');
    await expect.poll(() => fake.asked.length, LIMIT).toBe(1);
    expect(fake.aborted).toEqual([]);
    cancel.abort('enough');
    await cancelled;
    await expect.poll(() => fake.aborted, LIMIT).toEqual(['GET runs/run-1']);
    // The server goes on for others.
    expect(await call('get_me')).toMatchObject({ isError: false });
  });

  it('does not go on waiting for a call that is cancelled', async () => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(() => ({ status: 429, headers: { 'retry-after': '20' }, body: { message: 'Too many.' } }));
    const { call } = await open(flavour, fake);
    const cancel = new AbortController();
    const waiting = new Promise<object>((resolve) => {
      const calling = call('get_me', {}, { signal: cancel.signal, onprogress: resolve });
      calling.catch(() => {});
    });
    expect(await waiting).toMatchObject({ message: expect.stringMatching(/^Waiting 20 s/) });
    cancel.abort('enough');
    expect(await call('get_organization')).toMatchObject({ isError: false });
    expect(fake.asked.map(({ path }) => path)).toEqual(['me', '']);
  });

  it('asks the user before it ends something, and does so when the user agrees', async () => {
    const fake = await fakeApi(ORGANIZATION);
    const questions: string[] = [];
    const { call } = await open(flavour, fake, {
      answer: (message) => {
        questions.push(message);
        return { action: 'accept', content: { confirm: true } };
      },
    });
    expect(await call('archive_process', { process_id: 'run-1' })).toMatchObject({ data: { done: true } });
    expect(questions).toEqual([
      "Archive the process 'Contract with Acme'? Its tasks disappear with it. It can be reactivated.",
    ]);
    expect(fake.asked.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET runs/run-1', 'DELETE runs/run-1']);
  });

  it('ends nothing when the user declines, dismisses the question, or accepts without agreeing', async () => {
    const fake = await fakeApi(ORGANIZATION);
    const answers = [
      { action: 'decline' as const },
      { action: 'cancel' as const },
      { action: 'accept' as const, content: { confirm: false } },
    ];
    const { call } = await open(flavour, fake, { answer: () => answers.shift()! });
    for (let left = answers.length; left > 0; left -= 1) {
      const result = await call('complete_task', { task_id: 'task-1' });
      expect(result).toMatchObject({ isError: false, data: { done: false } });
    }
    expect(answers).toEqual([]);
    expect(fake.asked.map(({ method }) => method)).toEqual(['GET', 'GET', 'GET']);
    // Nor is the user asked about what is not there.
    expect(await call('archive_process', { process_id: 'nowhere' })).toMatchObject({ code: 'not_found' });
  });

  it('does as it is told for a client that cannot ask', async () => {
    const fake = await fakeApi(ORGANIZATION);
    const { call } = await open(flavour, fake);
    expect(await call('delete_tag', { tag_id: 'tag-1' })).toMatchObject({ data: { done: true } });
    expect(fake.asked.map(({ method, path }) => `${method} ${path}`)).toEqual(['DELETE tags/tag-1']);
  });

  it('has only the tools that read with --read-only', async () => {
    const { tools, call, instructions } = await open(flavour, await fakeApi(ORGANIZATION), { args: ['--read-only'] });
    const names = await tools();
    expect(names).toContain('get_my_tasks');
    expect(names.filter((name) => !/^(get|search|suggest|analyze|assess)_/.test(name))).toEqual([]);
    expect(instructions).toMatch(/only reads/);
    const refused = await call('delete_tag', { tag_id: 'tag-1' }).then(
      ({ isError }) => isError,
      () => true,
    );
    expect(refused).toBe(true);
  });
});

describe('the Tallyfy program', () => {
  const finish = async (...args: string[]): Promise<unknown> => {
    const child = spawn(process.execPath, [program, ...args], { env: { TALLYFY_API_KEY: API_KEY } });
    child.stdin.end();
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { stdout, stderr, code };
  };

  it('prints its usage and its version', async () => {
    const usage = expect.stringMatching(/^Usage: .*TALLYFY_API_KEY.*TALLYFY_ORG_ID/s);
    expect(await finish('--help')).toEqual({ stdout: usage, stderr: '', code: 0 });
    const version = expect.stringMatching(/^\d+\.\d+\.\d+\n$/);
    expect(await finish('--version')).toEqual({ stdout: version, stderr: '', code: 0 });
  });

  it('exits without an error when its input ends', async () => {
    expect(await finish()).toEqual({ stdout: '', stderr: '', code: 0 });
  });

  it('refuses options that are wrong, and says why', async () => {
    const refused: [string[], string][] = [
      [['--port'], "'--port'"],
      [['--base-url', 'tallyfy'], "'tallyfy'"],
      [['--base-url', 'http://tallyfy.example.com/api'], 'https://'],
      [['--base-url', 'https://ada:secret@tallyfy.example.com'], 'no more than a path'],
      [['--time-zone', 'Middle/Earth'], "'Middle/Earth'"],
      [['--timeout-ms', '0'], "'0'"],
      [['--timeout-ms', 'soon'], "'soon'"],
    ];
    const outcomes = await Promise.all(refused.map(([args]) => finish(...args)));
    for (const [at, [, reason]] of refused.entries()) {
      expect(outcomes[at]).toEqual({ stdout: '', stderr: expect.stringContaining(reason), code: 2 });
    }
  });
});
