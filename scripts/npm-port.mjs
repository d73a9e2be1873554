// npm takes flags before `--` for its own: of `npm start chat --port 8902` the script gets `chat 8902`, and npm_config_port=true.

/** The words with the port put back where npm took it. */
export function withPort(words, { npm_config_port: port = '' }) {
  if (/^\d+$/.test(port)) return [...words, '--port', port];
  const at = port === 'true' ? words.findIndex((word) => /^\d+$/.test(word)) : -1;
  return at === -1 ? words : words.toSpliced(at, 1, '--port', words[at]);
}
