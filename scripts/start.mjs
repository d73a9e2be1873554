// `npm start`: serves the demo server, or whatever is given after `npm start --`; `npm start chat` opens a chat with it.
import { withPort } from './npm-port.mjs';
import { makeReady, root } from './ready.mjs';

makeReady();
const words = process.argv.slice(2);
const command = words[0] === 'chat' ? words.shift() : 'serve';
const given = withPort(words, process.env);
const hasServer = given.includes('--') || given.some((word) => word.startsWith('--config'));
const demo = hasServer ? [] : ['--', process.execPath, `${root}/servers/demo/dist/main.js`];
process.argv.splice(2, process.argv.length, command, ...given, ...demo);
await import('../packages/switchboard/dist/cli/main.js');
