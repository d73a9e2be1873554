/** A balancer in front of nodes on this machine: round robin for each request, without stickiness, set as the recipes in examples/cluster are. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { oneInstalled } from './installed.ts';
import type { Programs } from './programs.ts';

export interface Balanced {
  /** Where clients come. */
  port: number;
  nodes: readonly { name: string; port: number }[];
}

export interface Balancer {
  name: string;
  start(balanced: Balanced, programs: Programs): void;
}

/** @throws {SwitchboardError} `SWB_COMMAND_NOT_FOUND` with what to install */
export function findBalancer(environment: NodeJS.ProcessEnv): Balancer {
  const { name, path } = oneInstalled(['haproxy', 'nginx'], 'sudo apt install haproxy', environment);
  return {
    name,
    start(balanced, programs) {
      const folder = mkdtempSync(join(tmpdir(), 'switchboard-cluster-'));
      // Workers of nginx, which are somebody else, put large bodies into a folder in it.
      chmodSync(folder, 0o755);
      process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
      const file = join(folder, `${name}.conf`);
      writeFileSync(file, name === 'haproxy' ? haproxyConfig(balanced) : nginxConfig(balanced, folder));
      const args = name === 'haproxy' ? ['-db', '-f', file] : ['-c', file, '-p', folder, '-e', 'stderr'];
      programs.start(name, path, args);
    },
  };
}

/** What was sent to a node is never sent again; one that cannot be connected to is passed over. */
export const haproxyConfig = ({ port, nodes }: Balanced): string => `
global
  maxconn 1024

defaults
  mode http
  option abortonclose
  timeout connect 2s
  timeout http-request 30s
  timeout http-keep-alive 60s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
  timeout check 2s

frontend mcp
  bind "127.0.0.1:${port}"
  default_backend nodes

backend nodes
  balance roundrobin
  option redispatch
  retries 3
  retry-on conn-failure
  option httpchk
  http-check send meth GET uri /readyz?exclude=upstreams ver HTTP/1.1 hdr Host localhost
  http-check expect status 200
${nodes.map((node) => `  server ${node.name} "127.0.0.1:${node.port}" check inter 500ms fall 1 rise 1`).join('\n')}
`;

export const nginxConfig = ({ port, nodes }: Balanced, folder: string): string => `
pid ${folder}/pid;
error_log stderr error;
worker_processes 1;
daemon off;

events { worker_connections 4096; }

http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;

  upstream nodes {
${nodes.map((node) => `    server 127.0.0.1:${node.port} max_fails=1 fail_timeout=1s;`).join('\n')}
    keepalive 64;
    keepalive_timeout 60s;
  }

  map $http_upgrade $connection_to_node {
    default upgrade;
    '' '';
  }

  server {
    listen 127.0.0.1:${port};
    keepalive_timeout 60s;
    client_max_body_size 4m;
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_to_node;
    proxy_set_header Host $http_host;
    proxy_buffering off;
    proxy_connect_timeout 2s;
    proxy_read_timeout 1h;
    proxy_send_timeout 1h;

    location / {
      proxy_pass http://nodes;
    }
  }
}
`;
