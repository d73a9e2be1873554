/** Splits a stream of text into lines; parts are joined once a line, so that a 1 MiB line stays linear. */
export function lines(stream, online) {
  let parts = [];
  stream.setEncoding('utf8');
  stream.on('data', (chunk) => {
    let from = 0;
    for (let end; (end = chunk.indexOf('\n', from)) >= 0; from = end + 1) {
      const tail = chunk.slice(from, end);
      if (parts.length === 0) online(tail);
      else {
        parts.push(tail);
        const line = parts.join('');
        parts = [];
        online(line);
      }
    }
    if (from < chunk.length) parts.push(chunk.slice(from));
  });
}
