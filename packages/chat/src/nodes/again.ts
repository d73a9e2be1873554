/** The node that was asked does not have it any more, or is gone: another has it now, or soon. */
export class Again extends Error {
  override readonly name = 'Again';
}
