/** HTML as text, with everything in it escaped that is not HTML itself. */
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (letter) => ENTITIES[letter]!);

/** The head and the rows hold HTML. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  const top = head.length > 0 ? `<thead>${line(head, 'th')}</thead>` : '';
  return `<div class="scroll"><table>${top}<tbody>${rows.map((row) => line(row, 'td')).join('')}</tbody></table></div>`;
}
