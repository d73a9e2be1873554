/**
 * The least a gateway can do well: rewrite the id, one shared child, the messages of one turn in one write, look the id up, answer. No
 * limits, no authentication, no notifications. It is the floor the goals are ratios of.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { lines } from './lines.mjs';

const [port, ...command] = process.argv.slice(2);
const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
const waiting = new Map();
const sessions = new Set();
let last = 0;
let joined = '';

function flush() {
  child.stdin.write(joined);
  joined = '';
}

function forward(message, answer) {
  if (message.id !== undefined) {
    waiting.set(++last, { id: message.id, answer });
    message.id = last;
  }
  if (joined === '') setImmediate(flush);
  joined += `${JSON.stringify(message)}\n`;
}

lines(child.stdout, (line) => {
  const message = JSON.parse(line);
  const { id, answer } = waiting.get(message.id);
  waiting.delete(message.id);
  message.id = id;
  answer(JSON.stringify(message));
});

function post(request, response, body) {
  const message = JSON.parse(body);
  let session = request.headers['mcp-session-id'];
  if (message.method === 'initialize') sessions.add((session = randomUUID()));
  else if (!sessions.has(session)) return response.writeHead(404).end();
  const headers = { 'content-type': 'application/json', 'mcp-session-id': session };
  if (message.id === undefined) response.writeHead(202).end();
  forward(message, (text) => response.writeHead(200, headers).end(text));
}

const http = createServer((request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  } else if (request.method === 'DELETE') {
    sessions.delete(request.headers['mcp-session-id']);
    response.writeHead(200).end();
  } else {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => post(request, response, body));
  }
});
new WebSocketServer({ server: http }).on('connection', (socket) => {
  socket.on('message', (data) => forward(JSON.parse(data.toString()), (text) => socket.send(text)));
});
http.listen(Number(port), '127.0.0.1');
process.stdin.resume().on('end', () => process.exit());
